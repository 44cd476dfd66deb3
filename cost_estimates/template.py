"""A CloudFormation template as its prices need it: which resources exist, and what their values are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from cost_estimates.model import CostError

COMPONENT_TAG = "stackwright:component"
OTHER = "other"
_TAG_KEYS = ("Tags", "ResourceTags")
_PARTITIONS = (
    # region prefix, partition, URL suffix
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("eusc-", "aws-eusc", "amazonaws.eu"),
    ("", "aws", "amazonaws.com"),
)
_DEEPEST = 200
_LARGEST = Decimal(10) ** 9
_TOO_DEEP = f"a template nested deeper than {_DEEPEST} levels"
_SUB = re.compile(r"\$\{([^}]+)\}")


@dataclass(frozen=True, kw_only=True)
class Unresolved:
    """A value that only AWS knows; `logical_id` where it points at a resource of the template."""

    words: str
    logical_id: str = ""


NO_VALUE = object()  # AWS::NoValue


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource that the conditions leave in. Reading a value that is not known leaves a note."""

    logical_id: str
    type: str
    template: Template
    properties: Any
    notes: list[str] = field(default_factory=list)

    @property
    def component(self) -> str:
        for key in _TAG_KEYS:
            name = _tag(self.template.resolve(_child(self.properties, key)))
            if name:
                return name
        return OTHER

    def read(self, path: str, default: Any = None) -> Any:
        """The value at `A.B.C`, or the default: silently if absent, with a note if unknowable."""
        value = self._value(path)
        if isinstance(value, Unresolved):
            self.assume(path, value.words, default)
            return default
        return default if value is None else value

    def has(self, path: str) -> bool:
        return self._value(path) is not None

    def read_or_assume(self, path: str, default: str) -> str:
        """A text that an estimate needs; if absent, that too is noted."""
        if not self.has(path):
            self.assume(path, "not in the template", default)
        return self.read_text(path, default)

    def read_text(self, path: str, default: str) -> str:
        value = self.read(path, default)
        return value if isinstance(value, str) else str(value)

    def read_number(self, path: str, default: Decimal | int) -> Decimal:
        value = self.read(path, default)
        number = _number(value)
        if number is None:
            self.assume(path, f"{value!r}, which is no amount", default)
            return Decimal(default)
        return number

    def read_flag(self, path: str) -> bool:
        return str(self.read(path, False)).lower() == "true"

    def read_list(self, path: str) -> list[Any]:
        value = self.read(path, [])
        return value if isinstance(value, list) else [value]

    def follow(self, path: str, type_name: str) -> Resource | None:
        """The resource of this template that a Ref or GetAtt at `path` points at."""
        value = self._value(path)
        logical_id = value.logical_id if isinstance(value, Unresolved) else ""
        return self.template.find(logical_id, type_name)

    def part(self, properties: Mapping[str, Any]) -> Resource:
        """A nested block read with the same care; its notes are the resource's notes."""
        return Resource(
            logical_id=self.logical_id,
            type=self.type,
            template=self.template,
            properties=properties,
            notes=self.notes,
        )

    def assume(self, path: str, found: str, default: Any) -> None:
        self.notes.append(f"{path} is {found}: {_words(default)} assumed")

    def _value(self, path: str) -> Any:
        value = self.template.resolve_shallow(self.properties)
        for key in path.split("."):
            if isinstance(value, Unresolved):
                return value
            value = self.template.resolve_shallow(_child(value, key))
        return None if value is NO_VALUE else self.template.resolve(value)


class Template:
    """Parameters, mappings and conditions of one template in one region."""

    def __init__(self, body: Mapping[str, Any], region: str, parameters: Mapping[str, str]) -> None:
        self.body = check_template(body)
        self.declared: Mapping[str, Any] = _section(body, "Parameters")
        self.mappings = _section(body, "Mappings")
        self.conditions = _section(body, "Conditions")
        self.parameters = _check_parameters(parameters, self.declared)
        self.pseudo = _pseudo_parameters(region)
        self._pending: list[str] = []

    def resources(self) -> Iterator[Resource]:
        for logical_id in self.body["Resources"]:
            resource = self.find(logical_id)
            if resource:
                yield resource

    def find(self, logical_id: str, type_name: str | None = None) -> Resource | None:
        """A resource by name, unless its condition is false or it is of another type."""
        body = self.body["Resources"].get(logical_id)
        if body is None:
            return None
        if not isinstance(body, Mapping):
            # Fn::ForEach and the like: a list where a resource would stand.
            body = {"Type": logical_id.rpartition("::")[0] or logical_id}
        kind, condition = str(body.get("Type", "")), body.get("Condition")
        exists = self.holds(condition) if isinstance(condition, str) else True
        if exists is False or type_name not in (None, kind):
            return None
        notes = [] if exists is True else [f"condition {condition} is open: taken as true"]
        properties = body.get("Properties", {})
        return Resource(logical_id=logical_id, type=kind, template=self, properties=properties, notes=notes)

    def holds(self, condition: str) -> bool | Unresolved:
        if condition not in self.conditions:
            return Unresolved(words=f"condition {condition}, which the template lacks")
        if condition in self._pending:
            raise CostError(f"condition {condition} depends on itself", field=f"Conditions.{condition}")
        self._pending.append(condition)
        value = self.resolve(self.conditions[condition])
        self._pending.pop()
        return value if isinstance(value, Unresolved) else _truth(value)

    def resolve(self, value: Any) -> Any:
        """The value with every intrinsic in it replaced; what cannot be known becomes Unresolved."""
        value = self.resolve_shallow(value)
        if isinstance(value, dict):
            pairs = ((key, self.resolve(item)) for key, item in value.items())
            return {key: item for key, item in pairs if item is not NO_VALUE}
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        return value

    def resolve_shallow(self, value: Any) -> Any:
        """The value itself without intrinsic; what it contains is left as it is."""
        if not isinstance(value, dict) or len(value) != 1:
            return value
        (name, argument) = next(iter(value.items()))
        intrinsic = INTRINSICS.get(name)
        if intrinsic is None:
            return value
        _check_argument(name, argument)
        return intrinsic(self, argument)

    def ref(self, name: Any) -> Any:
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.declared:
            return _parameter(name, self.declared[name], self.parameters)
        if name in self.body["Resources"]:
            return Unresolved(words=f"known only once {name} exists", logical_id=name)
        return Unresolved(words=f"{name}, known only to AWS")


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
    return body  # type: ignore[no-any-return]


def nearest(name: str, allowed: list[str]) -> list[str]:
    from difflib import get_close_matches  # only an error needs it

    return get_close_matches(name, allowed, n=3)


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


def _section(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = body.get(name) or {}
    if not isinstance(section, Mapping):
        raise CostError(f"{name} is not a mapping", field=name)
    return section


def _check_parameters(parameters: Mapping[str, str], declared: Mapping[str, Any]) -> Mapping[str, str]:
    for name in parameters:
        if name not in declared:
            close = nearest(name, list(declared)) or sorted(declared) or ["none at all"]
            raise CostError(
                f"the template has no parameter {name}",
                hint=f"it has {', '.join(close)}",
                field=f"parameters.{name}",
            )
    return parameters


def _pseudo_parameters(region: str) -> dict[str, Any]:
    partition, suffix = next((p, s) for prefix, p, s in _PARTITIONS if region.startswith(prefix))
    return {
        "AWS::Region": region,
        "AWS::Partition": partition,
        "AWS::URLSuffix": suffix,
        "AWS::NoValue": NO_VALUE,
    }


def _parameter(name: str, declaration: Any, given: Mapping[str, str]) -> Any:
    kind = str(_child(declaration, "Type") or "String")
    if kind.startswith("AWS::SSM::Parameter::Value"):
        return Unresolved(words=f"parameter {name}, kept in SSM")
    value = given.get(name, _child(declaration, "Default"))
    if value is None:
        return Unresolved(words=f"parameter {name}, which has no value")
    if "List" in kind and not isinstance(value, list):
        return [item.strip() for item in str(value).split(",")]
    return value


def _get_att(template: Template, argument: Any) -> Unresolved:
    parts = argument.split(".", 1) if isinstance(argument, str) else list(argument)
    return Unresolved(words=f"known only once {parts[0]} exists", logical_id=str(parts[0]))


def _if(template: Template, argument: Any) -> Any:
    condition, yes, no = argument
    holds = template.holds(condition)
    if isinstance(holds, Unresolved):
        return Unresolved(words=f"under condition {condition}, which is open")
    return template.resolve_shallow(yes if holds else no)


def _sub(template: Template, argument: Any) -> Any:
    text, own = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])
    values = {}
    for name in _SUB.findall(text):
        if name.startswith("!"):
            values[name] = f"${{{name[1:]}}}"
            continue
        value = template.resolve(own[name]) if name in own else _sub_name(template, name)
        if isinstance(value, Unresolved):
            return value
        values[name] = str(value)
    return _SUB.sub(lambda match: values[match[1]], text)


def _sub_name(template: Template, name: str) -> Any:
    return _get_att(template, name) if "." in name else template.ref(name)


def _join(template: Template, argument: Any) -> Any:
    separator, parts = argument
    values = template.resolve(parts)
    if not isinstance(values, list):
        return values if isinstance(values, Unresolved) else Unresolved(words="a join of no list")
    unknown = next((value for value in values if isinstance(value, Unresolved)), None)
    return unknown or separator.join(str(value) for value in values)


def _select(template: Template, argument: Any) -> Any:
    index, values = (template.resolve(part) for part in argument)
    unknown = next((part for part in (index, values) if isinstance(part, Unresolved)), None)
    if unknown:
        return unknown
    chosen = _child(values, str(index)) if isinstance(values, list) else None
    return Unresolved(words=f"item {index} of a list without it") if chosen is None else chosen


def _split(template: Template, argument: Any) -> Any:
    separator, text = (template.resolve(part) for part in argument)
    if isinstance(text, Unresolved):
        return text
    return str(text).split(separator) if isinstance(separator, str) and separator else [text]


def _find_in_map(template: Template, argument: Any) -> Any:
    name, *keys = (template.resolve(part) for part in argument[:3])
    value: Any = template.mappings.get(name) if isinstance(name, str) else None
    for key in keys:
        value = value.get(key) if isinstance(value, dict) and isinstance(key, str) else None
    return Unresolved(words=f"missing from mapping {name}") if value is None else value


def _equals(template: Template, argument: Any) -> Any:
    left, right = (template.resolve(part) for part in argument)
    unknown = next((side for side in (left, right) if isinstance(side, Unresolved)), None)
    return unknown or str(left) == str(right)


def _condition(template: Template, argument: Any) -> Any:
    # In a policy statement the same word holds a mapping.
    return template.holds(argument) if _is_text(argument) else {"Condition": argument}


def _not(template: Template, argument: Any) -> Any:
    value = template.resolve(argument[0])
    return value if isinstance(value, Unresolved) else not _truth(value)


def _and(template: Template, argument: Any) -> Any:
    return _decide(template, argument, decisive=False)


def _or(template: Template, argument: Any) -> Any:
    return _decide(template, argument, decisive=True)


def _decide(template: Template, argument: Any, *, decisive: bool) -> Any:
    """One decisive part settles an And (false) or an Or (true), whatever the open parts are."""
    values = [template.resolve(part) for part in argument]
    known = [_truth(value) for value in values if not isinstance(value, Unresolved)]
    if decisive in known:
        return decisive
    return not decisive if len(known) == len(values) else Unresolved(words="an open condition")


def _only_aws_knows(name: str) -> Callable[[Template, Any], Unresolved]:
    return lambda template, argument: Unresolved(words=f"{name}, known only to AWS")


INTRINSICS: Mapping[str, Callable[[Template, Any], Any]] = {
    "Ref": Template.ref,
    "Condition": _condition,
    "Fn::GetAtt": _get_att,
    "Fn::If": _if,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::FindInMap": _find_in_map,
    "Fn::Equals": _equals,
    "Fn::Not": _not,
    "Fn::And": _and,
    "Fn::Or": _or,
    "Fn::Base64": lambda template, argument: template.resolve(argument),
    **{
        name: _only_aws_knows(name)
        for name in ("Fn::ImportValue", "Fn::GetAZs", "Fn::Cidr", "Fn::Transform", "Fn::GetStackOutput")
    },
}


def _is_text(argument: Any) -> bool:
    return isinstance(argument, str)


def _is_list_of(*sizes: int) -> Callable[[Any], bool]:
    return lambda argument: isinstance(argument, list) and len(argument) in sizes


def _is_choice(argument: Any) -> bool:
    return _is_list_of(3)(argument) and _is_text(argument[0])


def _is_join(argument: Any) -> bool:
    return _is_list_of(2)(argument) and _is_text(argument[0])


def _is_sub(argument: Any) -> bool:
    if _is_list_of(2)(argument):
        return _is_text(argument[0]) and isinstance(argument[1], Mapping)
    return _is_text(argument)


def _is_attribute(argument: Any) -> bool:
    return _is_text(argument) or (_is_list_of(2)(argument) and _is_text(argument[0]))


_ARGUMENTS: Mapping[str, Callable[[Any], bool]] = {
    "Ref": _is_text,
    "Fn::GetAtt": _is_attribute,
    "Fn::If": _is_choice,
    "Fn::Sub": _is_sub,
    "Fn::Join": _is_join,
    "Fn::Select": _is_list_of(2),
    "Fn::Split": _is_list_of(2),
    "Fn::FindInMap": _is_list_of(3, 4),
    "Fn::Equals": _is_list_of(2),
    "Fn::Not": _is_list_of(1),
    "Fn::And": _is_list_of(*range(1, 11)),
    "Fn::Or": _is_list_of(*range(1, 11)),
}


def _check_argument(name: str, argument: Any) -> None:
    if name in _ARGUMENTS and not _ARGUMENTS[name](argument):
        raise CostError(f"{name} cannot take {json.dumps(argument, default=str)[:80]}", field=name)


def _child(value: Any, key: str) -> Any:
    """One step of a path: a key of a mapping, or a position in a list."""
    if isinstance(value, list):
        return value[int(key)] if key.isdecimal() and int(key) < len(value) else None
    return value.get(key) if isinstance(value, dict) else None


def _tag(tags: Any) -> str:
    """The component named by a list of {Key, Value} or by a mapping of tags."""
    if isinstance(tags, dict):
        return _text(tags.get(COMPONENT_TAG))
    pairs = (tag for tag in tags if isinstance(tag, dict)) if isinstance(tags, list) else ()
    return next((_text(tag.get("Value")) for tag in pairs if tag.get("Key") == COMPONENT_TAG), "")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _truth(value: Any) -> bool:
    return str(value).lower() == "true"


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 <= number <= _LARGEST else None


def _words(value: Any) -> str:
    return "nothing" if value in (None, "", []) else str(value)
