"""What the seeded cloud answers: one small function per operation, in the names of botocore's models."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tests.seeded_cloud import indexes
from tests.seeded_cloud.wire import AwsError, Call
from tests.seeded_cloud.world import OFF, World, arn, by_region, role_arn

Answer = Mapping[str, Any]
Handler = Callable[[World, Call], Answer]
_MADE = 1_700_000_000
_MADE_TEXT = "2023-11-14T22:13:20Z"


def of(world: World, call: Call) -> Answer:
    """The answer; raises AwsError."""
    if call.region == OFF or (call.region not in world.regions and call.region != "us-east-1"):
        raise AwsError("UnrecognizedClientException", "The security token included in the request is invalid")
    # What nobody taught this cloud is not there, which is an answer of every list call.
    handler = HANDLERS.get((call.service, call.operation))
    return handler(world, call) if handler else {}


# Pages


def _page(total: int, size: int, token: str) -> tuple[range, str]:
    """The indexes of a page, and the token of the next, empty after the last."""
    start = int(base64.urlsafe_b64decode(token)) if token else 0
    end = min(total, start + size)
    return range(start, end), base64.urlsafe_b64encode(str(end).encode()).decode() if end < total else ""


def _some(name: str, value: str) -> dict[str, str]:
    return {name: value} if value else {}


def _listed(
    kind: str, key: str, make: Callable[[str, str], Any], *, ask: tuple[str, str], token: str, most: int
) -> Handler:
    """A list call: `ask` names the parameters of size and token, `token` that of the answer."""

    def handler(world: World, call: Call) -> Answer:
        place = (kind, call.account, call.region)
        size = min(most, int(call.given.get(ask[0], most)))
        indexes, after = _page(world.count(*place), size, call.text(ask[1]))
        names = [world.name(*place, index) for index in indexes]
        made = [make(name, arn(kind, call.account, call.region, name)) for name in names]
        return {key: made, **_some(token, after)}

    return handler


# S3


def _list_buckets(world: World, call: Call) -> Answer:
    prefix = call.text("prefix")
    total = world.bucket_count(call.account)
    indexes, after = _page(total, int(call.given.get("max-buckets", 10_000)), call.text("continuation-token"))
    rows = [world.bucket(call.account, index) for index in indexes]
    listed = [
        {"Name": name, "CreationDate": _MADE_TEXT, **({"BucketRegion": region} if call.given else {})}
        for name, region in rows
        if name.startswith(prefix)
    ]
    return {"Owner": {"ID": call.account.zfill(64)}, "Buckets": listed, **_some("ContinuationToken", after)}


def _bucket(what: str, absent: str, answer: Answer) -> Handler:
    """A setting that half of the buckets have."""

    def handler(world: World, call: Call) -> Answer:
        if world.bucket_has(call.text("Bucket"), what):
            return answer
        if absent:
            raise AwsError(absent, status=404)
        return {}

    return handler


_BLOCKS = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)
_ENCRYPTED = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}


def _no_account_block(world: World, call: Call) -> Answer:
    raise AwsError("NoSuchPublicAccessBlockConfiguration", status=404)


# IAM, STS, accounts


def _roles(world: World, call: Call) -> Answer:
    asked = {value for key, value in call.given.items() if key.startswith("Filter.member.")}
    total = world.role_count(call.account) if not asked or "Role" in asked else 0
    size = int(call.given.get("MaxItems", 100))
    indexes, after = _page(total, size, call.text("Marker"))
    roles = [_role(world, call.account, index) for index in indexes]
    return {
        "RoleDetailList": roles,
        "Policies": [],
        "UserDetailList": [],
        "GroupDetailList": [],
        "IsTruncated": bool(after),
        **_some("Marker", after),
    }


def _role(world: World, account: str, index: int) -> Answer:
    name, service = world.role(account, index)
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {
        "Path": "/",
        "RoleName": name,
        "RoleId": f"AROA{index:016}",
        "Arn": role_arn(account, name),
        "CreateDate": _MADE_TEXT,
        "AssumeRolePolicyDocument": quote(json.dumps({"Version": "2012-10-17", "Statement": [statement]})),
        "RolePolicyList": [],
        "AttachedManagedPolicies": [],
        "InstanceProfileList": [],
        "Tags": [{"Key": k, "Value": v} for k, v in world.tags(role_arn(account, name)).items()],
    }


def _no_profiles(world: World, call: Call) -> Answer:
    return {"InstanceProfiles": [], "IsTruncated": False}


def _identity(world: World, call: Call) -> Answer:
    return {"UserId": call.key, "Account": call.account, "Arn": f"arn:aws:iam::{call.account}:user/scan"}


def _assume_role(world: World, call: Call) -> Answer:
    role = call.text("RoleArn")
    account, name = role.split(":")[4], role.partition("/")[2]
    if account not in world.ids or name != "stackwright-scan":
        raise AwsError("AccessDenied", f"User is not authorized to perform: sts:AssumeRole on {role}", 403)
    return {
        "Credentials": {
            "AccessKeyId": f"ASIA{account}SCAN",
            "SecretAccessKey": "seeded",
            "SessionToken": "seeded",
            "Expiration": "2099-01-01T00:00:00Z",
        },
        "AssumedRoleUser": {"AssumedRoleId": "AROA:scan", "Arn": f"{role}/scan"},
    }


def _members(world: World, call: Call) -> Answer:
    indexes, after = _page(
        world.accounts, min(20, int(call.given.get("MaxResults", 20))), call.text("NextToken")
    )
    rows = [
        {"Id": world.account(n), "Name": f"team {n}", "Status": "ACTIVE", "State": "ACTIVE"} for n in indexes
    ]
    closed = [{"Id": "999999999999", "Name": "closed", "Status": "SUSPENDED", "State": "SUSPENDED"}]
    return {"Accounts": rows + ([] if after else closed), **_some("NextToken", after)}


def _regions(world: World, call: Call) -> Answer:
    on = [{"RegionName": name, "RegionOptStatus": "ENABLED_BY_DEFAULT"} for name in world.regions]
    return {"Regions": [*on, {"RegionName": OFF, "RegionOptStatus": "DISABLED"}]}


# EKS, CodeBuild and the rest


def _cluster(world: World, call: Call) -> Answer:
    name = call.text("name")
    return {
        "cluster": {
            "name": name,
            "arn": arn("cluster", call.account, call.region, name),
            "version": f"1.{31 + world.number('version', name) % 4}",
            "status": "ACTIVE",
            "createdAt": _MADE,
            "accessConfig": {"authenticationMode": "API"},
            "resourcesVpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["0.0.0.0/0"]},
        }
    }


def _nodegroup(world: World, call: Call) -> Answer:
    return {
        "nodegroup": {
            "nodegroupName": call.text("nodegroupName"),
            "scalingConfig": {"minSize": 0, "desiredSize": 1, "maxSize": 3},
            "instanceTypes": ["m5.large"],
            "amiType": "AL2023_x86_64_STANDARD",
        }
    }


def _projects(world: World, call: Call) -> Answer:
    return {
        "projects": [
            {
                "name": name,
                "arn": arn("project", call.account, call.region, name),
                "serviceRole": role_arn(call.account, "build"),
                "environment": {
                    "type": "LINUX_CONTAINER",
                    "image": "aws/codebuild/standard:7.0",
                    "computeType": "BUILD_GENERAL1_SMALL",
                    "privilegedMode": bool(world.number("privileged", name) % 2),
                },
            }
            for name in call.given["names"]
        ]
    }


def _domain(world: World, call: Call) -> Answer:
    id_ = call.text("DomainId")
    return {"DomainId": id_, "DomainName": id_.removeprefix("d-"), "Status": "InService", "AuthMode": "IAM"}


def _tagged(world: World, call: Call) -> Answer:
    """Only what is tagged is told, and only in its own region."""
    buckets = by_region(world, call.account).get(call.region, ())
    here = [a for a in call.given["ResourceARNList"] if _is_here(a, call, buckets)]
    rows = [{"ResourceARN": a, "Tags": _pairs(world.tags(a))} for a in here if world.tags(a)]
    return {"ResourceTagMappingList": rows, "PaginationToken": ""}


def _is_here(text: str, call: Call, buckets: Sequence[str]) -> bool:
    _, _, service, region, _, resource = text.split(":", 5)
    return resource in buckets if service == "s3" else region == call.region


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _kinds() -> Iterator[tuple[tuple[str, str], Handler]]:
    json_ask = ("maxResults", "nextToken")
    yield (
        ("ecr", "DescribeRepositories"),
        _listed(
            "repository",
            "repositories",
            lambda name, arn_: {
                "repositoryArn": arn_,
                "registryId": arn_.split(":")[4],
                "repositoryName": name,
                "repositoryUri": f"{arn_.split(':')[4]}.dkr.ecr.{arn_.split(':')[3]}.amazonaws.com/{name}",
                "createdAt": _MADE,
                "imageTagMutability": "IMMUTABLE" if len(name) % 2 else "MUTABLE",
                "imageScanningConfiguration": {"scanOnPush": True},
                "encryptionConfiguration": {"encryptionType": "AES256"},
            },
            ask=json_ask,
            token="nextToken",
            most=1000,
        ),
    )
    yield (
        ("eks", "ListClusters"),
        _listed("cluster", "clusters", lambda name, _: name, ask=json_ask, token="nextToken", most=100),
    )
    yield (
        ("codebuild", "ListProjects"),
        _listed(
            "project", "projects", lambda name, _: name, ask=("", "nextToken"), token="nextToken", most=100
        ),
    )
    yield (
        ("sagemaker", "ListDomains"),
        _listed(
            "domain",
            "Domains",
            lambda name, arn_: {
                "DomainArn": arn_,
                "DomainId": f"d-{name}",
                "DomainName": name,
                "Status": "InService",
                "CreationTime": _MADE,
            },
            ask=("MaxResults", "NextToken"),
            token="NextToken",
            most=100,
        ),
    )
    yield (
        ("sagemaker", "ListModelPackageGroups"),
        _listed(
            "model_group",
            "ModelPackageGroupSummaryList",
            lambda name, arn_: {
                "ModelPackageGroupName": name,
                "ModelPackageGroupArn": arn_,
                "ModelPackageGroupStatus": "Completed",
                "CreationTime": _MADE,
            },
            ask=("MaxResults", "NextToken"),
            token="NextToken",
            most=100,
        ),
    )
    yield (
        ("batch", "DescribeJobQueues"),
        _listed(
            "queue",
            "jobQueues",
            lambda name, arn_: {
                "jobQueueName": name,
                "jobQueueArn": arn_,
                "state": "ENABLED",
                "status": "VALID",
                "priority": 1,
                "computeEnvironmentOrder": [],
                "tags": {},
            },
            ask=json_ask,
            token="nextToken",
            most=100,
        ),
    )
    yield (
        ("states", "ListStateMachines"),
        _listed(
            "machine",
            "stateMachines",
            lambda name, arn_: {
                "name": name,
                "stateMachineArn": arn_,
                "type": "STANDARD",
                "creationDate": _MADE,
            },
            ask=json_ask,
            token="nextToken",
            most=1000,
        ),
    )


HANDLERS: dict[tuple[str, str], Handler] = {
    ("s3", "ListBuckets"): _list_buckets,
    ("s3", "GetPublicAccessBlock"): _bucket(
        "block", "NoSuchPublicAccessBlockConfiguration", {"PublicAccessBlockConfiguration": _BLOCKS}
    ),
    # Every bucket is encrypted since 2023.
    ("s3", "GetBucketEncryption"): lambda world, call: {"ServerSideEncryptionConfiguration": _ENCRYPTED},
    ("s3", "GetBucketVersioning"): _bucket("versions", "", {"Status": "Enabled"}),
    ("s3", "GetObjectLockConfiguration"): _bucket(
        "lock",
        "ObjectLockConfigurationNotFoundError",
        {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}},
    ),
    ("s3", "GetBucketRequestPayment"): lambda world, call: {"Payer": "BucketOwner"},
    ("s3", "GetBucketOwnershipControls"): _bucket(
        "ownership",
        "OwnershipControlsNotFoundError",
        {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}},
    ),
    ("s3", "GetBucketPolicyStatus"): _bucket(
        "policy", "NoSuchBucketPolicy", {"PolicyStatus": {"IsPublic": False}}
    ),
    ("s3control", "GetPublicAccessBlock"): _no_account_block,
    ("iam", "GetAccountAuthorizationDetails"): _roles,
    ("iam", "ListInstanceProfiles"): _no_profiles,
    ("sts", "GetCallerIdentity"): _identity,
    ("sts", "AssumeRole"): _assume_role,
    ("organizations", "ListAccounts"): _members,
    ("account", "ListRegions"): _regions,
    ("eks", "DescribeCluster"): _cluster,
    ("eks", "ListNodegroups"): lambda world, call: {"nodegroups": ["default"]},
    ("eks", "ListAddons"): lambda world, call: {"addons": ["coredns", "vpc-cni"]},
    ("eks", "DescribeNodegroup"): _nodegroup,
    ("eks", "ListAccessEntries"): lambda world, call: {"accessEntries": []},
    ("codebuild", "BatchGetProjects"): _projects,
    ("sagemaker", "DescribeDomain"): _domain,
    ("tagging", "GetResources"): _tagged,
    **dict(_kinds()),
    **indexes.HANDLERS,
}
