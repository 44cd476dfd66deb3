"""What changed between two scans; what one of them could not see is never taken for new or gone."""

from collections.abc import Mapping
from typing import Any

from provisioner.scan.row import SEEN
from provisioner.scan.table import ROWS

Answer = Mapping[str, Any]
Resource = Mapping[str, Any]


def diff(before: Answer, after: Answer) -> dict[str, Any]:
    """Resources that are new, gone and changed, and those that one scan had no look at."""
    old, new = _by_arn(before), _by_arn(after)
    seen_before, seen_after = _seen(before), _seen(after)
    both = [(new[arn], _changes(old[arn], new[arn])) for arn in new if arn in old]
    return {
        "new": [r for arn, r in new.items() if arn not in old and _place(r) in seen_before],
        "gone": [r for arn, r in old.items() if arn not in new and _place(r) in seen_after],
        "changed": [{"resource": r, "changes": changes} for r, changes in both if changes],
        "not_comparable": [
            *(_unseen(r, "before") for a, r in new.items() if a not in old and _place(r) not in seen_before),
            *(_unseen(r, "after") for a, r in old.items() if a not in new and _place(r) not in seen_after),
        ],
        "cells": _cells(before, after),
    }


def differs(value: Mapping[str, Any]) -> bool:
    return bool(value["new"] or value["gone"] or value["changed"])


def partly(value: Mapping[str, Any]) -> bool:
    """Whether there may be more differences than can be told."""
    return bool(value["not_comparable"]) or any(
        cell["before"] not in SEEN or cell["after"] not in SEEN for cell in value["cells"]
    )


def _by_arn(answer: Answer) -> dict[str, Resource]:
    return {resource["arn"]: resource for resource in answer["resources"]}


def _seen(answer: Answer) -> set[tuple[str, str, str]]:
    """(account, region, kind) that were looked at: a cell names its service, a resource its kind."""
    kinds = {row.service: row.kind for row in ROWS}
    return {
        (cell["account"], cell["region"], kinds.get(cell["service"], cell["service"]))
        for cell in answer["cells"]
        if cell["state"] in SEEN
    }


def _place(resource: Resource) -> tuple[str, str, str]:
    return resource["account"], resource["region"], resource["kind"]


def _unseen(resource: Resource, when: str) -> dict[str, Any]:
    return {"resource": resource, "not_seen": when}


def _changes(old: Resource, new: Resource) -> list[dict[str, Any]]:
    """Verdict, answers of checks and tags, each with what it was and is."""
    found = [_change("verdict", old["fitness"]["verdict"], new["fitness"]["verdict"])]
    was = {c["id"]: c for c in old["fitness"]["checks"]}
    for check in new["fitness"]["checks"]:
        earlier = was.get(check["id"])
        if earlier:
            found.append(_change(check["id"], earlier["ok"], check["ok"]))
            found.append(_change(f"{check['id']}: seen", earlier.get("detail", ""), check.get("detail", "")))
    # Tags that nobody could read are no change.
    if old["tags_known"] and new["tags_known"]:
        found += [
            _change(f"tag {key}", old["tags"].get(key), new["tags"].get(key))
            for key in sorted({*old["tags"], *new["tags"]})
        ]
    return [change for change in found if change["before"] != change["after"]]


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
