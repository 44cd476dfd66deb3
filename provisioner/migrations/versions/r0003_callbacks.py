"""What stacks called back is kept, so that nobody can say it a second time."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "callbacks",
        sa.Column("enrolment_id", sa.Text, primary_key=True, nullable=False),
        sa.Column("purpose", sa.Text, primary_key=True, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("taken_at", sa.Text, nullable=False),
        sa.Column("answer", sa.JSON, nullable=False),
    )
