"""A whole registry as one JSON document, and back: the same from SQLite and from PostgreSQL."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from provisioner.enrolments import NEWEST, REVISIONS
from provisioner.errors import CheckError, SpecError
from provisioner.registry import meaning, values
from provisioner.registry.database import Database
from provisioner.registry.tables import ENROLMENTS, METADATA

FORMAT = "stackwright-registry"
Document = Mapping[str, Any]
Rows = dict[str, list[dict[str, Any]]]
_SHOWN = 10
# What every row of a table must make sense as; the rest are plain texts.
_MAKERS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "components": values.make_component,
    "enrolments": values.make_enrolment,
    "publications": values.make_publication,
    "registrations": values.make_registration,
    "stacks": values.make_stack,
}


def read(database: Database) -> dict[str, Any]:
    """Every row of every table, of one moment, in an order that is always the same."""
    with database.reading() as connection:
        if not database.is_file:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        else:
            connection.exec_driver_sql("BEGIN")
        tables = {table.name: _rows(connection, table, database) for table in METADATA.sorted_tables}
    return {"format": FORMAT, "revision": NEWEST, "tables": dict(sorted(tables.items()))}


def count(database: Database) -> dict[str, int]:
    """Table -> rows."""
    with database.reading() as connection:
        return {
            name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for name, table in sorted(METADATA.tables.items())
        }


def write(database: Database, document: object) -> dict[str, int]:
    """Adds all that a document holds, or nothing; table -> rows that are new.

    Raises SpecError for what is no such document, CheckError where a name is another thing's here.
    """
    wanted = _parse(document)
    with database.writing() as connection:
        new: Rows = {}
        taken: list[str] = []
        for name, rows in wanted.items():
            table = METADATA.tables[name]
            held = {_key(table, row): row for row in _rows(connection, table, database)}
            taken += [_title(table, r) for r in rows if held.get(_key(table, r), r) != r]
            new[name] = [row for row in rows if _key(table, row) not in held]
        _check_free(taken)
        for name, rows in new.items():
            # One by one: enrolments keep their order.
            for row in rows:
                connection.execute(sa.insert(METADATA.tables[name]).values(**row))
    return {name: len(rows) for name, rows in sorted(new.items())}


def _rows(connection: sa.Connection, table: sa.Table, database: Database) -> list[dict[str, Any]]:
    query = sa.select(table)
    if table is ENROLMENTS:
        return database.rows(connection, query.order_by(table.c.opened_at, database.oldest_first), dict)
    return sorted(database.rows(connection, query, dict), key=lambda row: _key(table, row))


def _key(table: sa.Table, row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row[column.name] for column in table.primary_key.columns)


def _title(table: sa.Table, row: Mapping[str, Any]) -> str:
    return f"{table.name.removesuffix('s').replace('_', ' ')} {' '.join(k for k in _key(table, row) if k)}"


def _check_free(taken: list[str]) -> None:
    if taken:
        more = f" and {len(taken) - _SHOWN} more" if len(taken) > _SHOWN else ""
        raise CheckError(
            f"the registry holds others of these names: {', '.join(taken[:_SHOWN])}{more}",
            hint="nothing was imported; `stackwright stack delete NAME` forgets one that you do not need",
            field="name",
        )


def _parse(document: object) -> Rows:
    """The rows of each table, complete and sensible; raises SpecError that says where it is not."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise SpecError("this is no exported registry", hint="`stackwright registry export FILE` makes one")
    if document.get("revision") not in REVISIONS:
        raise SpecError(
            f"this was exported by a newer stackwright: its schema is {document.get('revision')},"
            f" and {NEWEST} is known here",
            hint="bring this one up to date: `pip install --upgrade stackwright`",
            field="revision",
        )
    tables = document.get("tables")
    if not isinstance(tables, dict) or not tables.keys() <= METADATA.tables.keys():
        raise SpecError("this exported registry is damaged: tables", field="tables")
    return {name: _parse_rows(METADATA.tables[name], rows) for name, rows in tables.items()}


def _parse_rows(table: sa.Table, rows: object) -> list[dict[str, Any]]:
    found = rows if isinstance(rows, list) else [None]
    parsed = []
    for number, row in enumerate(found):
        try:
            parsed.append(_parse_row(table, row))
        except (ValueError, TypeError, KeyError) as error:
            where = f"{table.name}[{number}]"
            raise SpecError(
                f"this exported registry is damaged: {where}: {error}", field=f"tables.{where}"
            ) from None
    if len({_key(table, row) for row in parsed}) < len(parsed):
        raise SpecError(
            f"this exported registry is damaged: a name twice in {table.name}", field=f"tables.{table.name}"
        )
    return parsed


def _parse_row(table: sa.Table, row: object) -> dict[str, Any]:
    if not isinstance(row, dict) or not row.keys() <= {c.name for c in table.columns}:
        raise ValueError("not a row of this table")
    whole = {c.name: row[c.name] if c.name in row else _default(c) for c in table.columns}
    texts = [c.name for c in table.columns if isinstance(c.type, sa.Text)]
    if wrong := [name for name in texts if not isinstance(whole[name], str)]:
        raise ValueError(f"{wrong[0]} is no text")
    made = _MAKERS.get(table.name, dict)(whole)
    meaning.check(table.name, whole | (vars(made) if table is ENROLMENTS else {}))
    return whole


def _default(column: sa.Column[Any]) -> Any:
    """What a row of an older revision has in a column that came later."""
    if column.server_default is None:
        raise ValueError(f"{column.name} is missing")
    given = str(column.server_default.arg)  # type: ignore[attr-defined]  # ours are all plain texts
    return json.loads(given) if isinstance(column.type, sa.JSON) else given
