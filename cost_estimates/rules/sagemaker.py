"""SageMaker: jobs, endpoints, notebooks, Studio, monitoring, clusters, feature store, MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch

from cost_estimates.model import HOURS_PER_MONTH
from cost_estimates.rules.rule import Charge, Charges, Meter, Rule, Situation, no_price, running
from cost_estimates.template import Resource

SAGEMAKER = "sagemaker.amazonaws.com"
TRAINING_HOUR = Meter("SageMaker", "training-hour")
PROCESSING_HOUR = Meter("SageMaker", "processing-hour")
HOSTING_HOUR = Meter("SageMaker", "hosting-hour")
HOSTING_STORAGE = Meter("SageMaker", "ml-storage-endpoint-gb-month")
SERVERLESS_SECOND = Meter("SageMaker", "serverless-inference-second")
SERVERLESS_READY_SECOND = Meter("SageMaker", "serverless-provisioned-concurrency-second")
NOTEBOOK_HOUR = Meter("SageMaker", "notebook-instance-hour")
NOTEBOOK_STORAGE = Meter("SageMaker", "ml-storage-notebook-gb-month")
STUDIO_HOUR = Meter("SageMaker", "studio-jupyterlab-hour")
STUDIO_STORAGE = Meter("SageMaker", "studio-storage-gp3-gb-month")
CLUSTER_HOUR = Meter("SageMaker", "hyperpod-cluster-hour")

DEFAULT_NOTEBOOK = "ml.t3.medium"
DEFAULT_HOST = "ml.m5.large"
DEFAULT_MONITOR = "ml.m5.xlarge"
NOTEBOOK_DISK_GB = 5
SMALLEST_SERVERLESS_MB = 1024
SECONDS_PER_HOUR = 3600
# SageMaker's own machines for apps that name none: they belong to the domain and cost nothing.
SYSTEM_MACHINE = "system"
JOB_NEEDS = ("s3:PutObject", "ecr:BatchGetImage")
VARIANTS = ("ProductionVariants", "ShadowProductionVariants")


def role(role: Resource, situation: Situation) -> Charges:
    """Jobs have no resource of their own in a template: they run under a role that trusts SageMaker."""
    return _jobs(situation) if _trusts(role, SAGEMAKER) and _runs_jobs(role) else ()


def pipeline(pipeline: Resource, situation: Situation) -> Charges:
    """Its jobs are counted at its role, unless that stands outside the template."""
    return () if pipeline.follow("RoleArn", "AWS::IAM::Role") else _jobs(situation)


def notebook(notebook: Resource, situation: Situation) -> Charges:
    gigabytes = notebook.read_number("VolumeSizeInGB", NOTEBOOK_DISK_GB)
    return (
        running(NOTEBOOK_HOUR, notebook.read_or_assume("InstanceType", DEFAULT_NOTEBOOK)),
        Charge(meter=NOTEBOOK_STORAGE, quantity=gigabytes),
    )


def endpoint(endpoint: Resource, situation: Situation) -> Charges:
    config = endpoint.follow("EndpointConfigName", "AWS::SageMaker::EndpointConfig")
    parts = [variant for key in VARIANTS for variant in config.parts(key)] if config else []
    variants = [endpoint.part(variant.properties) for variant in parts]
    if not variants:
        what = "ProductionVariants" if config else "EndpointConfigName"
        endpoint.assume(what, "not in the template", f"one {DEFAULT_HOST}")
        return (running(HOSTING_HOUR, DEFAULT_HOST),)
    return [charge for variant in variants for charge in _hosted(variant)]


def domain(domain: Resource, situation: Situation) -> Charges:
    machines = situation.usage.machines["sagemaker_studio_instance_type"]
    return (
        Charge(meter=STUDIO_HOUR, per="sagemaker_studio_hours", machines=machines),
        no_price("EFS storage of the domain's home folders", used=True),
    )


def app(app: Resource, situation: Situation) -> Charges:
    kind = app.read_text("ResourceSpec.InstanceType", SYSTEM_MACHINE)
    return () if kind == SYSTEM_MACHINE else (running(STUDIO_HOUR, kind),)


def space(space: Resource, situation: Situation) -> Charges:
    size = "SpaceSettings.SpaceStorageSettings.EbsStorageSettings.EbsVolumeSizeInGb"
    return (Charge(meter=STUDIO_STORAGE, quantity=space.read_number(size, 0)),) if space.has(size) else ()


def monitoring(schedule: Resource, situation: Situation) -> Charges:
    """A processing job for each execution; the disk of the job is not in it."""
    cluster = "MonitoringScheduleConfig.MonitoringJobDefinition.MonitoringResources.ClusterConfig"
    kind = schedule.read_text(f"{cluster}.InstanceType", DEFAULT_MONITOR)
    count = schedule.read_number(f"{cluster}.InstanceCount", 1)
    return (
        Charge(meter=PROCESSING_HOUR, quantity=count, per="sagemaker_monitoring_hours", machines=(kind,)),
    )


def hyperpod(cluster: Resource, situation: Situation) -> Charges:
    for group in cluster.parts("InstanceGroups"):
        kind = group.read_or_assume("InstanceType", DEFAULT_HOST)
        yield running(CLUSTER_HOUR, kind, group.read_number("InstanceCount", 1))


def feature_group(group: Resource, situation: Situation) -> Charges:
    if not group.read_flag("OnlineStoreConfig.EnableOnlineStore"):
        return ()
    if group.read_text("ThroughputConfig.ThroughputMode", "OnDemand") == "Provisioned":
        return (no_price("SageMaker feature store capacity units"),)
    return (no_price("SageMaker feature store reads, writes and online storage", used=True),)


def tracking_server(server: Resource, situation: Situation) -> Charges:
    size = server.read_text("TrackingServerSize", "Small")
    return (
        no_price(f"SageMaker MLflow tracking server hours of size {size}"),
        no_price("SageMaker MLflow metadata storage", used=True),
    )


RULES: Mapping[str, Rule] = {
    "AWS::IAM::Role": Rule(
        words="the month's SageMaker jobs run under the roles that trust SageMaker, in equal shares",
        charges=role,
        otherwise="IAM is free",
    ),
    "AWS::SageMaker::Pipeline": Rule(
        words="the month's SageMaker jobs: its role is not in the template",
        charges=pipeline,
        otherwise="free itself; the jobs of its runs are counted at its role",
    ),
    "AWS::SageMaker::NotebookInstance": Rule(words="runs all month unless it is stopped", charges=notebook),
    "AWS::SageMaker::Endpoint": Rule(
        words="instances run all month, serverless capacity by the second", charges=endpoint
    ),
    "AWS::SageMaker::Domain": Rule(words="free itself; its apps run while people work", charges=domain),
    "AWS::SageMaker::App": Rule(
        words="runs all month unless it is deleted",
        charges=app,
        otherwise="on the domain's own system machine, which is free",
    ),
    "AWS::SageMaker::Space": Rule(
        words="its disk is kept all month",
        charges=space,
        otherwise="free itself; its apps are charged where they run",
    ),
    "AWS::SageMaker::MonitoringSchedule": Rule(
        words="charged for the processing jobs of its executions", charges=monitoring
    ),
    "AWS::SageMaker::Cluster": Rule(
        words="its instances run all month",
        charges=hyperpod,
        otherwise="without instances it is free",
    ),
    "AWS::SageMaker::FeatureGroup": Rule(
        words="the online store is charged by use",
        charges=feature_group,
        otherwise="an offline store is files in a bucket, which is charged there",
    ),
    "AWS::SageMaker::MlflowTrackingServer": Rule(
        words="runs all month unless it is stopped", charges=tracking_server
    ),
}


def _jobs(situation: Situation) -> Charges:
    machines = situation.usage.machines
    return (
        Charge(
            meter=TRAINING_HOUR,
            per="sagemaker_job_hours",
            machines=machines["sagemaker_job_instance_type"],
        ),
        Charge(
            meter=TRAINING_HOUR,
            per="sagemaker_gpu_job_hours",
            machines=machines["sagemaker_gpu_job_instance_type"],
        ),
    )


def _runs_jobs(role: Resource) -> bool:
    """A job pulls an image and writes what it made; a role that tells all it may and not these has none.

    Such are the roles of models on endpoints and of MLflow servers.
    """
    allowed = [
        str(action)
        for policy in role.parts("Policies")
        for statement in policy.read_list("PolicyDocument.Statement")
        if isinstance(statement, Mapping)
        for action in _many(statement.get("Action", "*"))
    ]
    if not allowed or role.has("ManagedPolicyArns"):
        return True
    return all(any(fnmatch(need, pattern) for pattern in allowed) for need in JOB_NEEDS)


def _many(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _trusts(role: Resource, service: str) -> bool:
    statements = role.read_list("AssumeRolePolicyDocument.Statement")
    return any(service in _services(statement) for statement in statements)


def _services(statement: object) -> list[object]:
    principal = statement.get("Principal") if isinstance(statement, Mapping) else None
    services = principal.get("Service") if isinstance(principal, Mapping) else None
    return services if isinstance(services, list) else [services]


def _hosted(variant: Resource) -> Charges:
    if variant.has("ServerlessConfig"):
        yield from _serverless(variant)
        return
    count = variant.read_number("InitialInstanceCount", 1)
    yield running(HOSTING_HOUR, variant.read_or_assume("InstanceType", DEFAULT_HOST), count)
    if variant.has("VolumeSizeInGB"):
        yield Charge(meter=HOSTING_STORAGE, quantity=variant.read_number("VolumeSizeInGB", 0) * count)


def _serverless(variant: Resource) -> Charges:
    memory = (f"{variant.read_number('ServerlessConfig.MemorySizeInMB', SMALLEST_SERVERLESS_MB)}MB",)
    ready = variant.read_number("ServerlessConfig.ProvisionedConcurrency", 0)
    yield Charge(meter=SERVERLESS_SECOND, per="sagemaker_serverless_seconds", machines=memory)
    if ready:
        seconds = HOURS_PER_MONTH * SECONDS_PER_HOUR * ready
        yield Charge(meter=SERVERLESS_READY_SECOND, quantity=seconds, machines=memory)
