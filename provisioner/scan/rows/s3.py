"""S3 buckets."""

from collections.abc import Mapping

from provisioner.scan.row import AccountDetail, Attributes, Detail, Found, Item, Place, Row, paged


def _bucket(item: Item, place: Place) -> Found:
    return Found(
        arn=f"arn:{place.partition}:s3:::{item['Name']}",
        account=place.account,
        region=item.get("BucketRegion", ""),
        kind="bucket",
        name=item["Name"],
    )


def _owned(found: Found) -> Mapping[str, str]:
    # The name may have gone to another account since it was listed.
    return {"Bucket": found.name, "ExpectedBucketOwner": found.account}


_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def _blocked(answer: Item) -> Attributes:
    return {"public_access_blocked": _blocks_all(answer)}


def _blocked_by_account(answer: Item) -> Attributes:
    """The account's block holds for every bucket; where it has a hole, the bucket's own decides."""
    return {"public_access_blocked": True} if _blocks_all(answer) else {}


def _blocks_all(answer: Item) -> bool:
    blocks = answer["PublicAccessBlockConfiguration"]
    return all(blocks.get(name) is True for name in _BLOCKS)


ROW = Row(
    service="s3",
    kind="bucket",
    scope="shared",
    call="list_buckets",
    key="Buckets",
    permission="s3:ListAllMyBuckets",
    shape=_bucket,
    # S3 tells the buckets' regions only to a request with a parameter such as MaxBuckets.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
    arguments=paged(1000),
    one=lambda arn: {"Prefix": arn.resource, **paged(1000)},
    # No permission in the policy: AWS itself never makes a scan ask this.
    locate=Detail(call="head_bucket", arguments=_owned, read=lambda a: {"region": a["BucketRegion"]}),
    tagged_as="s3",
    details=(
        Detail(
            call="get_public_access_block",
            permission="s3:GetBucketPublicAccessBlock",
            arguments=_owned,
            read=_blocked,
            absent={"NoSuchPublicAccessBlockConfiguration": {"public_access_blocked": False}},
        ),
        Detail(
            call="get_bucket_encryption",
            permission="s3:GetEncryptionConfiguration",
            arguments=_owned,
            read=lambda a: {"encrypted": bool(a["ServerSideEncryptionConfiguration"]["Rules"])},
            absent={"ServerSideEncryptionConfigurationNotFoundError": {"encrypted": False}},
        ),
        Detail(
            call="get_bucket_versioning",
            permission="s3:GetBucketVersioning",
            arguments=_owned,
            read=lambda a: {"versioned": a.get("Status") == "Enabled"},
        ),
    ),
    # AWS applies the stricter of the two.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    account_details=(
        AccountDetail(
            service="s3control",
            call="get_public_access_block",
            permission="s3:GetAccountPublicAccessBlock",
            arguments=lambda account: {"AccountId": account},
            read=_blocked_by_account,
            absent={"NoSuchPublicAccessBlockConfiguration": {}},
        ),
    ),
)
