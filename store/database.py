"""Transactions, the schema, and rows written in bulk, on SQLite and Postgres alike."""

import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Engine, Table, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models import Base
from settings import Settings, exit_with
from store.engine import LOCK_TIMEOUT, make_engine

CHECKPOINT_TIMEOUT = 1  # seconds that it waits for readers before the log can shrink

DATA, LIMITS = "data", "limits"  # what is written
POSTGRES_LOCKS = {DATA: 7827282, LIMITS: 7827283}  # any numbers, the same for all

MIGRATIONS = Path(__file__).parents[1] / "migrations"


class SchemaError(Exception):
    """The database's schema is missing, older or newer than this code."""


class BackupError(Exception):
    """Why nothing was backed up or restored, with the way out."""


class Database:
    """One process's way to the database. The engine opens on first use, and a forked child
    leaves its parent's connections alone. With `patience`, in seconds, nothing waits for longer."""

    def __init__(self, url: str, patience: int | None = None) -> None:
        self.engine = make_engine(url, patience)
        self._for_read: Engine
        self._for_write: dict[str, Engine]
        if self.engine.dialect.name == "sqlite":
            self._for_read = self.engine
            alone = self.engine.execution_options(begin="BEGIN IMMEDIATE")
            self._for_write = dict.fromkeys(POSTGRES_LOCKS, alone)
        else:  # the same: a read sees one snapshot, a write is the only one
            limit = f"SET LOCAL statement_timeout = {1000 * patience}" if patience else ""
            self._for_read = self.engine.execution_options(
                isolation_level="REPEATABLE READ", begin=limit
            )
            self._for_write = {
                what: self.engine.execution_options(begin=f"SELECT pg_advisory_xact_lock({number})")
                for what, number in POSTGRES_LOCKS.items()
            }
        _databases.add(self)
        weakref.finalize(self, self.engine.dispose)  # one that is dropped leaves nothing open

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that sees one state of the database; keep it short."""
        with Session(self._for_read) as session:
            yield session

    @contextmanager
    def write(self, what: str = DATA) -> Iterator[Session]:
        """A transaction that commits at its end. It is the only one that writes from its start
        on, so what it reads cannot change before it writes; keep it short. On Postgres those of
        GitHub's LIMITS, a few rows of their own, wait for each other alone."""
        with Session(self._for_write[what]) as session, session.begin():
            yield session

    def upgrade(self) -> None:
        """Bring the schema up to date."""
        from alembic import command  # 6 MB, which no process that runs needs
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self._for_write[DATA].begin() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise SchemaError(f"the schema cannot be brought up to date: {error}") from error

    def revision(self) -> str | None:
        """Return the schema's revision, or None where there is no schema."""
        with self._for_read.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            return None if found is None else str(found)

    def check_schema(self) -> None:
        """Raise SchemaError unless the schema is the one that this code was written for."""
        found, known = self.revision(), known_revisions()
        if found != known[0]:
            way_out = (
                "run `flask --app app upgrade`"
                if found in (None, *known)
                else "it was made by a newer version, which has to be deployed"
            )
            raise SchemaError(
                f"the database's schema is {found or 'missing'}, this version needs {known[0]}: "
                f"{way_out}"
            )

    def checkpoint_wal(self) -> None:
        """Give back what SQLite's write-ahead log holds on disk; elsewhere, nothing.

        Writers wait while it waits for the readers of the moment. Where one of them takes longer
        than `CHECKPOINT_TIMEOUT`, next time will do as well."""
        if self.engine.dialect.name == "sqlite":
            with self.engine.connect().execution_options(begin="") as connection:
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {1000 * CHECKPOINT_TIMEOUT}")
                try:
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    connection.exec_driver_sql(f"PRAGMA busy_timeout = {1000 * LOCK_TIMEOUT}")

    def dispose(self, *, close: bool = True) -> None:
        self.engine.dispose(close=close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.dispose()


_databases: "weakref.WeakSet[Database]" = weakref.WeakSet()


def known_revisions() -> list[str]:
    """Return the revisions of the schema that this code knows, the newest first: the files of
    migrations are named by them."""
    files = (MIGRATIONS / "versions").glob("[0-9]*_*.py")
    return sorted((path.name.partition("_")[0] for path in files), reverse=True)


def connect(settings: Settings, patience: int | None = None) -> Database:
    """The database that the settings name: in one process the same each time, for the statements
    that SQLAlchemy has prepared, which takes longer than a small job does."""
    return _database(settings.database_url, patience)


_database = lru_cache(maxsize=4)(Database)


def check_schema_or_exit(settings: Settings) -> None:
    """End the process with one line where the database is out of reach or of another version."""
    try:
        with connect(settings) as database:
            database.check_schema()
    except (SchemaError, DBAPIError, OSError) as error:
        exit_with(error_line(error))


def error_line(error: Exception) -> str:
    """Return the trouble with the database in one line, without SQL."""
    if isinstance(error, DBAPIError):
        first = str(error.orig).strip().splitlines()
        return f"the database cannot be used: {first[0] if first else type(error).__name__}"
    if isinstance(error, OSError):
        return f"the database cannot be used: {error}"
    return str(error)


def _leave_connections_to_parent() -> None:
    for database in _databases:
        database.dispose(close=False)


# RQ forks a process for each job. It inherits the parent's connections, and must neither use nor
# close them: to close one here would end it there.
os.register_at_fork(after_in_child=_leave_connections_to_parent)


def upsert(
    session: Session,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    update: Sequence[str] = (),
) -> None:
    """Insert rows; where the primary key is taken, set the columns `update`, or none."""
    if not rows:
        return
    table = model.__table__
    assert isinstance(table, Table)
    dialect = import_module(f"sqlalchemy.dialects.{session.get_bind().dialect.name}")
    insert = dialect.insert(table)
    keys = list(table.primary_key.columns)
    if update:
        new = {name: insert.excluded[name] for name in update}
        session.execute(insert.on_conflict_do_update(index_elements=keys, set_=new), rows)
    else:
        session.execute(insert.on_conflict_do_nothing(index_elements=keys), rows)


def insert_rows(
    session: Session,
    model: type[Base],
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    update: Sequence[str] = (),
) -> None:
    """Insert many rows as the driver takes them, moments as whole numbers; where the primary key
    is taken, set the columns `update`, or none."""
    if not rows:
        return
    connection = session.connection()
    quoted = connection.dialect.identifier_preparer.quote
    described = [model.__table__.c[name] for name in columns]
    names = ", ".join(quoted(column.name) for column in described)
    into = f"{quoted(model.__tablename__)} ({names})"
    taken = "ON CONFLICT DO NOTHING"
    if update:
        keys = ", ".join(quoted(column.name) for column in model.__table__.primary_key)
        new = ", ".join(f"{name} = excluded.{name}" for name in map(quoted, update))
        taken = f"ON CONFLICT ({keys}) DO UPDATE SET {new}"
    if connection.dialect.name == "sqlite":
        values = f"VALUES ({', '.join('?' * len(columns))})"
        connection.exec_driver_sql(f"INSERT INTO {into} {values} {taken}", rows)
    else:  # an array a column: a statement a row would take ten times as long
        types = (column.type.compile(connection.dialect) for column in described)
        values = f"SELECT * FROM unnest({', '.join(f'%s::{kind}[]' for kind in types)})"
        arrays = tuple(map(list, zip(*rows, strict=True)))
        connection.exec_driver_sql(f"INSERT INTO {into} {values} {taken}", arrays)
