"""A wish becomes a spec, or an error that names the key and says what is allowed."""

import copy
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner import regions
from provisioner import spec as specs
from provisioner.component import Option
from provisioner.components import CATALOGUE, find, known_types
from provisioner.errors import SpecError
from provisioner.spec import Access, Register, Spec, Wish

ROLE = "arn:aws:iam::111122223333:role/zenml-server"
BOUNDARY = "arn:aws:iam::111122223333:policy/ml-boundary"
WISH: Mapping[str, Any] = {
    "version": 1,
    "name": "churn-dev",
    "region": "eu-central-1",
    "components": {"artifact_store": "s3", "container_registry": "ecr", "orchestrator": "sagemaker"},
}
TOP = "version, name, region, components, network, access, data, budget, usage, register, tags"
TYPES = ", ".join(known_types())
NAME_WORDS = "a lower-case letter, then at most 30 of a-z, 0-9 and -"
TAG_WORDS = "a text of at most 256 letters, digits, spaces and . : / = + - @ _ (quote numbers)"
KEY_WORDS = "1–128 letters, digits, spaces and . : / = + - @ _"


def with_(path: str, value: Any) -> dict[str, Any]:
    """The plain wish with one key changed; `...` takes it away."""
    wish = copy.deepcopy(dict(WISH))
    *parents, last = path.split(".")
    place = wish
    for key in parents:
        place[key] = place.get(key) if isinstance(place.get(key), dict) else {}
        place = place[key]
    if value is ...:
        place.pop(last)
    else:
        place[last] = value
    return wish


def refused(wish: object) -> tuple[str, str, str]:
    with pytest.raises(SpecError) as caught:
        specs.parse(wish)
    assert caught.value.exit_code == 2
    return caught.value.field, caught.value.message, caught.value.hint


def unreadable(text: str) -> tuple[str, str, str]:
    with pytest.raises(SpecError) as caught:
        specs.read(text)
    assert caught.value.exit_code == 2
    return caught.value.field, caught.value.message, caught.value.hint


def component(type_: str, flavor: str) -> Any:
    return find(type_, flavor)


# What is understood


def test_a_short_wish_gets_every_default() -> None:
    assert specs.parse(WISH) == Spec(
        name="churn-dev",
        region="eu-central-1",
        components=(
            Wish(
                component=component("artifact_store", "s3"),
                options={"noncurrent_days": 30, "abort_upload_days": 7},
            ),
            Wish(
                component=component("container_registry", "ecr"),
                options={"untagged_days": 14, "empty_on_delete": False},
            ),
            Wish(component=component("orchestrator", "sagemaker")),
        ),
        access=Access(trust="account", principal="", external_id=False, boundary=""),
        retention="retain",
        usage={"profile": "light"},
        register=Register(to="local", url="", how="finish", server=""),
        tags={},
    )


def test_a_full_wish_is_kept_whole() -> None:
    full = {
        **WISH,
        "components": {
            "artifact_store": {"flavor": "s3", "reuse": "arn:aws:s3:::team-artifacts"},
            "container_registry": {"flavor": "ecr", "options": {"empty_on_delete": True}},
            "step_operator": {"flavor": "sagemaker", "reuse": "arn:aws:iam::111122223333:role/ml"},
        },
        "access": {"trust": "principal", "principal": ROLE, "external_id": False, "boundary": BOUNDARY},
        "data": {"retention": "delete"},
        "usage": {"profile": "team", "s3_storage_gb": 5},
        "register": {
            "to": "zenml",
            "url": "https://zenml.example.com/eu/",
            "how": "callback",
            "server": "https://stackwright.example.com",
        },
        "tags": {"team": "churn", "Kostenstelle": "Größe 7 ½"},
    }
    assert specs.parse(full) == Spec(
        name="churn-dev",
        region="eu-central-1",
        components=(
            Wish(component=component("artifact_store", "s3"), reuse="arn:aws:s3:::team-artifacts"),
            Wish(
                component=component("container_registry", "ecr"),
                options={"untagged_days": 14, "empty_on_delete": True},
            ),
            Wish(
                component=component("step_operator", "sagemaker"),
                reuse="arn:aws:iam::111122223333:role/ml",
            ),
        ),
        access=Access(trust="principal", principal=ROLE, external_id=False, boundary=BOUNDARY),
        retention="delete",
        usage={"profile": "team", "s3_storage_gb": 5},
        register=Register(
            to="zenml",
            url="https://zenml.example.com/eu",
            how="callback",
            server="https://stackwright.example.com",
        ),
        tags={"team": "churn", "Kostenstelle": "Größe 7 ½"},
    )


def test_an_address_that_holds_a_secret_is_refused_without_telling_it() -> None:
    with pytest.raises(SpecError) as refused:
        specs.parse({**WISH, "register": {"to": "zenml", "url": "https://me:s3cr3t@zenml.example.com"}})
    assert refused.value.field == "register.url"
    assert "s3cr3t" not in f"{refused.value} {refused.value.hint}"


def test_a_role_for_zenml_has_no_external_id_and_none_may_be_asked_for() -> None:
    trusting = {"trust": "principal", "principal": ROLE}
    wish = {**WISH, "access": trusting, "register": {"to": "zenml"}}
    assert not specs.parse(wish).access.external_id
    with pytest.raises(SpecError) as refused:
        specs.parse({**wish, "access": {**trusting, "external_id": True}})
    assert refused.value.message == "access.external_id shuts the ZenML server out: it never sends one"


def test_components_stand_in_the_order_of_the_catalogue() -> None:
    turned = dict(reversed(WISH["components"].items()))
    assert specs.parse({**WISH, "components": turned}) == specs.parse(WISH)


def test_a_yaml_file_reads_like_its_values() -> None:
    text = """
version: 1
name: churn-dev
region: eu-central-1
components:
  artifact_store: s3   # short
  container_registry: {flavor: ecr}
  orchestrator:
    flavor: sagemaker
"""
    assert specs.read(text) == specs.parse(WISH)


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("no", False), ("on", True), ("true", True)])
def test_yes_and_no_are_true_and_false(text: str, value: bool) -> None:
    read = specs.read(
        "version: 1\nname: x\nregion: us-east-1\n"
        f"components: {{container_registry: {{flavor: ecr, options: {{empty_on_delete: {text}}}}}}}"
    )
    assert read.components[0].options["empty_on_delete"] is value


@pytest.mark.parametrize("preset", specs.PRESETS)
def test_a_preset_is_a_wish(preset: str) -> None:
    made = specs.preset(preset, name="churn", region="eu-central-1")
    assert {w.component.type: w.component.flavor for w in made.components} == specs.PRESETS[preset]
    assert specs.parse(made.as_dict()) == made


def test_flags_win_over_the_file() -> None:
    base = specs.parse(with_("usage", {"profile": "team", "s3_storage_gb": 5}))
    changed = specs.with_overrides(base, name="other", region="us-east-1")
    assert (changed.name, changed.region, changed.usage) == ("other", "us-east-1", base.usage)
    assert specs.with_overrides(base) == base
    with pytest.raises(SpecError, match="unknown region 'eu-central-9'"):
        specs.with_overrides(base, region="eu-central-9")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Churn Model v2", "churn-model-v2"),
        ("2024_churn", "churn"),
        ("--", "mlops"),
        ("", "mlops"),
        ("漢字", "mlops"),
        ("a" * 40, "a" * 31),
        ("a" * 30 + "--b", "a" * 30),
    ],
)
def test_a_folder_gives_a_legal_name(folder: str, name: str) -> None:
    assert specs.legal_name(folder) == name


@given(st.text(max_size=60))
def test_any_folder_gives_a_name_that_a_spec_takes(folder: str) -> None:
    assert specs.parse(with_("name", specs.legal_name(folder))).name == specs.legal_name(folder)


# Everything a spec may say, generated from the catalogue

ARNS = {
    "artifact_store": st.from_regex(r"arn:aws:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", fullmatch=True),
    "container_registry": st.from_regex(
        r"arn:aws:ecr:eu-central-1:[0-9]{12}:repository/[a-z0-9][a-z0-9._/-]{1,30}", fullmatch=True
    ),
    "orchestrator": st.from_regex(r"arn:aws:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@/_-]{1,64}", fullmatch=True),
}
ARNS["step_operator"] = ARNS["orchestrator"]
TAG = st.text("abcXYZ019 äß漢٣½.:/=+-@_", min_size=1, max_size=30)


def _values(option: Option) -> st.SearchStrategy[Any]:
    if option.choices:
        return st.sampled_from(option.choices)
    if isinstance(option.default, bool):
        return st.booleans()
    return st.integers(option.minimum, option.maximum)


@st.composite
def wishes(draw: st.DrawFn) -> dict[str, Any]:
    components: dict[str, Any] = {}
    for type_, arns in ARNS.items():
        facts = draw(
            st.sampled_from([c for c in CATALOGUE if c.type == type_ and c.flavor not in ("eks", "ec2")])
        )
        if type_ in ("orchestrator", "step_operator") and draw(st.booleans()):
            continue
        if facts.reusable and draw(st.booleans()):
            components[type_] = {"flavor": facts.flavor, "reuse": draw(arns)}
            continue
        options = {o.name: draw(_values(o)) for o in facts.options if draw(st.booleans())}
        components[type_] = draw(
            st.sampled_from([facts.flavor, {"flavor": facts.flavor, "options": options}])
        )
    trust = draw(st.sampled_from(["account", "principal"]))
    access = {"trust": trust, "principal": draw(ARNS["orchestrator"])}
    if trust == "principal":
        access["external_id"] = draw(st.booleans())
    tags = draw(st.dictionaries(TAG, TAG, max_size=6))
    folded = {k.lower(): k for k in tags if not k.lower().startswith(("aws:", "stackwright:"))}
    return {
        "version": 1,
        "name": draw(st.from_regex(specs.NAME, fullmatch=True)),
        "region": draw(st.sampled_from(regions.names())),
        "components": components,
        "access": access,
        "data": {"retention": draw(st.sampled_from(specs.RETENTIONS))},
        "usage": draw(st.sampled_from([*specs.PROFILES, {"profile": "idle", "s3_storage_gb": 1.5}])),
        "tags": {k: tags[k] for k in folded.values()},
    }


@settings(max_examples=150, deadline=None)
@given(wishes())
def test_a_spec_written_out_and_read_again_is_the_same(wish: dict[str, Any]) -> None:
    spec = specs.parse(wish)
    assert specs.parse(spec.as_dict()) == spec
    assert specs.parse(specs.parse(spec.as_dict()).as_dict()).as_dict() == spec.as_dict()


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ANY = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3)
)
PATHS = st.sampled_from(
    [
        *("version", "name", "region", "components", "access", "data", "usage", "register", "tags"),
        *("components.artifact_store", "components.artifact_store.flavor", "components.artifact_store.reuse"),
        *("components.artifact_store.options", "access.trust", "access.principal", "access.boundary"),
        *("access.external_id", "data.retention", "usage.profile", "register.to", "tags.team"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(path=PATHS, value=ANY)
def test_any_value_in_any_place_is_understood_or_refused_with_its_key(path: str, value: Any) -> None:
    try:
        specs.parse(with_(path, value))
    except SpecError as error:
        assert error.field.split(".")[0] == path.split(".")[0]
        assert error.message
        assert error.hint


# What is not


@pytest.mark.parametrize(
    ("path", "value", "field", "message", "hint"),
    [
        ("nmae", 1, "nmae", "unknown key 'nmae'", f"did you mean 'name'? allowed: {TOP}"),
        ("version", ..., "version", "version is None", "write `version: 1`"),
        ("version", 2, "version", "version is 2", "write `version: 1`"),
        ("version", True, "version", "version is True", "write `version: 1`"),
        ("version", "1", "version", "version is '1'", "write `version: 1`"),
        ("name", ..., "name", "name is missing", NAME_WORDS),
        ("name", "Churn", "name", "name 'Churn' is not allowed", NAME_WORDS),
        ("name", "1churn", "name", "name '1churn' is not allowed", NAME_WORDS),
        ("name", "a" * 32, "name", f"name '{'a' * 32}' is not allowed", NAME_WORDS),
        ("name", "churn_dev", "name", "name 'churn_dev' is not allowed", NAME_WORDS),
        ("name", "churn\n", "name", "name 'churn\\n' is not allowed", NAME_WORDS),
        ("name", 7, "name", "name 7 is not allowed", NAME_WORDS),
        ("region", ..., "region", "region is missing", "for example `region: eu-central-1`"),
        ("components", ..., "components", "components is empty, not a mapping of keys", f"allowed: {TYPES}"),
        ("components", {}, "components", "components is empty", f"allowed: {TYPES}"),
        ("components", ["s3"], "components", "components is a list, not a mapping of keys",
         f"allowed: {TYPES}"),
        (
            "components.artefact_store",
            "s3",
            "components.artefact_store",
            "unknown key 'components.artefact_store'",
            f"did you mean 'artifact_store'? allowed: {TYPES}",
        ),
        (
            "components.artifact_store",
            "gcs",
            "components.artifact_store.flavor",
            "components.artifact_store has no flavor 'gcs'",
            "allowed: s3",
        ),
        (
            "components.orchestrator",
            "sagemakr",
            "components.orchestrator.flavor",
            "components.orchestrator has no flavor 'sagemakr'",
            "did you mean 'sagemaker'? allowed: local, sagemaker, eks, ec2",
        ),
        (
            "components.orchestrator",
            {},
            "components.orchestrator.flavor",
            "components.orchestrator has no flavor None",
            "allowed: local, sagemaker, eks, ec2",
        ),
        (
            "components.orchestrator",
            True,
            "components.orchestrator",
            "components.orchestrator is true or false, not a mapping of keys",
            "allowed: flavor, options, reuse",
        ),
        (
            "components.artifact_store",
            {"flavor": "s3", "option": {}},
            "components.artifact_store.option",
            "unknown key 'components.artifact_store.option'",
            "did you mean 'options'? allowed: flavor, options, reuse",
        ),
        (
            "components.artifact_store",
            {"flavor": "s3", "options": {"days": 1}},
            "components.artifact_store.options.days",
            "unknown key 'components.artifact_store.options.days'",
            "allowed: noncurrent_days, abort_upload_days",
        ),
        (
            "components.artifact_store",
            {"flavor": "s3", "options": {"noncurrent_days": 0}},
            "components.artifact_store.options.noncurrent_days",
            "components.artifact_store.options.noncurrent_days is 0",
            "allowed: a whole number from 1 to 3650",
        ),
        (
            "components.artifact_store",
            {"flavor": "s3", "options": {"abort_upload_days": 366}},
            "components.artifact_store.options.abort_upload_days",
            "components.artifact_store.options.abort_upload_days is 366",
            "allowed: a whole number from 1 to 365",
        ),
        (
            "components.artifact_store",
            {"flavor": "s3", "options": {"noncurrent_days": True}},
            "components.artifact_store.options.noncurrent_days",
            "components.artifact_store.options.noncurrent_days is True",
            "allowed: a whole number from 1 to 3650",
        ),
        (
            "components.container_registry",
            {"flavor": "ecr", "options": {"empty_on_delete": "yes"}},
            "components.container_registry.options.empty_on_delete",
            "components.container_registry.options.empty_on_delete is 'yes'",
            "allowed: true, false",
        ),
        (
            "components.orchestrator",
            {"flavor": "local", "options": {"x": 1}},
            "components.orchestrator.options.x",
            "unknown key 'components.orchestrator.options.x'",
            "allowed: (none)",
        ),
        (
            "components.artifact_store",
            {"flavor": "s3", "reuse": "arn:aws:s3:::team", "options": {"noncurrent_days": 1}},
            "components.artifact_store.options",
            "components.artifact_store has both reuse and options",
            "options belong to what is built; a reused resource keeps its own",
        ),
        (
            "components.artifact_store",
            {"flavor": "s3", "reuse": ROLE},
            "components.artifact_store.reuse",
            f"components.artifact_store.reuse '{ROLE}' is not the ARN of a fitting resource",
            r"it must match arn:[a-z-]+:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        ),
        (
            "components.orchestrator",
            {"flavor": "local", "reuse": ROLE},
            "components.orchestrator.reuse",
            "components.orchestrator local has nothing to reuse",
            "leave reuse out",
        ),
        (
            "components.artifact_store",
            ...,
            "components.artifact_store",
            "orchestrator sagemaker needs artifact_store",
            "add `artifact_store: s3` under components",
        ),
        (
            "components.container_registry",
            ...,
            "components.container_registry",
            "orchestrator sagemaker needs container_registry",
            "add `container_registry: ecr` under components",
        ),
        ("access", "account", "access", "access is a text, not a mapping of keys",
         "allowed: trust, principal, external_id, boundary, oidc"),
        ("access.trust", "nobody", "access.trust", "access.trust is 'nobody'",
         "allowed: account, principal, oidc, access_key"),
        ("access.trust", "princpal", "access.trust", "access.trust is 'princpal'",
         "did you mean 'principal'? allowed: account, principal, oidc, access_key"),
        (
            "access.trust",
            "principal",
            "access.principal",
            "access.principal is missing",
            "name the role or user that may use the stack: arn:aws:iam::111122223333:role/NAME",
        ),
        ("access.principal", "zenml", "access.principal", "'zenml' is not an ARN",
         "arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"),
        ("access.principal", 5, "access.principal", "access.principal is a number, not a text",
         "arn:aws:iam::111122223333:role/NAME"),
        ("access.principal", "arn:aws:iam::111122223333:role/*", "access.principal",
         "a wildcard is no principal", "name one role or user by its full ARN"),
        ("access.principal", "arn:aws:iam::111122223333:root", "access.principal",
         "'arn:aws:iam::111122223333:root' is not a role or user", "arn:aws:iam::111122223333:role/NAME"),
        ("access.boundary", "arn:aws:iam::1:policy/x", "access.boundary",
         "access.boundary 'arn:aws:iam::1:policy/x' is not allowed", "the ARN of an IAM policy"),
        ("access.external_id", True, "access.external_id", "access.external_id needs access.trust: principal",
         "within one account an external id protects nothing"),
        ("access.external_id", "x", "access.external_id", "access.external_id is 'x'",
         "allowed: true, false"),
        ("data.retention", "keep", "data.retention", "data.retention is 'keep'", "allowed: retain, delete"),
        ("data", None, "data", "data is empty, not a mapping of keys", "allowed: retention, kms_key"),
        ("usage", "lite", "usage", "usage is 'lite'",
         "did you mean 'light'? allowed: idle, light, team, heavy"),
        ("usage", 5, "usage", "usage is a number, not a mapping of keys",
         "write `KEY: VALUE` lines under it"),
        ("usage.profile", "none", "usage.profile", "usage.profile is 'none'",
         "allowed: idle, light, team, heavy"),
        ("usage.s3_storage_gb", [1], "usage.s3_storage_gb", "usage.s3_storage_gb is a list, not a number",
         "a number of its unit"),
        ("register.to", "mlflow", "register.to", "register.to is 'mlflow'", "allowed: local, zenml"),
        ("register", {"how": "call"}, "register.how", "register.how is 'call'",
         "did you mean 'callback'? allowed: finish, callback"),
        ("register", {"token": "x"}, "register.token", "unknown key 'register.token'",
         "allowed: to, url, how, server"),
        ("register", {"url": "https://z.example.com"}, "register.url",
         "register.url needs register.to: zenml", "set it, or leave url out"),
        ("register", {"to": "zenml", "url": "http://z.example.com"}, "register.url",
         "register.url 'http://z.example.com' is not allowed", specs.ADDRESS_WORDS),
        ("register", {"to": "zenml", "url": "https://z.example.com?x=1"}, "register.url",
         "register.url 'https://z.example.com?x=1' is not allowed", specs.ADDRESS_WORDS),
        ("register", {"server": "https://s.example.com"}, "register.server",
         "register.server needs register.how: callback", "set it, or leave server out"),
        ("register", {"how": "callback"}, "register.server", "register.server is missing",
         specs.SERVER_WORDS),
        ("register", {"how": "callback", "server": "https://s.example.com/path"}, "register.server",
         "register.server 'https://s.example.com/path' is not allowed", specs.SERVER_WORDS),
        ("register", {"how": "callback", "server": "http://s.example.com"}, "register.server",
         "register.server 'http://s.example.com' is not allowed", specs.SERVER_WORDS),
        ("register", {"how": "callback", "server": "https://user:secret@s.example.com"}, "register.server",
         "register.server holds a user", specs.SERVER_WORDS),
        ("tags", None, "tags", "tags is empty, not a mapping of keys", "write `KEY: VALUE` lines under it"),
        ("tags", {5: "x"}, "tags", "tags has the key 5, which is a number, not a text", "put it in quotes"),
        ("tags", {"aws:x": "y"}, "tags.aws:x", "tags.aws:x is reserved",
         "choose a key that starts with neither"),
        ("tags", {"AWS:x": "y"}, "tags.AWS:x", "tags.AWS:x is reserved",
         "choose a key that starts with neither"),
        ("tags", {"StackWright:enrolment": "y"}, "tags.StackWright:enrolment",
         "tags.StackWright:enrolment is reserved", "choose a key that starts with neither"),
        ("tags", {"cost": 4711}, "tags.cost", "tags.cost 4711 is not a tag value", TAG_WORDS),
        ("tags", {"cost": True}, "tags.cost", "tags.cost True is not a tag value", TAG_WORDS),
        ("tags", {"cost": "a\tb"}, "tags.cost", "tags.cost 'a\\tb' is not a tag value", TAG_WORDS),
        ("tags", {"cost": "a#b"}, "tags.cost", "tags.cost 'a#b' is not a tag value", TAG_WORDS),
        ("tags", {"a&b": "x"}, "tags.a&b", "tags.a&b is not a tag key", KEY_WORDS),
        ("tags", {"": "x"}, "tags.", "tags. is not a tag key", KEY_WORDS),
        ("tags", {"team": "x", "Team": "y"}, "tags.Team", "tags 'team' and 'Team' differ only in case",
         "IAM takes them for one key"),
        ("tags", {"Team": "x", "team": "y"}, "tags.team", "tags 'Team' and 'team' differ only in case",
         "IAM takes them for one key"),
        ("tags", {f"k{n}": "v" for n in range(45)}, "tags", "45 tags", "allowed: at most 44"),
    ],
)  # fmt: skip
def test_a_wrong_wish_is_told_the_key_and_what_is_allowed(
    path: str, value: Any, field: str, message: str, hint: str
) -> None:
    assert refused(with_(path, value)) == (field, message, hint)


def test_an_unknown_region_is_told_the_nearest() -> None:
    field, message, hint = refused(with_("region", "eu-central1"))
    assert (field, message) == ("region", "unknown region 'eu-central1'")
    assert hint == (
        "nearest: eu-central-1, me-central-1, eu-central-2; 39 regions, see docs/stack.schema.json"
    )


def test_an_unknown_preset_is_told_the_nearest() -> None:
    with pytest.raises(SpecError) as caught:
        specs.preset("minmal", name="x", region="us-east-1")
    assert (caught.value.message, caught.value.field) == ("unknown preset 'minmal'", "preset")
    assert caught.value.hint == "did you mean 'minimal'? allowed: minimal, sagemaker, eks, ec2"


@pytest.mark.parametrize("wish", [None, [], "s3", 5])
def test_a_wish_is_a_mapping(wish: object) -> None:
    field, message, hint = refused(wish)
    assert (field, hint) == ("stack.yaml", f"allowed: {TOP}")
    assert message.endswith("not a mapping of keys")


# Limits, from within


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "a" * 31),
        ("name", "a"),
        ("tags", {f"k{n}": "v" for n in range(44)}),
        ("tags", {"k" * 128: "v" * 256}),
        ("tags", {"empty": ""}),
        ("tags", {"Größe é漢字٣½": "_.:/=+-@ \u00a0\u3000"}),
        ("tags", {"awsome": "x", "stackwrights": "y"}),
        ("access", {"trust": "account", "principal": ROLE}),
        ("access", {"principal": None, "boundary": None}),
        ("access", {"boundary": "arn:aws:iam::aws:policy/PowerUserAccess"}),
        ("components.orchestrator", {"flavor": "local", "options": {}}),
    ],
)
def test_what_is_just_allowed_is_taken(path: str, value: Any) -> None:
    spec = specs.parse(with_(path, value))
    assert specs.parse(spec.as_dict()) == spec


@pytest.mark.parametrize(("trust", "external_id"), [("account", False), ("principal", True)])
def test_an_external_id_is_the_default_for_one_principal(trust: str, external_id: bool) -> None:
    access = {"trust": trust, "principal": ROLE}
    assert specs.parse(with_("access", access)).access.external_id is external_id


def test_a_session_is_taken_for_its_role() -> None:
    session = "arn:aws:sts::111122223333:assumed-role/zenml-server/session"
    assert specs.parse(with_("access.principal", session)).access.principal == ROLE


# YAML

BASE = "version: 1\nname: churn-dev\nregion: eu-central-1\ncomponents: {artifact_store: s3}\n"
WORKS = "`stackwright init` writes a file that works"


@pytest.mark.parametrize(
    ("text", "field", "message", "hint"),
    [
        (
            "name: a\n\tregion: b\n",
            "stack.yaml",
            "line 2, column 1: found a tab character that violates indentation",
            WORKS,
        ),
        (BASE + "name: other\n", "name", "line 5: key 'name' stands twice", "keep one"),
        (BASE + "tags:\n  team: a\n  team: b\n", "team", "line 7: key 'team' stands twice", "keep one"),
        (BASE + "tags: {a: &x b, c: *x}\n", "stack.yaml", "line 5: aliases (*x) are not allowed",
         "write the value out"),
        ("[" * 10_000, "stack.yaml", "line 1: nested deeper than 20 levels", WORKS),
        (BASE + "tags: !!python/object/apply:os.system [x]\n", "stack.yaml",
         "line 5, column 7: could not determine a constructor for the tag "
         "'tag:yaml.org,2002:python/object/apply:os.system'", WORKS),
        (BASE + "tags: {team: 2026-03-04}\n", "tags.team",
         "tags.team datetime.date(2026, 3, 4) is not a tag value", TAG_WORDS),
        (BASE + "tags: {no: x}\n", "tags", "tags has the key False, which is true or false, not a text",
         "put it in quotes"),
        (BASE + "tags: {team: yes}\n", "tags.team", "tags.team True is not a tag value", TAG_WORDS),
        (BASE + "---\n" + BASE, "stack.yaml", "line 5, column 1: but found another document", WORKS),
        (BASE + "? [a]\n: b\n", "stack.yaml", "line 5, column 3: found unhashable key", WORKS),
        (BASE + "tags: {team: \0}", "stack.yaml", "not YAML", WORKS),
        ("name: 'open", "stack.yaml", "line 1, column 12: found unexpected end of stream", WORKS),
        ("", "stack.yaml", "stack.yaml is empty, not a mapping of keys", f"allowed: {TOP}"),
        ("just a text", "stack.yaml", "stack.yaml is a text, not a mapping of keys", f"allowed: {TOP}"),
    ],
)  # fmt: skip
def test_bad_yaml_is_told_the_line(text: str, field: str, message: str, hint: str) -> None:
    assert unreadable(text) == (field, message, hint)


def test_a_bomb_of_aliases_does_not_go_off() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
    )
    before = time.monotonic()
    assert unreadable(bomb + "name: *a11\n")[1] == "line 2: aliases (*a0) are not allowed"
    assert time.monotonic() - before < 1


@settings(deadline=None)
@given(st.text(alphabet="{}[]:-,&*!|>'\"#%@`? \n\tab01yesno~", max_size=80))
def test_any_text_is_a_spec_or_not_understood(text: str) -> None:
    with pytest.raises(SpecError):
        specs.read(text)


GITHUB = "https://token.actions.githubusercontent.com"
OIDC = {"issuer": GITHUB, "subject": "repo:acme/churn:ref:refs/heads/main"}


@pytest.mark.parametrize(
    ("access", "field", "message"),
    [
        ({"trust": "oidc"}, "access.oidc", "access.oidc is missing"),
        ({"oidc": OIDC}, "access.oidc", "access.oidc needs access.trust: oidc"),
        (
            {"trust": "oidc", "oidc": OIDC | {"subject": "*"}},
            "access.oidc.subject",
            "access.oidc.subject '*' names no single party of token.actions.githubusercontent.com",
        ),
        (
            {"trust": "oidc", "oidc": OIDC | {"subject": "repo:*"}},
            "access.oidc.subject",
            "access.oidc.subject 'repo:*' names no single party of token.actions.githubusercontent.com",
        ),
        (
            {"trust": "oidc", "oidc": OIDC | {"subject": "repo:acme/*"}},
            "access.oidc.subject",
            "access.oidc.subject 'repo:acme/*' names no single party of token.actions.githubusercontent.com",
        ),
        (
            {"trust": "oidc", "oidc": OIDC | {"issuer": "http://example.com"}},
            "access.oidc.issuer",
            "access.oidc.issuer 'http://example.com' is not allowed",
        ),
        (
            {
                "trust": "oidc",
                "oidc": OIDC | {"provider": "arn:aws:iam::111122223333:oidc-provider/gitlab.com"},
            },
            "access.oidc.provider",
            "access.oidc.provider is of another issuer than token.actions.githubusercontent.com",
        ),
        (
            {"trust": "access_key", "principal": "arn:aws:iam::111122223333:role/x"},
            "access.principal",
            "access.principal means nothing with access.trust: access_key",
        ),
    ],
)
def test_a_trust_in_an_issuer_names_whom_it_vouches_for(
    access: dict[str, Any], field: str, message: str
) -> None:
    assert refused(with_("access", access))[:2] == (field, message)


@pytest.mark.parametrize(
    ("issuer", "subject", "named"),
    [
        ("gitlab.com", "project_path:*", False),
        ("gitlab.com", "project_path:acme/*", False),
        ("gitlab.com", "project_path:acme/churn:*", True),
        ("app.terraform.io", "organization:*", False),
        ("app.terraform.io", "organization:acme:*", False),
        ("app.terraform.io", "organization:acme:project:churn:*", True),
        ("ci.example.com", "team:*:churn", False),
        ("ci.example.com", "project_path:*", False),
        ("ci.example.com", "team:churn:*", True),
        ("ci.example.com", "team-churn", True),
    ],
)
def test_no_issuer_vouches_for_everybody_by_a_wildcard(issuer: str, subject: str, named: bool) -> None:
    wish = with_("access", {"trust": "oidc", "oidc": {"issuer": f"https://{issuer}", "subject": subject}})
    if named:
        assert specs.parse(wish).access.oidc == specs.Oidc(issuer=f"https://{issuer}", subject=subject)
    else:
        said = f"access.oidc.subject {subject!r} names no single party of {issuer}"
        assert refused(wish)[:2] == ("access.oidc.subject", said)


@pytest.mark.parametrize("subject", ["repo:acme/churn:*", "repo:acme/churn:environment:prod"])
def test_one_repository_may_be_trusted_in_all_its_branches(subject: str) -> None:
    spec = specs.parse(with_("access", {"trust": "oidc", "oidc": OIDC | {"subject": subject}}))
    assert spec.access.oidc == specs.Oidc(issuer=GITHUB, subject=subject)


@pytest.mark.parametrize(
    ("budget", "field"),
    [
        ({"monthly_usd": 0, "notify": "a@example.com"}, "budget.monthly_usd"),
        ({"monthly_usd": "200", "notify": "a@example.com"}, "budget.monthly_usd"),
        ({"monthly_usd": 200}, "budget.notify"),
        ({"monthly_usd": 200, "notify": "nobody"}, "budget.notify"),
        ({"monthly_usd": 200, "notify": "a@example.com,b@example.com"}, "budget.notify"),
    ],
)
def test_a_budget_has_a_limit_and_somebody_who_hears_of_it(budget: dict[str, Any], field: str) -> None:
    assert refused(with_("budget", budget))[0] == field


def test_an_alias_is_no_key() -> None:
    data = {"kms_key": "arn:aws:kms:eu-central-1:111122223333:alias/data"}
    assert refused(with_("data", data))[0] == "data.kms_key"


@pytest.mark.parametrize("cidr", ["10.999.0.0/16", "10.0.64.0/16", "10.0.0.0/8", "8.8.0.0/16", "10.0.0.0"])
def test_a_new_network_has_a_range_of_private_addresses(cidr: str) -> None:
    components = specs.PRESETS["eks"]
    assert refused(with_("components", components) | {"network": {"cidr": cidr}})[0] == "network.cidr"
