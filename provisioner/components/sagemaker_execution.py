"""The execution role of SageMaker jobs: what the orchestrator's and the step operator's have in common."""

from collections.abc import Mapping

from provisioner.arn import Arn
from provisioner.component import Check, ComponentType, Outputs, Statement, flag, pascal
from provisioner.components import data_key, images, mlflow_experiment_tracker

ARN_PATTERN = r"arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]{1,512}"
JOBS = (
    "arn:{aws.partition}:sagemaker:{aws.region}:{aws.account}:training-job/*",
    "arn:{aws.partition}:sagemaker:{aws.region}:{aws.account}:processing-job/*",
)
# The access role and the orchestrator's own role start, watch and stop jobs by the same calls.
JOB_ACTIONS = (
    "sagemaker:CreateTrainingJob",
    "sagemaker:DescribeTrainingJob",
    "sagemaker:StopTrainingJob",
    "sagemaker:CreateProcessingJob",
    "sagemaker:DescribeProcessingJob",
    "sagemaker:StopProcessingJob",
)
JOBS_REASON = "ZenML names jobs after pipelines, so no prefix of the stack can narrow them."
TO_SAGEMAKER = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def _none_of(key: str, attributes: Mapping[str, object]) -> bool | None:
    actions = attributes.get(key)
    return not actions if isinstance(actions, list | tuple) else None


def _reaches(attributes: Mapping[str, object]) -> bool | None:
    if _none_of("missing_actions", attributes) is False:
        return False
    return _none_of("untold_actions", attributes) or None


def _named(key: str, attributes: Mapping[str, object]) -> str:
    actions = attributes.get(key)
    return ", ".join(map(str, actions)) if isinstance(actions, list | tuple) else ""


CHECKS = (
    Check(
        id="trusts_sagemaker",
        severity="error",
        test=flag("trusts_sagemaker"),
        reason="SageMaker may assume the role",
    ),
    Check(
        id="may_run_jobs",
        severity="error",
        test=lambda attributes: _none_of("missing_actions", attributes),
        reason="its policies allow what jobs need, on some bucket and repository at least",
        detail=lambda attributes: _named("missing_actions", attributes),
    ),
    Check(
        id="reaches_the_stack",
        severity="warning",
        test=_reaches,
        reason="its policies allow it on this very bucket and repository, under no condition",
        detail=lambda attributes: _named("untold_actions", attributes),
    ),
    Check(
        id="guarded_trust",
        severity="warning",
        test=flag("guarded_trust"),
        reason="the trust names aws:SourceAccount or aws:SourceArn, so no other account can use it",
    ),
    Check(
        id="no_full_access",
        severity="warning",
        test=flag("no_full_access"),
        reason="no *FullAccess or AdministratorAccess policy is attached",
    ),
)


def outputs_of(arn: Arn) -> Outputs:
    return {"execution_role_arn": str(arn)}


def base_statements(type_: ComponentType) -> tuple[Statement, ...]:
    """What every SageMaker job of this slot needs: data, image, logs, metrics."""
    slot = pascal(type_)
    return (
        Statement(
            sid=f"{slot}JobData",
            role="execution",
            actions=("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"),
            resources=("{artifact_store.bucket_arn}/*",),
            words="jobs may read and write objects in your artifact bucket",
        ),
        Statement(
            sid=f"{slot}JobDataList",
            role="execution",
            actions=("s3:ListBucket", "s3:GetBucketLocation"),
            resources=("{artifact_store.bucket_arn}",),
            words="jobs may list your artifact bucket",
        ),
        data_key.statement(
            f"{slot}JobDataKey",
            "jobs may use the data key for objects in your artifact bucket",
            role="execution",
        ),
        images.pull(f"{slot}JobImage", "jobs may pull images from your image repository", role="execution"),
        images.login(f"{slot}JobImageLogin", "jobs may ask ECR for a login token", role="execution"),
        Statement(
            sid=f"{slot}JobLogs",
            role="execution",
            actions=(
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ),
            resources=("arn:{aws.partition}:logs:{aws.region}:{aws.account}:log-group:/aws/sagemaker/*",),
            words="jobs may write their logs under /aws/sagemaker/",
            reason="SageMaker fixes these log groups for the whole account.",
        ),
        Statement(
            sid=f"{slot}JobMetrics",
            role="execution",
            actions=("cloudwatch:PutMetricData",),
            resources=("*",),
            conditions={"StringLike": {"cloudwatch:namespace": ("/aws/sagemaker/*", "aws/sagemaker/*")}},
            words="jobs may send metrics in SageMaker's own namespace",
            reason="cloudwatch:PutMetricData knows no resources; the namespace condition narrows it.",
        ),
        *mlflow_experiment_tracker.for_jobs(type_),
    )


def access_to_jobs(type_: ComponentType) -> tuple[Statement, ...]:
    """What whoever uses the stack needs to start, watch and stop jobs of this slot."""
    slot = pascal(type_)
    log_group = "arn:{aws.partition}:logs:{aws.region}:{aws.account}:log-group:/aws/sagemaker/"
    return (
        Statement(
            sid=f"{slot}Jobs",
            actions=JOB_ACTIONS,
            resources=JOBS,
            words="may start, watch and stop SageMaker training and processing jobs",
            reason=JOBS_REASON,
        ),
        Statement(
            sid=f"{slot}ReadJobLogs",
            actions=("logs:DescribeLogStreams", "logs:GetLogEvents"),
            resources=(log_group + "TrainingJobs:*", log_group + "ProcessingJobs:*"),
            words="may read the logs of SageMaker jobs",
            reason="SageMaker fixes these log groups for the whole account.",
        ),
        Statement(
            sid=f"{slot}PassRole",
            actions=("iam:PassRole",),
            resources=(f"{{{type_}.execution_role_arn}}",),
            conditions=TO_SAGEMAKER,
            words="may hand the execution role to SageMaker, and to nothing else",
        ),
    )
