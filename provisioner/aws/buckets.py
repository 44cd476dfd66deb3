"""Door to S3: publishing templates, and counting and emptying a stack's bucket."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner import regions
from provisioner.aws.session import DENIED, Client
from provisioner.errors import CheckError, RefusedError
from provisioner.template import Template

PREFIX = "stackwright"
MANIFEST = f"{PREFIX}/manifest.json"
_TLS_ONLY = "StackwrightTlsOnly"
_TRIES = 4
_OVERTAKEN = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409", "NoSuchKey")
# Stores that speak S3 but know no conditional writes say so.
_NO_CONDITIONS = ("NotImplemented", "501")
_MISSING = ("NoSuchBucket", "404", "NotFound", "NoSuchKey")


class Buckets:
    """The buckets of one account, through one region."""

    def __init__(self, client: Client, *, account: str, region: str) -> None:
        self._client = client
        self._account = account
        self._region = region

    def exists(self, bucket: str) -> bool:
        """Raises CheckError where the bucket is another account's, or in another region."""
        try:
            found = self._client.head_bucket(Bucket=bucket, ExpectedBucketOwner=self._account)
        except RefusedError as error:
            if error.code in _MISSING:
                return False
            if error.code in DENIED:
                raise CheckError(
                    f"bucket {bucket} belongs to someone else, or this caller may not see it",
                    hint="name one of your own with --bucket",
                    field="bucket",
                ) from error
            raise
        region = found.get("BucketRegion", self._region)
        if region != self._region:
            raise CheckError(
                f"bucket {bucket} is in {region}, the stack in {self._region}",
                hint=f"name one in {self._region}: some resources need it in the stack's own region; "
                "`stackwright link --template-url` takes an object elsewhere, with a warning",
                field="bucket",
            )
        return True

    def create_private(self, bucket: str) -> None:
        """An encrypted, versioned bucket that nobody else can read, TLS only; again is the same."""
        where = {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        try:
            self._client.create_bucket(Bucket=bucket, **({} if self._region == "us-east-1" else where))
        except RefusedError as error:
            if error.code == "BucketAlreadyExists":
                raise CheckError(
                    f"bucket {bucket} belongs to someone else", hint="name one with --bucket", field="bucket"
                ) from error
            if error.code != "BucketAlreadyOwnedByYou":
                raise
        self._client.put_bucket_encryption(
            Bucket=bucket,
            ExpectedBucketOwner=self._account,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
        )
        self._client.put_public_access_block(
            Bucket=bucket,
            ExpectedBucketOwner=self._account,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )
        # People execute what lies here: what somebody overwrote can be told and brought back.
        self._client.put_bucket_versioning(
            Bucket=bucket,
            ExpectedBucketOwner=self._account,
            VersioningConfiguration={"Status": "Enabled"},
        )
        self._refuse_plain_http(bucket)

    def _refuse_plain_http(self, bucket: str) -> None:
        """Adds one statement to the bucket's policy, and keeps what its owner wrote there."""
        policy = self._policy(bucket)
        if any(s.get("Sid") == _TLS_ONLY for s in policy["Statement"]):
            return
        arn = f"arn:{regions.partition(self._region).name}:s3:::{bucket}"
        refusal = {
            "Sid": _TLS_ONLY,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        self._client.put_bucket_policy(
            Bucket=bucket,
            ExpectedBucketOwner=self._account,
            Policy=json.dumps({**policy, "Statement": [*policy["Statement"], refusal]}),
        )

    def _policy(self, bucket: str) -> dict[str, Any]:
        try:
            answer = self._client.get_bucket_policy(Bucket=bucket, ExpectedBucketOwner=self._account)
        except RefusedError as error:
            if error.code == "NoSuchBucketPolicy":
                return {"Version": "2012-10-17", "Statement": []}
            raise
        policy: dict[str, Any] = json.loads(answer["Policy"])
        statements = policy.get("Statement", [])
        return {**policy, "Statement": statements if isinstance(statements, list) else [statements]}

    def publish(self, bucket: str, template: Template, *, shape: dict[str, Any]) -> str:
        """Template, manifest, `latest`, in this order: a manifest never names what is not there. The key.

        A manifest that cannot be read stops it before anything is written.
        """
        key = f"{PREFIX}/{template.sha256}.json"
        found = self._manifest(bucket)
        self._put(bucket, key, template.text)
        self._list(bucket, found, template.sha256, {"key": key, "bytes": template.size, "shape": shape})
        self._put(bucket, f"{PREFIX}/latest", template.sha256)
        return key

    def _list(self, bucket: str, found: "_Manifest", sha256: str, row: dict[str, Any]) -> None:
        """Writes one row of the manifest; where somebody else wrote meanwhile, reads it again."""
        for _ in range(_TRIES):
            body = {**found.body, "templates": {**found.body["templates"], sha256: row}}
            text = json.dumps(body, indent=1, sort_keys=True)
            try:
                self._put(bucket, MANIFEST, text, **found.unchanged)
                return
            except RefusedError as error:
                if error.code in _NO_CONDITIONS:
                    self._put(bucket, MANIFEST, text)
                    return
                if error.code not in _OVERTAKEN:
                    raise
            found = self._manifest(bucket)
        raise RefusedError(
            f"others keep writing s3://{bucket}/{MANIFEST}", hint="run the same command again in a minute"
        )

    def read(self, bucket: str, key: str) -> str:
        return str(self._client.get_object(Bucket=bucket, Key=key)["Body"].read().decode())

    def read_bytes(self, bucket: str, key: str, *, version: str, most: int) -> bytes:
        """At most so many bytes of one version of an object; the newest where none is named."""
        which = {"VersionId": version} if version else {}
        return bytes(self._client.get_object(Bucket=bucket, Key=key, **which)["Body"].read(most))

    def probe(self, bucket: str, key: str) -> None:
        """Writes, reads and deletes one object and its versions; raises RefusedError on the first refusal."""
        written = self._client.put_object(Bucket=bucket, Key=key, Body=b"stackwright doctor")
        try:
            self.read(bucket, key)
        finally:
            version = {"VersionId": written["VersionId"]} if "VersionId" in written else {}
            self._client.delete_object(Bucket=bucket, Key=key, **version)

    def count(self, bucket: str) -> int:
        """Objects, old versions and delete markers."""
        return sum(1 for _ in self._versions(bucket))

    def empty(self, bucket: str) -> None:
        """Removes every version of every object, a thousand a call."""
        batch: list[dict[str, str]] = []
        for version in self._versions(bucket):
            batch.append(version)
            if len(batch) == 1000:
                self._delete(bucket, batch)
                batch = []
        if batch:
            self._delete(bucket, batch)

    def delete(self, bucket: str) -> None:
        self._client.delete_bucket(Bucket=bucket, ExpectedBucketOwner=self._account)

    def _manifest(self, bucket: str) -> "_Manifest":
        try:
            answer = self._client.get_object(Bucket=bucket, Key=MANIFEST, ExpectedBucketOwner=self._account)
        except RefusedError as error:
            if error.code in _MISSING:
                return _Manifest(body={"version": 1, "templates": {}}, unchanged={"IfNoneMatch": "*"})
            raise
        return _Manifest(
            body=_parsed(answer["Body"].read(), bucket), unchanged={"IfMatch": str(answer["ETag"])}
        )

    def _put(self, bucket: str, key: str, text: str, **conditions: str) -> None:
        self._client.put_object(
            Bucket=bucket,
            Key=key,
            Body=text.encode(),
            ContentType="application/json",
            ServerSideEncryption="AES256",
            ExpectedBucketOwner=self._account,
            **conditions,
        )

    def _versions(self, bucket: str) -> Iterator[dict[str, str]]:
        pages = self._client.pages("list_object_versions", Bucket=bucket, ExpectedBucketOwner=self._account)
        for page in pages:
            for raw in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                yield {"Key": raw["Key"], "VersionId": raw["VersionId"]}

    def _delete(self, bucket: str, batch: list[dict[str, str]]) -> None:
        answer = self._client.delete_objects(
            Bucket=bucket,
            Delete={"Objects": batch, "Quiet": True},
            ExpectedBucketOwner=self._account,
        )
        if answer.get("Errors"):
            first = answer["Errors"][0]
            raise RefusedError(
                f"{len(answer['Errors'])} objects of {bucket} could not be deleted, first {first['Key']}: "
                f"{first.get('Message', first.get('Code'))}",
                hint="object lock or a bucket policy may forbid it; the rest is gone, run it again after",
                code=str(first.get("Code", "")),
            )


@dataclass(frozen=True, kw_only=True)
class _Manifest:
    """A manifest as it was read, and the condition under which it may be replaced."""

    body: Mapping[str, Any]
    unchanged: Mapping[str, str]


def _parsed(content: bytes, bucket: str) -> dict[str, Any]:
    try:
        body: dict[str, Any] = json.loads(content)
        if not all(isinstance(row, dict) for row in body["templates"].values()):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RefusedError(
            f"s3://{bucket}/{MANIFEST} is no manifest of templates",
            hint="bring back an older version of the object, or delete it: the next publish writes a new one",
            field="bucket",
        ) from None
    return body
