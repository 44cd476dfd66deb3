"""What changed between two scans; what one of them could not see is never taken for new, gone or changed."""

from collections.abc import Iterator, Mapping, Set
from typing import Any

from provisioner.scan.report import gaps_of
from provisioner.scan.row import SEEN
from provisioner.scan.table import ROWS

Answer = Mapping[str, Any]
Resource = Mapping[str, Any]
# (account, region, kind): a cell names its service, a resource its kind.
Place = tuple[str, str, str]


def diff(before: Answer, after: Answer) -> dict[str, Any]:
    """Resources that are new, gone and changed, and those that one scan had no look at.

    `unanswered` are the questions about a resource that only one scan has an answer to; a `gap` is where
    questions were refused, so that it may not be how far a scan goes. `gaps` counts such places.
    """
    old, new = _by_arn(before), _by_arn(after)
    seen_before, seen_after = _seen(before), _seen(after)
    both = [(new[arn], _changes(old[arn], new[arn])) for arn in new if arn in old]
    gaps = _with_gaps(before) | _with_gaps(after)
    return {
        "new": [r for arn, r in new.items() if arn not in old and _place(r) in seen_before],
        "gone": [r for arn, r in old.items() if arn not in new and _place(r) in seen_after],
        "changed": [{"resource": r, "changes": changes} for r, changes in both if changes],
        "not_comparable": [
            *(_unseen(r, "before") for a, r in new.items() if a not in old and _place(r) not in seen_before),
            *(_unseen(r, "after") for a, r in old.items() if a not in new and _place(r) not in seen_after),
        ],
        "unanswered": [e for arn in new if arn in old for e in _unanswered(old[arn], new[arn], gaps)],
        "gaps": len(gaps),
        "cells": _cells(before, after),
    }


def differs(value: Mapping[str, Any]) -> bool:
    return bool(value["new"] or value["gone"] or value["changed"])


def partly(value: Mapping[str, Any]) -> bool:
    """Whether there may be more differences than can be told."""
    return (
        bool(value["not_comparable"])
        or any(cell["before"] not in SEEN or cell["after"] not in SEEN for cell in value["cells"])
        or value["gaps"] > 0
    )


def unanswered(value: Mapping[str, Any]) -> str:
    """How much could not be compared because only one scan looked, in words; empty for nothing."""
    entries, gaps = value["unanswered"], value["gaps"]
    answers = sum(len(entry["what"]) for entry in entries)
    if not answers:
        return f"{gaps:,} {'place was' if gaps == 1 else 'places were'} seen only in part" if gaps else ""
    plural = "answer" if answers == 1 else "answers"
    about = "resource" if len(entries) == 1 else "resources"
    return (
        f"{answers:,} {plural} about {len(entries):,} {about} cannot be compared: a scan did not look there"
    )


def _by_arn(answer: Answer) -> dict[str, Resource]:
    return {resource["arn"]: resource for resource in answer["resources"]}


def _seen(answer: Answer) -> set[Place]:
    """Where the scan looked."""
    return {_place_of(cell) for cell in answer["cells"] if cell["state"] in SEEN}


def _with_gaps(answer: Answer) -> set[Place]:
    """Where the scan saw what there is, but some question about it got no answer."""
    return {_place_of(cell) for cell in answer["cells"] if gaps_of(cell)}


def _place_of(cell: Mapping[str, Any]) -> Place:
    return cell["account"], cell["region"], _KINDS.get(cell["service"], cell["service"])


_KINDS = {row.service: row.kind for row in ROWS}


def _place(resource: Resource) -> Place:
    return resource["account"], resource["region"], resource["kind"]


def _unseen(resource: Resource, when: str) -> dict[str, Any]:
    return {"resource": resource, "not_seen": when}


def _changes(old: Resource, new: Resource) -> list[dict[str, Any]]:
    """Verdict, answers of checks and tags, each with what it was and is, as far as both scans know."""
    found: list[dict[str, Any]] = []
    deciding = False
    for was, now in _checks(old, new):
        if (was["ok"] is None) == (now["ok"] is None):
            found.append(_change(now["id"], was["ok"], now["ok"]))
            found += _details(was, now)
            deciding |= was["ok"] != now["ok"] and now["severity"] == "error"
    verdicts = old["fitness"]["verdict"], new["fitness"]["verdict"]
    # An unknown verdict is somebody who did not look, unless what both know has changed.
    if deciding or "unknown" not in verdicts:
        found.insert(0, _change("verdict", *verdicts))
    if old["tags_known"] and new["tags_known"]:
        found += [
            _change(f"tag {key}", old["tags"].get(key), new["tags"].get(key))
            for key in sorted({*old["tags"], *new["tags"]})
        ]
    return [change for change in found if change["before"] != change["after"]]


def _checks(old: Resource, new: Resource) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The checks that both scans made."""
    was = {check["id"]: check for check in old["fitness"]["checks"]}
    return ((was[check["id"]], check) for check in new["fitness"]["checks"] if check["id"] in was)


def _details(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was seen; where neither has an answer, nothing seen is no change."""
    before, after = was.get("detail", ""), now.get("detail", "")
    known = now["ok"] is not None or (before and after)
    return [_change(f"{now['id']}: seen", before, after)] if known else []


def _unanswered(old: Resource, new: Resource, gaps: Set[Place]) -> Iterator[dict[str, Any]]:
    gap = _place(new) in gaps
    asked = [(now["id"], was["ok"] is not None, now["ok"] is not None) for was, now in _checks(old, new)]
    asked.append(("tags", old["tags_known"], new["tags_known"]))
    what = [name for name, before, after in asked if before != after]
    if what:
        yield {"arn": new["arn"], "what": what, "gap": gap}


def _change(what: str, before: object, after: object) -> dict[str, Any]:
    return {"what": what, "before": before, "after": after}


def _cells(before: Answer, after: Answer) -> list[dict[str, Any]]:
    """Cells whose sight changed, or that neither scan saw."""
    old = {_key(cell): cell["state"] for cell in before["cells"]}
    rows = []
    for cell in after["cells"]:
        was, now = old.get(_key(cell)), cell["state"]
        if was is not None and (was not in SEEN or now not in SEEN):
            place = {key: cell[key] for key in ("account", "region", "service")}
            rows.append({**place, "before": was, "after": now, "note": cell["note"]})
    return rows


def _key(cell: Mapping[str, Any]) -> tuple[str, str, str]:
    return cell["account"], cell["region"], cell["service"]
