"""A spec resolved: the shape of its template and the values of its parameters."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, TypeVar, get_args

from provisioner import arn
from provisioner.access import TRUSTS, Trust
from provisioner.component import (
    Component,
    ComponentType,
    Option,
    Outputs,
    Value,
    holds,
    parameter_name,
    pascal,
)
from provisioner.components import find, known_types
from provisioner.errors import SpecError
from provisioner.spec import ISSUER, PARAMETER_TAGS, RETENTIONS, NetworkWish, Oidc, Retention, Spec, Wish

Action = Literal["build", "reuse"]
ACTIONS: tuple[Action, ...] = get_args(Action)
BudgetBy = Literal["", "email", "sns"]
BUDGETS: tuple[BudgetBy, ...] = get_args(BudgetBy)
Vpc = Literal["new", "existing"]
VPCS: tuple[Vpc, ...] = get_args(Vpc)
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One component of a shape: which flavor, whether the template builds it, and its structural options."""

    type: ComponentType
    flavor: str
    action: Action
    options: Mapping[str, Value] = field(default_factory=dict, hash=False)

    def as_dict(self) -> dict[str, object]:
        return {"flavor": self.flavor, "action": self.action} | (
            {"options": dict(self.options)} if self.options else {}
        )


# What a new network is made of.
NETWORK_TYPES = frozenset(
    f"AWS::EC2::{kind}"
    for kind in (
        *("EIP", "InternetGateway", "NatGateway", "Route", "RouteTable", "Subnet"),
        *("SubnetRouteTableAssociation", "VPC", "VPCEndpoint", "VPCGatewayAttachment"),
    )
)
# What a shape's own access and budget are made of, beside the roles that every stack has.
STACK_TYPES = frozenset(
    (
        *("AWS::Budgets::Budget", "AWS::SecretsManager::Secret", "AWS::IAM::OIDCProvider"),
        *("AWS::IAM::AccessKey", "AWS::IAM::User", "AWS::IAM::UserPolicy"),
    )
)


@dataclass(frozen=True, kw_only=True)
class Network:
    """The VPC that a shape builds or is put into; zones and NAT gateways count only for a new one."""

    vpc: Vpc
    zones: int = 2
    nat_gateways: int = 0


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Everything that changes a template's structure; all else is a CloudFormation parameter."""

    slots: tuple[Slot, ...]
    trust: Trust
    external_id: bool
    retention: Retention
    network: Network | None = None
    kms: bool = False
    budget: BudgetBy = ""
    # The issuer of an OIDC trust is part of the keys of its conditions.
    oidc_issuer: str = ""
    oidc_provider: Action | Literal[""] = ""
    # A function in the template tells a server what became of the stack.
    callback: bool = False

    def structure(self, slot: Slot) -> dict[str, Value]:
        """What `Statement.when` and `Option.within` ask about one of the slots."""
        others = {f"{s.type}.{key}": value for s in self.slots for key, value in s.options.items()}
        vpc = self.network.vpc if self.network else ""
        return {**others, **slot.options, "kms": self.kms, "vpc": vpc}

    def as_dict(self) -> dict[str, object]:
        shape: dict[str, object] = {
            "components": {s.type: s.as_dict() for s in self.slots},
            "trust": self.trust,
            "external_id": self.external_id,
            "retention": self.retention,
        }
        # Only what a shape has: the older ones keep their keys when a new kind of structure comes.
        more = {
            "network": self.network and asdict(self.network),
            "kms": self.kms,
            "budget": self.budget,
            "oidc_issuer": self.oidc_issuer,
            "oidc_provider": self.oidc_provider,
            "callback": self.callback,
        }
        return shape | {key: value for key, value in more.items() if value}

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
    oidc = spec.access.oidc
    return Plan(
        spec=spec,
        shape=Shape(
            slots=tuple(_slot(wish) for wish in spec.components),
            trust=spec.access.trust,
            external_id=spec.access.external_id,
            retention=spec.retention,
            network=_network(spec),
            kms=bool(spec.kms_key),
            budget=spec.budget.by if spec.budget else "",
            oidc_issuer=oidc.host if oidc else "",
            oidc_provider=("reuse" if oidc.provider else "build") if oidc else "",
            callback=spec.register.how == "callback",
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
        slots=tuple(_slot_from(type_, components[type_]) for type_ in sorted(components, key=_place)),
        trust=_one_of("trust", values.get("trust"), TRUSTS),
        external_id=_one_of("external_id", values.get("external_id"), (False, True)),
        retention=_one_of("retention", values.get("retention"), RETENTIONS),
        network=_network_from(values["network"]) if "network" in values else None,
        kms=_one_of("kms", values.get("kms", False), (False, True)),
        budget=_one_of("budget", values.get("budget", ""), BUDGETS),
        oidc_issuer=_issuer_from(values.get("oidc_issuer", "")),
        oidc_provider=_one_of("oidc_provider", values.get("oidc_provider", ""), ("", *ACTIONS)),
        callback=_one_of("callback", values.get("callback", False), (False, True)),
    )


def _issuer_from(found: object) -> str:
    if isinstance(found, str) and (not found or re.fullmatch(ISSUER, f"https://{found}", re.ASCII)):
        return found
    raise _forged("oidc_issuer", found)


def _place(type_: str) -> int:
    """Plans and templates list components in catalogue order; JSON text has them by name."""
    known: list[str] = list(known_types())
    return known.index(type_) if type_ in known else len(known)


def _slot_from(type_: str, row: object) -> Slot:
    keys = row if isinstance(row, dict) else {}
    component = find(type_, str(keys.get("flavor")))
    if component is None:
        raise _forged(type_, row)
    return Slot(
        type=component.type,
        flavor=component.flavor,
        action=_one_of(type_, keys.get("action"), ACTIONS),
        options=_structure_from(component, keys.get("options", {})),
    )


def _structure_from(component: Component, found: object) -> dict[str, Value]:
    allowed = {o.name: o for o in component.options if o.shapes in ("value", "presence")}
    if not isinstance(found, dict) or not set(found) <= set(allowed):
        raise _forged(component.type, found)
    return {name: _structural(allowed[name], value) for name, value in found.items()}


def _structural(option: Option, value: object) -> Value:
    allowed: tuple[Value, ...] = option.choices or (False, True)
    if option.shapes == "presence":
        allowed = (True,)
    return _one_of(option.name, value, allowed)


def _network_from(found: object) -> Network:
    keys = found if isinstance(found, dict) else {}
    return Network(
        vpc=_one_of("network.vpc", keys.get("vpc"), VPCS),
        zones=_one_of("network.zones", keys.get("zones"), tuple(range(1, 4))),
        nat_gateways=_one_of("network.nat_gateways", keys.get("nat_gateways"), tuple(range(4))),
    )


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
        names = promised(component, slot) if component else ()
        found[slot.type] = {n: stack_outputs[parameter_name(slot.type, n)] for n in names}
    return found


def promised(component: Component, slot: Slot) -> list[str]:
    """The outputs that a template of this structure has for the component."""
    return [name for name in component.outputs if holds(component.outputs_when.get(name, ""), slot.options)]


def _slot(wish: Wish) -> Slot:
    component = wish.component
    return Slot(
        type=component.type,
        flavor=component.flavor,
        action="reuse" if wish.reuse else "build",
        options=component.structure_of(arn.parse(wish.reuse))
        if wish.reuse
        else component.structure(wish.options),
    )


def _network(spec: Spec) -> Network | None:
    """One network for all that need one; what several ask of it, the largest wish decides."""
    if spec.network is None:
        return None
    if spec.network.vpc != "new":
        return Network(vpc="existing")
    wishes = [w for w in spec.components if w.component.network and not w.reuse]
    asked = {"zones": [2], "nat_gateways": [0]}
    for wish in wishes:
        for key in asked:
            asked[key] += [n for n in (wish.options.get(key),) if isinstance(n, int)]
    return Network(vpc="new", zones=max(asked["zones"]), nat_gateways=max(asked["nat_gateways"]))


def _parameters(spec: Spec) -> dict[str, str]:
    """Every parameter that has a value, trust first; empty ones are left out."""
    values: dict[str, Value] = {
        "TrustedPrincipal": spec.access.principal,
        **_oidc_values(spec.access.oidc),
        "PermissionsBoundaryArn": spec.access.boundary,
        "DataKeyArn": spec.kms_key,
    }
    for wish in spec.components:
        given = reused_outputs(wish) if wish.reuse else _option_values(wish)
        values |= {parameter_name(wish.component.type, k): v for k, v in given.items()}
    values |= _network_values(spec.network) if spec.network else {}
    if spec.budget:
        values |= {"BudgetMonthlyUsd": spec.budget.monthly_usd, "BudgetNotify": spec.budget.notify}
    values |= {pascal(tag): spec.tags.get(tag, "") for tag in PARAMETER_TAGS}
    values["FinishBase"] = spec.register.server
    return {k: text(v) for k, v in values.items() if v not in ("", ())}


def _oidc_values(oidc: Oidc | None) -> dict[str, Value]:
    if oidc is None:
        return {}
    return {
        "OidcAudience": oidc.audience,
        "OidcSubject": oidc.subject,
        "OidcProviderArn": oidc.provider,
    }


def _option_values(wish: Wish) -> dict[str, Value]:
    structure = wish.component.structure(wish.options)
    return {o.name: wish.options[o.name] for o in wish.component.parameters(structure)}


def _network_values(network: NetworkWish) -> dict[str, Value]:
    if network.vpc == "new":
        return {"VpcCidr": network.cidr}
    return {"VpcId": network.vpc.rpartition("/")[2], "SubnetIds": network.subnets}


def text(value: Value) -> str:
    """A value as a CloudFormation parameter spells it."""
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
