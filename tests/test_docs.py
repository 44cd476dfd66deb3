"""The documents: their links lead somewhere, and the commands they show exist."""

import json
import re
from pathlib import Path

import pytest

from cost_estimates import price_book
from cost_estimates.estimate import monthly
from provisioner.cli import VERBS
from provisioner.components import CATALOGUE
from provisioner.spec import PRESETS

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_between_pages_leads_to_a_file(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text())
    assert [t for t in targets if not (page.parent / t).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_shown_is_a_verb(page: Path) -> None:
    shown = re.findall(r"(?:^|`|&& )stackwright ([a-z]+)", page.read_text(), re.MULTILINE)
    assert set(shown) - set(VERBS) == set()


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)", (ROOT / "README.md").read_text())) - targets == set()


def test_every_preset_and_component_is_documented() -> None:
    page = (ROOT / "docs" / "presets.md").read_text()
    assert [p for p in PRESETS if f"## {p}" not in page] == []
    page = (ROOT / "docs" / "components.md").read_text()
    assert [c.name for c in CATALOGUE if f"## {c.type}: {c.flavor}\n\n{_sentence(c.words)}" not in page] == []


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def test_the_readme_says_what_each_preset_costs_while_idle() -> None:
    readme = (ROOT / "README.md").read_text()
    for preset in PRESETS:
        template = json.loads((ROOT / "provisioner" / "shapes" / f"{preset}.account.retain.json").read_text())
        today = price_book.load().as_of
        idle = monthly(template, "us-east-1", usage="idle", today=today).as_dict()["total"]["idle"]
        assert re.search(rf"^\| `{preset}` \|.*\| \${idle:.0f} \|$", readme, re.MULTILINE)


def test_the_readme_explains_every_kind_of_trust() -> None:
    from provisioner.access import TRUSTS

    readme = (ROOT / "README.md").read_text()
    assert [t for t in TRUSTS if f"`{t}`" not in readme] == []


def test_the_readme_lists_what_can_stand_in_each_slot() -> None:
    readme = (ROOT / "README.md").read_text()
    table = readme.partition("## What can stand in each slot")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if "| `" in line]
    slot, shown = "", {}
    for name, flavor, way, _, zenml in rows:
        slot = name or slot
        known = re.match(r"`(\w+)`", zenml)
        shown[slot, flavor.strip("`")] = (way.startswith("both"), known[1] if known else "")
    assert shown == {
        (c.type.replace("_", " "), c.flavor): (c.reusable, "" if c.outside_zenml else c.zenml_flavor)
        for c in CATALOGUE
    }
