"""CloudFormation types of S3."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.emulator.handler import (
    Gone,
    HandlerError,
    Properties,
    ResourceType,
    Site,
    changed,
    document,
    physical_name,
    tag_list,
)
from provisioner.emulator.s3 import write_bucket_tags
from provisioner.emulator.template import words


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
        with Gone("404", "403"):
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
        with Gone("NoSuchBucket"):
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
        with Gone("NoSuchBucket", "NoSuchBucketPolicy"):
            site.call("s3", "DeleteBucketPolicy", Bucket=physical_id)
