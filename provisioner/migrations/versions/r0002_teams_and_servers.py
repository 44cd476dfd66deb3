"""Stacks have an owner and groups, each user and directory an active stack, servers copies of stacks."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _texts(*names: str, key: tuple[str, ...]) -> list[sa.Column[str]]:
    return [sa.Column(n, sa.Text, primary_key=n in key, nullable=False) for n in names]


def upgrade() -> None:
    op.add_column("stacks", sa.Column("owner", sa.Text, nullable=False, server_default=""))
    op.add_column("stacks", sa.Column("groups", sa.JSON, nullable=False, server_default="[]"))
    here = ("owner", "host", "directory")
    op.create_table("active_stacks", *_texts(*here, "stack", key=here))
    op.execute(
        "INSERT INTO active_stacks (owner, host, directory, stack)"
        " SELECT '', '', '', value FROM settings WHERE key = 'active'"
    )
    op.drop_table("settings")
    if not sa.inspect(op.get_bind()).has_table("registrations"):
        op.create_table(
            "registrations",
            *_texts("stack", "server", "status", "remote_id", "updated_at", key=("stack", "server")),
            sa.Column("ids", sa.JSON, nullable=False),
        )
