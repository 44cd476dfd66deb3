"""The seeded cloud against the emulator: the same things in both give the same answer of a scan."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from provisioner.aws.accounts import Accounts, own, through
from provisioner.aws.reader import Reader
from provisioner.aws.session import Session
from provisioner.aws.shared import AccountSession, SharedClients
from provisioner.scan.engine import stream
from provisioner.scan.table import ROWS, Found, Reading
from tests.seeded_cloud.scanning import cloud
from tests.seeded_cloud.weather import Weather
from tests.seeded_cloud.world import REGIONS, World, arn, role_arn

WORLD = World(
    accounts=3,
    regions=REGIONS[:2],
    sizes={"bucket": 5, "repository": 3, "role": 4, "project": 2, "machine": 2, "model_group": 2}
    | dict.fromkeys(("cluster", "domain", "queue"), 0),
)
SERVICES = (
    "s3",
    "ecr",
    "iam",
    "codebuild",
    "stepfunctions",
    "sagemaker-model-package-groups",
    "eks",
    "batch",
)
Clients = Callable[[str, str], Any]


@pytest.fixture(scope="module")
def seeded() -> Iterator[str]:
    with cloud(WORLD, Weather()) as endpoint:
        yield endpoint


def scanned(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every cell and resource, without what differs from run to run."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"AKIA{WORLD.account(0)}ROOT")
    shared = SharedClients(WORLD.home)
    me = own(Session(WORLD.home), shared)
    caller = AccountSession(shared, me.account, me.credentials)
    ways = through(caller, [(account, "") for account in WORLD.ids], "stackwright-scan")
    accounts = Accounts(shared, ways, WORLD.regions)
    events = stream(
        accounts=accounts.ids,
        open_account=accounts.open,
        rows=[row for row in ROWS if row.service in SERVICES],
        read=Reader(accounts.session).read,
    )
    readings = [event for event in events if isinstance(event, Reading)]
    return sorted(map(told, readings), key=lambda t: t[:3])


def told(reading: Reading) -> tuple[Any, ...]:
    cell = reading.cell
    found = sorted(map(resource, reading.resources), key=lambda f: str(f["arn"]))
    return (cell.account, cell.service, cell.region, cell.state, cell.calls, cell.note, found)


def resource(found: Found) -> dict[str, object]:
    return {**found.as_dict(), "attributes": dict(found.attributes)}


def fill(clients: Clients, account: str) -> None:
    """The account of the seed, made call by call."""
    iam = clients("iam", WORLD.home)
    trust(iam, "stackwright-scan", {"AWS": f"arn:aws:iam::{WORLD.account(0)}:root"})
    trust(iam, "build", {"Service": "codebuild.amazonaws.com"})
    trust(iam, "run", {"Service": "states.amazonaws.com"})
    for index in range(WORLD.role_count(account)):
        make_role(clients("iam", WORLD.home), account, index)
    for index in range(WORLD.bucket_count(account)):
        make_bucket(clients, account, index)
    for region in WORLD.regions:
        for kind, make in (
            ("repository", make_repository),
            ("project", make_project),
            ("machine", make_machine),
            ("model_group", make_group),
        ):
            for index in range(WORLD.count(kind, account, region)):
                name = WORLD.name(kind, account, region, index)
                make(clients, region, name, WORLD.tags(arn(kind, account, region, name)))


def tag_list(tags: dict[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: k, value: v} for k, v in tags.items()]


def trust(iam: Any, name: str, principal: dict[str, str], **more: Any) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **more)


def make_role(iam: Any, account: str, index: int) -> None:
    name, service = WORLD.role(account, index)
    trust(iam, name, {"Service": service}, Tags=tag_list(WORLD.tags(role_arn(account, name))))


def make_bucket(clients: Clients, account: str, index: int) -> None:
    name, region = WORLD.bucket(account, index)
    s3 = clients("s3", region)
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    lock = WORLD.bucket_has(name, "lock")
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=lock, **place)
    blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    if WORLD.bucket_has(name, "block"):
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(blocks, True))
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    if WORLD.bucket_has(name, "versions"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    if WORLD.bucket_has(name, "ownership"):
        controls = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=controls)
    tags = WORLD.tags(f"arn:aws:s3:::{name}")
    if tags:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(tags)})


def make_repository(clients: Clients, region: str, name: str, tags: dict[str, str]) -> None:
    clients("ecr", region).create_repository(
        repositoryName=name,
        imageTagMutability="IMMUTABLE" if len(name) % 2 else "MUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
        tags=tag_list(tags),
    )


def make_project(clients: Clients, region: str, name: str, tags: dict[str, str]) -> None:
    environment = {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/standard:7.0",
        "computeType": "BUILD_GENERAL1_SMALL",
        "privilegedMode": bool(WORLD.number("privileged", name) % 2),
    }
    account = clients("sts", region).get_caller_identity()["Account"]
    clients("codebuild", region).create_project(
        name=name,
        source={"type": "S3", "location": "any"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment=environment,
        serviceRole=role_arn(account, "build"),
        tags=tag_list(tags, "key", "value"),
    )


def make_machine(clients: Clients, region: str, name: str, tags: dict[str, str]) -> None:
    account = clients("sts", region).get_caller_identity()["Account"]
    clients("stepfunctions", region).create_state_machine(
        name=name,
        definition='{"StartAt": "a", "States": {"a": {"Type": "Succeed"}}}',
        roleArn=role_arn(account, "run"),
        tags=tag_list(tags, "key", "value"),
    )


def make_group(clients: Clients, region: str, name: str, tags: dict[str, str]) -> None:
    clients("sagemaker", region).create_model_package_group(
        ModelPackageGroupName=name, ModelPackageGroupDescription="any", Tags=tag_list(tags)
    )


def test_the_same_things_give_the_same_answer(aws: Any, seeded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for account in WORLD.ids:
        keys = {"aws_access_key_id": aws.access_key(account), "aws_secret_access_key": "any"}
        session = boto3.Session(**keys)
        made: dict[tuple[str, str], Any] = {}

        def clients(service: str, region: str, session: Any = session, made: Any = made) -> Any:
            if (service, region) not in made:
                made[service, region] = session.client(service, region_name=region, endpoint_url=aws.endpoint)
            return made[service, region]

        fill(clients, account)
    theirs = scanned(aws.endpoint, monkeypatch)
    ours = scanned(seeded, monkeypatch)
    assert ours == theirs
