"""ECR container registry: facts."""

from collections.abc import Mapping

from provisioner.arn import Arn
from provisioner.component import Check, Component, Option, Outputs, Statement, flag
from provisioner.components import images

_SUFFIX = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}


def _outputs_of(arn: Arn) -> Outputs:
    suffix = _SUFFIX.get(arn.partition, "amazonaws.com")
    registry = f"{arn.account}.dkr.ecr.{arn.region}.{suffix}"
    return {"repository_arn": str(arn), "repository_uri": f"{registry}/{arn.name}"}


def _register_config(outputs: Mapping[str, Outputs]) -> Outputs:
    registry, _, repository = outputs["container_registry"]["repository_uri"].partition("/")
    return {"uri": registry, "default_repository": repository}


COMPONENT = Component(
    name="ecr_container_registry",
    type="container_registry",
    flavor="ecr",
    words="ECR repository for images: scanned on push, untagged images expire",
    zenml_flavor="aws",
    resource_types=("AWS::ECR::Repository",),
    options=(
        Option(
            name="untagged_days",
            default=14,
            minimum=1,
            maximum=3650,
            doc="Days until an image without a tag is removed.",
        ),
        Option(
            name="empty_on_delete",
            default=False,
            doc="Whether deleting the stack may delete a repository that still holds images.",
        ),
    ),
    outputs={
        "repository_arn": "ARN of the image repository.",
        "repository_uri": "Address to push images to.",
    },
    statements=(
        images.login("RegistryLogin", "may ask ECR for a login token"),
        Statement(
            sid="RegistryVerify",
            actions=("ecr:DescribeRepositories",),
            resources=("arn:{aws.partition}:ecr:{aws.region}:{aws.account}:repository/*",),
            words="may list the names of the account's image repositories in this region",
            reason="ZenML's connector asks without a name when it verifies itself.",
        ),
        images.push("RegistryPushPull", "may pull and push images in your image repository"),
    ),
    arn_pattern=r"arn:[a-z-]+:ecr:[a-z0-9-]+:\d{12}:repository/[a-z0-9][a-z0-9._/-]{1,255}",
    outputs_of=_outputs_of,
    register_config=_register_config,
    checks=(
        Check(
            id="same_region",
            severity="error",
            test=flag("same_region"),
            reason="the repository is in the stack's region",
        ),
        Check(
            id="tags_can_move",
            severity="error",
            test=flag("tags_can_move"),
            reason="tags may be pushed again: ZenML re-pushes the tag of every pipeline build",
        ),
        Check(
            id="scanned_on_push",
            severity="info",
            test=flag("scanned_on_push"),
            reason="images are scanned for vulnerabilities when pushed",
        ),
    ),
)
