"""ECR repositories."""

from collections.abc import Callable, Mapping

from provisioner.scan.row import Found, Item, Place, Row, paged

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


ROW = Row(
    service="ecr",
    kind="repository",
    scope="regional",
    call="describe_repositories",
    key="repositories",
    permission="ecr:DescribeRepositories",
    shape=_repository,
    words="ECR repositories with their tag mutability and scan on push",
    arguments=paged(1000),
    # Names and pages exclude each other.
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
    one=lambda arn: {"repositoryNames": [arn.name]},
    absent=("RepositoryNotFoundException",),
    tagged_as="ecr:repository",
)
