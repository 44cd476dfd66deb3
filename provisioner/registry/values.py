"""What the registry holds: components, stacks, and their copies on ZenML servers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from provisioner.enrolments import Enrolment, Publication, Status, from_row
from provisioner.moment import instant, stamp

Origin = Literal["built", "found"]
StackStatus = Literal["registered", "unverified", "needs_bootstrap", "deleting", "deleted"]
RegistrationStatus = Literal["registering", "registered", "removing", "stale"]


@dataclass(frozen=True, kw_only=True)
class RegisteredComponent:
    """A component that pipelines can use; from here on nobody needs to know whether it was built or found."""

    name: str
    type: str
    flavor: str
    origin: Origin
    account: str
    region: str
    outputs: Mapping[str, str]
    config: Mapping[str, str]
    created_at: datetime

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"created_at": stamp(self.created_at)}


@dataclass(frozen=True, kw_only=True)
class RegisteredStack:
    """A complete set of components; `components` maps type to the name of a registered component.

    `owner` registered it, `groups` may use it besides; without an owner it is everybody's.
    """

    name: str
    account: str
    region: str
    status: StackStatus
    components: Mapping[str, str]
    created_at: datetime
    stack_id: str = ""
    template_sha256: str = ""
    connector: Mapping[str, str] = field(default_factory=dict)
    estimate: Mapping[str, Any] = field(default_factory=dict)
    owner: str = ""
    groups: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"created_at": stamp(self.created_at), "groups": [*self.groups]}


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A stack's copy on a ZenML server; `ids` maps a component type, or `connector:TYPE`, to the id there."""

    stack: str
    server: str
    status: RegistrationStatus
    remote_id: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)
    updated_at: datetime

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"updated_at": stamp(self.updated_at)}


def with_status(enrolment: Enrolment, status: Status, *, stack_id: str = "") -> Enrolment:
    return replace(enrolment, status=status, stack_id=stack_id or enrolment.stack_id)


# Rows to values; raise ValueError or TypeError for what a row cannot be.


def make_stack(row: Mapping[str, Any]) -> RegisteredStack:
    _check_mappings(row, "components", "connector", "estimate")
    groups = row["groups"]
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        raise ValueError("groups is no list of names")
    return RegisteredStack(**dict(row) | {"created_at": instant(row["created_at"]), "groups": (*groups,)})


def make_component(row: Mapping[str, Any]) -> RegisteredComponent:
    _check_mappings(row, "outputs", "config")
    return RegisteredComponent(**dict(row) | {"created_at": instant(row["created_at"])})


def make_registration(row: Mapping[str, Any]) -> Registration:
    _check_mappings(row, "ids")
    return Registration(**dict(row) | {"updated_at": instant(row["updated_at"])})


def make_publication(row: Mapping[str, Any]) -> Publication:
    return Publication(**{**row, "published_at": instant(row["published_at"])})


def make_enrolment(row: Mapping[str, Any]) -> Enrolment:
    enrolment = from_row(row)
    _check_mappings(vars(enrolment), "parameters", "spec", "shape", "estimate")
    return enrolment


def _check_mappings(row: Mapping[str, Any], *keys: str) -> None:
    for key in keys:
        if not isinstance(row[key], dict):
            raise ValueError(f"{key} is no JSON object")
