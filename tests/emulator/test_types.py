"""Resource types: what a template says is what ordinary clients see afterwards."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from provisioner.emulator.types import TYPES

ACCOUNT, REGION = "123456789012", "eu-central-1"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "x.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}],
}
OTHER_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/*"}],
}


def one(type_name: str, **properties: Any) -> dict[str, Any]:
    return {"Resources": {"It": {"Type": type_name, "Properties": properties}}}


def role(**more: Any) -> dict[str, Any]:
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST, **more}}


def failure(stacks: Any, name: str) -> str:
    rows = [row for row in stacks.events(name) if row["ResourceStatus"].endswith("_FAILED")]
    return str(rows[0]["ResourceStatusReason"])


def tag_dict(rows: list[dict[str, str]]) -> dict[str, str]:
    return {row["Key"]: row["Value"] for row in rows}


# --- every type ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in TYPES if TYPES[name].allowed])
def test_an_unknown_property_fails_by_name(stacks: Any, name: str) -> None:
    stacks.create("typo", one(name, Speling="x"))
    assert failure(stacks, "typo") == "Encountered unsupported property Speling"


@pytest.mark.parametrize("name", [name for name in TYPES if TYPES[name].required])
def test_a_missing_property_fails_by_name(stacks: Any, name: str) -> None:
    stacks.create("bare", one(name))
    first = sorted(TYPES[name].required)[0]
    assert failure(stacks, "bare").endswith(f"required key [{first}] not found]")


def test_a_property_that_the_emulator_cannot_apply_is_refused_not_ignored(stacks: Any) -> None:
    stacks.create("far", one("AWS::S3::Bucket", ReplicationConfiguration={"Role": "x", "Rules": []}))
    assert failure(stacks, "far") == (
        "The emulator cannot apply property ReplicationConfiguration of AWS::S3::Bucket"
    )


def test_an_unknown_property_deep_inside_fails_by_name(stacks: Any) -> None:
    stacks.create("deep", one("AWS::S3::Bucket", PublicAccessBlockConfiguration={"BlockAll": True}))
    assert failure(stacks, "deep") == "Encountered unsupported property BlockAll"


def test_a_property_of_the_wrong_form_fails_the_resource(stacks: Any) -> None:
    stacks.create("form", one("AWS::S3::Bucket", BucketEncryption={"Nothing": "here"}))
    assert failure(stacks, "form").startswith("Properties validation failed for resource")
    assert stacks.show("form")["StackStatus"] == "ROLLBACK_COMPLETE"


# --- S3 --------------------------------------------------------------------------------------------

FULL_BUCKET = {
    "BucketEncryption": {
        "ServerSideEncryptionConfiguration": [
            {
                "BucketKeyEnabled": "true",
                "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/mine"},
            }
        ]
    },
    "VersioningConfiguration": {"Status": "Enabled"},
    "PublicAccessBlockConfiguration": {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": "true",
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    },
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    "LifecycleConfiguration": {
        "Rules": [
            {
                "Id": "tidy",
                "Status": "Enabled",
                "Prefix": "tmp/",
                "ExpirationInDays": "30",
                "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
                "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 10}],
            }
        ]
    },
    "CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": 5}]},
    "Tags": [{"Key": "own", "Value": "yes"}],
}


def test_a_bucket_has_every_property(stacks: Any, client: Any) -> None:
    stack_id = stacks.create(
        "full", one("AWS::S3::Bucket", **FULL_BUCKET), Tags=[{"Key": "team", "Value": "a"}]
    )
    s3, bucket = client("s3"), stacks.physical_id("full", "It")
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption == [
        {
            "ApplyServerSideEncryptionByDefault": {
                "SSEAlgorithm": "aws:kms",
                "KMSMasterKeyID": "alias/mine",
            },
            "BucketKeyEnabled": True,
        }
    ]
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"] == {
        "Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]
    }
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [
        {
            "ID": "tidy",
            "Status": "Enabled",
            "Filter": {"Prefix": "tmp/"},
            "Expiration": {"Days": 30},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
            "Transitions": [{"Days": 10, "StorageClass": "GLACIER"}],
        }
    ]
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [
        {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 5}
    ]
    assert tag_dict(s3.get_bucket_tagging(Bucket=bucket)["TagSet"]) == {
        "own": "yes",
        "team": "a",
        "aws:cloudformation:stack-name": "full",
        "aws:cloudformation:stack-id": stack_id,
        "aws:cloudformation:logical-id": "It",
    }


def test_taking_properties_away_takes_their_effect_away(stacks: Any, client: Any, refused: Any) -> None:
    stacks.create("less", one("AWS::S3::Bucket", **FULL_BUCKET))
    bucket = stacks.physical_id("less", "It")
    assert stacks.update("less", one("AWS::S3::Bucket")) == "UPDATE_COMPLETE"
    s3 = client("s3")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    assert refused(s3.get_public_access_block, Bucket=bucket)[0] == "NoSuchPublicAccessBlockConfiguration"
    assert refused(s3.get_bucket_lifecycle_configuration, Bucket=bucket)[0] == "NoSuchLifecycleConfiguration"


def test_bucket_names_are_lower_case_and_no_longer_than_s3_allows(stacks: Any) -> None:
    name = "A-Stack-With-A-Rather-Long-Name-That-Fills-The-Room-Of-Buckets-Twice"
    logical_id = "ArtifactStoreBucketWithALongLogicalName"
    stacks.create(name, {"Resources": {logical_id: {"Type": "AWS::S3::Bucket"}}})
    bucket = stacks.physical_id(name, logical_id)
    assert len(bucket) == 63
    assert re.fullmatch(r"a-stack-with-a-[a-z-]*-artifactstorebucketwitha?l?[a-z]*-[a-z0-9]{12}", bucket)


def test_bucket_attributes(stacks: Any) -> None:
    names = ("Arn", "DomainName", "RegionalDomainName")
    outputs = {name: {"Value": {"Fn::GetAtt": ["It", name]}} for name in names}
    stacks.create("attrs", {**one("AWS::S3::Bucket", BucketName="my-own-bucket"), "Outputs": outputs})
    assert stacks.outputs("attrs") == {
        "Arn": "arn:aws:s3:::my-own-bucket",
        "DomainName": "my-own-bucket.s3.amazonaws.com",
        "RegionalDomainName": f"my-own-bucket.s3.{REGION}.amazonaws.com",
    }


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_an_existing_bucket_is_never_adopted(aws: Any, client: Any, region: str) -> None:
    s3, api = client("s3", region=region), client("cloudformation", region=region)
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket="was-here", **where)
    body = json.dumps(one("AWS::S3::Bucket", BucketName="was-here"))
    api.create_stack(StackName="taken", TemplateBody=body)
    aws.engine.settle()
    rows = api.describe_stack_events(StackName="taken")["StackEvents"]
    assert "was-here already exists" in [row.get("ResourceStatusReason") for row in rows]


@pytest.mark.parametrize("versioned", [False, True])
def test_a_bucket_with_content_is_not_deleted(stacks: Any, client: Any, versioned: bool) -> None:
    versioning = {"VersioningConfiguration": {"Status": "Enabled"}} if versioned else {}
    stacks.create("full", one("AWS::S3::Bucket", **versioning))
    s3, bucket = client("s3"), stacks.physical_id("full", "It")
    s3.put_object(Bucket=bucket, Key="model.pt", Body=b"weights")
    if versioned:
        # Only a delete marker is visible now; AWS counts every version.
        s3.delete_object(Bucket=bucket, Key="model.pt")
    assert stacks.delete("full") == "DELETE_FAILED"
    assert "The bucket you tried to delete is not empty. You must delete all versions in the bucket." in (
        failure(stacks, "full")
    )


def test_a_bucket_deleted_by_hand_is_no_obstacle(stacks: Any, client: Any) -> None:
    stacks.create("gone", one("AWS::S3::Bucket"))
    client("s3").delete_bucket(Bucket=stacks.physical_id("gone", "It"))
    assert stacks.delete("gone") == "DELETE_COMPLETE"


def test_a_bucket_policy_stands_on_its_bucket(stacks: Any, client: Any) -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": {"Fn::Sub": "${Store.Arn}/*"},
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    body = {
        "Resources": {
            "Rules": {
                "Type": "AWS::S3::BucketPolicy",
                "Properties": {
                    "Bucket": {"Ref": "Store"},
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
                },
            },
            "Store": {"Type": "AWS::S3::Bucket"},
        }
    }
    stacks.create("rules", body)
    bucket = stacks.physical_id("rules", "Store")
    policy = json.loads(client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    assert policy["Statement"] == [{**statement, "Resource": f"arn:aws:s3:::{bucket}/*"}]
    assert stacks.delete("rules") == "DELETE_COMPLETE"


# --- ECR -------------------------------------------------------------------------------------------


def test_a_repository_has_every_property(stacks: Any, client: Any) -> None:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    policy = json.dumps({"rules": [rule]})
    stack_id = stacks.create(
        "Images",
        one(
            "AWS::ECR::Repository",
            ImageScanningConfiguration={"ScanOnPush": "true"},
            ImageTagMutability="IMMUTABLE_WITH_EXCLUSION",
            ImageTagMutabilityExclusionFilters=[
                {
                    "ImageTagMutabilityExclusionFilterType": "WILDCARD",
                    "ImageTagMutabilityExclusionFilterValue": "latest*",
                }
            ],
            LifecyclePolicy={"LifecyclePolicyText": policy},
            EncryptionConfiguration={"EncryptionType": "AES256"},
            RepositoryPolicyText={**POLICY, "Statement": [{**POLICY["Statement"][0], "Principal": "*"}]},
            Tags=[{"Key": "own", "Value": "yes"}],
        ),
    )
    ecr, name = client("ecr"), stacks.physical_id("Images", "It")
    found = ecr.describe_repositories()["repositories"][0]
    assert re.fullmatch(r"images-it-[a-z0-9]{12}", name)
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}
    assert found["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert found["imageTagMutabilityExclusionFilters"] == [{"filterType": "WILDCARD", "filter": "latest*"}]
    assert ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"] == policy
    assert "s3:GetObject" in ecr.get_repository_policy(repositoryName=name)["policyText"]
    assert tag_dict(ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]) == {
        "own": "yes",
        "aws:cloudformation:stack-name": "Images",
        "aws:cloudformation:stack-id": stack_id,
        "aws:cloudformation:logical-id": "It",
    }


MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": 1,
            "digest": "sha256:a",
        },
        "layers": [],
    }
)


@pytest.mark.parametrize(
    ("properties", "status"), [({}, "DELETE_FAILED"), ({"EmptyOnDelete": "true"}, "DELETE_COMPLETE")]
)
def test_a_repository_with_images_goes_only_when_it_may_be_emptied(
    stacks: Any, client: Any, properties: Any, status: str
) -> None:
    stacks.create("images", one("AWS::ECR::Repository", **properties))
    name = stacks.physical_id("images", "It")
    client("ecr").put_image(repositoryName=name, imageManifest=MANIFEST, imageTag="latest")
    assert stacks.delete("images") == status


# --- IAM -------------------------------------------------------------------------------------------


def test_a_role_has_every_property(stacks: Any, client: Any) -> None:
    iam = client("iam")
    boundary = iam.create_policy(PolicyName="edge", PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
    managed = iam.create_policy(PolicyName="more", PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
    stacks.create(
        "Roles",
        {
            "Resources": {
                "Job": role(
                    Path="/team/",
                    Description="runs jobs",
                    MaxSessionDuration="7200",
                    PermissionsBoundary=boundary,
                    ManagedPolicyArns=[managed],
                    Policies=[{"PolicyName": "read", "PolicyDocument": POLICY}],
                    Tags=[{"Key": "own", "Value": "yes"}],
                )
            },
            "Outputs": {"Arn": {"Value": {"Fn::GetAtt": "Job.Arn"}}},
        },
        Tags=[{"Key": "team", "Value": "a"}],
    )
    name = stacks.physical_id("Roles", "Job")
    found = iam.get_role(RoleName=name)["Role"]
    assert re.fullmatch(r"Roles-Job-[A-Za-z0-9]{12}", name)
    assert stacks.outputs("Roles") == {"Arn": f"arn:aws:iam::{ACCOUNT}:role/team/{name}"}
    assert found["AssumeRolePolicyDocument"] == TRUST
    assert (found["Description"], found["MaxSessionDuration"]) == ("runs jobs", 7200)
    assert found["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    # The schema of roles says cloudFormationSystemTags: false, so no aws: tags.
    assert tag_dict(found["Tags"]) == {"own": "yes", "team": "a"}
    assert iam.get_role_policy(RoleName=name, PolicyName="read")["PolicyDocument"] == POLICY
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [row["PolicyArn"] for row in attached] == [managed]
    assert stacks.delete("Roles") == "DELETE_COMPLETE"


def test_a_role_is_updated_in_place(stacks: Any, client: Any) -> None:
    stacks.create(
        "grow", {"Resources": {"Job": role(Policies=[{"PolicyName": "a", "PolicyDocument": POLICY}])}}
    )
    name = stacks.physical_id("grow", "Job")
    changed = role(Policies=[{"PolicyName": "b", "PolicyDocument": OTHER_POLICY}], MaxSessionDuration=7200)
    assert stacks.update("grow", {"Resources": {"Job": changed}}) == "UPDATE_COMPLETE"
    iam = client("iam")
    assert stacks.physical_id("grow", "Job") == name
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["b"]
    assert iam.get_role(RoleName=name)["Role"]["MaxSessionDuration"] == 7200


def test_a_role_with_a_policy_added_by_hand_is_not_deleted(stacks: Any, client: Any) -> None:
    stacks.create("hand", {"Resources": {"Job": role()}})
    client("iam").put_role_policy(
        RoleName=stacks.physical_id("hand", "Job"), PolicyName="extra", PolicyDocument=json.dumps(POLICY)
    )
    assert stacks.delete("hand") == "DELETE_FAILED"


def test_role_names_fit_into_64_characters(stacks: Any) -> None:
    name, logical_id = "a" * 60, "TheRoleThatRunsPipelineStepsInSageMaker"
    stacks.create(name, {"Resources": {logical_id: role()}})
    assert len(stacks.physical_id(name, logical_id)) == 64


def test_inline_policies_follow_their_holders(stacks: Any, client: Any) -> None:
    def body(holder: str, document: Any) -> dict[str, Any]:
        inline = {"PolicyName": "shared", "PolicyDocument": document, "Roles": [{"Ref": holder}]}
        alone = {"PolicyName": "alone", "PolicyDocument": document, "RoleName": {"Ref": "One"}}
        return {
            "Resources": {
                "One": role(),
                "Two": role(),
                "Inline": {"Type": "AWS::IAM::Policy", "Properties": inline},
                "Alone": {"Type": "AWS::IAM::RolePolicy", "Properties": alone},
            }
        }

    stacks.create("hold", body("One", POLICY))
    iam = client("iam")
    one_name, two_name = stacks.physical_id("hold", "One"), stacks.physical_id("hold", "Two")
    assert sorted(iam.list_role_policies(RoleName=one_name)["PolicyNames"]) == ["alone", "shared"]
    assert stacks.physical_id("hold", "Alone") == f"alone|{one_name}"
    stacks.update("hold", body("Two", OTHER_POLICY))
    assert iam.list_role_policies(RoleName=one_name)["PolicyNames"] == ["alone"]
    moved = iam.get_role_policy(RoleName=two_name, PolicyName="shared")
    assert moved["PolicyDocument"] == OTHER_POLICY
    assert stacks.delete("hold") == "DELETE_COMPLETE"


def test_an_inline_policy_needs_a_holder(stacks: Any) -> None:
    stacks.create("lone", one("AWS::IAM::Policy", PolicyName="p", PolicyDocument=POLICY))
    assert failure(stacks, "lone") == "At least one of [Groups,Roles,Users] must be non-empty."


def test_a_managed_policy_keeps_one_version(stacks: Any, client: Any) -> None:
    def body(document: Any) -> dict[str, Any]:
        properties = {"PolicyDocument": document, "Roles": [{"Ref": "Job"}], "Path": "/team/"}
        return {
            "Resources": {
                "Job": role(),
                "Shared": {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties},
            },
            "Outputs": {"Arn": {"Value": {"Ref": "Shared"}}},
        }

    stacks.create("managed", body(POLICY))
    stacks.update("managed", body(OTHER_POLICY))
    iam, arn = client("iam"), stacks.outputs("managed")["Arn"]
    assert arn.startswith(f"arn:aws:iam::{ACCOUNT}:policy/team/managed-Shared-")
    (version,) = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version["VersionId"])["PolicyVersion"]
    assert (found["Document"], found["IsDefaultVersion"]) == (OTHER_POLICY, True)
    assert stacks.delete("managed") == "DELETE_COMPLETE"


# --- CloudWatch Logs -------------------------------------------------------------------------------


def test_a_log_group_has_retention_and_tags(stacks: Any, client: Any) -> None:
    stack_id = stacks.create("logs", one("AWS::Logs::LogGroup", RetentionInDays="14"))
    logs = client("logs")
    (found,) = logs.describe_log_groups()["logGroups"]
    assert found["retentionInDays"] == 14
    assert logs.list_tags_for_resource(resourceArn=found["arn"].removesuffix(":*"))["tags"] == {
        "aws:cloudformation:stack-name": "logs",
        "aws:cloudformation:stack-id": stack_id,
        "aws:cloudformation:logical-id": "It",
    }
