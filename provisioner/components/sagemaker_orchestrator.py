"""SageMaker orchestrator: facts."""

from collections.abc import Mapping

from provisioner.component import Component, Outputs, Statement
from provisioner.components import sagemaker_execution as execution

_ARN = "arn:{aws.partition}:sagemaker:{aws.region}:{aws.account}:"


def _register_config(outputs: Mapping[str, Outputs]) -> Outputs:
    bucket = outputs["artifact_store"]["bucket_name"]
    # Without `bucket` the SDK makes one of its own and puts large pipeline definitions there.
    scheduler = outputs["orchestrator"].get("scheduler_role_arn", "")
    return {
        "execution_role": outputs["orchestrator"]["execution_role_arn"],
        "bucket": bucket,
        "output_data_s3_uri": f"s3://{bucket}/sagemaker",
        # A role that was found and registered, without a template, comes without one.
        **({"scheduler_role": scheduler} if scheduler else {}),
    }


COMPONENT = Component(
    name="sagemaker_orchestrator",
    type="orchestrator",
    flavor="sagemaker",
    words="execution role for SageMaker pipelines; jobs cost only while they run",
    zenml_flavor="sagemaker",
    resource_types=("AWS::IAM::Role", "AWS::IAM::RolePolicy"),
    outputs={
        "execution_role_arn": "ARN of the role that SageMaker pipelines run as.",
        "scheduler_role_arn": "ARN of the role that starts pipelines on schedule.",
    },
    made_outputs=("scheduler_role_arn",),
    needs=("artifact_store", "container_registry"),
    statements=(
        Statement(
            sid="OrchestratorPipelines",
            actions=(
                "sagemaker:CreatePipeline",
                "sagemaker:StartPipelineExecution",
                "sagemaker:DescribePipeline",
                "sagemaker:DescribePipelineExecution",
            ),
            resources=(_ARN + "pipeline/*",),
            words="may create, start and watch SageMaker pipelines",
            reason="ZenML names pipelines NAME-TIMESTAMP, so no prefix of the stack can narrow them.",
        ),
        Statement(
            sid="OrchestratorStudioUrl",
            actions=("sagemaker:ListDomains",),
            resources=("*",),
            words="may list SageMaker Studio domains, to print a link to a run",
            reason="sagemaker:ListDomains knows no resources.",
        ),
        Statement(
            sid="OrchestratorSchedules",
            actions=("scheduler:CreateSchedule", "scheduler:UpdateSchedule"),
            resources=("arn:{aws.partition}:scheduler:{aws.region}:{aws.account}:schedule/default/*",),
            words="may make and change schedules in the default group",
            reason="ZenML names schedules after pipelines and no group of their own.",
        ),
        Statement(
            sid="OrchestratorPassScheduler",
            actions=("iam:PassRole",),
            resources=("{orchestrator.scheduler_role_arn}",),
            conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
            words="may hand the scheduling role to EventBridge Scheduler, and to nothing else",
        ),
        Statement(
            sid="OrchestratorStartOnSchedule",
            role="scheduler",
            actions=("sagemaker:StartPipelineExecution",),
            resources=(_ARN + "pipeline/*",),
            words="schedules may start SageMaker pipelines",
            reason="ZenML names pipelines NAME-TIMESTAMP, so no prefix of the stack can narrow them.",
        ),
        *execution.access_to_jobs("orchestrator"),
        *execution.base_statements("orchestrator"),
        Statement(
            sid="OrchestratorRunSteps",
            role="execution",
            actions=(*execution.JOB_ACTIONS, "sagemaker:AddTags"),
            resources=execution.JOBS,
            words="pipelines may start, watch, stop and tag their own training and processing jobs",
            reason=execution.JOBS_REASON,
        ),
        Statement(
            sid="OrchestratorRunExperiment",
            role="execution",
            actions=(
                "sagemaker:CreateExperiment",
                "sagemaker:CreateTrial",
                "sagemaker:CreateTrialComponent",
                "sagemaker:UpdateTrialComponent",
                "sagemaker:AssociateTrialComponent",
            ),
            resources=(
                _ARN + "experiment/*",
                _ARN + "experiment-trial/*",
                _ARN + "experiment-trial-component/*",
            ),
            words="pipelines may record their runs as SageMaker experiments",
            reason="SageMaker names experiments after pipelines, so no prefix of the stack can narrow them.",
        ),
        Statement(
            sid="OrchestratorPassSelf",
            role="execution",
            actions=("iam:PassRole",),
            resources=("{orchestrator.execution_role_arn}",),
            conditions=execution.TO_SAGEMAKER,
            words="pipelines may hand their own role to the jobs they start, and to nothing else",
        ),
    ),
    arn_pattern=execution.ARN_PATTERN,
    outputs_of=execution.outputs_of,
    register_config=_register_config,
    checks=execution.CHECKS,
)
