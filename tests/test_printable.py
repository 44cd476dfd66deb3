"""What others wrote, on a terminal."""

import pytest

from provisioner import printable

SPELT = {
    "\x1b[31mred": r"\x1b[31mred",
    "\x1b]0;own\x07": r"\x1b]0;own\x07",
    "\x9b31m": r"\x9b31m",
    "a\nb\r\tc": r"a\nb\r\tc",
    "gpj.\u202eexe": r"gpj.\u202eexe",
    "\u2066\u2069\u200e\u2028": r"\u2066\u2069\u200e\u2028",
    "\ud800": r"\ud800",
}


@pytest.mark.parametrize(("text", "shown"), SPELT.items())
def test_what_does_not_print_is_spelt_out(text: str, shown: str) -> None:
    assert printable.line(text) == shown


FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    "text",
    [
        *("", "churn", "Größe 東京　駅 10\u00a0€", r"C:\new", "10\u2009000", "Daten\u00adbank"),
        *(FAMILY, "می\u200cخواهم", "an emoji of next year \U0001faef"),
    ],
)
def test_what_prints_stays_as_it_is(text: str) -> None:
    assert printable.line(text) == text


def test_an_answer_keeps_its_own_lines() -> None:
    assert printable.lines("a\x1b\n\nb\n") == "a\\x1b\n\nb\n"
