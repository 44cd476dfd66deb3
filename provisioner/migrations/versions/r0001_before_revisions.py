"""What every registry held before revisions were counted; tables that are there stay as they are."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXTS = {
    "enrolments": "*id name region template_sha256 parameters spec shape estimate"
    " expected_account status opened_at stack_id",
    "publications": "*sha256 *region url account published_at",
    "stacks": "*name account region status stack_id template_sha256 created_at",
    "components": "*name type flavor origin account region created_at",
    "settings": "*key value",
}
_JSON = {"stacks": ("components", "connector", "estimate"), "components": ("outputs", "config")}


def upgrade() -> None:
    missing = {*_TEXTS} - {*sa.inspect(op.get_bind()).get_table_names()}
    for table, names in _TEXTS.items():
        texts = [
            sa.Column(n.strip("*"), sa.Text, primary_key=n.startswith("*"), nullable=False)
            for n in names.split()
        ]
        json = [sa.Column(name, sa.JSON, nullable=False) for name in _JSON.get(table, ())]
        if table in missing:
            op.create_table(table, *texts, *json)
    if "enrolments" in missing and op.get_bind().dialect.name == "postgresql":
        # It remembers no order of insertion, as SQLite does by its rowid.
        op.execute("ALTER TABLE enrolments ADD COLUMN number BIGINT GENERATED ALWAYS AS IDENTITY")
