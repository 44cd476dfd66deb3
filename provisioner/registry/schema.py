"""The registry's schema: made at once where there is none, brought up to date by Alembic where it is old."""

import sqlalchemy as sa

from provisioner.enrolments import NEWEST, check_revision
from provisioner.package_data import PACKAGE
from provisioner.registry.database import Database
from provisioner.registry.tables import METADATA, VERSION

# All that `link` makes, which asks for no revision.
_QUICK = {"enrolments", "publications"}


def make_ready(database: Database) -> None:
    """Leaves the newest schema; raises RefusedError where a newer program has been here."""
    database.make_private()
    with database.reading() as connection:
        if revision(connection) == NEWEST:
            return
    with database.writing() as connection:
        found = revision(connection)
        check_revision(found, database.place)
        if found == NEWEST:
            return
        if found or _tables(connection) - _QUICK:
            if database.path is not None:
                database.copy_to(database.path.with_name(f"{database.path.name}.before-{NEWEST}"))
            _upgrade(connection)
        else:
            _make(connection)


def revision(connection: sa.Connection) -> str:
    """The schema's revision; empty where no program has said one."""
    if not sa.inspect(connection).has_table(VERSION.name):
        return ""
    return connection.execute(sa.select(VERSION.c.version_num)).scalar() or ""


def _tables(connection: sa.Connection) -> set[str]:
    return {*sa.inspect(connection).get_table_names()} & {*METADATA.tables, "settings"}


def _make(connection: sa.Connection) -> None:
    """What all migrations together would make, without loading them."""
    METADATA.create_all(connection)
    connection.exec_driver_sql(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
        " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    connection.execute(sa.insert(VERSION).values(version_num=NEWEST))


def _upgrade(connection: sa.Connection) -> None:
    """Every migration that is missing, in the transaction of this connection."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(PACKAGE / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
