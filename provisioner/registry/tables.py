"""The registry's tables, as the newest migration leaves them; a test holds the two together."""

from typing import Any

import sqlalchemy as sa

METADATA = sa.MetaData()


def _texts(*names: str, key: tuple[str, ...] = ()) -> list[sa.Column[Any]]:
    return [sa.Column(n, sa.Text, primary_key=n in key, nullable=False) for n in names]


def _json(name: str, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON, nullable=False, server_default=default)


# The first two are also made by `enrolments.py` in plain sqlite3; a test holds them together.
ENROLMENTS = sa.Table(
    "enrolments",
    METADATA,
    *_texts(
        *("id", "name", "region", "template_sha256", "parameters", "spec", "shape", "estimate"),
        *("expected_account", "status", "opened_at", "stack_id"),
        key=("id",),
    ),
)
PUBLICATIONS = sa.Table(
    "publications",
    METADATA,
    *_texts("sha256", "region", "url", "account", "published_at", key=("sha256", "region")),
)
STACKS = sa.Table(
    "stacks",
    METADATA,
    *_texts(
        "name", "account", "region", "status", "stack_id", "template_sha256", "created_at", key=("name",)
    ),
    *(_json(name) for name in ("components", "connector", "estimate")),
    sa.Column("owner", sa.Text, nullable=False, server_default=""),
    _json("groups", default="[]"),
)
COMPONENTS = sa.Table(
    "components",
    METADATA,
    *_texts("name", "type", "flavor", "origin", "account", "region", "created_at", key=("name",)),
    *(_json(name) for name in ("outputs", "config")),
)
REGISTRATIONS = sa.Table(
    "registrations",
    METADATA,
    *_texts("stack", "server", "status", "remote_id", "updated_at", key=("stack", "server")),
    _json("ids"),
)
# Who works with which stack where: a user's default has neither host nor directory.
ACTIVE_STACKS = sa.Table(
    "active_stacks",
    METADATA,
    *_texts("owner", "host", "directory", "stack", key=("owner", "host", "directory")),
)
# What a stack's function said, and what it was answered: each thing is said once.
CALLBACKS = sa.Table(
    "callbacks",
    METADATA,
    *_texts("enrolment_id", "purpose", "digest", "taken_at", key=("enrolment_id", "purpose")),
    _json("answer"),
)
VERSION = sa.table("alembic_version", sa.column("version_num", sa.Text))

# PostgreSQL remembers no order of insertion, as SQLite does by its rowid.
NUMBERED = "ALTER TABLE enrolments ADD COLUMN number BIGINT GENERATED ALWAYS AS IDENTITY"
_NUMBERED = sa.schema.DDL(NUMBERED).execute_if(dialect="postgresql")  # type: ignore[no-untyped-call]  # untyped
sa.event.listen(ENROLMENTS, "after_create", _NUMBERED)
