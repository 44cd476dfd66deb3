"""CodeBuild image builder: construct."""

from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_logs as logs
from constructs import Construct

from provisioner.component import Outputs
from stacks.documents import fragment, token
from stacks.service_role import ServiceRole, this_account, trust
from stacks.site import Site

# https://docs.aws.amazon.com/codebuild/latest/userguide/cross-service-confused-deputy-prevention.html
# The project's name is made after the role, so its ARN can only be narrowed to the projects of the region.
TRUST = trust(
    "CodeBuildOfThisAccount", "codebuild.amazonaws.com", condition=this_account("codebuild", "project/*")
)
# What scanners find here, and why it stays.
_LOGS = "CloudWatch encrypts logs itself; a user's key that does not name the log service would lose them"
ACCEPTED = {
    "log-own-key": _LOGS,
    "CKV_AWS_158": _LOGS,
    "I3011": "logs of builds end with their project: deleting them is meant",
    "AwsSolutions-CB4": "a build keeps nothing: the image goes to the repository, whose key counts",
    "AwsSolutions-CB5": "the rule cannot read a parameter; unless changed it names an image of AWS",
}
_NOTHING = "version: 0.2\nphases: {build: {commands: [echo This project is started with a buildspec.]}}\n"


class CodeBuildImageBuilder(Construct):
    """A project that takes its source and its commands from whoever starts a build.

    Unprivileged: ZenML sends privilegedModeOverride=False whatever the project says, so a privileged project
    would help nobody and let every other build out of its container.
    """

    def __init__(self, scope: Construct, id_: str, *, site: Site) -> None:
        super().__init__(scope, id_)
        # Made here and not by CodeBuild, whose own groups keep their logs for ever.
        self.log_group = logs.CfnLogGroup(self, "Logs")
        self.log_group.add_property_override("RetentionInDays", site.option("log_days"))
        self.log_group.override_logical_id("ImageBuilderLogs")
        own = {"image_builder": {"log_group_arn": fragment(self.log_group, "Arn")}}
        self.build = ServiceRole(
            self,
            "Build",
            logical_id="ImageBuilderRole",
            trust=TRUST,
            words="Assumed by builds of images of this MLOps stack",
            statements=site.statements("build"),
            scopes={**site.scopes, **own},
        )
        self.project = self._project(site)
        self.outputs: Outputs = {
            "project_arn": fragment(self.project, "Arn"),
            "project_name": fragment(self.project),
            "build_image": f"${{{site.options['image'].node.id}}}",
            "build_size": f"${{{site.options['compute_type'].node.id}}}",
        }

    def _project(self, site: Site) -> codebuild.CfnProject:
        made = codebuild.CfnProject
        project = made(
            self,
            "Project",
            description="Builds and pushes the images of an MLOps stack",
            service_role=token(self.build.arn),
            artifacts=made.ArtifactsProperty(type="NO_ARTIFACTS"),
            source=made.SourceProperty(type="NO_SOURCE", build_spec=_NOTHING),
            environment=made.EnvironmentProperty(
                type="LINUX_CONTAINER",
                image=site.options["image"].value_as_string,
                compute_type=site.options["compute_type"].value_as_string,
                image_pull_credentials_type="CODEBUILD",
                privileged_mode=False,
            ),
            encryption_key="alias/aws/s3",
            logs_config=made.LogsConfigProperty(
                cloud_watch_logs=made.CloudWatchLogsConfigProperty(
                    status="ENABLED", group_name=token(fragment(self.log_group))
                ),
                s3_logs=made.S3LogsConfigProperty(status="DISABLED"),
            ),
        )
        project.add_property_override("TimeoutInMinutes", site.option("timeout_minutes"))
        project.override_logical_id("ImageBuilderProject")
        return project
