"""`stackwright cost`: budgets, changes, comparisons, bills, and the forms they are answered in."""

import json
import threading
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from provisioner import charts, cost_text

REGION = ("--region", "eu-west-1")
TOTAL = {"idle": 0, "low": 1, "typical": 2, "high": 3}
EVIL = "<script>alert(1)</script>|`@all`"
BEFORE = {
    "Resources": {
        "Gate": {"Type": "AWS::EC2::NatGateway"},
        "Key": {"Type": "AWS::KMS::Key"},
        "Odd": {"Type": "AWS::Mars::Rover"},
    }
}
AFTER = {
    "Parameters": {"Size": {"Type": "String", "Default": "m5.large"}},
    "Resources": {
        "Key": {"Type": "AWS::KMS::Key"},
        EVIL: {"Type": "AWS::EKS::Cluster"},
        "Box": {"Type": "AWS::EC2::Instance", "Properties": {"InstanceType": {"Ref": "Size"}}},
    },
}


@pytest.fixture
def templates(cli: Any, tmp_path: Path) -> Path:
    """`before.json` and `after.json` in the working folder."""
    folder = tmp_path / "churn-dev"
    (folder / "before.json").write_text(json.dumps(BEFORE))
    (folder / "after.json").write_text(json.dumps(AFTER))
    return folder


def test_an_estimate_names_its_drivers_and_what_it_does_not_know(cli: Any, templates: Path) -> None:
    ran = cli("cost", "estimate", "before.json", *REGION, "--json")
    assert (ran.code, ran.json["unknown"]) == (0, 1)
    assert ran.json["drivers"] == [
        {"logical_id": "Gate", "usage": "VPC nat-gateway-hour", "monthly_usd": 35.04, "share": 0.9432},
        {"logical_id": "Key", "usage": "KMS key-month", "monthly_usd": 1.0, "share": 0.0269},
        {"logical_id": "Gate", "usage": "VPC nat-gateway-data-gb", "monthly_usd": 0.96, "share": 0.0258},
        *ran.json["drivers"][3:],
    ]


def test_the_table_says_idle_dearest_unknown_and_stale(cli: Any, templates: Path) -> None:
    out = cli("cost", "estimate", "before.json", *REGION).out
    assert "Left alone, without jobs, requests or data, it costs $36.04 a month." in out
    assert "  $35.04  94%  Gate  VPC nat-gateway-hour" in out
    assert "  Odd  AWS::Mars::Rover  " in out
    assert "price book is old" in out


@pytest.mark.parametrize(
    ("budget", "level", "code"),
    [
        ("100", "typical", 0),
        ("36", "typical", 3),
        ("36.04", "low", 3),
        ("37", "typical", 3),
        ("37", "low", 0),
        ("37.2", "typical", 0),
        ("37.2", "high", 3),
        ("0", "typical", 3),
    ],
)
def test_a_budget_is_a_gate(budget: str, level: str, code: int, cli: Any, templates: Path) -> None:
    options = ("--budget", budget, "--fail-on", level)
    ran = cli("cost", "estimate", "before.json", *REGION, *options, "--json")
    value = ran.json["budget"]
    assert (ran.code, value["exceeded"]) == (code, code == 3)
    assert value == {
        "limit_usd": float(budget),
        "level": level,
        "usd": ran.json["total"][level],
        "exceeded": code == 3,
        "unknown": 1,
    }


@pytest.mark.parametrize(("budget", "code"), [("36.03", 3), ("36.04", 0)])
def test_a_budget_may_be_used_up(budget: str, code: int, cli: Any, templates: Path) -> None:
    options = (*REGION, "--usage", "idle", "--budget", budget)
    assert cli("cost", "estimate", "before.json", *options).code == code


def test_a_budget_exceeded_is_told_in_every_form(cli: Any, templates: Path) -> None:
    told = "exceeds the budget of $1.00. 1 resource has no known price: the total is without."
    for form in ("table", "markdown", "html"):
        ran = cli("cost", "estimate", "before.json", *REGION, "--budget", "1", "--format", form)
        assert (ran.code, told in ran.out) == (3, True), form
    assert told in cli("cost", "estimate", "before.json", *REGION, "--budget", "1", "--json").err


@pytest.mark.parametrize("budget", ["-1", "nan", "lots"])
def test_a_budget_is_an_amount(budget: str, cli: Any, templates: Path) -> None:
    assert cli("cost", "estimate", "before.json", "--budget", budget, "--json").error["exit_code"] == 2


def test_a_region_without_prices_is_all_unknown_and_no_failure(cli: Any, templates: Path) -> None:
    ran = cli("cost", "estimate", "before.json", "--region", "us-gov-west-1", "--budget", "1", "--json")
    assert (ran.code, ran.json["unknown"], ran.json["total"]["typical"]) == (0, 3, 0.0)
    for form in ("table", "markdown", "html"):
        assert cli("cost", "estimate", "before.json", "--region", "us-gov-west-1", "--format", form).code == 0
        assert cli("cost", "compare", "--region", "us-gov-west-1", "--format", form).code == 0
        diff = ("cost", "diff", "before.json", "after.json", "--region", "us-gov-west-1")
        assert cli(*diff, "--format", form).code == 0


def test_a_diff_takes_a_parameter_that_only_one_side_has(cli: Any, templates: Path) -> None:
    options = (*REGION, "--usage", "idle", "--parameter", "Size=m5.xlarge")
    value = cli("cost", "diff", "before.json", "after.json", *options, "--json").json
    assert [(r["kind"], r["logical_id"], r["change"]["typical"]) for r in value["resources"]] == [
        ("added", "Box", 156.924),
        ("added", EVIL, 73.0),
        ("removed", "Gate", -35.04),
        ("removed", "Odd", 0.0),
    ]
    assert (value["a"], value["b"], value["change"]["typical"]) == ("before.json", "after.json", 194.884)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("before.json", "nowhere.json"), "nowhere.json cannot be read: No such file or directory"),
        (("before.json", "after.json", "--parameter", "Sise=1"), "neither template has a parameter Sise"),
        (("before.json", "after.json", "--parameter", "Size"), "parameter 'Size' is not KEY=VALUE"),
        (("before.json", "after.json", "--usage", "wild"), "no usage profile 'wild'"),
        (("before.json", "after.json", "--region", "moon-1"), "no region 'moon-1'"),
    ],
)
def test_a_diff_of_something_else_is_refused(
    arguments: tuple[str, ...], message: str, cli: Any, templates: Path
) -> None:
    ran = cli("cost", "diff", *arguments, "--json")
    assert (ran.code, ran.error["message"]) == (2, message)


def test_a_comment_for_a_pull_request_can_be_found_again(cli: Any, templates: Path) -> None:
    out = cli("cost", "diff", "before.json", "after.json", *REGION, "--format", "markdown").out
    lines = out.splitlines()
    assert lines[0] == "<!-- stackwright-cost-diff: a later run finds its own comment by this line -->"
    assert lines[1] == "### Cost: +$116 a month ($37.15 → $153)"
    assert "<details><summary>Resources</summary>" in lines
    row = next(line for line in lines if "AWS::EKS::Cluster" in line)
    escaped = "&lt;script&gt;alert(1)&lt;/script&gt;&#124;&#96;&#64;all&#96;"
    assert row == f"| added | {escaped} | AWS::EKS::Cluster |  | $73.00 | +$73.00 |"


class Tags(HTMLParser):
    """The elements of a page and their attributes; what is open at the end."""

    EMPTY = ("meta", "line", "rect", "path", "circle")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.EMPTY or (tag == "line" and "/>" not in (self.get_starttag_text() or "")):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


PAGES = {
    "estimate": ("cost", "estimate", "after.json", *REGION),
    "diff": ("cost", "diff", "before.json", "after.json", *REGION),
    "compare": ("cost", "compare", "--gpu", *REGION),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_stands_alone_with_its_picture_and_nothing_to_run(
    page: str, cli: Any, templates: Path
) -> None:
    out = cli(*PAGES[page], "--format", "html").out
    tags = Tags(out)
    names = {name for name, _ in tags.seen}
    assert out.startswith("<!doctype html>")
    assert ("svg" in names, tags.open) == (True, [])
    assert names & {"script", "img", "link", "iframe", "object"} == set()
    assert [a for _, a in tags.seen if {"src", "href", "onload", "onclick"} & a.keys()] == []
    assert "prefers-color-scheme: dark" in out
    assert "older than 180 days" in out


@pytest.mark.parametrize("form", ["json", "markdown", "html", "table"])
def test_every_form_of_an_estimate_says_that_its_book_is_old(form: str, cli: Any, templates: Path) -> None:
    out = cli("cost", "estimate", "before.json", *REGION, "--format", form).out
    assert any(words in out for words in ("older than 180 days", "price book is old", '"stale": true'))


def test_a_usage_file_gives_the_estimate_of_its_profile(cli: Any, templates: Path) -> None:
    made = cli("cost", "usage", "--template", "before.json", "--profile", "team", *REGION)
    (templates / "usage.yaml").write_text(made.out)
    totals = [
        cli("cost", "estimate", "before.json", *REGION, "--usage", usage, "--json").json["total"]
        for usage in ("usage.yaml", "team")
    ]
    assert (made.code, totals[0]) == (0, totals[1])
    assert cli("cost", "usage", "--template", "nowhere.json").code == 2


def test_a_comparison_answers_with_all_its_options(cli: Any) -> None:
    options = (
        "--steps",
        "400",
        "--hours",
        "1",
        "--machine",
        "small",
        "--gpu",
        "--spot",
        "--spot-saving",
        "70",
    )
    value = cli("cost", "compare", *options, *REGION, "--json").json
    assert value["workload"] == {
        "steps": 400.0,
        "hours": 1.0,
        "hours_per_month": 400.0,
        "machine": "g4dn.xlarge",
        "gpu": True,
        "spot": True,
        "spot_saving_percent": 70.0,
    }
    assert [way["name"] for way in value["ways"]] == ["ec2", "sagemaker", "eks"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--steps", "-1"),
        ("--hours", "nan"),
        ("--machine", "huge"),
        ("--region", "moon-1"),
        ("--format", "pdf"),
    ],
)
def test_a_comparison_of_something_else_is_refused(arguments: tuple[str, ...], cli: Any) -> None:
    assert cli("cost", "compare", *arguments, "--json").error["exit_code"] == 2


def test_the_table_of_a_comparison_ends_with_where_one_overtakes_another(cli: Any) -> None:
    out = cli("cost", "compare", "--steps", "100", "--hours", "0.5", "--region", "us-east-1").out.splitlines()
    assert out[1].split() == [
        "ec2",
        "an",
        "EC2",
        "machine",
        "started",
        "for",
        "each",
        "step",
        "$0.00",
        "$0.1970",
        "$9.85",
    ]
    assert "  From 160 hours a month on, ec2-always-on is cheaper than eks." in out
    assert "  100 steps of 0.5 h a month on m5.xlarge in us-east-1: 50 hours." in out


Bill = Callable[..., None]


@pytest.fixture
def bill(cli: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bill]:
    """Cost Explorer on this machine, set to answer with pages of groups and the tag's status."""
    pages: list[dict[str, Any]] = []
    tags: list[dict[str, str]] = []
    asked: list[dict[str, Any]] = []
    refusals: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            call = self.headers["X-Amz-Target"].partition(".")[2]
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({"call": call, **question})
            page = int(question.get("NextPageToken", 0))
            answers = {
                "ListCostAllocationTags": lambda: {"CostAllocationTags": tags},
                "GetCostAndUsage": lambda: pages[page],
            }
            refused = refusals.get(call)
            body = {"__type": refused, "Message": "no"} if refused else answers[call]()
            self.send_response(400 if refused else 200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{http.server_port}")

    def set_(
        *billed: dict[str, str], tag: str = "Active", refused: dict[str, str] | None = None
    ) -> list[dict[str, Any]]:
        for number, services in enumerate(billed):
            groups = [
                {"Keys": [name], "Metrics": {"UnblendedCost": {"Amount": usd, "Unit": "USD"}}}
                for name, usd in services.items()
            ]
            more = {"NextPageToken": str(number + 1)} if number + 1 < len(billed) else {}
            pages.append({"ResultsByTime": [{"Estimated": True, "Groups": groups}], **more})
        if tag:
            tags.append({"TagKey": "stackwright:stack", "Type": "UserDefined", "Status": tag})
        refusals.update(refused or {})
        return asked

    yield set_
    http.shutdown()
    http.server_close()


def test_the_bill_stands_beside_the_estimate(bill: Any, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    known = SimpleNamespace(usable=lambda name: SimpleNamespace(estimate={"total": TOTAL}))
    monkeypatch.setattr("provisioner.cli.cost_actual.open_registry", lambda: known)
    asked = bill({"Amazon S3": "1.5", "AWS KMS": "0.5"}, {"Amazon S3": "1.0"})
    ran = cli("cost", "actual", "churn-dev", "--json")
    value = ran.json
    assert ran.code == 0
    assert value["services"] == [{"service": "Amazon S3", "usd": 2.5}, {"service": "AWS KMS", "usd": 0.5}]
    assert value["actual"] == {"usd": 3.0, "monthly_usd": 3.0417, "estimated": True}
    assert (value["estimate"]["total"]["typical"], value["difference_usd"]) == (2, 1.0417)
    assert value["notes"] == [
        "Cost Explorer is up to 24 hours behind, and changes amounts until the month is closed."
    ]
    assert asked[1]["Filter"] == {
        "Tags": {"Key": "stackwright:stack", "Values": ["churn-dev"], "MatchOptions": ["EQUALS"]}
    }


@pytest.mark.parametrize(
    ("tag", "state", "note"),
    [
        ("Inactive", "inactive", "is not active for cost allocation, so nothing is counted"),
        ("", "unseen", "is not known to billing yet"),
        ("Active", "active", "Nothing is recorded for this stack: that is unknown, not zero."),
    ],
)
def test_what_is_not_recorded_is_unknown_and_never_zero(
    tag: str, state: str, note: str, bill: Any, cli: Any
) -> None:
    bill({}, tag=tag)
    value = cli("cost", "actual", "churn-dev", "--json").json
    assert (value["tag"]["state"], value["actual"]["usd"], value["difference_usd"]) == (state, None, None)
    assert any(note in words for words in value["notes"])
    assert value["estimate"] is None
    assert "billed    unknown" in cli("cost", "actual", "churn-dev").out


def test_amounts_of_an_inactive_tag_are_not_the_stack_s(bill: Any, cli: Any) -> None:
    bill({"Amazon S3": "5"}, tag="Inactive")
    assert cli("cost", "actual", "churn-dev", "--json").json["actual"]["usd"] is None


def test_a_member_account_may_not_see_the_tag_but_its_bill(bill: Any, cli: Any) -> None:
    bill({"Amazon S3": "0"}, refused={"ListCostAllocationTags": "AccessDeniedException"})
    value = cli("cost", "actual", "churn-dev", "--json").json
    assert (value["tag"]["state"], value["actual"]["usd"]) == ("unknown", 0.0)
    assert "cannot be seen from this account" in value["notes"][0]


def test_data_that_is_not_there_yet_is_unknown(bill: Any, cli: Any) -> None:
    bill(refused={"GetCostAndUsage": "DataUnavailableException"})
    assert cli("cost", "actual", "churn-dev", "--json").json["actual"]["usd"] is None


def test_a_bill_that_may_not_be_seen_is_refused(bill: Any, cli: Any) -> None:
    bill(refused={"GetCostAndUsage": "AccessDeniedException"})
    ran = cli("cost", "actual", "churn-dev", "--json")
    assert (ran.code, ran.error["message"]) == (4, "GetCostAndUsage was denied: no")


@pytest.mark.parametrize(
    ("amount", "words"),
    [(0.5, "+$0.50"), (-120, "−$120"), (0, "±$0.00"), (-0.0, "±$0.00"), (-0.004, "±$0.00")],
)
def test_a_change_has_its_sign(amount: float, words: str) -> None:
    assert cost_text.change(amount) == words


def test_bars_go_from_zero_to_both_sides() -> None:
    chart = charts.bars([{"label": "up", "value": 30}, {"label": "down", "value": -10}])
    assert [tick.value for tick in chart.ticks] == [-10, 0, 10, 20, 30]
    up, down = chart.bars
    assert (chart.zero, up.x, up.width, down.x, down.width) == (315.0, 315.0, 315.0, 210.0, 105.0)


@pytest.mark.parametrize("rows", [[], [{"label": "none", "value": 0}]])
def test_nothing_can_be_drawn(rows: list[dict[str, Any]]) -> None:
    assert len(charts.bars(rows).bars) == len(rows)


def test_lines_end_where_their_machines_have_no_more_hours() -> None:
    way = {"name": "a", "unknown": "", "fixed_usd": 100.0, "hourly_usd": 0.0, "most_hours": 730.0}
    other = {"name": "b", "unknown": "", "fixed_usd": 0.0, "hourly_usd": 1.0, "most_hours": None}
    value = {"workload": {"hours_per_month": 1000.0}, "ways": [way, other], "break_evens": []}
    first, second = charts.lines(value).lines
    assert (first.y1, first.x2 < second.x2, second.y1) == (first.y2, True, 276.0)


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_a_link_for_a_page_says_that_its_prices_are_old(form: str, cli: Any) -> None:
    address = "https://templates.s3.us-east-1.amazonaws.com/t.json"
    ran = cli("link", "--preset", "minimal", *REGION, "--template-url", address, "--format", form)
    assert (ran.code, "prices of 2025-10-30, which is old" in ran.out) == (0, True)
