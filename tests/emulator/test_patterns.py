"""AllowedPattern is Java's: ASCII classes, Unicode properties, and the whole text."""

from __future__ import annotations

import pytest

from provisioner.emulator.patterns import matches


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        (r"\w+", "abc_1", True),
        (r"\w+", "é", False),
        (r"[\w.]+", "a.b", True),
        (r"[\w.]+", "é.b", False),
        (r"\d+", "٣", False),
        (r"[\p{L}\p{Z}]*", "Straße 1".removesuffix(" 1"), True),
        (r"a", "ab", False),
        (r"\.x", ".x", True),
    ],
)
def test_a_pattern_is_read_as_java_reads_it(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits
