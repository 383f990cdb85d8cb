"""The engine, its transactions and the schema, on SQLite and Postgres alike."""

import os
import sqlite3
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.orm import Session

from models import Base
from settings import Settings, exit_with

LOCK_TIMEOUT = 20  # seconds to wait for another's write in SQLite, or for a connection to Postgres

CHECKPOINT_TIMEOUT = 1  # seconds that it waits for readers before the log can shrink

MIGRATIONS = Path(__file__).parents[1] / "migrations"


class SchemaError(Exception):
    """The database's schema is missing, older or newer than this code."""


class Database:
    """One process's way to the database. The engine opens on first use, and a forked child
    leaves its parent's connections alone. With `patience`, in seconds, nothing waits for longer."""

    def __init__(self, url: str, patience: int | None = None) -> None:
        self.engine = _engine(url, patience)
        self._for_read: Engine
        self._for_write: Engine
        if self.engine.dialect.name == "sqlite":
            self._for_read = self.engine
            self._for_write = self.engine.execution_options(begin="BEGIN IMMEDIATE")
        else:  # the same: a read sees one snapshot, a write is the only one
            limit = f"SET LOCAL statement_timeout = {1000 * patience}" if patience else ""
            self._for_read = self.engine.execution_options(
                isolation_level="REPEATABLE READ", begin=limit
            )
            self._for_write = self.engine.execution_options(begin=POSTGRES_WRITE_LOCK)
            event.listen(self.engine, "begin", _begin_postgres)
        _databases.add(self)
        weakref.finalize(self, self.engine.dispose)  # one that is dropped leaves nothing open

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that sees one state of the database; keep it short."""
        with Session(self._for_read) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that commits at its end. It is the only one that writes from its start
        on, so what it reads cannot change before it writes; keep it short."""
        with Session(self._for_write) as session, session.begin():
            yield session

    def upgrade(self) -> None:
        """Bring the schema up to date."""
        from alembic import command

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self._for_write.begin() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise SchemaError(f"the schema cannot be brought up to date: {error}") from error

    def check_schema(self) -> None:
        """Raise SchemaError unless the schema is the one that this code was written for."""
        with self._for_read.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
        known = [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
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


POSTGRES_WRITE_LOCK = "SELECT pg_advisory_xact_lock(7827282)"  # any number, the same for all

_databases: "weakref.WeakSet[Database]" = weakref.WeakSet()


def connect(settings: Settings, patience: int | None = None) -> Database:
    """The database that the settings name."""
    return Database(settings.database_url, patience)


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


def _engine(url: str, patience: int | None) -> Engine:
    parsed = make_url(url)
    if parsed.drivername == "postgres":  # Heroku's spelling, which is no dialect of SQLAlchemy's
        parsed = parsed.set(drivername="postgresql")
    if parsed.drivername != "sqlite":
        return _postgres_engine(parsed, patience)
    path = _file_of(parsed)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
    timeout = patience or LOCK_TIMEOUT
    engine = create_engine(parsed, connect_args={"timeout": timeout})
    event.listen(engine, "connect", partial(_prepare_sqlite, timeout))
    event.listen(engine, "begin", _begin_sqlite)
    if path:
        _leave_replaced_file(engine, path)
    return engine


def _file_of(url: URL) -> Path | None:
    """Return the path of SQLite's file; None where it is in memory, or named by a URI."""
    if not url.database or url.database == ":memory:" or "uri" in url.query:
        return None
    return Path(url.database).absolute()


def _leave_replaced_file(engine: Engine, path: Path) -> None:
    """Open the file anew once another has taken its place: a connection goes on with the old one,
    which is on no disk's list any more."""

    def identity() -> tuple[int, int] | None:
        try:
            there = os.stat(path)
        except OSError:
            return None
        return there.st_dev, there.st_ino

    def connected(connection: Any, record: Any) -> None:
        record.info["file"] = identity()

    def taken(connection: Any, record: Any, proxy: object) -> None:
        if (found := identity()) and found != record.info["file"]:
            raise InvalidatePoolError(f"{path} is another file now")

    event.listen(engine, "connect", connected)
    event.listen(engine, "checkout", taken)


def _postgres_engine(url: URL, patience: int | None) -> Engine:
    timeout = (
        {} if "connect_timeout" in url.query else {"connect_timeout": patience or LOCK_TIMEOUT}
    )
    engine = create_engine(url, pool_pre_ping=True, connect_args=timeout)
    if patience:
        from store import impatient  # with psycopg, which only Postgres needs

        def connect(_: object, __: object, args: Any, options: Any) -> object:
            return impatient.connect(patience + 1, *args, **options)

        event.listen(engine, "do_connect", connect)
    return engine


def _prepare_sqlite(timeout: float, connection: Any, record: object) -> None:
    # sqlite3 would begin a transaction by itself, at the first write and not before: what was read
    # until then could have changed. So it is told to begin none, and _begin_sqlite does.
    connection.isolation_level = None
    _use_write_ahead_log(connection, timeout)
    for pragma in (
        "synchronous = NORMAL",  # with a write-ahead log a crash loses no more than the last moment
        "foreign_keys = ON",
        "cache_size = -64000",  # kB
        "mmap_size = 8589934592",  # bytes; what one process has read, another need not copy
        "journal_size_limit = 67108864",  # bytes; one long read lets the log grow without end
    ):
        connection.execute(f"PRAGMA {pragma}")


def _use_write_ahead_log(connection: Any, timeout: float) -> None:
    """Set the mode, which then stays with the file. SQLite does not wait for a lock here, so
    that several who open a new file at once have to be patient themselves."""
    deadline = time.monotonic() + timeout
    while connection.execute("PRAGMA journal_mode").fetchone() not in (("wal",), ("memory",)):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _begin_sqlite(connection: Connection) -> None:
    begin = connection.get_execution_options().get("begin", "BEGIN")
    if begin:
        connection.exec_driver_sql(begin)


def _begin_postgres(connection: Connection) -> None:
    if begin := connection.get_execution_options().get("begin"):
        connection.exec_driver_sql(begin)


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
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    insert = dialect.insert(table)
    keys = list(table.primary_key.columns)
    if update:
        new = {name: insert.excluded[name] for name in update}
        session.execute(insert.on_conflict_do_update(index_elements=keys, set_=new), rows)
    else:
        session.execute(insert.on_conflict_do_nothing(index_elements=keys), rows)


def insert_rows(
    session: Session, model: type[Base], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert many rows as the driver takes them, moments as whole numbers; those whose primary
    key is taken are left out."""
    if not rows:
        return
    connection = session.connection()
    quoted = connection.dialect.identifier_preparer.quote
    described = [model.__table__.c[name] for name in columns]
    names = ", ".join(quoted(column.name) for column in described)
    into = f"{quoted(model.__tablename__)} ({names})"
    if connection.dialect.name == "sqlite":
        values = f"VALUES ({', '.join('?' * len(columns))})"
        connection.exec_driver_sql(f"INSERT INTO {into} {values} ON CONFLICT DO NOTHING", rows)
    else:  # an array a column: a statement a row would take ten times as long
        types = (column.type.compile(connection.dialect) for column in described)
        values = f"SELECT * FROM unnest({', '.join(f'%s::{kind}[]' for kind in types)})"
        arrays = tuple(map(list, zip(*rows, strict=True)))
        connection.exec_driver_sql(f"INSERT INTO {into} {values} ON CONFLICT DO NOTHING", arrays)
