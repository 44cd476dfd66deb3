"""Nothing is cut off: more of everything than any page holds."""

from collections import Counter
from collections.abc import Iterator

import pytest
from botocore.credentials import Credentials

from provisioner.aws.reader import Reader
from provisioner.aws.shared import AccountSession, SharedClients
from provisioner.scan.table import ROWS
from tests.seeded_cloud.scanning import cloud
from tests.seeded_cloud.weather import Weather
from tests.seeded_cloud.world import GLOBAL, REGIONS, World

SIZES = {
    "bucket": 10_000,
    "repository": 2_345,
    "cluster": 130,
    "role": 2_100,
    "project": 250,
    "machine": 1_001,
}
WORLD = World(accounts=1, regions=REGIONS[:2], sizes=SIZES)
ACCOUNT = WORLD.account(0)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with cloud(WORLD, Weather()) as running:
        yield running


@pytest.fixture
def reader(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    shared = SharedClients(WORLD.home)
    session = AccountSession(shared, ACCOUNT, Credentials(f"AKIA{ACCOUNT}ROOT", "any"))
    return Reader(lambda account: session, most_details=3)


@pytest.mark.parametrize("service", ["ecr", "eks", "iam", "codebuild", "stepfunctions"])
def test_every_one_of_many_is_found(reader: Reader, service: str) -> None:
    row = next(row for row in ROWS if row.service == service)
    region = GLOBAL if row.scope == "global" else "us-east-1"
    reading = reader.read(ACCOUNT, region, row)
    assert frozenset(f.arn for f in reading.resources) == WORLD.arns(service, ACCOUNT, region)
    assert all(f.tags is not None for f in reading.resources)


def test_ten_thousand_buckets_take_one_listing_and_a_tag_call_per_hundred(reader: Reader) -> None:
    row = next(row for row in ROWS if row.service == "s3")
    readings = [reader.read(ACCOUNT, region, row) for region in WORLD.regions]
    counts = Counter({r.cell.region: len(r.resources) for r in readings})
    assert counts.total() == 10_000
    for reading in readings:
        arns = frozenset(f.arn for f in reading.resources)
        assert arns == WORLD.arns("s3", ACCOUNT, reading.cell.region)
    # Ten pages, one question to the account, tags, and at most seven settings of three buckets a region.
    tags = sum(-(-number // 100) for number in counts.values())
    calls = sum(r.cell.calls for r in readings)
    assert 10 + 1 + tags < calls <= 10 + 1 + tags + 2 * 3 * 7
