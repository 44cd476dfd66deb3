"""Write provisioner/shapes/: the template of every preset, in every trust and retention it may have.

Usage: python scripts/build_shapes.py [--check]
"""

import json
import sys
from itertools import product
from pathlib import Path

from provisioner import plan as plans
from provisioner import spec as specs
from provisioner import synth
from provisioner.plan import Shape

FOLDER = Path(__file__).parent.parent / "provisioner" / "shapes"
PRINCIPAL = "arn:aws:iam::111122223333:role/someone"
TRUSTS = {
    "account": {"trust": "account"},
    "principal": {"trust": "principal", "principal": PRINCIPAL},
    "principal-noid": {"trust": "principal", "principal": PRINCIPAL, "external_id": False},
}


def shapes() -> dict[str, Shape]:
    """File name -> shape, for every shape that ships."""
    found = {}
    for preset, (trust, access), retention in product(specs.PRESETS, TRUSTS.items(), specs.RETENTIONS):
        base = specs.preset(preset, name="preset", region="us-east-1").as_dict()
        spec = specs.parse(base | {"access": access, "data": {"retention": retention}})
        found[f"{preset}.{trust}.{retention}.json"] = plans.make(spec).shape
    return found


def rendered() -> dict[str, str]:
    """File name -> text, index included."""
    texts = {name: synth.synthesize(shape).text + "\n" for name, shape in shapes().items()}
    index = {shape.key: name for name, shape in shapes().items()}
    return texts | {"index.json": json.dumps(index, indent=1, sort_keys=True) + "\n"}


def main() -> int:
    wanted = rendered()
    present = {p.name: p.read_text() for p in FOLDER.glob("*.json")}
    if "--check" in sys.argv:
        stale = sorted(n for n in wanted | present if wanted.get(n) != present.get(n))
        print("\n".join(f"stale: {name}" for name in stale) or "shapes are fresh")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name in present.keys() - wanted.keys():
        (FOLDER / name).unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text)
    print(f"{len(wanted) - 1} shapes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
