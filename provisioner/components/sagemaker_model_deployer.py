"""SageMaker model deployer: facts."""

from provisioner.component import Component, Statement
from provisioner.components import data_key, images
from provisioner.components import sagemaker_execution as execution

_ARN = "arn:{aws.partition}:sagemaker:{aws.region}:{aws.account}:"
_PREFIX = "{aws.stack_name}"
_REASON = "Names are chosen by whoever deploys a model; the stack's name before them narrows them."


def _named(*kinds: str) -> tuple[str, ...]:
    """ARNs of what carries the stack's prefix; SageMaker writes the names of endpoints in small letters."""
    return tuple(f"{_ARN}{kind}/{_PREFIX}-*" for kind in kinds)


COMPONENT = Component(
    name="sagemaker_model_deployer",
    type="model_deployer",
    flavor="sagemaker",
    words="execution role for models on SageMaker endpoints; endpoints cost for every hour they exist",
    # 0.98 has an AWS deployer for App Runner, which is closed to new customers, and none for SageMaker.
    zenml_flavor="",
    resource_types=("AWS::IAM::Role",),
    outputs={
        "execution_role_arn": "ARN of the role that models on endpoints run as.",
        "endpoint_prefix": "What names of models and endpoints begin with, a hyphen after it.",
    },
    made_outputs=("endpoint_prefix",),
    needs=("artifact_store", "container_registry"),
    statements=(
        Statement(
            sid="DeployerModels",
            actions=("sagemaker:CreateModel", "sagemaker:DescribeModel", "sagemaker:DeleteModel"),
            resources=_named("model"),
            words="may make, see and delete models whose names begin with the stack's name",
            reason=_REASON,
        ),
        Statement(
            sid="DeployerEndpoints",
            actions=(
                "sagemaker:CreateEndpointConfig",
                "sagemaker:DescribeEndpointConfig",
                "sagemaker:DeleteEndpointConfig",
                "sagemaker:CreateEndpoint",
                "sagemaker:DescribeEndpoint",
                "sagemaker:UpdateEndpoint",
                "sagemaker:DeleteEndpoint",
                "sagemaker:InvokeEndpoint",
            ),
            resources=_named("endpoint-config", "endpoint"),
            words="may make, change, call and delete endpoints whose names begin with the stack's name",
            reason=_REASON,
        ),
        Statement(
            sid="DeployerTags",
            actions=("sagemaker:AddTags",),
            resources=_named("model", "endpoint-config", "endpoint"),
            words="may tag those models and endpoints, so that the bill tells whose they are",
            reason=_REASON,
        ),
        Statement(
            sid="DeployerLogs",
            actions=("logs:DescribeLogStreams", "logs:GetLogEvents"),
            resources=(
                "arn:{aws.partition}:logs:{aws.region}:{aws.account}:log-group:/aws/sagemaker/Endpoints/"
                f"{_PREFIX}-*",
            ),
            words="may read the logs of those endpoints",
            reason=_REASON,
        ),
        Statement(
            sid="DeployerPassRole",
            actions=("iam:PassRole",),
            resources=("{model_deployer.execution_role_arn}",),
            conditions=execution.TO_SAGEMAKER,
            words="may hand the models' role to SageMaker, and to nothing else",
        ),
        Statement(
            sid="DeployerModelData",
            role="execution",
            actions=("s3:GetObject",),
            resources=("{artifact_store.bucket_arn}/*",),
            words="models may read objects in your artifact bucket",
        ),
        Statement(
            sid="DeployerModelDataList",
            role="execution",
            actions=("s3:ListBucket", "s3:GetBucketLocation"),
            resources=("{artifact_store.bucket_arn}",),
            words="models may list your artifact bucket",
        ),
        data_key.statement(
            "DeployerModelDataKey",
            "models may use the data key to read your artifact bucket",
            role="execution",
            actions=data_key.READ,
        ),
        images.pull(
            "DeployerModelImage", "models may pull images from your image repository", role="execution"
        ),
        images.login("DeployerModelImageLogin", "models may ask ECR for a login token", role="execution"),
        Statement(
            sid="DeployerModelLogs",
            role="execution",
            actions=(
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ),
            resources=(
                "arn:{aws.partition}:logs:{aws.region}:{aws.account}:log-group:/aws/sagemaker/Endpoints/"
                f"{_PREFIX}-*",
            ),
            words="models may write the logs of the stack's endpoints",
            reason=_REASON,
        ),
    ),
    arn_pattern=execution.ARN_PATTERN,
    outputs_of=execution.outputs_of,
    register_config=lambda outputs: {"execution_role": outputs["model_deployer"]["execution_role_arn"]},
    checks=execution.CHECKS,
)
