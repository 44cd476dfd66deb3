"""Which stacks are audited: all that the catalogue's tests know, and each choice that changes a template."""

from collections.abc import Iterator, Mapping
from itertools import chain, product
from typing import Any

from provisioner.component import Component, Option
from provisioner.components import CATALOGUE, find
from provisioner.plan import Plan
from tests import test_catalogue as catalogue

# What a user would write for an option that has no default of use; a new such option needs a row.
EXAMPLES: Mapping[str, Any] = {
    "public_access_cidrs": ["203.0.113.0/24"],
    "ssh_cidrs": ["203.0.113.0/24"],
    "admin_principal": catalogue.PRINCIPAL,
    "gpu_instance_type": "g6.xlarge",
}
MINIMAL = {"artifact_store": "s3", "container_registry": "ecr", "orchestrator": "local"}
GITHUB = {
    "issuer": "https://token.actions.githubusercontent.com",
    "subject": "repo:team/churn:ref:refs/heads/main",
}
PROVIDER = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
KEY = "arn:aws:kms:us-east-1:111122223333:key/1a2b3c4d-1a2b-1a2b-1a2b-1a2b3c4d5e6f"
VPC = {"vpc": "vpc-0123456789abcdef0", "subnets": ["subnet-0123456789abcdef0", "subnet-1123456789abcdef0"]}
# Zones, and gateways: none, one for all, or one in each.
NETWORKS = ((2, 0), (2, 2), (3, 1))

# Beside the components: what else a spec may say that changes a template.
ELSEWHERE: Mapping[str, Mapping[str, Any]] = {
    "oidc": {"access": {"trust": "oidc", "oidc": GITHUB}},
    "oidc, provider of the account": {"access": {"trust": "oidc", "oidc": {**GITHUB, "provider": PROVIDER}}},
    "access key": {"access": {"trust": "access_key"}},
    "own key": {"data": {"kms_key": KEY}},
    "budget by mail": {"budget": {"monthly_usd": 50, "notify": "ml@example.com"}},
    "budget by topic": {"budget": {"monthly_usd": 50, "notify": "arn:aws:sns:us-east-1:111122223333:ml"}},
}


def every_plan() -> dict[str, Plan]:
    """Each shape once, under the first name that it has; what only parameters change is no shape."""
    known = ((name.removesuffix(".json"), plan) for name, plan in catalogue.PLANS.items())
    named = chain(known, _elsewhere(), *(_of_component(c) for c in CATALOGUE if c.resource_types))
    found: dict[str, Plan] = {}
    for name, plan in named:
        if plan.shape.key not in {p.shape.key for p in found.values()} or plan.stamped_tags:
            found[name] = plan
    return found


def _elsewhere() -> Iterator[tuple[str, Plan]]:
    for name, more in ELSEWHERE.items():
        yield name, catalogue.wish(MINIMAL, **more)


def _of_component(component: Component) -> Iterator[tuple[str, Plan]]:
    """A stack around the component, with each of its structural choices, and with a key of the user."""
    for options in _structures(component):
        # A name is a file's name too: an ARN has no place in it.
        said = "".join(
            f", {key}" if key in EXAMPLES else f", {key} {value}" for key, value in options.items()
        )
        yield component.name + said, _stack(component, options)
    yield f"{component.name}, own key", _stack(component, {}, data={"kms_key": KEY})
    if component.network:
        for zones, gateways in NETWORKS:
            made = {"zones": zones, "nat_gateways": gateways}
            yield f"{component.name}, {zones} zones, {gateways} gateways", _stack(component, made)
        yield f"{component.name}, existing network", _stack(component, {}, network=VPC)


def _structures(component: Component) -> Iterator[dict[str, Any]]:
    """Every value of what decides, each with nothing else given and with each optional thing."""
    deciding = [o for o in component.options if o.shapes == "value"]
    optional = [o for o in component.options if o.shapes == "presence"]
    for values in product(*(o.choices or (False, True) for o in deciding)):
        decided = {o.name: value for o, value in zip(deciding, values, strict=True)}
        yield decided
        for option in optional:
            if all(decided.get(name, True) for name in [option.within] if name):
                yield decided | {option.name: _example(option)}


def _example(option: Option) -> Any:
    assert option.name in EXAMPLES, f"add an example for {option.name} to tests/audit/plans.py"
    return EXAMPLES[option.name]


def _stack(component: Component, options: Mapping[str, Any], **more: Any) -> Plan:
    chosen = _around(component)
    wishes = {
        c.type: {
            "flavor": c.flavor,
            "options": _spelled(c, _needed(c) | (dict(options) if c is component else {})),
        }
        for c in chosen
    }
    return catalogue.wish(wishes, **more)


def _needed(component: Component) -> dict[str, Any]:
    return {o.name: _example(o) for o in component.options if o.placeholder}


def _around(component: Component) -> list[Component]:
    """The component, and the first of everything that it needs."""
    found = {component.type: component}
    wanted = [*component.needs, *([component.beside[0][0]] if component.beside else [])]
    beside = dict([component.beside[0]]) if component.beside else {}
    for type_ in wanted:
        first = find(type_, beside[type_]) if type_ in beside else _first(type_)
        for other in _around(first) if first else []:
            found.setdefault(other.type, other)
    return list(found.values())


def _first(type_: str) -> Component:
    return next(c for c in CATALOGUE if c.type == type_)


def _spelled(component: Component, options: Mapping[str, Any]) -> dict[str, Any]:
    """As a spec spells them: what belongs to a group stands under its name."""
    spelled: dict[str, Any] = {}
    for option in component.options:
        if option.name in options:
            place = spelled.setdefault(option.group, {}) if option.group else spelled
            place[option.key] = options[option.name]
    return spelled
