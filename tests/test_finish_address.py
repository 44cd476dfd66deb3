"""Finish addresses: what the Outputs tab says, read without trusting it."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import finish_address, synth
from provisioner import plan as plans
from provisioner import spec as specs
from provisioner.errors import CheckError, SpecError, StackwrightError
from provisioner.finish_address import Address

ENROLMENT = "0123456789abcdef0123456789abcdef"
STACK = "arn:aws:cloudformation:eu-central-1:111122223333:stack/churn/01234567-89ab-cdef-0123-456789abcdef"
ROLE = "arn:aws:iam::111122223333:role/churn-AccessRole-A+B"
REGISTRY = "container_registry"
OWN, OTHER = "111122223333:repository/churn", "999922223333:repository/churn"
URI = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/churn"
OUTPUTS = {
    "artifact_store": {"bucket_name": "churn-bucket", "bucket_arn": "arn:aws:s3:::churn-bucket"},
    "container_registry": {
        "repository_arn": f"arn:aws:ecr:eu-central-1:{OWN}",
        "repository_uri": URI,
    },
}
VALUES = {
    "v": "1",
    "enrolment": ENROLMENT,
    "stack": STACK,
    "access.role_arn": ROLE,
    **{f"{type_}.{key}": value for type_, values in OUTPUTS.items() for key, value in values.items()},
}
SHAPE = plans.make(specs.preset("minimal", name="churn", region="eu-central-1")).shape


def query(**changes: Any) -> str:
    values = VALUES | {k.replace("__", "."): v for k, v in changes.items()}
    return "&".join(f"{k}={v}" for k, v in values.items() if v is not None)


def refused(text: str) -> tuple[str, str]:
    with pytest.raises(SpecError) as caught:
        finish_address.parse(text)
    assert caught.value.hint == (
        "copy the whole FinishCommand from the Outputs tab of the CloudFormation stack"
    )
    return caught.value.field, caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        query(),
        f"stackwright finish '{query()}'",
        f"  stackwright finish '{query()}'\n",
        f'stackwright finish "{query()}"',
        f"'{query()}'",
        f"https://zenml.example.com/finish?{query()}",
        "&".join(f"{k}={quote(v, safe='')}" for k, v in VALUES.items()),
    ],
    ids=["query", "command", "blanks", "double quotes", "quoted", "address", "encoded"],
)
def test_an_address_reads_the_same_in_every_spelling(text: str) -> None:
    parsed = finish_address.parse(text)
    assert parsed == Address(enrolment_id=ENROLMENT, stack=parsed.stack, role_arn=ROLE, outputs=OUTPUTS)
    assert str(parsed.stack) == STACK
    assert finish_address.looks_like_one(text)


@pytest.mark.parametrize("text", ["churn", "", "v=1", STACK])
def test_a_name_does_not_look_like_an_address(text: str) -> None:
    assert not finish_address.looks_like_one(text)


@pytest.mark.parametrize(
    "text",
    ["v=1&enrolment=zz", "stackwright finish 'v=2&stack=x'", "https://x/finish?v=1&a", "v=1 enrolment=x"],
)
def test_a_broken_address_is_taken_for_one_so_that_its_fault_is_named(text: str) -> None:
    assert finish_address.looks_like_one(text)


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("", "address", "'' is no part of a finish address"),
        ("churn", "address", "'churn' is no part of a finish address"),
        (query() + "&v=1", "address", "'v=1' is no part of a finish address"),
        (query() + "&", "address", "'' is no part of a finish address"),
        (query(v="2"), "v", "unknown version '2' of finish address"),
        (query(v=None), "v", "unknown version None of finish address"),
        (query(enrolment="x"), "enrolment", "enrolment is missing or malformed"),
        (query(enrolment=None), "enrolment", "enrolment is missing or malformed"),
        (query(enrolment="" ), "enrolment", "enrolment is missing or malformed"),
        (query(stack="churn"), "stack", "stack is missing or malformed"),
        (query(stack=STACK.replace("111122223333", "1")), "stack", "stack is missing or malformed"),
        (query(stack=STACK.replace("1", "١")), "stack", "stack is missing or malformed"),
        (query(access__role_arn="arn:aws:s3:::x"), "access.role_arn",
         "access.role_arn is missing or malformed"),
        (query(access__role_arn=ROLE + "%20x"), "access.role_arn", "access.role_arn is missing or malformed"),
        (query() + "&more=x", "address", "'more' is no part of a finish address"),
        (query() + "&access.key=x", "address", "'access.key' is no part of a finish address"),
        (query() + "&x}{artifact_store.bucket_name=evil", "address",
         "'x}{artifact_store.bucket_name' is no part of a finish address"),
    ],
)  # fmt: skip
def test_a_broken_address_is_refused_with_the_part(text: str, field: str, message: str) -> None:
    assert refused(text) == (field, message)


@given(st.text(max_size=60) | st.text(max_size=20).map(lambda t: f"{query()}&{t}"))
def test_any_text_is_an_address_or_not_understood(text: str) -> None:
    try:
        finish_address.parse(text)
    except SpecError as error:
        assert error.field


@given(st.text("abcXYZ019+=,.@_-/", min_size=1, max_size=40))
def test_every_role_name_goes_through_an_address_as_it_is(name: str) -> None:
    role = f"arn:aws:iam::111122223333:role/{name}"
    assert finish_address.parse(query(access__role_arn=role)).role_arn == role


def test_what_a_template_writes_is_read_back() -> None:
    """The FinishCommand of a shipped template, filled in as CloudFormation does it."""
    template = synth._shipped(synth.index()[SHAPE.key])
    text = template.body["Outputs"]["FinishCommand"]["Value"]["Fn::Sub"]
    values = {
        "EnrolmentId": ENROLMENT,
        "AWS::StackId": STACK,
        "AccessRole.Arn": ROLE,
        "ArtifactStoreBucket": "churn-bucket",
        "ArtifactStoreBucket.Arn": "arn:aws:s3:::churn-bucket",
        "ContainerRegistryRepository.Arn": OUTPUTS["container_registry"]["repository_arn"],
        "ContainerRegistryRepository.RepositoryUri": OUTPUTS["container_registry"]["repository_uri"],
    }
    filled = re.sub(r"\$\{([^}]+)\}", lambda match: values[match[1]], text)
    assert finish_address.parse(filled) == finish_address.parse(query())


# Consistency


def consistent(
    outputs: Any = OUTPUTS, *, role_arn: str = ROLE, shape: Any = SHAPE, **parameters: str
) -> None:
    finish_address.check_consistent(
        account="111122223333",
        region="eu-central-1",
        role_arn=role_arn,
        shape=shape,
        outputs=outputs,
        parameters=parameters,
    )


def changed(type_: str, **values: str) -> dict[str, dict[str, str]]:
    return {**OUTPUTS, type_: {**OUTPUTS[type_], **values}}


def test_values_of_one_account_and_region_are_consistent() -> None:
    consistent()
    consistent({**OUTPUTS, "orchestrator": {}})


@pytest.mark.parametrize(
    ("outputs", "field"),
    [
        (changed(REGISTRY, repository_arn=f"arn:aws:ecr:eu-central-1:{OTHER}"), f"{REGISTRY}.repository_arn"),
        (changed(REGISTRY, repository_arn=f"arn:aws:ecr:us-east-1:{OWN}"), f"{REGISTRY}.repository_arn"),
        (changed(REGISTRY, repository_uri=f"9999{URI[4:]}"), f"{REGISTRY}.repository_uri"),
        (changed(REGISTRY, repository_uri="docker.evil.com/churn"), f"{REGISTRY}.repository_uri"),
        (changed("artifact_store", bucket_name="evil"), "artifact_store.bucket_name"),
        (changed("artifact_store", bucket_arn="arn:aws:s3:::evil"), "artifact_store.bucket_name"),
        (changed("artifact_store", bucket_arn=ROLE), "artifact_store.bucket_arn"),
    ],
)  # fmt: skip
def test_a_value_of_elsewhere_is_refused_by_name(outputs: Any, field: str) -> None:
    with pytest.raises(StackwrightError) as caught:
        consistent(outputs)
    assert caught.value.field == field
    assert caught.value.hint


def test_a_role_of_another_account_is_refused() -> None:
    with pytest.raises(CheckError) as caught:
        consistent(role_arn=ROLE.replace("1111", "9999"))
    assert caught.value.field == "access.role_arn"
    assert "999922223333, expected 111122223333" in caught.value.message


def test_a_reused_value_must_be_the_one_asked_for() -> None:
    components = {"artifact_store": {"flavor": "s3", "reuse": "arn:aws:s3:::team"}}
    base = {"version": 1, "name": "churn", "region": "eu-central-1"}
    plan = plans.make(specs.parse({**base, "components": components}))
    team = {"artifact_store": {"bucket_name": "team", "bucket_arn": "arn:aws:s3:::team"}}
    other = {"artifact_store": {"bucket_name": "other", "bucket_arn": "arn:aws:s3:::other"}}
    consistent(team, shape=plan.shape, **plan.parameters)
    with pytest.raises(CheckError) as caught:
        consistent(other, shape=plan.shape, **plan.parameters)
    assert caught.value.field == "artifact_store.bucket_name"


@pytest.mark.parametrize(
    ("outputs", "field", "message"),
    [
        ({**OUTPUTS, "image_builder": {"x": "y"}}, "image_builder",
         "image_builder is no component of this stack"),
        ({"artifact_store": OUTPUTS["artifact_store"]}, "container_registry",
         "the values of container_registry are not the promised ones"),
        (changed("artifact_store", more="x"), "artifact_store",
         "the values of artifact_store are not the promised ones"),
    ],
)  # fmt: skip
def test_exactly_the_promised_values_are_complete(outputs: Any, field: str, message: str) -> None:
    promised = {type_: set(values) for type_, values in OUTPUTS.items()} | {"orchestrator": set()}
    finish_address.check_complete(SHAPE, OUTPUTS, promised)
    with pytest.raises(SpecError) as caught:
        finish_address.check_complete(SHAPE, outputs, promised)
    assert (caught.value.field, caught.value.message) == (field, message)
