"""Connectors: how the credentials of registered stacks are obtained, each way told once."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provisioner.registry import RegisteredComponent, RegisteredStack

# Component type -> the outputs that name what a connector opens, the first that is there.
_RESOURCES = {
    "artifact_store": ("bucket_name",),
    "container_registry": ("repository_uri",),
    "orchestrator": ("cluster_arn", "execution_role_arn"),
    "step_operator": ("cluster_arn", "queue_arn", "execution_role_arn"),
    "image_builder": ("project_arn",),
}


@dataclass(frozen=True, kw_only=True)
class Connector:
    """One way into one account. An external id is an identifier; `secret_arn` says where a key lies.

    `data_key` is the ARN of the customer's KMS key, without which it opens no object of the bucket.
    """

    name: str
    type: str
    auth_method: str
    trust: str
    account: str
    role_arn: str
    external_id: str
    secret_arn: str
    data_key: str
    stacks: tuple[str, ...]
    resources: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"stacks": [*self.stacks]}


def of_stacks(
    stacks: "Iterable[RegisteredStack]", components: "Iterable[RegisteredComponent]"
) -> list[Connector]:
    """The connectors of these stacks, by name; those that go the same way are one."""
    by_name = {c.name: c for c in components}
    used = sorted((s for s in stacks if s.connector and s.status != "deleted"), key=_key)
    made = [_make([*group], by_name) for _, group in groupby(used, key=_key)]
    return _named_apart(sorted(made, key=lambda c: (c.name, c.account, c.role_arn, c.auth_method)))


def _key(stack: "RegisteredStack") -> tuple[str, ...]:
    told = stack.connector
    return (
        stack.account,
        told.get("role_arn", ""),
        *(told.get(k, "") for k in ("type", "auth_method", "external_id", "secret_arn", "data_key")),
    )


def _make(stacks: "list[RegisteredStack]", by_name: "Mapping[str, RegisteredComponent]") -> Connector:
    # Only what we know: whatever else a mapping may hold is not shown.
    told = stacks[0].connector
    parts = {f"{s.name}.{t}": by_name[n] for s in stacks for t, n in s.components.items() if n in by_name}
    opened = {name: _resource(part) for name, part in parts.items()}
    return Connector(
        name=_name(told.get("role_arn", ""), stacks[0]),
        type=told.get("type", "aws"),
        auth_method=told.get("auth_method", ""),
        trust=told.get("trust", ""),
        account=stacks[0].account,
        role_arn=told.get("role_arn", ""),
        external_id=told.get("external_id", ""),
        secret_arn=told.get("secret_arn", ""),
        data_key=told.get("data_key", ""),
        stacks=tuple(sorted(s.name for s in stacks)),
        resources={name: resource for name, resource in opened.items() if resource},
    )


def _name(role_arn: str, stack: "RegisteredStack") -> str:
    """The role's name, which is what people see in IAM."""
    return role_arn.rpartition("/")[2] or f"{stack.name}.aws"


def _resource(part: "RegisteredComponent") -> str:
    wanted = _RESOURCES.get(part.type, ())
    return next((part.outputs[key] for key in wanted if part.outputs.get(key)), "")


def _named_apart(connectors: list[Connector]) -> list[Connector]:
    """The second of a name is called by its account too, the next by a number."""
    taken: set[str] = set()
    apart = []
    for one in connectors:
        tries = [one.name, f"{one.name}.{one.account}"]
        tries += [f"{one.name}.{one.account}.{n}" for n in range(2, len(connectors) + 2)]
        name = next(t for t in tries if t not in taken)
        taken.add(name)
        apart.append(Connector(**vars(one) | {"name": name}))
    return apart
