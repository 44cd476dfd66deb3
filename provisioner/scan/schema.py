"""The JSON Schema of a scan's answer, made from the code that answers."""

from collections.abc import Mapping
from typing import Any, get_args

from provisioner.component import TYPES, Severity
from provisioner.scan.row import State
from provisioner.scan.table import ROWS

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number", "minimum": 0}
_COUNT: Schema = {"type": "integer", "minimum": 0}


def schema() -> Schema:
    """More keys are welcome; these stay."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "stackwright scan --json",
        **_object(
            {
                "cells": {"type": "array", "items": _cell()},
                "resources": {"type": "array", "items": _resource()},
                "suggestions": {"type": "array", "items": _suggestion()},
                "notes": {"type": "object", "additionalProperties": _TEXT, "description": "By account."},
                "summary": _object(
                    {
                        "calls": _COUNT,
                        "seconds": _NUMBER,
                        "resources": _COUNT,
                        "not_seen": {**_COUNT, "description": "Cells that nobody could list."},
                        "partly_seen": {**_COUNT, "description": "Cells with gaps."},
                        "gaps": {**_COUNT, "description": "Those of all cells."},
                    }
                ),
            }
        ),
    }


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "required": list(properties), "properties": dict(properties)}


def _cell() -> Schema:
    return _object(
        {
            "account": _TEXT,
            "region": {**_TEXT, "description": '"global" for what belongs to no region.'},
            "service": {"enum": [row.service for row in ROWS]},
            "state": {"enum": list(get_args(State))},
            "count": _COUNT,
            "calls": _COUNT,
            "seconds": _NUMBER,
            "note": {**_TEXT, "description": "Why it could not be seen, or what of it could not."},
            "gaps": {
                **_COUNT,
                "description": "Unanswered questions about what was listed; `state` is the listing's.",
            },
        }
    )


def _resource() -> Schema:
    return _object(
        {
            "arn": _TEXT,
            "account": _TEXT,
            "region": _TEXT,
            "kind": {"enum": sorted({row.kind for row in ROWS})},
            "name": _TEXT,
            "component_types": {"type": "array", "items": {"enum": list(TYPES)}},
            "fitness": _object(
                {
                    "verdict": {"enum": ["fit", "unfit", "unknown"]},
                    "checks": {"type": "array", "items": _check()},
                }
            ),
            "tags": {"type": "object", "additionalProperties": _TEXT},
            "tags_known": {"type": "boolean", "description": "false: nobody could read the tags."},
        }
    )


def _suggestion() -> Schema:
    by_type = {"type": "object", "propertyNames": {"enum": list(TYPES)}, "additionalProperties": _TEXT}
    return _object(
        {
            "rank": {"type": "integer", "minimum": 1},
            "account": _TEXT,
            "region": _TEXT,
            "components": {**by_type, "description": 'The ARN of what is reused, or "build".'},
            "flavors": by_type,
            "score": {"type": "number", "minimum": 0, "maximum": 100},
            "missing": {"type": "array", "items": {"enum": list(TYPES)}},
            "monthly_usd": {
                "type": ["number", "null"],
                "description": "What the missing parts cost; null: a price is not known.",
            },
            "why": {**by_type, "description": "What each part got its points for."},
            "checks": {"type": "array", "items": _check(), "description": "What holds for all of its parts."},
        }
    )


def _check() -> Schema:
    return _object(
        {
            "id": _TEXT,
            "ok": {"type": ["boolean", "null"], "description": "null: nobody could look."},
            "severity": {"enum": list(get_args(Severity))},
            "reason": {**_TEXT, "description": "What holds where ok is true."},
            "detail": {**_TEXT, "description": "What was seen: versions, names, what is missing."},
        }
    )
