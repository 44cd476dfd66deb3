"""AWS Config and Resource Explorer of the seeded cloud, in their wire format; each has its gaps."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from provisioner.scan.index import TYPES
from tests.seeded_cloud.wire import AwsError, Call
from tests.seeded_cloud.world import SERVICES, World

AGGREGATOR, VIEW_NAME = "org", "all"
# What Config does not know in this cloud, though it exists: its answer would be empty.
NEVER_RECORDED = "AWS::SageMaker::ModelPackageGroup"
# What Resource Explorer does not know at all.
UNKNOWN_TO_EXPLORER = "AWS::StepFunctions::StateMachine"
_AT = 1_700_000_000.0
_AT_TEXT = "2023-11-14T22:13:20Z"
Answer = Mapping[str, Any]


def resources(world: World) -> Iterator[tuple[str, str, str, str]]:
    """Account, region, type and ARN of all that the indexes could know."""
    for account in world.ids:
        for region in world.regions:
            for service in SERVICES.values():
                if service in TYPES:
                    for arn in sorted(world.arns(service, account, region)):
                        yield account, region, TYPES[service], arn


# Config


def excluded(world: World, account: str, region: str) -> list[str]:
    """What the recorder of a place leaves out: of some places repositories, of all of them one type."""
    odd = world.number("recorder", account, region) % 3 == 0
    return [NEVER_RECORDED, *(["AWS::ECR::Repository"] if odd else [])]


def status(world: World, account: str, region: str) -> str:
    drawn = world.number("source", account, region) % 7
    return {0: "FAILED", 1: "OUTDATED"}.get(drawn, "SUCCEEDED")


def is_recording(world: World, account: str, region: str) -> bool:
    return bool(world.number("recording", account, region) % 5)


def _recorded(world: World) -> list[str]:
    """The rows of the query, a place and type each."""
    rows: dict[tuple[str, str, str], int] = {}
    for account, region, type_, _ in resources(world):
        known = is_recording(world, account, region) and status(world, account, region) == "SUCCEEDED"
        if known and type_ not in excluded(world, account, region):
            rows[account, region, type_] = rows.get((account, region, type_), 0) + 1
    return [
        json.dumps({"accountId": a, "awsRegion": r, "resourceType": t, "COUNT(*)": n})
        for (a, r, t), n in rows.items()
    ]


def _select(world: World, call: Call) -> Answer:
    if call.given["ConfigurationAggregatorName"] != AGGREGATOR:
        raise AwsError("NoSuchConfigurationAggregatorException", "no such aggregator")
    assert "GROUP BY accountId, awsRegion, resourceType" in call.given["Expression"]
    # Pages of three show that the token is followed.
    return _paged(_recorded(world), call, "Results", size=3)


def _paged(rows: list[Any], call: Call, key: str, *, size: int, token: str = "NextToken") -> Answer:
    start = int(call.text(token) or 0)
    after = {token: str(start + size)} if start + size < len(rows) else {}
    return {key: rows[start : start + size], **after}


def _aggregators(world: World, call: Call) -> Answer:
    found = {
        "ConfigurationAggregatorName": AGGREGATOR,
        "ConfigurationAggregatorArn": f"arn:aws:config:{call.region}:{call.account}:config-aggregator/x",
        "OrganizationAggregationSource": {"RoleArn": "arn:aws:iam::1:role/x", "AllAwsRegions": True},
    }
    # Whoever is not of the first account has none.
    return {"ConfigurationAggregators": [found] if call.account == world.account(0) else []}


def _sources(world: World, call: Call) -> Answer:
    rows = [
        {
            "SourceId": account,
            "SourceType": "ACCOUNT",
            "AwsRegion": region,
            "LastUpdateStatus": status(world, account, region),
            "LastUpdateTime": _AT,
        }
        for account in world.ids
        for region in world.regions
    ]
    return _paged(rows, call, "AggregatedSourceStatusList", size=7)


def _recorders(world: World, call: Call) -> Answer:
    group = {
        "allSupported": False,
        "exclusionByResourceTypes": {"resourceTypes": excluded(world, call.account, call.region)},
        "recordingStrategy": {"useOnly": "EXCLUSION_BY_RESOURCE_TYPES"},
    }
    return {"ConfigurationRecorders": [{"name": "default", "recordingGroup": group}]}


def _recorder_status(world: World, call: Call) -> Answer:
    on = is_recording(world, call.account, call.region)
    row = {"name": "default", "recording": on, "lastStatus": "Success"}
    return {"ConfigurationRecordersStatus": [row]}


# Resource Explorer


def view_arn(world: World) -> str:
    return f"arn:aws:resource-explorer-2:{world.home}:{world.account(0)}:view/{VIEW_NAME}/1"


def is_indexed(world: World, account: str, region: str) -> bool:
    return region == world.home or bool(world.number("index", account, region) % 4)


def explorer_name(type_: str) -> str:
    """Its own words for a type; nobody needs to guess them."""
    _, service, thing = type_.lower().split("::")
    return f"{service}:{thing}"


def _list(world: World, call: Call) -> Answer:
    wanted = call.given["Filters"]["FilterString"].removeprefix("resourcetype:")
    rows = [
        {"Arn": arn, "OwningAccountId": a, "Region": r, "ResourceType": wanted, "LastReportedAt": _AT_TEXT}
        for a, r, type_, arn in resources(world)
        if explorer_name(type_) == wanted and is_indexed(world, a, r)
    ]
    return {**_paged(rows, call, "Resources", size=5), "ViewArn": view_arn(world)}


def _types(world: World, call: Call) -> Answer:
    rows = [
        {
            "Service": type_.split("::")[1].lower(),
            "ResourceType": explorer_name(type_),
            "CFNResourceTypes": [type_],
        }
        for type_ in TYPES.values()
        if type_ != UNKNOWN_TO_EXPLORER
    ]
    return _paged(rows, call, "ResourceTypes", size=4)


def _view(world: World, call: Call) -> Answer:
    filtered = call.text("ViewArn").endswith("filtered/1")
    scope = f"arn:aws:organizations::{world.account(0)}:organization/o-1"
    filters = {"FilterString": "tag:team=ml"} if filtered else {"FilterString": ""}
    return {"View": {"ViewArn": call.text("ViewArn"), "Scope": scope, "Filters": filters}}


def _indexes(world: World, call: Call) -> Answer:
    rows = [
        {"Region": r, "Arn": f"arn:{r}", "Type": "AGGREGATOR" if r == world.home else "LOCAL"}
        for r in world.regions
        if is_indexed(world, call.account, r)
    ]
    return _paged(rows, call, "Indexes", size=2)


HANDLERS: dict[tuple[str, str], Callable[[World, Call], Answer]] = {
    ("config", "SelectAggregateResourceConfig"): _select,
    ("config", "DescribeConfigurationAggregators"): _aggregators,
    ("config", "DescribeConfigurationAggregatorSourcesStatus"): _sources,
    ("config", "DescribeConfigurationRecorders"): _recorders,
    ("config", "DescribeConfigurationRecorderStatus"): _recorder_status,
    ("resource-explorer-2", "ListResources"): _list,
    ("resource-explorer-2", "ListSupportedResourceTypes"): _types,
    ("resource-explorer-2", "GetView"): _view,
    ("resource-explorer-2", "GetDefaultView"): lambda world, call: {"ViewArn": view_arn(world)},
    ("resource-explorer-2", "ListIndexes"): _indexes,
}
