"""Which regions an estimate can be asked for."""

from __future__ import annotations

from cost_estimates.model import CostError, nearest
from cost_estimates.price_book import PriceBook, is_unpriced_partition


def check_region(book: PriceBook, region: str) -> None:
    """Raises CostError for what is no region; one whose prices are not published is estimated as unknown."""
    if book.prices_region(region) or is_unpriced_partition(region):
        return
    close = nearest(region, sorted(book.regions)) or sorted(book.regions)
    raise CostError(f"no region {region!r}", hint=f"did you mean {', '.join(close)}?", field="region")
