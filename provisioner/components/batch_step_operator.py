"""AWS Batch step operator: facts."""

from provisioner.component import Component, Option, Statement
from provisioner.components import data_key, images

_ARN = "arn:{aws.partition}:batch:{aws.region}:{aws.account}:"
_LOGS = "arn:{aws.partition}:logs:{aws.region}:{aws.account}:log-group:/aws/batch/job"

COMPONENT = Component(
    name="batch_step_operator",
    type="step_operator",
    flavor="batch",
    words="AWS Batch queue on Fargate for single steps; costs only while jobs run",
    # 0.98's integrations have no Batch: whoever submits jobs calls AWS.
    zenml_flavor="",
    resource_types=(
        "AWS::Batch::ComputeEnvironment",
        "AWS::Batch::JobQueue",
        "AWS::EC2::SecurityGroup",
        "AWS::IAM::Role",
    ),
    network=True,
    options=(
        Option(
            name="capacity",
            default="FARGATE",
            choices=("FARGATE", "FARGATE_SPOT"),
            doc="FARGATE_SPOT costs about a third, and AWS may stop a job with two minutes' notice.",
        ),
        Option(
            name="max_vcpus",
            default=16,
            minimum=1,
            maximum=1000,
            doc="Most vCPUs that jobs may have at one time; more of them wait.",
        ),
    ),
    outputs={
        "queue_arn": "ARN of the queue that jobs are submitted to.",
        "job_role_arn": "ARN of the role that the code of jobs runs as.",
        "execution_role_arn": "ARN of the role that pulls a job's image and writes its log.",
    },
    needs=("artifact_store", "container_registry"),
    statements=(
        Statement(
            sid="BatchSubmit",
            actions=("batch:SubmitJob",),
            resources=("{step_operator.queue_arn}", _ARN + "job-definition/{aws.stack_name}-*"),
            words="may submit jobs to your queue, of definitions whose names begin with the stack's name",
            reason="A job definition names its image, so clients make one for each step.",
        ),
        Statement(
            sid="BatchDefine",
            actions=("batch:RegisterJobDefinition", "batch:DeregisterJobDefinition"),
            resources=(_ARN + "job-definition/{aws.stack_name}-*",),
            words="may make and drop job definitions whose names begin with the stack's name",
            reason="A job definition names its image, so clients make one for each step.",
        ),
        Statement(
            sid="BatchStop",
            actions=("batch:TerminateJob",),
            resources=(_ARN + "job/*",),
            words="may stop jobs",
            reason="AWS makes the ids of jobs; nothing in them is the stack's.",
        ),
        Statement(
            sid="BatchWatch",
            actions=("batch:DescribeJobs",),
            resources=("*",),
            words="may see how jobs stand",
            reason="batch:DescribeJobs knows no resources.",
        ),
        Statement(
            sid="BatchReadLogs",
            actions=("logs:GetLogEvents",),
            resources=(_LOGS + ":*",),
            words="may read the logs of Batch jobs",
            reason="Batch fixes this log group for the whole account.",
        ),
        Statement(
            sid="BatchPassRoles",
            actions=("iam:PassRole",),
            resources=("{step_operator.job_role_arn}", "{step_operator.execution_role_arn}"),
            conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            words="may hand the jobs' two roles to Fargate, and to nothing else",
        ),
        Statement(
            sid="BatchJobData",
            role="job",
            actions=("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"),
            resources=("{artifact_store.bucket_arn}/*",),
            words="jobs may read and write objects in your artifact bucket",
        ),
        Statement(
            sid="BatchJobDataList",
            role="job",
            actions=("s3:ListBucket", "s3:GetBucketLocation"),
            resources=("{artifact_store.bucket_arn}",),
            words="jobs may list your artifact bucket",
        ),
        data_key.statement(
            "BatchJobDataKey", "jobs may use the data key for objects in your artifact bucket", role="job"
        ),
        images.pull("BatchImage", "Fargate may pull images from your image repository", role="execution"),
        images.login("BatchImageLogin", "Fargate may ask ECR for a login token", role="execution"),
        Statement(
            sid="BatchLogs",
            role="execution",
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            resources=(_LOGS + ":*",),
            words="Fargate may write the logs of Batch jobs",
            reason="Batch fixes this log group for the whole account.",
        ),
    ),
)
