"""Write provisioner/data/zones.json: zone ids that EKS takes, of the regions whose zones moto's tables know.

Zone ids mean the same place in every account, zone names do not. Which zones EKS refuses is a table of AWS's:
https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html#network-requirements-subnets

Usage: python scripts/build_zone_facts.py
"""

import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

TARGET = Path(__file__).parent.parent / "provisioner" / "data" / "zones.json"
REFUSED_BY_EKS = {"use1-az3", "usw1-az2", "cac1-az3"}
MOST = 3


def zones() -> dict[str, list[str]]:
    found = {
        region: sorted({z.zone_id for z in rows} - REFUSED_BY_EKS)[:MOST]
        for region, rows in RegionsAndZonesBackend.zones.items()
    }
    return {region: ids for region, ids in sorted(found.items()) if ids}


def main() -> None:
    facts = {
        "as_of": datetime.now(UTC).date().isoformat(),
        "source": f"moto {version('moto')}, less the zones that the Amazon EKS User Guide says EKS refuses",
        "zones": zones(),
    }
    TARGET.write_text(json.dumps(facts, indent=1) + "\n")
    print(f"{TARGET.name}: {len(facts['zones'])} regions")


if __name__ == "__main__":
    main()
