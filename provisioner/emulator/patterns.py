"""AllowedPattern is a Java regular expression: \\w and \\d are ASCII there, and \\p{L} is any letter."""

from __future__ import annotations

from functools import cache

import regex  # type: ignore[import-untyped]  # it ships no types

_CLASSES = {"w": "a-zA-Z0-9_", "d": "0-9"}


@cache
def matches(pattern: str, text: str) -> bool:
    """Whether the whole text fits the pattern, as Java would say."""
    return regex.fullmatch(_ascii_classes(pattern), text) is not None


def _ascii_classes(pattern: str) -> str:
    """The pattern with \\w and \\d spelt out; inside a set they lose their own brackets."""
    out: list[str] = []
    in_set = escaped = False
    for char in pattern:
        if escaped:
            spelt = _CLASSES.get(char)
            out.append(f"\\{char}" if spelt is None else spelt if in_set else f"[{spelt}]")
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            in_set = char == "[" or (in_set and char != "]")
            out.append(char)
    return "".join(out)
