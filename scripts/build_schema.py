"""Write docs/stack.schema.json: the JSON Schema of stack.yaml.

Usage: python scripts/build_schema.py [--check]
"""

import json
import sys
from pathlib import Path

from provisioner import spec as specs

TARGET = Path(__file__).parent.parent / "docs" / "stack.schema.json"


def text() -> str:
    return json.dumps(specs.schema(), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    present = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
    if "--check" in sys.argv:
        print("schema is fresh" if present == text() else f"stale: {TARGET.name}")
        return int(present != text())
    TARGET.write_text(text(), encoding="utf-8")
    print(TARGET.name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
