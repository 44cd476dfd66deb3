"""Engine: a registered stack into a ZenML server and out again, killed and resumed at any step."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from provisioner.errors import CheckError, PartlyDoneError, RefusedError, StackwrightError
from provisioner.registry import Registration
from provisioner.zenml import capabilities, steps
from provisioner.zenml.steps import FoundComponent, Own, Step, World
from provisioner.zenml.wanted import LeftOut, Login, Part, Stack, Wanted, make, names, needs_aws

if TYPE_CHECKING:
    from provisioner.registry import Registry
    from provisioner.zenml.server import Server

Standing = Literal["registered", "changed", "missing"]


@dataclass(frozen=True, kw_only=True)
class Key:
    """An AWS access key that the server may keep; shown nowhere."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return "Key(***)"

    def mark(self, stack: str) -> str:
        """What changes with the key, its secret too, and tells nobody either; another one for each stack."""
        return hmac.new(stack.encode(), f"{self.id}\n{self.secret}".encode(), "sha256").hexdigest()[:32]

    def as_configuration(self) -> dict[str, str]:
        return {"aws_access_key_id": self.id, "aws_secret_access_key": self.secret}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a registration came to; no steps: everything was as it should be."""

    registration: Registration
    steps: tuple[Step, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Doors:
    """What the engine works with; `login` is asked only where a component needs a connector."""

    server: "Server"
    registry: "Registry"
    login: Callable[[bool], tuple[Login, Key | None]]
    now: Callable[[], datetime]
    on_step: Callable[[Step], None] = lambda step: None


def register(stack: Stack, *, doors: Doors) -> Outcome:
    """Puts the stack into the server, or brings what is there up to date; raises StackwrightError.

    What is begun is written down before it is done, so that a killed run is resumed by the next one.
    """
    server, registry = doors.server, doors.registry
    wanted, key = _wanted(stack, doors)
    before = known(registry, stack.name, server.url)
    remembered = before.ids if before else {}
    own = _own(stack, before)
    world = server.world(stack.name, _ids(before))
    planned = steps.plan(wanted, world, own)
    began = Registration(
        stack=stack.name,
        server=server.url,
        status="registering",
        remote_id=before.remote_id if before else "",
        ids=dict(remembered),
        updated_at=doors.now(),
    )
    if planned:
        registry.record_registration(began)
    work = _Work(wanted=wanted, key=key, doors=doors, registration=began, own=own, world=world)
    try:
        for step in planned:
            doors.on_step(step)
            work.apply(step)
        done = _checked(stack, work)
    except StackwrightError as error:
        _roll_back(work, was_there=bool(steps.removal(world, own)), error=error)
        raise
    written = work.registration if planned else before
    if written is None or replace(written, updated_at=done.updated_at) != done:
        registry.record_registration(done)
        written = done
    return Outcome(registration=written, steps=tuple(planned), left_out=wanted.left_out, notes=wanted.notes)


def unregister(registration: Registration, *, labels: Mapping[str, str], doors: Doors) -> None:
    """Takes the stack out of the server; raises PartlyDoneError where others use parts of it."""
    server, name = doors.server, registration.stack
    doors.registry.record_registration(replace(registration, status="removing", updated_at=doors.now()))
    own = Own(labels=labels, ids=frozenset(_ids(registration)))
    kept: list[str] = []
    for step in steps.removal(server.world(name, _ids(registration)), own):
        doors.on_step(step)
        try:
            server.delete(step.kind, step.id)
        except RefusedError as error:
            if error.code != "Forbidden":
                raise
            kept.append(f"{step.kind} {step.name}")
    if kept:
        raise PartlyDoneError(
            f"the ZenML server keeps {', '.join(kept)} of {name}: others use them",
            hint=f"delete the stacks there that use them, then `stackwright zenml remove {name}`",
        )
    doors.registry.forget_registration(name, registration.server)


def standing(stack: Stack, registration: Registration, *, server: "Server") -> tuple[Standing, str]:
    """Whether the server still has what was registered, and what the stack is called there."""
    world = server.world(stack.name, _ids(registration))
    there = {t.id for things in world.things().values() for t in things}
    name = next((s.name for s in world.stacks if s.id == registration.remote_id), "")
    if not name:
        return "missing", ""
    whole = name == stack.name and set(_ids(registration)) <= there
    return "registered" if whole else "changed", name


def check_free(name: str, parts: Sequence[Part], own: Own, *, server: "Server") -> None:
    """Before anything is built: raises CheckError for a name that is taken, and a flavor that lacks."""
    called = names(name, parts, flavors=server.flavors(), version=server.version)
    steps.check_free(called, server.world(name, own.ids), own)


def known(registry: "Registry", name: str, server: str) -> Registration | None:
    return next((r for r in registry.registrations_of(name) if r.server == server), None)


def _wanted(stack: Stack, doors: Doors) -> tuple[Wanted, Key | None]:
    """What the server should hold, checked against its own flavors before anything is written."""
    server = doors.server
    version = server.version
    capabilities.check(version)
    flavors = server.flavors()
    login, key = Login(method=""), None
    if needs_aws(stack, flavors=flavors, version=version):
        check_aws(server)
        login, key = doors.login(server.allows_implicit(stack.region))
    return make(stack, flavors=flavors, login=login, version=version), key


def check_aws(server: "Server") -> None:
    """Raises CheckError for a server that cannot log in to AWS itself: it would keep a key in clear, too."""
    if not server.has_aws():
        raise CheckError(
            "the ZenML server has no AWS connector, without which it reaches no bucket",
            hint='`pip install "zenml[connectors-aws]"` where the server runs; its own images have it',
            field="register.url",
        )


def _ids(registration: Registration | None) -> list[str]:
    if registration is None:
        return []
    return [i for i in (registration.remote_id, *registration.ids.values()) if i]


def _own(stack: Stack, before: Registration | None) -> Own:
    return Own(labels=stack.labels, ids=frozenset(_ids(before)))


class _Work:
    """One run over one server: what is done, under which ids."""

    def __init__(
        self,
        *,
        wanted: Wanted,
        key: Key | None,
        doors: Doors,
        registration: Registration,
        own: Own,
        world: World,
    ) -> None:
        self.doors = doors
        self.registration = registration
        self.made: list[Step] = []
        self.own = own
        self._key = key
        self.wanted = wanted
        self._ids = dict(steps.ids_of(wanted, world, own))
        self._found = {c.id: c for c in world.components}

    def apply(self, step: Step) -> None:
        server = self.doors.server
        if step.action == "create":
            self._keep(step, self._create(step))
        elif step.action == "delete":
            server.delete(step.kind, step.id)
            self._forget(step)
        else:
            server.update(step.kind, step.id, self._body(step))
            if step.action == "update":
                self._keep(step, step.id)

    def _create(self, step: Step) -> str:
        """Adopts what an earlier request made without our hearing of it."""
        server = self.doors.server
        try:
            made = server.create(step.kind, self._body(step))
        except RefusedError as error:
            made = self._made_unheard(step)
            if error.code not in ("Exists", "Unavailable", "Unreachable") or not made:
                raise
        self.made.append(replace(step, id=made))
        return made

    def _made_unheard(self, step: Step) -> str:
        try:
            world = self.doors.server.world(self.wanted.name)
        except RefusedError:
            return ""
        named = (
            t
            for t in world.things()[step.kind]
            if t.name == step.name and getattr(t, "type", step.key) == step.key
        )
        return next((t.id for t in named if self.own.has(t)), "")

    def _keep(self, step: Step, id_: str) -> None:
        """The ids are written down as they come: whoever resumes knows what is ours."""
        if step.kind == "stack":
            self.registration = replace(self.registration, remote_id=id_)
        else:
            self._ids[step.key] = id_
            self.registration = replace(self.registration, ids={**self.registration.ids, step.key: id_})
        self.doors.registry.record_registration(self.registration)

    def _forget(self, step: Step) -> None:
        left = {k: v for k, v in self.registration.ids.items() if v != step.id}
        self.registration = replace(self.registration, ids=left)
        self.doors.registry.record_registration(self.registration)

    def _body(self, step: Step) -> dict[str, Any]:
        if step.action == "detach":
            # Without a connector in the body the server takes it away.
            return {"labels": dict(self._found[step.id].labels)}
        if step.action == "set_aside":
            return _aside(self._found[step.id])
        if step.kind == "stack":
            return self._stack_body(new=step.action == "create")
        if step.kind == "connector":
            return self._connector_body(step.key)
        return self._component_body(step.key, new=step.action == "create")

    def _connector_body(self, key: str) -> dict[str, Any]:
        connector = next(c for c in self.wanted.connectors if c.key == key)
        secret = self._key.as_configuration() if self._key and connector.method != "implicit" else {}
        return {
            "name": connector.name,
            "connector_type": "aws",
            "auth_method": connector.method,
            "resource_types": [connector.resource_type],
            "resource_id": connector.resource_id,
            "configuration": {**connector.configuration, **secret},
            "labels": dict(connector.labels),
            "description": self.wanted.description,
        }

    def _component_body(self, type_: str, *, new: bool) -> dict[str, Any]:
        component = next(c for c in self.wanted.components if c.type == type_)
        body: dict[str, Any] = {
            "name": component.name,
            "configuration": dict(component.configuration),
            "labels": dict(component.labels),
            # Left out of an update, the server would silently take the connector away.
            "connector": self._ids[component.connector] if component.connector else None,
            "connector_resource_id": component.resource_id or None,
        }
        return body | ({"type": component.type, "flavor": component.flavor} if new else {})

    def _stack_body(self, *, new: bool) -> dict[str, Any]:
        wanted = self.wanted
        body: dict[str, Any] = {
            "name": wanted.name,
            "labels": dict(wanted.labels),
            "components": {c.type: [self._ids[c.type]] for c in wanted.components},
        }
        described = capabilities.has(self.doors.server.version, "stack_description")
        return body | ({"description": wanted.description} if new or described else {})


def _aside(found: FoundComponent) -> dict[str, Any]:
    return {
        "name": steps.aside_name(found.name),
        "connector": found.connector_id or None,
        "connector_resource_id": found.resource_id or None,
    }


def _checked(stack: Stack, work: _Work) -> Registration:
    """The server is read once more: what it answered is not what it keeps. Raises CheckError."""
    world = work.doors.server.world(stack.name, _ids(work.registration))
    own = Own(labels=stack.labels, ids=frozenset(_ids(work.registration)))
    rest = steps.plan(work.wanted, world, own)
    if rest:
        raise CheckError(
            f"the ZenML server kept something else than it was given: still to do: "
            f"{', '.join(s.words for s in rest)}",
            hint="somebody else may be changing the stack there: run the same command again",
        )
    made = next(s for s in world.stacks if own.has(s))
    return replace(
        work.registration,
        status="registered",
        remote_id=made.id,
        ids=steps.ids_of(work.wanted, world, own),
    )


def _roll_back(work: _Work, *, was_there: bool, error: StackwrightError) -> None:
    """A stack that was not there before goes again; one that was stays for the next run to mend."""
    name, url = work.wanted.name, work.doors.server.url
    if was_there:
        error.hint = f"{error.hint}; run the same command again: it goes on where it stopped"
        return
    try:
        for step in reversed(work.made):
            work.doors.server.delete(step.kind, step.id)
    except StackwrightError:
        error.hint = f"{error.hint}; what is there already is gone on with by the same command"
        return
    work.doors.registry.forget_registration(name, url)
