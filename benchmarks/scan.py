"""Scans of one account, 50 ms a call: ours beside boto3 used plainly, and what a call costs in CPU.

`--peer MODULE:FUNCTION` puts another scanner beside them: it is called with the endpoint, the credentials
(an access key of the account) and the regions, and scans them.
"""

import argparse
import importlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from timing import in_turns, report

from tests.seeded_cloud.scanning import SCAN, cloud, environment
from tests.seeded_cloud.weather import Weather
from tests.seeded_cloud.world import REGIONS, World

LATENCY = 0.05
RUNS = 5
SERVICES = ("s3", "ecr", "eks", "codebuild", "iam")
ONLY = [word for service in SERVICES for word in ("--service", service)]
KINDS = {"bucket": 200, "repository": 200, "cluster": 50, "project": 20, "role": 20}
HERE = World(accounts=1, regions=REGIONS[:1], sizes=KINDS)
# The same account, spread: buckets and roles are counted once, all else by region.
EVERYWHERE = World(
    accounts=1,
    regions=REGIONS,
    sizes={k: n if k in ("bucket", "role") else -(-n // len(REGIONS)) for k, n in KINDS.items()},
)
Scanner = Callable[[str, str, tuple[str, ...]], object]


def plain(endpoint: str, access_key: str, regions: tuple[str, ...]) -> None:
    """The first page of what a short script lists: one region, one service, one call after the other."""
    import boto3

    for region in regions:
        session = boto3.Session(access_key, "any", region_name=region)
        made = {name: session.client(name, endpoint_url=endpoint) for name in ("sts", "s3", "ecr", "eks")}
        made["sts"].get_caller_identity()
        made["s3"].list_buckets()
        made["ecr"].describe_repositories()
        made["eks"].list_clusters()


def ours(endpoint: str, access_key: str, regions: tuple[str, ...]) -> Mapping[str, Any]:
    """In this process: every page, cluster versions, projects, roles, tags, and the likeliest looked into."""
    from provisioner.cli import scanning
    from provisioner.scan.table import ROWS

    os.environ |= {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": access_key}
    wish = scanning.wish(ROWS, regions=regions, services=SERVICES)
    with Quiet(), scanning.run(wish, ROWS) as found:
        return found.summary()


class Quiet:
    """The story of a scan is not for here."""

    def __enter__(self) -> None:
        self._kept, sys.stderr = sys.stderr, Path(os.devnull).open("w")

    def __exit__(self, *_: object) -> None:
        sys.stderr.close()
        sys.stderr = self._kept


def timed(scanner: Scanner, *arguments: Any) -> Callable[[], float]:
    def run() -> float:
        started = time.perf_counter()
        scanner(*arguments)
        return time.perf_counter() - started

    return run


def process(world: World, endpoint: str, home: Path, *regions: str) -> Callable[[], float]:
    """The whole command, from its start."""
    command = [*SCAN, *ONLY, *(word for region in regions for word in ("--region", region))]

    def run() -> float:
        started = time.perf_counter()
        subprocess.run(command, env=environment(endpoint, home, world), capture_output=True, check=True)
        return time.perf_counter() - started

    return run


def compare(title: str, world: World, home: Path, peer: Scanner | None) -> None:
    weather = Weather(latency=LATENCY)
    with cloud(world, weather) as endpoint:
        key, regions = f"AKIA{world.account(0)}ROOT", world.regions
        cases = {
            "stackwright, in process": timed(ours, endpoint, key, regions),
            "stackwright scan, whole command": process(world, endpoint, home, *regions),
            "boto3, first pages only": timed(plain, endpoint, key, regions),
        }
        if peer:
            cases["peer"] = timed(peer, endpoint, key, regions)
        times = in_turns(cases, RUNS)
        found: dict[str, Any] = {}
        busy = spent(lambda: found.update(ours(endpoint, key, regions)))
    targets = {"peer": "≥ 4 × here, ≥ 10 × everywhere"}
    report(f"{title}, {LATENCY * 1000:.0f} ms a call", times, base="stackwright, in process", targets=targets)
    each = busy / found["calls"] * 1000
    print(
        f"\n{found['calls']} calls, {found['resources']} resources, {busy:.2f} s of CPU, {each:.1f} ms a call"
    )


def cpu() -> None:
    """CPU of a call and of a client, ours beside boto3's; no latency, one thread."""
    import boto3
    from botocore.credentials import Credentials

    from provisioner.aws.shared import AccountSession, SharedClients

    names = ("s3", "ecr", "iam", "eks", "codebuild", "sagemaker", "ec2", "batch", "stepfunctions", "efs")
    world = World(accounts=1, regions=REGIONS, sizes={"repository": 0})
    with cloud(world, Weather()) as endpoint:
        os.environ["AWS_ENDPOINT_URL"] = endpoint
        key = f"AKIA{world.account(0)}ROOT"
        shared = SharedClients("us-east-1")
        session = AccountSession(shared, world.account(0), Credentials(key, "any"))
        boto = boto3.Session(key, "any")
        clients = {
            "one client per service": spent(lambda: [shared.raw(name) for name in names]),
            "one per service and region": spent(
                lambda: [boto.client(name, region_name=region) for name in names for region in REGIONS]
            ),
        }
        mine, theirs = session.client("ecr", "eu-west-1"), boto.client("ecr", region_name="eu-west-1")
        calls = {
            "a call, ours": spent(lambda: [mine.describe_repositories() for _ in range(500)]) / 500,
            "a call, boto3": spent(lambda: [theirs.describe_repositories() for _ in range(500)]) / 500,
        }
    print("\nCPU\n\n| what | ms |\n|---|---|")
    for name, seconds in {**clients, **calls}.items():
        print(f"| {name} | {seconds * 1000:.2f} |")


def spent(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--peer", default="", help="MODULE:FUNCTION of another scanner")
    module, _, function = asked.parse_args().peer.partition(":")
    peer = getattr(importlib.import_module(module), function) if module else None
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"AWS_SECRET_ACCESS_KEY": "any", "STACKWRIGHT_HOME": home, "AWS_REGION": "us-east-1"}
        compare("One region: 200 buckets, 200 repositories, 50 clusters", HERE, Path(home), peer)
        compare("The same account across 17 regions", EVERYWHERE, Path(home), peer)
        cpu()


if __name__ == "__main__":
    main()
