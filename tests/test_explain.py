"""A link explained in words, and every reason not to click."""

from typing import Any

import pytest

from provisioner import explain, synth
from provisioner import link as links
from provisioner import plan as plans
from provisioner import spec as specs
from provisioner.explain import Promise, Source
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
HOW = "the object itself, read just now"
PROMISE = Promise(
    name="churn",
    region="eu-central-1",
    template_sha256=TEMPLATE.sha256,
    parameters=LINK.parameters,
)
UNREAD = (
    f"its address claims to be template {TEMPLATE.sha256[:12]}…; the object was not read: --online reads it, "
    "--template FILE takes a copy that you downloaded"
)


def with_(**parameters: str) -> Link:
    return Link(**vars(LINK) | {"parameters": {**LINK.parameters, **parameters}})


def at(url: str) -> Link:
    return Link(**vars(LINK) | {"template_url": url})


def read(template: Template = TEMPLATE) -> Source:
    return Source(template=template, sha256=template.sha256, how=HOW)


def doubts(link: Link, source: Source | None = None, promise: Promise | None = None) -> list[str]:
    return explain.explain(link, source=source or read(), promise=promise).doubts


def notes(link: Link, promise: Promise | None = None) -> list[str]:
    return explain.explain(link, source=read(), promise=promise).notes


def test_a_link_of_ours_is_explained_without_a_doubt() -> None:
    assert explain.explain(LINK, source=read(), promise=PROMISE).as_dict() == {
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
        "template": {
            "url": URL,
            "host": "acme.s3.eu-central-1.amazonaws.com",
            "sha256": TEMPLATE.sha256,
            "known": True,
            "how": HOW,
        },
        "parameters": dict(LINK.parameters),
        "notes": [EDITABLE],
        "doubts": [],
    }


def test_the_words_come_from_the_link_itself() -> None:
    """What `link verify` does: the URL back to a link, the link explained."""
    url = links.quick_create(with_(TrustedPrincipal=ROLE, Team="a b+c=d"))
    text = explain.explain(links.parse(url), source=read(), promise=None).text()
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
    assert explain.explain(with_(**parameters), source=read(template), promise=None).trusts == trusts


def test_a_server_that_finishes_is_named() -> None:
    told = notes(with_(FinishBase="https://zenml.example.com"))
    assert "After creation it asks to finish at https://zenml.example.com." in told


def test_a_known_hash_in_an_address_proves_nothing_of_the_object() -> None:
    explained = explain.explain(LINK, source=Source(template=TEMPLATE), promise=PROMISE)
    assert explained.doubts == [UNREAD]
    assert explained.template == explain.Origin(
        url=URL,
        host="acme.s3.eu-central-1.amazonaws.com",
        sha256=TEMPLATE.sha256,
        known=False,
        how=f"its address claims to be template {TEMPLATE.sha256[:12]}…; the object was not read",
    )


def test_a_template_that_is_not_known_is_a_doubt() -> None:
    unknown = at(URL.replace(TEMPLATE.sha256, "a" * 64))
    explained = explain.explain(unknown, source=Source(), promise=None)
    assert explained.doubts == [UNREAD.replace(TEMPLATE.sha256[:12], "a" * 12)]
    assert explained.creates == []
    assert explained.trusts == "unknown: the link names nobody, and its template is not known here"
    assert "Creates:  unknown" in explained.text()


def test_a_template_without_a_hash_in_its_address_is_a_doubt() -> None:
    assert doubts(at("https://acme.s3.eu-central-1.amazonaws.com/t.json"), Source()) == [
        "the template's address carries no hash, so its content may change at any time"
    ]


def test_a_publication_whose_text_is_gone_is_a_doubt() -> None:
    assert doubts(LINK, Source(sha256=TEMPLATE.sha256, how="published from here")) == [
        "no text of this template is at hand: read it with --online, or pass it with --template FILE"
    ]


def test_a_template_of_somebody_else_is_a_doubt_however_well_it_is_named() -> None:
    strange = Source(template=TEMPLATE, sha256=TEMPLATE.sha256, how=HOW, own=False)
    assert doubts(LINK, strange) == [
        "the template is none that is known here: download it, read it, pass it with --template FILE"
    ]


def test_a_template_that_is_not_what_its_address_says_is_a_doubt() -> None:
    other = Template(body={**TEMPLATE.body, "Description": "changed"})
    assert doubts(LINK, read(other)) == [
        f"the template's hash is {other.sha256[:12]}…, its address says {TEMPLATE.sha256[:12]}…"
    ]
    assert doubts(at("https://acme.s3.eu-central-1.amazonaws.com/t.json")) == [
        f"the template's hash is {TEMPLATE.sha256[:12]}…, its address says none…"
    ]


# Against what was promised


def test_every_value_that_was_changed_on_the_way_is_a_doubt_and_trust_comes_first() -> None:
    edited = Link(
        **vars(LINK)
        | {
            "parameters": {
                **{k: v for k, v in LINK.parameters.items() if k != "ArtifactStoreNoncurrentDays"},
                "ArtifactStoreAbortUploadDays": "8",
                "Team": "evil",
                "TrustedPrincipal": ROLE,
            }
        }
    )
    assert doubts(edited, promise=PROMISE) == [
        f"TrustedPrincipal was added since the link was made: {ROLE}",
        "ArtifactStoreAbortUploadDays was changed since the link was made: it was 7, and is 8",
        "ArtifactStoreNoncurrentDays was taken out since the link was made: it was 30",
        "Team was added since the link was made: evil",
    ]


def test_whoever_is_let_in_to_a_cluster_comes_before_all_else_and_a_list_has_no_order() -> None:
    given = {
        "OrchestratorPublicAccessCidrs": "198.51.100.7/32,203.0.113.0/24",
        "OrchestratorNamespace": "zenml",
        "ArtifactStoreNoncurrentDays": "30",
    }
    promise = Promise(**vars(PROMISE) | {"parameters": given})
    edited = {
        "OrchestratorPublicAccessCidrs": "203.0.113.0/24, 198.51.100.7/32",
        "OrchestratorNamespace": "other",
        "OrchestratorAdminPrincipal": ROLE,
        "ArtifactStoreNoncurrentDays": "3",
    }
    link = Link(**vars(LINK) | {"parameters": edited})
    assert doubts(link, promise=promise)[:3] == [
        f"OrchestratorAdminPrincipal was added since the link was made: {ROLE}",
        "OrchestratorNamespace was changed since the link was made: it was zenml, and is other",
        "ArtifactStoreNoncurrentDays was changed since the link was made: it was 30, and is 3",
    ]


def test_another_region_and_another_template_than_promised_are_doubts() -> None:
    promise = Promise(**vars(PROMISE) | {"region": "us-east-1", "template_sha256": "a" * 64})
    assert doubts(LINK, promise=promise) == [
        "it was made for us-east-1, and now opens eu-central-1",
        f"it was made for template {'a' * 12}…, and now names {TEMPLATE.sha256[:12]}…",
    ]


def test_another_name_than_promised_is_worth_a_note() -> None:
    promise = Promise(**vars(PROMISE) | {"name": "other"})
    assert notes(LINK, promise) == [
        EDITABLE,
        "The link was made as 'other'; whoever clicks may name the stack as they like.",
    ]


def test_a_link_that_nobody_here_promised_is_worth_a_note() -> None:
    plain = Link(**vars(LINK) | {"parameters": PLAN.parameters})
    assert [notes(LINK), notes(plain)] == [
        [EDITABLE, "Its enrolment is not from this registry: nobody here promised these values."],
        [EDITABLE, "It carries no enrolment: nobody here promised these values."],
    ]


def test_a_template_in_another_region_is_worth_a_note() -> None:
    assert notes(at(URL.replace("eu-central-1", "eu-west-1")), PROMISE) == [
        EDITABLE,
        "The template lies in eu-west-1, the stack will be in eu-central-1: AWS says that some resources "
        "need the bucket in the stack's own region. If CloudFormation cannot read it, publish it there.",
    ]


def test_what_does_not_print_is_spelt_out() -> None:
    text = explain.explain(with_(Team="a\x1b[2J\u202eb\n"), source=read(), promise=None).text()
    assert "          Team = a\\x1b[2J\\u202eb\\n" in text.splitlines()


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
    assert "Team does not fit the template's own rule ^\\p{Alpha}+$" in doubts(with_(Team="x"), read(foreign))


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
