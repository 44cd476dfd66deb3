"""Which price book verbs use: the shipped one, or the user's own where that is newer."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.cli.options import places, story

if TYPE_CHECKING:
    from cost_estimates.price_book import PriceBook


def own_path() -> Path:
    """Where `prices refresh` writes."""
    return places().registry.with_name("price_book.json")


def load() -> "PriceBook":
    """The newer book; the user's own where both are of one day, since more of it may be."""
    from cost_estimates import price_book

    own = own_path()
    if not own.is_file():
        return price_book.load()
    try:
        if _age(own) < _age(price_book.DATA_FILE):
            return price_book.load()
        return price_book.read(own.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        story(
            f"{own} is no price book ({error}): the shipped one is used; "
            "`stackwright prices refresh` writes a new one."
        )
        return price_book.load()


def _age(path: Path) -> str:
    """The date of a book's middle price, from its first two lines."""
    with path.open(encoding="utf-8") as file:
        file.readline()
        _, _, header = file.readline().partition(":")
    return str(json.loads(header.rstrip().rstrip(","))["as_of"])
