"""Door to S3: publishing templates, and counting and emptying a stack's bucket."""

import json
from collections.abc import Iterator
from typing import Any

from provisioner.aws.session import DENIED, Client
from provisioner.errors import CheckError, RefusedError
from provisioner.template import Template

PREFIX = "stackwright"
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
                hint=f"name one in {self._region}: CloudFormation reads templates through its own region",
                field="bucket",
            )
        return True

    def create_private(self, bucket: str) -> None:
        """An encrypted bucket of this account that nobody else can read; again is the same."""
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

    def publish(self, bucket: str, template: Template, *, shape: dict[str, Any]) -> str:
        """Template, manifest, `latest`, in this order: a manifest never names what is not there. The key."""
        key = f"{PREFIX}/{template.sha256}.json"
        self._put(bucket, key, template.text)
        manifest = self._manifest(bucket)
        manifest["templates"][template.sha256] = {"key": key, "bytes": template.size, "shape": shape}
        self._put(bucket, f"{PREFIX}/manifest.json", json.dumps(manifest, indent=1, sort_keys=True))
        self._put(bucket, f"{PREFIX}/latest", template.sha256)
        return key

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

    def _manifest(self, bucket: str) -> dict[str, Any]:
        try:
            text = self.read(bucket, f"{PREFIX}/manifest.json")
        except RefusedError as error:
            if error.code in _MISSING:
                return {"version": 1, "templates": {}}
            raise
        found: dict[str, Any] = json.loads(text)
        return found

    def _put(self, bucket: str, key: str, text: str) -> None:
        self._client.put_object(
            Bucket=bucket,
            Key=key,
            Body=text.encode(),
            ContentType="application/json",
            ServerSideEncryption="AES256",
            ExpectedBucketOwner=self._account,
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
