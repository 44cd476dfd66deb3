"""What IAM policies allow: yes, no, or None for "could not tell".

Looked at are identity policies and a permissions boundary. Organization policies, session policies and
those of the resources themselves are not: nothing here proves that a call will succeed.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

Document = Mapping[str, Any]
Told = bool | None
# Stands in a needed ARN for the part that is not known yet, such as the name of a bucket still to be chosen.
UNKNOWN = "\0"

_TLS = "aws:securetransport"
_MATCHING = ("stringequals", "stringlike", "arnequals", "arnlike", "stringequalsignorecase")


@dataclass(frozen=True, kw_only=True)
class Need:
    """One action on one ARN, which may hold `*` for "each of these"; `context` is what the request says.

    `*` alone is the resource of an action that knows none, such as `ecr:GetAuthorizationToken`.
    """

    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def allowed(policies: Iterable[Document], need: Need, *, boundary: Document | None = None) -> Told:
    """Whether whoever has these policies may do it, as far as they alone decide."""
    told = _decide(policies, need)
    return told if boundary is None else _all((told, _decide([boundary], need)))


def _decide(policies: Iterable[Document], need: Need) -> Told:
    statements = [s for policy in policies for s in listed(policy.get("Statement", []))]
    denied = [_applies(s, need) for s in statements if s.get("Effect") == "Deny"]
    granted = [_applies(s, need) for s in statements if s.get("Effect") == "Allow"]
    if True in denied or not any(told is not False for told in granted):
        return False
    return True if True in granted and None not in denied else None


def _applies(statement: Document, need: Need) -> Told:
    if not _names_action(statement, need.action):
        return False
    return _all((_names_resource(statement, need.resource), _holds(statement.get("Condition", {}), need)))


def _names_action(statement: Document, action: str) -> bool:
    if "NotAction" in statement:
        return not any(_covers(a.lower(), action.lower()) for a in listed(statement["NotAction"]))
    return any(_covers(a.lower(), action.lower()) for a in listed(statement.get("Action", [])))


def _names_resource(statement: Document, resource: str) -> Told:
    if "NotResource" in statement:
        told = _any(_meets(pattern, resource) for pattern in listed(statement["NotResource"]))
        return None if told is None else not told
    return _any(_meets(pattern, resource) for pattern in listed(statement.get("Resource", [])))


def _meets(pattern: str, resource: str) -> Told:
    """True if every needed ARN is meant, None if only some are, or perhaps."""
    if resource == "*":
        # The action knows no resources: what names some does not mean it.
        return _covers(pattern, resource)
    # A policy variable stands for what only the request knows.
    open_pattern = re.sub(r"\$\{[^}]*\}", "*", pattern)
    if open_pattern == pattern and _covers(pattern, resource):
        return True
    return None if _overlap(open_pattern, resource.replace(UNKNOWN, "*")) else False


def _holds(conditions: Mapping[str, Mapping[str, Any]], need: Need) -> Told:
    return _all(
        _condition(operator.lower(), key.lower(), [str(v) for v in listed(values)], need)
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def _condition(operator: str, key: str, values: Sequence[str], need: Need) -> Told:
    if key == _TLS and operator in ("bool", "boolifexists"):
        # The AWS clients always use TLS.
        return "true" in (value.lower() for value in values)
    said = {name.lower(): value for name, value in need.context.items()}.get(key)
    if said is None or operator.removesuffix("ifexists") not in _MATCHING:
        return None
    met = {_any(_meets(pattern, value) for pattern in values) for value in said}
    # A request says one of these values; where only some are met it depends on which.
    return met.pop() if len(met) == 1 else None


def listed(value: Any) -> list[Any]:
    """IAM writes a list of one as the thing itself."""
    return list(value) if isinstance(value, list | tuple) else [value]


def _all(answers: Iterable[Told]) -> Told:
    told = list(answers)
    if False in told:
        return False
    return None if None in told else True


def _any(answers: Iterable[Told]) -> Told:
    told = list(answers)
    if True in told:
        return True
    return None if None in told else False


def _covers(pattern: str, text: str) -> bool:
    """Whether the pattern matches all that the text stands for, its own wildcards taken as they are."""
    return _matcher(pattern)(text) is not None


@cache
def _matcher(pattern: str) -> Callable[[str], Any]:
    # "?" is one character, never a wildcard or something unknown.
    parts = {"*": ".*", "?": f"[^*{UNKNOWN}]"}
    expression = "".join(parts.get(character, re.escape(character)) for character in pattern)
    return re.compile(expression, re.DOTALL).fullmatch


def _overlap(one: str, other: str) -> bool:
    """Whether some text matches both patterns."""
    reached = {0}
    reached = _over_stars(reached, other)
    for character in one:
        reached = _step(reached, character, other)
    return len(other) in reached


def _step(reached: set[int], character: str, other: str) -> set[int]:
    if character == "*":
        return set(range(min(reached), len(other) + 1)) if reached else reached
    ahead = {n + 1 for n in reached if n < len(other) and other[n] != "*" and _same(character, other[n])}
    held = {n for n in reached if n < len(other) and other[n] == "*"}
    return _over_stars(ahead | held, other)


def _over_stars(reached: set[int], other: str) -> set[int]:
    """With the places behind stars that match nothing."""
    for n in sorted(reached):
        while n < len(other) and other[n] == "*":
            n += 1
            reached.add(n)
    return reached


def _same(one: str, other: str) -> bool:
    return one == other or "?" in (one, other)
