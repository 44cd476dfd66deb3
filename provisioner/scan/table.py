"""What a scan looks at: one row per service, and the cells and resources that come of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from provisioner.arn import Arn
from provisioner.component import ComponentType
from provisioner.components import for_arn
from provisioner.scan import trust

State = Literal["found", "empty", "denied", "not_enabled", "unsupported", "throttled", "timeout", "failed"]
# That a service is not there, or a region not switched on, is an answer: nothing of the account is hidden.
SEEN: tuple[State, ...] = ("found", "empty", "not_enabled", "unsupported")
Attributes = Mapping[str, object]
Item = Mapping[str, Any]
GLOBAL = "global"

# regional: one call and one cell per region. shared: one call per account, one cell per region.
# global: one call and one cell per account.
Scope = Literal["regional", "shared", "global"]


@dataclass(frozen=True, kw_only=True)
class Found:
    """Something that exists; a missing attribute, or tags that are None, mean "I could not look"."""

    arn: str
    account: str
    region: str
    kind: str
    name: str
    attributes: Attributes = field(default_factory=dict)
    tags: Mapping[str, str] | None = None

    @property
    def component_types(self) -> tuple[ComponentType, ...]:
        return tuple(component.type for component in for_arn(self.arn))

    def as_dict(self) -> dict[str, object]:
        """The resource in the JSON contract, without its fitness."""
        return {
            "arn": self.arn,
            "account": self.account,
            "region": self.region,
            "kind": self.kind,
            "name": self.name,
            "component_types": list(self.component_types),
            "tags": dict(self.tags or {}),
            "tags_known": self.tags is not None,
        }


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One (account, region, service) of a scan; `seconds` is wall time, `calls` counts pages and details."""

    account: str
    region: str
    service: str
    state: State
    count: int = 0
    calls: int = 0
    seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A cell and what was found in it."""

    cell: Cell
    resources: tuple[Found, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an item was listed; `region` is "global" for a call that belongs to no region."""

    account: str
    region: str
    partition: str


@dataclass(frozen=True, kw_only=True)
class Detail:
    """One more call per resource; `absent` maps error codes that are answers to what they say."""

    call: str
    arguments: Callable[[Found], Mapping[str, str]]
    read: Callable[[Item], Attributes]
    permission: str = ""
    absent: Mapping[str, Attributes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AccountDetail:
    """One call per account whose answer holds for each of its resources, whatever their own details say."""

    service: str
    call: str
    arguments: Callable[[str], Mapping[str, str]]
    read: Callable[[Item], Attributes]
    permission: str
    absent: Mapping[str, Attributes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Row:
    """How one service is listed; `shape` answers None for an item that no component could use.

    `tagged_as` is the service's name in the tagging API, where tags come in bulk; `locate` asks for the
    "region" of an item whose listing does not tell it. `one` gives the arguments that list a single
    resource, where the call can; `absent` are the error codes that say there is no such resource.
    """

    service: str
    kind: str
    scope: Scope
    call: str
    key: str
    permission: str
    shape: Callable[[Item, Place], Found | None]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    details: tuple[Detail, ...] = ()
    account_details: tuple[AccountDetail, ...] = ()
    tagged_as: str = ""
    locate: Detail | None = None
    one: Callable[[Arn], Mapping[str, Any]] | None = None
    absent: tuple[str, ...] = ()

    @property
    def permissions(self) -> tuple[str, ...]:
        """Every IAM action that reading this row needs, sorted."""
        details: tuple[Detail | AccountDetail, ...] = (*self.details, *self.account_details)
        asked = {self.permission, *(detail.permission for detail in details)}
        return tuple(sorted(asked | ({"tag:GetResources"} if self.tagged_as else set())))


def only(row: Row, arn: Arn) -> Row:
    """The row for a single resource: nothing else is asked about, nor are tags, which fitness never needs."""

    def shape(item: Item, place: Place) -> Found | None:
        found = row.shape(item, place)
        return found if found and found.arn == str(arn) else None

    arguments = row.one(arn) if row.one else row.arguments
    return replace(row, arguments=arguments, shape=shape, tagged_as="")


def policy(rows: Iterable[Row]) -> dict[str, object]:
    """The read-only IAM policy that scanning these rows needs."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "StackwrightScan",
                "Effect": "Allow",
                "Action": sorted({action for row in rows for action in row.permissions}),
                # A scan looks for what nobody has named yet.
                "Resource": "*",
            }
        ],
    }


def _paged(size: int) -> Mapping[str, Any]:
    return {"PaginationConfig": {"PageSize": size}}


# S3


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


_S3 = Row(
    service="s3",
    kind="bucket",
    scope="shared",
    call="list_buckets",
    key="Buckets",
    permission="s3:ListAllMyBuckets",
    shape=_bucket,
    # S3 tells the buckets' regions only to a request with a parameter such as MaxBuckets.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
    arguments=_paged(1000),
    one=lambda arn: {"Prefix": arn.resource, **_paged(1000)},
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

# ECR

_MOVABLE: Mapping[str, Callable[[list[str]], bool]] = {
    "MUTABLE": lambda filters: True,
    "IMMUTABLE": lambda filters: False,
    # The tags that match a filter are the exception to the repository's rule.
    "IMMUTABLE_WITH_EXCLUSION": lambda filters: bool(filters),
    "MUTABLE_WITH_EXCLUSION": lambda filters: "*" not in filters,
}


def _repository(item: Item, place: Place) -> Found:
    return Found(
        arn=item["repositoryArn"],
        account=place.account,
        region=place.region,
        kind="repository",
        name=item["repositoryName"],
        attributes=_mutability(item) | _scanning(item),
    )


def _mutability(item: Item) -> dict[str, object]:
    movable = _MOVABLE.get(item["imageTagMutability"])
    filters = [f["filter"] for f in item.get("imageTagMutabilityExclusionFilters", ())]
    return {"tags_can_move": movable(filters)} if movable else {}


def _scanning(item: Item) -> dict[str, object]:
    scanning = item.get("imageScanningConfiguration", {})
    return {"scanned_on_push": scanning["scanOnPush"]} if "scanOnPush" in scanning else {}


_ECR = Row(
    service="ecr",
    kind="repository",
    scope="regional",
    call="describe_repositories",
    key="repositories",
    permission="ecr:DescribeRepositories",
    shape=_repository,
    arguments=_paged(1000),
    # Names and pages exclude each other.
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
    one=lambda arn: {"repositoryNames": [arn.name]},
    absent=("RepositoryNotFoundException",),
    tagged_as="ecr:repository",
)

# IAM

_SAGEMAKER = "sagemaker.amazonaws.com"
_SERVICE_LINKED = "/aws-service-role/"


def _role(item: Item, place: Place) -> Found | None:
    document = trust.parse(item["AssumeRolePolicyDocument"])
    if item["Path"].startswith(_SERVICE_LINKED) or not trust.trusts(document, _SAGEMAKER):
        return None
    return Found(
        arn=item["Arn"],
        account=place.account,
        region=place.region,
        kind="role",
        name=item["RoleName"],
        attributes={
            "trusts_sagemaker": True,
            "guarded_trust": trust.guarded(document, _SAGEMAKER, place.account),
            "no_full_access": not any(map(_is_full_access, item["AttachedManagedPolicies"])),
        },
        tags={tag["Key"]: tag["Value"] for tag in item.get("Tags", ())},
    )


def _is_full_access(policy: Item) -> bool:
    name = policy["PolicyName"]
    return bool(name.endswith("FullAccess") or name == "AdministratorAccess")


_IAM = Row(
    service="iam",
    kind="role",
    scope="global",
    # One pass gives trust, attached policies and tags; ListRoles gives the first, and needs two calls a role.
    call="get_account_authorization_details",
    key="RoleDetailList",
    permission="iam:GetAccountAuthorizationDetails",
    shape=_role,
    # It cannot be asked for one role; an account has five pages of them at most.
    arguments={"Filter": ["Role"], **_paged(1000)},
)

ROWS: tuple[Row, ...] = (_S3, _ECR, _IAM)
