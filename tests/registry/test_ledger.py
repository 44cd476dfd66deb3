"""What stacks called back: kept once, on either database, whoever comes at the same time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from provisioner.callback import Used
from provisioner.errors import RefusedError
from provisioner.registry.ledger import Ledger

ID = "0123456789abcdef" * 2
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def used(digest: str = "d") -> Used:
    return Used(digest=digest, answer={"stack": "zürich", "status": "unverified", "message": "kept"})


def test_what_was_taken_is_found_again_under_its_purpose(registry: Any) -> None:
    ledger = Ledger(registry.database)
    ledger.keep(ID, "Create", used(), NOW)
    assert (ledger.find(ID, "Create"), ledger.find(ID, "Delete"), ledger.find("f" * 32, "Create")) == (
        used(),
        None,
        None,
    )


def test_the_first_that_is_kept_stays(registry: Any) -> None:
    ledger = Ledger(registry.database)
    ledger.keep(ID, "Create", used("first"), NOW)
    ledger.keep(ID, "Create", used("second"), NOW)
    assert ledger.find(ID, "Create") == used("first")


def test_of_many_at_once_each_is_kept_once(registry: Any) -> None:
    ledger = Ledger(registry.database)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ledger.keep(ID, f"Update {n % 10}", used(str(n)), NOW), range(40)))
    kept = [ledger.find(ID, f"Update {n}") for n in range(10)]
    assert [int(row.digest) % 10 for row in kept if row] == list(range(10))


def test_an_answer_that_says_nothing_makes_the_registry_unusable(registry: Any) -> None:
    Ledger(registry.database).keep(ID, "Create", used(), NOW)
    with registry.database.writing() as connection:
        connection.execute(sa.text("UPDATE callbacks SET answer = '[]'"))
    with pytest.raises(RefusedError, match="answer is no JSON object"):
        Ledger(registry.database).find(ID, "Create")
