"""The JSON Schema of stack.yaml says what the parser says, or less – never more."""

import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from provisioner import regions
from provisioner import spec as specs
from provisioner.component import Component, Option
from provisioner.components import CATALOGUE
from provisioner.errors import SpecError

ROOT = Path(__file__).parent.parent
FILE = ROOT / "docs" / "stack.schema.json"
SCHEMA = Draft202012Validator(specs.schema())

ROLE = "arn:aws:iam::111122223333:role/ml"
EXAMPLES = {
    "s3": "arn:aws:s3:::team-artifacts",
    "ecr": "arn:aws:ecr:eu-central-1:111122223333:repository/team",
    "sagemaker": ROLE,
    "eks": "arn:aws:eks:eu-central-1:111122223333:cluster/ml",
    "mlflow": "arn:aws:sagemaker:eu-central-1:111122223333:mlflow-app/app-ABC123",
    "codebuild": "arn:aws:codebuild:eu-central-1:111122223333:project/team",
}
# A value of each option that has no default.
SAMPLES = {
    "admin_principal": ROLE,
    "gpu_instance_type": "g5.xlarge",
    "public_access_cidrs": "198.51.100.7/32",
    "ssh_cidrs": "198.51.100.7/32",
}
WHOLE: Mapping[str, Any] = {
    "artifact_store": "s3",
    "container_registry": "ecr",
    "orchestrator": "sagemaker",
    "step_operator": "sagemaker",
}


def wish(**changes: Any) -> dict[str, Any]:
    plain = {"version": 1, "name": "churn", "region": "eu-central-1", "components": dict(WHOLE)}
    return {k: v for k, v in (plain | changes).items() if v is not ...}


def slot(type_: str, value: Any) -> dict[str, Any]:
    return wish(components=WHOLE | {type_: value})


def hosted(component: Component, value: Any) -> dict[str, Any]:
    """A slot of a component, and beside it what it shares."""
    return wish(components=WHOLE | dict(component.beside[:1]) | {component.type: value})


def of_catalogue() -> dict[str, tuple[bool, Any]]:
    """Every flavor in every form, and every option at, within and beyond its limits."""
    corpus: dict[str, tuple[bool, Any]] = {}
    for c in CATALOGUE:
        corpus[f"{c.name} short"] = (True, hosted(c, c.flavor))
        corpus[f"{c.name} long"] = (True, hosted(c, {"flavor": c.flavor}))
        corpus[f"{c.name} no options"] = (True, hosted(c, {"flavor": c.flavor, "options": {}}))
        corpus[f"{c.name} unknown option"] = (
            False,
            hosted(c, {"flavor": c.flavor, "options": {"nothing": 1}}),
        )
        reuse = EXAMPLES.get(c.flavor, ROLE)
        corpus[f"{c.name} reused"] = (c.reusable, hosted(c, {"flavor": c.flavor, "reuse": reuse}))
        for value in ("", None, "team", "arn:aws:sqs:eu-central-1:111122223333:jobs", 5):
            corpus[f"{c.name} reuse {value}"] = (False, hosted(c, {"flavor": c.flavor, "reuse": value}))
        corpus[f"{c.name} reuse and options"] = (
            False,
            hosted(c, {"flavor": c.flavor, "reuse": reuse, "options": {}}),
        )
        for need in c.needs:
            alone = {
                **dict(c.beside[:1]),
                c.type: c.flavor,
                **{k: v for k, v in WHOLE.items() if k != need and k in c.needs},
            }
            corpus[f"{c.name} without {need}"] = (False, wish(components=alone))
        for option in c.options:
            for value, good in _values(option).items():
                corpus[f"{c.name}.{option.name} {value!r}"] = (good, _with_option(c, option, value))
    return corpus


def _values(option: Option) -> dict[Any, bool]:
    if isinstance(option.default, bool):
        return {True: True, False: True, "yes": False, 2: False, None: False}
    if option.choices:
        return {**dict.fromkeys(option.choices, True), "": False, -1: False, None: False}
    if isinstance(option.default, str):
        good = option.default or SAMPLES.get(option.name)
        return {**({good: True} if good else {}), "$(id)": False, 5: False, None: False}
    if isinstance(option.default, tuple):
        return {(SAMPLES[option.name],): True, (): False, ("$(id)",): False, "x": False, None: False}
    low, high = option.minimum, option.maximum
    return {low: True, high: True, low - 1: False, high + 1: False, str(low): False, 1.5: False, None: False}


def _with_option(component: Component, option: Option, value: Any) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, other in [*_first(component, option), (option, value)]:
        place = options.setdefault(name.group, {}) if name.group else options
        place[name.key] = list(other) if isinstance(other, tuple) else other
    return hosted(component, {"flavor": component.flavor, "options": options})


def _first(component: Component, option: Option) -> list[tuple[Option, Any]]:
    """What must be there before an option means anything: zones for gateways, node groups for a node."""
    named = {o.name: o for o in component.options}
    if option.name == "nat_gateways":
        return [(named["zones"], named["zones"].maximum)]
    pairs = [part.partition("=") for part in option.within.split(",") if part]
    return [(named[name], wanted or SAMPLES[name]) for name, _, wanted in pairs]


BY_HAND: dict[str, tuple[bool, Any]] = {
    "minimal": (True, wish(components={"artifact_store": "s3"})),
    "everything": (
        True,
        wish(
            access={"trust": "principal", "principal": ROLE, "external_id": False, "boundary": None},
            data={"retention": "delete"},
            usage={"profile": "team", "s3_storage_gb": 1.5},
            register={"to": "local"},
            tags={"team": "x", "Größe": "½ é"},
        ),
    ),
    "not a mapping": (False, []),
    "empty": (False, None),
    "no version": (False, wish(version=...)),
    "version 2": (False, wish(version=2)),
    "version true": (False, wish(version=True)),
    "no name": (False, wish(name=...)),
    "name with a capital": (False, wish(name="Churn")),
    "name too long": (False, wish(name="a" * 32)),
    "name of 31": (True, wish(name="a" * 31)),
    "name a number": (False, wish(name=5)),
    "no region": (False, wish(region=...)),
    "unknown region": (False, wish(region="eu-central-9")),
    "china": (True, wish(region="cn-north-1")),
    "no components": (False, wish(components=...)),
    "components empty": (False, wish(components={})),
    "components a list": (False, wish(components=["s3"])),
    "unknown type": (False, wish(components={"artefact_store": "s3"})),
    "unknown flavor": (False, slot("artifact_store", "gcs")),
    "flavor of another type": (False, slot("artifact_store", "ecr")),
    "flavor a number": (False, slot("artifact_store", {"flavor": 5})),
    "no flavor": (False, slot("artifact_store", {})),
    "slot empty": (False, slot("artifact_store", None)),
    "unknown key of a slot": (False, slot("artifact_store", {"flavor": "s3", "bucket": "x"})),
    "options empty": (False, slot("artifact_store", {"flavor": "s3", "options": None})),
    "unknown key": (False, wish(regoin="x")),
    "access empty": (False, wish(access=None)),
    "access of nobody": (True, wish(access={})),
    "unknown trust": (False, wish(access={"trust": "oidc"})),
    "principal missing": (False, wish(access={"trust": "principal"})),
    "principal null": (False, wish(access={"trust": "principal", "principal": None})),
    "principal empty": (False, wish(access={"principal": ""})),
    "principal a session": (
        True,
        wish(access={"principal": "arn:aws:sts::111122223333:assumed-role/ml/session"}),
    ),
    "principal of an account": (True, wish(access={"trust": "account", "principal": ROLE})),
    "external id with account": (False, wish(access={"external_id": True})),
    "no external id with account": (True, wish(access={"external_id": False})),
    "external id with principal": (
        True,
        wish(access={"trust": "principal", "principal": ROLE, "external_id": True}),
    ),
    "external id a text": (
        False,
        wish(access={"trust": "principal", "principal": ROLE, "external_id": "x"}),
    ),
    "boundary": (True, wish(access={"boundary": "arn:aws:iam::aws:policy/PowerUserAccess"})),
    "boundary a name": (False, wish(access={"boundary": "PowerUserAccess"})),
    "boundary empty": (False, wish(access={"boundary": ""})),
    "boundary false": (False, wish(access={"boundary": False})),
    "retention": (True, wish(data={"retention": "retain"})),
    "unknown retention": (False, wish(data={"retention": "keep"})),
    "data empty": (False, wish(data=None)),
    "usage": (True, wish(usage="heavy")),
    "usage by keys alone": (True, wish(usage={"s3_storage_gb": "5"})),
    "unknown usage": (False, wish(usage="lite")),
    "unknown usage profile": (False, wish(usage={"profile": "lite"})),
    "usage a number": (False, wish(usage=5)),
    "usage key true": (False, wish(usage={"s3_storage_gb": True})),
    "usage key empty": (False, wish(usage={"s3_storage_gb": None})),
    "register": (True, wish(register={"to": "local"})),
    "unknown register": (False, wish(register={"to": "mlflow"})),
    "zenml": (True, wish(register={"to": "zenml"})),
    "zenml at": (True, wish(register={"to": "zenml", "url": "https://z.example.com:8443/eu/"})),
    "zenml at this machine": (True, wish(register={"to": "zenml", "url": "http://127.0.0.1:8237"})),
    "zenml in clear": (False, wish(register={"to": "zenml", "url": "http://z.example.com"})),
    "zenml with a password": (False, wish(register={"to": "zenml", "url": "https://a:b@z.example.com"})),
    "zenml with a query": (False, wish(register={"to": "zenml", "url": "https://z.example.com?token=x"})),
    "an address for nothing": (False, wish(register={"url": "https://z.example.com"})),
    "callback": (True, wish(register={"how": "callback", "server": "https://s.example.com"})),
    "callback to nobody": (False, wish(register={"how": "callback"})),
    "callback to null": (False, wish(register={"how": "callback", "server": None})),
    "a server without callback": (False, wish(register={"server": "https://s.example.com"})),
    "zenml with an external id": (
        False,
        wish(register={"to": "zenml"}, access={"trust": "principal", "principal": ROLE, "external_id": True}),
    ),
    "tags empty": (False, wish(tags=None)),
    "no tags": (True, wish(tags={})),
    "44 tags": (True, wish(tags={f"k{n}": "v" for n in range(44)})),
    "45 tags": (False, wish(tags={f"k{n}": "v" for n in range(45)})),
    "tag a number": (False, wish(tags={"team": 5})),
    "tag too long": (False, wish(tags={"team": "x" * 257})),
    "tag of 256": (True, wish(tags={"team": "x" * 256})),
}

# The schema lets these pass; the parser does not. Editors cannot check them without Unicode classes,
# comparisons between keys, or knowledge of IAM.
WEAKER: dict[str, Any] = {
    "tag value with a forbidden character": wish(tags={"team": "a#b"}),
    "tag key with a forbidden character": wish(tags={"a&b": "x"}),
    "tag key too long": wish(tags={"k" * 129: "x"}),
    "reserved tags": wish(tags={"aws:x": "y"}),
    "tags that differ in case": wish(tags={"Team": "x", "team": "y"}),
    "principal a wildcard": wish(access={"principal": "arn:aws:iam::111122223333:role/*"}),
    "principal the root": wish(access={"principal": "arn:aws:iam::111122223333:root"}),
    "principal a session of Identity Center": wish(
        access={"principal": "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_a_1/me"}
    ),
    "a whole number written as 5.0": slot(
        "artifact_store", {"flavor": "s3", "options": {"noncurrent_days": 5.0}}
    ),
}

CORPUS = of_catalogue() | BY_HAND


def parses(value: Any) -> bool:
    try:
        specs.parse(value)
    except SpecError:
        return False
    return True


def test_the_committed_schema_is_fresh() -> None:
    loader = importlib.util.spec_from_file_location("build_schema", ROOT / "scripts" / "build_schema.py")
    assert loader and loader.loader
    script = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(script)
    assert FILE.read_text(encoding="utf-8") == script.text()


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(json.loads(FILE.read_text()))


def test_the_corpus_is_large_and_holds_good_and_bad() -> None:
    good = [name for name, (expected, _) in CORPUS.items() if expected]
    assert len(CORPUS) >= 60
    assert len(good) >= 30 and len(CORPUS) - len(good) >= 30


@pytest.mark.parametrize("name", CORPUS)
def test_schema_and_parser_agree(name: str) -> None:
    expected, value = CORPUS[name]
    assert (parses(value), SCHEMA.is_valid(value)) == (expected, expected)


@pytest.mark.parametrize("name", WEAKER)
def test_the_schema_is_weaker_only_where_it_is_known(name: str) -> None:
    assert (parses(WEAKER[name]), SCHEMA.is_valid(WEAKER[name])) == (False, True)


@pytest.mark.parametrize("preset", specs.PRESETS)
def test_every_preset_fits_the_schema(preset: str) -> None:
    made = specs.preset(preset, name="churn", region="eu-central-1")
    assert [*SCHEMA.iter_errors(made.as_dict())] == []


JUNK = (
    st.none() | st.booleans() | st.integers(-2, 4000) | st.sampled_from(["", "s3", "x", *EXAMPLES.values()])
)
KEYS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "name": lambda v: wish(name=v),
    "region": lambda v: wish(region=v),
    "slot": lambda v: slot("artifact_store", v),
    "options": lambda v: slot("artifact_store", {"flavor": "s3", "options": {"noncurrent_days": v}}),
    "flag": lambda v: slot("container_registry", {"flavor": "ecr", "options": {"empty_on_delete": v}}),
    "reuse": lambda v: slot("container_registry", {"flavor": "ecr", "reuse": v}),
    "boundary": lambda v: wish(access={"boundary": v}),
    "external id": lambda v: wish(access={"trust": "principal", "principal": ROLE, "external_id": v}),
    "retention": lambda v: wish(data={"retention": v}),
    "usage": lambda v: wish(usage=v),
    "usage key": lambda v: wish(usage={"s3_storage_gb": v}),
    "tag": lambda v: wish(tags={"team": v}),
}


@settings(max_examples=200, deadline=None)
@given(
    key=st.sampled_from(sorted(KEYS)),
    value=JUNK | st.sampled_from(regions.names()) | st.lists(JUNK, max_size=2),
)
def test_any_value_of_a_key_is_judged_alike(key: str, value: Any) -> None:
    it = KEYS[key](value)
    assert parses(it) == SCHEMA.is_valid(it)
