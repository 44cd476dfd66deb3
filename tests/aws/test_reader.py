"""One cell is read: every page, every detail, and every refusal told by its own name."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from botocore import exceptions

from provisioner import arn as arns
from provisioner import fit
from provisioner.aws.reader import Reader
from provisioner.aws.session import Client, Session
from provisioner.emulator.identity import EXPIRED_KEY
from provisioner.emulator.rules import iam_action
from provisioner.emulator.server import Emulator
from provisioner.errors import RefusedError
from provisioner.scan.engine import Scan, scan
from provisioner.scan.table import GLOBAL, ROWS, Found, Reading, Row, only

ACCOUNT = "111122223333"
HOME = "eu-central-1"
S3, ECR, IAM = THREE = ROWS[:3]
EKS = next(row for row in ROWS if row.service == "eks")
REPOSITORY = {
    "repositoryArn": f"arn:aws:ecr:{HOME}:{ACCOUNT}:repository/churn",
    "repositoryName": "churn",
    "imageTagMutability": "MUTABLE",
}
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "sagemaker.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
ROLE = {
    "Path": "/",
    "RoleName": "ml",
    "Arn": f"arn:aws:iam::{ACCOUNT}:role/ml",
    "AssumeRolePolicyDocument": quote(json.dumps({"Statement": TRUST})),
    "AttachedManagedPolicies": [],
}
# What a bucket says of what was never set.
PLAIN = {"locked": False, "requester_pays": False, "acls_disabled": False}
BARE = {"encrypted": False, "versioned": False} | PLAIN
EVERYTHING = {"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"}


class Recorded(Session):
    """A session that remembers the calls made, by the IAM action that allows them."""

    def __init__(self, region: str, credentials: dict[str, str]) -> None:
        super().__init__(region, credentials=credentials)
        self.calls: list[str] = []

    def client(self, service: str, region: str = "") -> Client:
        client = super().client(service, region)
        client.raw.meta.events.register("before-call", self._note, unique_id="recorded")
        return client

    def _note(self, model: Any, **_: Any) -> None:
        service = model.service_model
        action = iam_action(service.signing_name, model.name)
        # Two services sign as s3 and have a call of this name.
        own = service.service_name == "s3control"
        self.calls.append(action.replace("GetBucket", "GetAccount") if own else action)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def aws(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    emulator.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.endpoint)
    return emulator


@pytest.fixture
def session(aws: Emulator) -> Recorded:
    return signed_in(aws.access_key(ACCOUNT))


@pytest.fixture
def offline() -> Recorded:
    """For recorded answers: nothing leaves the machine."""
    return signed_in("AKIA")


def signed_in(key: str, region: str = HOME) -> Recorded:
    return Recorded(region, {"AccessKeyId": key, "SecretAccessKey": "any"})


def read(session: Session, row: Row, region: str = HOME) -> Reading:
    return Reader(lambda account: session).read(ACCOUNT, GLOBAL if row.scope == "global" else region, row)


def scan_all(session: Session, *regions: str, rows: tuple[Row, ...] = THREE) -> Scan:
    reader = Reader(lambda account: session)
    return scan(accounts=[ACCOUNT], regions=regions, rows=rows, read=reader.read, clock=time.monotonic)


def make_bucket(session: Session, name: str, region: str = HOME) -> Client:
    s3 = session.client("s3", region)
    place = {} if region == "us-east-1" else {"LocationConstraint": region}
    s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
    return s3


def block_public_access(s3: Client, bucket: str, **more: bool) -> None:
    blocks = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=blocks | more)


def encrypt(s3: Client, bucket: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def make_role(
    session: Session, name: str, service: str = "sagemaker.amazonaws.com", **condition: Any
) -> None:
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": service}}
    statement |= {"Action": "sts:AssumeRole"} | ({"Condition": condition} if condition else {})
    document = {"Version": "2012-10-17", "Statement": [statement]}
    session.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))


def answer(session: Session, service: str, call: str, *outcomes: Any, region: str = HOME) -> None:
    """Let a call have these outcomes in turn, the last one for ever: answer, exception or error code."""
    left = list(outcomes)

    def act(**_: Any) -> tuple[Any, Any]:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, BaseException):
            raise outcome
        if isinstance(outcome, str):
            return SimpleNamespace(status_code=400), {"Error": {"Code": outcome, "Message": "said AWS"}}
        return SimpleNamespace(status_code=200), outcome

    session.client(service, region).raw.meta.events.register(f"before-call.*.{call}", act)


def named(resources: tuple[Found, ...]) -> dict[str, Found]:
    return {found.name: found for found in resources}


# What is there


def test_a_bucket_is_found_with_what_fitness_asks_for(session: Recorded) -> None:
    s3 = make_bucket(session, "churn")
    block_public_access(s3, "churn")
    encrypt(s3, "churn")
    s3.put_bucket_versioning(Bucket="churn", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket="churn", Tagging={"TagSet": [{"Key": "team", "Value": "ml"}]})

    reading = read(session, S3)

    assert reading.resources == (
        Found(
            arn="arn:aws:s3:::churn",
            account=ACCOUNT,
            region=HOME,
            kind="bucket",
            name="churn",
            attributes={"public_access_blocked": True, "encrypted": True, "versioned": True} | PLAIN,
            tags={"team": "ml"},
        ),
    )
    cell = reading.cell
    assert (cell.state, cell.count, cell.calls, cell.note) == ("found", 1, 9, "")


def test_a_bucket_without_settings_says_no_to_each(session: Recorded) -> None:
    make_bucket(session, "bare")
    (bare,) = read(session, S3).resources
    assert bare.attributes == BARE | {"public_access_blocked": False, "public_by_policy": False}
    assert bare.tags == {}


def test_a_block_with_a_hole_proves_nothing(session: Recorded) -> None:
    block_public_access(make_bucket(session, "holed"), "holed", RestrictPublicBuckets=False)
    (holed,) = read(session, S3).resources
    assert fit.best(holed, HOME).verdict == "unknown"


def block_account(session: Session, **more: bool) -> None:
    blocks = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    session.client("s3control").put_public_access_block(
        AccountId=ACCOUNT, PublicAccessBlockConfiguration=blocks | more
    )


def test_a_bucket_is_not_public_where_its_account_blocks_it(session: Recorded) -> None:
    make_bucket(session, "here")
    make_bucket(session, "there", "us-east-1")
    block_account(session)
    session.calls.clear()
    done = scan_all(session, HOME, "us-east-1", rows=(S3,))
    assert [f.attributes["public_access_blocked"] for f in done.resources] == [True, True]
    assert session.calls.count("s3:GetAccountPublicAccessBlock") == 1
    assert len(session.calls) == sum(cell.calls for cell in done.cells)


def test_where_the_account_blocks_public_access_no_bucket_is_asked(session: Recorded) -> None:
    make_bucket(session, "churn")
    block_account(session)
    session.calls.clear()
    read(session, S3)
    assert "s3:GetAccountPublicAccessBlock" in session.calls
    assert not {"s3:GetBucketPublicAccessBlock", "s3:GetBucketPolicyStatus"} & {*session.calls}


def test_an_account_that_blocks_with_a_hole_leaves_it_to_the_bucket(session: Recorded) -> None:
    block_public_access(make_bucket(session, "closed"), "closed")
    make_bucket(session, "bare")
    block_account(session, BlockPublicPolicy=False)
    found = named(read(session, S3).resources)
    assert {name: f.attributes["public_access_blocked"] for name, f in found.items()} == {
        "bare": False,
        "closed": True,
    }


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("AccessDenied", "AccessDenied"),
        (exceptions.EndpointConnectionError(endpoint_url="https://1.s3-control"), "Unreachable"),
    ],
)
def test_an_account_that_does_not_tell_leaves_it_to_the_bucket(
    session: Recorded, outcome: Any, said: str
) -> None:
    block_public_access(make_bucket(session, "closed"), "closed")
    answer(session, "s3control", "GetPublicAccessBlock", outcome)
    reading = read(session, S3)
    assert [f.attributes["public_access_blocked"] for f in reading.resources] == [True]
    assert (reading.cell.state, reading.cell.note) == (
        "found",
        f"could not look: account's get_public_access_block {said} ×1",
    )


def test_the_account_stands_in_the_host_of_aws_alone(offline: Recorded) -> None:
    class SentError(Exception):
        pass

    def stop(request: Any, **_: Any) -> None:
        raise SentError(request.url)

    client = offline.client("s3control")
    client.raw.meta.events.register("before-send", stop)
    with pytest.raises(SentError) as caught:
        client.get_public_access_block(AccountId=ACCOUNT)
    assert str(caught.value) == (
        f"https://{ACCOUNT}.s3-control.{HOME}.amazonaws.com/v20180820/configuration/publicAccessBlock"
    )


def test_a_bucket_of_another_region_is_in_the_other_cell(session: Recorded) -> None:
    make_bucket(session, "here")
    make_bucket(session, "there", "us-east-1")
    done = scan_all(session, HOME, "us-east-1", "eu-west-1", rows=(S3,))
    assert [(c.region, c.state, c.count) for c in done.cells] == [
        ("eu-central-1", "found", 1),
        ("us-east-1", "found", 1),
        ("eu-west-1", "empty", 0),
    ]
    assert [(f.name, f.region) for f in done.resources] == [("here", HOME), ("there", "us-east-1")]
    assert session.calls.count("s3:ListAllMyBuckets") == 1


def test_only_buckets_of_the_regions_asked_for_are_looked_at(session: Recorded) -> None:
    make_bucket(session, "there", "us-east-1")
    reading = read(session, S3)
    assert (reading.cell.state, reading.cell.calls, reading.resources) == ("empty", 1, ())


def test_every_page_of_buckets_is_read(session: Recorded) -> None:
    for number in range(5):
        make_bucket(session, f"bucket-{number}")
    row = replace(S3, arguments={"PaginationConfig": {"PageSize": 2}}, details=(), tagged_as="")
    cell = read(session, row).cell
    assert (cell.count, cell.calls - len(S3.account_details)) == (5, 3)


def test_every_page_of_repositories_is_read(offline: Recorded) -> None:
    first = {"repositories": [REPOSITORY], "nextToken": "2"}
    second = {"repositories": [REPOSITORY | {"repositoryName": "fraud"}]}
    answer(offline, "ecr", "DescribeRepositories", first, second)
    reading = read(offline, replace(ECR, tagged_as=""))
    assert (reading.cell.calls, [f.name for f in reading.resources]) == (2, ["churn", "fraud"])


def test_every_page_of_roles_is_read_also_behind_an_empty_one(offline: Recorded) -> None:
    nothing = {"RoleDetailList": [], "IsTruncated": True, "Marker": "2"}
    answer(offline, "iam", "GetAccountAuthorizationDetails", nothing, {"RoleDetailList": [ROLE]})
    reading = read(offline, IAM)
    assert (reading.cell.calls, [f.name for f in reading.resources]) == (2, ["ml"])


def test_an_answer_without_its_list_is_an_empty_cell(offline: Recorded) -> None:
    answer(offline, "s3", "ListBuckets", {})
    assert read(offline, S3).cell.state == "empty"


def test_tags_are_asked_for_a_hundred_resources_at_a_time(offline: Recorded) -> None:
    asked = []

    def tags(params: Any, **_: Any) -> tuple[Any, Any]:
        arns = json.loads(params["body"])["ResourceARNList"]
        asked.append(len(arns))
        rows = [{"ResourceARN": arn, "Tags": [{"Key": "of", "Value": arn[-3:]}]} for arn in arns]
        return SimpleNamespace(status_code=200), {"ResourceTagMappingList": rows}

    offline.client("resourcegroupstaggingapi").raw.meta.events.register("before-call.*.GetResources", tags)
    many = [REPOSITORY | {"repositoryArn": f"{REPOSITORY['repositoryArn']}{n:03}"} for n in range(150)]
    answer(offline, "ecr", "DescribeRepositories", {"repositories": many})
    reading = read(offline, ECR)
    assert (reading.cell.calls, sorted(asked)) == (3, [50, 100])
    assert [f.tags for f in reading.resources] == [{"of": f"{n:03}"} for n in range(150)]


def test_only_the_likeliest_are_looked_into_and_the_cell_says_so(session: Recorded) -> None:
    for name in ("aaa", "ml-artifacts", "zzz"):
        make_bucket(session, name)
    reading = Reader(lambda account: session, most_details=2).read(ACCOUNT, HOME, S3)
    assert [f.name for f in reading.resources if "versioned" in f.attributes] == ["aaa", "ml-artifacts"]
    assert reading.cell.note == "looked into 2 of 3 (--details all: into each)"


def test_every_cluster_tells_its_version_but_only_the_likeliest_their_nodes(offline: Recorded) -> None:
    described = {"name": "any", "version": "1.33", "accessConfig": {"authenticationMode": "API"}}
    answer(offline, "eks", "ListClusters", {"clusters": ["aaa", "ml-gpu", "zzz"]})
    answer(offline, "resourcegroupstaggingapi", "GetResources", {"ResourceTagMappingList": []})
    answer(offline, "eks", "DescribeCluster", {"cluster": described})
    answer(offline, "eks", "ListNodegroups", {"nodegroups": []})
    answer(offline, "eks", "ListAddons", {"addons": []})
    answer(offline, "eks", "ListAccessEntries", {"accessEntries": []})
    reading = Reader(lambda account: offline, most_details=1).read(ACCOUNT, HOME, EKS)
    assert [f.attributes["version"] for f in reading.resources] == ["1.33"] * 3
    assert [f.name for f in reading.resources if "access_entries" in f.attributes] == ["ml-gpu"]
    assert reading.cell.note == "looked into 1 of 3 (--details all: into each)"


def test_an_account_that_is_forgotten_is_listed_anew(session: Recorded) -> None:
    make_bucket(session, "churn")
    reader = Reader(lambda account: session)
    reader.read(ACCOUNT, HOME, S3)
    reader.forget(ACCOUNT)
    reader.read(ACCOUNT, HOME, S3)
    assert session.calls.count("s3:ListAllMyBuckets") == 2


def test_a_repository_has_its_tags_in_bulk(session: Recorded) -> None:
    ecr = session.client("ecr")
    ecr.create_repository(repositoryName="ml/churn", tags=[{"Key": "team", "Value": "ml"}])
    ecr.create_repository(repositoryName="plain", imageTagMutability="IMMUTABLE")
    found = named(read(session, ECR).resources)
    assert {name: f.tags for name, f in found.items()} == {"ml/churn": {"team": "ml"}, "plain": {}}
    assert {name: fit.best(f, HOME).verdict for name, f in found.items()} == {
        "ml/churn": "fit",
        "plain": "unfit",
    }


def test_roles_are_those_that_sagemaker_may_assume(session: Recorded) -> None:
    make_role(session, "guarded", StringEquals={"aws:SourceAccount": ACCOUNT})
    make_role(session, "open")
    make_role(session, "lambda", service="lambda.amazonaws.com")
    iam = session.client("iam")
    full = iam.create_policy(
        PolicyName="AmazonSageMakerFullAccess",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [EVERYTHING]}),
    )
    iam.attach_role_policy(RoleName="open", PolicyArn=full["Policy"]["Arn"])

    found = named(read(session, IAM).resources)

    assert {name: dict(f.attributes) for name, f in found.items()} == {
        "guarded": {
            "trusts_sagemaker": True,
            "guarded_trust": True,
            "no_full_access": True,
            "policies": [],
        },
        "open": {
            "trusts_sagemaker": True,
            "guarded_trust": False,
            "no_full_access": False,
            "policies": [{"Version": "2012-10-17", "Statement": [EVERYTHING]}],
        },
    }
    assert {f.region for f in found.values()} == {"global"}


def test_a_whole_scan_makes_no_call_that_its_policy_does_not_allow(session: Recorded) -> None:
    make_bucket(session, "churn")
    session.client("ecr").create_repository(repositoryName="churn")
    make_role(session, "churn")
    session.calls.clear()
    done = scan_all(session, HOME, "us-east-1")
    allowed = {action for row in THREE for action in row.permissions}
    assert set(session.calls) == allowed
    assert len(session.calls) == sum(cell.calls for cell in done.cells)


# What is refused


@pytest.mark.parametrize(
    ("action", "row"),
    [
        ("s3:ListAllMyBuckets", S3),
        ("ecr:DescribeRepositories", ECR),
        ("iam:GetAccountAuthorizationDetails", IAM),
    ],
    ids=("s3", "ecr", "iam"),
)
def test_denied_is_never_empty(aws: Emulator, session: Recorded, action: str, row: Row) -> None:
    aws.deny(action)
    cell = read(session, row).cell
    assert (cell.state, cell.calls) == ("denied", 1)
    assert action in cell.note


def test_a_denied_listing_denies_every_region(aws: Emulator, session: Recorded) -> None:
    aws.deny("s3:ListAllMyBuckets")
    done = scan_all(session, HOME, "us-east-1", rows=(S3,))
    assert [c.state for c in done.cells] == ["denied", "denied"]
    assert session.calls == ["s3:ListAllMyBuckets"]
    assert done.partly


def test_a_denied_detail_leaves_one_attribute_unknown(aws: Emulator, session: Recorded) -> None:
    make_bucket(session, "one")
    make_bucket(session, "two")
    aws.deny("s3:GetBucketPublicAccessBlock")
    reading = read(session, S3)
    assert reading.cell.state == "found"
    assert reading.cell.note == "could not look: get_public_access_block AccessDenied ×2"
    assert reading.cell.gaps == 2
    assert [dict(f.attributes) for f in reading.resources] == [BARE] * 2
    assert {fit.best(f, HOME).verdict for f in reading.resources} == {"unknown"}


def test_denied_tags_are_unknown_not_empty(aws: Emulator, session: Recorded) -> None:
    session.client("ecr").create_repository(repositoryName="churn", tags=[{"Key": "a", "Value": "b"}])
    aws.deny("tag:GetResources")
    reading = read(session, ECR)
    assert [f.tags for f in reading.resources] == [None]
    assert reading.cell.note == "could not look: get_resources AccessDeniedException ×1"
    assert reading.cell.gaps == 1


def test_a_later_page_that_is_refused_refuses_the_cell(offline: Recorded) -> None:
    first = {"repositories": [REPOSITORY], "nextToken": "2"}
    answer(offline, "ecr", "DescribeRepositories", first, "ThrottlingException")
    reading = read(offline, ECR)
    assert (reading.cell.state, reading.cell.calls, reading.resources) == ("throttled", 2, ())


@pytest.mark.parametrize(
    ("region", "outcome", "state"),
    [
        (HOME, "AccessDeniedException", "denied"),
        (HOME, "ThrottlingException", "throttled"),
        (HOME, "OptInRequired", "not_enabled"),
        (HOME, "ServerException", "failed"),
        (HOME, exceptions.ConnectTimeoutError(endpoint_url="https://ecr"), "timeout"),
        (HOME, exceptions.ReadTimeoutError(endpoint_url="https://ecr"), "timeout"),
        (HOME, exceptions.EndpointConnectionError(endpoint_url="https://ecr"), "failed"),
        ("eu-nowhere-1", exceptions.EndpointConnectionError(endpoint_url="https://ecr"), "unsupported"),
        ("eu-south-2", "UnrecognizedClientException", "not_enabled"),
        ("eu-south-2", "InvalidClientTokenId", "not_enabled"),
    ],
)
def test_a_refusal_has_a_state_of_its_own(offline: Recorded, region: str, outcome: Any, state: str) -> None:
    answer(offline, "ecr", "DescribeRepositories", outcome, region=region)
    assert read(offline, ECR, region).cell.state == state


@pytest.mark.parametrize(
    "code", ["UnrecognizedClientException", "AuthFailure", "InvalidClientTokenId", "SignatureDoesNotMatch"]
)
def test_a_region_that_the_account_has_switched_on_is_never_told_as_off(offline: Recorded, code: str) -> None:
    answer(offline, "ecr", "DescribeRepositories", code, region="af-south-1")
    reader = Reader(lambda account: offline, is_on=lambda account, region: region == "af-south-1")
    cell = reader.read(ACCOUNT, "af-south-1", ECR).cell
    assert (cell.state, cell.note) == (
        "failed",
        f"AWS does not accept these credentials ({code}), though account {ACCOUNT} has af-south-1 "
        "switched on: session tokens of the global STS endpoint work only in regions that are on by default; "
        "take them from a regional endpoint (AWS_STS_REGIONAL_ENDPOINTS=regional), or make them work in all: "
        "`aws iam set-security-token-service-preferences --global-endpoint-token-version v2Token`",
    )


def test_a_deadline_in_the_details_is_a_gap_of_a_cell_that_was_listed(offline: Recorded) -> None:
    late = RefusedError("the cell took longer than it may", code="Deadline")
    answer(offline, "eks", "ListClusters", {"clusters": ["ml"]})
    for call in ("DescribeCluster", "ListNodegroups", "ListAddons"):
        answer(offline, "eks", call, late)
    answer(offline, "resourcegroupstaggingapi", "GetResources", {"ResourceTagMappingList": []})
    cell = read(offline, EKS).cell
    assert (cell.state, cell.count, cell.gaps, cell.note) == (
        "found",
        1,
        3,
        "could not look: describe_cluster Deadline ×1, list_addons Deadline ×1, list_nodegroups Deadline ×1",
    )


def test_a_cluster_deleted_since_it_was_listed_is_no_resource_and_no_gap(offline: Recorded) -> None:
    answer(offline, "eks", "ListClusters", {"clusters": ["ml"]})
    for call in ("DescribeCluster", "ListNodegroups", "ListAddons"):
        answer(offline, "eks", call, "ResourceNotFoundException")
    answer(offline, "resourcegroupstaggingapi", "GetResources", {"ResourceTagMappingList": []})
    reading = read(offline, EKS)
    cell = reading.cell
    assert (cell.state, cell.count, cell.gaps, cell.note) == ("empty", 0, 0, "gone since listed: 1")
    assert reading.resources == ()


def test_a_project_left_out_of_the_batch_is_gone(offline: Recorded) -> None:
    environment = {"type": "LINUX_CONTAINER", "image": "any", "computeType": "any"}
    answer(offline, "codebuild", "ListProjects", {"projects": ["kept", "deleted"]})
    kept = {"name": "kept", "environment": environment}
    answer(offline, "codebuild", "BatchGetProjects", {"projects": [kept], "projectsNotFound": ["deleted"]})
    answer(offline, "resourcegroupstaggingapi", "GetResources", {"ResourceTagMappingList": []})
    reading = read(offline, next(row for row in ROWS if row.service == "codebuild"))
    assert [f.name for f in reading.resources] == ["kept"]
    assert (reading.cell.gaps, reading.cell.note) == (0, "gone since listed: 1")


def test_a_scan_waits_for_a_dead_region_a_few_seconds_only(offline: Recorded) -> None:
    plain, hasty = (s.client("ecr").raw.meta.config for s in (offline, offline.impatient))
    assert (plain.connect_timeout, plain.retries["total_max_attempts"]) == (5, 5)
    assert (hasty.connect_timeout, hasty.retries["total_max_attempts"]) == (2, 3)
    assert hasty.user_agent_extra == plain.user_agent_extra


def test_a_failed_cell_says_what_was_said(offline: Recorded) -> None:
    answer(offline, "ecr", "DescribeRepositories", "ServerException")
    assert read(offline, ECR).cell.note == "DescribeRepositories: said AWS"


def test_a_dead_endpoint_is_a_failed_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    # Port 9 is "discard": nobody listens.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    cell = read(signed_in("AKIA"), ECR).cell
    assert cell.state == "failed"
    assert cell.note.startswith("could not reach AWS")


@pytest.mark.parametrize("row", THREE, ids=lambda row: row.service)
def test_expired_credentials_end_it_all(aws: Emulator, row: Row) -> None:
    with pytest.raises(RefusedError, match="expired"):
        read(signed_in(EXPIRED_KEY), row)


def test_credentials_that_expire_between_list_and_detail_end_it_all(offline: Recorded) -> None:
    answer(offline, "s3", "ListBuckets", {"Buckets": [{"Name": "churn", "BucketRegion": HOME}]})
    answer(offline, "s3", "GetPublicAccessBlock", "ExpiredToken")
    answer(offline, "s3", "GetBucketEncryption", "AccessDenied")
    answer(offline, "s3", "GetBucketVersioning", "AccessDenied")
    with pytest.raises(RefusedError, match="expired"):
        read(offline, S3)


@pytest.mark.parametrize(("row", "region"), [(ECR, HOME), (S3, "eu-south-2"), (IAM, GLOBAL)])
def test_keys_that_aws_does_not_know_end_it_all(offline: Recorded, row: Row, region: str) -> None:
    """S3 and IAM are asked in the home region, whatever region the cell is of."""
    operation = {"s3": "ListBuckets", "ecr": "DescribeRepositories"}.get(
        row.service, "GetAccountAuthorizationDetails"
    )
    answer(offline, row.service, operation, "InvalidClientTokenId")
    with pytest.raises(RefusedError, match="does not accept"):
        read(offline, row, region)


# Sessions, and servers that tell less


def refuse(code: str) -> Callable[[str], Session]:
    def session_for(account: str) -> Session:
        raise RefusedError(f"AssumeRole into {account} was denied", code=code)

    return session_for


def test_an_account_that_lets_nobody_in_is_denied() -> None:
    cell = Reader(refuse("AccessDenied")).read(ACCOUNT, HOME, ECR).cell
    assert (cell.state, cell.calls, cell.note) == (
        "denied",
        0,
        f"AssumeRole into {ACCOUNT} was denied",
    )


def test_each_account_is_entered_once(session: Recorded) -> None:
    entered: list[str] = []
    reader = Reader(lambda account: entered.append(account) or session)
    for row in (S3, ECR):
        for account in (ACCOUNT, "444455556666"):
            reader.read(account, HOME, row)
    assert entered == [ACCOUNT, "444455556666"]


def test_a_bucket_listed_without_its_region_is_asked_for_it(offline: Recorded) -> None:
    answer(offline, "s3", "ListBuckets", {"Buckets": [{"Name": "churn"}]})
    answer(offline, "s3", "HeadBucket", {"BucketRegion": "eu-west-1"})
    answer(offline, "s3", "GetPublicAccessBlock", "AccessDenied", region="eu-west-1")
    answer(offline, "s3", "GetBucketEncryption", "AccessDenied", region="eu-west-1")
    answer(offline, "s3", "GetBucketVersioning", {}, region="eu-west-1")
    answer(offline, "resourcegroupstaggingapi", "GetResources", "AccessDenied", region="eu-west-1")
    reading = read(offline, S3, "eu-west-1")
    assert [(f.name, f.region, f.attributes) for f in reading.resources] == [
        ("churn", "eu-west-1", {"versioned": False})
    ]


def test_a_bucket_that_tells_no_region_is_noted_in_every_cell(offline: Recorded) -> None:
    answer(offline, "s3", "ListBuckets", {"Buckets": [{"Name": "churn"}]})
    answer(offline, "s3", "HeadBucket", "403")
    done = scan_all(offline, HOME, "us-east-1", rows=(S3,))
    assert [c.note for c in done.cells] == ["could not look: head_bucket 403 ×1"] * 2


def test_a_row_for_one_resource_looks_at_no_other(session: Recorded) -> None:
    for name in ("churn", "churn-old"):
        make_bucket(session, name)
    session.calls.clear()
    reading = read(session, only(S3, arns.parse("arn:aws:s3:::churn")))
    assert ([f.name for f in reading.resources], reading.cell.calls, len(session.calls)) == (["churn"], 9, 9)


def test_one_resource_that_is_not_there_is_an_empty_cell(session: Recorded) -> None:
    row = only(ECR, arns.parse(REPOSITORY["repositoryArn"]))
    cell = read(session, row).cell
    assert (cell.state, cell.calls, cell.note) == ("empty", 1, "")
