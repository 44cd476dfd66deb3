"""`scan`: its policy, its forms, saved scans, and the difference between two."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from provisioner.scan import policy
from provisioner.scan.table import ROWS

NASTY = "=cmd|'/c calc'!A0 <script>alert(1)</script>"
ARN = "arn:aws:s3:::churn"


def resource(name: str, verdict: str = "fit", **more: Any) -> dict[str, Any]:
    checks = [
        {"id": "not_public", "ok": verdict == "fit", "severity": "error", "reason": "r", "detail": "x" * 200}
    ]
    return {
        "arn": f"arn:aws:s3:::{name}",
        "account": "111122223333",
        "region": "eu-central-1",
        "kind": "bucket",
        "name": name,
        "component_types": ["artifact_store"],
        "fitness": {"verdict": verdict, "checks": checks},
        "tags": {"team": "ml"},
        "tags_known": True,
    } | more


def saved(path: Path, *resources: dict[str, Any], state: str = "found") -> str:
    cells = [
        {
            "account": "111122223333",
            "region": "eu-central-1",
            "service": "s3",
            "state": state,
            "count": len(resources),
            "calls": 2,
            "seconds": 0.2,
            "note": "" if state == "found" else "ListBuckets was denied",
        }
    ]
    summary = {"calls": 2, "seconds": 0.2, "resources": len(resources), "not_seen": int(state == "denied")}
    answer = {
        "cells": cells,
        "resources": list(resources),
        "suggestions": [],
        "notes": {},
        "summary": summary,
    }
    path.write_text(json.dumps(answer))
    return str(path)


def test_the_policy_needs_no_account(cli: Any) -> None:
    ran = cli("scan", "--policy")
    assert (ran.code, ran.json) == (0, policy.policy(ROWS))


def test_the_policy_comes_as_a_role_and_for_its_caller(cli: Any) -> None:
    assert cli("scan", "--policy", "--format", "cloudformation").json == policy.role_template(ROWS)
    assert cli("scan", "--policy", "--format", "caller").json == policy.caller_policy()


def test_the_policy_is_that_of_the_services_asked_for(cli: Any) -> None:
    rows = [row for row in ROWS if row.service in ("s3", "cloudformation")]
    asked = ("--policy", "--service", "s3", "--service", "cloudformation")
    assert cli("scan", *asked).json == policy.policy(rows)
    assert cli("scan", *asked, "--format", "cloudformation").json == policy.role_template(rows)
    ran = cli("scan", "--policy", "--service", "nope", "--json")
    assert (ran.code, ran.error["field"]) == (2, "service")


def test_the_callers_policy_is_for_the_roles_that_will_be_assumed(cli: Any) -> None:
    ran = cli("scan", "--policy", "--format", "caller", "--role-name", "audit")
    assert ran.json == policy.caller_policy(role_name="audit")


@pytest.mark.parametrize(
    "arguments", [("--policy", "--format", "html"), ("--format", "caller"), ("--format", "pdf")]
)
def test_a_form_that_there_is_not_says_which_there_are(cli: Any, arguments: tuple[str, ...]) -> None:
    ran = cli("scan", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "json" in ran.err or "--help" in ran.err


def test_a_saved_scan_is_shown_as_a_table(cli: Any, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.json", resource("churn"), resource("open", "unfit"))
    long = "x" * 71
    assert cli("scan", "show", path).out == (
        "kind    name   fits as         verdict  why not\n"
        "bucket  churn  artifact_store  fit\n"
        f"bucket  open   artifact_store  unfit    public ({long}…\n"
    )


STEERING = "a\x1b[31mRED\x1b]0;own\x07\nb\u202egpj"
SPELT = r"a\x1b[31mRED\x1b]0;own\x07\nb\u202egpj"


def steers(text: str) -> bool:
    return any(c in text for c in "\x1b\x07\u202e")


def test_what_others_named_does_not_steer_the_terminal(cli: Any, tmp_path: Path) -> None:
    tags = {"stackwright:stack": STEERING}
    path = saved(tmp_path / "a.json", resource(STEERING, tags=tags), resource("churn"))
    head, line, _ = cli("scan", "show", path).out.splitlines()
    assert (head.split()[:2], line.count(SPELT)) == (["kind", "name"], 2)
    page = cli("scan", "show", path, "--format", "markdown").out
    assert (steers(page), r"a\x1b&#91;31mRED" in page) == (False, True)
    head, line, _ = csv.reader(StringIO(cli("scan", "show", path, "--format", "csv").out))
    told = dict(zip(head, line, strict=True))
    assert (told["name"], json.loads(told["tags"])) == (SPELT, tags)
    assert not steers("".join(line))


def test_an_error_does_not_steer_the_terminal(cli: Any) -> None:
    ran = cli("scan", "show", STEERING)
    assert (ran.code, steers(ran.err)) == (2, False)


def test_a_difference_does_not_steer_the_terminal(cli: Any, tmp_path: Path) -> None:
    before = saved(tmp_path / "a.json")
    after = saved(tmp_path / "b.json", resource(STEERING))
    assert cli("scan", "diff", before, after).out == f"+ bucket {SPELT} (111122223333 eu-central-1)  fit\n"
    assert not steers(cli("scan", "diff", before, after, "--format", "markdown").out)


def test_a_saved_scan_is_shown_as_it_was(cli: Any, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.json", resource("churn"))
    assert cli("scan", "show", path, "--json").json == json.loads(Path(path).read_text())


def test_csv_has_a_line_per_resource_and_no_formula(cli: Any, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.json", resource(NASTY, "unfit"))
    head, line = csv.reader(StringIO(cli("scan", "show", path, "--format", "csv").out))
    told = dict(zip(head, line, strict=True))
    assert told == {
        "account": "111122223333",
        "region": "eu-central-1",
        "kind": "bucket",
        "name": f"'{NASTY}",
        "arn": f"arn:aws:s3:::{NASTY}",
        "component_types": "artifact_store",
        "verdict": "unfit",
        "not_ok": "not_public",
        "unknown": "",
        "tags_known": "yes",
        "tags": '{"team": "ml"}',
    }


@pytest.mark.parametrize(("form", "harmless"), [("html", "&lt;script&gt;"), ("markdown", "&lt;script&gt;")])
def test_what_others_named_is_no_markup(cli: Any, tmp_path: Path, form: str, harmless: str) -> None:
    page = cli("scan", "show", saved(tmp_path / "a.json", resource(NASTY)), "--format", form).out
    assert ("<script>" in page, harmless in page) == (False, True)


def test_the_page_says_what_was_not_seen(cli: Any, tmp_path: Path) -> None:
    page = cli("scan", "show", saved(tmp_path / "a.json", state="denied"), "--format", "html").out
    assert 'class="denied" title="s3: denied: ListBuckets was denied"' in page
    assert "what is missing here may be there" in page
    assert "default-src 'none'" in page


def test_markdown_has_the_matrix_and_the_reasons(cli: Any, tmp_path: Path) -> None:
    page = cli("scan", "show", saved(tmp_path / "a.json", state="denied"), "--format", "markdown").out
    assert "| account | region | s3 |\n|---|---|---|\n| 111122223333 | eu-central-1 | denied |\n" in page
    assert "| 1 | denied | ListBuckets was denied | 111122223333 eu-central-1 s3 |" in page


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "cannot be read"), ("{", "is not JSON"), ("[]", "is not the JSON answer"), ("{}", "is not the")],
)
def test_what_is_no_saved_scan_is_refused(cli: Any, tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text)
    ran = cli("scan", "show", str(path), "--json")
    assert ran.code == 2
    assert said in ran.error["message"]


def without(value: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: inner for name, inner in value.items() if name != key}


CELL = {"account": "1", "region": "r", "service": "s3", "state": "found", "note": "", "count": 1}
SUMMARY = {"resources": 0, "calls": 1, "seconds": 0.1, "not_seen": 0}
WHOLE: dict[str, Any] = {"cells": [], "resources": [], "summary": SUMMARY}
FLAWS: list[tuple[dict[str, Any], str]] = [
    (WHOLE | {"cells": [1]}, "cells[0] is no object"),
    (WHOLE | {"cells": [CELL | {"count": True}]}, "cells[0].count is no count"),
    (WHOLE | {"resources": [without(resource("a"), "kind")]}, "resources[0].kind is missing"),
    (WHOLE | {"resources": [resource("a", "fine")]}, "resources[0].fitness.verdict is none of fit, unfit"),
    (WHOLE | {"resources": [resource("a", tags={"k": 1})]}, "resources[0].tags.k is no text"),
    (WHOLE | {"resources": {}}, "resources is no list"),
    (WHOLE | {"summary": {}}, "summary.resources is missing"),
    (WHOLE | {"suggestions": [{}]}, "suggestions[0].account is missing"),
    (without(WHOLE, "cells"), "cells is missing"),
]


@pytest.mark.parametrize(("scan", "said"), FLAWS)
def test_a_damaged_scan_names_its_field(cli: Any, tmp_path: Path, scan: dict[str, Any], said: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(scan))
    for form in ("table", "html", "markdown", "csv"):
        ran = cli("scan", "show", str(path), "--format", form)
        assert (ran.code, ran.out, said in ran.err) == (2, "", True)


def test_csv_says_where_the_suggestions_are(cli: Any, tmp_path: Path) -> None:
    path = Path(saved(tmp_path / "a.json", resource("churn")))
    one = {"account": "1", "region": "r", "rank": 1, "score": 50.0, "components": {}, "missing": []}
    one |= {"flavors": {"orchestrator": "local"}, "monthly_usd": None, "why": {}}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"suggestions": [one]}))
    ran = cli("scan", "show", str(path), "--format", "csv")
    assert (ran.code, len(ran.out.splitlines())) == (0, 2)
    assert "--format table, json, markdown and html tell the suggested stacks (1)" in ran.err


def test_a_difference_is_told_and_ends_with_3(cli: Any, tmp_path: Path) -> None:
    before = saved(tmp_path / "a.json", resource("old"), resource("kept"))
    after = saved(tmp_path / "b.json", resource("new"), resource("kept", "unfit"))
    ran = cli("scan", "diff", before, after)
    assert (ran.code, ran.out) == (
        3,
        "+ bucket new (111122223333 eu-central-1)  fit\n"
        "- bucket old (111122223333 eu-central-1)  fit\n"
        "~ bucket kept (111122223333 eu-central-1)\n"
        "    verdict: fit → unfit\n"
        "    not_public: yes → no\n",
    )
    assert cli("scan", "diff", before, after, "--fail-on", "partial").code == 0


def test_no_difference_is_told_and_ends_with_0(cli: Any, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.json", resource("kept"))
    ran = cli("scan", "diff", path, path)
    assert (ran.code, ran.out) == (0, "no difference\n")


@pytest.mark.parametrize(("fail_on", "code"), [("any", 5), ("partial", 5), ("never", 0)])
def test_what_cannot_be_compared_ends_with_5(cli: Any, tmp_path: Path, fail_on: str, code: int) -> None:
    before = saved(tmp_path / "a.json", resource("churn"))
    after = saved(tmp_path / "b.json", state="denied")
    ran = cli("scan", "diff", before, after, "--fail-on", fail_on)
    assert (ran.code, ran.out) == (
        code,
        "? bucket churn (111122223333 eu-central-1)  not seen after\n"
        "? 111122223333 eu-central-1 s3: found → denied  ListBuckets was denied\n",
    )


def looked_into(name: str, ok: bool | None) -> dict[str, Any]:
    found = resource(name, "unknown")
    found["fitness"]["checks"][0]["ok"] = ok
    return found


def test_a_difference_is_quiet_about_what_only_one_scan_looked_into(cli: Any, tmp_path: Path) -> None:
    before = saved(tmp_path / "a.json", looked_into("a", True), looked_into("b", None))
    after = saved(tmp_path / "b.json", looked_into("a", None), looked_into("b", True))
    ran = cli("scan", "diff", before, after)
    said = "2 answers about 2 resources cannot be compared: a scan did not look there"
    assert (ran.code, ran.out) == (0, f"no difference\n? {said}; --json lists them\n")
    for form in ("markdown", "html"):
        assert said in cli("scan", "diff", before, after, "--format", form).out


@pytest.mark.parametrize("form", ["html", "markdown", "json"])
def test_a_difference_has_the_same_forms(cli: Any, tmp_path: Path, form: str) -> None:
    before = saved(tmp_path / "a.json", resource("old"))
    after = saved(tmp_path / "b.json", resource(NASTY))
    ran = cli("scan", "diff", before, after, "--format", form)
    assert ran.code == 3
    assert form == "json" or ("<script>" not in ran.out and "1 new, 1 gone, 0 changed" in ran.out)
