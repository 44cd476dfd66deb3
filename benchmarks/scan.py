"""Scans of one account, 50 ms a call: ours, boto3 used plainly, ZenML's own; and what a call costs in CPU.

ZenML's is that of a real server (`make build/zenml-client-venv/.ok`); without one it is left out.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import peer as zenml

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


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one scan found, by kind, and its calls where it counts them."""

    found: Mapping[str, int] = field(default_factory=dict)
    calls: int = 0


@dataclass(kw_only=True)
class Case:
    """One way to scan, the clock of its CPU, and what came of it."""

    name: str
    scan: Callable[[], Told]
    cpu: Callable[[], float]
    told: Told = field(default_factory=Told)
    seconds: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)

    def run(self) -> None:
        started, before = time.perf_counter(), self.cpu()
        self.told = self.scan()
        self.seconds.append(time.perf_counter() - started)
        self.busy.append(self.cpu() - before)


def plain(endpoint: str, access_key: str, regions: tuple[str, ...]) -> Told:
    """The first page of what a short script lists: one region, one service, one call after the other."""
    import boto3

    found: Counter[str] = Counter()
    for region in regions:
        session = boto3.Session(access_key, "any", region_name=region)
        made = {name: session.client(name, endpoint_url=endpoint) for name in ("sts", "s3", "ecr", "eks")}
        made["sts"].get_caller_identity()
        found["bucket"] = len(made["s3"].list_buckets()["Buckets"])
        found["repository"] += len(made["ecr"].describe_repositories()["repositories"])
        found["cluster"] += len(made["eks"].list_clusters()["clusters"])
    return Told(found=found, calls=4 * len(regions))


def ours(endpoint: str, access_key: str, regions: tuple[str, ...]) -> Told:
    """In this process: every page, cluster versions, projects, roles, tags, and the likeliest looked into."""
    from provisioner.cli import scanning
    from provisioner.scan.table import ROWS

    os.environ |= {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": access_key}
    wish = scanning.wish(ROWS, regions=regions, services=SERVICES)
    with Quiet(), scanning.run(wish, ROWS) as done:
        return Told(
            found=Counter(f.kind for f in done.resources), calls=sum(cell.calls for cell in done.cells)
        )


class Quiet:
    """The story of a scan is not for here."""

    def __enter__(self) -> None:
        self._kept, sys.stderr = sys.stderr, Path(os.devnull).open("w")

    def __exit__(self, *_: object) -> None:
        sys.stderr.close()
        sys.stderr = self._kept


def command(world: World, endpoint: str, home: Path, *options: str) -> Told:
    """The whole command, from its start to its JSON."""
    regions = [word for region in world.regions for word in ("--region", region)]
    # As installed: with the bytecode that Python keeps.
    env = environment(endpoint, home, world) | {"PYTHONPYCACHEPREFIX": str(home / "bytecode")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run([*SCAN, *ONLY, *regions, *options], env=env, capture_output=True, check=True)
    answer = json.loads(done.stdout)
    return Told(found=Counter(r["kind"] for r in answer["resources"]), calls=answer["summary"]["calls"])


def of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(title: str, world: World, home: Path, runs: int) -> None:
    with cloud(world, Weather(latency=LATENCY)) as endpoint, looking(home, endpoint, world) as peer:
        key, regions = f"AKIA{world.account(0)}ROOT", world.regions
        cases = [
            Case(
                name="stackwright scan, whole command",
                scan=lambda: command(world, endpoint, home),
                cpu=of_children,
            ),
            Case(
                name="the same, --details none",
                scan=lambda: command(world, endpoint, home, "--details", "none"),
                cpu=of_children,
            ),
            Case(
                name="stackwright, in process",
                scan=lambda: ours(endpoint, key, regions),
                cpu=time.process_time,
            ),
            Case(
                name="boto3, first pages only",
                scan=lambda: plain(endpoint, key, regions),
                cpu=time.process_time,
            ),
        ]
        if peer:
            # 6 × AssumeRole, 6 × GetCallerIdentity and one list each of three services, counted by a proxy.
            calls = 15 * len(regions)
            cases.append(
                Case(
                    name="ZenML's server",
                    scan=lambda: Told(found=peer.scan(regions), calls=calls),
                    cpu=peer.cpu,
                )
            )
        for _ in range(1 + runs):
            for case in cases:
                case.run()
    report(title, cases)


@contextmanager
def looking(home: Path, endpoint: str, world: World) -> Iterator[zenml.Peer | None]:
    """ZenML's server, if it is here."""
    if not zenml.PYTHON.exists():
        print("no ZenML server here: make build/zenml-client-venv/.ok")
        yield None
        return
    with (
        tempfile.TemporaryDirectory(dir=home) as its_home,
        zenml.serving(Path(its_home), endpoint, world.account(0), world.home) as peer,
    ):
        yield peer


def report(title: str, cases: list[Case]) -> None:
    """Medians without the first round; the ratio is how much longer the last one, the peer, takes."""
    print(f"\n{title}, {LATENCY * 1000:.0f} ms a call, load {os.getloadavg()[0]:.1f}\n")
    print(f"| what | min | median | max | CPU | calls | {cases[-1].name} takes | found |")
    print("|---|---|---|---|---|---|---|---|")
    theirs = statistics.median(cases[-1].seconds[1:])
    for case in cases:
        taken = case.seconds[1:]
        middle = statistics.median(taken)
        times = [f"{x:.2f}" for x in (min(taken), middle, max(taken), statistics.median(case.busy[1:]))]
        found = ", ".join(f"{number} {kind}" for kind, number in sorted(case.told.found.items()))
        print(
            f"| {case.name} | {' | '.join(times)} | {case.told.calls} | {theirs / middle:.1f} × | {found} |"
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
    asked.add_argument("--runs", type=int, default=RUNS, help="rounds after the first, which is not counted")
    asked.add_argument("--only", choices=["one", "all", "cpu"], help="one region, all regions, or CPU alone")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"AWS_SECRET_ACCESS_KEY": "any", "STACKWRIGHT_HOME": home, "AWS_REGION": "us-east-1"}
        if given.only in (None, "one"):
            compare("One region: 200 buckets, 200 repositories, 50 clusters", HERE, Path(home), given.runs)
        if given.only in (None, "all"):
            compare("The same account across 17 regions", EVERYWHERE, Path(home), given.runs)
        if given.only in (None, "cpu"):
            cpu()


if __name__ == "__main__":
    main()
