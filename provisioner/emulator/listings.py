"""Lists of services that moto lacks: nobody can make such a thing here, so there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping

# Signing name and operation -> the answer of an account without any.
EMPTY: Mapping[tuple[str, str], Mapping[str, object]] = {
    ("apprunner", "ListServices"): {"ServiceSummaryList": []},
}


def answer(service: str, target: str) -> str | None:
    """The JSON of an empty list, where nothing else answers."""
    found = EMPTY.get((service, target.rpartition(".")[2]))
    return None if found is None else json.dumps(found)
