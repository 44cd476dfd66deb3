"""CloudFormation templates: read them, check their form, list what they refer to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from provisioner.emulator.refusal import invalid

MAX_BODY_BYTES = 51_200
MAX_URL_BYTES = 1_000_000
MAX_RESOURCES = 500
MAX_PARAMETERS = 200
MAX_OUTPUTS = 200


def words(text: str) -> frozenset[str]:
    """A set of names from a readable line."""
    return frozenset(text.split())


SECTIONS = words(
    "AWSTemplateFormatVersion Description Metadata Parameters Rules Mappings Conditions Transform "
    "Hooks Resources Outputs"
)
RESOURCE_KEYS = words(
    "Type Properties Condition DependsOn Metadata DeletionPolicy UpdateReplacePolicy CreationPolicy "
    "UpdatePolicy Description"
)
PSEUDO_PARAMETERS = words(
    "AWS::AccountId AWS::NoValue AWS::NotificationARNs AWS::Partition AWS::Region AWS::StackId "
    "AWS::StackName AWS::URLSuffix"
)
FUNCTIONS = words(
    "Ref Condition Fn::And Fn::Base64 Fn::Cidr Fn::Contains Fn::EachMemberEquals Fn::EachMemberIn Fn::Equals "
    "Fn::FindInMap Fn::GetAZs Fn::GetAtt Fn::ValueOf "
    "Fn::If Fn::ImportValue Fn::Join Fn::Not Fn::Or Fn::Select Fn::Split Fn::Sub Fn::Transform"
)
POLICIES: Mapping[str, frozenset[str]] = {
    "DeletionPolicy": frozenset({"Delete", "Retain", "Snapshot", "RetainExceptOnCreate"}),
    "UpdateReplacePolicy": frozenset({"Delete", "Retain", "Snapshot"}),
}
PLACEHOLDER = re.compile(r"\$\{([^!}][^}]*)\}")

Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Template:
    """One template: the body exactly as given, and what it says."""

    body: str
    document: Document

    def section(self, name: str) -> Document:
        """One top-level section, empty when absent."""
        found = self.document.get(name)
        return found if isinstance(found, Mapping) else {}

    @property
    def resources(self) -> Document:
        """Logical id to resource."""
        return self.section("Resources")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One Ref (attribute is None), GetAtt or `${...}` placeholder."""

    name: str
    attribute: str | None = None


def parse(body: str, known_types: Mapping[str, frozenset[str]]) -> Template:
    """Body to checked template, by type name and its attributes; raises ValidationError in AWS's words."""
    template = Template(body=body, document=_read(body))
    _check_sections(template.document)
    _check_resources(template.resources, known_types)
    _check_functions(template.document)
    _check_references(template, known_types)
    _check_conditions(template)
    return template


def references(value: Any) -> Iterator[Reference]:
    """Every reference inside a value, in document order."""
    match value:
        case {"Ref": str(name), **rest} if not rest:
            yield Reference(name=name)
        case {"Fn::GetAtt": target, **rest} if not rest:
            yield from _attribute_references(target)
        case {"Fn::Sub": target, **rest} if not rest:
            yield from _placeholder_references(target)
        case Mapping():
            for item in value.values():
                yield from references(item)
        case list():
            for item in value:
                yield from references(item)


def depends_on(resource: Document) -> list[str]:
    """The explicit dependencies of a resource."""
    given = resource.get("DependsOn", [])
    return [given] if isinstance(given, str) else list(given)


def attribute_target(target: Any) -> tuple[str, Any]:
    """`"Logical.Attr"` or `["Logical", "Attr"]` as a pair."""
    if isinstance(target, str):
        name, _, attribute = target.partition(".")
        return name, attribute
    if isinstance(target, list) and len(target) == 2:
        return target[0], target[1]
    raise invalid("Template error: every Fn::GetAtt object requires two non-empty parameters")


def _attribute_references(target: Any) -> Iterator[Reference]:
    name, attribute = attribute_target(target)
    yield Reference(name=name, attribute=attribute if isinstance(attribute, str) else "")
    yield from references(attribute)


def _placeholder_references(target: Any) -> Iterator[Reference]:
    text, local = target if isinstance(target, list) else (target, {})
    yield from references(local)
    for name in PLACEHOLDER.findall(text):
        if name in local:
            continue
        head, _, attribute = name.partition(".")
        yield Reference(name=head, attribute=attribute or None)


# --- reading ---------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """YAML as CloudFormation reads it: short forms, and dates stay text."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]  # the one kind left
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)
# `Version: 2012-10-17` in a policy must not become a date.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if tag != "tag:yaml.org,2002:timestamp"]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _read(body: str) -> Document:
    document = _read_json(body) if body.lstrip().startswith("{") else _read_yaml(body)
    if not isinstance(document, Mapping):
        raise invalid("Template format error: unsupported structure.")
    return document


def _read_json(body: str) -> Any:
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        where = f"(line {error.lineno}, column {error.colno})"
        raise invalid(f"Template format error: JSON not well-formed. {where}") from None


def _read_yaml(body: str) -> Any:
    try:
        return yaml.load(body, Loader=_Loader)  # noqa: S506 - a SafeLoader with CloudFormation's short forms
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise invalid(f"Template format error: YAML not well-formed.{where}") from None


# --- checking --------------------------------------------------------------------------------------


def _check_sections(document: Document) -> None:
    unknown = [key for key in document if key not in SECTIONS]
    if unknown:
        raise invalid(f"Invalid template property or properties [{', '.join(unknown)}]")
    if not document.get("Resources"):
        raise invalid("Template format error: At least one Resources member must be defined.")
    _check_count(document, "Resources", "resources", MAX_RESOURCES)
    _check_count(document, "Parameters", "parameters", MAX_PARAMETERS)
    _check_count(document, "Outputs", "outputs", MAX_OUTPUTS)


def _check_count(document: Document, section: str, word: str, limit: int) -> None:
    count = len(document.get(section) or {})
    if count > limit:
        raise invalid(
            f"Template format error: Number of {word}, {count}, is greater than maximum allowed, {limit}"
        )


def _check_resources(resources: Document, known_types: Mapping[str, frozenset[str]]) -> None:
    for logical_id, resource in resources.items():
        _check_resource(logical_id, resource)
    unknown = {str(r["Type"]): None for r in resources.values() if r["Type"] not in known_types}
    if unknown:
        raise invalid(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")


def _check_resource(logical_id: str, resource: Any) -> None:
    if not re.fullmatch(r"[A-Za-z0-9]{1,255}", logical_id):
        raise invalid(f"Template format error: Resource name {logical_id} is non alphanumeric.")
    if not isinstance(resource, Mapping):
        raise invalid("Template format error: [/Resources] Every Resources member must be an object.")
    if not isinstance(resource.get("Type"), str):
        raise invalid(
            f"Template format error: [/Resources/{logical_id}] Every Resources object must contain a Type "
            "member."
        )
    unknown = [key for key in resource if key not in RESOURCE_KEYS]
    if unknown:
        raise invalid(f"Invalid template resource property '{unknown[0]}'")
    for name, allowed in POLICIES.items():
        _check_policy(name, resource.get(name, "Delete"), allowed)


def _check_policy(name: str, value: Any, allowed: frozenset[str]) -> None:
    # Intrinsics are allowed here only under the AWS::LanguageExtensions transform, which nothing here runs.
    if not isinstance(value, str):
        raise invalid(f"Template format error: Every {name} member must be a string.")
    if value not in allowed:
        raise invalid(f"Template format error: Unrecognized {name} {value}")


def _check_functions(value: Any) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str) and key.startswith("Fn::") and key not in FUNCTIONS:
                raise invalid(f"Template error: Encountered unsupported function: {key}")
            _check_functions(item)
    elif isinstance(value, list):
        for item in value:
            _check_functions(item)


def _check_references(template: Template, known_types: Mapping[str, frozenset[str]]) -> None:
    resources = template.resources
    known = {*resources, *template.section("Parameters"), *PSEUDO_PARAMETERS}
    for block in ("Resources", "Outputs"):
        unresolved: dict[str, None] = {}
        for reference in _references_of(template.section(block)):
            _check_attribute(reference, resources, known_types)
            if reference.name not in known:
                unresolved[reference.name] = None
        _refuse_unresolved(unresolved, block)


def _references_of(section: Document) -> Iterator[Reference]:
    for item in section.values():
        yield from references({k: v for k, v in item.items() if k not in ("DependsOn", "Condition")})
        for name in depends_on(item):
            yield Reference(name=name)


def _check_attribute(
    reference: Reference, resources: Document, known_types: Mapping[str, frozenset[str]]
) -> None:
    name, attribute = reference.name, reference.attribute
    if attribute is None:
        return
    if name not in resources:
        raise invalid(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
    # The attribute of a GetAtt may itself be a reference; it is then known only later.
    if attribute and attribute not in known_types[resources[name]["Type"]]:
        raise invalid(
            f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt"
        )


def _refuse_unresolved(names: Mapping[str, None], block: str) -> None:
    if names:
        raise invalid(
            f"Template format error: Unresolved resource dependencies [{', '.join(names)}] "
            f"in the {block} block of the template"
        )


def _check_conditions(template: Template) -> None:
    known = set(template.section("Conditions"))
    for block in ("Resources", "Outputs"):
        for name in _conditions_used(template.section(block)):
            if name not in known:
                raise invalid(
                    f"Template format error: Unresolved condition dependency {name} in the {block} block "
                    "of the template"
                )


def _conditions_used(section: Document) -> Iterator[str]:
    for item in section.values():
        if "Condition" in item:
            yield str(item["Condition"])
        yield from _if_conditions(item)


def _if_conditions(value: Any) -> Iterator[str]:
    match value:
        case {"Fn::If": [str(name), *branches], **rest} if not rest:
            yield name
            yield from _if_conditions(branches)
        case Mapping():
            for item in value.values():
                yield from _if_conditions(item)
        case list():
            for item in value:
                yield from _if_conditions(item)
