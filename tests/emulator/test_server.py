"""The server: refusals on request, S3 and tagging as AWS answers them, and the controls."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from provisioner.emulator.identity import DENIED_KEY, EXPIRED_KEY

ACCOUNT, OTHER, REGION = "123456789012", "444455556666", "eu-central-1"
HERE = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
# One call per protocol: query, REST XML, JSON, REST JSON, EC2.
CALLS = {
    "iam": "list_roles",
    "s3": "list_buckets",
    "ecr": "describe_repositories",
    "eks": "list_clusters",
    "ec2": "describe_vpcs",
}


# --- callers that are refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("iam", "ExpiredToken"),
        ("s3", "ExpiredToken"),
        ("ecr", "ExpiredTokenException"),
        ("eks", "ExpiredTokenException"),
        ("ec2", "RequestExpired"),
    ],
)
def test_an_expired_session_is_refused_by_every_service(
    client: Any, refused: Any, service: str, code: str
) -> None:
    assert refused(getattr(client(service, key=EXPIRED_KEY), CALLS[service]))[0] == code


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("iam", "AccessDenied"),
        ("s3", "AccessDenied"),
        ("ecr", "AccessDeniedException"),
        ("eks", "AccessDeniedException"),
        ("ec2", "UnauthorizedOperation"),
    ],
)
def test_a_caller_without_permissions_is_refused_by_every_service(
    client: Any, refused: Any, service: str, code: str
) -> None:
    assert refused(getattr(client(service, key=DENIED_KEY), CALLS[service]))[0] == code


def test_even_a_caller_without_permissions_may_ask_who_it_is(client: Any, refused: Any) -> None:
    assert client("sts", key=DENIED_KEY).get_caller_identity()["Account"] == ACCOUNT
    assert refused(client("sts", key=EXPIRED_KEY).get_caller_identity)[0] == "ExpiredToken"


def test_one_action_is_denied_to_everybody(aws: Any, client: Any, refused: Any) -> None:
    aws.deny("iam:ListRoles")
    assert refused(client("iam").list_roles) == (
        "AccessDenied",
        f"User: arn:aws:iam::{ACCOUNT}:user/moto is not authorized to perform: iam:ListRoles because no "
        "identity-based policy allows the iam:ListRoles action",
    )
    assert client("iam").list_users()["Users"] == []


@pytest.mark.parametrize(
    ("action", "operation", "parameters"),
    [
        ("s3:ListAllMyBuckets", "list_buckets", {}),
        ("s3:ListBucket", "list_objects_v2", {"Bucket": "mine"}),
        ("s3:GetEncryptionConfiguration", "get_bucket_encryption", {"Bucket": "mine"}),
        ("s3:GetBucketPublicAccessBlock", "get_public_access_block", {"Bucket": "mine"}),
        ("s3:PutObject", "put_object", {"Bucket": "mine", "Key": "a/b", "Body": b""}),
        ("s3:Get*", "get_object", {"Bucket": "mine", "Key": "a/b"}),
    ],
)
def test_s3_operations_are_denied_by_their_action(
    aws: Any, client: Any, refused: Any, action: str, operation: str, parameters: Any
) -> None:
    client("s3").create_bucket(Bucket="mine", **HERE)
    aws.deny(action)
    assert refused(getattr(client("s3"), operation), **parameters)[0] == "AccessDenied"


def test_describing_all_stacks_takes_the_right_to_list_them(aws: Any, stacks: Any, refused: Any) -> None:
    stacks.create("one", {"Resources": {"Log": {"Type": "AWS::Logs::LogGroup"}}})
    aws.deny("cloudformation:ListStacks")
    assert refused(stacks.api.describe_stacks)[0] == "AccessDenied"
    assert stacks.api.describe_stacks(StackName="one")["Stacks"][0]["StackName"] == "one"


def test_an_account_key_speaks_for_its_account(aws: Any, client: Any) -> None:
    who = client("sts", key=aws.access_key(OTHER)).get_caller_identity()
    assert (who["Account"], who["Arn"]) == (OTHER, f"arn:aws:iam::{OTHER}:user/moto")


def test_a_presigned_get_caller_identity_knows_its_caller(aws: Any, client: Any) -> None:
    url = client("sts", key=aws.access_key(OTHER)).generate_presigned_url("get_caller_identity")
    with urllib.request.urlopen(url) as answer:
        assert f"<Account>{OTHER}</Account>" in answer.read().decode()


@pytest.mark.parametrize(
    ("action", "service", "code"),
    [
        ("iam:ListRoles", "iam", "Throttling"),
        ("s3:ListAllMyBuckets", "s3", "SlowDown"),
        ("ecr:DescribeRepositories", "ecr", "ThrottlingException"),
        ("eks:ListClusters", "eks", "ThrottlingException"),
        ("ec2:DescribeVpcs", "ec2", "RequestLimitExceeded"),
    ],
)
def test_a_service_throttles_as_often_as_it_is_told(
    aws: Any, client: Any, refused: Any, action: str, service: str, code: str
) -> None:
    aws.throttle(action, times=2)
    call = getattr(client(service, retries=1), CALLS[service])
    assert [refused(call)[0], refused(call)[0]] == [code, code]
    assert call()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_ordinary_clients_retry_what_is_throttled(aws: Any, client: Any) -> None:
    aws.throttle("ecr:DescribeRepositories", times=1)
    answer = client("ecr").describe_repositories()
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1


# --- S3 --------------------------------------------------------------------------------------------


def test_buckets_come_in_pages_with_their_regions(client: Any) -> None:
    for name in ("b-one", "b-two", "b-three"):
        client("s3").create_bucket(Bucket=name, **HERE)
    client("s3", region="us-east-1").create_bucket(Bucket="a-far")
    pages = client("s3").get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 2})
    assert [[(row["Name"], row["BucketRegion"]) for row in page["Buckets"]] for page in pages] == [
        [("a-far", "us-east-1"), ("b-one", REGION)],
        [("b-three", REGION), ("b-two", REGION)],
    ]
    with pytest.raises(ClientError, match="The continuation token provided is incorrect"):
        client("s3").list_buckets(ContinuationToken="nonsense")
    some = client("s3").list_buckets(Prefix="b-t", BucketRegion=REGION)["Buckets"]
    assert [row["Name"] for row in some] == ["b-three", "b-two"]


def test_the_old_list_of_buckets_has_no_regions(client: Any) -> None:
    client("s3").create_bucket(Bucket="plain", **HERE)
    (row,) = client("s3").list_buckets()["Buckets"]
    assert sorted(row) == ["CreationDate", "Name"]


def test_another_accounts_bucket_is_forbidden_and_its_name_taken(aws: Any, client: Any, refused: Any) -> None:
    client("s3", key=aws.access_key(OTHER)).create_bucket(Bucket="theirs", **HERE)
    s3 = client("s3")
    assert refused(s3.head_bucket, Bucket="theirs")[0] == "403"
    assert refused(s3.list_objects_v2, Bucket="theirs") == ("AccessDenied", "Access Denied")
    assert refused(s3.create_bucket, Bucket="theirs", **HERE)[0] == "BucketAlreadyExists"
    assert refused(s3.head_bucket, Bucket="nobodys")[0] == "404"


def test_a_bucket_policy_opens_a_bucket_to_others(aws: Any, client: Any) -> None:
    theirs = client("s3", key=aws.access_key(OTHER))
    theirs.create_bucket(Bucket="public", **HERE)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::public/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    theirs.put_bucket_policy(Bucket="public", Policy=policy)
    theirs.put_object(Bucket="public", Key="t.json", Body=b"{}")
    assert client("s3").get_object(Bucket="public", Key="t.json")["Body"].read() == b"{}"


def test_an_own_bucket_again_is_fine_in_us_east_1_only(client: Any, refused: Any) -> None:
    east = client("s3", region="us-east-1")
    east.create_bucket(Bucket="twice")
    assert east.create_bucket(Bucket="twice")["ResponseMetadata"]["HTTPStatusCode"] == 200
    client("s3").create_bucket(Bucket="once", **HERE)
    assert refused(client("s3").create_bucket, Bucket="once", **HERE)[0] == "BucketAlreadyOwnedByYou"


def test_virtual_hosted_requests_reach_their_bucket(aws: Any, client: Any) -> None:
    client("s3").create_bucket(Bucket="hosted", **HERE)
    client("s3").put_object(Bucket="hosted", Key="a/b", Body=b"x")
    host = aws.endpoint.removeprefix("http://")
    authorization = f"AWS4-HMAC-SHA256 Credential=testing/20260101/{REGION}/s3/aws4_request, Signature=x"
    request = urllib.request.Request(
        f"{aws.endpoint}/a/b", headers={"Host": f"hosted.{host}", "Authorization": authorization}
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.read() == b"x"


# --- the tagging API -------------------------------------------------------------------------------


def test_the_tagging_api_sees_buckets_and_repositories_of_its_region(client: Any) -> None:
    client("s3").create_bucket(Bucket="here", **HERE)
    client("s3", region="us-east-1").create_bucket(Bucket="there")
    for name in ("here", "there"):
        client("s3").put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "team", "Value": "a"}]})
    client("ecr").create_repository(repositoryName="images", tags=[{"Key": "team", "Value": "a"}])
    client("ecr").create_repository(repositoryName="untagged")
    api = client("resourcegroupstaggingapi")
    pages = api.get_paginator("get_resources").paginate(
        TagFilters=[{"Key": "team", "Values": ["a"]}], ResourcesPerPage=1
    )
    assert [row["ResourceARN"] for page in pages for row in page["ResourceTagMappingList"]] == [
        f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/images",
        "arn:aws:s3:::here",
    ]
    only = api.get_resources(ResourceTypeFilters=["ecr:repository"])["ResourceTagMappingList"]
    assert [row["Tags"] for row in only] == [[{"Key": "team", "Value": "a"}]]


def test_the_tagging_api_never_lists_roles(client: Any) -> None:
    client("iam").create_role(
        RoleName="tagged", AssumeRolePolicyDocument="{}", Tags=[{"Key": "team", "Value": "a"}]
    )
    found = client("resourcegroupstaggingapi", region="us-east-1").get_resources()
    assert found["ResourceTagMappingList"] == []


# --- controls --------------------------------------------------------------------------------------


def post(aws: Any, name: str, **given: Any) -> int:
    request = urllib.request.Request(f"{aws.endpoint}/_stackwright/{name}", json.dumps(given).encode())
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_another_process_controls_it_over_http(aws: Any, client: Any, refused: Any) -> None:
    assert post(aws, "deny", action="iam:ListRoles") == 200
    assert refused(client("iam").list_roles)[0] == "AccessDenied"
    assert post(aws, "fail", target="AWS::Logs::LogGroup", reason="no room", on="delete") == 200
    assert aws.engine.injected("Any", "AWS::Logs::LogGroup", "delete") == "no room"
    assert post(aws, "slow", seconds=0.01) == 200
    assert aws.latency == 0.01
    assert post(aws, "throttle", action="ecr:DescribeRepositories") == 200
    assert client("ecr").describe_repositories()["ResponseMetadata"]["RetryAttempts"] == 1
    assert post(aws, "delay", seconds=0.5) == 200
    assert aws.engine.delay() == 0.5
    assert post(aws, "reset") == 200
    assert client("iam").list_roles()["Roles"] == []
    assert post(aws, "fail", target="Half") == 400
    assert post(aws, "unknown") == 404


def test_reset_empties_every_account_and_stops_running_stacks(aws: Any, stacks: Any, client: Any) -> None:
    aws.set_delay(30)
    client("s3", key=aws.access_key(OTHER)).create_bucket(Bucket="theirs", **HERE)
    stacks.create("slow", {"Resources": {"Log": {"Type": "AWS::Logs::LogGroup"}}}, wait=False)
    aws.reset()
    assert client("logs").describe_log_groups()["logGroups"] == []
    assert stacks.api.describe_stacks()["Stacks"] == []
    assert client("s3").create_bucket(Bucket="theirs", **HERE)["Location"] == "/theirs"


def test_it_runs_as_a_process_that_says_where(tmp_path: Any) -> None:
    command = [sys.executable, "-m", "provisioner.emulator", "--event-delay", "0"]
    environment = {**os.environ, "AWS_PROFILE": "of-nobody"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        assert ready["pid"] == process.pid
        with urllib.request.urlopen(f"{ready['endpoint']}/_stackwright/health") as answer:
            assert json.load(answer) == {"endpoint": ready["endpoint"], "status": "ok"}
        sts = boto3.client("sts", endpoint_url=ready["endpoint"], region_name=REGION,
                           aws_access_key_id="testing", aws_secret_access_key="any")  # fmt: skip
        assert sts.get_caller_identity()["Account"] == ACCOUNT
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_it_listens_on_loopback_only(aws: Any) -> None:
    assert aws.endpoint.startswith("http://localhost:")
    assert aws._server.server_address[0] == "127.0.0.1"


def test_an_operation_with_a_delay_can_be_watched(aws: Any, stacks: Any) -> None:
    aws.set_delay(0.05)
    stack_id = stacks.create("watch", {"Resources": {"Log": {"Type": "AWS::Logs::LogGroup"}}}, wait=False)
    assert stacks.show(stack_id)["StackStatus"] == "CREATE_IN_PROGRESS"
    assert stacks.settle(stack_id) == "CREATE_COMPLETE"


def test_a_bucket_that_wants_tls_still_takes_objects(client: Any) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="tls-only", **HERE)
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::tls-only/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(
        Bucket="tls-only", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    s3.put_object(Bucket="tls-only", Key="a", Body=b"1")
    closed = {**statement, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    s3.put_bucket_policy(
        Bucket="tls-only", Policy=json.dumps({"Version": "2012-10-17", "Statement": [closed]})
    )
    with pytest.raises(ClientError, match="403"):
        s3.put_object(Bucket="tls-only", Key="b", Body=b"2")
