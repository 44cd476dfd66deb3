"""S3 artifact store: construct."""

from collections.abc import Mapping

from aws_cdk import CfnParameter
from aws_cdk import aws_s3 as s3
from constructs import Construct

from provisioner.component import Outputs
from stacks.documents import fragment, policy, statement, token
from stacks.site import Site

# What scanners find here, and why it stays.
_NO_LOG = "logs need a second bucket, which costs and grows; CloudTrail's data events log a whole account"
_NO_KEY = "a key is the user's choice; without one AWS's own key encrypts, as ZenML's S3 connector expects"
ACCEPTED = {
    "CKV_AWS_18": _NO_LOG,
    "AwsSolutions-S1": _NO_LOG,
    "s3-access-log": _NO_LOG,
    "s3-own-key": _NO_KEY,
}


class S3ArtifactStore(Construct):
    """A bucket that is TLS only, not public, encrypted and versioned, and that forgets old versions."""

    def __init__(self, scope: Construct, id_: str, *, site: Site) -> None:
        super().__init__(scope, id_)
        self.bucket = s3.CfnBucket(
            self,
            "Bucket",
            bucket_encryption=_encryption(site),
            ownership_controls=_OWNER_ONLY,
            public_access_block_configuration=_NOT_PUBLIC,
            versioning_configuration=s3.CfnBucket.VersioningConfigurationProperty(status="Enabled"),
            lifecycle_configuration=_lifecycle(site.options),
        )
        self.bucket.override_logical_id("ArtifactStoreBucket")
        self.bucket.apply_removal_policy(site.removal)
        self.outputs: Outputs = {
            "bucket_name": fragment(self.bucket),
            "bucket_arn": fragment(self.bucket, "Arn"),
        }
        self.policy = s3.CfnBucketPolicy(
            self,
            "Policy",
            bucket=token(self.outputs["bucket_name"]),
            policy_document=policy(
                statement(facts, {"artifact_store": self.outputs}, principal="*")
                for facts in site.statements("bucket")
            ),
        )
        self.policy.override_logical_id("ArtifactStorePolicy")
        # A bucket that outlives its stack keeps its policy, or plain HTTP would be let in.
        self.policy.apply_removal_policy(site.removal)


def _encryption(site: Site) -> s3.CfnBucket.BucketEncryptionProperty:
    by_default = s3.CfnBucket.ServerSideEncryptionByDefaultProperty(
        sse_algorithm="aws:kms" if site.shape.kms else "AES256",
        kms_master_key_id=token("${DataKeyArn}") if site.shape.kms else None,
    )
    rule = s3.CfnBucket.ServerSideEncryptionRuleProperty(
        server_side_encryption_by_default=by_default,
        # One key for many objects: each request to KMS costs.
        bucket_key_enabled=True if site.shape.kms else None,
    )
    return s3.CfnBucket.BucketEncryptionProperty(server_side_encryption_configuration=[rule])


_OWNER_ONLY = s3.CfnBucket.OwnershipControlsProperty(
    rules=[s3.CfnBucket.OwnershipControlsRuleProperty(object_ownership="BucketOwnerEnforced")]
)
_NOT_PUBLIC = s3.CfnBucket.PublicAccessBlockConfigurationProperty(
    block_public_acls=True, block_public_policy=True, ignore_public_acls=True, restrict_public_buckets=True
)


def _lifecycle(options: Mapping[str, CfnParameter]) -> s3.CfnBucket.LifecycleConfigurationProperty:
    return s3.CfnBucket.LifecycleConfigurationProperty(
        rules=[
            s3.CfnBucket.RuleProperty(
                id="old-versions",
                status="Enabled",
                expired_object_delete_marker=True,
                noncurrent_version_expiration=s3.CfnBucket.NoncurrentVersionExpirationProperty(
                    noncurrent_days=options["noncurrent_days"].value_as_number
                ),
            ),
            s3.CfnBucket.RuleProperty(
                id="unfinished-uploads",
                status="Enabled",
                abort_incomplete_multipart_upload=s3.CfnBucket.AbortIncompleteMultipartUploadProperty(
                    days_after_initiation=options["abort_upload_days"].value_as_number
                ),
            ),
        ]
    )
