"""What every format fills in: words, text, how to put it to use, and what a stack must have for it."""

from collections.abc import Callable
from dataclasses import dataclass

from provisioner.export.stack import ExportedStack


@dataclass(frozen=True, kw_only=True)
class Format:
    """One row of the table of formats."""

    name: str
    words: str
    render: Callable[[ExportedStack], str]
    # How to put the file to use, `{file}` and `{name}` filled in.
    use: str
    # What the stack would need, or empty: it fits.
    lacks: Callable[[ExportedStack], str] = lambda stack: ""
    # Whether the text needs to know where clusters are, which only AWS tells.
    clusters: bool = False
