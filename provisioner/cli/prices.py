"""`stackwright prices show|coverage|refresh`."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from provisioner import text
from provisioner.cli.options import (
    answer,
    default_region,
    json_option,
    now,
    open_session,
    profile_option,
    story,
)
from provisioner.cost_text import digits
from provisioner.errors import PARTLY_DONE, RefusedError, SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cost_estimates.price_book import PriceBook
    from cost_estimates.price_list import Source
    from cost_estimates.refresh import Cell

# Of long lists a terminal shows the beginning; --json has all of it.
SHOWN = 15


@click.group()
def command() -> None:
    """Show, count and refresh the prices that estimates are made from.

    \b
    Example:
      stackwright prices show m5.large --region eu-west-1
      stackwright prices coverage
      stackwright prices refresh --region eu-west-1
    """


@command.command()
@click.argument("name")
@click.option("--region", default="", help="AWS region; default: AWS_REGION.", show_envvar=True)
@json_option
def show(name: str, region: str, as_json: bool) -> None:
    """Every price of an instance type, a service, a usage or SERVICE/USAGE, with its source and date.

    \b
    Example:
      stackwright prices show m5.large --region eu-west-1
      stackwright prices show VPC/nat-gateway-hour --json
    """
    from cost_estimates.estimate import check_region
    from cost_estimates.price_lookup import find
    from provisioner.cli import price_books

    book, region = price_books.load(), region or default_region()
    with _understood():
        check_region(book, region)
        found = find(book, name, region)
    value = {
        "name": name,
        "region": region,
        "price_book": _stamp(book),
        "prices": [one.as_dict() for one in found],
    }
    answer(value, _prices_text(value), as_json=as_json)


@command.command()
@json_option
def coverage(as_json: bool) -> None:
    """How many prices each service has in each region, and which meters have none, because.

    \b
    Example:
      stackwright prices coverage
      stackwright prices coverage --json | jq '.cells[] | select(.region == "eu-west-1")'
    """
    from cost_estimates import price_lookup
    from provisioner.cli import price_books

    book = price_books.load()
    value = {
        "price_book": _stamp(book),
        "regions": sorted(book.regions),
        "services": {service: list(usages) for service, usages in book.prices.items()},
        "cells": [cell.as_dict() for cell in price_lookup.coverage(book)],
    }
    answer(value, _coverage_text(value), as_json=as_json)


@command.command()
@click.option(
    "--region", "regions", multiple=True, help="Only this region; again for more.", show_envvar=True
)
@click.option(
    "--service",
    "offers",
    multiple=True,
    help="Only this offer, as AWS names it: AmazonEC2.",
    show_envvar=True,
)
@click.option(
    "--from", "address", default="", help="Address of the bulk files; default: AWS.", show_envvar=True
)
@click.option(
    "--api", is_flag=True, help="Ask the Query API with your credentials instead.", show_envvar=True
)
@click.option(
    "--accept", is_flag=True, help="Take prices that moved by more than 2 ×, too.", show_envvar=True
)
@profile_option
@json_option
def refresh(
    regions: tuple[str, ...],
    offers: tuple[str, ...],
    address: str,
    api: bool,
    accept: bool,
    profile: str,
    as_json: bool,
) -> int:
    """Rebuild the price book from the AWS Price List. Needs no credentials, and the network.

    All regions are some 15 GB; one is about 0.5 GB. Run again, it goes on where it ended.

    \b
    Example:
      stackwright prices refresh --region eu-west-1
    """
    from cost_estimates import refresh as door
    from provisioner.cli import price_books

    old = price_books.load()
    wanted = regions or tuple(sorted(old.regions))
    with _understood():
        offers = door.check_offers(offers)
        source = _source(wanted, address=address, api=api, profile=profile)
    try:
        done = door.refresh(
            source,
            old=old,
            regions=wanted,
            offers=offers,
            work=price_books.own_path().with_name("price-list"),
            accept=accept,
            on_cell=_tell,
        )
    except door.NothingReadError as error:
        raise RefusedError(error.message, hint=error.hint) from None
    door.write_book(price_books.own_path(), done.book)
    value = {"path": str(price_books.own_path()), **done.as_dict()}
    answer(value, _refresh_text(value), as_json=as_json)
    return PARTLY_DONE if done.failed or done.changes.flagged or done.changes.doubtful else 0


def _source(regions: Sequence[str], *, address: str, api: bool, profile: str) -> "Source":
    from cost_estimates.price_list import AWS, PriceList, QueryApi, UnreadableError

    if not api:
        return PriceList(address or AWS)
    from provisioner.aws.pricing import REGION, Prices

    prices = Prices(open_session(REGION, profile).client("pricing", REGION))

    def products(offer: str, region: str) -> "Iterator[str]":
        try:
            yield from prices.products(offer, region)
        except RefusedError as error:
            raise UnreadableError(error.message) from error

    return QueryApi(products, regions=regions, day=now().date().isoformat())


@contextmanager
def _understood() -> "Iterator[None]":
    from cost_estimates.model import CostError

    try:
        yield
    except CostError as error:
        raise SpecError(error.message, hint=error.hint, field=error.field) from None


def _stamp(book: "PriceBook") -> dict[str, Any]:
    return {
        "as_of": book.as_of.isoformat(),
        "sha256": book.sha256,
        "stale": book.stale(now().date()),
        "count": book.count,
    }


def _tell(cell: "Cell") -> None:
    what = f"{cell.prices} prices" if cell.prices else cell.note
    story(f"  {cell.offer:<18} {cell.region:<15} {cell.state:<10} {what}")


def _prices_text(value: Mapping[str, Any]) -> str:
    rows = [["price", "USD", "per", "of", "from"]]
    for price in value["prices"]:
        name = " ".join(filter(None, (price["service"], price["usage"], price["instance_type"])))
        if price["known"]:
            rows.append([name, digits(price["usd"]), price["unit"], price["as_of"], price["source"]])
        else:
            rows.append([name, "unknown", "", "", _elsewhere(price["regions"])])
    known = [p for p in value["prices"] if p["known"] and not p["derived"] and len(p["regions"]) > 1]
    spread = [f"  {p['service']} {p['usage']}: {_elsewhere(p['regions'])}" for p in known[:SHOWN]]
    return "\n".join([text.table(rows, right=[1]), *spread, _book_text(value["price_book"])])


def _elsewhere(regions: Mapping[str, float]) -> str:
    """Where there is a price, and between which amounts."""
    if not regions:
        return "no region has a listed price"
    cheapest, dearest = (pick(regions, key=lambda r: regions[r]) for pick in (min, max))
    places = f"in {len(regions)} regions" if len(regions) > 3 else f"in {', '.join(regions)}"
    if regions[cheapest] == regions[dearest]:
        return f"{places}, {digits(regions[cheapest])}"
    return f"{places}, {digits(regions[cheapest])} ({cheapest}) to {digits(regions[dearest])} ({dearest})"


def _book_text(stamp: Mapping[str, Any]) -> str:
    stale = " It is old: `stackwright prices refresh` makes a new one." if stamp["stale"] else ""
    return f"  {stamp['count']:,} prices, the middle one of {stamp['as_of']}.{stale}"


def _coverage_text(value: Mapping[str, Any]) -> str:
    rows = [["service", "meters", "prices", "all meters in", "some", "none"]]
    for service, usages in value["services"].items():
        cells = [cell for cell in value["cells"] if cell["service"] == service]
        none = sum(not cell["prices"] for cell in cells)
        full = sum(not cell["gaps"] for cell in cells)
        some = len(cells) - none - full
        prices = sum(cell["prices"] for cell in cells)
        rows.append([service, str(len(usages)), f"{prices:,}", f"{full} regions", str(some), str(none)])
    notes = ["  A gap is an answer: what depends on it is counted as unknown. `--json` names each."]
    return "\n".join([text.table(rows, right=range(1, 6)), *notes, _book_text(value["price_book"])])


def _refresh_text(value: Mapping[str, Any]) -> str:
    changes, book = value["changes"], value["price_book"]
    counts = ", ".join(f"{len(changes[kind])} {kind}" for kind in ("added", "removed", "changed"))
    parts = [
        f"{value['path']}: {book['count']:,} prices, the middle one of {book['as_of']}",
        f"  {counts}, {changes['same']} the same",
        *_moves("changed", changes["changed"]),
        *_moves("not taken: more than 2 ×, or a whole meter gone; --accept takes them", changes["flagged"]),
        *_listed("not taken: the list has several prices for", changes["doubtful"]),
        *_listed(
            "not read, old prices kept",
            [f"{c['offer']} {c['region']}: {c['note']}" for c in value["cells"] if c["state"] == "failed"],
        ),
    ]
    return "\n".join(parts)


def _moves(title: str, changes: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """A line per price that moved, and a line per meter for the prices that are gone."""
    gone = Counter(_meter(change) for change in changes if change["new_usd"] is None)
    moved = [
        f"{_meter(c)} {c['instance_type']}".rstrip()
        + f": {digits(c['old_usd'])} → {digits(c['new_usd'])} ({c['ratio']} ×)"
        for c in changes
        if c["new_usd"] is not None
    ]
    return _listed(title, [*moved, *(f"{meter}: {count} prices gone" for meter, count in gone.items())])


def _meter(change: Mapping[str, Any]) -> str:
    return f"{change['service']} {change['usage']} {change['region']}"


def _listed(title: str, lines: Sequence[str]) -> Iterable[str]:
    if not lines:
        return []
    more = [f"    and {len(lines) - SHOWN} more in --json"] if len(lines) > SHOWN else []
    return [f"  {title}:", *(f"    {line}" for line in lines[:SHOWN]), *more]
