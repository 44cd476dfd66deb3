"""KMS, secrets, messages, budgets, schedules, Batch and SageMaker: made, changed, refused, gone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisioner.emulator.types import TYPES

ACCOUNT, REGION = "123456789012", "eu-central-1"
TEAM = {"Key": "team", "Value": "a"}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def get(name: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def row(kind: str, /, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def one(kind: str, /, **properties: Any) -> dict[str, Any]:
    return {"Resources": {"It": row(kind, **properties)}}


def body(resources: dict[str, Any], **outputs: Any) -> dict[str, Any]:
    return {"Resources": resources, "Outputs": {name: {"Value": value} for name, value in outputs.items()}}


def role(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return row("IAM::Role", AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": [statement]})


def reason(stacks: Any, name: str) -> str:
    rows = [r for r in stacks.events(name) if r["ResourceStatus"].endswith("_FAILED")]
    return str(rows[0]["ResourceStatusReason"]) if rows else ""


def seen(client: Any, kind: str) -> list[str]:
    found = client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "team"}], ResourceTypeFilters=[kind]
    )
    return [r["ResourceARN"] for r in found["ResourceTagMappingList"]]


# --- Images, and which tags may move -----------------------------------------------------------------


def test_a_tag_stays_what_it_was_but_for_the_wildcards(stacks: Any, client: Any) -> None:
    kept = {
        "ImageTagMutabilityExclusionFilterType": "WILDCARD",
        "ImageTagMutabilityExclusionFilterValue": "*-build",
    }
    stacks.create(
        "tags",
        one(
            "ECR::Repository",
            RepositoryName="tags",
            ImageTagMutability="IMMUTABLE_WITH_EXCLUSION",
            ImageTagMutabilityExclusionFilters=[kept],
        ),
    )

    def push(tag: str, config: int) -> None:
        media_type = "application/vnd.docker.distribution.manifest.v2+json"
        manifest = {"schemaVersion": 2, "mediaType": media_type, "config": {"size": config}, "layers": []}
        client("ecr").put_image(repositoryName="tags", imageManifest=json.dumps(manifest), imageTag=tag)

    push("first-build", 1)
    push("first-build", 2)
    push("first", 3)
    with pytest.raises(client("ecr").exceptions.ImageTagAlreadyExistsException):
        push("first", 4)


# --- KMS, and what is encrypted with it ------------------------------------------------------------


def key_policy(principal: str) -> dict[str, Any]:
    rule = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "kms:*", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [rule]}


OWN_KEY = {
    "It": row(
        "KMS::Key",
        Description="ours",
        EnableKeyRotation="true",
        KeyPolicy=key_policy(f"arn:aws:iam::{ACCOUNT}:root"),
        PendingWindowInDays=7,
    ),
    "Name": row("KMS::Alias", AliasName="alias/ours", TargetKeyId=ref("It")),
}


def test_a_key_and_what_it_encrypts(stacks: Any, client: Any) -> None:
    encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": get("It", "Arn")}
    rules = [{"ServerSideEncryptionByDefault": encryption, "BucketKeyEnabled": True}]
    resources = {
        **OWN_KEY,
        "Store": row("S3::Bucket", BucketEncryption={"ServerSideEncryptionConfiguration": rules}),
        "Images": row(
            "ECR::Repository",
            EncryptionConfiguration={"EncryptionType": "KMS", "KmsKey": get("It", "Arn")},
        ),
    }
    stacks.create("key", body(resources, Arn=get("It", "Arn")), Tags=[TEAM])
    assert reason(stacks, "key") == ""
    kms, name, arn = client("kms"), stacks.physical_id("key", "It"), stacks.outputs("key")["Arn"]
    assert arn == f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{name}"
    assert kms.describe_key(KeyId="alias/ours")["KeyMetadata"]["KeyId"] == name
    assert kms.get_key_rotation_status(KeyId=name)["KeyRotationEnabled"] is True
    assert seen(client, "kms") == [arn]
    bucket = client("s3").get_bucket_encryption(Bucket=stacks.physical_id("key", "Store"))
    (rule,) = bucket["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == arn
    (images,) = client("ecr").describe_repositories()["repositories"]
    assert images["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": arn}
    assert stacks.delete("key") == "DELETE_COMPLETE"
    assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_a_key_nobody_could_manage_is_refused(stacks: Any) -> None:
    policy = key_policy("arn:aws:iam::999999999999:root")
    stacks.create("lost", one("KMS::Key", KeyPolicy=policy))
    assert "will not allow you to update the key policy in the future" in reason(stacks, "lost")
    stacks.create("first", body(OWN_KEY))
    stacks.create("twice", body(OWN_KEY))
    assert "AlreadyExists" in reason(stacks, "twice")


def test_a_key_is_updated_in_place(stacks: Any, client: Any) -> None:
    stacks.create("grow", body(OWN_KEY))
    name = stacks.physical_id("grow", "It")
    change = {**OWN_KEY, "It": row("KMS::Key", Description="other", Enabled=False)}
    assert stacks.update("grow", body(change)) == "UPDATE_COMPLETE"
    found = client("kms").describe_key(KeyId=name)["KeyMetadata"]
    assert (found["Description"], found["Enabled"]) == ("other", False)


# --- secrets ---------------------------------------------------------------------------------------


def test_a_secret_can_be_made_up(stacks: Any, client: Any) -> None:
    made = {
        "SecretStringTemplate": '{"user": "me"}',
        "GenerateStringKey": "password",
        "PasswordLength": "20",
        "ExcludePunctuation": True,
    }
    stacks.create("up", one("SecretsManager::Secret", GenerateSecretString=made), Tags=[TEAM])
    assert reason(stacks, "up") == ""
    secrets, arn = client("secretsmanager"), stacks.physical_id("up", "It")
    value = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
    assert (value["user"], len(value["password"])) == ("me", 20)
    assert seen(client, "secretsmanager:secret") == [arn]
    change = one("SecretsManager::Secret", SecretString="plain", Description="new")
    assert stacks.update("up", change, Tags=[TEAM]) == "UPDATE_COMPLETE"
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "plain"
    assert stacks.delete("up") == "DELETE_COMPLETE"
    assert secrets.list_secrets()["SecretList"] == []


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"SecretString": "a", "GenerateSecretString": {}}, "can't specify both"),
        ({"GenerateSecretString": {"SecretStringTemplate": "{}"}}, "must be specified together"),
        ({"ReplicaRegions": [{"Region": "us-east-1"}]}, "cannot apply property ReplicaRegions"),
    ],
)
def test_a_secret_that_cannot_be_is_refused(stacks: Any, properties: Any, words: str) -> None:
    stacks.create("bad", one("SecretsManager::Secret", **properties))
    assert words in reason(stacks, "bad")


# --- messages --------------------------------------------------------------------------------------


def test_a_topic_has_a_policy_and_subscribers(stacks: Any, client: Any) -> None:
    rule = {
        "Effect": "Allow",
        "Principal": {"Service": "budgets.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": ref("It"),
    }
    resources = {
        "It": row("SNS::Topic", DisplayName="News"),
        "Rules": row(
            "SNS::TopicPolicy",
            Topics=[ref("It")],
            PolicyDocument={"Version": "2012-10-17", "Statement": [rule]},
        ),
        "Reader": row("SNS::Subscription", TopicArn=ref("It"), Protocol="email", Endpoint="me@example.com"),
    }
    stacks.create("news", body(resources, Name=get("It", "TopicName")), Tags=[TEAM])
    assert reason(stacks, "news") == ""
    sns, arn = client("sns"), stacks.physical_id("news", "It")
    found = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert (found["DisplayName"], arn.rsplit(":", 1)[-1]) == ("News", stacks.outputs("news")["Name"])
    assert json.loads(found["Policy"])["Statement"][0]["Resource"] == arn
    assert seen(client, "sns") == [arn]
    (reader,) = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    assert reader["SubscriptionArn"] == stacks.physical_id("news", "Reader")
    assert stacks.update("news", body({"It": row("SNS::Topic", DisplayName="Old")})) == "UPDATE_COMPLETE"
    after = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert (after["DisplayName"], json.loads(after["Policy"])["Statement"][0]["Sid"]) == (
        "Old",
        "__default_statement_ID",
    )
    assert stacks.delete("news") == "DELETE_COMPLETE"
    assert (sns.list_topics()["Topics"], sns.list_subscriptions()["Subscriptions"]) == ([], [])


def test_a_topic_is_never_adopted_and_mail_needs_an_address(stacks: Any, client: Any) -> None:
    client("sns").create_topic(Name="there")
    stacks.create("adopt", one("SNS::Topic", TopicName="there"))
    assert "already exists" in reason(stacks, "adopt")
    subscription = [{"Protocol": "email", "Endpoint": "nobody"}]
    stacks.create("mail", one("SNS::Topic", Subscription=subscription))
    assert "Invalid parameter: Email address" in reason(stacks, "mail")


# --- budgets ---------------------------------------------------------------------------------------


def budget(amount: Any = 50, **more: Any) -> dict[str, Any]:
    wanted = {"BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": {"Amount": amount, "Unit": "USD"}}
    notification = {
        "Notification": {
            "NotificationType": "ACTUAL",
            "ComparisonOperator": "GREATER_THAN",
            "Threshold": 80,
        },
        "Subscribers": [{"SubscriptionType": "EMAIL", "Address": "me@example.com"}],
    }
    return one("Budgets::Budget", Budget={**wanted, **more}, NotificationsWithSubscribers=[notification])


def test_a_budget_is_made_changed_and_deleted(stacks: Any, client: Any) -> None:
    stacks.create("money", budget())
    assert reason(stacks, "money") == ""
    budgets, name = client("budgets"), stacks.physical_id("money", "It")

    def limit() -> float:
        found = budgets.describe_budget(AccountId=ACCOUNT, BudgetName=name)["Budget"]
        return float(found["BudgetLimit"]["Amount"])

    assert limit() == 50
    assert stacks.update("money", budget(70)) == "UPDATE_COMPLETE"
    assert limit() == 70
    rows = budgets.describe_notifications_for_budget(AccountId=ACCOUNT, BudgetName=name)
    assert [r["Threshold"] for r in rows["Notifications"]] == [80]
    assert stacks.delete("money") == "DELETE_COMPLETE"
    assert budgets.describe_budgets(AccountId=ACCOUNT).get("Budgets", []) == []


def test_a_budget_of_nothing_is_refused(stacks: Any) -> None:
    stacks.create("nil", budget(0))
    assert "must be greater than zero" in reason(stacks, "nil")


def test_a_type_that_a_region_lacks_is_unknown_there(client: Any, refused: Any) -> None:
    api = client("cloudformation", region="af-south-1")
    text = json.dumps(budget())
    assert refused(api.create_stack, StackName="far", TemplateBody=text) == (
        "ValidationError",
        "Template format error: Unrecognized resource types: [AWS::Budgets::Budget]",
    )


# --- schedules -------------------------------------------------------------------------------------


def test_a_schedule_group_goes_with_its_schedules(stacks: Any, client: Any) -> None:
    stacks.create("later", one("Scheduler::ScheduleGroup", Name="mine"), Tags=[TEAM])
    scheduler = client("scheduler")
    target = {"Arn": "arn:aws:sqs:eu-central-1:123456789012:q", "RoleArn": "arn:aws:iam::123456789012:role/r"}
    scheduler.create_schedule(
        Name="s",
        GroupName="mine",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=target,
    )
    arn = scheduler.get_schedule_group(Name="mine")["Arn"]
    tags = {r["Key"]: r["Value"] for r in scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"]}
    assert tags["team"] == "a"
    stacks.create("twice", one("Scheduler::ScheduleGroup", Name="mine"))
    assert "already exists" in reason(stacks, "twice")
    assert stacks.delete("later") == "DELETE_COMPLETE"
    assert scheduler.list_schedules()["Schedules"] == []


# --- Batch -----------------------------------------------------------------------------------------


def batch(**more: Any) -> dict[str, Any]:
    return {
        "Net": row("EC2::VPC", CidrBlock="10.0.0.0/16"),
        "Sub": row("EC2::Subnet", VpcId=ref("Net"), CidrBlock="10.0.0.0/24"),
        "Guard": row("EC2::SecurityGroup", GroupDescription="jobs", VpcId=ref("Net")),
        "Runner": role("batch.amazonaws.com"),
        "Place": row(
            "Batch::ComputeEnvironment",
            Type="MANAGED",
            ServiceRole=get("Runner", "Arn"),
            ComputeResources={
                "Type": "FARGATE",
                "MaxvCpus": "4",
                "Subnets": [ref("Sub")],
                "SecurityGroupIds": [ref("Guard")],
            },
        ),
        "Queue": row(
            "Batch::JobQueue",
            Priority=1,
            ComputeEnvironmentOrder=[{"Order": 1, "ComputeEnvironment": ref("Place")}],
        ),
        "Job": row(
            "Batch::JobDefinition",
            Type="container",
            ContainerProperties={
                "Image": "busybox",
                "Command": ["true"],
                "ResourceRequirements": [
                    {"Type": "VCPU", "Value": "1"},
                    {"Type": "MEMORY", "Value": "2048"},
                ],
            },
            **more,
        ),
    }


def test_batch_runs_jobs_somewhere(stacks: Any, client: Any) -> None:
    stacks.create("jobs", body(batch(), Queue=get("Queue", "JobQueueArn")), Tags=[TEAM])
    assert reason(stacks, "jobs") == ""
    api = client("batch")
    (place,) = api.describe_compute_environments()["computeEnvironments"]
    assert place["computeResources"]["type"] == "FARGATE"
    (queue,) = api.describe_job_queues()["jobQueues"]
    assert (queue["jobQueueArn"], queue["priority"]) == (stacks.outputs("jobs")["Queue"], 1)
    assert queue["tags"]["team"] == "a"
    change = batch(Timeout={"AttemptDurationSeconds": 60})
    change["Queue"]["Properties"]["Priority"] = 2
    assert stacks.update("jobs", body(change), Tags=[TEAM]) == "UPDATE_COMPLETE"
    assert api.describe_job_queues()["jobQueues"][0]["priority"] == 2
    assert stacks.delete("jobs") == "DELETE_COMPLETE"
    assert api.describe_job_queues()["jobQueues"] == []
    assert api.describe_compute_environments()["computeEnvironments"] == []
    assert api.describe_job_definitions(status="ACTIVE")["jobDefinitions"] == []


def test_a_place_without_a_role_takes_batchs_own_which_stays(stacks: Any, client: Any) -> None:
    """AWS makes the service-linked role once, and no stack takes it away."""
    resources = batch()
    del resources["Place"]["Properties"]["ServiceRole"], resources["Runner"]
    linked = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
    for _ in range(2):
        stacks.create("jobs", body(resources))
        assert reason(stacks, "jobs") == ""
        (place,) = client("batch").describe_compute_environments()["computeEnvironments"]
        assert place["serviceRole"] == linked
        assert stacks.delete("jobs") == "DELETE_COMPLETE"
        assert [r["Arn"] for r in client("iam").list_roles()["Roles"]] == [linked]


def test_a_role_that_is_not_there_is_no_batch_service_role(stacks: Any) -> None:
    resources = batch()
    resources["Place"]["Properties"]["ServiceRole"] = f"arn:aws:iam::{ACCOUNT}:role/none"
    stacks.create("bad", body(resources))
    assert "Could not find IAM role" in reason(stacks, "bad")


def test_a_queue_without_a_place_is_refused(stacks: Any) -> None:
    order = [{"Order": 1, "ComputeEnvironment": f"arn:aws:batch:{REGION}:{ACCOUNT}:compute-environment/no"}]
    stacks.create("bad", one("Batch::JobQueue", Priority=1, ComputeEnvironmentOrder=order))
    assert stacks.show("bad")["StackStatus"] == "ROLLBACK_COMPLETE"


# --- SageMaker -------------------------------------------------------------------------------------


def test_mlflow_servers_apps_and_groups(stacks: Any, client: Any) -> None:
    def resources(size: str) -> dict[str, Any]:
        store = {"ArtifactStoreUri": "s3://bucket/mlflow", "RoleArn": get("Runner", "Arn")}
        return {
            "Runner": role("sagemaker.amazonaws.com"),
            "Server": row(
                "SageMaker::MlflowTrackingServer",
                TrackingServerName="track",
                TrackingServerSize=size,
                **store,
            ),
            "App": row("SageMaker::MlflowApp", Name="app", **store),
            "Group": row("SageMaker::ModelPackageGroup", ModelPackageGroupName="models"),
        }

    told = {"Server": get("Server", "TrackingServerArn"), "App": ref("App"), "Status": get("App", "Status")}
    stacks.create("flow", body(resources("Small"), **told), Tags=[TEAM])
    assert reason(stacks, "flow") == ""
    api, outputs = client("sagemaker"), stacks.outputs("flow")
    assert outputs["Server"] == f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:mlflow-tracking-server/track"
    assert outputs["Status"] == "Created"
    assert [r["Arn"] for r in api.list_mlflow_apps()["Summaries"]] == [outputs["App"]]
    assert set(seen(client, "sagemaker")) >= {outputs["Server"], outputs["App"]}
    assert stacks.update("flow", body(resources("Large")), Tags=[TEAM]) == "UPDATE_COMPLETE"
    found = api.describe_mlflow_tracking_server(TrackingServerName="track")
    assert (found["TrackingServerSize"], found["TrackingServerStatus"]) == ("Large", "Created")
    assert stacks.delete("flow") == "DELETE_COMPLETE"
    assert api.list_mlflow_tracking_servers()["TrackingServerSummaries"] == []
    assert api.list_mlflow_apps()["Summaries"] == []
    assert api.list_model_package_groups()["ModelPackageGroupSummaryList"] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/none"}, "Could not assume role"),
        ({"ArtifactStoreUri": "https://x.example/y"}, "Invalid S3 URI"),
    ],
)
def test_an_mlflow_server_that_cannot_be_is_refused(stacks: Any, change: Any, words: str) -> None:
    properties = {
        "TrackingServerName": "track",
        "ArtifactStoreUri": "s3://bucket/mlflow",
        "RoleArn": get("Runner", "Arn"),
        **change,
    }
    resources = {
        "Runner": role("sagemaker.amazonaws.com"),
        "It": row("SageMaker::MlflowTrackingServer", **properties),
    }
    stacks.create("bad", body(resources))
    assert words in reason(stacks, "bad")


# --- the whole table -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TYPES)
def test_every_row_is_sound(name: str) -> None:
    kind = TYPES[name]
    assert kind.any_property or kind.required | kind.beyond | kind.create_only <= kind.allowed
    assert not kind.name_property or kind.name_property in kind.create_only
    assert not kind.required & kind.beyond
    assert name.startswith("AWS::")
