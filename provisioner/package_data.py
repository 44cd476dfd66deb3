"""What comes with the package: a folder beside the code, in a checkout and where a wheel was installed.

By path, because importlib.resources takes as long to import as `link` has for a tenth of its work.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent


@cache
def table(name: str) -> Any:
    """A dated table of facts, `data/NAME.json`; the same value for all who ask: nobody changes it."""
    return json.loads((PACKAGE / "data" / f"{name}.json").read_text(encoding="utf-8"))


def templates() -> Path:
    """Where words, pages and manifests are: inside the wheel, or beside the package in a checkout."""
    shipped = PACKAGE / "templates"
    return shipped if shipped.is_dir() else PACKAGE.parent / "templates"
