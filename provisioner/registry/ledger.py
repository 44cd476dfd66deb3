"""What stacks called back, and what they were answered."""

from datetime import datetime

import sqlalchemy as sa

from provisioner.callback import Used
from provisioner.moment import stamp
from provisioner.registry.database import Database, Row
from provisioner.registry.tables import CALLBACKS


class Ledger:
    """Each thing that an enrolment's stack can say is kept once; the first that is kept stays."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, enrolment_id: str, purpose: str) -> Used | None:
        """What was taken for this purpose."""
        with self._database.reading() as connection:
            rows = self._database.rows(connection, self._query(enrolment_id, purpose), _used)
        return rows[0] if rows else None

    def keep(self, enrolment_id: str, purpose: str, used: Used, now: datetime) -> None:
        """Writes what was taken; two at once are the same callback, sent twice."""
        with self._database.writing() as connection:
            if connection.execute(self._query(enrolment_id, purpose)).first() is None:
                row = {"enrolment_id": enrolment_id, "purpose": purpose, "taken_at": stamp(now)}
                connection.execute(sa.insert(CALLBACKS).values(**row, **vars(used)))

    def _query(self, enrolment_id: str, purpose: str) -> sa.Select[tuple[str, str]]:
        own = (CALLBACKS.c.enrolment_id == enrolment_id, CALLBACKS.c.purpose == purpose)
        return sa.select(CALLBACKS.c.digest, CALLBACKS.c.answer).where(*own)


def _used(row: Row) -> Used:
    if not isinstance(row["answer"], dict):
        raise ValueError("answer is no JSON object")
    return Used(digest=str(row["digest"]), answer=row["answer"])
