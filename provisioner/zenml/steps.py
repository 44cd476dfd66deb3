"""What is wanted against what a server has: the steps in between, in the order that the server allows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from provisioner.errors import CheckError
from provisioner.zenml.wanted import (
    LABEL,
    STACK_LABEL,
    Component,
    Connector,
    Names,
    Wanted,
)

Kind = Literal["connector", "component", "stack"]
Action = Literal["create", "update", "detach", "set_aside", "delete"]


@dataclass(frozen=True, kw_only=True)
class Found:
    """A thing on the server; `owner` is who made it there."""

    id: str
    name: str
    labels: Mapping[str, str]
    owner: str = ""


@dataclass(frozen=True, kw_only=True)
class FoundConnector(Found):
    connector_type: str
    method: str
    resource_types: tuple[str, ...]
    resource_id: str
    configuration: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class FoundComponent(Found):
    type: str
    flavor: str
    configuration: Mapping[str, Any]
    connector_id: str
    resource_id: str


@dataclass(frozen=True, kw_only=True)
class FoundStack(Found):
    components: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class World:
    """What the server has under a stack's name, or under the ids that we remember."""

    connectors: tuple[FoundConnector, ...] = ()
    components: tuple[FoundComponent, ...] = ()
    stacks: tuple[FoundStack, ...] = ()

    def things(self) -> dict[Kind, tuple[Found, ...]]:
        return {"connector": self.connectors, "component": self.components, "stack": self.stacks}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One write. `key` is what our registry calls the thing; `id` is the server's, empty for a new one."""

    action: Action
    kind: Kind
    key: str
    name: str
    id: str = ""

    @property
    def words(self) -> str:
        return f"{self.action.replace('_', ' ')} {self.kind} {self.name}"


@dataclass(frozen=True, kw_only=True)
class Own:
    """What makes a thing ours: both labels, or an id that we remember."""

    labels: Mapping[str, str]
    ids: frozenset[str] = field(default_factory=frozenset)

    def has(self, thing: Found) -> bool:
        named = all(k in self.labels and thing.labels.get(k) == self.labels[k] for k in (LABEL, STACK_LABEL))
        return named or thing.id in self.ids


def plan(wanted: Wanted, world: World, own: Own) -> list[Step]:
    """Steps to what is wanted, none where it is so already; raises CheckError for a name taken."""
    check_free(_names(wanted), world, own)
    connectors = {c.name: c for c in world.connectors if own.has(c)}
    components = {(c.type, c.name): c for c in world.components if own.has(c)}
    stack = next((s for s in world.stacks if own.has(s)), None)
    keys = {c.id: w.key for w in wanted.connectors if (c := connectors.get(w.name))}
    steps: list[Step] = []
    detached: set[str] = set()
    for connector in wanted.connectors:
        found = connectors.get(connector.name)
        if found and _is_other_door(connector, found):
            # The server changes what a connector is for only while no component uses it.
            users = [c for c in components.values() if c.connector_id == found.id]
            steps += [_component_step("detach", c) for c in users]
            detached |= {c.id for c in users}
        steps += _connector_steps(connector, found)
    for component in wanted.components:
        at = components.get((component.type, component.name))
        loose = at is not None and at.id in detached
        steps += _component_steps(component, at, keys, loose=loose)
    steps += _stack_steps(wanted, stack, components, changed=_are_replaced(steps))
    return [*steps, *_leftovers(wanted, world, own, steps)]


def removal(world: World, own: Own) -> list[Step]:
    """Everything of ours, in the only order that the server allows."""
    return [
        *(
            Step(action="delete", kind="stack", key="stack", name=s.name, id=s.id)
            for s in world.stacks
            if own.has(s)
        ),
        *(_component_step("delete", c) for c in world.components if own.has(c)),
        *(_connector_step("delete", c) for c in world.connectors if own.has(c)),
    ]


def _component_step(action: Action, found: FoundComponent) -> Step:
    return Step(action=action, kind="component", key=found.type, name=found.name, id=found.id)


def _connector_step(action: Action, found: FoundConnector) -> Step:
    return Step(action=action, kind="connector", key=f"connector:{found.name}", name=found.name, id=found.id)


def _names(wanted: Wanted) -> Names:
    return {
        "connector": {("", c.name) for c in wanted.connectors},
        "component": {(c.type, c.name) for c in wanted.components},
        "stack": {("", wanted.name)},
    }


def check_free(names: Names, world: World, own: Own) -> None:
    """Raises CheckError that says whose the thing is that has one of our names already."""
    for kind, things in world.things().items():
        for thing in things:
            called = (getattr(thing, "type", ""), thing.name)
            if called in names[kind] and not own.has(thing):
                raise CheckError(
                    f"the ZenML server has a {kind} {thing.name!r} already, {_whose(thing)}",
                    hint="choose another stack name; nothing of others is overwritten",
                    field="name",
                )


def _whose(thing: Found) -> str:
    """Another stack of ours, or a person's own."""
    stack = thing.labels.get(STACK_LABEL)
    by = f" made by {thing.owner}" if thing.owner else ""
    return f"which is of the stack {stack}" if stack else f"which is not stackwright's{by and ', but' + by}"


def _is_other_door(wanted: Connector, found: FoundConnector) -> bool:
    return (found.method, found.resource_types, found.resource_id) != (
        wanted.method,
        (wanted.resource_type,),
        wanted.resource_id,
    )


def _connector_steps(wanted: Connector, found: FoundConnector | None) -> list[Step]:
    if found is None:
        return [Step(action="create", kind="connector", key=wanted.key, name=wanted.name)]
    same = (
        not _is_other_door(wanted, found)
        and _without_secrets(found.configuration) == wanted.configuration
        and found.labels == wanted.labels
    )
    step = Step(action="update", kind="connector", key=wanted.key, name=wanted.name, id=found.id)
    return [] if same else [step]


def _without_secrets(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Servers leave secrets out, show them as None, or add what was not given."""
    return {
        k: v for k, v in configuration.items() if v is not None and not k.startswith(("aws_access", "aws_s"))
    }


def _component_steps(
    wanted: Component, found: FoundComponent | None, keys: Mapping[str, str], *, loose: bool
) -> list[Step]:
    create = Step(action="create", kind="component", key=wanted.type, name=wanted.name)
    if found is None:
        return [create]
    if found.flavor != wanted.flavor:
        # A component never changes its flavor: the old one makes room, and goes when no stack has it.
        return [_component_step("set_aside", found), create]
    same = (
        not loose
        and keys.get(found.connector_id, found.connector_id) == wanted.connector
        and found.resource_id == wanted.resource_id
        and found.labels == wanted.labels
        and all(found.configuration.get(k) == v for k, v in wanted.configuration.items())
    )
    return [] if same else [_component_step("update", found)]


def _are_replaced(steps: Iterable[Step]) -> bool:
    return any(s.kind == "component" and s.action == "create" for s in steps)


def _stack_steps(
    wanted: Wanted,
    found: FoundStack | None,
    components: Mapping[tuple[str, str], FoundComponent],
    *,
    changed: bool,
) -> list[Step]:
    if found is None:
        return [Step(action="create", kind="stack", key="stack", name=wanted.name)]
    ids = {c.type: (at.id,) for c in wanted.components if (at := components.get((c.type, c.name)))}
    same = (
        not changed
        and found.components == ids
        and found.labels == wanted.labels
        and found.name == wanted.name
    )
    step = Step(action="update", kind="stack", key="stack", name=wanted.name, id=found.id)
    return [] if same else [step]


def _leftovers(wanted: Wanted, world: World, own: Own, steps: Sequence[Step]) -> list[Step]:
    """What was ours and is wanted no more: components first, for a connector in use stays."""
    components = {(c.type, c.name) for c in wanted.components}
    connectors = {c.name for c in wanted.connectors}
    aside = [s for s in steps if s.action == "set_aside"]
    return [
        *(
            Step(action="delete", kind="component", key=s.key, name=aside_name(s.name), id=s.id)
            for s in aside
        ),
        *(
            _component_step("delete", c)
            for c in world.components
            if own.has(c) and (c.type, c.name) not in components
        ),
        *(_connector_step("delete", c) for c in world.connectors if own.has(c) and c.name not in connectors),
    ]


def aside_name(name: str) -> str:
    return f"{name}.replaced"


def ids_of(wanted: Wanted, world: World, own: Own) -> dict[str, str]:
    """Our registry's keys -> the server's ids, of all that is wanted and there."""
    connectors = {c.name: c.id for c in world.connectors if own.has(c)}
    components = {(c.type, c.name): c.id for c in world.components if own.has(c)}
    return {
        **{c.key: connectors[c.name] for c in wanted.connectors if c.name in connectors},
        **{c.type: components[c.type, c.name] for c in wanted.components if (c.type, c.name) in components},
    }
