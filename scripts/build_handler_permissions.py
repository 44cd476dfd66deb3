"""Write provisioner/data/handlers.json: what CloudFormation's handlers ask for, and what ARNs actions take.

Both are read off the files that cfn-lint ships: the handlers' permissions of the resource schemas, and the
actions and ARN formats of AWS's service authorization reference.

Usage: python scripts/build_handler_permissions.py [--check]
"""

import json
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cfnlint

from provisioner import deploy_policy, deploy_rows

TARGET = Path(__file__).parent.parent / "provisioner" / "data" / "handlers.json"
SHIPPED = Path(cfnlint.__file__).parent / "data"
VERBS = ("create", "read", "update", "delete", "tag")
# A type is registered in one of these regions, or in none that matters here.
REGIONS = ("us-east-1", "eu-central-1")


def main() -> int:
    text = json.dumps(facts(), indent=1, sort_keys=True) + "\n"
    if "--check" in sys.argv:
        present = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
        print("handler permissions are fresh" if present == text else f"stale: {TARGET.name}")
        return int(present != text)
    TARGET.write_text(text, encoding="utf-8")
    print(f"{TARGET.name}: {len(deploy_rows.ROWS)} types")
    return 0


def facts() -> dict[str, Any]:
    reference = json.loads((SHIPPED / "AdditionalSpecs" / "Policies.json").read_text(encoding="utf-8"))
    types = {row.type: handlers(row) for row in deploy_rows.ROWS}
    asked = {a for verbs in types.values() for actions in verbs.values() for a in actions}
    actions = {a: takes(a, reference) for a in sorted(asked | deploy_policy.EXTRA_ACTIONS)}
    return {
        "source": f"cfn-lint {version('cfn-lint')}",
        "types": types,
        # Action -> resource types; an empty list is an action that takes no ARN, null is no action of IAM.
        "actions": actions,
        "arns": dict(sorted(arns(reference))),
    }


def handlers(row: deploy_rows.Row) -> dict[str, list[str]]:
    """Verb -> actions as the schema has them, in one spelling; by hand where it has none."""
    if row.by_hand:
        return {verb: actions.split() for verb, actions in row.by_hand.items()}
    schema = schema_of(row.type)
    listed = {verb: h.get("permissions", []) for verb, h in schema.get("handlers", {}).items()}
    listed["tag"] = schema.get("tagging", {}).get("permissions") or []
    return {verb: sorted({spelt(a) for a in listed[verb]}) for verb in VERBS if listed.get(verb)}


def schema_of(type_: str) -> dict[str, Any]:
    schemas = SHIPPED / "schemas"
    for region in REGIONS:
        registry = json.loads((schemas / "providers" / f"{region}.json").read_text(encoding="utf-8"))
        if type_ in registry:
            found: dict[str, Any] = json.loads(
                (schemas / "resources" / f"{registry[type_]}.json").read_text(encoding="utf-8")
            )
            return found
    raise SystemExit(f"cfn-lint knows no {type_} in {', '.join(REGIONS)}")


def spelt(action: str) -> str:
    """`Batch:UnTagResource` as IAM writes it."""
    service, _, name = action.partition(":")
    return f"{service.lower()}:{name.replace('UnTag', 'Untag')}"


def takes(action: str, reference: Mapping[str, Any]) -> list[str] | None:
    """The resource types of an action, as far as a row acts on them; all of them where none does."""
    service, _, name = action.partition(":")
    found = reference.get(service, {}).get("Actions", {}).get(name.lower())
    if found is None:
        return None
    every = [f"{service}:{kind.lower()}" for kind in found.get("Resources", [])]
    return [kind for kind in every if kind in deploy_policy.KINDS] or every


def arns(reference: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for kind in deploy_policy.KINDS:
        service, _, name = kind.partition(":")
        resources = {k.lower(): v for k, v in reference[service]["Resources"].items()}
        yield kind, resources[name]["ARNFormats"][0].replace(".*", "*")


if __name__ == "__main__":
    raise SystemExit(main())
