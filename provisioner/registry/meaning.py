"""What a row that comes from elsewhere may say: names that verbs take, known states, things of AWS."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from provisioner.arn import STACK_NAME
from provisioner.component import TYPES
from provisioner.enrolments import Status
from provisioner.registry.values import Origin, RegistrationStatus, StackStatus

_REGION = r"[a-z]{2,4}(-[a-z]+)+-\d{1,2}"
_ARN = r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(\d{12}|aws)?:\S+"
_STACK_ID = (
    rf"arn:aws[a-z-]*:cloudformation:(?P<region>{_REGION}):(?P<account>\d{{12}}):stack/{STACK_NAME}/\S+"
)
Rule = Callable[[str], bool]


def _like(pattern: str) -> Rule:
    return lambda text: re.fullmatch(pattern, text, re.ASCII) is not None


def _one_of(literal: Any) -> Rule:
    return lambda text: text in get_args(literal)


_PLACE: Mapping[str, Rule] = {"account": _like(r"(\d{12})?"), "region": _like(f"({_REGION})?")}
_NAME = _like(STACK_NAME)
# Table -> column -> what it may be.
_RULES: Mapping[str, Mapping[str, Rule]] = {
    "stacks": {**_PLACE, "name": _NAME, "status": _one_of(StackStatus), "stack_id": _like(f"({_STACK_ID})?")},
    "components": {
        **_PLACE,
        "name": _like(r"[\w.-]{1,300}"),
        "type": lambda text: text in TYPES,
        "flavor": _like(r"[\w-]{1,60}"),
        "origin": _one_of(Origin),
    },
    "enrolments": {
        "id": _like(r"[0-9a-f]{1,32}"),
        "name": _NAME,
        "region": _PLACE["region"],
        "expected_account": _PLACE["account"],
        "status": _one_of(Status),
        "stack_id": _like(f"({_STACK_ID})?"),
    },
    "publications": {**_PLACE, "url": _like(r"https://\S+")},
    "registrations": {
        "stack": _NAME,
        "server": _like(r"https?://[^\s@]+"),
        "status": _one_of(RegistrationStatus),
    },
    "active_stacks": {"stack": _NAME},
}


def check(table: str, row: Mapping[str, Any]) -> None:
    """Raises ValueError that names the column, and never repeats what no terminal should show."""
    for column, text in _texts(row):
        # A stack.yaml may hold lines; nothing may hold what moves a cursor.
        if not text.replace("\n", "").replace("\t", "").isprintable():
            raise ValueError(f"{column} holds control characters")
    for column, rule in _RULES.get(table, {}).items():
        if not rule(row[column]):
            raise ValueError(f"{column} cannot be {row[column][:80]!r}")
    for column, text in _texts(row):
        if column.rpartition(".")[2].endswith("_arn") and text and not _like(_ARN)(text):
            raise ValueError(f"{column} is no ARN: {text[:80]!r}")
    if table == "stacks":
        _check_place(row)


def _check_place(row: Mapping[str, Any]) -> None:
    """A stack is where its id says."""
    found = re.fullmatch(_STACK_ID, row["stack_id"], re.ASCII)
    for column in ("account", "region"):
        if found and found[column] != row[column]:
            raise ValueError(f"{column} is {row[column] or 'empty'}, and stack_id says {found[column]}")


def _texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a row with where it stands, keys too."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            where = f"{path}.{key}" if path else str(key)
            yield path or "row", str(key)
            yield from _texts(inner, where)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, path)
