"""What the user asked for: `stack.yaml`, flags or a form, all parsed to one Spec."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import Any, Literal, get_args

from provisioner import access, arn, regions
from provisioner.component import Component, ComponentType, Option, Value, holds
from provisioner.components import find, flavors, known_types
from provisioner.errors import SpecError

Retention = Literal["retain", "delete"]
RETENTIONS: tuple[Retention, ...] = get_args(Retention)
PROFILES = ("idle", "light", "team", "heavy")
RegisterTo = Literal["local", "zenml"]
RegisterHow = Literal["finish", "callback"]
REGISTERS: tuple[RegisterTo, ...] = get_args(RegisterTo)
HOWS: tuple[RegisterHow, ...] = get_args(RegisterHow)
NAME = r"[a-z][a-z0-9-]{0,30}"
# These keys are parameters of every template; any other key is stamped into a template of its own.
PARAMETER_TAGS = ("team", "project", "environment", "cost-center")
# AWS allows 50 tags; three are ours and CloudFormation adds three of its own.
MAX_TAGS = 44
# Letters, numbers and Unicode's blanks; no tab and no line end, which \s would let in.
BLANKS = r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_TAG_TEXT = rf"[\w{BLANKS}.:/=+\-@]*"
_BOUNDARY = r"arn:[a-z-]+:iam::(\d{12}|aws):policy/[\w+=,.@/-]{1,512}"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One component as asked for; `options` holds every option of the flavor, defaults filled in."""

    component: Component
    options: Mapping[str, Value] = field(default_factory=dict)
    reuse: str = ""


@dataclass(frozen=True, kw_only=True)
class Oidc:
    """Who an OpenID Connect issuer vouches for; `provider` is the ARN of one that the account has."""

    issuer: str
    subject: str
    audience: str = "sts.amazonaws.com"
    provider: str = ""

    @property
    def host(self) -> str:
        """The issuer as IAM's condition keys spell it."""
        return self.issuer.removeprefix("https://")


@dataclass(frozen=True, kw_only=True)
class Access:
    trust: access.Trust = "account"
    principal: str = ""
    external_id: bool = False
    boundary: str = ""
    oidc: Oidc | None = None

    def as_dict(self) -> dict[str, object]:
        plain = {k: v for k, v in vars(self).items() if v not in ("", None)}
        oidc = {k: v for k, v in vars(self.oidc).items() if v} if self.oidc else None
        return plain | ({"oidc": oidc} if oidc else {})


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A monthly limit in USD, and who hears of it: an e-mail address or the ARN of an SNS topic."""

    monthly_usd: int
    notify: str

    @property
    def by(self) -> Literal["email", "sns"]:
        return "sns" if self.notify.startswith("arn:") else "email"


@dataclass(frozen=True, kw_only=True)
class Register:
    """Where a finished stack is registered besides our own registry, and who says that it is finished.

    `url` is of a ZenML server; empty: the environment's. `server` is the `stackwright serve` that a callback
    posts to. Neither carries a secret.
    """

    to: RegisterTo = "local"
    url: str = ""
    how: RegisterHow = "finish"
    server: str = ""

    def as_dict(self) -> dict[str, object]:
        return {key: value for key, value in vars(self).items() if value}


@dataclass(frozen=True, kw_only=True)
class NetworkWish:
    """A network of its own ("new"), or the id of a VPC and the ids of its subnets."""

    vpc: str = "new"
    subnets: tuple[str, ...] = ()
    cidr: str = ""


@dataclass(frozen=True, kw_only=True)
class Spec:
    name: str
    region: str
    components: tuple[Wish, ...]
    network: NetworkWish | None = None
    access: Access = Access()
    retention: Retention = "retain"
    kms_key: str = ""
    budget: Budget | None = None
    usage: Mapping[str, Value] = field(default_factory=lambda: {"profile": "light"})
    register: Register = Register()
    tags: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """The spec as `stack.yaml` spells it, every default written out."""
        return {
            "version": 1,
            "name": self.name,
            "region": self.region,
            "components": {w.component.type: _wish_dict(w) for w in self.components},
            **({"network": _network_dict(self.network)} if self.network else {}),
            "access": self.access.as_dict(),
            "data": {"retention": self.retention} | ({"kms_key": self.kms_key} if self.kms_key else {}),
            **({"budget": vars(self.budget)} if self.budget else {}),
            "usage": dict(self.usage),
            "register": self.register.as_dict(),
            "tags": dict(self.tags),
        }


def _wish_dict(wish: Wish) -> dict[str, object]:
    text: dict[str, object] = {"flavor": wish.component.flavor}
    if wish.reuse:
        text["reuse"] = wish.reuse
    elif options := _options_dict(wish):
        text["options"] = options
    return text


def _options_dict(wish: Wish) -> dict[str, object]:
    """Options as `stack.yaml` spells them: groups nested, lists as lists, nothing that does not apply."""
    structure = wish.component.structure(wish.options)
    text: dict[str, Any] = {}
    for option in wish.component.options:
        value = wish.options[option.name]
        if holds(option.within, structure) and value not in ("", ()):
            place = text.setdefault(option.group, {}) if option.group else text
            place[option.key] = list(value) if isinstance(value, tuple) else value
    return text


def option_lines(wish: Wish) -> list[tuple[str, str]]:
    """The options of a wish as lines of YAML, each with its words."""
    structure = wish.component.structure(wish.options)
    return [
        (f"{option.name}: {_yaml_value(wish.options[option.name])}", option.doc)
        for option in wish.component.options
        if not option.group and holds(option.within, structure) and wish.options[option.name] not in ("", ())
    ]


def _yaml_value(value: Value) -> str:
    """As JSON, which is YAML: 1.36 without its quotes would be a number."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def _network_dict(network: NetworkWish) -> dict[str, object]:
    given = {"cidr": network.cidr, "subnets": list(network.subnets)}
    return {"vpc": network.vpc, **{key: value for key, value in given.items() if value}}


PRESETS: Mapping[str, Mapping[ComponentType, str]] = {
    "minimal": {"artifact_store": "s3", "container_registry": "ecr", "orchestrator": "local"},
    "sagemaker": {
        "artifact_store": "s3",
        "container_registry": "ecr",
        "orchestrator": "sagemaker",
        "step_operator": "sagemaker",
    },
    "eks": {
        "artifact_store": "s3",
        "container_registry": "ecr",
        "orchestrator": "eks",
        "image_builder": "codebuild",
    },
    "ec2": {
        "artifact_store": "s3",
        "container_registry": "ecr",
        "orchestrator": "ec2",
    },
}
DEFAULT_PRESET = "sagemaker"
_DEEPEST = 20


def preset(key: str, *, name: str, region: str) -> Spec:
    """The spec of a preset; raises SpecError for an unknown one."""
    if key not in PRESETS:
        raise SpecError(f"unknown preset {key!r}", hint=_one_of(key, PRESETS), field="preset")
    components = {t: _preset_slot(t, flavor) for t, flavor in PRESETS[key].items()}
    return parse({"version": 1, "name": name, "region": region, "components": components})


def _preset_slot(type_: str, flavor: str) -> object:
    """A flavor with a placeholder for every option that only the user can know."""
    component = find(type_, flavor)
    asked = [o for o in component.options if o.placeholder] if component else []
    options = {o.name: o.placeholder if isinstance(o.default, str) else [o.placeholder] for o in asked}
    return {"flavor": flavor, "options": options} if asked else flavor


def with_option(spec: Spec, type_: str, key: str, value: object) -> Spec:
    """The spec with an option's other value; raises SpecError that names it."""
    plain: Any = spec.as_dict()
    slot = plain["components"][type_]
    slot["options"] = {**slot.get("options", {}), key: value}
    return parse(plain)


def legal_name(text: str) -> str:
    """A folder's name made a legal stack name."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    name = re.sub(r"^[^a-z]+", "", name)[:31].strip("-")
    return name or "mlops"


def read(text: str) -> Spec:
    """A spec from the text of a `stack.yaml`; raises SpecError that names the key."""
    return parse(_yaml(text))


def _yaml(text: str) -> object:
    import yaml

    loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class UniqueKeys(loader):  # type: ignore[misc]  # which loader is known only here
        """YAML lets the last of two equal keys win silently; a spec must not."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen: set[object] = set()
            for key_node, _ in node.value:
                key = self.construct_object(key_node, deep=deep)
                if isinstance(key, str) and key in seen:
                    line = key_node.start_mark.line + 1
                    raise SpecError(f"line {line}: key {key!r} stands twice", hint="keep one", field=key)
                seen.add(key if isinstance(key, str) else str(key))
            return super().construct_mapping(node, deep=deep)

    try:
        _check_events(yaml.parse(text, Loader=loader))
        return yaml.load(text, Loader=UniqueKeys)  # noqa: S506 - a subclass of the safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise SpecError(
            f"{where}{problem}", hint="`stackwright init` writes a file that works", field="stack.yaml"
        ) from None


def _check_events(events: Any) -> None:
    """Aliases can blow a small file up to gigabytes, and deep nesting takes the parser down."""
    depth = 0
    for event in events:
        kind = type(event).__name__
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        line = event.start_mark.line + 1
        if kind == "AliasEvent":
            raise SpecError(
                f"line {line}: aliases (*{event.anchor}) are not allowed",
                hint="write the value out",
                field="stack.yaml",
            )
        if depth > _DEEPEST:
            raise SpecError(
                f"line {line}: nested deeper than {_DEEPEST} levels",
                hint="`stackwright init` writes a file that works",
                field="stack.yaml",
            )


def parse(wish: object) -> Spec:
    """A Spec from plain values as YAML or JSON gives them; raises SpecError that names the key."""
    top = _mapping(wish, "stack.yaml", allowed=(
        "version", "name", "region", "components", "network", "access", "data", "budget", "usage", "register",
        "tags",
    ))  # fmt: skip
    if top.get("version") != 1 or isinstance(top.get("version"), bool):
        raise SpecError(f"version is {top.get('version')!r}", hint="write `version: 1`", field="version")
    data = _mapping(top.get("data", {}), "data", allowed=("retention", "kms_key"))
    components = _components(top.get("components"))
    where = register(top.get("register", {}))
    return Spec(
        name=_pattern(top, "name", NAME, "a lower-case letter, then at most 30 of a-z, 0-9 and -"),
        region=_region(top),
        components=components,
        network=_network(top.get("network"), components),
        access=_access(top.get("access", {}), where),
        retention=_choice(data.get("retention", "retain"), "data.retention", RETENTIONS),
        kms_key=_kms_key(data),
        budget=_budget(top.get("budget")),
        usage=_usage(top.get("usage", "light")),
        register=where,
        tags=_tags(top.get("tags", {})),
    )


def with_overrides(spec: Spec, *, name: str = "", region: str = "") -> Spec:
    """The spec with what flags say instead, checked like the file itself."""
    text = spec.as_dict() | {k: v for k, v in {"name": name, "region": region}.items() if v}
    return replace(parse(text), usage=spec.usage)


def _one_of(value: object, allowed: Any) -> str:
    from difflib import get_close_matches

    close = get_close_matches(str(value), [str(a) for a in allowed], n=1)
    did_you_mean = f"did you mean {close[0]!r}? " if close else ""
    return did_you_mean + "allowed: " + ", ".join(str(a) for a in allowed)


def _mapping(value: object, path: str, *, allowed: tuple[str, ...] = ()) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SpecError(
            f"{path} is {_kind(value)}, not a mapping of keys",
            hint=_one_of("", allowed) if allowed else "write `KEY: VALUE` lines under it",
            field=path,
        )
    for key in value:
        if not isinstance(key, str):
            raise SpecError(
                f"{path} has the key {key!r}, which is {_kind(key)}, not a text",
                hint="put it in quotes",
                field=path,
            )
        if allowed and key not in allowed:
            where = key if path == "stack.yaml" else f"{path}.{key}"
            raise SpecError(f"unknown key {where!r}", hint=_one_of(key, allowed), field=str(where))
    return value


def _kind(value: object) -> str:
    if value is None:
        return "empty"
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), type(value).__name__)


def _choice(value: object, path: str, allowed: tuple[Any, ...]) -> Any:
    if value not in allowed or isinstance(value, bool):
        raise SpecError(f"{path} is {value!r}", hint=_one_of(value, allowed), field=path)
    return value


def _pattern(mapping: Mapping[str, Any], key: str, pattern: str, words: str, prefix: str = "") -> str:
    value = mapping.get(key)
    if value is None:
        raise SpecError(f"{prefix}{key} is missing", hint=words, field=prefix + key)
    if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
        raise SpecError(f"{prefix}{key} {value!r} is not allowed", hint=words, field=prefix + key)
    return value


def _region(top: Mapping[str, Any]) -> str:
    value = top.get("region")
    if value is None:
        raise SpecError("region is missing", hint="for example `region: eu-central-1`", field="region")
    return regions.check(value)


def _components(value: object) -> tuple[Wish, ...]:
    asked = _mapping(value, "components", allowed=tuple(known_types()))
    if not asked:
        raise SpecError("components is empty", hint=_one_of("", known_types()), field="components")
    wishes = {type_: _wish(type_, asked[type_]) for type_ in known_types() if type_ in asked}
    for type_, wish in wishes.items():
        _check_beside(wish, wishes)
        for need in wish.component.needs:
            if need not in wishes:
                raise SpecError(
                    f"{type_} {wish.component.flavor} needs {need}",
                    hint=f"add `{need}: {flavors(need)[0]}` under components",
                    field=f"components.{need}",
                )
    return tuple(wishes.values())


def _check_beside(wish: Wish, wishes: Mapping[ComponentType, Wish]) -> None:
    """What is built on a cluster of the stack needs one there."""
    beside = wish.component.beside
    there = [(type_, w.component.flavor) for type_, w in wishes.items()]
    if wish.reuse or not beside or any(b in there for b in beside):
        return
    others = [f for f in flavors(wish.component.type) if f != wish.component.flavor]
    raise SpecError(
        f"{wish.component.type} {wish.component.flavor} needs "
        + " or ".join(f"{type_} {flavor}" for type_, flavor in beside),
        hint=f"add `{beside[0][0]}: {beside[0][1]}`"
        + (f", or take {wish.component.type}: {' or '.join(others)}" if others else ""),
        field=f"components.{wish.component.type}",
    )


def _wish(type_: ComponentType, value: object) -> Wish:
    path = f"components.{type_}"
    long = {"flavor": value} if isinstance(value, str) else value
    keys = _mapping(long, path, allowed=("flavor", "options", "reuse"))
    component = find(type_, str(keys.get("flavor", "")))
    if component is None:
        raise SpecError(
            f"{path} has no flavor {keys.get('flavor')!r}",
            hint=_one_of(keys.get("flavor"), flavors(type_)),
            field=f"{path}.flavor",
        )
    if "reuse" in keys:
        return Wish(component=component, reuse=_reuse(component, keys, path))
    return Wish(component=component, options=_options(component, keys.get("options", {}), path))


def _reuse(component: Component, keys: Mapping[str, Any], path: str) -> str:
    value = keys["reuse"]
    if "options" in keys:
        raise SpecError(
            f"{path} has both reuse and options",
            hint="options belong to what is built; a reused resource keeps its own",
            field=f"{path}.options",
        )
    if not component.reusable:
        raise SpecError(
            f"{path} {component.flavor} has nothing to reuse", hint="leave reuse out", field=f"{path}.reuse"
        )
    if not isinstance(value, str) or not component.fits_arn(value):
        raise SpecError(
            f"{path}.reuse {value!r} is not the ARN of a fitting resource",
            hint=f"it must match {component.arn_pattern}",
            field=f"{path}.reuse",
        )
    return value


def _options(component: Component, value: object, path: str) -> dict[str, Value]:
    path = f"{path}.options"
    plain = [o.name for o in component.options if not o.group]
    groups = dict.fromkeys(o.group for o in component.options if o.group)
    given = _mapping(value, path, allowed=(*plain, *groups) or ("(none)",))
    flat = {k: (v, f"{path}.{k}") for k, v in given.items() if k in plain}
    for group in (g for g in groups if g in given):
        keys = tuple(o.key for o in component.options if o.group == group)
        inner = _mapping(given[group], f"{path}.{group}", allowed=keys)
        flat |= {f"{group}_{k}": (v, f"{path}.{group}.{k}") for k, v in inner.items()}
    options = {o.name: _option(o, *flat[o.name]) if o.name in flat else o.default for o in component.options}
    _check_within(component, options, {name: path for name, (_, path) in flat.items()})
    return options


def _check_within(component: Component, options: Mapping[str, Value], given: Mapping[str, str]) -> None:
    structure = component.structure(options)
    for option in component.options:
        if option.name in given and not holds(option.within, structure):
            name, _, wanted = option.within.partition("=")
            raise SpecError(
                f"{given[option.name]} means nothing without {name}{f': {wanted}' if wanted else ''}",
                hint=f"add {name.replace('_', '.', 1) if not wanted else option.within}, or leave it out",
                field=given[option.name],
            )


def _option(option: Option, value: object, path: str) -> Value:
    if isinstance(option.default, bool):
        if not isinstance(value, bool):
            raise SpecError(f"{path} is {value!r}", hint="allowed: true, false", field=path)
        return value
    if option.choices:
        choice: Value = _choice(value, path, option.choices)
        return choice
    if isinstance(option.default, int):
        return _number(option, value, path)
    if isinstance(option.default, str):
        return _option_text(option, value, path)
    if not isinstance(value, list | tuple) or not value:
        raise SpecError(
            f"{path} is {_kind(value)}, not a list", hint=f"write [VALUE]. {option.doc}", field=path
        )
    if option.maximum and len(value) > option.maximum:
        raise SpecError(f"{path} has {len(value)} items", hint=f"at most {option.maximum}", field=path)
    return tuple(_option_text(option, item, path) for item in value)


def _number(option: Option, value: object, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not option.minimum <= value <= option.maximum:
        raise SpecError(
            f"{path} is {value!r}",
            hint=f"allowed: a whole number from {option.minimum} to {option.maximum}",
            field=path,
        )
    return value


def _option_text(option: Option, value: object, path: str) -> str:
    is_placeholder = bool(option.placeholder) and value == option.placeholder
    if isinstance(value, str) and (is_placeholder or re.fullmatch(option.pattern, value, re.ASCII)):
        return value
    raise SpecError(f"{path} is {value!r}", hint=option.doc, field=path)


_VPC = r"vpc-[0-9a-f]{8,17}"
_VPC_ARN = rf"arn:[a-z-]+:ec2:[a-z0-9-]+:\d{{12}}:vpc/({_VPC})"
_SUBNET = r"subnet-[0-9a-f]{8,17}"
# Private addresses (RFC 1918, 6598), and room for six subnets of 2,048 of them.
CIDR = (
    r"(10\.\d{1,3}|172\.(1[6-9]|2\d|3[01])|192\.168|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))"
    r"\.(0|64|128|192)\.0/1[6-8]"
)
CIDR_WORDS = "Private addresses of the new VPC, /16 to /18, that no network joined to it has too."


def _network(value: object, wishes: tuple[Wish, ...]) -> NetworkWish | None:
    """The network of what is built in one; None where nothing needs it."""
    needing = [w for w in wishes if w.component.network and not w.reuse]
    for wish in needing:
        _check_nat_gateways(wish)
    if value is None:
        return NetworkWish() if needing else None
    keys = _mapping(value, "network", allowed=("vpc", "subnets", "cidr"))
    if not needing:
        raise SpecError(
            "network is given, but no component is built in one",
            hint="leave it out: " + ", ".join(f"{w.component.type} {w.component.flavor}" for w in wishes),
            field="network",
        )
    vpc = keys.get("vpc", "new")
    if vpc == "new":
        if "subnets" in keys:
            raise SpecError(
                "network.subnets belongs to an existing VPC",
                hint="leave it out, or name the VPC: `vpc: vpc-0123456789abcdef0`",
                field="network.subnets",
            )
        return NetworkWish(cidr=_cidr(keys["cidr"]) if "cidr" in keys else "")
    if "cidr" in keys:
        raise SpecError(
            "network.cidr belongs to a new VPC; an existing one has its addresses",
            hint="leave it out",
            field="network.cidr",
        )
    _refuse_network_options(needing)
    return NetworkWish(vpc=_vpc(vpc), subnets=_subnets(keys.get("subnets")))


def _cidr(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(CIDR, value, re.ASCII) and _is_network(value):
        return value
    raise SpecError(f"network.cidr is {value!r}", hint=CIDR_WORDS, field="network.cidr")


def _is_network(text: str) -> bool:
    """The pattern is a console's, which cannot count: 10.999.0.0/16 and 10.0.64.0/16 pass it."""
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _vpc(value: object) -> str:
    text = value if isinstance(value, str) else ""
    if re.fullmatch(_VPC, text, re.ASCII) or re.fullmatch(_VPC_ARN, text, re.ASCII):
        return text
    raise SpecError(
        f"network.vpc is {value!r}", hint="allowed: new, the id or the ARN of a VPC", field="network.vpc"
    )


def _subnets(value: object) -> tuple[str, ...]:
    hint = "ids of at least two subnets in two zones: [subnet-0123456789abcdef0, subnet-…]"
    if not isinstance(value, list | tuple) or len(set(map(str, value))) < 2:
        raise SpecError("network.subnets lacks two subnets", hint=hint, field="network.subnets")
    for item in value:
        if not isinstance(item, str) or not re.fullmatch(_SUBNET, item, re.ASCII):
            raise SpecError(f"network.subnets has {item!r}", hint=hint, field="network.subnets")
    return tuple(value)


def _check_nat_gateways(wish: Wish) -> None:
    """Two gateways for three zones would leave one zone to a gateway of another."""
    zones, gateways = wish.options.get("zones", 0), wish.options.get("nat_gateways", 0)
    if gateways not in (0, 1, zones):
        path = f"components.{wish.component.type}.options.nat_gateways"
        raise SpecError(
            f"{path} is {gateways} with {zones} zones",
            hint=f"allowed: 0 (machines have public addresses), 1 for all zones, or {zones}: one for each",
            field=path,
        )


def _refuse_network_options(needing: list[Wish]) -> None:
    for wish in needing:
        for option in wish.component.options:
            if option.shapes == "network" and wish.options[option.name] != option.default:
                path = f"components.{wish.component.type}.options.{option.name}"
                raise SpecError(
                    f"{path} shapes a new network, and network.vpc names an existing one",
                    hint="leave one of the two out",
                    field=path,
                )


def _access(value: object, register: Register) -> Access:
    keys = _mapping(value, "access", allowed=("trust", "principal", "external_id", "boundary", "oidc"))
    trust = _choice(keys.get("trust", "account"), "access.trust", access.TRUSTS)
    principal = (
        str(arn.principal(_text(keys, "principal"), field="access.principal"))
        if keys.get("principal") is not None
        else ""
    )
    if trust == "principal" and not principal:
        raise SpecError(
            "access.principal is missing",
            hint="name the role or user that may use the stack: arn:aws:iam::111122223333:role/NAME",
            field="access.principal",
        )
    if principal and trust in ("oidc", "access_key"):
        raise SpecError(
            f"access.principal means nothing with access.trust: {trust}",
            hint="leave it out, or choose trust: principal",
            field="access.principal",
        )
    boundary = (
        _pattern(keys, "boundary", _BOUNDARY, "the ARN of an IAM policy", "access.")
        if keys.get("boundary") is not None
        else ""
    )
    return Access(
        trust=trust,
        principal=principal,
        external_id=_external_id(keys, trust, register.to),
        boundary=boundary,
        oidc=_oidc(keys.get("oidc"), trust),
    )


ISSUER = r"https://[a-z0-9][a-z0-9.-]{1,200}(/[A-Za-z0-9._~/-]{1,100})?"
_PART, _REST = r"[^*?\s&'\":/]{1,100}", r"[^\s&'\"]{1,200}"
# Whole, or a wildcard in the last part only, with two parts before it: less would trust everybody there.
OIDC_SUBJECT = rf"([^*?\s&'\"]{{6,255}}|{_PART}([:/]{_PART})+[:/][^\s&'\":/]{{1,200}})"
# Issuers that anybody may have an account at: whom a subject must name, as a pattern and as an example.
_PUBLIC = {
    "token.actions.githubusercontent.com": (
        rf"repo:[\w.-]+/[\w.-]+:{_REST}",
        "repo:OWNER/NAME:environment:prod",
    ),
    "gitlab.com": (
        rf"project_path:[\w.-]+(/[\w.-]+)+:{_REST}",
        "project_path:GROUP/PROJECT:ref_type:branch:ref:main",
    ),
    "app.terraform.io": (
        rf"organization:[\w-]+:project:[\w-]+:{_REST}",
        "organization:NAME:project:PROJECT:workspace:WORKSPACE:run_phase:apply",
    ),
}


def subject_pattern(host: str) -> str:
    """What the subject of a token must look like, so that it names one party of this issuer."""
    return _PUBLIC[host][0] if host in _PUBLIC else OIDC_SUBJECT


def subject_example(host: str) -> str:
    return _PUBLIC[host][1] if host in _PUBLIC else "the whole subject, as the issuer writes it"


OIDC_AUDIENCE = r"[A-Za-z0-9][A-Za-z0-9.:/_-]{1,254}"
OIDC_PROVIDER = r"arn:[a-z-]+:iam::\d{12}:oidc-provider/[A-Za-z0-9._~/-]{3,255}"


def _oidc(value: object, trust: str) -> Oidc | None:
    if trust != "oidc":
        if value is not None:
            raise SpecError(
                "access.oidc needs access.trust: oidc", hint="set it, or leave oidc out", field="access.oidc"
            )
        return None
    example = 'oidc: {issuer: https://token.actions.githubusercontent.com, subject: "repo:OWNER/NAME:ref:…"}'
    if value is None:
        raise SpecError("access.oidc is missing", hint=example, field="access.oidc")
    keys = {"audience": "sts.amazonaws.com"} | dict(
        _mapping(value, "access.oidc", allowed=("issuer", "audience", "subject", "provider"))
    )
    at = "access.oidc."
    oidc = Oidc(
        issuer=_pattern(keys, "issuer", ISSUER, "an https address without a query or a slash at its end", at),
        audience=_pattern(keys, "audience", OIDC_AUDIENCE, "what the token is made out to", at),
        subject=_pattern(keys, "subject", _REST, example, at),
        provider=_pattern(keys, "provider", OIDC_PROVIDER, "the ARN of an OIDC provider", at)
        if keys.get("provider") is not None
        else "",
    )
    _check_oidc(oidc)
    return oidc


def _check_oidc(oidc: Oidc) -> None:
    if not re.fullmatch(subject_pattern(oidc.host), oidc.subject, re.ASCII):
        raise SpecError(
            f"access.oidc.subject {oidc.subject!r} names no single party of {oidc.host}",
            hint=f"others have accounts there too, so name yours: {subject_example(oidc.host)}",
            field="access.oidc.subject",
        )
    if oidc.provider and oidc.provider.partition(":oidc-provider/")[2] != oidc.host:
        raise SpecError(
            f"access.oidc.provider is of another issuer than {oidc.host}",
            hint="it ends with the issuer's own address, without https://",
            field="access.oidc.provider",
        )


KMS_KEY = r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]{1,64}"


def _kms_key(data: Mapping[str, Any]) -> str:
    if data.get("kms_key") is None:
        return ""
    # A grant by alias would follow the alias to any key.
    return _pattern(data, "kms_key", KMS_KEY, "the ARN of a KMS key, not of an alias", "data.")


_EMAIL = r"[^@\s,;'\"&]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
_TOPIC = r"arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}"
NOTIFY = {"email": _EMAIL, "sns": _TOPIC}


def _budget(value: object) -> Budget | None:
    if value is None:
        return None
    keys = _mapping(value, "budget", allowed=("monthly_usd", "notify"))
    limit = keys.get("monthly_usd")
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= 10_000_000:
        raise SpecError(
            f"budget.monthly_usd is {limit!r}",
            hint="allowed: a whole number from 1 to 10000000",
            field="budget.monthly_usd",
        )
    words = "an e-mail address, or the ARN of an SNS topic"
    return Budget(
        monthly_usd=limit, notify=_pattern(keys, "notify", f"({_EMAIL})|({_TOPIC})", words, "budget.")
    )


# No user, no query and no fragment: what could hold a secret has no place here.
_PATH = r"(/[A-Za-z0-9._~-]+)*/?"
ADDRESS = (
    rf"(https://[A-Za-z0-9.-]+(:\d{{1,5}})?|http://(localhost|127\.0\.0\.1|\[::1\])(:\d{{1,5}})?){_PATH}"
)
ADDRESS_WORDS = "https://HOST without a user, a query or a fragment; http only for localhost"
# A stack's function appends its own path, and whoever signs names the host alone.
SERVER = r"(https://[A-Za-z0-9.-]{1,253}|http://(localhost|127\.0\.0\.1))(:\d{1,5})?/?"
SERVER_WORDS = "https://HOST or https://HOST:PORT, without a path; http only for localhost"


def register(value: object) -> Register:
    """The `register` part alone; raises SpecError."""
    keys = _mapping(value, "register", allowed=tuple(vars(Register())))
    to = _choice(keys.get("to", "local"), "register.to", REGISTERS)
    how = _choice(keys.get("how", "finish"), "register.how", HOWS)
    _check_only(keys, "url", to == "zenml", "register.to: zenml")
    _check_only(keys, "server", how == "callback", "register.how: callback")
    return Register(
        to=to,
        how=how,
        url=address(keys["url"], "register.url") if keys.get("url") is not None else "",
        server=_server(keys.get("server")) if how == "callback" else "",
    )


def _check_only(keys: Mapping[str, Any], key: str, wanted: bool, where: str) -> None:
    if keys.get(key) is not None and not wanted:
        raise SpecError(
            f"register.{key} needs {where}", hint=f"set it, or leave {key} out", field=f"register.{key}"
        )


def address(value: object, field: str, pattern: str = ADDRESS, words: str = ADDRESS_WORDS) -> str:
    """An address without a slash at its end; raises SpecError."""
    if isinstance(value, str) and "@" in value:
        # Not repeated: what stands before an @ may be a password.
        raise SpecError(f"{field} holds a user", hint=words, field=field)
    prefix, _, key = field.rpartition(".")
    return _pattern({key: value}, key, pattern, words, f"{prefix}." if prefix else "").rstrip("/")


def _server(value: object) -> str:
    return address(value, "register.server", SERVER, SERVER_WORDS)


def _external_id(keys: Mapping[str, Any], trust: str, to: RegisterTo) -> bool:
    """Asked for by default when the role belongs to one principal; a ZenML server never sends one."""
    value = keys.get("external_id", trust == "principal" and to != "zenml")
    if not isinstance(value, bool):
        raise SpecError(
            f"access.external_id is {value!r}", hint="allowed: true, false", field="access.external_id"
        )
    if value and trust != "principal":
        raise SpecError(
            "access.external_id needs access.trust: principal",
            hint="within one account an external id protects nothing",
            field="access.external_id",
        )
    if value and to == "zenml":
        raise SpecError(
            "access.external_id shuts the ZenML server out: it never sends one",
            hint="write `external_id: false`; the condition on aws:PrincipalArn is what binds the role",
            field="access.external_id",
        )
    return value


def _text(keys: Mapping[str, Any], key: str) -> str:
    value = keys[key]
    if not isinstance(value, str):
        raise SpecError(
            f"access.{key} is {_kind(value)}, not a text",
            hint="arn:aws:iam::111122223333:role/NAME",
            field=f"access.{key}",
        )
    return value


def _usage(value: object) -> dict[str, Value]:
    """`light` or `{profile: light, KEY: NUMBER}`; the keys themselves are checked by cost_estimates."""
    if isinstance(value, str):
        return {"profile": _choice(value, "usage", PROFILES)}
    keys = _mapping(value, "usage")
    profile = _choice(keys.get("profile", "light"), "usage.profile", PROFILES)
    for key, number in keys.items():
        if key != "profile" and (isinstance(number, bool) or not isinstance(number, int | float | str)):
            raise SpecError(
                f"usage.{key} is {_kind(number)}, not a number",
                hint="a number of its unit",
                field=f"usage.{key}",
            )
    return {**keys, "profile": profile}


def _tags(value: object) -> dict[str, str]:
    tags = _mapping(value, "tags")
    if len(tags) > MAX_TAGS:
        raise SpecError(f"{len(tags)} tags", hint=f"allowed: at most {MAX_TAGS}", field="tags")
    seen: dict[str, str] = {}
    for key, text in tags.items():
        _check_tag(key, text)
        # IAM takes Team and team for one key.
        if key.lower() in seen:
            raise SpecError(
                f"tags {seen[key.lower()]!r} and {key!r} differ only in case",
                hint="IAM takes them for one key",
                field=f"tags.{key}",
            )
        seen[key.lower()] = key
    return dict(tags)


def _check_tag(key: str, value: object) -> None:
    path = f"tags.{key}"
    if key.lower().startswith(("aws:", access.RESERVED_TAG_PREFIX)):
        raise SpecError(f"{path} is reserved", hint="choose a key that starts with neither", field=path)
    if not 1 <= len(key) <= 128 or not re.fullmatch(_TAG_TEXT, key):
        raise SpecError(
            f"{path} is not a tag key", hint="1–128 letters, digits, spaces and . : / = + - @ _", field=path
        )
    if not isinstance(value, str) or len(value) > 256 or not re.fullmatch(_TAG_TEXT, value):
        raise SpecError(
            f"{path} {value!r} is not a tag value",
            hint="a text of at most 256 letters, digits, spaces and . : / = + - @ _ (quote numbers)",
            field=path,
        )


def schema() -> dict[str, object]:
    """JSON Schema of `stack.yaml`, made from the same tables that `parse` reads."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "stackwright stack.yaml, version 1",
        "type": "object",
        "additionalProperties": False,
        "required": ["version", "name", "region", "components"],
        "properties": {
            "version": {"const": 1},
            "name": {"type": "string", "pattern": f"^{NAME}$"},
            "region": {"enum": regions.names()},
            "components": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": False,
                "properties": {type_: _slot_schema(type_) for type_ in known_types()},
                "allOf": _needs_schema(),
            },
            "network": _network_schema(),
            "access": _access_schema(),
            "data": _object(
                {
                    "retention": {"enum": list(RETENTIONS), "default": "retain"},
                    "kms_key": {"type": ["string", "null"], "pattern": f"^{KMS_KEY}$"},
                }
            ),
            "budget": _object(
                {
                    "monthly_usd": {"type": "integer", "minimum": 1, "maximum": 10_000_000},
                    "notify": {"type": "string", "pattern": f"^(({_EMAIL})|({_TOPIC}))$"},
                },
                required=["monthly_usd", "notify"],
            ),
            "usage": _usage_schema(),
            "register": _register_schema(),
            "tags": {
                "type": "object",
                "maxProperties": MAX_TAGS,
                "additionalProperties": {"type": "string", "maxLength": 256},
            },
        },
        "if": _within("register", "to", "zenml"),
        "then": {"not": _within("access", "external_id", True)},
    }


def _within(key: str, inner: str, value: object) -> dict[str, object]:
    held = {"type": "object", "properties": {inner: {"const": value}}, "required": [inner]}
    return {"properties": {key: held}, "required": [key]}


def _object(properties: dict[str, object], **more: object) -> dict[str, object]:
    return {"type": "object", "additionalProperties": False, "properties": properties, **more}


def _slot_schema(type_: ComponentType) -> dict[str, object]:
    options = [find(type_, flavor) for flavor in flavors(type_)]
    return {"anyOf": [{"enum": flavors(type_)}, *(_flavor_schema(c) for c in options if c)]}


def _flavor_schema(component: Component) -> dict[str, object]:
    properties: dict[str, object] = {"flavor": {"const": component.flavor}}
    options: dict[str, Any] = {o.name: _option_schema(o) for o in component.options if not o.group}
    for option in (o for o in component.options if o.group):
        group = options.setdefault(option.group, _object({}))
        group["properties"][option.key] = _option_schema(option)
    properties["options"] = _object(options)
    if component.reusable:
        properties["reuse"] = {"type": "string", "pattern": f"^{component.arn_pattern}$"}
    more = {"not": {"required": ["reuse", "options"]}} if component.reusable else {}
    return _object(properties, description=component.words, required=["flavor"], **more)


def _option_schema(option: Option) -> dict[str, object]:
    base: dict[str, object] = {"description": option.doc}
    if option.default not in ("", ()):
        base["default"] = option.default
    if option.choices:
        return base | {"enum": list(option.choices)}
    if isinstance(option.default, bool):
        return base | {"type": "boolean"}
    if isinstance(option.default, int):
        return base | {"type": "integer", "minimum": option.minimum, "maximum": option.maximum}
    text: dict[str, object] = {"type": "string", "pattern": f"^({option.pattern})$"}
    if option.placeholder:
        text = {"anyOf": [{"const": option.placeholder}, text]}
    if isinstance(option.default, str):
        return base | text
    most = {"maxItems": option.maximum} if option.maximum else {}
    return base | {"type": "array", "minItems": 1, **most, "items": text}


def _needs_schema() -> list[object]:
    """A flavor that reads from another slot needs that slot; what is built on a cluster needs one there."""
    known = [c for t in known_types() for f in flavors(t) if (c := find(t, f))]
    needing = [
        {"if": _has({c.type: _is_flavor(c)}), "then": {"required": list(c.needs)}} for c in known if c.needs
    ]
    hosted = [
        {
            "if": _has({c.type: {**_is_flavor(c), "not": {"type": "object", "required": ["reuse"]}}}),
            "then": {"anyOf": [_has({t: _is_flavor(h)}) for t, f in c.beside if (h := find(t, f))]},
        }
        for c in known
        if c.beside
    ]
    return [*needing, *hosted]


def _has(slots: dict[str, object]) -> dict[str, object]:
    return {"properties": slots, "required": list(slots)}


def _is_flavor(component: Component) -> dict[str, object]:
    long = {"type": "object", "properties": {"flavor": {"const": component.flavor}}}
    return {"anyOf": [{"const": component.flavor}, long]}


def _network_schema() -> dict[str, object]:
    subnets = {"type": "array", "minItems": 2, "uniqueItems": True, "items": {"pattern": f"^{_SUBNET}$"}}
    vpc = {"anyOf": [{"const": "new"}, {"pattern": f"^({_VPC}|{_VPC_ARN})$"}]}
    cidr = {"type": "string", "pattern": f"^{CIDR}$", "description": CIDR_WORDS}
    return _object(
        {"vpc": {"type": "string", **vpc}, "subnets": subnets, "cidr": cidr},
        **{
            "if": {"properties": {"vpc": {"not": {"const": "new"}}}, "required": ["vpc"]},
            "then": {"required": ["subnets"], "not": {"required": ["cidr"]}},
            "else": {"not": {"required": ["subnets"]}},
        },
    )


def _access_schema() -> dict[str, object]:
    oidc = _object(
        {
            "issuer": {"type": "string", "pattern": f"^{ISSUER}$"},
            "audience": {"type": "string", "pattern": f"^{OIDC_AUDIENCE}$", "default": "sts.amazonaws.com"},
            "subject": {"type": "string", "pattern": f"^{_REST}$"},
            "provider": {"type": ["string", "null"], "pattern": f"^{OIDC_PROVIDER}$"},
        },
        required=["issuer", "subject"],
    )
    return _object(
        {
            "trust": {"enum": list(access.TRUSTS), "default": "account"},
            "principal": {"type": ["string", "null"], "pattern": "^arn:[a-z-]+:(iam|sts)::[0-9]{12}:"},
            "external_id": {"type": "boolean"},
            "boundary": {"type": ["string", "null"], "pattern": f"^{_BOUNDARY}$"},
            "oidc": oidc,
        },
        allOf=[
            _if_trust(
                "principal",
                {"required": ["principal"], "properties": {"principal": {"type": "string"}}},
                {"properties": {"external_id": {"const": False}}},
            ),
            _if_trust("oidc", {"required": ["oidc"]}, {"not": {"required": ["oidc"]}}),
            *(_if_trust(t, {"properties": {"principal": {"type": "null"}}}) for t in ("oidc", "access_key")),
        ],
    )


def _register_schema() -> dict[str, object]:
    def only(key: str, value: str, names: str, then: object) -> dict[str, object]:
        wanted = {"properties": {key: {"const": value}}, "required": [key]}
        return {"if": wanted, "then": then, "else": {"properties": {names: {"type": "null"}}}}

    def text(pattern: str, words: str) -> dict[str, object]:
        return {"type": ["string", "null"], "pattern": f"^{pattern}$", "description": words}

    return _object(
        {
            "to": {"enum": list(REGISTERS), "default": "local"},
            "url": text(ADDRESS, ADDRESS_WORDS),
            "how": {"enum": list(HOWS), "default": "finish"},
            "server": text(SERVER, SERVER_WORDS),
        },
        allOf=[
            only("to", "zenml", "url", True),
            only(
                "how",
                "callback",
                "server",
                {"required": ["server"], "properties": {"server": {"type": "string"}}},
            ),
        ],
    )


def _if_trust(trust: str, then: object, otherwise: object = True) -> dict[str, object]:
    wanted = {"properties": {"trust": {"const": trust}}, "required": ["trust"]}
    return {"if": wanted, "then": then, "else": otherwise}


def _usage_schema() -> dict[str, object]:
    profile: dict[str, object] = {"enum": list(PROFILES)}
    numbers = {"type": ["number", "string"]}
    long = {"type": "object", "properties": {"profile": profile}, "additionalProperties": numbers}
    return {"anyOf": [profile, long], "default": "light"}
