"""What the emulator refuses on request: denied actions, and keys that are denied or expired."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from provisioner.emulator.calls import Call
from provisioner.emulator.identity import DENIED_KEY, EXPIRED_KEY
from provisioner.emulator.refusal import AwsError, Protocol

# Signing name -> IAM's prefix, where they differ.
_PREFIXES = {"tagging": "tag", "monitoring": "cloudwatch", "states": "states"}
# S3 operations whose IAM action has another name.
_S3_ACTIONS: Mapping[str, str] = {
    "ListBuckets": "ListAllMyBuckets",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketTagging": "PutBucketTagging",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
}


def iam_action(service: str, operation: str) -> str:
    """The IAM action of an API operation, e.g. `s3:ListAllMyBuckets`."""
    name = _S3_ACTIONS.get(operation, operation) if service == "s3" else operation
    return f"{_PREFIXES.get(service, service)}:{name}"


# An action -> the parameter without which a call means all there are, and the second action this takes.
_OF_ALL = {"cloudformation:DescribeStacks": ("StackName", "cloudformation:ListStacks")}


def needed(action: str, parameters: Mapping[str, object]) -> tuple[str, ...]:
    """Every IAM action that a call with these parameters needs: its own, and what else AWS asks for."""
    parameter, second = _OF_ALL.get(action, ("", ""))
    return (action, second) if second and not parameters.get(parameter) else (action,)


class Rules:
    """The denials in force."""

    def __init__(self) -> None:
        self._denied: list[str] = []
        self._throttled: dict[str, int] = {}

    def deny(self, action: str) -> None:
        """Deny an IAM action (`s3:List*` works too) to everybody."""
        self._denied.append(action.lower())

    def throttle(self, action: str, times: int) -> None:
        """Answer the next calls of an IAM action with the service's throttling error."""
        self._throttled[action.lower()] = times

    def clear(self) -> None:
        """Allow everything again."""
        self._denied.clear()
        self._throttled.clear()

    def concerns(self, access_key: str) -> bool:
        """Must this caller's operation be worked out at all?"""
        return bool(self._denied or self._throttled) or access_key in (EXPIRED_KEY, DENIED_KEY)

    def check(self, call: Call, principal: str, action: str) -> None:
        """Raise what AWS answers."""
        if call.access_key == EXPIRED_KEY:
            raise expired(call.protocol)
        # AWS never denies GetCallerIdentity, whatever the policies say.
        if action == "sts:GetCallerIdentity":
            return
        for each in needed(action, call.form):
            if call.access_key == DENIED_KEY or self._is_denied(each):
                raise denied(principal, each, call.protocol)
        if not call.is_internal and self._is_throttled(action):
            raise throttled(call.protocol)

    def _is_denied(self, action: str) -> bool:
        return any(fnmatchcase(action.lower(), pattern) for pattern in self._denied)

    def _is_throttled(self, action: str) -> bool:
        left = self._throttled.get(action.lower(), 0)
        if left:
            self._throttled[action.lower()] = left - 1
        return left > 0


def denied(principal: str, action: str, protocol: Protocol) -> AwsError:
    """AccessDenied by the name and status that each protocol's services use."""
    message = (
        f"User: {principal} is not authorized to perform: {action} because no identity-based policy allows "
        f"the {action} action"
    )
    code, status = {
        "query": ("AccessDenied", 403),
        "rest-xml": ("AccessDenied", 403),
        "ec2": ("UnauthorizedOperation", 403),
        "json": ("AccessDeniedException", 400),
        "rest-json": ("AccessDeniedException", 403),
    }[protocol]
    return AwsError(code, message, status)


def expired(protocol: Protocol) -> AwsError:
    """ExpiredToken by the name and status that each protocol's services use."""
    message = "The security token included in the request is expired"
    code, words, status = {
        "query": ("ExpiredToken", message, 403),
        "rest-xml": ("ExpiredToken", "The provided token has expired.", 400),
        "ec2": ("RequestExpired", "Request has expired.", 400),
        "json": ("ExpiredTokenException", message, 400),
        "rest-json": ("ExpiredTokenException", message, 403),
    }[protocol]
    return AwsError(code, words, status)


def throttled(protocol: Protocol) -> AwsError:
    """Too many requests, by the name and status that each protocol's services use."""
    code, status = {
        "query": ("Throttling", 400),
        "rest-xml": ("SlowDown", 503),
        "ec2": ("RequestLimitExceeded", 503),
        "json": ("ThrottlingException", 400),
        "rest-json": ("ThrottlingException", 429),
    }[protocol]
    return AwsError(code, "Rate exceeded", status)
