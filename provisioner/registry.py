"""Door to the registry: enrolments, stacks, components and the active stack, in SQLite by default."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import sqlalchemy as sa

from provisioner import enrolments
from provisioner.enrolments import Enrolment, Status, instant, stamp
from provisioner.errors import CheckError

T = TypeVar("T")
Origin = Literal["built", "found"]
StackStatus = Literal["registered", "unverified", "needs_bootstrap", "deleting", "deleted"]
RegistrationStatus = Literal["registering", "registered", "removing", "stale"]

_METADATA = sa.MetaData()


def _texts(*names: str, key: tuple[str, ...] = ()) -> list[sa.Column[Any]]:
    return [sa.Column(n, sa.Text, primary_key=n in key, nullable=False) for n in names]


# The first two are also made by `enrolments.py` in plain sqlite3; a test holds them together.
_ENROLMENTS = sa.Table(
    "enrolments",
    _METADATA,
    *_texts(
        *("id", "name", "region", "template_sha256", "parameters", "spec", "shape", "estimate"),
        *("expected_account", "status", "opened_at", "stack_id"),
        key=("id",),
    ),
)
_PUBLICATIONS = sa.Table(
    "publications",
    _METADATA,
    *_texts("sha256", "region", "url", "account", "published_at", key=("sha256", "region")),
)
_STACKS = sa.Table(
    "stacks",
    _METADATA,
    *_texts(
        "name", "account", "region", "status", "stack_id", "template_sha256", "created_at", key=("name",)
    ),
    sa.Column("components", sa.JSON, nullable=False),
    sa.Column("connector", sa.JSON, nullable=False),
    sa.Column("estimate", sa.JSON, nullable=False),
)
_COMPONENTS = sa.Table(
    "components",
    _METADATA,
    *_texts("name", "type", "flavor", "origin", "account", "region", "created_at", key=("name",)),
    sa.Column("outputs", sa.JSON, nullable=False),
    sa.Column("config", sa.JSON, nullable=False),
)
_REGISTRATIONS = sa.Table(
    "registrations",
    _METADATA,
    *_texts("stack", "server", "status", "remote_id", "updated_at", key=("stack", "server")),
    sa.Column("ids", sa.JSON, nullable=False),
)
_SETTINGS = sa.Table("settings", _METADATA, *_texts("key", "value", key=("key",)))


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
    """A complete set of components; `components` maps type to the name of a registered component."""

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


class Registry:
    """Every write is one transaction: a killed process leaves the state before it or after it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 10})
        with self._usable():
            enrolments.make_private(path)
            self._make_tables()

    def _make_tables(self) -> None:
        """Said to the database, not looked up before: two processes may start at once."""
        with self._engine.begin() as connection:
            for table in _METADATA.sorted_tables:
                connection.execute(sa.schema.CreateTable(table, if_not_exists=True))

    # Enrolments

    def open_enrolment(self, enrolment: Enrolment) -> None:
        with self._writing() as connection:
            connection.execute(sa.insert(_ENROLMENTS).values(**enrolment.row()))

    def update_enrolment(self, enrolment: Enrolment) -> None:
        with self._writing() as connection:
            _update_enrolment(connection, enrolment)

    def enrolment(self, id_: str) -> Enrolment | None:
        found = self._read(sa.select(_ENROLMENTS).where(_ENROLMENTS.c.id == id_), _enrolment)
        return found[0] if found else None

    def enrolments_of(self, name: str, region: str = "") -> list[Enrolment]:
        """The enrolments of a name, newest first."""
        query = sa.select(_ENROLMENTS).where(_ENROLMENTS.c.name == name)
        if region:
            query = query.where(_ENROLMENTS.c.region == region)
        ordered = query.order_by(_ENROLMENTS.c.opened_at.desc(), sa.literal_column("rowid").desc())
        return self._read(ordered, _enrolment)

    # Stacks and components

    def register(
        self,
        stack: RegisteredStack,
        components: list[RegisteredComponent],
        enrolment: Enrolment | None = None,
    ) -> None:
        """Stack, components and enrolment in one transaction; raises CheckError where a name is taken."""
        with self._writing() as connection:
            self._check_free(stack, components)
            self._check_components_free(stack, components)
            for component in components:
                _put(connection, _COMPONENTS, component.as_dict())
            _put(connection, _STACKS, asdict(stack) | {"created_at": stamp(stack.created_at)})
            if enrolment is not None:
                _update_enrolment(connection, enrolment)

    def register_component(self, component: RegisteredComponent) -> None:
        with self._writing() as connection:
            taken = self.component(component.name)
            if taken and replace(taken, created_at=component.created_at) != component:
                raise CheckError(
                    f"a component {component.name!r} is registered already and is another one",
                    hint="choose a name with --name",
                    field="name",
                )
            _put(connection, _COMPONENTS, component.as_dict())

    def stacks(self) -> list[RegisteredStack]:
        return self._read(sa.select(_STACKS).order_by(_STACKS.c.name), _stack)

    def stack(self, name: str) -> RegisteredStack | None:
        return next((s for s in self.stacks() if s.name == name), None)

    def components(self) -> list[RegisteredComponent]:
        return self._read(sa.select(_COMPONENTS).order_by(_COMPONENTS.c.name), _component)

    def component(self, name: str) -> RegisteredComponent | None:
        return next((c for c in self.components() if c.name == name), None)

    def components_of(self, stack: RegisteredStack) -> dict[str, RegisteredComponent]:
        """Component type -> component, in the stack's order."""
        by_name = {c.name: c for c in self.components()}
        return {type_: by_name[name] for type_, name in stack.components.items() if name in by_name}

    def set_status(self, name: str, status: StackStatus) -> None:
        with self._writing() as connection:
            connection.execute(sa.update(_STACKS).where(_STACKS.c.name == name).values(status=status))

    def set_bootstrapped(self, name: str) -> None:
        """The stack and its enrolment are registered now; it becomes the active one where none is."""
        with self._writing() as connection:
            for table in (_STACKS, _ENROLMENTS):
                waiting = sa.update(table).where(table.c.name == name, table.c.status == "needs_bootstrap")
                connection.execute(waiting.values(status="registered"))
            if not self.active():
                _put(connection, _SETTINGS, {"key": "active", "value": name})

    def unregister(self, stack: RegisteredStack) -> None:
        """Removes the stack, and those of its components that came with it and no other stack uses."""
        with self._writing() as connection:
            used = {c for s in self.stacks() if s.name != stack.name for c in s.components.values()}
            own = {name for type_, name in stack.components.items() if name == f"{stack.name}.{type_}"} - used
            connection.execute(sa.delete(_STACKS).where(_STACKS.c.name == stack.name))
            connection.execute(sa.delete(_COMPONENTS).where(_COMPONENTS.c.name.in_(own)))
            active = sa.delete(_SETTINGS).where(_SETTINGS.c.key == "active", _SETTINGS.c.value == stack.name)
            connection.execute(active)
            if stack.stack_id:
                gone = sa.update(_ENROLMENTS).where(_ENROLMENTS.c.stack_id == stack.stack_id)
                connection.execute(gone.values(status="deleted"))

    def forget_component(self, name: str) -> None:
        """Removes a component; raises CheckError while a stack uses it."""
        with self._writing() as connection:
            users = [s.name for s in self.stacks() if name in s.components.values()]
            if users:
                raise CheckError(
                    f"{name} is used by {', '.join(users)}",
                    hint=f"`stackwright stack delete {users[0]}` forgets the stack first",
                    field="name",
                )
            connection.execute(sa.delete(_COMPONENTS).where(_COMPONENTS.c.name == name))

    # Copies on servers

    def record_registration(self, registration: Registration) -> None:
        with self._writing() as connection:
            _put(connection, _REGISTRATIONS, registration.as_dict())

    def registrations(self) -> list[Registration]:
        ordered = sa.select(_REGISTRATIONS).order_by(_REGISTRATIONS.c.stack, _REGISTRATIONS.c.server)
        return self._read(ordered, _registration)

    def registrations_of(self, stack: str) -> list[Registration]:
        return [r for r in self.registrations() if r.stack == stack]

    def forget_registration(self, stack: str, server: str) -> None:
        mine = (_REGISTRATIONS.c.stack == stack, _REGISTRATIONS.c.server == server)
        with self._writing() as connection:
            connection.execute(sa.delete(_REGISTRATIONS).where(*mine))

    # The active stack

    def active(self) -> str:
        query = sa.select(_SETTINGS.c.value).where(_SETTINGS.c.key == "active")
        return "".join(self._read(query, lambda row: str(row["value"])))

    def set_active(self, name: str) -> None:
        with self._writing() as connection:
            _put(connection, _SETTINGS, {"key": "active", "value": name})

    def _check_free(self, stack: RegisteredStack, components: list[RegisteredComponent]) -> None:
        """The name is free, or this stack's own: a found stack has no id and is known by what it holds."""
        taken = self.stack(stack.name)
        if not taken or taken.status == "deleted":
            return
        held = _things(self.components_of(taken).values())
        if taken.stack_id != stack.stack_id or (not stack.stack_id and held != _things(components)):
            raise CheckError(
                f"a stack {stack.name!r} is registered already (account {taken.account}, {taken.region})",
                hint=f"`stackwright stack delete {stack.name}` forgets it, or choose another name",
                field="name",
            )

    def _check_components_free(self, stack: RegisteredStack, components: list[RegisteredComponent]) -> None:
        """A stack replaces its own components, never one that was registered by itself or by another."""
        known = self.stack(stack.name)
        own = set(known.components.values()) if known else set()
        for component in components:
            taken = None if component.name in own else self.component(component.name)
            if taken and replace(taken, created_at=component.created_at) != component:
                raise CheckError(
                    f"a component {component.name!r} is registered already and is another one",
                    hint="choose another stack name",
                    field="name",
                )

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """One transaction that no other process writes beside, so that what it checks stays true."""
        with self._usable(), self._engine.begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.IntegrityError, sa.exc.ProgrammingError):
            raise
        except (OSError, sa.exc.DatabaseError) as error:
            raise enrolments.unusable(self._path, getattr(error, "orig", error)) from error

    def _read(self, query: sa.Select[Any], make: Callable[[Mapping[str, Any]], T]) -> list[T]:
        """What the rows say; a row that says nothing sensible makes the registry unusable."""
        with self._usable(), self._engine.connect() as connection:
            try:
                return [make(dict(row)) for row in connection.execute(query).mappings()]
            except (ValueError, TypeError) as error:
                raise enrolments.unusable(self._path, error) from error


def _put(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> None:
    """Insert, or replace what has the same key: running twice ends the same."""
    keys = [column == row[column.name] for column in table.primary_key.columns]
    connection.execute(sa.delete(table).where(*keys))
    connection.execute(sa.insert(table).values(**row))


def _update_enrolment(connection: sa.Connection, enrolment: Enrolment) -> None:
    connection.execute(
        sa.update(_ENROLMENTS).where(_ENROLMENTS.c.id == enrolment.id).values(**enrolment.row())
    )


def with_status(enrolment: Enrolment, status: Status, *, stack_id: str = "") -> Enrolment:
    return replace(enrolment, status=status, stack_id=stack_id or enrolment.stack_id)


def _things(components: Iterable[RegisteredComponent]) -> dict[str, tuple[str, str, str, Mapping[str, str]]]:
    """Component type -> what in AWS stands for it."""
    return {c.type: (c.flavor, c.account, c.region, c.outputs) for c in components}


def _stack(row: Mapping[str, Any]) -> RegisteredStack:
    _check_mappings(row, "components", "connector", "estimate")
    return RegisteredStack(**dict(row) | {"created_at": instant(row["created_at"])})


def _component(row: Mapping[str, Any]) -> RegisteredComponent:
    _check_mappings(row, "outputs", "config")
    return RegisteredComponent(**dict(row) | {"created_at": instant(row["created_at"])})


def _registration(row: Mapping[str, Any]) -> Registration:
    _check_mappings(row, "ids")
    return Registration(**dict(row) | {"updated_at": instant(row["updated_at"])})


def _enrolment(row: Mapping[str, Any]) -> Enrolment:
    enrolment = enrolments.from_row(row)
    _check_mappings(vars(enrolment), "parameters", "spec", "shape", "estimate")
    return enrolment


def _check_mappings(row: Mapping[str, Any], *keys: str) -> None:
    for key in keys:
        if not isinstance(row[key], dict):
            raise ValueError(f"{key} is no JSON object")
