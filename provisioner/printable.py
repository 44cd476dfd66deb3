"""Text that others wrote, made safe to show: nothing in it steers a terminal, or turns a line around."""

# Spaces of several scripts, which Python does not count as printing.
_SPACES = "\u00a0\u2007\u202f\u3000"


def line(text: str) -> str:
    """The text on one line: what does not print is spelt out, line breaks too."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in _SPACES else c.encode("unicode_escape").decode() for c in text
    )


def lines(text: str) -> str:
    """The same for an answer of several lines, which stay apart."""
    return "\n".join(map(line, text.split("\n")))
