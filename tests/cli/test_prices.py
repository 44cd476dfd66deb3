"""`stackwright prices`: what is known, what is not, and a book of one's own."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cost_estimates import price_book
from cost_estimates.price_book import DATA_FILE
from provisioner.cli import price_books, run

SHIPPED = price_book.load()
SECRET = {"Resources": {"Key": {"Type": "AWS::SecretsManager::Secret"}}}
HEADER = (
    '"SKU","OfferTermCode","RateCode","TermType","StartingRange","EndingRange","Unit","PricePerUnit",'
    '"Currency","Location","Location Type","usageType","operation","Region Code"'
)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """Exit code and JSON answer of a command line."""

    def ask(*arguments: str) -> tuple[int, Any]:
        code = run([*arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return ask


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Exit code, data and story of a command line."""

    def ask(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return ask


class PriceList:
    """A bulk price list of secrets on this machine."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.url = ""

    def sell(self, usd: str, *, region: str = "eu-west-1", published: str = "2026-10-01") -> None:
        folder = f"/offers/v1.0/aws/AWSSecretsManager/{published}/{region}/index"
        entry = {"regionCode": region, "currentVersionUrl": f"{folder}.json"}
        index = json.dumps({"regions": {region: entry}}).encode()
        self.files["/offers/v1.0/aws/AWSSecretsManager/current/region_index.json"] = index
        rows = (
            f'"S","JRTCKXETXF","S.J.6","OnDemand","0","Inf","each","{price}","USD","there","AWS Region",'
            f'"EU-AWSSecretsManager{name}","","{region}"'
            for name, price in (("-Secrets", usd), ("APIRequest", "0.0000050000"))
        )
        lines = (
            '"FormatVersion","v1.0"',
            '"Disclaimer","This pricing list is for informational purposes only."',
            f'"Publication Date","{published}T00:00:00Z"',
            '"Version","20261001000000"',
            '"OfferCode","AWSSecretsManager"',
            HEADER,
            *rows,
        )
        self.files[f"{folder}.csv"] = "\n".join(lines).encode() + b"\n"


@pytest.fixture
def price_list() -> Iterator[PriceList]:
    found = PriceList()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = found.files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    found.url = f"http://127.0.0.1:{http.server_port}"
    yield found
    http.shutdown()
    http.server_close()


def refresh(price_list: PriceList, *more: str) -> list[str]:
    only = ["--service", "AWSSecretsManager", "--region", "eu-west-1", "--from", price_list.url]
    return ["prices", "refresh", *only, *more]


def test_an_instance_type_has_its_prices_with_source_and_date(call: Any) -> None:
    code, value = call("prices", "show", "m5.large", "--region", "eu-west-1")
    ec2, auto = value["prices"][:2]
    assert (code, ec2.pop("regions")["us-east-1"]) == (0, 0.096)
    assert ec2 == {
        "service": "EC2",
        "usage": "ondemand-linux-shared-hour",
        "instance_type": "m5.large",
        "usd": 0.107,
        "unit": "hour",
        "source": "lamngockhuong/aws-price lib/data/pricing/ec2-transformed.json@508fb45296",
        "as_of": "2025-11-04",
        "derived": False,
        "known": True,
    }
    assert (auto["usage"], auto["usd"], auto["derived"]) == ("auto-mode-fee-hour", 0.01284, True)
    assert {p["instance_type"] for p in value["prices"]} == {"m5.large", "ml.m5.large"}


@pytest.mark.parametrize(
    ("name", "usages"),
    [
        ("ECR", ["storage-gb-month"]),
        ("ecr", ["storage-gb-month"]),
        ("nat-gateway-hour", ["nat-gateway-hour"]),
        ("VPC/nat-gateway-data-gb", ["nat-gateway-data-gb"]),
    ],
)
def test_services_and_usages_are_names_too(name: str, usages: list[str], call: Any) -> None:
    _, value = call("prices", "show", name, "--region", "us-east-1")
    assert [price["usage"] for price in value["prices"]] == usages


def test_where_there_is_no_price_it_says_where_there_is_one(told: Any) -> None:
    code, out, _ = told("prices", "show", "p5.48xlarge", "--region", "eu-west-1")
    line = next(line for line in out.splitlines() if "shared-hour" in line)
    assert code == 0
    assert (
        line.split(maxsplit=3)[3]
        == "unknown           in 13 regions, 55.04 (us-east-1) to 92.4672 (sa-east-1)"
    )


def test_a_region_without_prices_has_only_unknown_ones(call: Any) -> None:
    code, value = call("prices", "show", "ECR", "--region", "cn-north-1")
    assert (code, [price["known"] for price in value["prices"]]) == (0, [False])


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (
            ("m5.larg",),
            "nothing in the price book is called 'm5.larg'",
            "did you mean m5.large, m5d.large, m5.xlarge?",
        ),
        (("m5.large", "--region", "eu-west-9"), "no region 'eu-west-9'", "did you mean eu-west-3,"),
    ],
)
def test_other_names_are_refused_with_the_nearest(
    arguments: tuple[str, ...], message: str, hint: str, call: Any
) -> None:
    code, value = call("prices", "show", *arguments)
    assert (code, value["error"]["message"]) == (2, message)
    assert value["error"]["hint"].startswith(hint)


def test_coverage_counts_every_service_in_every_region(call: Any) -> None:
    code, value = call("prices", "coverage")
    assert code == 0
    assert len(value["cells"]) == len(value["services"]) * len(value["regions"])
    cell = next(c for c in value["cells"] if (c["service"], c["region"]) == ("ECR", "ap-southeast-6"))
    assert cell == {
        "service": "ECR",
        "region": "ap-southeast-6",
        "prices": 0,
        "gaps": {"storage-gb-month": "no source gives it"},
    }


def test_coverage_as_a_table(told: Any) -> None:
    _, out, _ = told("prices", "coverage")
    assert "  ECR                  1      33     33 regions     0     1" in out.splitlines()


def test_a_refresh_writes_a_book_that_estimates_use(
    price_list: PriceList, call: Any, home: Path, tmp_path: Path
) -> None:
    price_list.sell("0.5000000000")
    template = tmp_path / "t.json"
    template.write_text(json.dumps(SECRET))
    estimate = ("cost", "estimate", str(template), "--region", "eu-west-1", "--usage", "idle")
    _, before = call(*estimate)
    code, value = call(*refresh(price_list))
    _, after = call(*estimate)
    assert (code, value["path"], len(value["changes"]["changed"])) == (0, str(home / "price_book.json"), 1)
    assert (before["total"]["idle"], after["total"]["idle"]) == (0.4, 0.5)
    assert after["price_book"]["sha256"] == value["price_book"]["sha256"]
    assert after["resources"][0]["lines"][0]["source"] == "AWS Price List, AWSSecretsManager"


def test_a_price_that_doubles_needs_a_yes(price_list: PriceList, told: Any) -> None:
    price_list.sell("4")
    code, out, _ = told(*refresh(price_list))
    assert code == 5
    assert "SecretsManager secret-month eu-west-1: 0.4 → 4.0 (10.0 ×)" in out
    assert held_price() == "0.4"
    assert told(*refresh(price_list, "--accept"))[0] == 0
    assert held_price() == "4"


def held_price() -> str:
    price = price_books.load().price("SecretsManager", "secret-month", "eu-west-1")
    assert isinstance(price, price_book.Price)
    return str(price.usd)


def test_what_could_not_be_read_is_named(price_list: PriceList, told: Any) -> None:
    price_list.sell("0.5")
    code, out, err = told(*refresh(price_list, "--service", "AmazonECR"))
    assert code == 5
    assert out.splitlines()[-2:] == [
        "  not read, old prices kept:",
        "    AmazonECR eu-west-1: HTTP 404 Not Found",
    ]
    assert "AWSSecretsManager  eu-west-1       read       2 prices" in err


def test_nothing_read_is_refused_and_writes_nothing(call: Any, home: Path) -> None:
    code, value = call("prices", "refresh", "--region", "eu-west-1", "--from", "http://127.0.0.1:1")
    assert code == 4
    assert value["error"]["message"].startswith("no prices could be read: ")
    assert not (home / "price_book.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "http://prices.example"), "'http://prices.example' is not an https address"),
        (("--service", "EC2"), "no offer 'EC2'"),
    ],
)
def test_a_wrong_wish_calls_nothing(arguments: tuple[str, ...], message: str, call: Any) -> None:
    code, value = call("prices", "refresh", *arguments)
    assert (code, value["error"]["message"]) == (2, message)


def own_book(home: Path, text: str) -> None:
    home.mkdir(exist_ok=True)
    (home / "price_book.json").write_text(text)


def test_a_newer_shipped_book_wins_over_an_older_one_of_ones_own(home: Path) -> None:
    text = DATA_FILE.read_text().replace(f'"as_of":"{SHIPPED.as_of}"', '"as_of":"2020-01-01"', 1)
    own_book(home, text)
    assert price_books.load() is SHIPPED


def test_an_own_book_of_the_same_day_wins(home: Path) -> None:
    own_book(home, DATA_FILE.read_text().replace(SHIPPED.sha256, "own", 1))
    assert price_books.load().sha256 == "own"


@pytest.mark.parametrize("text", ["", "{", "[]\n[]", DATA_FILE.read_text()[:5000]])
def test_a_damaged_own_book_is_said_and_not_used(
    text: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_book(home, text)
    assert price_books.load() is SHIPPED
    assert "the shipped one is used" in capsys.readouterr().err


def test_the_query_api_is_asked_where_it_is_wanted(
    aws_pricing: list[dict[str, Any]], call: Any, price_list: PriceList
) -> None:
    code, value = call("prices", "refresh", "--api", "--service", "AmazonECR", "--region", "eu-west-1")
    assert (code, [c["new_usd"] for c in value["changes"]["changed"]]) == (0, [0.09])
    assert aws_pricing == [
        {
            "ServiceCode": "AmazonECR",
            "FormatVersion": "aws_v1",
            "Filters": [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": "eu-west-1"}],
            **more,
        }
        for more in ({}, {"NextToken": "more"})
    ]


@pytest.fixture
def aws_pricing(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """The Query API on this machine, in two pages; what it was asked."""
    asked: list[dict[str, Any]] = []
    attributes = {
        "usagetype": "EU-TimedStorage-ByteHrs",
        "locationType": "AWS Region",
        "regionCode": "eu-west-1",
    }
    dimension = {
        "unit": "GB-Mo",
        "beginRange": "0",
        "endRange": "Inf",
        "pricePerUnit": {"USD": "0.0900000000"},
    }
    product = {
        "product": {"productFamily": "EC2 Container Registry", "attributes": attributes, "sku": "S"},
        "terms": {"OnDemand": {"S.JRTCKXETXF": {"priceDimensions": {"S.JRTCKXETXF.6": dimension}}}},
        "publicationDate": "2026-10-01T00:00:00Z",
    }

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(question)
            first = "NextToken" not in question
            body = json.dumps(
                {"PriceList": [], "NextToken": "more"} if first else {"PriceList": [json.dumps(product)]}
            )
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{http.server_port}")
    yield asked
    http.shutdown()
    http.server_close()


def test_an_offer_that_the_query_api_refuses_is_named(
    aws_pricing: list[dict[str, Any]], call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    code, value = call("prices", "refresh", "--api", "--service", "AmazonECR", "--region", "eu-west-1")
    assert code == 4
    assert value["error"]["message"].startswith("no prices could be read: could not reach AWS")
