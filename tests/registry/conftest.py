"""A registry in a SQLite file, and the same in a real PostgreSQL that lasts as long as the tests."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from provisioner.enrolments import QuickRegistry
from provisioner.registry import Registry

MISSING = "PostgreSQL is missing; install it with: apt-get install -y postgresql"
PASSWORD = "PLANTED-Pw0rd-of-the-database"
_NUMBERS = count()


@dataclass(frozen=True)
class Server:
    """A PostgreSQL behind a socket in a folder of its own; every user needs the password."""

    folder: Path

    @property
    def url(self) -> str:
        return f"postgresql://stackwright:{PASSWORD}@/postgres?host={quote(str(self.folder))}"

    def registry_url(self) -> str:
        """The URL of an empty schema that nobody else uses."""
        schema = f"registry{next(_NUMBERS)}"
        engine = sa.create_engine(self.url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
        engine.dispose()
        return f"{self.url}&options={quote(f'-csearch_path={schema}')}"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert binaries, MISSING
    # A socket's path is short, and the server may not be root.
    folder = Path(tempfile.mkdtemp(prefix="stackwright-pg-", dir="/tmp"))
    (folder / "password").write_text(PASSWORD)
    data, user = folder / "data", []
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", "postgres:", folder], check=True)
        user = ["--reuid=postgres", "--regid=postgres", "--init-groups"]
    # Whatever ends the tests ends the server.
    run = ["setpriv", *user, "--pdeathsig=INT"]
    made = subprocess.run(
        [
            *(*run, binaries[-1], "-D", data, "-U", "stackwright", "-A", "scram-sha-256"),
            *("--pwfile", folder / "password", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
        ],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert made.returncode == 0, made.stderr
    settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off"}
    server = subprocess.Popen(
        [
            *(*run, binaries[-1].with_name("postgres"), "-D", data),
            *(f"-c{k}={v}" for k, v in settings.items()),
        ],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=(folder / "log").open("w"),
    )
    try:
        wait_until_it_answers(binaries[-1].with_name("pg_isready"), folder, server)
        yield Server(folder)
    finally:
        server.send_signal(signal.SIGINT)  # at once, whoever is still connected
        server.wait(30)
        shutil.rmtree(folder)


def wait_until_it_answers(pg_isready: Path, folder: Path, server: "subprocess.Popen[Any]") -> None:
    for _ in range(600):
        assert server.poll() is None, (folder / "log").read_text()
        if subprocess.run([pg_isready, "-q", "-h", folder]).returncode == 0:
            return
        time.sleep(0.05)
    raise AssertionError((folder / "log").read_text())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "registry.db"


@pytest.fixture
def url(postgresql: Server) -> str:
    return postgresql.registry_url()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Path | str:
    """Where a registry is: each test that asks runs on both."""
    return request.getfixturevalue({"sqlite": "path", "postgresql": "url"}[request.param])


@pytest.fixture
def registry(place: Path | str) -> Registry:
    return Registry(place)


def open_quickly(place: Path | str) -> QuickRegistry | Registry:
    """The door of `link`: plain sqlite3 where it is a file."""
    return QuickRegistry(place) if isinstance(place, Path) else Registry(place)
