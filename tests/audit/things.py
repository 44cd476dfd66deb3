"""Our own checks of what a template builds: data, networks, clusters, builds, tags."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cfnlint

from tests.audit.checks import Check, Properties, Test, at, has, mentions
from tests.audit.world import World, texts

_EVERYWHERE = ("0.0.0.0/0", "::/0")


def _all_true(path: str, *wanted: str) -> Test:
    """Every one of these is true."""

    def test(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
        yield from (key for key in wanted if at(properties, f"{path}.{key}") is not True)

    return test


def _not_given(path: str, bad: object) -> Test:
    def test(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
        if at(properties, path) == bad:
            yield f"{path} is {json.dumps(bad)}"

    return test


def _tls_only(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
    """Some policy of the bucket denies everything that comes without TLS."""
    for policy, own in world.of("AWS::S3::BucketPolicy").items():
        if own["Bucket"] == {"Ref": logical_id}:
            for statement in world.statements(policy):
                if statement.effect == "Deny" and "aws:securetransport" in statement.keys:
                    return
    yield "no policy denies plain HTTP"


def _kept_as_asked(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
    for key in ("DeletionPolicy", "UpdateReplacePolicy"):
        if key not in world.resources[logical_id]:
            yield f"no {key}"


def _open_ingress(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
    for rule in (properties, *properties.get("SecurityGroupIngress", [])):
        yield from (cidr for cidr in _EVERYWHERE if cidr in (rule.get("CidrIp"), rule.get("CidrIpv6")))


def _open_endpoint(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
    """Open by what it says, or by what its parameter says when nobody says anything."""
    where = properties.get("ResourcesVpcConfig", {})
    cidrs = where.get("PublicAccessCidrs", _EVERYWHERE[0])
    parameter = cidrs.get("Ref", "") if isinstance(cidrs, dict) else ""
    default = world.body.get("Parameters", {}).get(parameter, {}).get("Default", "")
    if where.get("EndpointPublicAccess", True) and _EVERYWHERE[0] in json.dumps([cidrs, default]):
        yield "its endpoint is open to the world"


def _old_metadata_service(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
    data = properties.get("LaunchTemplateData", properties)
    if at(data, "MetadataOptions.HttpTokens") != "required":
        yield "IMDSv1 answers"


def _strange_image(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
    """What it is unless the user names another: that choice is the user's."""
    image = at(properties, "Environment.Image")
    parameter = image.get("Ref", "") if isinstance(image, dict) else ""
    text = str(world.body["Parameters"][parameter]["Default"] if parameter else image)
    if not text.startswith(("aws/codebuild/", "public.ecr.aws/")) and ".dkr.ecr." not in text:
        yield text


def _own_log_group(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
    group = at(properties, "LogsConfig.CloudWatchLogs.GroupName")
    if not (isinstance(group, dict) and group.get("Ref") in world.of("AWS::Logs::LogGroup")):
        yield f"logs to {json.dumps(group)}"


_SECRET = re.compile(r"\.(SecretAccessKey|SecretString)\b|\{\{resolve:")


def _told(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
    for name, output in world.body.get("Outputs", {}).items():
        if any(_SECRET.search(text) for text in texts(output["Value"])):
            yield f"output {name}"


@cache
def tag_property(type_: str) -> str:
    """Under which key a type takes its tags; empty where it takes none."""
    data = Path(cfnlint.__file__).parent / "data" / "schemas"
    name = json.loads((data / "providers" / "us-east-1.json").read_text()).get(type_)
    if name is None:
        return ""
    schema = json.loads((data / "resources" / f"{name}.json").read_text())
    # An instance profile has Tags in its schema, and says itself that CloudFormation sets none.
    tagging = schema.get("tagging", {"taggable": "Tags" in schema["properties"]})
    return (
        tagging.get("tagProperty", "/properties/Tags").rpartition("/")[2] if tagging.get("taggable") else ""
    )


def _untagged(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
    key = tag_property(world.resources[logical_id]["Type"])
    if "stackwright:stack" not in json.dumps(properties.get(key)):
        yield f"no {key}"


_BUCKET = ("AWS::S3::Bucket",)
_IMAGES = ("AWS::ECR::Repository",)
_CLUSTER = ("AWS::EKS::Cluster",)
_PROJECT = ("AWS::CodeBuild::Project",)
_LOGS = ("AWS::Logs::LogGroup",)
_GROUPS = ("AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress")
_DATA = (*_BUCKET, *_IMAGES, "AWS::SecretsManager::Secret", "AWS::EFS::FileSystem", "AWS::DynamoDB::Table")
_WAYS_IN = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")

CHECKS = (
    Check(
        "s3-not-public", "all four blocks", _BUCKET, _all_true("PublicAccessBlockConfiguration", *_WAYS_IN)
    ),
    Check("s3-owner-only", "no ACLs", _BUCKET, mentions("OwnershipControls", "BucketOwnerEnforced")),
    Check("s3-encrypted", "a default encryption", _BUCKET, has("BucketEncryption")),
    Check("s3-own-key", "a key that you can withdraw", _BUCKET, mentions("BucketEncryption", "aws:kms")),
    Check(
        "s3-versioned",
        "what was overwritten comes back",
        _BUCKET,
        has("VersioningConfiguration.Status", "Enabled"),
    ),
    Check(
        "s3-old-versions", "old versions go", _BUCKET, mentions("LifecycleConfiguration", "NoncurrentVersion")
    ),
    Check(
        "s3-uploads", "unfinished uploads go", _BUCKET, mentions("LifecycleConfiguration", "AbortIncomplete")
    ),
    Check("s3-tls", "TLS only", _BUCKET, _tls_only),
    Check("s3-access-log", "requests are logged", _BUCKET, has("LoggingConfiguration")),
    Check("ecr-scan", "images are scanned", _IMAGES, has("ImageScanningConfiguration.ScanOnPush", True)),
    Check("ecr-untagged", "images without a tag go", _IMAGES, has("LifecyclePolicy")),
    Check("ecr-immutable", "a tag stays what it was", _IMAGES, mentions("ImageTagMutability", "IMMUTABLE")),
    Check("ecr-own-key", "a key that you can withdraw", _IMAGES, mentions("EncryptionConfiguration", "KMS")),
    Check("data-kept", "what becomes of data is said", _DATA, _kept_as_asked),
    Check("log-retention", "logs end", _LOGS, has("RetentionInDays")),
    Check("log-own-key", "a key that you can withdraw", _LOGS, has("KmsKeyId")),
    Check("key-rotation", "keys rotate", ("AWS::KMS::Key",), has("EnableKeyRotation", True)),
    Check("sns-encrypted", "messages rest encrypted", ("AWS::SNS::Topic",), has("KmsMasterKeyId")),
    Check("no-open-port", "no port is open to the world", _GROUPS, _open_ingress),
    Check(
        "no-public-address",
        "no address by default",
        ("AWS::EC2::Subnet",),
        _not_given("MapPublicIpOnLaunch", True),
    ),
    Check("imds", "IMDSv2 only", ("AWS::EC2::LaunchTemplate", "AWS::EC2::Instance"), _old_metadata_service),
    Check("node-template", "nodes that we set up", ("AWS::EKS::Nodegroup",), has("LaunchTemplate")),
    Check("eks-endpoint", "its endpoint is not for the world", _CLUSTER, _open_endpoint),
    Check(
        "eks-private", "nodes stay inside", _CLUSTER, has("ResourcesVpcConfig.EndpointPrivateAccess", True)
    ),
    Check(
        "eks-logs", "who did what is logged", _CLUSTER, mentions("Logging", "audit", "authenticator", "api")
    ),
    Check("eks-access", "access entries only", _CLUSTER, has("AccessConfig.AuthenticationMode", "API")),
    Check(
        "eks-creator",
        "whoever made it has no secret rights",
        _CLUSTER,
        has("AccessConfig.BootstrapClusterCreatorAdminPermissions", False),
    ),
    Check("build-image", "an image of AWS or your own", _PROJECT, _strange_image),
    Check("build-logs", "logs in a group of the stack", _PROJECT, _own_log_group),
    Check("secret-kept", "no output tells a secret", ("AWS::IAM::Role",), _told),
)


def tags(world: World) -> Check:
    """Of whatever types this template has: a new one is asked for its tags without a row."""
    types = {r["Type"] for r in world.resources.values()}
    return Check("tagged", "whose it is", tuple(sorted(filter(tag_property, types))), _untagged)
