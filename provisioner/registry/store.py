"""The registry's verbs: every write is one transaction, and checks what it rests on inside it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from provisioner.enrolments import PROVED, Enrolment, Publication
from provisioner.errors import CheckError
from provisioner.moment import stamp
from provisioner.registry.database import Database, Row
from provisioner.registry.schema import make_ready
from provisioner.registry.snapshot import Snapshot
from provisioner.registry.tables import (
    ACTIVE_STACKS,
    COMPONENTS,
    ENROLMENTS,
    PUBLICATIONS,
    REGISTRATIONS,
    STACKS,
)
from provisioner.registry.values import (
    RegisteredComponent,
    RegisteredStack,
    Registration,
    StackStatus,
    make_component,
    make_enrolment,
    make_publication,
    make_registration,
    make_stack,
)
from provisioner.sharing import Seat, check, may_use

T = TypeVar("T")
# What an address may not close any more, and only a deletion may change.
_USED = ("failed", "deleted", "expired")


class Registry:
    """One registry, asked from one seat; a killed process leaves the state before a write or after it."""

    def __init__(self, place: Path | str, *, seat: Seat | None = None) -> None:
        self.seat = seat or Seat()
        self.database = Database(place)
        make_ready(self.database)

    # Enrolments

    def open_enrolment(self, enrolment: Enrolment) -> None:
        with self.database.writing() as connection:
            connection.execute(sa.insert(ENROLMENTS).values(**enrolment.row()))

    def update_enrolment(self, enrolment: Enrolment) -> None:
        """Writes an enrolment that exists; one that was proved meanwhile stays so, unless it is deleted."""
        change = sa.update(ENROLMENTS).where(ENROLMENTS.c.id == enrolment.id)
        if enrolment.status not in (*PROVED, "deleted"):
            change = change.where(ENROLMENTS.c.status.not_in(PROVED))
        with self.database.writing() as connection:
            connection.execute(change.values(**enrolment.row()))

    def enrolment(self, id_: str) -> Enrolment | None:
        return self._first(sa.select(ENROLMENTS).where(ENROLMENTS.c.id == id_), make_enrolment)

    def enrolments(self) -> list[Enrolment]:
        """All of them, in the order in which they were opened."""
        ordered = sa.select(ENROLMENTS).order_by(ENROLMENTS.c.opened_at, self.database.oldest_first)
        return self._read(ordered, make_enrolment)

    def enrolments_of(self, name: str, region: str = "") -> list[Enrolment]:
        """The enrolments of a name, newest first."""
        query = sa.select(ENROLMENTS).where(ENROLMENTS.c.name == name)
        if region:
            query = query.where(ENROLMENTS.c.region == region)
        newest = (ENROLMENTS.c.opened_at.desc(), self.database.oldest_first.desc())
        return self._read(query.order_by(*newest), make_enrolment)

    # Publications

    def record_publication(self, publication: Publication) -> None:
        row = {**vars(publication), "published_at": stamp(publication.published_at)}
        with self.database.writing() as connection:
            _put(connection, PUBLICATIONS, row)

    def publications(self) -> list[Publication]:
        found = self._read(sa.select(PUBLICATIONS), make_publication)
        return sorted(found, key=lambda p: (p.sha256, p.region))

    def publication(self, *, sha256: str, region: str) -> Publication | None:
        wanted = (PUBLICATIONS.c.sha256 == sha256, PUBLICATIONS.c.region == region)
        return self._first(sa.select(PUBLICATIONS).where(*wanted), make_publication)

    def publication_at(self, url: str) -> Publication | None:
        return self._first(sa.select(PUBLICATIONS).where(PUBLICATIONS.c.url == url), make_publication)

    # Stacks and components

    def register(
        self,
        stack: RegisteredStack,
        components: Sequence[RegisteredComponent],
        enrolment: Enrolment | None = None,
    ) -> RegisteredStack:
        """Stack, components and enrolment in one transaction; the stack as it is kept, with its owner.

        Raises CheckError where a name is taken, or the enrolment was used meanwhile.
        """
        with self.database.writing() as connection:
            query = sa.select(STACKS).where(STACKS.c.name == stack.name)
            known = next(iter(self.database.rows(connection, query, make_stack)), None)
            names = {c.name for c in components} | {*(known.components.values() if known else ())}
            by_name = self._held(connection, names)
            _check_free(stack, components, known, by_name)
            self._check_mine(known)
            _check_components_free(components, known, by_name)
            if enrolment is not None:
                _close(connection, enrolment)
            for component in components:
                _put(connection, COMPONENTS, component.as_dict())
            kept = self._with_owner(stack, known)
            _put(connection, STACKS, kept.as_dict())
            return kept

    def register_component(self, component: RegisteredComponent) -> None:
        with self.database.writing() as connection:
            taken = self._held(connection, [component.name]).get(component.name)
            _check_same(component, taken, hint="choose a name with --name")
            _put(connection, COMPONENTS, component.as_dict())

    def stacks(self) -> list[RegisteredStack]:
        # Sorted here: databases sort names each in their own way.
        return sorted(self._read(sa.select(STACKS), make_stack), key=lambda s: s.name)

    def stack(self, name: str) -> RegisteredStack | None:
        return self._first(sa.select(STACKS).where(STACKS.c.name == name), make_stack)

    def usable(self, name: str, stack_id: str = "") -> RegisteredStack | None:
        """The stack of this name; raises CheckError where it, or what has this id, is another user's.

        Whatever is done to a stack that somebody named comes by here.
        """
        meant = STACKS.c.name == name
        if stack_id:
            meant = meant | (STACKS.c.stack_id == stack_id)
        found = self._read(sa.select(STACKS).where(meant), make_stack)
        for stack in found:
            check(self.seat, stack.name, owner=stack.owner, groups=stack.groups)
        return next((s for s in found if s.name == name), None)

    def usable_stacks(self) -> list[RegisteredStack]:
        """The stacks that this seat may use."""
        return [s for s in self.stacks() if may_use(self.seat, owner=s.owner, groups=s.groups)]

    def components(self) -> list[RegisteredComponent]:
        return sorted(self._read(sa.select(COMPONENTS), make_component), key=lambda c: c.name)

    def component(self, name: str) -> RegisteredComponent | None:
        return self._first(sa.select(COMPONENTS).where(COMPONENTS.c.name == name), make_component)

    def components_of(self, stack: RegisteredStack) -> dict[str, RegisteredComponent]:
        """Component type -> component, in the stack's order."""
        with self.database.reading() as connection:
            by_name = self._held(connection, stack.components.values())
        return {type_: by_name[name] for type_, name in stack.components.items() if name in by_name}

    def snapshot(self) -> Snapshot:
        return Snapshot(
            seat=self.seat,
            all_stacks=self.stacks(),
            by_name={c.name: c for c in self.components()},
            all_registrations=self.registrations(),
            active_stack=self.active(),
        )

    def set_status(self, name: str, status: StackStatus) -> None:
        with self.database.writing() as connection:
            connection.execute(sa.update(STACKS).where(STACKS.c.name == name).values(status=status))
            if status == "deleted":
                connection.execute(sa.delete(ACTIVE_STACKS).where(ACTIVE_STACKS.c.stack == name))

    def set_bootstrapped(self, name: str) -> None:
        """The stack and its enrolment are registered now; it becomes the active one where none is."""
        with self.database.writing() as connection:
            for table in (STACKS, ENROLMENTS):
                waiting = sa.update(table).where(table.c.name == name, table.c.status == "needs_bootstrap")
                connection.execute(waiting.values(status="registered"))
            if not self._active(connection):
                _put(connection, ACTIVE_STACKS, self._default() | {"stack": name})

    def share(self, stack: RegisteredStack, groups: Iterable[str]) -> RegisteredStack:
        """From now on its owner and the members of these groups may use the stack, and nobody else."""
        shared = replace(stack, owner=stack.owner or self.seat.user, groups=(*groups,))
        change = sa.update(STACKS).where(STACKS.c.name == stack.name)
        with self.database.writing() as connection:
            connection.execute(change.values(owner=shared.owner, groups=[*shared.groups]))
        return shared

    def unregister(self, stack: RegisteredStack) -> None:
        """Removes the stack, and those of its components that came with it and no other stack uses."""
        with self.database.writing() as connection:
            others = (s for s in self._stacks(connection) if s.name != stack.name)
            used = {c for s in others for c in s.components.values()}
            own = {name for type_, name in stack.components.items() if name == f"{stack.name}.{type_}"} - used
            connection.execute(sa.delete(STACKS).where(STACKS.c.name == stack.name))
            connection.execute(sa.delete(COMPONENTS).where(COMPONENTS.c.name.in_(own)))
            connection.execute(sa.delete(ACTIVE_STACKS).where(ACTIVE_STACKS.c.stack == stack.name))
            if stack.stack_id:
                gone = sa.update(ENROLMENTS).where(ENROLMENTS.c.stack_id == stack.stack_id)
                connection.execute(gone.values(status="deleted"))

    def forget_component(self, name: str) -> None:
        """Removes a component; raises CheckError while a stack uses it."""
        with self.database.writing() as connection:
            users = sorted(s.name for s in self._stacks(connection) if name in s.components.values())
            if users:
                raise CheckError(
                    f"{name} is used by {', '.join(users)}",
                    hint=f"`stackwright stack delete {users[0]}` forgets the stack first",
                    field="name",
                )
            connection.execute(sa.delete(COMPONENTS).where(COMPONENTS.c.name == name))

    # Copies on servers

    def record_registration(self, registration: Registration) -> None:
        with self.database.writing() as connection:
            _put(connection, REGISTRATIONS, registration.as_dict())

    def registrations(self) -> list[Registration]:
        found = self._read(sa.select(REGISTRATIONS), make_registration)
        return sorted(found, key=lambda r: (r.stack, r.server))

    def registrations_of(self, stack: str) -> list[Registration]:
        return [r for r in self.registrations() if r.stack == stack]

    def forget_registration(self, stack: str, server: str) -> None:
        mine = (REGISTRATIONS.c.stack == stack, REGISTRATIONS.c.server == server)
        with self.database.writing() as connection:
            connection.execute(sa.delete(REGISTRATIONS).where(*mine))

    # The active stack

    def active(self) -> str:
        """The stack that this seat works with: its directory's, else its user's default; empty for none."""
        with self.database.reading() as connection:
            return self._active(connection)

    def active_here(self) -> str:
        """The stack that was set for this seat's directory alone; empty for none."""
        with self.database.reading() as connection:
            return _active_at(connection, self._here())

    def set_active(self, name: str) -> None:
        """The default of this seat's user, for every directory that has none of its own."""
        with self.database.writing() as connection:
            _put(connection, ACTIVE_STACKS, self._default() | {"stack": name})

    def set_active_here(self, name: str) -> None:
        """For this seat's directory alone."""
        with self.database.writing() as connection:
            _put(connection, ACTIVE_STACKS, self._here() | {"stack": name})

    def _active(self, connection: sa.Connection) -> str:
        # The last is what was active before users were told apart.
        places = (self._here(), self._default(), {"owner": "", "host": "", "directory": ""})
        return next((name for place in places if (name := _active_at(connection, place))), "")

    def _here(self) -> dict[str, str]:
        return {"owner": self.seat.user, "host": self.seat.host, "directory": self.seat.directory}

    def _default(self) -> dict[str, str]:
        return {"owner": self.seat.user, "host": "", "directory": ""}

    def _check_mine(self, known: RegisteredStack | None) -> None:
        # A server has no user: it keeps what stacks themselves say, whoever owns them.
        if known and known.status != "deleted" and self.seat.user:
            check(self.seat, known.name, owner=known.owner, groups=known.groups)

    def _with_owner(self, stack: RegisteredStack, known: RegisteredStack | None) -> RegisteredStack:
        """Who registered a name first keeps it, and whom it is shared with, through every update."""
        if known is None or known.status == "deleted":
            return replace(stack, owner=stack.owner or self.seat.user)
        return replace(stack, owner=known.owner, groups=known.groups)

    # Rows

    def _read(self, query: sa.Select[Any], make: Callable[[Row], T]) -> list[T]:
        with self.database.reading() as connection:
            return self.database.rows(connection, query, make)

    def _first(self, query: sa.Select[Any], make: Callable[[Row], T]) -> T | None:
        return next(iter(self._read(query.limit(1), make)), None)

    def _stacks(self, connection: sa.Connection) -> list[RegisteredStack]:
        return self.database.rows(connection, sa.select(STACKS), make_stack)

    def _held(self, connection: sa.Connection, names: Iterable[str]) -> dict[str, RegisteredComponent]:
        """The registered components of these names."""
        named = sa.select(COMPONENTS).where(COMPONENTS.c.name.in_([*names]))
        return {c.name: c for c in self.database.rows(connection, named, make_component)}


def _put(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> None:
    """Insert, or replace what has the same key: running twice ends the same."""
    keys = [column == row[column.name] for column in table.primary_key.columns]
    connection.execute(sa.delete(table).where(*keys))
    connection.execute(sa.insert(table).values(**row))


def _is_at(place: Mapping[str, str]) -> list[sa.ColumnElement[bool]]:
    return [ACTIVE_STACKS.c[key] == value for key, value in place.items()]


def _active_at(connection: sa.Connection, place: Mapping[str, str]) -> str:
    return connection.execute(sa.select(ACTIVE_STACKS.c.stack).where(*_is_at(place))).scalar() or ""


def _close(connection: sa.Connection, enrolment: Enrolment) -> None:
    """Writes what finishing made of an enrolment; raises CheckError where another was faster."""
    query = sa.select(ENROLMENTS.c.status, ENROLMENTS.c.stack_id).where(ENROLMENTS.c.id == enrolment.id)
    row = connection.execute(query).one_or_none()
    if row is None:
        return
    if enrolment.status == "unverified" and row.status in (*PROVED, *_USED):
        raise CheckError(
            f"this enrolment is {row.status}: an address works once",
            hint="`stackwright stack list` shows what is registered; make a new link for a new stack",
            field="enrolment",
        )
    if row.status in (*PROVED, "unverified") and row.stack_id not in ("", enrolment.stack_id):
        raise CheckError("the enrolment was used by another stack", hint="make a new link", field="stack")
    own = ENROLMENTS.c.id == enrolment.id
    connection.execute(sa.update(ENROLMENTS).where(own).values(**enrolment.row()))


def _check_free(
    stack: RegisteredStack,
    components: Iterable[RegisteredComponent],
    taken: RegisteredStack | None,
    by_name: Mapping[str, RegisteredComponent],
) -> None:
    """The name is free, or this stack's own: a found stack has no id and is known by what it holds."""
    if taken is None or taken.status == "deleted":
        return
    held = _things(by_name[name] for name in taken.components.values() if name in by_name)
    if taken.stack_id != stack.stack_id or (not stack.stack_id and held != _things(components)):
        raise CheckError(
            f"a stack {stack.name!r} is registered already (account {taken.account}, {taken.region})",
            hint=f"`stackwright stack delete {stack.name}` forgets it, or choose another name",
            field="name",
        )


def _check_components_free(
    components: Iterable[RegisteredComponent],
    known: RegisteredStack | None,
    by_name: Mapping[str, RegisteredComponent],
) -> None:
    """A stack replaces its own components, never one that was registered by itself or by another."""
    own = set(known.components.values()) if known else set()
    for component in components:
        taken = None if component.name in own else by_name.get(component.name)
        _check_same(component, taken, hint="choose another stack name")


def _check_same(component: RegisteredComponent, taken: RegisteredComponent | None, *, hint: str) -> None:
    if taken and replace(taken, created_at=component.created_at) != component:
        raise CheckError(
            f"a component {component.name!r} is registered already and is another one",
            hint=hint,
            field="name",
        )


def _things(components: Iterable[RegisteredComponent]) -> dict[str, tuple[str, str, str, Mapping[str, str]]]:
    """Component type -> what in AWS stands for it."""
    return {c.type: (c.flavor, c.account, c.region, c.outputs) for c in components}
