"""A scan for people: coverage, reasons, kinds; and what changed between two scans."""

from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest

from provisioner.scan import difference
from provisioner.scan.engine import scan
from provisioner.scan.report import Coverage, Reason, Spot, make, told, why_not
from provisioner.scan.schema import schema
from provisioner.scan.table import ROWS, Cell, Found, Reading, Row

ACCOUNT = "111122223333"


def cell(service: str, region: str = "eu-central-1", state: str = "empty", **more: Any) -> dict[str, Any]:
    base = {"account": ACCOUNT, "region": region, "service": service, "state": state}
    return base | {"count": 0, "calls": 1, "seconds": 0.1, "note": ""} | more


def resource(name: str, verdict: str = "fit", kind: str = "bucket", **more: Any) -> dict[str, Any]:
    return {
        "arn": f"arn:aws:s3:::{name}",
        "account": ACCOUNT,
        "region": "eu-central-1",
        "kind": kind,
        "name": name,
        "component_types": ["artifact_store"],
        "fitness": {"verdict": verdict, "checks": more.pop("checks", [])},
        "tags": {},
        "tags_known": True,
    } | more


def check(id_: str, ok: bool | None, severity: str = "error", detail: str = "") -> dict[str, Any]:
    return {"id": id_, "ok": ok, "severity": severity, "reason": "", "detail": detail}


def answer(cells: list[dict[str, Any]], resources: list[dict[str, Any]]) -> dict[str, Any]:
    summary = {"calls": 1, "seconds": 0.1, "resources": len(resources), "not_seen": 0}
    return {"cells": cells, "resources": resources, "suggestions": [], "notes": {}, "summary": summary}


# The report


def test_the_matrix_has_a_line_per_region_and_a_square_per_service() -> None:
    cells = [
        cell("s3", state="found", count=3),
        cell("s3", "us-east-1"),
        cell("iam", "global", "denied", note="no"),
        cell("ecr", state="throttled"),
    ]
    report = make(answer(cells, []))
    found = Spot(state="found", count=3, note="")
    empty, throttled = Spot(state="empty", count=0, note=""), Spot(state="throttled", count=0, note="")
    denied = Spot(state="denied", count=0, note="no")
    assert (report.services, report.regions) == (("s3", "ecr", "iam"), 2)
    assert report.accounts == (
        Coverage(
            account=ACCOUNT,
            note="",
            lines=(
                ("eu-central-1", (found, throttled, None)),
                ("us-east-1", (empty, None, None)),
                ("global", (None, None, denied)),
            ),
            whole=Spot(state="denied", count=3, note="no"),
            not_seen=2,
        ),
    )
    assert report.states == {"found": 1, "empty": 1, "throttled": 1, "denied": 1}


def test_the_same_reason_is_told_once_and_what_was_not_seen_first() -> None:
    looked = "looked into 10 of 200"
    cells = [
        cell("eks", state="found", note=looked),
        cell("s3", state="found", note="could not look: get_bucket_versioning AccessDenied ×1", gaps=1),
        cell(
            "s3",
            "us-east-1",
            "found",
            note=f"{looked}; could not look: get_bucket_versioning AccessDenied ×4",
            gaps=4,
        ),
        *(cell("ecr", region, "denied", note="no") for region in ("eu-central-1", "us-east-1")),
    ]
    assert make(answer(cells, [])).reasons == (
        Reason(state="denied", note="no", cells=2, example=f"{ACCOUNT} eu-central-1 ecr"),
        Reason(
            state="found",
            note="could not look: get_bucket_versioning AccessDenied",
            cells=2,
            example=f"{ACCOUNT} eu-central-1 s3",
            gaps=5,
        ),
        Reason(state="found", note=looked, cells=1, example=f"{ACCOUNT} eu-central-1 eks"),
    )


def test_questions_without_an_answer_are_counted_and_said() -> None:
    cells = [
        cell("s3", state="found", count=3, note="could not look: get_x AccessDenied ×2", gaps=2),
        cell("eks", state="found", count=1, note="looked into 10 of 200", gaps=0),
    ]
    report = make(answer(cells, []))
    (account,) = report.accounts
    assert account.lines[0][1][0] == Spot(
        state="found", count=3, note="could not look: get_x AccessDenied ×2", gaps=2
    )
    assert (account.not_seen, account.partly_seen) == (0, 1)
    assert report.sight == ("1 cell was seen only in part, 2 questions got no answer",)


def test_a_scan_that_was_saved_without_gaps_is_read_by_its_notes() -> None:
    old = [cell("s3", state="found", note="could not look: get_x AccessDenied ×2"), cell("eks")]
    assert make(answer(old, [])).sight == ("1 cell was seen only in part, 1 question got no answer",)


def test_the_fit_ones_of_a_kind_come_first() -> None:
    found = [resource("a", "unfit"), resource("b"), resource("c", "unknown")]
    (kind,) = make(answer([], found)).kinds
    assert [r["name"] for r in kind.resources] == ["b", "c", "a"]
    assert kind.verdicts == {"fit": 1, "unknown": 1, "unfit": 1}


def test_what_speaks_against_a_resource_is_told_gravest_first() -> None:
    checks = [
        check("versioned", False, "info"),
        check("encrypted", None, "warning"),
        check("same_region", True),
        check("not_public", None),
        check("not_reserved", False, detail="the CDK's"),
    ]
    assert why_not(resource("a", checks=checks)) == [
        "reserved (the CDK's)",
        "unknown: not_public",
        "unknown: encrypted",
    ]


# The difference


def test_nothing_differs_from_itself() -> None:
    same = answer([cell("s3", state="found", count=1)], [resource("a")])
    value = difference.diff(same, same)
    nothing: dict[str, Any] = {"new": [], "gone": [], "changed": [], "not_comparable": []}
    assert value == nothing | {"unanswered": [], "gaps": 0, "cells": []}
    assert (difference.differs(value), difference.partly(value)) == (False, False)


def test_new_and_gone_are_told_where_both_scans_looked() -> None:
    seen = [cell("s3", state="found", count=1)]
    value = difference.diff(answer(seen, [resource("old")]), answer(seen, [resource("new")]))
    assert [r["name"] for r in value["new"]] == ["new"]
    assert [r["name"] for r in value["gone"]] == ["old"]
    assert (difference.differs(value), difference.partly(value)) == (True, False)


@pytest.mark.parametrize("state", ["denied", "throttled", "timeout", "failed"])
def test_what_the_second_scan_did_not_see_is_not_gone(state: str) -> None:
    before = answer([cell("s3", state="found", count=1)], [resource("a")])
    value = difference.diff(before, answer([cell("s3", state=state, note="why")], []))
    assert (value["gone"], [e["not_seen"] for e in value["not_comparable"]]) == ([], ["after"])
    assert value["cells"] == [
        {
            "account": ACCOUNT,
            "region": "eu-central-1",
            "service": "s3",
            "before": "found",
            "after": state,
            "note": "why",
        }
    ]
    assert (difference.differs(value), difference.partly(value)) == (False, True)


def test_what_the_first_scan_never_asked_about_is_not_new() -> None:
    value = difference.diff(answer([], []), answer([cell("s3", state="found")], [resource("a")]))
    assert (value["new"], [e["not_seen"] for e in value["not_comparable"]]) == ([], ["before"])


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Any]:
    seen = [cell("s3", state="found", count=1)]
    value = difference.diff(answer(seen, [dict(before)]), answer(seen, [dict(after)]))
    return [c for entry in value["changed"] for c in entry["changes"]]


def test_a_change_says_what_was_and_what_is() -> None:
    before = resource("a", "fit", checks=[check("encrypted", True)], tags={"team": "ml", "old": "x"})
    after = resource("a", "unfit", checks=[check("encrypted", False, detail="no")], tags={"team": "fraud"})
    assert changes(before, after) == [
        {"what": "verdict", "before": "fit", "after": "unfit"},
        {"what": "encrypted", "before": True, "after": False},
        {"what": "encrypted: seen", "before": "", "after": "no"},
        {"what": "tag old", "before": "x", "after": None},
        {"what": "tag team", "before": "ml", "after": "fraud"},
    ]


def test_tags_that_nobody_could_read_are_no_change() -> None:
    assert changes(resource("a", tags={"team": "ml"}), resource("a", tags_known=False)) == []


LOOKED_INTO = resource("a", "fit", checks=[check("not_public", True, detail="x"), check("encrypted", False)])
PASSED_OVER = resource("a", "unknown", checks=[check("not_public", None), check("encrypted", None)])
WHAT = ["not_public", "encrypted"]


@pytest.mark.parametrize(("before", "after"), [(LOOKED_INTO, PASSED_OVER), (PASSED_OVER, LOOKED_INTO)])
@pytest.mark.parametrize(
    ("told", "gap"),
    [
        ({"note": "looked into 10 of 11 (--details all: into each)"}, False),
        ({"note": "could not look: get_bucket_encryption AccessDenied ×1"}, True),
        ({"note": "could not look: get_bucket_encryption AccessDenied ×1", "gaps": 1}, True),
        ({"gaps": 0}, False),
    ],
)
def test_what_only_one_scan_looked_into_has_not_changed(
    before: Any, after: Any, told: dict[str, Any], gap: bool
) -> None:
    one, other = [cell("s3", state="found", count=1)], [cell("s3", state="found", count=1, **told)]
    value = difference.diff(answer(one, [before]), answer(other, [after]))
    assert value["changed"] == []
    assert value["unanswered"] == [{"arn": "arn:aws:s3:::a", "what": WHAT, "gap": gap}]
    assert (difference.differs(value), difference.partly(value)) == (False, gap)


def test_what_both_know_changes_the_verdict_whatever_is_unknown() -> None:
    before = resource("a", "unfit", checks=[check("same_region", True), check("not_public", False)])
    after = resource("a", "unknown", checks=[check("same_region", None), check("not_public", True)])
    assert changes(before, after) == [
        {"what": "verdict", "before": "unfit", "after": "unknown"},
        {"what": "not_public", "before": False, "after": True},
    ]


def test_what_was_refused_to_both_scans_cannot_be_compared() -> None:
    seen = [cell("s3", state="found", count=1, gaps=2)]
    value = difference.diff(answer(seen, [PASSED_OVER]), answer(seen, [PASSED_OVER]))
    assert (value["unanswered"], value["gaps"], difference.partly(value)) == ([], 1, True)
    assert difference.unanswered(value) == "1 place was seen only in part"


@pytest.mark.parametrize(
    ("value", "words"), [(True, "yes"), (False, "no"), (None, "unknown"), ("", "nothing"), ("ml", "ml")]
)
def test_values_are_told_in_words(value: object, words: str) -> None:
    assert told(value) == words


# The schema


def test_a_scan_answers_as_its_schema_says() -> None:
    bucket = Found(
        arn="arn:aws:s3:::a", account=ACCOUNT, region="eu-central-1", kind="bucket", name="a", tags={"k": "v"}
    )

    def read(account: str, region: str, row: Row) -> Reading:
        found = (bucket,) if row.service == "s3" else ()
        state: Any = "found" if found else "denied"
        told = Cell(account=account, region=region, service=row.service, state=state, count=len(found))
        return Reading(cell=told, resources=found)

    done = scan(accounts=[ACCOUNT], regions=["eu-central-1"], rows=ROWS, read=read, clock=lambda: 0.0)
    jsonschema.validate(done.as_dict(), schema())


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "hidden"},
        {"count": -1},
        {"service": "sqs"},
    ],
)
def test_the_schema_refuses_what_no_scan_answers(wrong: dict[str, Any]) -> None:
    bad = answer([cell("s3") | wrong], [])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, schema())
