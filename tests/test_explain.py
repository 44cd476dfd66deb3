"""A link explained in words, and every reason not to click."""

from typing import Any

import pytest

from provisioner import explain, synth
from provisioner import link as links
from provisioner import plan as plans
from provisioner import spec as specs
from provisioner.link import Link
from provisioner.template import Template

ROLE = "arn:aws:iam::111122223333:role/zenml-server"
ENROLMENT = "0123456789abcdef0123456789abcdef"
PLAN = plans.make(specs.preset("minimal", name="churn", region="eu-central-1"))
TEMPLATE = synth._shipped(synth.index()[PLAN.shape.key])
URL = f"https://acme.s3.eu-central-1.amazonaws.com/stackwright/{TEMPLATE.sha256}.json"
LINK = Link(
    region="eu-central-1",
    template_url=URL,
    stack_name="churn",
    parameters={**PLAN.parameters, "EnrolmentId": ENROLMENT},
)
EDITABLE = "The link only fills in a form: every value can be changed before the stack is created."
NOT_HERE = "the template is not known here: download it, read it, and pass it with --template"


def with_(**parameters: str) -> Link:
    return Link(**vars(LINK) | {"parameters": {**LINK.parameters, **parameters}})


def at(url: str) -> Link:
    return Link(**vars(LINK) | {"template_url": url})


def doubts(link: Link, template: Template | None = TEMPLATE) -> list[str]:
    return explain.explain(link, template=template).doubts


def test_a_link_of_ours_is_explained_without_a_doubt() -> None:
    assert explain.explain(LINK, template=TEMPLATE).as_dict() == {
        "region": "eu-central-1",
        "stack_name": "churn",
        "trusts": "any principal of the account that the stack is created in that has sts:AssumeRole "
        "on this role",
        "creates": [
            "artifact_store: S3 bucket for artifacts: TLS only, not public, encrypted, versioned",
            "container_registry: ECR repository for images: scanned on push, untagged images expire",
            "orchestrator: pipelines run on the machine that starts them; nothing is built",
            "1 × AWS::ECR::Repository, 1 × AWS::IAM::Role, 1 × AWS::IAM::RolePolicy, 1 × AWS::S3::Bucket, "
            "1 × AWS::S3::BucketPolicy",
        ],
        "template": f"{URL}\n          from acme.s3.eu-central-1.amazonaws.com; "
        "one of stackwright's own, known by its hash",
        "parameters": dict(LINK.parameters),
        "notes": [
            EDITABLE,
            "It carries an enrolment: only whoever made the link can register the stack by it.",
        ],
        "doubts": [],
    }


def test_the_words_come_from_the_link_itself() -> None:
    """What `link verify` does: the URL back to a link, the link explained."""
    url = links.quick_create(with_(TrustedPrincipal=ROLE, Team="a b+c=d"))
    text = explain.explain(links.parse(url), template=TEMPLATE).text()
    assert text.splitlines()[:2] == [
        "A stack 'churn' in eu-central-1.",
        f"Trusts:   {ROLE}, and nobody else.",
    ]
    assert "          Team = a b+c=d" in text.splitlines()
    assert "DOUBT" not in text


@pytest.mark.parametrize(
    ("access", "parameters", "trusts"),
    [
        ({"trust": "account"}, {"TrustedPrincipal": ROLE}, f"{ROLE}, and nobody else"),
        (
            {"trust": "principal", "principal": ROLE},
            {"TrustedPrincipal": ROLE, "ExternalId": "x" * 32},
            f"{ROLE}, and nobody else; it must send the external id of this enrolment",
        ),
        (
            {"trust": "principal", "principal": ROLE, "external_id": False},
            {"TrustedPrincipal": ROLE},
            f"{ROLE}, and nobody else",
        ),
    ],
)
def test_whom_a_link_trusts_is_said(access: Any, parameters: dict[str, str], trusts: str) -> None:
    spec = specs.parse({**PLAN.spec.as_dict(), "access": access})
    template = synth._shipped(synth.index()[plans.make(spec).shape.key])
    assert explain.explain(with_(**parameters), template=template).trusts == trusts


def test_a_server_that_finishes_is_named() -> None:
    notes = explain.explain(with_(FinishBase="https://zenml.example.com"), template=TEMPLATE).notes
    assert "After creation it asks to finish at https://zenml.example.com." in notes


def test_a_template_that_is_not_known_is_a_doubt() -> None:
    unknown = at(URL.replace(TEMPLATE.sha256, "a" * 64))
    explained = explain.explain(unknown, template=None)
    assert explained.doubts == [NOT_HERE]
    assert explained.creates == []
    assert explained.trusts == "unknown: the link names nobody, and its template is not known here"
    assert explained.template.endswith("not known here: nothing vouches for it")
    assert "Creates:  unknown" in explained.text()


def test_a_template_without_a_hash_in_its_address_is_a_doubt() -> None:
    assert doubts(at("https://acme.s3.eu-central-1.amazonaws.com/t.json"), None) == [
        "the template's address carries no hash, so its content may change at any time"
    ]


def test_a_template_that_is_not_what_its_address_says_is_a_doubt() -> None:
    other = Template(body={**TEMPLATE.body, "Description": "changed"})
    assert doubts(LINK, other) == [
        f"the template's hash is {other.sha256[:12]}…, its address says {TEMPLATE.sha256[:12]}…"
    ]
    assert doubts(at("https://acme.s3.eu-central-1.amazonaws.com/t.json")) == [
        f"the template's hash is {TEMPLATE.sha256[:12]}…, its address says none…"
    ]


def test_a_template_outside_of_s3_is_a_doubt() -> None:
    (doubt,) = doubts(at(f"https://cdn.evil.com/{TEMPLATE.sha256}.json"))
    assert doubt.startswith(
        "the template URL does not go through a link: https://cdn.evil.com is not an https"
    )


def test_a_parameter_that_the_template_lacks_is_a_doubt() -> None:
    assert doubts(with_(Nothing="x")) == [
        "Nothing is no parameter of the template: the console would ignore it"
    ]


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("TrustedPrincipal", ROLE, True),
        ("TrustedPrincipal", "arn:aws:iam::111122223333:role/*", False),
        ("TrustedPrincipal", "arn:aws:iam::111122223333:role/müller", False),
        ("EnrolmentId", "x", False),
        ("FinishBase", "http://zenml.example.com", False),
        ("FinishBase", "https://zenml.example.com/'; rm -rf ~", False),
        ("Team", "Größe ½ 漢字_.:/=+-@\u3000", True),
        ("Team", "a#b", False),
        ("Team", "a\tb", False),
    ],
)
def test_a_value_against_the_templates_own_rule_is_a_doubt(name: str, value: str, fits: bool) -> None:
    rule = TEMPLATE.parameters[name]["AllowedPattern"]
    told = [] if fits else [f"{name} does not fit the template's own rule {rule}"]
    assert doubts(with_(**{name: value})) == told


def test_a_rule_that_python_cannot_read_is_a_doubt_and_no_crash() -> None:
    parameters = {**TEMPLATE.parameters, "Team": {"Type": "String", "AllowedPattern": "^\\p{Alpha}+$"}}
    foreign = Template(body={**TEMPLATE.body, "Parameters": parameters})
    assert "Team does not fit the template's own rule ^\\p{Alpha}+$" in doubts(with_(Team="x"), foreign)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (URL, TEMPLATE.sha256),
        (URL + "?versionId=3", TEMPLATE.sha256),
        ("https://acme.s3.amazonaws.com/t.json", ""),
        (f"https://acme.s3.amazonaws.com/{'A' * 64}.json", ""),
        (f"https://acme.s3.amazonaws.com/{'a' * 64}.json/t", ""),
        (f"https://acme.s3.amazonaws.com/t.json?x=/{'a' * 64}.json", ""),
    ],
)
def test_a_hash_stands_at_the_end_of_the_path(url: str, found: str) -> None:
    assert explain.hash_in(url) == found
