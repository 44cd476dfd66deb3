"""Write provisioner/data/regions.json: partitions and missing resource types, read off cfn-lint's registries.

Usage: python scripts/build_region_facts.py
"""

import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import cfnlint

from provisioner.components import CATALOGUE
from provisioner.plan import NETWORK_TYPES, STACK_TYPES

TARGET = Path(__file__).parent.parent / "provisioner" / "data" / "regions.json"
PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}
# Closed partitions have consoles and endpoints that nobody outside can check.
LEFT_OUT = ("us-iso", "eu-iso")
# cfn-lint 1.58 has no file for it, though the region exists: its types are unknown, not missing.
WITHOUT_REGISTRY = ("me-south-1",)


def partition(region: str) -> str:
    return next((p for prefix, p in PARTITIONS.items() if region.startswith(prefix)), "aws")


def types_of(path: Path) -> set[str]:
    found = json.loads(path.read_text())
    return set(found) if isinstance(found, list) else set(found.keys())


def regions() -> dict[str, dict[str, object]]:
    emitted = sorted({t for c in CATALOGUE for t in c.resource_types} | NETWORK_TYPES | STACK_TYPES)
    folder = Path(cfnlint.__file__).parent / "data" / "schemas" / "providers"
    rows: dict[str, dict[str, object]] = {}
    for path in sorted(folder.glob("*-*-*.json")):
        region = path.stem.replace("_", "-")
        if not region.startswith(LEFT_OUT):
            known = types_of(path)
            rows[region] = {
                "partition": partition(region),
                "missing": [t for t in emitted if t not in known],
            }
    for region in WITHOUT_REGISTRY:
        rows[region] = {"partition": partition(region), "missing": None}
    return dict(sorted(rows.items()))


def main() -> None:
    facts = {
        "as_of": datetime.now(UTC).date().isoformat(),
        "source": f"cfn-lint {version('cfn-lint')}",
        "regions": regions(),
    }
    TARGET.write_text(json.dumps(facts, indent=1) + "\n")
    print(f"{TARGET.name}: {len(facts['regions'])} regions")


if __name__ == "__main__":
    main()
