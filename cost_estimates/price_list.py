"""Door to the AWS Price List: its regional CSV files over HTTP, row by row in bounded memory."""

from __future__ import annotations

import csv
import json
import socket
import ssl
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from http.client import HTTPException, HTTPResponse
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, build_opener

from cost_estimates.model import CostError
from cost_estimates.offers import Offered, name_column
from cost_estimates.products import read_product

AWS = "https://pricing.us-east-1.amazonaws.com"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_CHUNK = 1 << 18
# Without line ends a wrong file would be one endless line.
_LONGEST_LINE = 1 << 20
_LARGEST_INDEX = 1 << 24
_RETRIES = 3
_BUSY = (408, 429)
_HOPELESS = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)
# https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/price-changes.html
_PREAMBLE = ("FormatVersion", "Disclaimer", "Publication Date", "Version", "OfferCode")


class UnreadableError(Exception):
    """What answered is not the price list, or not all of it."""


class Source(Protocol):
    """Where offers are read from."""

    def editions(self, offer: str) -> Mapping[str, str]:
        """Region -> what names the current version of the offer there; raises UnreadableError."""
        ...

    def read(self, offer: str, region: str, edition: str) -> Iterator[Offered]:
        """Every price of the offer in the region; raises UnreadableError."""
        ...


class PriceList:
    """The bulk files under one address; no credentials. Proxies are taken from the environment."""

    def __init__(
        self,
        base: str = AWS,
        *,
        deadline: float = 1800,
        patience: float = 60,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base = check_base(base)
        self._deadline = deadline
        self._patience = patience
        self._sleep = sleep
        self._clock = clock
        self._retries = _RETRIES
        self._opener = build_opener()  # with the proxies of now, not of the first call in this process

    def editions(self, offer: str) -> Mapping[str, str]:
        index = self._json(f"/offers/v1.0/aws/{offer}/current/region_index.json")
        try:
            return {region: _csv_path(entry) for region, entry in index["regions"].items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise UnreadableError(f"the index of {offer} has no regions") from error

    def read(self, offer: str, region: str, edition: str) -> Iterator[Offered]:
        # Closed at once when the reader stops: half a file must not hold its connection.
        with closing(self._chunks(edition)) as chunks:
            try:
                yield from _read_offer(_lines(chunks), offer)
            except (csv.Error, UnicodeDecodeError) as error:
                raise UnreadableError(f"not a CSV file: {error}") from error

    def _json(self, path: str) -> Any:
        body = bytearray()
        for chunk in self._chunks(path):
            body += chunk
            if len(body) > _LARGEST_INDEX:
                raise UnreadableError("the index is larger than any index")
        try:
            return json.loads(body)
        except ValueError as error:
            raise UnreadableError(f"the index is not JSON: {error}") from error

    def _chunks(self, path: str) -> Generator[bytes, None, None]:
        """A file's bytes. A broken connection is taken up where it broke; raises UnreadableError."""
        ends = self._clock() + self._deadline
        received = 0
        while True:
            try:
                with self._open(path, received) as response:
                    size = _size(response, received)
                    while chunk := response.read1(_CHUNK):
                        self._retries = _RETRIES
                        received += len(chunk)
                        yield chunk
                        if self._clock() > ends:
                            raise UnreadableError(f"not complete after {self._deadline:.0f} seconds")
                if size in (None, received):
                    return
                raise ConnectionError(f"the connection ended after {received} of {size} bytes")
            except (OSError, HTTPException) as error:
                # What is down for one file is down for the next: patience is for the run, not for each file.
                if _is_final(error) or not self._retries or self._clock() > ends:
                    raise UnreadableError(_words(error)) from error
                self._retries -= 1
                self._sleep(2.0 ** (_RETRIES - self._retries))

    def _open(self, path: str, received: int) -> HTTPResponse:
        headers = {"User-Agent": "stackwright", "Accept-Encoding": "identity"}
        if received:
            headers["Range"] = f"bytes={received}-"
        request = Request(self._base + path, headers=headers)  # noqa: S310 - check_base has seen the scheme
        response: HTTPResponse = self._opener.open(request, timeout=self._patience)
        if received and response.status != 206:
            response.close()
            raise UnreadableError("the connection broke, and the server does not continue a file")
        return response


class QueryApi:
    """The Query API, through whoever can call it: `products(offer, region)` gives elements of PriceList."""

    def __init__(self, products: Callable[[str, str], Iterable[str]], *, regions: Iterable[str], day: str):
        self._products = products
        self._editions = dict.fromkeys(regions, day)

    def editions(self, offer: str) -> Mapping[str, str]:
        """The API has no versions: what was read today is today's."""
        return self._editions

    def read(self, offer: str, region: str, edition: str) -> Iterator[Offered]:
        for text in self._products(offer, region):
            try:
                yield from read_product(text)
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                raise UnreadableError(f"not a product: {type(error).__name__} {error}") from error


def check_base(base: str) -> str:
    """The address without its last slash; raises CostError for what is neither https nor this machine."""
    parts = urlsplit(base)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return base.rstrip("/")
    raise CostError(f"{base!r} is not an https address", hint=f"AWS's own is {AWS}", field="from")


def _csv_path(entry: Mapping[str, str]) -> str:
    path = entry["currentVersionUrl"]
    if not path.startswith("/offers/"):
        raise UnreadableError(f"the index points elsewhere: {path[:100]}")
    return path.removesuffix(".json").removesuffix(".csv") + ".csv"


def _size(response: HTTPResponse, received: int) -> int | None:
    length = response.headers.get("Content-Length")
    return received + int(length) if length and length.isdigit() else None


def _is_final(error: Exception) -> bool:
    if isinstance(error, HTTPError):
        return error.code < 500 and error.code not in _BUSY
    return isinstance(getattr(error, "reason", None), _HOPELESS)


def _words(error: Exception) -> str:
    reason = getattr(error, "reason", "") or str(error) or type(error).__name__
    return f"HTTP {error.code} {reason}" if isinstance(error, HTTPError) else str(reason)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if len(rest) > _LONGEST_LINE:
            raise UnreadableError("not a price list file: it has no lines")
    if rest:
        yield rest


def _read_offer(lines: Iterator[bytes], offer: str) -> Iterator[Offered]:
    preamble = _preamble(lines)
    if preamble.get("OfferCode") != offer:
        raise UnreadableError(f"not the price list of {offer}")
    published = preamble["Publication Date"][:10]
    names = [name_column(name) for name in _cells(next(lines, b""))]
    if not {"termtype", "startingrange", "unit", "priceperunit", "currency", "usagetype"} <= {*names}:
        raise UnreadableError("the columns are not those of a price list")
    wanted = _on_demand(lines, names.index("termtype"))
    for row in csv.reader((line.decode() for line in wanted), strict=True):
        if len(row) != len(names):
            raise UnreadableError(f"a row of {len(row)} columns under a header of {len(names)}: cut off?")
        columns = dict(zip(names, row, strict=True))
        if columns["termtype"] == "OnDemand":
            yield Offered(
                columns=columns,
                begin=columns["startingrange"],
                unit=columns["unit"],
                usd=columns["priceperunit"],
                currency=columns["currency"],
                published=published,
            )


def _preamble(lines: Iterator[bytes]) -> dict[str, str]:
    """The five lines above the header."""
    found = {}
    for name in _PREAMBLE:
        cells = _cells(next(lines, b""))
        if cells[:1] != [name]:
            raise UnreadableError(f"not a price list file: no {name} at its start")
        found[name] = cells[-1]
    return found


def _cells(line: bytes) -> list[str]:
    return next(csv.reader([line.decode("utf-8-sig").rstrip("\r")]), [])


def _on_demand(lines: Iterator[bytes], column: int) -> Iterator[bytes]:
    """Nine in ten rows of EC2 are reservations; the codes in front of the term type hold no commas."""
    for line in lines:
        if line.split(b",", column + 1)[column : column + 1] != [b'"Reserved"']:
            yield line
