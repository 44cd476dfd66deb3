"""What a check of a template is, and the shorthands that most rows are written with."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.audit.world import Statement, World

Properties = Mapping[str, Any]
# What is wrong with one resource, in words; nothing where it passes.
Test = Callable[[str, Properties, World], Iterator[str]]


@dataclass(frozen=True)
class Check:
    """One row: `asks` says what passes; `types` are the resource types that it is about."""

    id: str
    asks: str
    types: tuple[str, ...]
    test: Test


@dataclass(frozen=True, order=True)
class Result:
    """One check of one resource; `problem` is empty where it passed."""

    check: str
    logical_id: str
    problem: str


def run(checks: Iterable[Check], world: World) -> Iterator[Result]:
    """Every check of every resource that it is about; several problems of one kind make one failure."""
    for check in checks:
        for logical_id, properties in world.of(*check.types).items():
            problems = sorted(set(check.test(logical_id, properties, world)))
            yield Result(check.id, logical_id, "; ".join(problems))


# Shorthands: a check of one property, and a check of each statement


def has(path: str, *wanted: Any) -> Test:
    """The property is there, or is one of the wanted values."""

    def test(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
        value = at(properties, path)
        if value is None or (wanted and value not in wanted):
            yield f"{path} is {json.dumps(value)}"

    return test


def lacks(path: str, *allowed: Any) -> Test:
    def test(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
        value = at(properties, path)
        if value is not None and value not in allowed:
            yield f"{path} is {json.dumps(value)}"

    return test


def mentions(path: str, *words: str) -> Test:
    def test(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
        text = json.dumps(at(properties, path))
        yield from (f"{path} has no {word}" for word in words if word not in text)

    return test


def never(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
    yield "it is there"


def each(kind: str, problem: Callable[[Statement], Iterator[str]]) -> Test:
    """A test of every Allow of one kind that a resource carries."""

    def test(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
        for statement in world.statements(logical_id):
            if statement.effect == "Allow" and statement.kind == kind:
                yield from (f"{statement.sid}: {what}" for what in problem(statement))

    return test


def at(properties: Any, path: str) -> Any:
    for key in path.split("."):
        if not isinstance(properties, Mapping):
            return None
        properties = properties.get(key)
    return properties
