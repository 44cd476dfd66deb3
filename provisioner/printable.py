"""Text that others wrote, made safe to show: nothing in it steers a terminal, or turns a line around."""

# Spaces and joiners of several scripts, which Python does not count as printing.
_HARMLESS = (
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
    "\u00ad\u200c\u200d"
)
# There are new ones each year.
_EMOJI = ("\U0001f000", "\U0001faff")


def line(text: str) -> str:
    """The text on one line: what does not print is spelt out, line breaks too."""
    if text.isprintable():
        return text
    return "".join(c if _is_harmless(c) else c.encode("unicode_escape").decode() for c in text)


def _is_harmless(c: str) -> bool:
    return c.isprintable() or c in _HARMLESS or _EMOJI[0] <= c <= _EMOJI[1]


def lines(text: str) -> str:
    """The same for an answer of several lines, which stay apart."""
    return "\n".join(map(line, text.split("\n")))
