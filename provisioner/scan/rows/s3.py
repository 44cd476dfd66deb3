"""S3 buckets."""

from collections.abc import Mapping

from provisioner.scan.row import AccountDetail, Attributes, Detail, Followup, Found, Item, Place, Row, paged

# Buckets that other tools fill and empty as they like; nothing of ours belongs there.
_OWNERS = (
    ("cdk-hnb659fds-assets-", "the AWS CDK's assets"),
    ("cf-templates-", "the CloudFormation console"),
    ("aws-cloudtrail-logs-", "CloudTrail's logs"),
    ("aws-glue-assets-", "AWS Glue"),
    ("aws-athena-query-results-", "Athena's results"),
    ("elasticbeanstalk-", "Elastic Beanstalk"),
    ("codepipeline-", "CodePipeline"),
    ("config-bucket-", "AWS Config"),
    ("do-not-delete-", "AWS"),
)


def _bucket(item: Item, place: Place) -> Found:
    name = item["Name"]
    owner = next((words for prefix, words in _OWNERS if name.startswith(prefix)), "")
    return Found(
        arn=f"arn:{place.partition}:s3:::{name}",
        account=place.account,
        region=item.get("BucketRegion", ""),
        kind="bucket",
        name=name,
        attributes={"reserved_for": owner} if owner else {},
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


def _locked(answer: Item) -> Attributes:
    """Whether a new object may not be deleted for a while: only a default retention does that."""
    return {"locked": "DefaultRetention" in answer["ObjectLockConfiguration"].get("Rule", {})}


def _acls(answer: Item) -> Attributes:
    rules = answer["OwnershipControls"]["Rules"]
    return {"acls_disabled": any(r.get("ObjectOwnership") == "BucketOwnerEnforced" for r in rules)}


ROW = Row(
    service="s3",
    kind="bucket",
    scope="shared",
    call="list_buckets",
    key="Buckets",
    permission="s3:ListAllMyBuckets",
    shape=_bucket,
    words="S3 buckets with their region, public access, encryption, versions, lock, payer and owner",
    candidate=lambda found: "reserved_for" not in found.attributes,
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
        Detail(
            call="get_object_lock_configuration",
            permission="s3:GetBucketObjectLockConfiguration",
            arguments=_owned,
            read=_locked,
            absent={"ObjectLockConfigurationNotFoundError": {"locked": False}},
        ),
        Detail(
            call="get_bucket_request_payment",
            permission="s3:GetBucketRequestPayment",
            arguments=_owned,
            read=lambda a: {"requester_pays": a.get("Payer") == "Requester"},
        ),
        Detail(
            call="get_bucket_ownership_controls",
            permission="s3:GetBucketOwnershipControls",
            arguments=_owned,
            read=_acls,
            # A bucket older than the setting keeps its access control lists.
            absent={"OwnershipControlsNotFoundError": {"acls_disabled": False}},
        ),
    ),
    # Where nothing blocks public access, only the policy tells whether anybody uses it.
    followups=(
        Followup(
            call="get_bucket_policy_status",
            permission="s3:GetBucketPolicyStatus",
            arguments=lambda f: [_owned(f)] if f.attributes.get("public_access_blocked") is False else [],
            read=lambda answers: {"public_by_policy": bool(answers[0]["PolicyStatus"]["IsPublic"])},
            absent={"NoSuchBucketPolicy": {"public_by_policy": False}},
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
            spares="get_public_access_block",
        ),
    ),
)
