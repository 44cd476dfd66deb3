"""MLflow experiment tracker: construct."""

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from provisioner.component import Outputs
from provisioner.components.mlflow_experiment_tracker import PREFIX
from stacks.documents import fragment, if_given, token
from stacks.sagemaker_execution_role import TRUST
from stacks.service_role import ServiceRole
from stacks.site import Site

# Both types demand a name; a stack's own may end with a hyphen, which neither takes.
_NAME = "${AWS::StackName}-mlflow"


class MlflowExperimentTracker(Construct):
    """A serverless app or a tracking server that keeps its files under one prefix of the bucket.

    Models are not registered in SageMaker's own registry by themselves: the role would need more rights.
    """

    def __init__(self, scope: Construct, id_: str, *, site: Site) -> None:
        super().__init__(scope, id_)
        self.tracking = ServiceRole(
            self,
            "Tracking",
            logical_id="ExperimentTrackerRole",
            trust=TRUST,
            words="Assumed by SageMaker to keep MLflow's files",
            statements=site.statements("tracking"),
            scopes=site.scopes,
        )
        self.artifacts = token(f"s3://{site.scopes['artifact_store']['bucket_name']}/{PREFIX}")
        make = self._app if site.slot.options["server"] == "serverless" else self._server
        self.outputs: Outputs = {"server_arn": make(site)}

    def _app(self, site: Site) -> str:
        app = sagemaker.CfnMlflowApp(
            self,
            "App",
            name=token(_NAME),
            artifact_store_uri=self.artifacts,
            role_arn=token(self.tracking.arn),
            model_registration_mode="AutoModelRegistrationDisabled",
            weekly_maintenance_window_start=site.options["weekly_window"].value_as_string,
        )
        app.override_logical_id("ExperimentTrackerApp")
        return fragment(app, "Arn")

    def _server(self, site: Site) -> str:
        server = sagemaker.CfnMlflowTrackingServer(
            self,
            "Server",
            tracking_server_name=token(_NAME),
            artifact_store_uri=self.artifacts,
            role_arn=token(self.tracking.arn),
            tracking_server_size=site.options["size"].value_as_string,
            automatic_model_registration=False,
            weekly_maintenance_window_start=site.options["weekly_window"].value_as_string,
        )
        version = if_given("HasExperimentTrackerVersion", site.option("version"))
        server.add_property_override("MlflowVersion", version)
        server.override_logical_id("ExperimentTrackerServer")
        return fragment(server, "TrackingServerArn")
