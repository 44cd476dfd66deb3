"""A product of the Query API, or of a bulk JSON file, as the prices it offers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cost_estimates.offers import Offered, name_column


def read_product(text: str) -> Iterator[Offered]:
    """The on-demand prices of one element of PriceList, which is JSON inside JSON; raises ValueError."""
    element = json.loads(text)
    product = element["product"]
    columns = {name_column(name): str(value) for name, value in product.get("attributes", {}).items()}
    columns["productfamily"] = product.get("productFamily", "")
    published = str(element["publicationDate"])[:10]
    for dimension in _dimensions(element.get("terms", {}).get("OnDemand", {})):
        for currency, usd in dimension["pricePerUnit"].items():
            yield Offered(
                columns=columns,
                begin=dimension["beginRange"],
                unit=dimension["unit"],
                usd=usd,
                currency=currency,
                published=published,
            )


def _dimensions(terms: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Bulk files put a level of SKUs between OnDemand and the terms; the Query API does not."""
    for term in terms.values():
        if "priceDimensions" in term:
            yield from term["priceDimensions"].values()
        else:
            yield from _dimensions(term)
