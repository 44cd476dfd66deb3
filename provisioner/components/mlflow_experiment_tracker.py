"""MLflow experiment tracker, managed by SageMaker: facts."""

from collections.abc import Mapping

from provisioner.arn import Arn
from provisioner.component import (
    Check,
    Component,
    ComponentType,
    Option,
    Statement,
    Value,
    flag,
    pascal,
)
from provisioner.components import data_key
from provisioner.scan.checks import in_service

SERVERLESS, SERVER = "server=serverless", "server=tracking_server"
PREFIX = "mlflow"
_SERVER = "{experiment_tracker.server_arn}"
# What training calls, and what looking at it calls besides; nothing that deletes. The plugin sagemaker-mlflow
# makes the server's address from its ARN and asks AWS nothing. IAM has one action for every REST call:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemakerwithmlflow.html
_WRITING = (
    *("CreateExperiment", "GetExperiment", "GetExperimentByName", "SearchExperiments"),
    *("CreateRun", "GetRun", "SearchRuns", "UpdateRun", "SetTag"),
    *("LogBatch", "LogInputs", "LogMetric", "LogModel", "LogOutputs", "LogParam"),
    *("FinalizeLoggedModel", "GetLoggedModel", "LogLoggedModelParams", "SetLoggedModelTags"),
    *("CreateRegisteredModel", "GetRegisteredModel", "CreateModelVersion", "GetModelVersion"),
)
_READING = (
    *("GetMetricHistory", "ListArtifacts", "ListLoggedModelArtifacts", "SearchLoggedModels"),
    *("SearchRegisteredModels", "SearchModelVersions", "GetLatestModelVersions", "GetModelVersionByAlias"),
    *("GetDownloadURIForModelVersionArtifacts", "GetTraceInfo", "SearchTraces"),
    *("SetRegisteredModelAlias", "SetModelVersionTag", "UpdateRegisteredModel", "UpdateModelVersion"),
)


def _calls(*names: str) -> tuple[str, ...]:
    return tuple(f"sagemaker-mlflow:{name}" for name in names)


# A serverless app knows one action for its whole REST interface, deleting included.
APP_CALLS = ("sagemaker:CallMlflowAppApi",)


def for_jobs(type_: ComponentType) -> tuple[Statement, ...]:
    """What the jobs of a slot need to track themselves, where their stack has a tracker."""
    slot = pascal(type_)
    return (
        Statement(
            sid=f"{slot}JobTrackingApp",
            role="execution",
            when=f"experiment_tracker.{SERVERLESS}",
            actions=APP_CALLS,
            resources=(_SERVER,),
            words="jobs may use your MLflow app",
        ),
        Statement(
            sid=f"{slot}JobTracking",
            role="execution",
            when=f"experiment_tracker.{SERVER}",
            actions=_calls(*_WRITING),
            resources=(_SERVER,),
            words="jobs may log runs and models on your MLflow server, and delete none",
        ),
    )


def _structure_of(arn: Arn) -> Mapping[str, Value]:
    return {"server": "serverless" if arn.resource.startswith("mlflow-app/") else "tracking_server"}


COMPONENT = Component(
    name="mlflow_experiment_tracker",
    type="experiment_tracker",
    flavor="mlflow",
    words="MLflow managed by SageMaker: serverless, or a tracking server charged for every hour it exists",
    zenml_flavor="mlflow",
    outside_zenml="ZenML 0.98 refuses the ARN that is the address of a SageMaker MLflow server",
    resource_types=(
        "AWS::SageMaker::MlflowApp",
        "AWS::SageMaker::MlflowTrackingServer",
        "AWS::IAM::Role",
    ),
    types_when={
        "AWS::SageMaker::MlflowApp": SERVERLESS,
        "AWS::SageMaker::MlflowTrackingServer": SERVER,
    },
    options=(
        Option(
            name="server",
            default="serverless",
            choices=("serverless", "tracking_server"),
            shapes="value",
            doc="A serverless app, charged by use, or a tracking server, charged every hour, used or not.",
        ),
        Option(
            name="size",
            default="Small",
            choices=("Small", "Medium", "Large"),
            within=SERVER,
            doc="Size of the tracking server: for a team of about 25, 50 or 100 people.",
        ),
        Option(
            name="version",
            default="",
            pattern=r"\d{1,2}(\.\d{1,3}){1,2}",
            within=SERVER,
            doc="MLflow version of the tracking server, such as 3.0; empty takes AWS's newest.",
        ),
        Option(
            name="weekly_window",
            default="Sun:03:00",
            pattern=r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun):([01]\d|2[0-3]):[0-5]\d",
            doc="Day and time of the week, in UTC, at which AWS may patch it: Sun:03:00.",
        ),
    ),
    outputs={"server_arn": "ARN of the MLflow server: what MLFLOW_TRACKING_URI is set to."},
    needs=("artifact_store",),
    statements=(
        Statement(
            sid="TrackerApp",
            when=SERVERLESS,
            actions=(*APP_CALLS, "sagemaker:DescribeMlflowApp"),
            resources=(_SERVER,),
            words="may use your MLflow app, and see whether it is up",
        ),
        Statement(
            sid="TrackerServer",
            when=SERVER,
            actions=(*_calls(*_WRITING, *_READING), "sagemaker:DescribeMlflowTrackingServer"),
            resources=(_SERVER,),
            words="may write and read runs and models on your MLflow server, delete none, and see whether "
            "it is up",
        ),
        Statement(
            sid="TrackerArtifacts",
            role="tracking",
            actions=("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"),
            resources=(f"{{artifact_store.bucket_arn}}/{PREFIX}/*",),
            words=f"MLflow may read and write objects under {PREFIX}/ in your artifact bucket",
        ),
        Statement(
            sid="TrackerArtifactsList",
            role="tracking",
            actions=("s3:ListBucket", "s3:GetBucketLocation"),
            resources=("{artifact_store.bucket_arn}",),
            words="MLflow may list your artifact bucket",
        ),
        data_key.statement(
            "TrackerKey", "MLflow may use the data key for objects in your artifact bucket", role="tracking"
        ),
    ),
    arn_pattern=r"arn:[a-z-]+:sagemaker:[a-z0-9-]+:\d{12}:(mlflow-tracking-server|mlflow-app)/"
    r"[A-Za-z0-9][A-Za-z0-9-]{0,255}",
    outputs_of=lambda arn: {"server_arn": str(arn)},
    structure_of=_structure_of,
    register_config=lambda outputs: {"tracking_uri": outputs["experiment_tracker"]["server_arn"]},
    checks=(
        Check(
            id="same_region",
            severity="error",
            test=flag("same_region"),
            reason="the server is in the stack's region",
        ),
        # What failed to update, or is being updated, goes on as it was.
        in_service(
            "the server runs",
            *("Created", "Updated", "Started", "Updating", "UpdateFailed"),
            *("MaintenanceInProgress", "MaintenanceComplete", "MaintenanceFailed"),
        ),
    ),
)
