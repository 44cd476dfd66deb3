"""`link` and `link verify` from the command line."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from provisioner import link as links
from provisioner.aws.buckets import Buckets
from provisioner.cli.options import places
from provisioner.enrolments import Publication, QuickRegistry
from provisioner.errors import RefusedError

NAME = "churn-dev"
MINIMAL = ("--preset", "minimal", "--name", NAME)
BASE = "https://vendor-templates.s3.eu-central-1.amazonaws.com"
URL = f"{BASE}/stackwright/{'0' * 64}.json"
PRINCIPAL = f"""
version: 1
name: {NAME}
region: eu-central-1
components: {{artifact_store: s3, container_registry: ecr, orchestrator: local}}
access: {{trust: principal, principal: "arn:aws:iam::111122223333:role/server"}}
"""


@pytest.fixture
def sha256(cli: Any) -> str:
    return str(cli("plan", *MINIMAL, "--json").json["template"]["sha256"])


@pytest.fixture
def ours(cli: Any, home: Path, sha256: str) -> str:
    """A link to a template that was published from here."""
    published = Publication(
        sha256=sha256,
        region="eu-central-1",
        url=f"{BASE}/stackwright/{sha256}.json",
        account="111122223333",
        published_at=datetime(2026, 7, 1, tzinfo=UTC),
    )
    QuickRegistry(home / "registry.db").record_publication(published)
    return cli("link", *MINIMAL).out.strip()


@pytest.fixture
def elsewhere(cli: Any, ours: str) -> str:
    """The same link to a bucket of somebody else, under the same hash."""
    return ours.replace("vendor-templates", "evil-templates")


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


def test_a_page_never_asks_whoever_clicks_to_invent_an_external_id(cli: Any, world: Any) -> None:
    Path("stack.yaml").write_text(PRINCIPAL)
    page = ("link", "--template-url", URL, "--format", "markdown")
    ran = cli(*page)
    assert (ran.code, ran.out, world.statuses()) == (2, "", [])
    assert ran.err.startswith(
        "Error: without an enrolment the link has no ExternalId: whoever clicks would have to invent one"
    )
    assert (cli(*page, "--enrol").code, world.statuses()) == (0, ["open"])


@pytest.mark.parametrize("base", ["http://evil/?x", "https://zenml.example.com/path", "zenml.example.com"])
def test_a_finish_base_that_the_template_refuses_is_refused(cli: Any, world: Any, base: str) -> None:
    ran = cli("link", *MINIMAL, "--template-url", URL, "--finish-base", base, "--json")
    assert (ran.code, ran.error["field"], world.statuses()) == (2, "finish-base", [])


def test_a_server_that_finishes_is_promised_and_its_output_is_named(cli: Any, ours: str) -> None:
    ran = cli("link", *MINIMAL, "--finish-base", "https://zenml.example.com/")
    assert "or paste the FinishUrl of its Outputs tab into `stackwright finish '…'`." in ran.err
    assert "FinishCommand" not in ran.err
    assert links.parse(ran.out).parameters["FinishBase"] == "https://zenml.example.com"
    assert cli("link", "verify", ran.out).code == 0
    assert cli("link", "verify", ran.out.replace("zenml.example", "evil.example")).code == 3


@pytest.mark.parametrize("account", ["1", "a" * 12, "١١١١٢٢٢٢٣٣٣٣"])
def test_an_account_that_is_none(cli: Any, world: Any, account: str) -> None:
    ran = cli("link", *MINIMAL, "--template-url", URL, "--account", account, "--json")
    assert (ran.code, ran.error["field"], world.statuses()) == (2, "account", [])


def test_a_template_in_another_region_is_said(cli: Any) -> None:
    ran = cli("link", *MINIMAL, "--template-url", URL.replace("eu-central-1", "eu-west-1"))
    assert (ran.code, "The template lies in eu-west-1, the stack will be in eu-central-1" in ran.err) == (
        0,
        True,
    )
    assert "The template lies in" not in cli("link", *MINIMAL, "--template-url", URL).err


def test_a_link_says_what_it_costs_and_whom_it_should_name(cli: Any) -> None:
    ran = cli("link", *MINIMAL, "--template-url", URL)
    assert re.search(
        r"^Costs about \$[\d.,]+ a month with \w+ use, \$[\d.,]+ idle "
        r"\(\$[\d.,]+–\$[\d.,]+; prices of \d{4}-\d\d-\d\d, which are old\)\.$",
        ran.err,
        re.MULTILINE,
    )
    assert "--account" not in ran.err
    Path("stack.yaml").write_text(PRINCIPAL)
    assert "Name the account that must use this link with --account" in cli("link", "--template-url", URL).err
    named = cli("link", "--template-url", URL, "--account", "111122223333")
    assert "--account" not in named.err


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


@pytest.mark.parametrize("output", ["file", "file/deeper"])
def test_a_template_that_cannot_be_written_is_the_outputs_fault(cli: Any, output: str) -> None:
    Path("file").write_text("")
    ran = cli("synth", *MINIMAL, "-o", output, "--json")
    assert (ran.code, ran.error["field"], ran.error["exit_code"]) == (2, "output", 2)
    assert ran.error["message"].startswith(f"{output}/{NAME}.template.json cannot be written: ")


def test_a_home_that_cannot_be_written_stops_no_plan(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("home").write_text("")
    monkeypatch.setenv("STACKWRIGHT_HOME", str(Path("home").resolve()))
    places.cache_clear()
    Path("stack.yaml").write_text(PRINCIPAL + "tags: {owner: anna}\n")
    assert (cli("plan").code, cli("synth").code) == (0, 0)
    ran = cli("link", "--template-url", URL, "--json")
    assert (ran.code, "cannot be used as a registry" in ran.error["message"]) == (4, True)


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


@pytest.mark.parametrize("text", ["no json", "[]", "{}", '{"templates": []}', '{"templates": {"a": 1}}'])
def test_a_manifest_that_is_none(cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    manifest(cli, home, monkeypatch, "minimal")
    (home / "manifest.json").write_text(text)
    ran = cli("link", *MINIMAL, "--json")
    assert (ran.code, ran.error["message"]) == (2, f"what {BASE} answers is no manifest of templates")


def test_a_manifest_that_is_not_text(cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest(cli, home, monkeypatch, "minimal")
    (home / "manifest.json").write_bytes(b"\xff\xfe")
    ran = cli("link", *MINIMAL, "--json")
    assert (ran.code, ran.error["field"]) == (2, "template-base")


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


BUCKET = "stackwright-123456789012-eu-central-1"
MANIFEST = {"Bucket": BUCKET, "Key": "stackwright/manifest.json"}


def test_what_people_execute_lies_in_a_versioned_bucket_that_refuses_plain_http(cli: Any, world: Any) -> None:
    cli("publish", *MINIMAL, "--yes")
    arn = f"arn:aws:s3:::{BUCKET}"
    refusal = {
        "Sid": "StackwrightTlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    assert world.s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    assert policy(world) == {"Version": "2012-10-17", "Statement": [refusal]}
    reader = {"Principal": {"AWS": "444455556666"}, "Action": "s3:GetObject"}
    theirs = {"Sid": "Ours", "Effect": "Allow", **reader, "Resource": f"{arn}/*"}
    world.s3.put_bucket_policy(
        Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": theirs})
    )
    for _ in range(2):
        cli("publish", *MINIMAL)
        assert policy(world) == {"Version": "2012-10-17", "Statement": [theirs, refusal]}


def policy(world: Any) -> Any:
    return json.loads(world.s3.get_bucket_policy(Bucket=BUCKET)["Policy"])


@pytest.mark.parametrize("name", ["Bad Bucket!", "ab", "a..b", "192.168.0.1", "-bucket", "büro", "a" * 64])
def test_a_name_that_no_bucket_can_have_is_refused_before_any_call(cli: Any, name: str) -> None:
    ran = cli("publish", *MINIMAL, "--bucket", name, "--json")
    assert (ran.code, ran.error["field"], ran.error["message"]) == (
        2,
        "bucket",
        f"{name!r} is no name of a bucket",
    )


@pytest.mark.parametrize("body", [b"no json", b"\xff", b"[]", b"{}", b'{"templates": {"a": 1}}'])
def test_a_manifest_that_cannot_be_read_stops_before_anything_is_written(
    cli: Any, world: Any, body: bytes
) -> None:
    world.cloud.buckets.create_private(BUCKET)
    world.s3.put_object(**MANIFEST, Body=body)
    ran = cli("publish", *MINIMAL, "--json")
    assert (ran.code, ran.error["message"]) == (
        4,
        f"s3://{BUCKET}/stackwright/manifest.json is no manifest of templates",
    )
    assert [o["Key"] for o in world.s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [MANIFEST["Key"]]


def overtaken(world: Any, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Somebody else lists a template of theirs each time before ours is listed."""
    put, left = Buckets._put, list(range(times))

    def late(self: Buckets, bucket: str, key: str, text: str, **conditions: str) -> None:
        if key == MANIFEST["Key"] and left:
            theirs = {"version": 1, "templates": {str(left.pop()): {"key": "theirs"}}}
            world.s3.put_object(**MANIFEST, Body=json.dumps(theirs).encode())
        put(self, bucket, key, text, **conditions)

    monkeypatch.setattr(Buckets, "_put", late)


@pytest.mark.parametrize("first", [True, False], ids=["no manifest yet", "one that others change"])
def test_two_publishers_at_once_lose_nothing(
    cli: Any, world: Any, sha256: str, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    if not first:
        cli("publish", *MINIMAL, "--yes")
    overtaken(world, monkeypatch, 2)
    assert cli("publish", *MINIMAL, "--yes").code == 0
    held = json.loads(world.cloud.buckets.read(BUCKET, MANIFEST["Key"]))["templates"]
    assert {*held} == {"0", sha256}


def test_a_manifest_that_never_rests_is_refused(
    cli: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    overtaken(world, monkeypatch, 9)
    ran = cli("publish", *MINIMAL, "--yes", "--json")
    assert (ran.code, ran.error["message"]) == (4, f"others keep writing s3://{BUCKET}/{MANIFEST['Key']}")


def test_a_store_without_conditional_writes_is_written_as_it_is(
    cli: Any, world: Any, sha256: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Buckets._put

    def refusing(self: Buckets, bucket: str, key: str, text: str, **conditions: str) -> None:
        if conditions:
            raise RefusedError("PutObject: no conditions here", code="NotImplemented")
        put(self, bucket, key, text)

    monkeypatch.setattr(Buckets, "_put", refusing)
    assert cli("publish", *MINIMAL, "--yes").code == 0
    assert [*json.loads(world.cloud.buckets.read(BUCKET, MANIFEST["Key"]))["templates"]] == [sha256]


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


def test_the_template_of_a_link_is_an_object(cli: Any, ours: str, sha256: str) -> None:
    assert cli("link", "verify", ours, "--json").json["template"] == {
        "url": f"{BASE}/stackwright/{sha256}.json",
        "host": "vendor-templates.s3.eu-central-1.amazonaws.com",
        "sha256": sha256,
        "known": True,
        "how": "published from here on 2026-07-01 to account 111122223333",
    }


def test_a_bucket_that_was_exchanged_is_a_doubt_although_the_name_carries_a_known_hash(
    cli: Any, elsewhere: str, sha256: str
) -> None:
    ran = cli("link", "verify", elsewhere, "--json")
    assert (ran.code, ran.json["template"]["known"], ran.json["doubts"]) == (
        3,
        False,
        [
            f"its address claims to be template {sha256[:12]}…; the object was not read: --online reads it, "
            "--template FILE takes a copy that you downloaded"
        ],
    )


def test_a_template_of_the_vendors_manifest_is_known(
    cli: Any, home: Path, elsewhere: str, sha256: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest(cli, home, monkeypatch, "minimal")
    assert cli("link", "verify", elsewhere).code == 3
    monkeypatch.setenv("STACKWRIGHT_TEMPLATE_BASE", BASE.replace("vendor", "evil"))
    ran = cli("link", "verify", elsewhere, "--json")
    assert (ran.code, ran.json["template"]["how"]) == (
        0,
        "listed in the manifest of https://evil-templates.s3.eu-central-1.amazonaws.com",
    )


@pytest.mark.parametrize(
    ("change", "code", "doubts"),
    [
        (lambda text: text, 0, []),
        (
            lambda text: text.replace("sts:AssumeRole", "sts:*"),
            3,
            ["made for template", "none that is known", "hash is"],
        ),
        # The last of two keys counts for Python; nobody promises which one counts for CloudFormation.
        (
            lambda text: '{"Resources":{},' + text[1:],
            3,
            ["made for template", "none that is known", "hash is"],
        ),
    ],
    ids=["as published", "changed", "a key twice"],
)
def test_the_object_itself_is_read_online(
    cli: Any, world: Any, elsewhere: str, sha256: str, change: Any, code: int, doubts: list[str]
) -> None:
    cli("synth", *MINIMAL)
    text = change(Path(f"{NAME}.template.json").read_text().strip())
    world.cloud.buckets.create_private("evil-templates")
    world.s3.put_object(Bucket="evil-templates", Key=f"stackwright/{sha256}.json", Body=text.encode())
    ran = cli("link", "verify", elsewhere, "--online", "--json")
    found = ran.json["doubts"]
    assert (ran.code, len(found), [words in doubt for words, doubt in zip(doubts, found, strict=True)]) == (
        code,
        len(doubts),
        [True] * len(doubts),
    )
    assert (ran.json["template"]["known"], ran.json["template"]["how"]) == (
        True,
        "the object itself, read just now",
    )


def test_an_object_that_is_not_there_is_refused(cli: Any, aws: Any, elsewhere: str) -> None:
    ran = cli("link", "verify", elsewhere, "--online", "--json")
    assert (ran.code, ran.error["message"].startswith("GetObject: ")) == (4, True)


def test_a_link_of_another_registry_is_explained_without_one(
    cli: Any, home: Path, ours: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "registry.db").unlink()
    ran = cli("link", "verify", ours, "--json")
    assert (ran.code, (home / "registry.db").exists()) == (3, False)
    assert "Its enrolment is not from this registry: nobody here promised these values." in ran.json["notes"]


def test_a_link_that_names_a_principal_says_whom_it_trusts(cli: Any, ours: str) -> None:
    edited = f"{ours}&param_TrustedPrincipal=arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2Fmallory"
    ran = cli("link", "verify", edited, "--json")
    assert (ran.code, ran.json["trusts"], ran.json["doubts"]) == (
        3,
        "arn:aws:iam::444455556666:role/mallory, and nobody else",
        [
            "TrustedPrincipal was added since the link was made: arn:aws:iam::444455556666:role/mallory",
        ],
    )


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            lambda url: re.sub(r"[0-9a-f]{64}\.json", "0" * 64 + ".json", url),
            ["it was made for template", "its address claims"],
        ),
        (lambda url: re.sub(r"[0-9a-f]{64}\.json", "latest.json", url), ["carries no hash"]),
        (
            lambda url: url + "&param_Colour=red",
            ["Colour was added", "Colour is no parameter of the template"],
        ),
        (
            lambda url: url + "&param_TrustedPrincipal=%2A",
            ["TrustedPrincipal was added", "TrustedPrincipal does not fit"],
        ),
        (lambda url: url.replace("UntaggedDays=14", "UntaggedDays=1"), ["was 14, and is 1"]),
        (
            lambda url: url.replace("//eu-central-1.", "//eu-west-1.").replace(
                "region=eu-central-1", "region=eu-west-1"
            ),
            ["it was made for eu-central-1, and now opens eu-west-1"],
        ),
    ],
)
def test_an_edited_link_is_in_doubt(cli: Any, ours: str, edit: Any, words: list[str]) -> None:
    ran = cli("link", "verify", edit(ours), "--json")
    found = ran.json["doubts"]
    assert (ran.code, len(found)) == (3, len(words)), found
    assert [word in doubt for word, doubt in zip(words, found, strict=True)] == [True] * len(words)
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


SHAPE = {"components": {}, "trust": "account", "external_id": False, "retention": "retain"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "mine.json cannot be read: "),
        ("no json", "mine.json is no template: "),
        ("[]", "mine.json is no template: a template is a JSON object"),
        ('{"Metadata": [1]}', "mine.json is no template: Metadata of a template is an object"),
        ('{"Metadata": {"Stackwright": 1}}', "mine.json is no template: Stackwright of a template is an"),
        ('{"Parameters": {"A": 1}}', "mine.json is no template: every parameter of a template is an object"),
        ('{"A":' * 100_000, "mine.json is no template: it is nested too deeply"),
        (SHAPE | {"components": []}, "the template says a shape that this stackwright does not know: "),
        (SHAPE | {"components": {"artifact_store": {"flavor": "ftp"}}}, "the template says a shape"),
        (SHAPE | {"trust": "everybody"}, "the template says a shape"),
        (SHAPE | {"external_id": 1}, "the template says a shape"),
    ],
    ids=lambda v: str(v)[:40],
)
def test_a_template_at_hand_that_is_none(cli: Any, ours: str, text: Any, told: str) -> None:
    if text:
        shaped = text if isinstance(text, str) else json.dumps({"Metadata": {"Stackwright": {"shape": text}}})
        Path("mine.json").write_text(shaped)
    ran = cli("link", "verify", ours, "--template", "mine.json", "--json")
    assert (ran.code, ran.error["message"][: len(told)]) == (2, told)


def test_a_link_with_a_callback_names_its_server(cli: Any) -> None:
    trusted, _, _ = PRINCIPAL.partition("access:")
    register = "register: {how: callback, server: https://mlops.example.com}"
    Path("stack.yaml").write_text(f"{trusted}{register}\n")
    ran = cli("link", "--template-url", URL)
    assert links.parse(ran.out).parameters["FinishBase"] == "https://mlops.example.com"
    assert "It also tells https://mlops.example.com by itself, and is kept as unverified." in ran.err
