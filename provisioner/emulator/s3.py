"""S3 as AWS answers it where moto forgives: foreign buckets, and ListBuckets with regions and pages."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from moto.core.responses import ActionResult, BaseResponse
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket, s3_backends

from provisioner.emulator.refusal import AwsError
from provisioner.emulator.rules import iam_action
from provisioner.emulator.trust import Caller, conditions_hold, is_trusted

MOST_BUCKETS = 10_000


def write_bucket_tags(account: str, bucket: str, tags: Mapping[str, str]) -> None:
    """Set a bucket's tags, aws: tags included."""
    s3_backends[account]["aws"].put_bucket_tagging(bucket, dict(tags))


def check_ownership(bucket: str, caller: Caller, operation: str, expected: str = "") -> None:
    """Refuse what is done to another account's bucket without its policy's leave, or against expectation."""
    owner = s3_backends.bucket_accounts.get(bucket)
    if owner and expected and owner[1] != expected:
        raise AwsError("AccessDenied", "Access Denied", 403)
    if owner is None or owner[1] == caller.account or operation == "CreateBucket":
        return
    policy = s3_backends[owner[1]]["aws"].get_bucket(bucket).policy
    action = iam_action("s3", operation)
    if not policy or not is_trusted(
        json.loads(policy), caller, action, {"aws:PrincipalArn": caller.principal}
    ):
        raise AwsError("AccessDenied", "Access Denied", 403)


def conditional_permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    """What a bucket's policy says of an action; moto alone would take a conditional Deny for a plain one.

    The loopback stands for TLS, which every real client uses: aws:SecureTransport is true.
    """
    policy = json.loads(bucket.policy or "{}")
    statements = policy.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    applying = [s for s in listed if conditions_hold(s, {"aws:SecureTransport": "true"})]
    if not applying:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps({**policy, "Statement": applying})).is_action_permitted(action, resource)


FakeBucket.get_permission = conditional_permission  # type: ignore[method-assign,assignment]  # moto has no hook


class BucketListing(BaseResponse):
    """ListBuckets, which moto answers without regions and without real pages."""

    def __init__(self) -> None:
        super().__init__(service_name="s3")

    def call_action(self) -> Any:
        """Answer in the form of S3's model."""
        self.querystring["Action"] = ["ListBuckets"]
        return self.serialized(ActionResult(self._answer(self.normalized_request.args)))

    def _answer(self, asked: Mapping[str, str]) -> dict[str, Any]:
        prefix, region = asked.get("prefix", ""), asked.get("bucket-region", "")
        after = _decoded(asked.get("continuation-token", ""))
        buckets = [
            bucket
            for name, bucket in sorted(s3_backends[self.current_account]["aws"].buckets.items())
            if name.startswith(prefix) and region in ("", bucket.region_name) and name > after
        ]
        limit = int(asked.get("max-buckets", MOST_BUCKETS))
        rows = [_row(bucket, with_region=_is_paginated(asked)) for bucket in buckets[:limit]]
        answer: dict[str, Any] = {"Owner": {"ID": f"{self.current_account:0>64}"}, "Buckets": rows}
        if prefix:
            answer["Prefix"] = prefix
        if len(buckets) > limit:
            answer["ContinuationToken"] = base64.urlsafe_b64encode(rows[-1]["Name"].encode()).decode()
        return answer


def _is_paginated(asked: Mapping[str, str]) -> bool:
    # AWS tells regions only to those who ask with one of the newer parameters.
    return any(name in asked for name in ("max-buckets", "continuation-token", "prefix", "bucket-region"))


def _decoded(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except ValueError:
        raise AwsError("InvalidArgument", "The continuation token provided is incorrect") from None


def _row(bucket: Any, *, with_region: bool) -> dict[str, Any]:
    row = {"Name": bucket.name, "CreationDate": bucket.creation_date}
    return {**row, "BucketRegion": bucket.region_name} if with_region else row
