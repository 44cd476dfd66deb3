"""CodeBuild image builder: facts."""

from collections.abc import Callable, Mapping

from provisioner.arn import Arn
from provisioner.component import Check, Component, Option, Outputs, Statement, flag
from provisioner.components import data_key, images

# What AWS maintains and caches on its build machines, with Docker and the AWS CLI in it.
# https://docs.aws.amazon.com/codebuild/latest/userguide/ec2-compute-images.html, looked at on 2026-11-22
IMAGES = (
    "aws/codebuild/standard:8.0",
    "aws/codebuild/standard:7.0",
    "aws/codebuild/amazonlinux-x86_64-standard:6.0",
    "aws/codebuild/amazonlinux-x86_64-standard:5.0",
)
SIZES = (
    "BUILD_GENERAL1_SMALL",
    "BUILD_GENERAL1_MEDIUM",
    "BUILD_GENERAL1_LARGE",
    "BUILD_GENERAL1_XLARGE",
    "BUILD_GENERAL1_2XLARGE",
)
# The days that CloudWatch Logs takes.
RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653)
# ZenML 0.98 uploads what Docker needs here, whatever the name of the builder.
CONTEXTS = "code-build-contexts"


def _outputs_of(arn: Arn) -> Outputs:
    # A project that exists may be of any image and size; ZenML overrides both at every build.
    return {
        "project_arn": str(arn),
        "project_name": arn.name,
        "build_image": IMAGES[0],
        "build_size": SIZES[0],
    }


def _register_config(outputs: Mapping[str, Outputs]) -> Outputs:
    builder = outputs["image_builder"]
    # Without build_image ZenML runs a stranger's unpinned image from Docker Hub with the build role's rights.
    return {
        "code_build_project": builder["project_name"],
        "build_image": builder["build_image"],
        "compute_type": builder["build_size"],
    }


def _is_false(key: str) -> Callable[[Mapping[str, object]], bool | None]:
    yes = flag(key)
    return lambda attributes: None if (found := yes(attributes)) is None else not found


COMPONENT = Component(
    name="codebuild_image_builder",
    type="image_builder",
    flavor="codebuild",
    words="CodeBuild project that builds and pushes images; costs only the minutes of its builds",
    zenml_flavor="aws",
    resource_types=("AWS::CodeBuild::Project", "AWS::Logs::LogGroup", "AWS::IAM::Role"),
    options=(
        Option(
            name="image",
            default=IMAGES[0],
            choices=IMAGES,
            doc="Image that builds run in: one of AWS's own, for what is in it has the build role's rights.",
        ),
        Option(
            name="compute_type",
            default=SIZES[0],
            choices=SIZES,
            doc="Size of the machine that an image is built on; it is charged by the minute.",
        ),
        Option(
            name="timeout_minutes",
            default=60,
            minimum=5,
            maximum=480,
            doc="Minutes after which a build that has not ended is stopped.",
        ),
        Option(
            name="log_days",
            default=30,
            choices=RETENTION_DAYS,
            doc="Days that the logs of builds are kept.",
        ),
    ),
    outputs={
        "project_arn": "ARN of the CodeBuild project.",
        "project_name": "Name of the CodeBuild project.",
        "build_image": "Image that builds run in.",
        "build_size": "CodeBuild compute type of the machine that builds run on.",
    },
    private=("log_group_arn",),
    needs=("artifact_store", "container_registry"),
    statements=(
        Statement(
            sid="ImageBuilderBuild",
            actions=("codebuild:StartBuild", "codebuild:BatchGetBuilds"),
            resources=("{image_builder.project_arn}",),
            words="may start builds of your CodeBuild project and see how they end",
        ),
        Statement(
            sid="ImageBuilderContext",
            role="build",
            actions=("s3:GetObject", "s3:GetObjectVersion"),
            resources=(f"{{artifact_store.bucket_arn}}/{CONTEXTS}/*",),
            words=f"builds may read what was uploaded for them under {CONTEXTS}/ in your artifact bucket",
        ),
        data_key.statement(
            "ImageBuilderKey",
            "builds may use the data key to read what was uploaded for them",
            role="build",
            actions=data_key.READ,
        ),
        images.login("ImageBuilderLogin", "builds may ask ECR for a login token", role="build"),
        images.push(
            "ImageBuilderPush", "builds may pull and push images in your image repository", role="build"
        ),
        Statement(
            sid="ImageBuilderLogs",
            role="build",
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            resources=("{image_builder.log_group_arn}",),
            words="builds may write their logs into their own log group",
        ),
    ),
    arn_pattern=r"arn:[a-z-]+:codebuild:[a-z0-9-]+:\d{12}:project/[A-Za-z0-9][A-Za-z0-9_-]{1,254}",
    outputs_of=_outputs_of,
    register_config=_register_config,
    checks=(
        Check(
            id="same_region",
            severity="error",
            test=flag("same_region"),
            reason="the project is in the stack's region",
        ),
        Check(
            id="builds_linux",
            severity="error",
            test=flag("builds_linux"),
            reason="it builds on Linux",
        ),
        Check(
            id="builds_x86",
            severity="warning",
            test=flag("builds_x86"),
            reason="it builds for x86, as SageMaker and most machines want it",
        ),
        Check(
            id="private",
            severity="error",
            test=flag("private"),
            reason="builds and their logs are not public",
        ),
        Check(
            id="unprivileged",
            severity="info",
            test=_is_false("privileged"),
            reason="builds that do not say otherwise run unprivileged",
        ),
        Check(
            id="outside_vpc",
            severity="info",
            test=_is_false("in_vpc"),
            reason="builds reach package indexes and ECR without a VPC's routes",
        ),
    ),
)
