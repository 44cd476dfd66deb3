"""A spec resolved: the shape of its template and the values of its parameters."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from provisioner import arn
from provisioner.access import TRUSTS, Trust
from provisioner.component import ComponentType, Outputs, Value, parameter_name, pascal
from provisioner.components import find
from provisioner.errors import SpecError
from provisioner.spec import PARAMETER_TAGS, RETENTIONS, Retention, Spec, Wish

Action = Literal["build", "reuse"]
ACTIONS: tuple[Action, ...] = get_args(Action)
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One component of a shape: which flavor, and whether the template builds it."""

    type: ComponentType
    flavor: str
    action: Action


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Everything that changes a template's structure; all else is a CloudFormation parameter."""

    slots: tuple[Slot, ...]
    trust: Trust
    external_id: bool
    retention: Retention

    def as_dict(self) -> dict[str, object]:
        return {
            "components": {s.type: {"flavor": s.flavor, "action": s.action} for s in self.slots},
            "trust": self.trust,
            "external_id": self.external_id,
            "retention": self.retention,
        }

    @property
    def key(self) -> str:
        """Content address of the shape: 64 hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be built and reused, and the parameters that a link or a deployment passes on."""

    spec: Spec
    shape: Shape
    parameters: Mapping[str, str]
    stamped_tags: Mapping[str, str]


def make(spec: Spec) -> Plan:
    return Plan(
        spec=spec,
        shape=Shape(
            slots=tuple(_slot(wish) for wish in spec.components),
            trust=spec.access.trust,
            external_id=spec.access.external_id,
            retention=spec.retention,
        ),
        parameters=_parameters(spec),
        stamped_tags={k: v for k, v in sorted(spec.tags.items()) if k not in PARAMETER_TAGS},
    )


def shape_from(values: Mapping[str, object]) -> Shape:
    """The shape that `Shape.as_dict` wrote; raises SpecError for what anybody forged."""
    components = values.get("components")
    if not isinstance(components, dict):
        raise _forged("components", components)
    return Shape(
        slots=tuple(_slot_from(type_, row) for type_, row in components.items()),
        trust=_one_of("trust", values.get("trust"), TRUSTS),
        external_id=_one_of("external_id", values.get("external_id"), (False, True)),
        retention=_one_of("retention", values.get("retention"), RETENTIONS),
    )


def _slot_from(type_: str, row: object) -> Slot:
    flavor, action = (row.get("flavor"), row.get("action")) if isinstance(row, dict) else (None, None)
    component = find(type_, str(flavor))
    if component is None:
        raise _forged(type_, row)
    return Slot(type=component.type, flavor=component.flavor, action=_one_of(type_, action, ACTIONS))


def _one_of(key: str, found: object, allowed: tuple[T, ...]) -> T:
    # By type too: 1 equals True, and nobody writes it.
    for value in allowed:
        if found == value and type(found) is type(value):
            return value
    raise _forged(key, found)


def _forged(key: str, found: object) -> SpecError:
    return SpecError(
        f"the template says a shape that this stackwright does not know: {key} is {found!r}",
        hint="it was changed, or made by another version",
        field=key,
    )


def reused_outputs(wish: Wish) -> Outputs:
    """The promised values of a reused component, read off its ARN."""
    return wish.component.outputs_of(arn.parse(wish.reuse))


def outputs_from_stack(shape: Shape, stack_outputs: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Component type -> promised values, from the outputs of a CloudFormation stack."""
    found: dict[str, dict[str, str]] = {}
    for slot in shape.slots:
        component = find(slot.type, slot.flavor)
        names = component.outputs if component else {}
        found[slot.type] = {n: stack_outputs[parameter_name(slot.type, n)] for n in names}
    return found


def _slot(wish: Wish) -> Slot:
    return Slot(
        type=wish.component.type,
        flavor=wish.component.flavor,
        action="reuse" if wish.reuse else "build",
    )


def _parameters(spec: Spec) -> dict[str, str]:
    """Every parameter that has a value, trust first; empty ones are left out."""
    values: dict[str, Value] = {
        "TrustedPrincipal": spec.access.principal,
        "PermissionsBoundaryArn": spec.access.boundary,
    }
    for wish in spec.components:
        given = reused_outputs(wish) if wish.reuse else wish.options
        values |= {parameter_name(wish.component.type, k): v for k, v in given.items()}
    values |= {pascal(tag): spec.tags.get(tag, "") for tag in PARAMETER_TAGS}
    return {k: _text(v) for k, v in values.items() if v != ""}


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
