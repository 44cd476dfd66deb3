"""One stack, eight formats: what each says, and which stack it refuses."""

import json
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from provisioner import export
from provisioner.errors import CheckError, SpecError
from provisioner.export import environment, zenml
from provisioner.export.stack import parse
from tests.conftest import SECRET
from tests.export.samples import (
    ACCOUNT,
    EC2,
    EKS,
    LOCAL,
    MORE,
    PLACED,
    REGION,
    ROLE,
    SAGEMAKER,
    answer,
    stack,
)

HERE = Path(__file__).parent
# What tools say of their own settings, with the day on which they were asked.
RECORDED = json.loads((HERE / "recorded.json").read_text())
GOLDEN = {
    "ec2.env": EC2,
    "more.env": MORE,
    "local.json": LOCAL,
    "local.yaml": LOCAL,
    "sagemaker.zenml": SAGEMAKER,
    "more.zenml": MORE,
    "eks.metaflow": EKS,
    "more.metaflow": MORE,
    "ec2.skypilot": EC2,
    "sagemaker.sagemaker": SAGEMAKER,
    "more.sagemaker": MORE,
    "eks.kubernetes": PLACED,
}
FITTING = {
    "local": (LOCAL, "env json yaml zenml metaflow"),
    "sagemaker": (SAGEMAKER, "env json yaml zenml metaflow sagemaker"),
    "eks": (PLACED, "env json yaml zenml metaflow kubernetes"),
    "ec2": (EC2, "env json yaml zenml metaflow skypilot"),
    "more": (MORE, "env json yaml zenml metaflow sagemaker"),
}
EVERY = [(of, name) for of, (_, names) in FITTING.items() for name in names.split()]


@pytest.mark.parametrize("file", GOLDEN)
def test_a_format_says_exactly_this(file: str) -> None:
    text = export.find(Path(file).suffix[1:]).render(GOLDEN[file])
    assert text == (HERE / "golden" / file).read_text()


@pytest.mark.parametrize("of", FITTING)
def test_what_a_stack_can_be_exported_for(of: str) -> None:
    subject, names = FITTING[of]
    assert [f.name for f in export.FORMATS if not f.lacks(subject)] == names.split()


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        ("kubernetes", "Kubernetes cluster"),
        ("sagemaker", "execution role for SageMaker"),
        ("skypilot", "orchestrator ec2, whose machines SkyPilot starts"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_does(name: str, lacking: str) -> None:
    with pytest.raises(CheckError) as caught:
        export.check(LOCAL, export.find(name))
    assert (caught.value.message, caught.value.hint) == (
        f"churn-dev cannot be exported for {name}: it has no {lacking}",
        "what fits: env, json, yaml, zenml, metaflow",
    )


@pytest.mark.parametrize(("of", "name"), EVERY)
def test_every_format_says_region_account_and_role(of: str, name: str) -> None:
    text = export.find(name).render(FITTING[of][0])
    assert [word for word in (REGION, ACCOUNT, ROLE) if word not in text] == []


@pytest.mark.parametrize(("of", "name"), EVERY)
def test_no_format_passes_on_what_somebody_wrote_beside_the_values(of: str, name: str) -> None:
    raw = json.loads(json.dumps(FITTING[of][0].as_dict()))
    raw["connector"] |= {"aws_secret_access_key": SECRET, "aws_session_token": SECRET}
    raw["components"]["artifact_store"]["outputs"]["password"] = SECRET
    planted = parse(raw).with_clusters(FITTING[of][0].clusters)
    assert export.find(name).render(planted) == export.find(name).render(FITTING[of][0])


@pytest.mark.parametrize("name", ["json", "yaml"])
def test_what_was_exported_is_read_back_as_it_was(name: str) -> None:
    for subject, _ in FITTING.values():
        plain = subject.with_clusters(())
        assert parse(yaml.safe_load(export.find(name).render(plain))) == plain


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"account": 111122223333}, "account"),
        ({"components": []}, "components"),
        ({"components": {"artifact_store": "s3"}}, "components.artifact_store"),
        ({"components": {"artifact_store": {"flavor": "gcs"}}}, "components.artifact_store.flavor"),
        ({"connector": {"role_arn": 1}}, "connector"),
    ],
)
def test_what_is_no_exported_stack_is_refused_by_its_key(change: dict[str, Any], field: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(answer() | change, source="x.json")
    assert (caught.value.message, caught.value.field) == (
        f"x.json is no exported stack: {field} is not as `stack export` writes it",
        field,
    )


def test_an_external_id_goes_with_the_role_it_belongs_to() -> None:
    connector = {"role_arn": ROLE, "external_id": "0f" * 16}
    guarded = stack(("orchestrator", "eks"), connector=connector).with_clusters(PLACED.clusters)
    assert dict(environment.variables(guarded))["STACK_EXTERNAL_ID"] == "0f" * 16
    # Neither `aws eks get-token` nor a ZenML server could send it.
    assert "--role-arn" not in export.find("kubernetes").render(guarded)
    assert "service-connector" not in export.find("zenml").render(guarded)


def test_a_found_stack_has_no_role_and_says_so() -> None:
    found = stack(("orchestrator", "local"), connector={})
    text = export.find("env").render(found)
    assert text.splitlines()[2] == "# access role none: your own credentials"
    assert "STACK_ROLE_ARN" not in text


# The environment file, as a shell and as dotenv read it


def read_by_shell(text: str, names: list[str], folder: Path, shell: str) -> list[str]:
    (folder / "x.env").write_text(text)
    told = "".join(f"printf '%s\\0' \"${{{name}}}\";" for name in names)
    script = f"set -a; . ./x.env; set +a; {told}"
    ran = subprocess.run([shell, "-c", script], cwd=folder, capture_output=True, check=True, env={})
    return ran.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
@pytest.mark.parametrize("of", FITTING)
def test_a_shell_and_dotenv_read_what_was_written(of: str, shell: str, tmp_path: Path) -> None:
    subject = FITTING[of][0]
    wanted = dict(environment.variables(subject))
    text = environment.render(subject)
    assert dict(zip(wanted, read_by_shell(text, list(wanted), tmp_path, shell), strict=True)) == wanted
    assert dict(dotenv_values(stream=StringIO(text))) == wanted


PIECES = [*"aZ0 '\"\\$`{}()|&;<>*?[]~#!%=\t\nü–:/,-", "${HOME}", "$(id)", "$HOME", "\\n", "export "]
AWKWARD = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(AWKWARD, min_size=1, max_size=20))
def test_no_value_means_anything_to_a_shell(values: list[str]) -> None:
    from tempfile import TemporaryDirectory

    spelt = {
        f"V{n}": (value, text) for n, value in enumerate(values) if (text := spelling(value)) is not None
    }
    text = "".join(f"{name}={spelling_}\n" for name, (_, spelling_) in spelt.items())
    with TemporaryDirectory() as folder:
        read = read_by_shell(text, list(spelt), Path(folder), "/bin/sh")
    assert read == [value for value, _ in spelt.values()]
    assert dict(dotenv_values(stream=StringIO(text))) == {name: value for name, (value, _) in spelt.items()}


def spelling(value: str) -> str | None:
    try:
        return environment.quoted(value)
    except CheckError:
        return None


@pytest.mark.parametrize(
    "value", ["", "a b", "it's", "$HOME", "`id`", 'say "no"', "back\\slash", "zwei\nZeilen"]
)
def test_ordinary_awkward_values_have_a_spelling(value: str) -> None:
    assert spelling(value) is not None


@pytest.mark.parametrize("value", ["${HOME}", "it's $5", "a'b`c`"])
def test_a_value_that_both_cannot_be_told_is_refused(value: str) -> None:
    with pytest.raises(CheckError) as caught:
        environment.quoted(value, "VPC_NAME")
    assert (caught.value.message, caught.value.hint) == (
        f"VPC_NAME is {value!r}, which shells and dotenv cannot both be told",
        "--format json carries any value",
    )


# Names that tools were asked for


def test_every_metaflow_setting_is_one_that_metaflow_has() -> None:
    known = set(RECORDED["metaflow"]["names"])
    for subject in (EKS, MORE):
        config = json.loads(export.find("metaflow").render(subject))
        assert {k.removeprefix("METAFLOW_") for k in config if k != "stackwright"} <= known


def test_skypilot_takes_the_section_as_it_is() -> None:
    config = yaml.safe_load(export.find("skypilot").render(EC2))
    assert list(config) == ["aws"]
    Draft202012Validator(RECORDED["skypilot"]["aws"]).validate(config["aws"])


def test_the_zenml_version_is_the_one_that_is_tested() -> None:
    pins = (HERE.parent / "zenml" / "constraints.txt").read_text().splitlines()
    assert f"zenml=={zenml.VERSION}" in pins


def test_a_stack_knows_its_clusters() -> None:
    assert EKS.cluster_names == ("churn-dev",)
    assert (LOCAL.cluster_names, LOCAL.output("orchestrator", "cluster_name")) == ((), "")
