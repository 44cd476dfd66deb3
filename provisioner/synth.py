"""Door to the CDK: a shape to its template, from the package, the cache, or a synthesis."""

import hashlib
import json
import os
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from provisioner import __version__
from provisioner import template as templates
from provisioner.errors import SpecError
from provisioner.package_data import PACKAGE
from provisioner.plan import Plan, Shape
from provisioner.template import Template


def template(plan: Plan, *, cache_dir: Path) -> Template:
    """The plan's template: its shape's, with the plan's own tags stamped in."""
    made = templates.stamped(of_shape(plan.shape, cache_dir=cache_dir), plan.stamped_tags)
    if plan.stamped_tags:
        _keep(made, cache_dir)
    return made


def of_shape(shape: Shape, *, cache_dir: Path) -> Template:
    """The template of a shape; starts Node only for a shape that neither package nor cache holds."""
    shipped = index().get(shape.key)
    if shipped is not None:
        return _shipped(shipped)
    path = cache_dir / "shapes" / f"{shape.key[:32]}-{_generation()}.json"
    kept = _read(path)
    if kept is not None:
        return kept
    made = synthesize(shape)
    _write(path, made.text)
    _keep(made, cache_dir)
    return made


def find_known(sha256: str, *, cache_dir: Path) -> Template | None:
    """A template by its own hash: a shipped one, or one that this machine has made."""
    return _kept(sha256, cache_dir) or next(
        (t for name in index().values() if (t := _shipped(name)).sha256 == sha256), None
    )


def _kept(sha256: str, cache_dir: Path) -> Template | None:
    found = _read(cache_dir / "templates" / f"{sha256}.json")
    # Whoever asks by hash relies on it, and anybody may have written to the cache.
    return found if found and found.sha256 == sha256 else None


def _keep(template: Template, cache_dir: Path) -> None:
    if _kept(template.sha256, cache_dir) is None:
        _write(cache_dir / "templates" / f"{template.sha256}.json", template.text)


@cache
def index() -> dict[str, str]:
    """Shape key -> file name of every shape that ships with the package."""
    path = PACKAGE / "shapes" / "index.json"
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def synthesize(shape: Shape) -> Template:
    """Runs the CDK; raises SpecError where it is not installed."""
    if find_spec("aws_cdk") is None:
        raise SpecError(
            "this combination of components is none of the shipped shapes, and making it takes the CDK",
            hint="install the extra `cdk` (Node comes with it): pip install 'stackwright[cdk]'; "
            "or use a preset",
            field="components",
        )
    from stacks.app import build

    # Through text and back: what the CDK returns holds jsii's own types.
    return templates.parse(json.dumps(build(shape)))


def _shipped(name: str) -> Template:
    return templates.parse((PACKAGE / "shapes" / name).read_text())


@cache
def _generation() -> str:
    """Changes whenever the code that writes templates does, so that no stale shape is served."""
    digest = hashlib.sha256(__version__.encode())
    root = Path(__file__).parent
    for path in (
        *sorted(root.glob("*.py")),
        *_sources(root / "components"),
        *_sources(root.parent / "stacks"),
    ):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _sources(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def _read(path: Path) -> Template | None:
    """What was kept; nothing where it was never kept, or cannot be read any more: it can be made again."""
    try:
        found = templates.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if found.resources else None


def _write(path: Path, text: str) -> None:
    """All or nothing: another process never reads half a template. Where nothing can be kept, nothing is."""
    partial = path.with_suffix(f".{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink()
