"""Scans by AWS Config and by Resource Explorer: the same cells and the same answers as without them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from parliament import iam_definition

from provisioner.scan import index
from provisioner.scan.index import TYPES, covers, is_whole, records
from provisioner.scan.table import ROWS
from tests.cli.conftest import Cli
from tests.seeded_cloud import indexes
from tests.seeded_cloud.scanning import EVERY_SERVICE, cloud
from tests.seeded_cloud.weather import Weather
from tests.seeded_cloud.world import REGIONS, World

WORLD = World(accounts=6, regions=REGIONS[:4])
SCAN = ("scan", "--organization", "--region", "all", *EVERY_SERVICE, "--json")
ENGINES = ("config", "resource-explorer")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with cloud(WORLD, Weather()) as running:
        yield running


@pytest.fixture
def aws(endpoint: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"AKIA{WORLD.account(0)}ROOT")
    monkeypatch.setenv("AWS_REGION", WORLD.home)


def cells(answer: dict[str, Any]) -> dict[tuple[str, str, str], tuple[str, int, str]]:
    return {
        (c["account"], c["region"], c["service"]): (c["state"], c["count"], c["note"])
        for c in answer["cells"]
    }


def resources(answer: dict[str, Any]) -> dict[str, Any]:
    return {r["arn"]: r for r in answer["resources"]}


@pytest.mark.parametrize("engine", ENGINES)
def test_an_index_changes_no_answer_and_spares_calls(aws: None, cli: Cli, engine: str) -> None:
    direct, by_index = cli(*SCAN).json, cli(*SCAN, "--engine", engine).json
    assert cells(by_index) == cells(direct)
    assert resources(by_index) == resources(direct)
    assert by_index["summary"]["calls"] < direct["summary"]["calls"]


def spared(answer: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Cells that nobody looked into."""
    calls = {(c["account"], c["region"], c["service"]): c["calls"] for c in answer["cells"]}
    # All cells of buckets share the calls of one.
    return {place for place, number in calls.items() if number == 0 and place[2] != "s3"}


def test_config_is_believed_where_it_records_the_type_and_nowhere_else(aws: None, cli: Cli) -> None:
    answer = cli(*SCAN, "--engine", "config").json
    seen = {(region, type_) for _, region, type_ in recorded()}
    for account, region, service in spared(answer):
        assert indexes.is_recording(WORLD, account, region)
        assert indexes.status(WORLD, account, region) == "SUCCEEDED"
        assert TYPES[service] not in indexes.excluded(WORLD, account, region)
        assert (region, TYPES[service]) in seen
    assert spared(answer)


def recorded() -> set[tuple[str, str, str]]:
    return {
        (account, region, type_)
        for account, region, type_, _ in indexes.resources(WORLD)
        if indexes.is_recording(WORLD, account, region)
        and indexes.status(WORLD, account, region) == "SUCCEEDED"
        and type_ not in indexes.excluded(WORLD, account, region)
    }


def test_resource_explorer_is_believed_where_it_has_an_index(aws: None, cli: Cli) -> None:
    answer = cli(*SCAN, "--engine", "resource-explorer").json
    for account, region, service in spared(answer):
        assert indexes.is_indexed(WORLD, account, region)
        assert TYPES[service] != indexes.UNKNOWN_TO_EXPLORER
    assert spared(answer)


def test_it_is_said_how_far_the_index_helped_how_old_it_is_and_what_it_did_not_know(
    aws: None, cli: Cli
) -> None:
    done = cli(*SCAN, "--engine", "config")
    note = done.json["notes"]["config"]
    assert note.startswith("AWS Config (oldest source of 2023-11-14 22:13 UTC) proved ")
    for why in (
        "the aggregator's source is failed",
        "the aggregator's source is outdated",
        "no recorder runs",
        "AWS::ECR::Repository is not recorded",
    ):
        assert why in note
    assert note in done.err
    explorer = cli(*SCAN, "--engine", "resource-explorer").json["notes"]["resource-explorer"]
    assert "it does not know AWS::StepFunctions::StateMachine" in explorer
    assert "the region has no index" in explorer


def test_a_recorder_that_cannot_be_asked_is_told_and_the_cells_are_listed(
    aws: None, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The aggregator itself can be asked.
    denied = next(
        weather
        for weather in (Weather(seed=str(n), denials=0.3) for n in range(99))
        if not weather.is_denied(WORLD.account(0), WORLD.home, "config")
    )
    with cloud(WORLD, denied) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running)
        direct = cli(*SCAN, "--fail-on", "never")
        done = cli(*SCAN, "--engine", "config", "--fail-on", "never")
    assert "the recorder cannot be asked: AccessDeniedException" in done.json["notes"]["config"]
    assert resources(done.json) == resources(direct.json)


def test_an_aggregator_that_is_denied_is_no_scan(
    aws: None, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cloud(WORLD, Weather(denials=1.0)) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running)
        done = cli("scan", "--engine", "config", "--json")
    assert (done.code, done.error["message"].partition(":")[0]) == (
        4,
        "DescribeConfigurationAggregators was denied",
    )


# What cannot be


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ("--engine", "config", "--aggregator", "none"),
            2,
            "AWS Config has no aggregator 'none' in us-east-1",
        ),
        (("--aggregator", "org"), 2, "--aggregator belongs to --engine config"),
        (("--view", "arn:x"), 2, "--view belongs to --engine resource-explorer"),
        (("--engine", "resource-explorer", "--view", "arn:aws:s3:::b"), 2, "arn:aws:s3:::b is no view's ARN"),
        (
            (
                "--engine",
                "resource-explorer",
                "--view",
                "arn:aws:resource-explorer-2:us-east-1:1:view/filtered/1",
            ),
            2,
            "the view arn:aws:resource-explorer-2:us-east-1:1:view/filtered/1 leaves out what does not match"
            " 'tag:team=ml'",
        ),
    ],
)
def test_what_no_index_is_said(
    aws: None, cli: Cli, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = cli("scan", *arguments, "--json")
    assert (done.code, done.error["message"]) == (code, message)


def test_where_there_is_no_aggregator_the_scan_does_not_begin(
    aws: None, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"AKIA{WORLD.account(1)}ROOT")
    done = cli("scan", "--engine", "config", "--json")
    assert (done.code, done.error["message"]) == (2, "AWS Config has no aggregator in us-east-1")


def test_the_engine_is_part_of_what_is_resumed(aws: None, cli: Cli) -> None:
    first = cli(*SCAN, "--engine", "config").json
    again = cli("scan", "--resume", "--json")
    assert cells(again.json) == cells(first)


# Pure


@pytest.mark.parametrize(
    ("group", "recorded"),
    [
        ({"allSupported": True}, True),
        ({"recordingStrategy": {"useOnly": "ALL_SUPPORTED_RESOURCE_TYPES"}}, True),
        ({"resourceTypes": ["AWS::S3::Bucket"]}, True),
        ({"resourceTypes": ["AWS::EC2::VPC"]}, False),
        ({"recordingStrategy": {"useOnly": "INCLUSION_BY_RESOURCE_TYPES"}, "resourceTypes": []}, False),
        (
            {
                "recordingStrategy": {"useOnly": "EXCLUSION_BY_RESOURCE_TYPES"},
                "exclusionByResourceTypes": {"resourceTypes": ["AWS::S3::Bucket"]},
            },
            False,
        ),
        (
            {
                "recordingStrategy": {"useOnly": "EXCLUSION_BY_RESOURCE_TYPES"},
                "exclusionByResourceTypes": {"resourceTypes": ["AWS::EC2::VPC"]},
            },
            True,
        ),
        ({}, False),
    ],
)
def test_what_a_recorder_records(group: dict[str, Any], recorded: bool) -> None:
    assert records({"recordingGroup": group}, "AWS::S3::Bucket") is recorded


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ("arn:aws:iam::111122223333:root", True),
        ("arn:aws:iam::444455556666:root", False),
        ("arn:aws:organizations::444455556666:organization/o-1", True),
        ("", False),
    ],
)
def test_whom_a_view_covers(scope: str, covered: bool) -> None:
    assert covers({"Scope": scope}, "111122223333") is covered


@pytest.mark.parametrize(("view", "whole"), [({}, True), ({"Filters": {"FilterString": "tag:x"}}, False)])
def test_a_view_with_a_filter_leaves_things_out(view: dict[str, Any], whole: bool) -> None:
    assert is_whole(view) is whole


def test_the_types_are_of_rows_that_have_regions_but_for_quotas_which_no_index_knows() -> None:
    regional = {row.service for row in ROWS if row.scope != "global" and not row.kind.endswith("_quota")}
    assert set(TYPES) == regional


@pytest.mark.parametrize("engine", ENGINES)
def test_what_an_engine_needs_stands_in_the_policies(cli: Cli, engine: Any) -> None:
    known = {f"{s['prefix']}:{p['privilege']}".lower() for s in iam_definition for p in s["privileges"]}
    here, once = index.IN_ACCOUNTS[engine], index.BY_CALLER[engine]
    assert {a.lower() for a in (*here, *once)} <= known | {"resource-explorer-2:listresources"}
    (own,) = cli("scan", "--policy", "--engine", engine).json["Statement"]
    assert {*here, *once} <= set(own["Action"])
    caller = cli("scan", "--policy", "--engine", engine, "--format", "caller").json
    assert caller["Statement"][-1]["Action"] == list(once)
    role = cli("scan", "--policy", "--engine", engine, "--format", "cloudformation").json
    actions = role["Resources"]["ScanRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0][
        "Action"
    ]
    assert set(here) <= set(actions)
    assert not set(once) & set(actions)
