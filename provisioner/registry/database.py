"""The database of a registry: a SQLite file, or PostgreSQL by URL; one writer at a time on either."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL

from provisioner import enrolments
from provisioner.enrolments import BUSY_SECONDS
from provisioner.errors import RefusedError, SpecError

T = TypeVar("T")
Row = Mapping[str, Any]
VARIABLE = "STACKWRIGHT_REGISTRY"
_EXAMPLE = "postgresql://stackwright@db.example.com/stackwright, with the password in PGPASSWORD or ~/.pgpass"
# Any number, the same for all: whoever writes to a registry holds it until the transaction ends.
_LOCK = 0x57ACC
_DENIED = "42501"  # insufficient_privilege
_SECRETS = ("password", "sslpassword")


class Database:
    """Transactions on one registry; raises RefusedError where it cannot be used."""

    def __init__(self, place: Path | str) -> None:
        self.path = place if isinstance(place, Path) else None
        url = parse_url(place) if isinstance(place, str) else URL.create("sqlite", database=str(place))
        self.place = str(place) if isinstance(place, Path) else redacted(url)
        self._secrets = _secrets_of(url)
        self._engine = _engine(url)

    @property
    def is_file(self) -> bool:
        return self.path is not None

    @property
    def oldest_first(self) -> sa.ColumnElement[Any]:
        """The order in which enrolments of the same second were opened."""
        return sa.literal_column("rowid" if self.is_file else "number")

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction that no other process writes beside, so that what it checks stays true."""
        with self._usable(), self._engine.begin() as connection:
            if self.is_file:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with self._usable(), self._engine.connect() as connection:
            yield connection

    def rows(self, connection: sa.Connection, query: sa.Select[Any], make: Callable[[Row], T]) -> list[T]:
        """What the rows say; a row that says nothing sensible makes the registry unusable."""
        try:
            return [make(dict(row)) for row in connection.execute(query).mappings()]
        except (ValueError, TypeError) as error:
            raise self.unusable(error) from error

    def make_private(self) -> None:
        """A file is for its owner alone from its first byte on."""
        if self.path is not None:
            with self._usable():
                enrolments.make_private(self.path)

    def copy_to(self, target: Path) -> None:
        """A whole copy of the file, while others read and write it."""
        if self.path is None:
            raise ValueError("only a file can be copied")
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        with self._usable():
            try:
                os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
                with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(draft)) as copy:
                    source.backup(copy)
                draft.replace(target)
            finally:
                draft.unlink(missing_ok=True)

    def unusable(self, why: object) -> RefusedError:
        """What to do about a registry that is damaged, locked or out of reach; without its password."""
        if self.path is not None:
            return enrolments.unusable(self.path, why)
        said = " ".join(str(why).split())
        for secret in self._secrets:
            said = said.replace(secret, "***")
        return RefusedError(
            f"{self.place} cannot be used as a registry: {said}",
            hint=f"see that the server runs and lets this user in, or set {VARIABLE} anew",
        )

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.IntegrityError, sa.exc.ProgrammingError) as error:
            # Without a statement it is the connection that was refused.
            if error.statement and getattr(error.orig, "sqlstate", "") != _DENIED:
                raise
            raise self.unusable(error.orig) from error
        except (OSError, sa.exc.DatabaseError, sqlite3.DatabaseError) as error:
            raise self.unusable(getattr(error, "orig", error)) from error


def parse_url(text: str) -> URL:
    """A PostgreSQL URL for the driver that we have; raises SpecError, which never shows the text."""
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise SpecError(f"{VARIABLE} is no URL", hint=f"for example {_EXAMPLE}", field=VARIABLE) from None
    if url.drivername not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise SpecError(
            f"{VARIABLE} begins with {url.drivername}:, and a registry is a SQLite file or PostgreSQL",
            hint=f"for example {_EXAMPLE}",
            field=VARIABLE,
        )
    if "@" in f"{url.host}{url.database}":
        # Behind the first @ stands the rest of a password, which would be shown as a host.
        raise SpecError(
            f"{VARIABLE} holds more than one @",
            hint="write @ in a password as %40, or keep it in PGPASSWORD",
            field=VARIABLE,
        )
    return url.set(drivername="postgresql+psycopg")


def redacted(url: URL) -> str:
    """The URL for people: no password, wherever it stands."""
    shown = {k: "***" if k in _SECRETS else v for k, v in url.query.items()}
    plain = url.set(drivername="postgresql", query=shown)
    return plain.render_as_string(hide_password=True).replace("%2A%2A%2A", "***")


def _secrets_of(url: URL) -> list[str]:
    found = [url.password, *(url.query.get(name) for name in _SECRETS)]
    return [str(secret) for secret in found if secret]


def _engine(url: URL) -> sa.Engine:
    # No statement's values in errors: external ids are among them.
    quiet: dict[str, Any] = {"hide_parameters": True}
    if url.drivername == "sqlite":
        return sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS}, **quiet)
    patience = {} if "connect_timeout" in url.query else {"connect_timeout": 10}
    try:
        return sa.create_engine(url, connect_args=patience, pool_pre_ping=True, **quiet)
    except ImportError:
        raise SpecError(
            "a registry in PostgreSQL needs its driver",
            hint="pip install 'stackwright[postgres]'",
            field=VARIABLE,
        ) from None
