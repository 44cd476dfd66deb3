"""CloudFormation resource types: one small class per type, made through the ordinary AWS APIs.

Going through the APIs means that every other client sees the resource with all its properties, that
denied actions fail a stack as they do on AWS, and that a new type needs no knowledge of moto.
"""

from __future__ import annotations

import json
import re
import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from botocore.exceptions import ClientError

from provisioner.emulator.clients import error_code
from provisioner.emulator.s3 import write_bucket_tags
from provisioner.emulator.template import words

Properties = Mapping[str, Any]
NOTHING: Properties = {}


class HandlerError(Exception):
    """A handler's reason why a resource could not be made, changed or deleted."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a resource stands: its account, region and stack, and how to call AWS there."""

    account: str
    region: str
    stack_name: str
    stack_id: str
    logical_id: str
    stack_tags: Mapping[str, str]
    endpoint_call: Callable[..., Any]
    partition: str = "aws"

    def call(self, service: str, operation: str, **parameters: Any) -> Any:
        """One AWS call in the stack's account and region."""
        return self.endpoint_call(self.account, self.region, service, operation, **parameters)

    def arn(self, service: str, resource: str) -> str:
        """A regional ARN in the stack's account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


class ResourceType:
    """What every row of the table can do; the defaults suit a type that holds nothing."""

    name: ClassVar[str]
    allowed: ClassVar[frozenset[str]] = frozenset()
    required: ClassVar[frozenset[str]] = frozenset()
    # A change of one of these makes a new physical resource.
    create_only: ClassVar[frozenset[str]] = frozenset()
    # The property with the physical name, when the user may choose it.
    name_property: ClassVar[str] = ""
    # Which tags of the stack reach the resource ("system" adds aws:cloudformation:*).
    tagging: ClassVar[Literal["none", "stack", "system"]] = "none"
    attribute_names: ClassVar[frozenset[str]] = frozenset()
    needs_iam_capability: ClassVar[bool] = False
    # Real properties that this emulator cannot apply: refused, never ignored.
    beyond: ClassVar[frozenset[str]] = frozenset()

    def create(self, site: Site, properties: Properties) -> str:
        """Make the resource and answer its physical id."""
        return physical_name(site, 128)

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        """Bring everything that `create` did not set from `old` to `new`."""

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        """What `Fn::GetAtt` answers."""
        return {}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        """Remove the resource; one that is gone already is removed."""

    def is_named(self, properties: Properties) -> bool:
        """Did the user choose the physical name?"""
        return bool(self.name_property) and self.name_property in properties

    def tags(self, site: Site, properties: Properties) -> dict[str, str]:
        """The resource's own tags over those of the stack."""
        own = {str(tag["Key"]): str(tag["Value"]) for tag in properties.get("Tags", [])}
        return {**(site.stack_tags if self.tagging != "none" else {}), **self.system(site), **own}

    def system(self, site: Site) -> dict[str, str]:
        """The aws:cloudformation:* tags, for types whose schema says cloudFormationSystemTags."""
        if self.tagging != "system":
            return {}
        return {
            "aws:cloudformation:stack-name": site.stack_name,
            "aws:cloudformation:stack-id": site.stack_id,
            "aws:cloudformation:logical-id": site.logical_id,
        }


def physical_name(site: Site, limit: int, *, lower: bool = False) -> str:
    """`stack-logicalid-random`, cut to the service's length limit as CloudFormation cuts it."""
    alphabet = string.ascii_letters + string.digits
    suffix = "".join(secrets.choice(alphabet) for _ in range(12))
    room = limit - len(suffix) - 2
    logical_id = site.logical_id[: max(room // 2, room - len(site.stack_name))]
    stack = site.stack_name[: room - len(logical_id)]
    name = f"{stack}-{logical_id}-{suffix}"
    return name.lower() if lower else name


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as most APIs want them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def changed(name: str, new: Properties, old: Properties) -> bool:
    """Does the property differ between the two?"""
    return bool(new.get(name) != old.get(name))


def document(value: Any) -> str:
    """A policy as the API wants it: JSON text."""
    return value if isinstance(value, str) else json.dumps(value)


class _Gone:
    """Swallows the errors that say a thing is gone already."""

    def __init__(self, *codes: str) -> None:
        self._codes = codes

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        return isinstance(error, ClientError) and error_code(error) in self._codes


# --- S3 --------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class BucketSetting:
    """One bucket property: the call that sets it, its arguments, and the call that takes it back."""

    put: str
    arguments: Callable[[Any], dict[str, Any]]
    undo: str = ""
    undo_arguments: Mapping[str, Any] | None = None


def _encryption(value: Any) -> dict[str, Any]:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": rule.get("ServerSideEncryptionByDefault", {}),
            **{key: rule[key] for key in ("BucketKeyEnabled",) if key in rule},
        }
        for rule in value["ServerSideEncryptionConfiguration"]
    ]
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def _transition(value: Properties, days: str, prefix: str) -> dict[str, Any]:
    renamed = {f"{prefix}InDays": days, f"{prefix}Date": "Date"}
    return {renamed.get(key, key): item for key, item in value.items()}


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    made: dict[str, Any] = {"Status": rule["Status"], "Filter": _lifecycle_filter(rule)}
    if "Id" in rule:
        made["ID"] = rule["Id"]
    for source, target, days in (
        ("Transitions", "Transitions", "Days"),
        ("NoncurrentVersionTransitions", "NoncurrentVersionTransitions", "NoncurrentDays"),
    ):
        if source in rule:
            made[target] = [_transition(item, days, "Transition") for item in rule[source]]
    made.update(_lifecycle_expiry(rule))
    return made


def _lifecycle_expiry(rule: Properties) -> dict[str, Any]:
    made: dict[str, Any] = {}
    names = {
        "ExpirationInDays": "Days",
        "ExpirationDate": "Date",
        "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
    }
    expiration = {names[key]: rule[key] for key in names if key in rule}
    if expiration:
        made["Expiration"] = expiration
    if "NoncurrentVersionExpirationInDays" in rule:
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
    if "NoncurrentVersionExpiration" in rule:
        made["NoncurrentVersionExpiration"] = dict(rule["NoncurrentVersionExpiration"])
    if "AbortIncompleteMultipartUpload" in rule:
        made["AbortIncompleteMultipartUpload"] = dict(rule["AbortIncompleteMultipartUpload"])
    return made


def _lifecycle_filter(rule: Properties) -> dict[str, Any]:
    parts: dict[str, Any] = {
        key: rule[key] for key in ("Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan") if key in rule
    }
    tags = rule.get("TagFilters", [])
    if len(parts) + len(tags) > 1:
        return {"And": {**parts, **({"Tags": tags} if tags else {})}}
    if tags:
        return {"Tag": tags[0]}
    return parts or {"Prefix": ""}


def _lifecycle(value: Any) -> dict[str, Any]:
    return {"LifecycleConfiguration": {"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]}}


def _cors(value: Any) -> dict[str, Any]:
    names = {"Id": "ID", "MaxAge": "MaxAgeSeconds", "ExposedHeaders": "ExposeHeaders"}
    rules = [{names.get(key, key): item for key, item in rule.items()} for rule in value["CorsRules"]]
    return {"CORSConfiguration": {"CORSRules": rules}}


def _logging(value: Any) -> dict[str, Any]:
    target = {
        "TargetBucket": value["DestinationBucketName"],
        "TargetPrefix": value.get("LogFilePrefix", ""),
    }
    return {"BucketLoggingStatus": {"LoggingEnabled": target}}


def _notification(value: Any) -> dict[str, Any]:
    event_bridge = value.get("EventBridgeConfiguration")
    made: dict[str, Any] = {"EventBridgeConfiguration": {}} if event_bridge else {}
    return {"NotificationConfiguration": made}


def _website(value: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        key: value[key] for key in ("RedirectAllRequestsTo", "RoutingRules") if key in value
    }
    if "IndexDocument" in value:
        made["IndexDocument"] = {"Suffix": value["IndexDocument"]}
    if "ErrorDocument" in value:
        made["ErrorDocument"] = {"Key": value["ErrorDocument"]}
    return {"WebsiteConfiguration": made}


def _canned_acl(value: Any) -> dict[str, Any]:
    # `PublicReadWrite` in a template is `public-read-write` in the API.
    return {"ACL": re.sub(r"(?<!^)(?=[A-Z])", "-", value).lower()}


def _as(argument: str) -> Callable[[Any], dict[str, Any]]:
    """A property whose form is that of the API argument."""
    return lambda value: {argument: value}


BUCKET_SETTINGS: Mapping[str, BucketSetting] = {
    "BucketEncryption": BucketSetting(
        put="PutBucketEncryption", arguments=_encryption, undo="DeleteBucketEncryption"
    ),
    "VersioningConfiguration": BucketSetting(
        put="PutBucketVersioning",
        arguments=_as("VersioningConfiguration"),
        undo="PutBucketVersioning",
        undo_arguments={"VersioningConfiguration": {"Status": "Suspended"}},
    ),
    "PublicAccessBlockConfiguration": BucketSetting(
        put="PutPublicAccessBlock",
        arguments=_as("PublicAccessBlockConfiguration"),
        undo="DeletePublicAccessBlock",
    ),
    "OwnershipControls": BucketSetting(
        put="PutBucketOwnershipControls",
        arguments=_as("OwnershipControls"),
        undo="DeleteBucketOwnershipControls",
    ),
    "LifecycleConfiguration": BucketSetting(
        put="PutBucketLifecycleConfiguration", arguments=_lifecycle, undo="DeleteBucketLifecycle"
    ),
    "CorsConfiguration": BucketSetting(put="PutBucketCors", arguments=_cors, undo="DeleteBucketCors"),
    "LoggingConfiguration": BucketSetting(
        put="PutBucketLogging",
        arguments=_logging,
        undo="PutBucketLogging",
        undo_arguments={"BucketLoggingStatus": {}},
    ),
    "NotificationConfiguration": BucketSetting(
        put="PutBucketNotificationConfiguration",
        arguments=_notification,
        undo="PutBucketNotificationConfiguration",
        undo_arguments={"NotificationConfiguration": {}},
    ),
    "WebsiteConfiguration": BucketSetting(
        put="PutBucketWebsite", arguments=_website, undo="DeleteBucketWebsite"
    ),
    "ObjectLockConfiguration": BucketSetting(
        put="PutObjectLockConfiguration", arguments=_as("ObjectLockConfiguration")
    ),
    "AccessControl": BucketSetting(put="PutBucketAcl", arguments=_canned_acl),
    "AccelerateConfiguration": BucketSetting(
        put="PutBucketAccelerateConfiguration",
        arguments=lambda value: {"AccelerateConfiguration": {"Status": value["AccelerationStatus"]}},
    ),
}


class Bucket(ResourceType):
    """AWS::S3::Bucket."""

    name = "AWS::S3::Bucket"
    allowed = words(
        "AbacStatus AccelerateConfiguration AccessControl AnalyticsConfigurations BucketEncryption "
        "BucketName BucketNamePrefix BucketNamespace CorsConfiguration IntelligentTieringConfigurations "
        "InventoryConfigurations LifecycleConfiguration LoggingConfiguration MetadataConfiguration "
        "MetadataTableConfiguration MetricsConfigurations NotificationConfiguration ObjectLockConfiguration "
        "ObjectLockEnabled OwnershipControls PublicAccessBlockConfiguration ReplicationConfiguration Tags "
        "VersioningConfiguration WebsiteConfiguration"
    )
    beyond = words(
        "AbacStatus AnalyticsConfigurations BucketNamePrefix BucketNamespace "
        "IntelligentTieringConfigurations "
        "InventoryConfigurations MetadataConfiguration MetadataTableConfiguration MetricsConfigurations "
        "ReplicationConfiguration"
    )
    create_only = words("BucketName BucketNamePrefix BucketNamespace")
    name_property = "BucketName"
    tagging = "system"
    attribute_names = words("Arn DomainName DualStackDomainName RegionalDomainName WebsiteURL")

    def create(self, site: Site, properties: Properties) -> str:
        bucket = str(properties.get("BucketName") or physical_name(site, 63, lower=True))
        # In us-east-1 CreateBucket of an own bucket succeeds; CloudFormation still refuses to adopt it.
        with _Gone("404", "403"):
            site.call("s3", "HeadBucket", Bucket=bucket)
            raise HandlerError(f"{bucket} already exists")
        where = {"CreateBucketConfiguration": {"LocationConstraint": site.region}}
        locked = {"ObjectLockEnabledForBucket": True} if properties.get("ObjectLockEnabled") else {}
        site.call(
            "s3", "CreateBucket", Bucket=bucket, **(where if site.region != "us-east-1" else {}), **locked
        )
        return bucket

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        for name, setting in BUCKET_SETTINGS.items():
            if changed(name, new, old):
                self._set(site, physical_id, setting, new.get(name))
        self._tag(site, physical_id, self.tags(site, new))

    def _tag(self, site: Site, bucket: str, tags: Mapping[str, str]) -> None:
        own = {key: value for key, value in tags.items() if not key.startswith("aws:")}
        site.call("s3", "PutBucketTagging", Bucket=bucket, Tagging={"TagSet": tag_list(own)})
        # Nobody but CloudFormation may write aws: tags, so no API does.
        write_bucket_tags(site.account, bucket, tags)

    def _set(self, site: Site, bucket: str, setting: BucketSetting, value: Any) -> None:
        if value:
            site.call("s3", setting.put, Bucket=bucket, **setting.arguments(value))
        elif setting.undo:
            site.call("s3", setting.undo, Bucket=bucket, **(setting.undo_arguments or {}))

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        regional = f"{physical_id}.s3.{site.region}.amazonaws.com"
        return {
            "Arn": f"arn:{site.partition}:s3:::{physical_id}",
            "DomainName": f"{physical_id}.s3.amazonaws.com",
            "RegionalDomainName": regional,
            "DualStackDomainName": f"{physical_id}.s3.dualstack.{site.region}.amazonaws.com",
            "WebsiteURL": f"http://{physical_id}.s3-website-{site.region}.amazonaws.com",
        }

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with _Gone("NoSuchBucket"):
            self._refuse_content(site, physical_id)
            site.call("s3", "DeleteBucket", Bucket=physical_id)

    def _refuse_content(self, site: Site, bucket: str) -> None:
        # moto deletes a bucket that holds nothing but delete markers; AWS counts every version.
        found = site.call("s3", "ListObjectVersions", Bucket=bucket, MaxKeys=1)
        if found.get("Versions") or found.get("DeleteMarkers"):
            raise HandlerError(
                "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
            )


class BucketPolicy(ResourceType):
    """AWS::S3::BucketPolicy."""

    name = "AWS::S3::BucketPolicy"
    allowed = words("Bucket PolicyDocument")
    required = allowed
    create_only = words("Bucket")

    def create(self, site: Site, properties: Properties) -> str:
        return str(properties["Bucket"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        site.call("s3", "PutBucketPolicy", Bucket=physical_id, Policy=document(new["PolicyDocument"]))

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with _Gone("NoSuchBucket", "NoSuchBucketPolicy"):
            site.call("s3", "DeleteBucketPolicy", Bucket=physical_id)


# --- ECR -------------------------------------------------------------------------------------------


class Repository(ResourceType):
    """AWS::ECR::Repository."""

    name = "AWS::ECR::Repository"
    allowed = words(
        "EmptyOnDelete EncryptionConfiguration ImageScanningConfiguration ImageTagMutability "
        "ImageTagMutabilityExclusionFilters LifecyclePolicy RepositoryName RepositoryPolicyText Tags"
    )
    create_only = words("RepositoryName EncryptionConfiguration")
    name_property = "RepositoryName"
    tagging = "system"
    attribute_names = words("Arn RepositoryUri")

    def create(self, site: Site, properties: Properties) -> str:
        name = str(properties.get("RepositoryName") or physical_name(site, 256, lower=True))
        chosen: dict[str, Any] = {}
        if encryption := properties.get("EncryptionConfiguration"):
            names = {"EncryptionType": "encryptionType", "KmsKey": "kmsKey"}
            chosen["encryptionConfiguration"] = {names[key]: value for key, value in encryption.items()}
        tags = tag_list(self.tags(site, properties))
        site.call("ecr", "CreateRepository", repositoryName=name, tags=tags, **chosen)
        return name

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        self._set_scanning(site, physical_id, new.get("ImageScanningConfiguration", {}))
        self._set_mutability(site, physical_id, new)
        self._set_lifecycle(site, physical_id, new.get("LifecyclePolicy"))
        self._set_policy(site, physical_id, new.get("RepositoryPolicyText"))
        arn = self.attributes(site, physical_id, new)["Arn"]
        gone = [tag["Key"] for tag in old.get("Tags", []) if tag["Key"] not in self.tags(site, new)]
        if gone:
            site.call("ecr", "UntagResource", resourceArn=arn, tagKeys=gone)
        site.call("ecr", "TagResource", resourceArn=arn, tags=tag_list(self.tags(site, new)))

    def _set_scanning(self, site: Site, name: str, value: Properties) -> None:
        site.call(
            "ecr",
            "PutImageScanningConfiguration",
            repositoryName=name,
            imageScanningConfiguration={"scanOnPush": value.get("ScanOnPush", False)},
        )

    def _set_mutability(self, site: Site, name: str, new: Properties) -> None:
        filters = [
            {
                "filterType": row["ImageTagMutabilityExclusionFilterType"],
                "filter": row["ImageTagMutabilityExclusionFilterValue"],
            }
            for row in new.get("ImageTagMutabilityExclusionFilters", [])
        ]
        site.call(
            "ecr",
            "PutImageTagMutability",
            repositoryName=name,
            imageTagMutability=new.get("ImageTagMutability", "MUTABLE"),
            **({"imageTagMutabilityExclusionFilters": filters} if filters else {}),
        )

    def _set_lifecycle(self, site: Site, name: str, value: Properties | None) -> None:
        if value:
            text = value["LifecyclePolicyText"]
            site.call("ecr", "PutLifecyclePolicy", repositoryName=name, lifecyclePolicyText=text)
            return
        with _Gone("LifecyclePolicyNotFoundException"):
            site.call("ecr", "DeleteLifecyclePolicy", repositoryName=name)

    def _set_policy(self, site: Site, name: str, value: Any) -> None:
        if value:
            site.call("ecr", "SetRepositoryPolicy", repositoryName=name, policyText=document(value))
            return
        with _Gone("RepositoryPolicyNotFoundException"):
            site.call("ecr", "DeleteRepositoryPolicy", repositoryName=name)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        host = f"{site.account}.dkr.ecr.{site.region}.amazonaws.com"
        return {
            "Arn": site.arn("ecr", f"repository/{physical_id}"),
            "RepositoryUri": f"{host}/{physical_id}",
        }

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        force = str(properties.get("EmptyOnDelete", False)).lower() == "true"
        with _Gone("RepositoryNotFoundException"):
            site.call("ecr", "DeleteRepository", repositoryName=physical_id, force=force)


# --- IAM -------------------------------------------------------------------------------------------


class Role(ResourceType):
    """AWS::IAM::Role."""

    name = "AWS::IAM::Role"
    allowed = words(
        "AssumeRolePolicyDocument Description ManagedPolicyArns MaxSessionDuration Path PermissionsBoundary "
        "Policies RoleName Tags"
    )
    required = words("AssumeRolePolicyDocument")
    create_only = words("Path RoleName")
    name_property = "RoleName"
    tagging = "stack"
    attribute_names = words("Arn RoleId")
    needs_iam_capability = True

    def create(self, site: Site, properties: Properties) -> str:
        role = str(properties.get("RoleName") or physical_name(site, 64))
        optional = ("Description", "MaxSessionDuration", "Path", "PermissionsBoundary")
        site.call(
            "iam",
            "CreateRole",
            RoleName=role,
            AssumeRolePolicyDocument=document(properties["AssumeRolePolicyDocument"]),
            Tags=tag_list(self.tags(site, properties)),
            **{key: properties[key] for key in optional if key in properties},
        )
        return role

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if old:
            self._update(site, physical_id, new, old)
        wanted, had = _inline(new), _inline(old)
        for name in had.keys() - wanted.keys():
            site.call("iam", "DeleteRolePolicy", RoleName=physical_id, PolicyName=name)
        for name, policy in wanted.items():
            site.call("iam", "PutRolePolicy", RoleName=physical_id, PolicyName=name, PolicyDocument=policy)
        attach(site, "Role", physical_id, new.get("ManagedPolicyArns", []), old.get("ManagedPolicyArns", []))

    def _update(self, site: Site, role: str, new: Properties, old: Properties) -> None:
        trust = document(new["AssumeRolePolicyDocument"])
        site.call("iam", "UpdateAssumeRolePolicy", RoleName=role, PolicyDocument=trust)
        site.call(
            "iam",
            "UpdateRole",
            RoleName=role,
            Description=new.get("Description", ""),
            MaxSessionDuration=new.get("MaxSessionDuration", 3600),
        )
        self._set_boundary(site, role, new, old)
        wanted = self.tags(site, new)
        gone = [tag["Key"] for tag in old.get("Tags", []) if tag["Key"] not in wanted]
        if gone:
            site.call("iam", "UntagRole", RoleName=role, TagKeys=gone)
        site.call("iam", "TagRole", RoleName=role, Tags=tag_list(wanted))

    def _set_boundary(self, site: Site, role: str, new: Properties, old: Properties) -> None:
        boundary = new.get("PermissionsBoundary")
        if boundary:
            site.call("iam", "PutRolePermissionsBoundary", RoleName=role, PermissionsBoundary=boundary)
        elif old.get("PermissionsBoundary"):
            site.call("iam", "DeleteRolePermissionsBoundary", RoleName=role)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        role = site.call("iam", "GetRole", RoleName=physical_id)["Role"]
        return {"Arn": role["Arn"], "RoleId": role["RoleId"]}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        # Only what the template gave is taken away; a policy added by hand makes DeleteRole fail, as on AWS.
        with _Gone("NoSuchEntity"):
            attach(site, "Role", physical_id, [], properties.get("ManagedPolicyArns", []))
            for name in _inline(properties):
                with _Gone("NoSuchEntity"):
                    site.call("iam", "DeleteRolePolicy", RoleName=physical_id, PolicyName=name)
            site.call("iam", "DeleteRole", RoleName=physical_id)


def _inline(properties: Properties) -> dict[str, str]:
    return {row["PolicyName"]: document(row["PolicyDocument"]) for row in properties.get("Policies", [])}


def attach(site: Site, kind: str, name: str, wanted: list[str], had: list[str]) -> None:
    """Bring the managed policies of a role, user or group from `had` to `wanted`."""
    who = {f"{kind}Name": name}
    for arn in had:
        if arn not in wanted:
            with _Gone("NoSuchEntity"):
                site.call("iam", f"Detach{kind}Policy", PolicyArn=arn, **who)
    for arn in wanted:
        if arn not in had:
            site.call("iam", f"Attach{kind}Policy", PolicyArn=arn, **who)


# The property of IAM policies that lists holders -> the word in IAM's operation names.
HOLDERS: Mapping[str, str] = {"Roles": "Role", "Users": "User", "Groups": "Group"}


class Policy(ResourceType):
    """AWS::IAM::Policy: one inline policy on roles, users and groups."""

    name = "AWS::IAM::Policy"
    allowed = words("Groups PolicyDocument PolicyName Roles Users")
    required = words("PolicyDocument PolicyName")
    name_property = ""
    attribute_names = words("Id")
    needs_iam_capability = True

    def create(self, site: Site, properties: Properties) -> str:
        if not any(properties.get(holders) for holders in HOLDERS):
            raise HandlerError("At least one of [Groups,Roles,Users] must be non-empty.")
        return physical_name(site, 64)

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        policy = document(new["PolicyDocument"])
        for property_name, kind in HOLDERS.items():
            for holder in new.get(property_name, []):
                self._put(site, kind, holder, str(new["PolicyName"]), policy)
            self._take(site, kind, old, set(new.get(property_name, [])), str(new["PolicyName"]))

    def _put(self, site: Site, kind: str, holder: str, name: str, policy: str) -> None:
        who = {f"{kind}Name": holder}
        site.call("iam", f"Put{kind}Policy", PolicyName=name, PolicyDocument=policy, **who)

    def _take(self, site: Site, kind: str, old: Properties, kept: set[str], name: str) -> None:
        renamed = old.get("PolicyName") != name
        for holder in old.get(f"{kind}s", []):
            if renamed or holder not in kept:
                with _Gone("NoSuchEntity"):
                    who = {f"{kind}Name": holder}
                    site.call("iam", f"Delete{kind}Policy", PolicyName=old["PolicyName"], **who)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"Id": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        for kind in HOLDERS.values():
            self._take(site, kind, properties, set(), "")


class RolePolicy(ResourceType):
    """AWS::IAM::RolePolicy: one inline policy on one role."""

    name = "AWS::IAM::RolePolicy"
    allowed = words("PolicyDocument PolicyName RoleName")
    required = words("PolicyName RoleName")
    create_only = words("PolicyName RoleName")
    needs_iam_capability = True

    def create(self, site: Site, properties: Properties) -> str:
        return f"{properties['PolicyName']}|{properties['RoleName']}"

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        name, role = physical_id.split("|")
        policy = document(new.get("PolicyDocument", {}))
        site.call("iam", "PutRolePolicy", RoleName=role, PolicyName=name, PolicyDocument=policy)

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        name, role = physical_id.split("|")
        with _Gone("NoSuchEntity"):
            site.call("iam", "DeleteRolePolicy", RoleName=role, PolicyName=name)


class ManagedPolicy(ResourceType):
    """AWS::IAM::ManagedPolicy; Ref answers the ARN."""

    name = "AWS::IAM::ManagedPolicy"
    allowed = words("Description Groups ManagedPolicyName Path PolicyDocument Roles Users")
    required = words("PolicyDocument")
    create_only = words("Description ManagedPolicyName Path")
    name_property = "ManagedPolicyName"
    attribute_names = words(
        "PolicyArn AttachmentCount CreateDate DefaultVersionId IsAttachable PermissionsBoundaryUsageCount "
        "PolicyId UpdateDate"
    )
    needs_iam_capability = True

    def create(self, site: Site, properties: Properties) -> str:
        name = str(properties.get("ManagedPolicyName") or physical_name(site, 128))
        made = site.call(
            "iam",
            "CreatePolicy",
            PolicyName=name,
            PolicyDocument=document(properties["PolicyDocument"]),
            **{key: properties[key] for key in ("Description", "Path") if key in properties},
        )
        return str(made["Policy"]["Arn"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if old and changed("PolicyDocument", new, old):
            self._new_version(site, physical_id, document(new["PolicyDocument"]))
        for property_name, kind in HOLDERS.items():
            wanted, had = new.get(property_name, []), old.get(property_name, [])
            for holder in set(wanted) | set(had):
                attach(
                    site,
                    kind,
                    holder,
                    [physical_id] if holder in wanted else [],
                    [physical_id] if holder in had else [],
                )

    def _new_version(self, site: Site, arn: str, policy: str) -> None:
        # A managed policy holds five versions; CloudFormation keeps only the default one.
        self._drop_versions(site, arn)
        old = site.call("iam", "GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
        site.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=policy, SetAsDefault=True)
        site.call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=old)

    def _drop_versions(self, site: Site, arn: str) -> None:
        for version in site.call("iam", "ListPolicyVersions", PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                site.call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=version["VersionId"])

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        found = site.call("iam", "GetPolicy", PolicyArn=physical_id)["Policy"]
        values = {name: found.get(name) for name in self.attribute_names}
        return {
            **{name: v.isoformat() if hasattr(v, "isoformat") else v for name, v in values.items()},
            "PolicyArn": physical_id,
        }

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with _Gone("NoSuchEntity"):
            for property_name, kind in HOLDERS.items():
                for holder in properties.get(property_name, []):
                    attach(site, kind, holder, [], [physical_id])
            self._drop_versions(site, physical_id)
            site.call("iam", "DeletePolicy", PolicyArn=physical_id)


# --- CloudWatch Logs and the rest ------------------------------------------------------------------


class LogGroup(ResourceType):
    """AWS::Logs::LogGroup."""

    name = "AWS::Logs::LogGroup"
    allowed = words(
        "BearerTokenAuthenticationEnabled DataProtectionPolicy DeletionProtectionEnabled FieldIndexPolicies "
        "KmsKeyId LogGroupClass LogGroupName ResourcePolicyDocument RetentionInDays Tags"
    )
    beyond = words(
        "BearerTokenAuthenticationEnabled DataProtectionPolicy FieldIndexPolicies LogGroupClass "
        "ResourcePolicyDocument"
    )
    create_only = words("LogGroupName")
    name_property = "LogGroupName"
    tagging = "system"
    attribute_names = words("Arn")

    def create(self, site: Site, properties: Properties) -> str:
        name = str(properties.get("LogGroupName") or physical_name(site, 512))
        key = {"kmsKeyId": properties["KmsKeyId"]} if properties.get("KmsKeyId") else {}
        tags = self.tags(site, properties)
        site.call("logs", "CreateLogGroup", logGroupName=name, tags=tags, **key)
        return name

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        retention = new.get("RetentionInDays")
        if retention:
            site.call("logs", "PutRetentionPolicy", logGroupName=physical_id, retentionInDays=retention)
        elif old.get("RetentionInDays"):
            site.call("logs", "DeleteRetentionPolicy", logGroupName=physical_id)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"Arn": site.arn("logs", f"log-group:{physical_id}:*")}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with _Gone("ResourceNotFoundException"):
            site.call("logs", "DeleteLogGroup", logGroupName=physical_id)


class CdkMetadata(ResourceType):
    """AWS::CDK::Metadata: the CDK's usage note; nothing is made."""

    name = "AWS::CDK::Metadata"
    allowed = words("Analytics")


class WaitConditionHandle(ResourceType):
    """AWS::CloudFormation::WaitConditionHandle: often used as a resource that makes nothing."""

    name = "AWS::CloudFormation::WaitConditionHandle"


TYPES: Mapping[str, ResourceType] = {
    row.name: row
    for row in (
        Bucket(),
        BucketPolicy(),
        Repository(),
        Role(),
        Policy(),
        RolePolicy(),
        ManagedPolicy(),
        LogGroup(),
        CdkMetadata(),
        WaitConditionHandle(),
    )
}


def check_properties(kind: ResourceType, properties: Properties) -> None:
    """Refuse unknown and missing top-level properties before anything is called."""
    unknown = sorted(set(properties) - kind.allowed)
    if unknown:
        raise HandlerError(f"Encountered unsupported property {unknown[0]}")
    beyond = sorted(kind.beyond & set(properties))
    if beyond:
        raise HandlerError(f"The emulator cannot apply property {beyond[0]} of {kind.name}")
    missing = sorted(kind.required - set(properties))
    if missing:
        raise HandlerError(
            "Properties validation failed for resource with message: "
            f"[#: required key [{missing[0]}] not found]"
        )
