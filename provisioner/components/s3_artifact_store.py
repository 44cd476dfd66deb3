"""S3 artifact store: facts."""

from collections.abc import Mapping

from provisioner.arn import Arn
from provisioner.component import Check, Component, Option, Outputs, Statement, flag, flag_off
from provisioner.components import data_key


def _outputs_of(arn: Arn) -> Outputs:
    return {"bucket_name": arn.resource, "bucket_arn": str(arn)}


def _not_public(attributes: Mapping[str, object]) -> bool | None:
    if attributes.get("public_access_blocked") is True:
        return True
    policy = attributes.get("public_by_policy")
    if policy is True:
        return False
    # An open access control list is not looked at: only where none counts is the policy all there is.
    return True if policy is False and attributes.get("acls_disabled") is True else None


COMPONENT = Component(
    name="s3_artifact_store",
    type="artifact_store",
    flavor="s3",
    words="S3 bucket for artifacts: TLS only, not public, encrypted, versioned",
    zenml_flavor="s3",
    resource_types=("AWS::S3::Bucket", "AWS::S3::BucketPolicy"),
    options=(
        Option(
            name="noncurrent_days",
            default=30,
            minimum=1,
            maximum=3650,
            doc="Days until an overwritten or deleted version of an object is removed for good.",
        ),
        Option(
            name="abort_upload_days",
            default=7,
            minimum=1,
            maximum=365,
            doc="Days until the parts of an unfinished upload are removed.",
        ),
    ),
    outputs={
        "bucket_name": "Name of the artifact bucket.",
        "bucket_arn": "ARN of the artifact bucket.",
    },
    # ZenML 0.98's own calls, recorded: shared facts, permissions 4b.
    statements=(
        Statement(
            sid="ArtifactBucketList",
            actions=("s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketVersioning"),
            resources=("{artifact_store.bucket_arn}",),
            words="may list your artifact bucket and see whether it is versioned",
        ),
        Statement(
            sid="ArtifactBucketObjects",
            actions=(
                "s3:GetObject",
                "s3:PutObject",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:AbortMultipartUpload",
            ),
            resources=("{artifact_store.bucket_arn}/*",),
            words="may read, write and delete objects in your artifact bucket",
        ),
        data_key.statement("ArtifactBucketKey", "may use the data key for objects in your artifact bucket"),
        Statement(
            sid="ArtifactBucketTlsOnly",
            role="bucket",
            effect="Deny",
            actions=("s3:*",),
            resources=("{artifact_store.bucket_arn}", "{artifact_store.bucket_arn}/*"),
            conditions={"Bool": {"aws:SecureTransport": "false"}},
            words="nobody may reach your artifact bucket without TLS",
            reason="A denial of everything that comes over plain HTTP.",
        ),
    ),
    arn_pattern=r"arn:[a-z-]+:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    outputs_of=_outputs_of,
    register_config=lambda outputs: {"path": f"s3://{outputs['artifact_store']['bucket_name']}"},
    checks=(
        Check(
            id="same_region",
            severity="error",
            test=flag("same_region"),
            reason="the bucket is in the stack's region",
        ),
        Check(
            id="not_reserved",
            severity="error",
            test=lambda attributes: "reserved_for" not in attributes,
            reason="the bucket is not another tool's own",
            detail=lambda attributes: str(attributes.get("reserved_for", "")),
        ),
        Check(
            id="not_public",
            severity="error",
            test=_not_public,
            reason="nobody can make it public, or nobody has",
        ),
        Check(
            id="encrypted",
            severity="warning",
            test=flag("encrypted"),
            reason="objects are encrypted by default",
        ),
        Check(
            id="not_locked",
            severity="warning",
            test=flag_off("locked"),
            reason="no object lock keeps artifacts from being deleted",
        ),
        Check(
            id="owner_pays",
            severity="warning",
            test=flag_off("requester_pays"),
            reason="its owner pays: clients of ZenML never say that they would",
        ),
        Check(
            id="acls_disabled",
            severity="warning",
            test=flag("acls_disabled"),
            reason="the bucket owns every object; no access control list lets others in",
        ),
        Check(
            id="versioned",
            severity="info",
            test=flag("versioned"),
            reason="overwritten objects can be recovered",
        ),
    ),
)
