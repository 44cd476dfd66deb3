"""`link` and `link verify` from the command line."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from provisioner import link as links

NAME = "churn-dev"
MINIMAL = ("--preset", "minimal", "--name", NAME)
BASE = "https://vendor-templates.s3.eu-central-1.amazonaws.com"
URL = f"{BASE}/stackwright/{'0' * 64}.json"


@pytest.fixture
def ours(cli: Any) -> str:
    """A link to a template of ours, by its hash."""
    sha256 = cli("plan", *MINIMAL, "--json").json["template"]["sha256"]
    return cli("link", *MINIMAL, "--template-url", f"{BASE}/stackwright/{sha256}.json").out.strip()


def test_a_link_is_one_line_of_data_that_parses_back(cli: Any, world: Any) -> None:
    ran = cli("link", *MINIMAL, "--template-url", URL)
    assert (ran.code, ran.out.count("\n")) == (0, 1)
    link = links.parse(ran.out)
    enrolment = world.registry.enrolments_of(NAME)[0]
    assert link == links.Link(
        region="eu-central-1", template_url=URL, stack_name=NAME, parameters=enrolment.parameters
    )
    assert f"`stackwright finish {NAME}`" in ran.err


def test_the_json_says_what_the_url_says(cli: Any) -> None:
    value = cli("link", *MINIMAL, "--template-url", URL, "--account", "111122223333", "--json").json
    link = links.parse(value["url"])
    assert (link.template_url, link.stack_name, link.region, link.parameters) == (
        value["template_url"],
        value["stack_name"],
        value["region"],
        value["parameters"],
    )
    assert value["parameters"]["EnrolmentId"] == value["enrolment_id"]


def test_every_link_is_an_enrolment_of_its_own(cli: Any, world: Any) -> None:
    two = {cli("link", *MINIMAL, "--template-url", URL).out for _ in range(2)}
    assert (len(two), world.statuses()) == (2, ["open", "open"])


def test_markdown_and_html_are_for_pages_and_carry_no_enrolment(cli: Any, world: Any) -> None:
    markdown = cli("link", *MINIMAL, "--template-url", URL, "--format", "markdown").out
    html = cli("link", *MINIMAL, "--template-url", URL, "--format", "html").out

    class Anchors(HTMLParser):
        found: list[str]

        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            if tag == "a":
                self.found.append(dict(attributes)["href"] or "")

    anchors = Anchors()
    anchors.found = []
    anchors.feed(html)
    in_markdown = re.findall(r"\]\((https://[^)\s]*console[^)\s]*)\)", markdown)
    parsed = {(link.stack_name, link.template_url) for link in map(links.parse, in_markdown + anchors.found)}
    assert (len(in_markdown), len(anchors.found), parsed) == (1, 1, {(NAME, URL)})
    assert all("EnrolmentId" not in links.parse(u).parameters for u in in_markdown + anchors.found)
    assert world.statuses() == []


def test_a_page_can_carry_one_on_purpose(cli: Any, world: Any) -> None:
    cli("link", *MINIMAL, "--template-url", URL, "--format", "markdown", "--enrol")
    assert world.statuses() == ["open"]


def test_without_a_template_url_the_three_ways_are_named(cli: Any, world: Any) -> None:
    ran = cli("link", *MINIMAL, "--json")
    assert (ran.code, ran.error["message"], ran.error["hint"], ran.error["field"]) == (
        2,
        "nobody knows where this template lies for eu-central-1",
        "`stackwright publish`, or --template-url URL, or STACKWRIGHT_TEMPLATE_BASE=URL",
        "template-url",
    )
    assert world.statuses() == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://cdn.example.com/t.json", "is not an https S3 host of partition aws"),
        ("http://b.s3.eu-central-1.amazonaws.com/t.json", "is not an https S3 host"),
        (f"{URL}?X-Amz-Signature=abc", "it is presigned"),
        (f"{BASE}/{'k' * 1024}", "1079 characters"),
        (BASE, "it names no object"),
    ],
)
def test_a_template_url_that_does_not_go_through_a_link(cli: Any, world: Any, url: str, words: str) -> None:
    ran = cli("link", *MINIMAL, "--template-url", url, "--json")
    assert (ran.code, words in ran.error["message"], world.statuses()) == (2, True, [])


def manifest(cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch, preset: str) -> str:
    """A vendor's base whose manifest, saved beside, holds one preset's template."""
    sha256 = str(cli("plan", "--preset", preset, "--json").json["template"]["sha256"])
    home.mkdir(exist_ok=True)
    file = home / "manifest.json"
    file.write_text(json.dumps({"version": 1, "templates": {sha256: {"key": f"stackwright/{sha256}.json"}}}))
    monkeypatch.setenv("STACKWRIGHT_TEMPLATE_BASE", BASE)
    monkeypatch.setenv("STACKWRIGHT_TEMPLATE_MANIFEST", str(file))
    return sha256


def test_a_vendors_template_base_gives_the_url(cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sha256 = manifest(cli, home, monkeypatch, "minimal")
    value = cli("link", *MINIMAL, "--json").json
    assert (value["template_url"], value["template_sha256"]) == (
        f"{BASE}/stackwright/{sha256}.json",
        sha256,
    )


def test_a_shape_that_the_vendor_does_not_hold_is_no_dead_link(
    cli: Any, home: Path, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest(cli, home, monkeypatch, "minimal")
    ran = cli("link", "--preset", "sagemaker", "--name", NAME, "--json")
    assert (ran.code, ran.error["field"], world.statuses()) == (2, "template-base", [])


@pytest.mark.parametrize("text", ["no json", "[]", "{}"])
def test_a_manifest_that_is_none(cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    manifest(cli, home, monkeypatch, "minimal")
    (home / "manifest.json").write_text(text)
    ran = cli("link", *MINIMAL, "--json")
    assert (ran.code, ran.error["message"]) == (2, f"what {BASE} answers is no manifest of templates")


def test_the_last_publish_gives_the_url(cli: Any, aws: Any) -> None:
    published = cli("publish", *MINIMAL, "--yes", "--json").json
    assert cli("link", *MINIMAL, "--json").json["template_url"] == published["template_url"]


def test_publishing_again_is_the_same(cli: Any, world: Any) -> None:
    first = cli("publish", *MINIMAL, "--yes").out
    bucket = "stackwright-123456789012-eu-central-1"

    def objects() -> dict[str, str]:
        return {
            row["Key"]: row["ETag"] for row in world.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        }

    before = objects()
    assert (cli("publish", *MINIMAL).out, objects()) == (first, before)
    cli("publish", "--preset", "sagemaker", "--name", NAME)
    held = json.loads(world.cloud.buckets.read(bucket, "stackwright/manifest.json"))["templates"]
    assert {f"stackwright/{sha256}.json" for sha256 in held} | {
        "stackwright/manifest.json",
        "stackwright/latest",
    } == {*objects()}
    assert len(held) == 2


# verify


def test_our_own_link_is_explained_without_a_doubt(cli: Any, ours: str) -> None:
    ran = cli("link", "verify", ours, "--json")
    value = ran.json
    assert (ran.code, value["doubts"], value["stack_name"], value["region"]) == (0, [], NAME, "eu-central-1")
    assert value["trusts"] == (
        "any principal of the account that the stack is created in that has sts:AssumeRole on this role"
    )
    assert value["creates"][-1] == (
        "1 × AWS::ECR::Repository, 1 × AWS::IAM::Role, 1 × AWS::IAM::RolePolicy, 1 × AWS::S3::Bucket, "
        "1 × AWS::S3::BucketPolicy"
    )


def test_a_link_that_names_a_principal_says_whom_it_trusts(cli: Any, ours: str) -> None:
    edited = f"{ours}&param_TrustedPrincipal=arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2Fmallory"
    assert cli("link", "verify", edited, "--json").json["trusts"] == (
        "arn:aws:iam::444455556666:role/mallory, and nobody else"
    )


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda url: re.sub(r"[0-9a-f]{64}\.json", "0" * 64 + ".json", url), "is not known here"),
        (lambda url: re.sub(r"[0-9a-f]{64}\.json", "latest.json", url), "carries no hash"),
        (lambda url: url + "&param_Colour=red", "Colour is no parameter of the template"),
        (lambda url: url + "&param_TrustedPrincipal=%2A", "TrustedPrincipal does not fit"),
    ],
)
def test_an_edited_link_is_in_doubt(cli: Any, ours: str, edit: Any, words: str) -> None:
    ran = cli("link", "verify", edit(ours), "--json")
    assert (ran.code, [words in doubt for doubt in ran.json["doubts"]]) == (3, [True])
    assert "This link is not what it seems." in ran.err


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda url: url.replace("aws.amazon.com", "aws.example.com"), "is not the AWS console"),
        (lambda url: url.replace("https://", "http://"), "it is no CloudFormation quick-create address"),
        (lambda url: url + "&stackName=twice", "stackName stands twice"),
        (lambda url: url.replace("region=eu-central-1", "region=mars"), "region 'mars' is unknown"),
    ],
)  # fmt: skip
def test_a_link_of_somebody_else_is_none_of_ours(cli: Any, ours: str, edit: Any, words: str) -> None:
    ran = cli("link", "verify", edit(ours), "--json")
    assert (ran.code, words in ran.error["message"]) == (2, True)


def test_a_template_at_hand_is_compared_by_its_hash(cli: Any, ours: str) -> None:
    cli("synth", *MINIMAL)
    template = f"{NAME}.template.json"
    assert cli("link", "verify", ours, "--template", template).code == 0
    body = json.loads(Path(template).read_text())
    body["Description"] = "mine"
    Path(template).write_text(json.dumps(body))
    assert cli("link", "verify", ours, "--template", template).code == 3


@pytest.mark.parametrize("text", [None, "no json", "[]"])
def test_a_template_at_hand_that_is_none(cli: Any, ours: str, text: str | None) -> None:
    if text:
        Path("mine.json").write_text(text)
    ran = cli("link", "verify", ours, "--template", "mine.json", "--json")
    assert (ran.code, ran.error["message"].startswith("mine.json is no template: ")) == (2, True)
