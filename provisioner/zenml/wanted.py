"""What a ZenML server should hold for a registered stack: connectors, components, stack, what is left out."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from provisioner.components import find
from provisioner.errors import CheckError

Method = Literal["", "implicit", "iam-role", "session-token", "secret-key"]
LABEL, STACK_LABEL, CONFIG_LABEL, KEY_LABEL = (
    "stackwright",
    "stackwright-stack",
    "stackwright-config",
    "stackwright-key",
)
# ZenML runs no stack without these two.
REQUIRED = ("artifact_store", "orchestrator")
GENERIC, BUCKET, DOCKER, CLUSTER = "aws-generic", "s3-bucket", "docker-registry", "kubernetes-cluster"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A component of the registered stack; `flavor` is ours, not ZenML's."""

    type: str
    flavor: str
    config: Mapping[str, str]
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Flavor:
    """A flavor as the server describes it; `resource_type` is what its connector must be for."""

    type: str
    name: str
    schema: Mapping[str, Any]
    resource_type: str = ""


Flavors = Mapping[tuple[str, str], Flavor]
# Kind of thing -> type, of components only, and name.
Names = Mapping[str, Collection[tuple[str, str]]]


@dataclass(frozen=True, kw_only=True)
class Login:
    """How the server gets into AWS. The key itself is not here: only a mark that changes with it."""

    method: Method
    role_arn: str = ""
    key_mark: str = ""
    data_key: str = ""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The registered stack, in plain values; `id` is CloudFormation's, empty for one of found things."""

    name: str
    id: str
    account: str
    region: str
    partition: str
    parts: tuple[Part, ...]

    @property
    def mark(self) -> str:
        """What tells this stack from another of the same name: its id, or a hash of what it holds."""
        held = [[p.type, p.flavor, sorted(p.outputs.items())] for p in self.parts]
        return self.id or digest([self.account, self.region, *held])

    @property
    def labels(self) -> dict[str, str]:
        return {LABEL: self.name, STACK_LABEL: self.mark}


@dataclass(frozen=True, kw_only=True)
class Connector:
    """`key` is its name in our registry; the secrets of its configuration are added at the door."""

    key: str
    name: str
    resource_type: str
    resource_id: str
    method: Method
    configuration: Mapping[str, str]
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Component:
    """`connector` is the key of one, empty where none is needed."""

    type: str
    name: str
    flavor: str
    configuration: Mapping[str, Any]
    connector: str
    resource_id: str
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    type: str
    flavor: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    name: str
    description: str
    labels: Mapping[str, str]
    connectors: tuple[Connector, ...]
    components: tuple[Component, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()


def make(stack: Stack, *, flavors: Flavors, login: Login, version: str) -> Wanted:
    """What the server should hold; raises CheckError that names component and key."""
    used, left_out, notes = _used(stack.parts, flavors, version)
    connectors = _connectors(stack, used, login)
    return Wanted(
        name=stack.name,
        description=f"stackwright {stack.name}: account {stack.account}, {stack.region}",
        labels=stack.labels,
        connectors=tuple(connectors.values()),
        components=tuple(_component(stack, part, flavor, connectors) for part, flavor in used),
        left_out=left_out,
        notes=notes,
    )


def names(name: str, parts: Sequence[Part], *, flavors: Flavors, version: str) -> Names:
    """What a stack of these parts is going to be called there; raises CheckError."""
    used, _, _ = _used(parts, flavors, version)
    resource_types = {flavor.resource_type for _, flavor in used} & {GENERIC, BUCKET, DOCKER, CLUSTER}
    return {
        "connector": {("", f"{name}.{type_}") for type_ in resource_types},
        "component": {(part.type, f"{name}.{part.type}") for part, _ in used},
        "stack": {("", name)},
    }


def _used(
    parts: Sequence[Part], flavors: Flavors, version: str
) -> tuple[list[tuple[Part, Flavor]], tuple[LeftOut, ...], tuple[str, ...]]:
    """The parts that the server can hold with its flavors, what it cannot, and what is to be said of that."""
    left_out = [out for part in parts if (out := _left_out(part, flavors, version))]
    gone = {out.type for out in left_out}
    held = [part for part in parts if part.type not in gone]
    notes = []
    if all(part.type != "orchestrator" for part in held):
        held.append(Part(type="orchestrator", flavor="local", config={}))
        notes.append("ZenML runs no stack without an orchestrator: a local one stands in")
    _check_required(held)
    return [(part, flavors[part.type, _flavor(part)]) for part in held], tuple(left_out), tuple(notes)


def needs_aws(stack: Stack, *, flavors: Flavors, version: str) -> bool:
    """Whether any component that the server can hold reaches AWS through a connector."""
    held = (p for p in stack.parts if not _left_out(p, flavors, version))
    return any(flavors[p.type, _flavor(p)].resource_type for p in held)


def _flavor(part: Part) -> str:
    known = find(part.type, part.flavor)
    return known.zenml_flavor if known else part.flavor


def _left_out(part: Part, flavors: Flavors, version: str) -> LeftOut | None:
    """Why ZenML cannot have a component; raises CheckError where it cannot do without."""
    flavor = _flavor(part)
    if not flavor:
        reason = "ZenML has no flavor for it"
    elif str(part.config.get("tracking_uri", "")).startswith("arn:"):
        # https://github.com/zenml-io/zenml: validate_tracking_uri of the mlflow flavor knows no ARN.
        reason = "ZenML takes an ARN as tracking address for a folder of the client"
    elif (part.type, flavor) not in flavors:
        reason = f"ZenML {version} has no {part.type} flavor {flavor!r}"
        if part.type in REQUIRED:
            known = ", ".join(sorted(name for type_, name in flavors if type_ == part.type)) or "none"
            raise CheckError(
                reason, hint=f"update the server, or choose another; it has: {known}", field=part.type
            )
    else:
        return None
    return LeftOut(type=part.type, flavor=part.flavor, reason=reason)


def _check_required(parts: Iterable[Part]) -> None:
    lacking = [type_ for type_ in REQUIRED if all(p.type != type_ for p in parts)]
    if lacking:
        raise CheckError(
            f"a ZenML stack needs an {' and an '.join(lacking)}, and this one has none",
            hint="register it with a bucket, too",
            field=lacking[0],
        )


def _component(
    stack: Stack, part: Part, flavor: Flavor, connectors: Mapping[tuple[str, str], Connector]
) -> Component:
    place = _resource(stack, part, flavor)
    connector = connectors.get(place) if place else None
    configuration = typed(part, flavor)
    return Component(
        type=part.type,
        name=f"{stack.name}.{part.type}",
        flavor=flavor.name,
        configuration=configuration,
        connector=connector.key if connector else "",
        resource_id=place[1] if place and flavor.resource_type != GENERIC else "",
        labels=stack.labels | {CONFIG_LABEL: digest(configuration)},
    )


def _resource(stack: Stack, part: Part, flavor: Flavor) -> tuple[str, str] | None:
    """Resource type and id that a component's connector is for: one id each, so no list right is needed."""
    ids = {
        BUCKET: lambda: part.config.get("path", ""),
        DOCKER: lambda: part.config.get("uri", ""),
        CLUSTER: lambda: part.outputs.get("cluster_name", ""),
        GENERIC: lambda: stack.region,
    }
    known = ids.get(flavor.resource_type)
    return (flavor.resource_type, known()) if known else None


def _connectors(
    stack: Stack, used: Sequence[tuple[Part, Flavor]], login: Login
) -> dict[tuple[str, str], Connector]:
    """One for each resource id, in the order in which components ask for them."""
    places = dict.fromkeys(p for part, flavor in used if (p := _resource(stack, part, flavor)))
    made: dict[tuple[str, str], Connector] = {}
    for place in places:
        type_, id_ = place
        again = any(c.resource_type == type_ for c in made.values())
        made[place] = Connector(
            key=f"connector:{type_}" + (f":{id_}" if again else ""),
            name=f"{stack.name}.{type_}" + (f".{id_}" if again else ""),
            resource_type=type_,
            resource_id=id_,
            method=login.method,
            configuration=_configuration(stack, place, login),
            labels=stack.labels | ({KEY_LABEL: login.key_mark} if login.key_mark else {}),
        )
    return made


def _configuration(stack: Stack, place: tuple[str, str], login: Login) -> dict[str, str]:
    by_role = login.role_arn and login.method in ("implicit", "iam-role")
    policy = _session_policy(stack, place[1], login.data_key) if by_role and place[0] == BUCKET else ""
    return {
        "region": stack.region,
        **({"role_arn": login.role_arn} if by_role else {}),
        **({"policy": policy} if policy else {}),
    }


def _session_policy(stack: Stack, path: str, data_key: str) -> str:
    """ZenML narrows a role's session to S3 alone, which shuts it out of a customer's key: so we say more."""
    if not data_key:
        return ""
    bucket = f"arn:{stack.partition}:s3:::{path.removeprefix('s3://').partition('/')[0]}"
    objects = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"]
    lists = ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketVersioning", "s3:GetBucketLocation"]
    statements = [
        {"Effect": "Allow", "Action": lists, "Resource": bucket},
        {"Effect": "Allow", "Action": [*objects, "s3:AbortMultipartUpload"], "Resource": f"{bucket}/*"},
        {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": data_key},
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def typed(part: Part, flavor: Flavor) -> dict[str, Any]:
    """The configuration in the flavor's own types; raises CheckError that names component and key."""
    properties: Mapping[str, Any] = flavor.schema.get("properties", {})
    for key in part.config:
        if key not in properties:
            raise CheckError(
                f"{part.type}: flavor {flavor.name!r} of this server has no key {key!r}",
                hint=f"it has: {', '.join(sorted(properties))}",
                field=f"{part.type}.{key}",
            )
    for key in flavor.schema.get("required", ()):
        if not part.config.get(key):
            raise CheckError(
                f"{part.type}: flavor {flavor.name!r} needs the key {key!r}, which has no value",
                hint="`stackwright finish NAME` reads the stack's outputs anew",
                field=f"{part.type}.{key}",
            )
    return {key: _typed(part, key, value, properties[key]) for key, value in part.config.items()}


_BOOLEANS: Mapping[str, bool] = {"true": True, "false": False}


def _typed(part: Part, key: str, value: str, schema: Mapping[str, Any]) -> object:
    kinds = {str(s.get("type", "")) for s in (schema, *schema.get("anyOf", ()))}
    if "string" in kinds or not kinds & {"boolean", "integer"}:
        return value
    if "boolean" in kinds and value in _BOOLEANS:
        return _BOOLEANS[value]
    if "integer" in kinds and value.isdigit():
        return int(value)
    raise CheckError(
        f"{part.type}: {key} is {value!r}, and the server wants {' or '.join(sorted(kinds - {''}))}",
        hint="this is ours to mend: please report it with the server's version",
        field=f"{part.type}.{key}",
    )


def digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
