"""Template text read: JSON, or YAML with CloudFormation's short forms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from cost_estimates.model import CostError

_DEEPEST = 200
_TOO_DEEP = f"a template nested deeper than {_DEEPEST} levels"


def read_template(text: str) -> dict[str, Any]:
    """A template from JSON or YAML with CloudFormation's short forms; raises CostError."""
    try:
        body = json.loads(text)
    except RecursionError as error:
        raise CostError(_TOO_DEEP) from error
    except ValueError:
        body = _read_yaml(text)
    return dict(check_template(body))


def check_template(body: Any) -> Mapping[str, Any]:
    resources = body.get("Resources") if isinstance(body, Mapping) else None
    if not isinstance(resources, Mapping):
        raise CostError(
            "not a CloudFormation template: no Resources section",
            hint="give a template in JSON or YAML, as `aws cloudformation get-template` prints it",
            field="Resources",
        )
    checked: Mapping[str, Any] = body
    return checked


def _read_yaml(text: str) -> Any:
    import yaml  # templates of ours are JSON: most estimates never need it

    try:
        _check_nesting(yaml, text)
        return yaml.load(text, Loader=_yaml_loader())  # noqa: S506 - a safe loader plus short forms
    except (yaml.YAMLError, ValueError) as error:
        raise CostError(
            f"neither JSON nor YAML: {' '.join(str(error).split())}",
            hint="give a CloudFormation template in JSON or YAML",
        ) from error


def _check_nesting(yaml: Any, text: str) -> None:
    """The C composer has no depth limit of its own and takes the process down with it."""
    depth = 0
    for event in yaml.parse(text, Loader=_yaml_loader()):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise CostError(_TOO_DEEP)
        if isinstance(event, yaml.AliasEvent):
            raise CostError(
                f"line {event.start_mark.line + 1} uses the YAML alias *{event.anchor}",
                hint="CloudFormation supports no aliases: write the value out",
            )


@cache
def _yaml_loader() -> Any:
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: Any = type("TemplateLoader", (base,), {})
    # 2012-10-17 is a policy version, not a day.
    loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in pairs if not tag.endswith(":timestamp")]
        for first, pairs in base.yaml_implicit_resolvers.items()
    }
    loader.add_multi_constructor("!", _short_form)
    return loader


def _short_form(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
    constructors = {"scalar": loader.construct_scalar, "sequence": loader.construct_sequence}
    construct = constructors.get(node.id)
    value = construct(node, **_deep(node)) if construct else loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


def _deep(node: Any) -> dict[str, bool]:
    return {"deep": True} if node.id == "sequence" else {}
