"""The door to the CDK: a known shape costs nothing, an unknown one is made once."""

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner import plan as plans
from provisioner import spec as specs
from provisioner import synth
from provisioner import template as templates
from provisioner.errors import SpecError
from provisioner.plan import Plan
from provisioner.template import Template


def plan(components: Any = None, **more: Any) -> Plan:
    base = {"version": 1, "name": "churn", "region": "eu-central-1"}
    return plans.make(specs.parse({**base, "components": components or specs.PRESETS["minimal"], **more}))


MADE = Template(body={"Resources": {"A": {"Type": "T"}}})
UNKNOWN = plan({"artifact_store": "s3"})


@pytest.fixture
def syntheses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of the shapes that the CDK was asked for; it answers one small template."""
    asked: list[str] = []

    def synthesize(shape: plans.Shape) -> Template:
        asked.append(shape.key)
        return MADE

    monkeypatch.setattr(synth, "synthesize", synthesize)
    return asked


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_a_shape_that_ships_is_neither_made_nor_kept(tmp_path: Path, syntheses: list[str]) -> None:
    found = synth.template(plan(), cache_dir=tmp_path)
    assert found == synth._shipped("minimal.account.retain.json")
    assert (syntheses, files(tmp_path)) == ([], [])


def test_an_unknown_shape_is_made_once(tmp_path: Path, syntheses: list[str]) -> None:
    assert [synth.template(UNKNOWN, cache_dir=tmp_path) for _ in range(2)] == [MADE, MADE]
    assert syntheses == [UNKNOWN.shape.key]
    assert files(tmp_path) == [
        f"shapes/{UNKNOWN.shape.key[:32]}-{synth._generation()}.json",
        f"templates/{MADE.sha256}.json",
    ]


def test_a_shape_made_by_other_code_is_not_served(
    tmp_path: Path, syntheses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    synth.template(UNKNOWN, cache_dir=tmp_path)
    monkeypatch.setattr(synth, "_generation", lambda: "other")
    synth.template(UNKNOWN, cache_dir=tmp_path)
    assert syntheses == [UNKNOWN.shape.key] * 2


def test_own_tags_are_stamped_without_the_cdk(tmp_path: Path, syntheses: list[str]) -> None:
    plain, tagged = plan(), plan(tags={"owner": "anna", "team": "churn"})
    found = synth.template(tagged, cache_dir=tmp_path)
    assert found == templates.stamped(synth.template(plain, cache_dir=tmp_path), {"owner": "anna"})
    assert (syntheses, files(tmp_path)) == ([], [f"templates/{found.sha256}.json"])


def test_a_template_is_known_by_its_hash(tmp_path: Path, syntheses: list[str]) -> None:
    shipped = synth.template(plan(), cache_dir=tmp_path)
    tagged = synth.template(plan(tags={"owner": "anna"}), cache_dir=tmp_path)
    made = synth.template(UNKNOWN, cache_dir=tmp_path)
    for template in (shipped, tagged, made):
        assert synth.find_known(template.sha256, cache_dir=tmp_path) == template
    assert synth.find_known("0" * 64, cache_dir=tmp_path) is None


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[]", b"{}", b'{"Metadata": [1]}'])
def test_a_kept_template_that_cannot_be_read_is_made_again(
    tmp_path: Path, syntheses: list[str], text: bytes
) -> None:
    synth.template(UNKNOWN, cache_dir=tmp_path)
    written = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    for name in written:
        (tmp_path / name).write_bytes(text)
    assert synth.find_known(MADE.sha256, cache_dir=tmp_path) is None
    assert synth.template(UNKNOWN, cache_dir=tmp_path) == MADE
    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path)} == written
    assert syntheses == [UNKNOWN.shape.key] * 2


def test_a_kept_template_of_another_hash_is_not_known(tmp_path: Path, syntheses: list[str]) -> None:
    synth.template(UNKNOWN, cache_dir=tmp_path)
    (tmp_path / "templates" / f"{MADE.sha256}.json").write_text('{"Resources":{"B":{"Type":"T"}}}')
    assert synth.find_known(MADE.sha256, cache_dir=tmp_path) is None


def test_where_nothing_can_be_kept_a_template_is_made_each_time(tmp_path: Path, syntheses: list[str]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert [synth.template(UNKNOWN, cache_dir=file / "cache") for _ in range(2)] == [MADE, MADE]
    assert (syntheses, files(tmp_path)) == ([UNKNOWN.shape.key] * 2, ["file"])


def test_half_a_template_is_never_kept(tmp_path: Path, syntheses: list[str]) -> None:
    synth.template(UNKNOWN, cache_dir=tmp_path)
    assert [name for name in files(tmp_path) if "partial" in name] == []
    for name in files(tmp_path):
        json.loads((tmp_path / name).read_text())


def test_without_the_cdk_an_unknown_shape_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synth, "find_spec", lambda name: None)
    assert synth.template(plan(), cache_dir=tmp_path).resources
    with pytest.raises(SpecError) as caught:
        synth.template(UNKNOWN, cache_dir=tmp_path)
    assert caught.value.hint.startswith("install the extra `cdk` (Node comes with it)")
    assert (caught.value.exit_code, caught.value.field, files(tmp_path)) == (2, "components", [])


def test_the_cdk_makes_the_same_template_twice() -> None:
    one, other = (synth.synthesize(UNKNOWN.shape) for _ in range(2))
    assert one.text == other.text
