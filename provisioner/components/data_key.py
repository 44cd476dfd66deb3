"""The customer's KMS key: whoever reads or writes the artifact bucket needs it too."""

from provisioner.component import Statement

READ = ("kms:Decrypt",)
READ_AND_WRITE = ("kms:Decrypt", "kms:GenerateDataKey")


def statement(
    sid: str, words: str, *, role: str = "access", actions: tuple[str, ...] = READ_AND_WRITE
) -> Statement:
    """The right to use the data key through S3, and in no other way."""
    return Statement(
        sid=sid,
        role=role,
        when="kms",
        actions=actions,
        resources=("{data.key_arn}",),
        conditions={"StringEquals": {"kms:ViaService": "s3.{aws.region}.{aws.suffix}"}},
        words=words,
    )
