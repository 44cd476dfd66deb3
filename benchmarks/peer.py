"""ZenML's own scan of an account: a real server, its connector by iam-role, one call per region."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.zenml import conftest as zenml

# The server of the tests, with what its AWS connector imports.
PYTHON = Path(__file__).parent.parent / "build" / "zenml-client-venv" / "bin" / "python"
_KINDS = {"s3": "bucket", "kubernetes": "cluster", "aws": "registry"}
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A server that answers, its process, and the account that it looks into."""

    server: zenml.ZenMLServer
    process: int
    account: str

    def scan(self, regions: Sequence[str]) -> Mapping[str, int]:
        """How many of each kind it tells, alike ones once: a connector is of one region."""
        return Counter(kind for kind, _ in {each for region in regions for each in self._told(region)})

    def _told(self, region: str) -> Iterator[tuple[str, str]]:
        body = {"type": "aws", "auth_method": "iam-role", "configuration": self._configuration(region)}
        answer = self.server.ask("POST", "/service_connectors/full_stack_resources", body)
        assert answer.status == 200, answer
        for flavors in answer.body["components_resources_info"].values():
            for flavor in flavors:
                kind = _KINDS.get(flavor["flavor"])
                for name in flavor["accessible_by_service_connector"] if kind else ():
                    yield str(kind), name if kind == "bucket" else f"{region} {name}"

    def _configuration(self, region: str) -> Mapping[str, Any]:
        return {
            "aws_access_key_id": f"AKIA{self.account}ROOT",
            "aws_secret_access_key": "any",
            "role_arn": f"arn:aws:iam::{self.account}:role/stackwright-scan",
            "region": region,
        }

    def cpu(self) -> float:
        """Seconds of CPU that the server has spent so far."""
        fields = Path(f"/proc/{self.process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def serving(home: Path, endpoint: str, account: str, region: str) -> Iterator[Peer]:
    """A server as long as the block lasts, which looks for AWS at the endpoint."""
    before = _children()
    with zenml.running(home, PYTHON, AWS_ENDPOINT_URL=endpoint, AWS_DEFAULT_REGION=region) as server:
        (process,) = _children() - before
        yield Peer(server=server, process=process, account=account)


def _children() -> set[int]:
    lists = Path("/proc/self/task").glob("*/children")
    return {int(number) for path in lists for number in path.read_text(encoding="utf-8").split()}
