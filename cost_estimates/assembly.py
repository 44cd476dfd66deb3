"""Templates read from a file or a CDK output directory, nested ones with them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cost_estimates.model import CostError
from cost_estimates.template import STACK, Stack
from cost_estimates.template_text import read_template

MANIFEST = "manifest.json"
STACK_ARTIFACT = "aws:cloudformation:stack"
STAGE_ARTIFACT = "cdk:cloud-assembly"
ASSET_PATH = "aws:asset:path"  # where the CDK notes the file of a nested template, if it is told to
ASSET_MANIFESTS = "*.assets.json"
ASSET_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_DEEPEST = 20  # stages in stages, stacks in stacks
_URL = ("https://", "http://", "s3://")


def read_templates(path: Path) -> tuple[Stack, ...]:
    """One stack of a template file, or every stack of a cloud assembly; raises CostError."""
    if not path.is_dir():
        return (_read_stack(path, ()),)
    stacks = tuple(_read_assembly(path, _DEEPEST))
    if not stacks:
        raise CostError(f"no stack in {path / MANIFEST}", hint="`cdk synth` writes one", field="template")
    return stacks


def _read_assembly(folder: Path, levels: int) -> Iterator[Stack]:
    artifacts = _read_manifest(folder).get("artifacts")
    for name, artifact in artifacts.items() if isinstance(artifacts, Mapping) else ():
        kind = artifact.get("type") if isinstance(artifact, Mapping) else None
        properties = artifact.get("properties") or {} if kind else {}
        if kind == STACK_ARTIFACT and "templateFile" in properties:
            file = folder / str(properties["templateFile"])
            yield _read_stack(file, (), name=str(artifact.get("displayName", name)))
        elif kind == STAGE_ARTIFACT and "directoryName" in properties and levels:
            yield from _read_assembly(folder / str(properties["directoryName"]), levels - 1)


def _read_manifest(folder: Path) -> Mapping[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CostError(
            f"{folder} is no CDK output directory: {MANIFEST} {_why(error)}",
            hint="give a template file, or the directory that `cdk synth` writes (cdk.out)",
            field="template",
        ) from error
    return manifest if isinstance(manifest, Mapping) else {}


def _read_stack(file: Path, above: tuple[Path, ...], *, name: str = "") -> Stack:
    body = read_template(_read_text(file))
    stacks = {
        logical_id: _read_nested(resource, file, (*above, file.resolve()))
        for logical_id, resource in body["Resources"].items()
        if isinstance(resource, Mapping) and resource.get("Type") == STACK
    }
    return Stack(body=body, name=name, nested=stacks)


def _read_nested(resource: Mapping[str, Any], parent: Path, above: tuple[Path, ...]) -> Stack | str:
    """The nested stack, or why it was not read: that is one line of the answer, never an end of it."""
    place = _local_file(resource) or _asset_file(resource, parent.parent)
    if place is None:
        return "a nested stack whose template is not beside this one: estimate it by itself"
    file = (parent.parent / place).resolve()
    if file in above or len(above) > _DEEPEST:
        return f"a nested stack that leads back to itself: {place}"
    try:
        return _read_stack(file, above)
    except CostError as error:
        return f"a nested stack that cannot be read: {error.message}"


def _local_file(resource: Mapping[str, Any]) -> str | None:
    """The path of a nested template relative to its parent's, where it has one."""
    metadata, properties = resource.get("Metadata"), resource.get("Properties")
    asset = metadata.get(ASSET_PATH) if isinstance(metadata, Mapping) else None
    url = properties.get("TemplateURL") if isinstance(properties, Mapping) else None
    place = asset or url
    return place if isinstance(place, str) and place and not place.startswith(_URL) else None


def _asset_file(resource: Mapping[str, Any], folder: Path) -> str | None:
    """The file of a nested template that the CDK uploads: its address ends in the hash of its asset."""
    hashes = ASSET_HASH.findall(json.dumps(resource.get("Properties"), default=str))
    return next((path for path in map(_assets(folder).get, hashes) if path), None) if hashes else None


def _assets(folder: Path) -> dict[str, str]:
    """Hash -> path of every file that the asset manifests of a folder list."""
    found: dict[str, str] = {}
    for manifest in sorted(folder.glob(ASSET_MANIFESTS)):
        try:
            files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
            found |= {name: str(file["source"]["path"]) for name, file in files.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # not an asset manifest: its stacks are then one unknown line each
    return found


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CostError(f"{file} {_why(error)}", field="template") from error


def _why(error: Exception) -> str:
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"cannot be read: {words}"
