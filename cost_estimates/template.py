"""A CloudFormation template as its prices need it: which resources exist, and what their values are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, NamedTuple

from cost_estimates.intrinsics import INTRINSICS, NO_VALUE, Unresolved, accepts, child, truth
from cost_estimates.loops import expand
from cost_estimates.model import CostError, nearest
from cost_estimates.template_text import check_template

STACK = "AWS::CloudFormation::Stack"
SERVERLESS = "AWS::Serverless::"
COMPONENT_TAG = "stackwright:component"
OTHER = "other"
_TAG_KEYS = ("Tags", "ResourceTags")
_CARRIER_KEYS = ("Bucket", "GroupId", "RoleName", "Roles", "ServiceToken")
_PARTITIONS = (
    # region prefix, partition, URL suffix
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("eusc-", "aws-eusc", "amazonaws.eu"),
    ("", "aws", "amazonaws.com"),
)
_LARGEST = Decimal(10) ** 9


class Stack(NamedTuple):
    """A stack to estimate. `nested` holds, by logical id, the stacks within it or why one was not read."""

    body: Mapping[str, Any]
    name: str = ""
    nested: Mapping[str, Stack | str] = {}


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource that the conditions leave in. Reading a value that is not known leaves a note."""

    logical_id: str
    type: str
    template: Template
    properties: Any
    metadata: Any = None
    notes: list[str] = field(default_factory=list)

    @cached_property
    def component(self) -> str:
        """The component of its tag; a policy, which has none, goes with what it is about."""
        carrier = None if self._tag else self._carrier()
        return self._tag or (carrier._tag if carrier else "") or OTHER

    @cached_property
    def _tag(self) -> str:
        names = (_tag(self.template, child(self.properties, key)) for key in _TAG_KEYS)
        return next(filter(None, names), "")

    def _carrier(self) -> Resource | None:
        """The bucket, role or group that a policy, a profile or a rule names."""
        for key in _CARRIER_KEYS:
            named = self.template.resolve(child(self.properties, key))
            named = named[0] if isinstance(named, list) and named else named
            if isinstance(named, Unresolved) and named.logical_id not in ("", self.logical_id):
                return self.template.find(named.logical_id)
        return None

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

    def parts(self, path: str) -> list[Resource]:
        """The mappings in the list at `path`, each readable as a block of its own."""
        return [self.part(item) for item in self.read_list(path) if isinstance(item, Mapping)]

    def count(self, path: str) -> int:
        return len(self.read_list(path))

    def is_known(self, path: str) -> bool:
        return not isinstance(self._value(path), Unresolved)

    def describe(self, path: str) -> str:
        """What stands at `path` as far as a person could tell: the value, or the default of its parameter."""
        raw = child(self.properties, path)
        name = raw.get("Ref") if isinstance(raw, dict) else None
        declaration = self.template.declared.get(name) if isinstance(name, str) else None
        return str(child(declaration, "Default") if declaration else raw)

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
            value = self.template.resolve_shallow(child(value, key))
        return None if value is NO_VALUE else self.template.resolve(value)


class Template:
    """Parameters, mappings and conditions of one template in one region."""

    def __init__(
        self,
        body: Mapping[str, Any],
        region: str,
        parameters: Mapping[str, Any],
        nested: Mapping[str, Stack | str] | None = None,
    ) -> None:
        self.body = check_template(body)
        self.region = region
        self.nested = nested or {}
        self.declared: Mapping[str, Any] = _section(body, "Parameters")
        self.mappings = _section(body, "Mappings")
        self.conditions = _section(body, "Conditions")
        self.parameters = _check_parameters(parameters, self.declared)
        self.pseudo = _pseudo_parameters(region)
        self._pending: list[str] = []
        self._held: dict[str, bool | Unresolved] = {}
        self._resources: Mapping[str, Any] = self.body["Resources"]
        self._resources = expand(self._resources, self.resolve)

    def resources(self) -> Iterator[Resource]:
        for logical_id in self._resources:
            resource = self.find(logical_id)
            if resource:
                yield resource

    def find(self, logical_id: str, type_name: str | None = None) -> Resource | None:
        """A resource by name, unless its condition is false or it is of another type."""
        if logical_id not in self._resources:
            return None
        body = self._resources[logical_id]
        if not isinstance(body, Mapping):
            # A loop or macro that is not written out, or nothing at all: no resource stands here.
            body = {"Type": logical_id.rpartition("::")[0]}
        kind, condition = _type(body.get("Type", "")), body.get("Condition")
        exists = self.holds(condition) if isinstance(condition, str) else True
        if exists is False or type_name not in (None, kind):
            return None
        notes = [] if exists is True else [f"condition {condition} is open: taken as true"]
        properties = self._with_globals(kind, body.get("Properties", {}))
        return Resource(
            logical_id=logical_id,
            type=kind,
            template=self,
            properties=properties,
            metadata=body.get("Metadata"),
            notes=notes,
        )

    def _with_globals(self, kind: str, properties: Any) -> Any:
        """SAM writes what all functions share once, at the top."""
        if not kind.startswith(SERVERLESS) or not isinstance(properties, Mapping):
            return properties
        shared = child(self.body.get("Globals"), kind.removeprefix(SERVERLESS))
        return {**shared, **properties} if isinstance(shared, dict) else properties

    def holds(self, condition: str) -> bool | Unresolved:
        """Every resource asks for the same few conditions: each is decided once."""
        if condition not in self._held:
            self._held[condition] = self._decide(condition)
        return self._held[condition]

    def _decide(self, condition: str) -> bool | Unresolved:
        if condition not in self.conditions:
            return Unresolved(words=f"condition {condition}, which the template lacks")
        if condition in self._pending:
            raise CostError(f"condition {condition} depends on itself", field=f"Conditions.{condition}")
        self._pending.append(condition)
        value = self.resolve(self.conditions[condition])
        self._pending.pop()
        return value if isinstance(value, Unresolved) else truth(value)

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
        if not accepts(name, argument):
            return Unresolved(words=f"{name} of something it cannot take")
        return intrinsic(self, argument)

    def ref(self, name: Any) -> Any:
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.declared:
            return _parameter(name, self.declared[name], self.parameters)
        if name in self._resources:
            return Unresolved(words=f"known only once {name} exists", logical_id=name)
        return Unresolved(words=f"{name}, known only to AWS")


def _section(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = body.get(name) or {}
    if not isinstance(section, Mapping):
        raise CostError(f"{name} is not a mapping", field=name)
    return section


def _check_parameters(parameters: Mapping[str, Any], declared: Mapping[str, Any]) -> Mapping[str, Any]:
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


def _parameter(name: str, declaration: Any, given: Mapping[str, Any]) -> Any:
    kind = str(child(declaration, "Type") or "String")
    if kind.startswith("AWS::SSM::Parameter::Value"):
        return Unresolved(words=f"parameter {name}, kept in SSM")
    value = given.get(name, child(declaration, "Default"))
    if value is None:
        return Unresolved(words=f"parameter {name}, which has no value")
    if "List" in kind and not isinstance(value, list | Unresolved):
        return [item.strip() for item in str(value).split(",")]
    return value


def _tag(template: Template, tags: Any) -> str:
    """The component named by a list of {Key, Value} or by a mapping of tags; no other tag is looked at."""
    tags = template.resolve_shallow(tags)
    if isinstance(tags, dict):
        return _text(template.resolve(tags.get(COMPONENT_TAG)))
    pairs = map(template.resolve_shallow, tags) if isinstance(tags, list) else ()
    named = (pair for pair in pairs if isinstance(pair, dict) and pair.get("Key") == COMPONENT_TAG)
    return next((_text(template.resolve(pair.get("Value"))) for pair in named), "")


def _type(value: Any) -> str:
    """A type's name; a macro may write `{Fn::Something: …}` in its place."""
    return next(map(str, value), "") if isinstance(value, dict) else str(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 <= number <= _LARGEST else None


def _words(value: Any) -> str:
    return "nothing" if value in (None, "", []) else str(value)
