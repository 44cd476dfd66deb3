"""The book rebuilt from a price list over HTTP: resumed, checked, and kept where the list is broken."""

import json
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cost_estimates import price_book
from cost_estimates.model import CostError
from cost_estimates.offers import Picked, meters
from cost_estimates.price_book import PriceBook, Unknown
from cost_estimates.price_changes import Changes, Scope, apply, read_rows
from cost_estimates.price_list import PriceList, QueryApi, UnreadableError
from cost_estimates.price_rows import PriceRow, make_book, render_book
from cost_estimates.refresh import Cell, Refreshed, refresh, write_book

IRELAND, FRANKFURT = "eu-west-1", "eu-central-1"
COLUMNS = (
    *("SKU", "OfferTermCode", "RateCode", "TermType", "PriceDescription", "EffectiveDate", "StartingRange"),
    *("EndingRange", "Unit", "PricePerUnit", "Currency", "Product Family", "serviceCode", "Location"),
    *("Location Type", "Instance Type", "Tenancy", "Operating System", "License Model", "usageType"),
    *("operation", "CapacityStatus", "MarketOption", "Pre Installed S/W", "Region Code", "Component"),
)
LINUX = {
    "operation": "RunInstances",
    "Operating System": "Linux",
    "Tenancy": "Shared",
    "Pre Installed S/W": "NA",
    "CapacityStatus": "Used",
    "License Model": "No License required",
    "MarketOption": "OnDemand",
}


def row(usage_type: str, usd: str, region: str = IRELAND, **columns: str) -> list[str]:
    """One line of an offer file."""
    held = {
        "SKU": "M6UGCCQ3CDJQAA37",
        "OfferTermCode": "JRTCKXETXF",
        "RateCode": "M6UGCCQ3CDJQAA37.JRTCKXETXF.6YS6EN2CT7",
        "TermType": "OnDemand",
        "PriceDescription": f'${usd} per unit, "as is"',
        "StartingRange": "0",
        "EndingRange": "Inf",
        "Unit": "Hrs",
        "PricePerUnit": usd,
        "Currency": "USD",
        "Location": "somewhere",
        "Location Type": "AWS Region",
        "Region Code": region,
        "usageType": f"EU-{usage_type}",
    } | columns
    return [held.get(name, "") for name in COLUMNS]


def machine(kind: str, usd: str, region: str = IRELAND, **columns: str) -> list[str]:
    return row(f"BoxUsage:{kind}", usd, region, **(LINUX | columns))


def line(cells: list[str] | tuple[str, ...]) -> bytes:
    return (",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n").encode()


def head(offer: str, published: str = "2026-05-08") -> bytes:
    preamble = (
        ("FormatVersion", "v1.0"),
        ("Disclaimer", "This pricing list is for informational purposes only."),
        ("Publication Date", f"{published}T19:29:15Z"),
        ("Version", "20260508192915"),
        ("OfferCode", offer),
        COLUMNS,
    )
    return b"".join(map(line, preamble))


def offer_file(offer: str, *rows: list[str]) -> bytes:
    return head(offer) + b"".join(map(line, rows))


@dataclass
class Reply:
    """How the server answers for one path."""

    body: bytes = b""
    status: int = 200
    cut_at: int | None = None  # the connection ends here, once or always
    cuts: int = 1
    continues: bool = True  # whether it understands Range
    parts: Callable[[], Iterator[bytes]] | None = None  # a body made on the fly


@dataclass
class Server:
    """A price list on this machine."""

    files: dict[str, Reply] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def sell(self, offer: str, version: str = "20260508", /, **by_region: bytes | Reply) -> None:
        """An offer's index and its files; regions are given with underscores."""
        regions = {name.replace("_", "-"): body for name, body in by_region.items()}
        paths = {r: f"/offers/v1.0/aws/{offer}/{version}/{r}/index.json" for r in regions}
        index = {
            "formatVersion": "v1.0",
            "regions": {r: {"regionCode": r, "currentVersionUrl": path} for r, path in paths.items()},
        }
        self.files[f"/offers/v1.0/aws/{offer}/current/region_index.json"] = Reply(json.dumps(index).encode())
        for region, body in regions.items():
            reply = body if isinstance(body, Reply) else Reply(body)
            self.files[paths[region].replace(".json", ".csv")] = reply

    @property
    def downloads(self) -> list[str]:
        """Offer and region of the offer files that were asked for."""
        return ["/".join(path.split("/")[4:7:2]) for path, _ in self.asked if path.endswith(".csv")]


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.removeprefix("http://prices.test")
            server.asked.append((path, self.headers.get("Range", "")))
            reply = server.files.get(path, Reply(b"<html>no such file</html>", 404))
            if reply.parts:
                self.send_response(200)
                self.end_headers()
                with suppress(ConnectionError):
                    for part in reply.parts():
                        self.wfile.write(part)
                return
            start = int(self.headers.get("Range", "bytes=0-")[6:-1]) if reply.continues else 0
            body = reply.body[start:]
            self.send_response(206 if start else reply.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if reply.cut_at is not None and reply.cuts:
                reply.cuts -= 1
                body = body[: reply.cut_at]
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler(found))
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    found.url = f"http://127.0.0.1:{http.server_port}"
    yield found
    http.shutdown()
    http.server_close()


def price_row(service: str, usage: str, usd: str, region: str = IRELAND, instance_type: str = "") -> PriceRow:
    return PriceRow(
        service=service,
        usage=usage,
        unit="hour",
        region=region,
        instance_type=instance_type,
        usd=usd,
        source="an old list",
        as_of=date(2025, 11, 4),
        confidence="high",
    )


HOUR = "ondemand-linux-shared-hour"
OLD = (
    price_row("EC2", HOUR, "0.107", instance_type="m5.large"),
    price_row("EC2", HOUR, "0.115", FRANKFURT, "m5.large"),
    price_row("EC2", HOUR, "9", instance_type="old1.large"),
    price_row("ECR", "storage-gb-month", "0.10"),
    price_row("Budgets", "report-delivered", "0.01", "aws-global"),
)


def book_of(*rows: PriceRow) -> PriceBook:
    return price_book.read(render_book(make_book(rows)))


def run(server: Server, work: Path, *offers: str, old: tuple[PriceRow, ...] = OLD, **more: Any) -> Refreshed:
    source = more.pop("source", None) or PriceList(server.url, sleep=lambda seconds: None)
    more = {"regions": (IRELAND, FRANKFURT), "offers": offers or ("AmazonEC2", "AmazonECR"), **more}
    return refresh(source, old=book_of(*old), work=work, **more)


def held(refreshed: Refreshed, service: str, usage: str, region: str, machine_: str = "") -> str:
    """The price in the new book, or nothing."""
    found = price_book.read(render_book(refreshed.book)).price(service, usage, region, machine_)
    return "" if isinstance(found, Unknown) else f"{found.usd} {found.source} {found.as_of}"


def moved(changes: Changes) -> dict[str, list[tuple[str, ...]]]:
    """What a refresh did, in short: region, machine or meter, old and new price."""
    return {
        kind: [(c.key[2], c.key[3] or c.key[1], c.old_usd, c.new_usd) for c in getattr(changes, kind)]
        for kind in ("added", "removed", "changed", "flagged")
    }


NOTHING_MOVED: dict[str, list[tuple[str, ...]]] = {"added": [], "removed": [], "changed": [], "flagged": []}


def test_two_offers_in_two_regions_become_the_new_book(server: Server, tmp_path: Path) -> None:
    server.sell(
        "AmazonEC2",
        eu_west_1=offer_file(
            "AmazonEC2",
            machine("m5.large", "0.1070000000"),
            machine("m5.large", "0.0000000000", CapacityStatus="AllocatedCapacityReservation"),
            machine("m5.large", "0.0600000000", TermType="Reserved"),
            machine("m5.large", "0.0700000000", TermType="FlatRate"),
            machine("m7i.large", "0.1123500000"),
        ),
        eu_central_1=offer_file("AmazonEC2", machine("m5.large", "0.1200000000", FRANKFURT)),
    )
    server.sell("AmazonECR", eu_west_1=offer_file("AmazonECR", row("TimedStorage-ByteHrs", "0.1000000000")))
    done = run(server, tmp_path)
    assert done.cells == (
        Cell("AmazonEC2", IRELAND, "read", prices=2),
        Cell("AmazonEC2", FRANKFURT, "read", prices=1),
        Cell("AmazonECR", IRELAND, "read", prices=1),
        Cell("AmazonECR", FRANKFURT, "absent", note="not sold there"),
    )
    assert moved(done.changes) == {
        "added": [(IRELAND, "m7i.large", "", "0.11235")],
        "removed": [(IRELAND, "old1.large", "9", "")],
        "changed": [(FRANKFURT, "m5.large", "0.115", "0.12")],
        "flagged": [],
    }
    assert done.changes.same == 2
    assert held(done, "EC2", HOUR, FRANKFURT, "m5.large") == "0.12 AWS Price List, AmazonEC2 2026-05-08"
    assert held(done, "EC2", HOUR, IRELAND, "old1.large") == ""
    assert held(done, "Budgets", "report-delivered", IRELAND) == "0.01 an old list 2025-11-04"


def test_the_answer_as_json(server: Server, tmp_path: Path) -> None:
    server.sell("AmazonECR", eu_west_1=offer_file("AmazonECR", row("TimedStorage-ByteHrs", "0.08")))
    value = run(server, tmp_path, "AmazonECR", regions=(IRELAND,)).as_dict()
    value["price_book"].pop("sha256")
    assert value == {
        "price_book": {"as_of": "2025-11-04", "count": 5, "oldest": "2025-11-04", "newest": "2026-05-08"},
        "cells": [
            {"offer": "AmazonECR", "region": IRELAND, "state": "read", "prices": 1, "note": ""},
        ],
        "failed": 0,
        "changes": {
            "added": [],
            "removed": [],
            "changed": [
                {
                    "service": "ECR",
                    "usage": "storage-gb-month",
                    "region": IRELAND,
                    "instance_type": "",
                    "old_usd": 0.1,
                    "new_usd": 0.08,
                    "ratio": 0.8,
                }
            ],
            "flagged": [],
            "doubtful": [],
            "same": 0,
        },
    }


ECR_FILE = offer_file("AmazonECR", row("TimedStorage-ByteHrs", "0.0900000000"))
BROKEN = {
    "gone": (Reply(status=404), "HTTP 404 Not Found"),
    "forbidden": (Reply(status=403), "HTTP 403 Forbidden"),
    "down": (Reply(status=500), "HTTP 500 Internal Server Error"),
    "busy": (Reply(status=503), "HTTP 503 Service Unavailable"),
    "empty": (Reply(b""), "not a price list file: no FormatVersion at its start"),
    "a page of a proxy": (
        Reply(b"<html>sign in</html>"),
        "not a price list file: no FormatVersion at its start",
    ),
    "JSON": (Reply(b'{"formatVersion": "v1.0"}'), "not a price list file: no FormatVersion at its start"),
    "endless line": (Reply(b"x" * (3 << 20)), "not a price list file: it has no lines"),
    "another offer": (Reply(offer_file("AmazonS3")), "not the price list of AmazonECR"),
    "no rows": (Reply(head("AmazonECR")), "none of its rows is a price that the book holds"),
    "other columns": (
        Reply(head("AmazonECR").replace(b"PricePerUnit", b"Price")),
        "the columns are not those of a price list",
    ),
    "cut in a row": (
        Reply(ECR_FILE[:-4]),
        "a row of 25 columns under a header of 26: cut off?",
    ),
    "cut in a cell": (Reply(ECR_FILE[:-10]), "not a CSV file: unexpected end of data"),
    "not text": (
        Reply(head("AmazonECR") + b'"\xff\xfe"\n'),
        "not a CSV file: 'utf-8' codec can't decode byte 0xff in position 1: invalid start byte",
    ),
    "cut, and not continued": (
        Reply(ECR_FILE, cut_at=600, continues=False),
        "the connection broke, and the server does not continue a file",
    ),
    "cut without end": (
        Reply(ECR_FILE, cut_at=0, cuts=99),
        f"the connection ended after 0 of {len(ECR_FILE)} bytes",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_file_keeps_the_old_prices_and_says_so(how: str, server: Server, tmp_path: Path) -> None:
    reply, note = BROKEN[how]
    server.sell("AmazonECR", eu_west_1=replace(reply))
    server.sell("AmazonEC2", eu_west_1=offer_file("AmazonEC2", machine("m5.large", "0.11")))
    done = run(server, tmp_path, regions=(IRELAND,))
    assert done.failed == (Cell("AmazonECR", IRELAND, "failed", note=note),)
    assert held(done, "ECR", "storage-gb-month", IRELAND) == "0.10 an old list 2025-11-04"
    assert held(done, "EC2", HOUR, IRELAND, "m5.large") == "0.11 AWS Price List, AmazonEC2 2026-05-08"


@pytest.mark.parametrize(
    ("index", "note"),
    [
        (b'{"regions": {"eu-west-1": {"curre', "the index is not JSON: Unterminated string starting at"),
        (b"{}", "the index of AmazonECR has no regions"),
        (b"[]", "the index of AmazonECR has no regions"),
        (b'{"regions": ["eu-west-1"]}', "the index of AmazonECR has no regions"),
        (b'{"regions": {"eu-west-1": {}}}', "the index of AmazonECR has no regions"),
        (
            b'{"regions": {"eu-west-1": {"currentVersionUrl": "https://elsewhere.test/x.json"}}}',
            "the index points elsewhere: https://elsewhere.test/x.json",
        ),
    ],
)
def test_a_broken_index_fails_all_its_regions(
    index: bytes, note: str, server: Server, tmp_path: Path
) -> None:
    server.sell("AmazonEC2", eu_west_1=offer_file("AmazonEC2", machine("m5.large", "0.107")))
    server.files["/offers/v1.0/aws/AmazonECR/current/region_index.json"] = Reply(index)
    done = run(server, tmp_path)
    assert [(cell.region, cell.note[: len(note)]) for cell in done.failed] == [
        (IRELAND, note),
        (FRANKFURT, note),
    ]


def test_a_connection_that_breaks_is_taken_up_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.sell("AmazonECR", eu_west_1=Reply(ECR_FILE, cut_at=300, cuts=2))
    done = run(server, tmp_path, "AmazonECR", regions=(IRELAND,))
    assert held(done, "ECR", "storage-gb-month", IRELAND) == "0.09 AWS Price List, AmazonECR 2026-05-08"
    assert [asked for path, asked in server.asked if path.endswith(".csv")] == [
        "",
        "bytes=300-",
        "bytes=600-",
    ]


def drip() -> Iterator[bytes]:
    yield head("AmazonECR")
    while True:
        yield line(row("TimedStorage-ByteHrs", "0.09", TermType="Reserved"))


def test_a_drip_that_never_ends_is_given_up(server: Server) -> None:
    ticks = iter(range(0, 10_000, 10))
    server.sell("AmazonECR", eu_west_1=Reply(parts=drip))
    source = PriceList(server.url, deadline=15, clock=lambda: next(ticks))
    with pytest.raises(UnreadableError, match="not complete after 15 seconds"):
        list(source.read("AmazonECR", IRELAND, "/offers/v1.0/aws/AmazonECR/20260508/eu-west-1/index.csv"))


def test_a_run_goes_on_where_the_last_one_ended(server: Server, tmp_path: Path) -> None:
    server.sell("AmazonECR", eu_west_1=ECR_FILE, eu_central_1=Reply(status=500))
    first = run(server, tmp_path, "AmazonECR")
    server.sell("AmazonECR", eu_west_1=ECR_FILE, eu_central_1=ECR_FILE.replace(b"eu-west-1", b"eu-central-1"))
    server.asked.clear()
    second = run(server, tmp_path, "AmazonECR")
    assert [cell.state for cell in first.cells] == ["read", "failed"]
    assert [cell.state for cell in second.cells] == ["unchanged", "read"]
    assert server.downloads == ["AmazonECR/eu-central-1"]
    assert held(second, "ECR", "storage-gb-month", IRELAND) == held(first, "ECR", "storage-gb-month", IRELAND)


def test_a_new_edition_is_read_again(server: Server, tmp_path: Path) -> None:
    server.sell("AmazonECR", eu_west_1=ECR_FILE)
    run(server, tmp_path, "AmazonECR", regions=(IRELAND,))
    server.sell("AmazonECR", "20260601", eu_west_1=ECR_FILE.replace(b"0.0900", b"0.0800"))
    done = run(server, tmp_path, "AmazonECR", regions=(IRELAND,))
    assert moved(done.changes) == NOTHING_MOVED | {
        "changed": [(IRELAND, "storage-gb-month", "0.10", "0.08")],
    }


@pytest.mark.parametrize("text", ["", "{", "[]", '{"edition": 1}', '{"edition": "E", "prices": [[1]]}'])
def test_a_damaged_memory_is_read_again(text: str, server: Server, tmp_path: Path) -> None:
    server.sell("AmazonECR", eu_west_1=ECR_FILE)
    kept = tmp_path / "AmazonECR" / "eu-west-1.json"
    kept.parent.mkdir()
    kept.write_text(text.replace("E", "/offers/v1.0/aws/AmazonECR/20260508/eu-west-1/index.csv"))
    assert run(server, tmp_path, "AmazonECR", regions=(IRELAND,)).cells[0].state == "read"


def test_nothing_at_all_to_be_read_is_an_error_and_no_book(tmp_path: Path) -> None:
    nobody = Server(url="http://127.0.0.1:1")
    with pytest.raises(CostError) as caught:
        run(nobody, tmp_path)
    assert "no prices could be read: [Errno 111] Connection refused" in caught.value.message
    assert "the old price book is untouched" in caught.value.hint


def test_a_proxy_of_the_environment_is_used(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.sell("AmazonECR", eu_west_1=ECR_FILE)
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setattr("cost_estimates.price_list._LOOPBACK", ("prices.test",))
    source = PriceList("http://prices.test")
    assert run(server, tmp_path, "AmazonECR", regions=(IRELAND,), source=source).cells[0].state == "read"


@pytest.mark.parametrize("address", ["http://example.com", "ftp://127.0.0.1/", "file:///etc", "prices", ""])
def test_an_address_is_https_or_on_this_machine(address: str) -> None:
    with pytest.raises(CostError, match="is not an https address"):
        PriceList(address)


def test_an_unknown_offer_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(CostError) as caught:
        run(Server(url="http://127.0.0.1:1"), tmp_path, "AmazonEC22")
    assert (caught.value.message, caught.value.hint[:20]) == ("no offer 'AmazonEC22'", "offers are AmazonEC2")


def picked(usd: str, usage: str = HOUR, machine_: str = "m5.large", service: str = "EC2") -> Picked:
    return Picked(service, usage, "hour", IRELAND, machine_, usd, "2026-05-08")


SCOPE = Scope(offer="AmazonEC2", region=IRELAND, meters=meters("AmazonEC2"))


def change(*read: Picked, accept: bool = False) -> tuple[dict[str, str], Changes]:
    """The prices of Ireland's machines after reading these rows."""
    rows, changes = apply({r.key: r for r in OLD}, read, scope=SCOPE, accept=accept)
    return {r.instance_type: r.usd for r in rows.values() if r.key[:3] == ("EC2", HOUR, IRELAND)}, changes


OTHER = picked("9", machine_="old1.large")


@pytest.mark.parametrize("usd", ["0.214", "0.0535", "0.1071"])
def test_a_price_may_double_or_halve(usd: str) -> None:
    assert change(picked(usd), OTHER)[0] == {"m5.large": usd, "old1.large": "9"}


@pytest.mark.parametrize("usd", ["0.2141", "0.0534", "0", "107"])
def test_a_price_that_moves_further_is_flagged_and_taken_only_on_request(usd: str) -> None:
    kept, flagged = change(picked(usd), OTHER)
    taken, accepted = change(picked(usd), OTHER, accept=True)
    assert (kept, taken) == ({"m5.large": "0.107", "old1.large": "9"}, {"m5.large": usd, "old1.large": "9"})
    assert moved(flagged) == NOTHING_MOVED | {"flagged": [(IRELAND, "m5.large", "0.107", usd)]}
    assert moved(accepted) == NOTHING_MOVED | {"changed": [(IRELAND, "m5.large", "0.107", usd)]}


def test_a_machine_that_is_gone_is_removed_but_not_a_whole_meter() -> None:
    kept, changes = change(OTHER)
    assert (kept, moved(changes)["removed"]) == ({"old1.large": "9"}, [(IRELAND, "m5.large", "0.107", "")])
    kept, changes = change(picked("0.1", "nat-gateway-hour", "", "VPC"))
    assert kept == {"m5.large": "0.107", "old1.large": "9"}
    assert [c.key[3] for c in changes.flagged] == ["m5.large", "old1.large"]


def test_two_prices_for_one_thing_are_doubtful_and_the_old_one_stays() -> None:
    kept, changes = change(picked("0.11"), picked("0.12"), OTHER)
    assert kept == {"m5.large": "0.107", "old1.large": "9"}
    assert changes.doubtful == (f"EC2 {HOUR} {IRELAND} m5.large",)


def test_the_same_price_twice_is_no_doubt() -> None:
    assert change(picked("0.11"), picked("0.11"), OTHER)[1].doubtful == ()


def test_a_book_is_the_rows_it_was_made_of() -> None:
    shipped = price_book.load()
    again = make_book(read_rows(shipped))
    assert again["header"]["sha256"] == shipped.sha256


def test_the_old_book_stays_when_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "price_book.json"
    book = make_book(OLD)
    write_book(path, book)
    with pytest.raises(KeyError):
        write_book(path, {"header": {}})
    assert path.read_text() == render_book(book)
    assert [p.name for p in tmp_path.iterdir()] == ["price_book.json"]


def test_the_query_api_gives_the_same_prices(tmp_path: Path) -> None:
    item = {
        "product": {
            "productFamily": "EC2 Container Registry",
            "attributes": {
                "usagetype": "EU-TimedStorage-ByteHrs",
                "locationType": "AWS Region",
                "regionCode": IRELAND,
            },
        },
        "publicationDate": "2026-05-08T00:00:00Z",
        "terms": {
            "OnDemand": {
                "X.J": {
                    "priceDimensions": {
                        "X.J.6": {"unit": "GB-Mo", "beginRange": "0", "pricePerUnit": {"USD": "0.09"}}
                    }
                }
            }
        },
    }
    asked: list[tuple[str, str]] = []

    def products(offer: str, region: str) -> Iterator[str]:
        asked.append((offer, region))
        yield json.dumps(item)

    source = QueryApi(products, regions=[IRELAND], day="2026-05-09")
    done = run(Server(), tmp_path, "AmazonECR", source=source)
    assert held(done, "ECR", "storage-gb-month", IRELAND) == "0.09 AWS Price List, AmazonECR 2026-05-08"
    assert asked == [("AmazonECR", IRELAND)]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"product": 1}'])
def test_an_item_of_the_query_api_that_is_none_fails_the_cell(text: str, tmp_path: Path) -> None:
    source = QueryApi(lambda offer, region: [text], regions=[IRELAND], day="2026-05-09")
    with pytest.raises(CostError, match="no prices could be read: not a product"):
        run(Server(), tmp_path, "AmazonECR", source=source, regions=(IRELAND,))


def test_a_large_file_is_read_in_little_memory(server: Server, tmp_path: Path) -> None:
    """20 MB with nine reservations to one price, as EC2 files are; made while it is sent."""
    block = b"".join(
        line(machine(f"x{n}.large", "0.5", TermType="Reserved" if n % 10 else "OnDemand")) for n in range(100)
    )

    def parts() -> Iterator[bytes]:
        yield head("AmazonEC2")
        yield from (block for _ in range((20 << 20) // len(block)))
        yield line(machine("m5.large", "0.11"))

    server.sell("AmazonEC2", eu_west_1=Reply(parts=parts))
    tracemalloc.start()
    try:
        done = run(server, tmp_path, "AmazonEC2", regions=(IRELAND,))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert done.cells == (Cell("AmazonEC2", IRELAND, "read", prices=11),)
    assert peak < 10 << 20


def test_patience_is_for_the_run_and_not_for_each_file(server: Server, tmp_path: Path) -> None:
    offers = ("AmazonECR", "AmazonEC2", "AmazonVPC")
    paths = [f"/offers/v1.0/aws/{offer}/current/region_index.json" for offer in offers]
    server.files.update({path: Reply(status=503) for path in paths})
    with pytest.raises(CostError, match="HTTP 503 Service Unavailable"):
        run(server, tmp_path, *offers)
    assert [path for path, _ in server.asked] == [*paths[:1] * 4, *paths[1:]]


def test_a_run_that_is_stopped_has_not_read_in_vain(server: Server, tmp_path: Path) -> None:
    server.sell("AmazonECR", eu_west_1=ECR_FILE, eu_central_1=ECR_FILE.replace(b"eu-west-1", b"eu-central-1"))

    def stop(cell: Cell) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(server, tmp_path, "AmazonECR", on_cell=stop)
    assert [cell.state for cell in run(server, tmp_path, "AmazonECR").cells] == ["unchanged", "read"]
