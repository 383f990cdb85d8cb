"""Tables, engine and transactions: what is stored, on SQLite and Postgres alike.

Times are UTC. A slot is a moment rounded down to the poll interval.
"""

import os
import sqlite3
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    Dialect,
    Engine,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

import clock
from settings import Settings, exit_with

PATIENCE = 20  # seconds to wait for another's write in SQLite, or for a connection to Postgres
TIDY_PATIENCE = 1  # seconds that it waits for readers before the log can shrink
MIGRATIONS = Path(__file__).with_name("migrations")


class Moment(TypeDecorator[datetime]):
    """A UTC moment as a whole number of `unit` since 1970: exact, ordered, the same everywhere."""

    impl = BigInteger
    cache_ok = True

    def __init__(self, unit: timedelta = timedelta(seconds=1)) -> None:
        super().__init__()
        self.unit = unit

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - clock.EPOCH) // self.unit

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else clock.EPOCH + value * self.unit


Slot = Moment(timedelta(seconds=1))
Exact = Moment(timedelta(milliseconds=1))


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Exact}


# Rows of these live in the primary key's tree itself, so that a range of it is one read.
CLUSTERED = {"sqlite_with_rowid": False}


class List(Base):
    """A ranked list that was polled at least once; lists.RankedList says what it is."""

    __tablename__ = "list"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(100), unique=True)


class Repository(Base):
    __tablename__ = "repository"

    id: Mapped[int] = mapped_column(primary_key=True)
    github_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)  # null until seen live
    full_name: Mapped[str] = mapped_column(String(200))
    language: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    html_url: Mapped[str] = mapped_column(Text)
    pushed_at: Mapped[datetime | None]
    seen_at: Mapped[datetime]  # when GitHub said the above
    asked_at: Mapped[datetime | None]  # when GitHub was asked who an imported name is; once
    same_as_id: Mapped[int | None]  # of the repository that this one turned out to be


class RepositoryName(Base):
    """Every name that a repository was seen under, in lower case; the last to bear it has it."""

    __tablename__ = "repository_name"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repository.id"))
    seen_at: Mapped[datetime]  # when it was last seen so


class Poll(Base):
    """One row a (list, slot): what came of it. A slot without a good one is a gap."""

    __tablename__ = "poll"
    __table_args__ = CLUSTERED

    list_id: Mapped[int] = mapped_column(ForeignKey("list.id"), primary_key=True)
    slot: Mapped[datetime] = mapped_column(Slot, primary_key=True)
    outcome: Mapped[str] = mapped_column(String(10))  # good, suspect, failed, missed, imported
    fetched_at: Mapped[datetime]
    rows: Mapped[int] = mapped_column(SmallInteger)
    error: Mapped[str | None] = mapped_column(Text)  # what was wrong; null when good


class Placement(Base):
    """A place on a list at a slot, with the counts that this list's answer gave."""

    __tablename__ = "placement"
    __table_args__ = CLUSTERED

    list_id: Mapped[int] = mapped_column(ForeignKey("list.id"), primary_key=True)
    slot: Mapped[datetime] = mapped_column(Slot, primary_key=True)
    rank: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repository.id"))
    stars: Mapped[int]
    forks: Mapped[int]
    open_issues: Mapped[int]
    kept: Mapped[bool]  # GitHub left it out and could not be asked: these are its last counts


class Reading(Base):
    """A repository's counts at a slot: of several good placements in it, the one fetched last."""

    __tablename__ = "reading"
    __table_args__ = CLUSTERED

    repository_id: Mapped[int] = mapped_column(ForeignKey("repository.id"), primary_key=True)
    slot: Mapped[datetime] = mapped_column(Slot, primary_key=True)
    stars: Mapped[int]
    forks: Mapped[int]
    open_issues: Mapped[int]
    list_id: Mapped[int | None] = mapped_column(ForeignKey("list.id"))  # null: of no list's poll


class Event(Base):
    """What changed between two consecutive good polls of a list. Ids grow in order of commit."""

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_list", "list_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    slot: Mapped[datetime] = mapped_column(Slot)
    list_id: Mapped[int] = mapped_column(ForeignKey("list.id"))
    repository_id: Mapped[int] = mapped_column(ForeignKey("repository.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))  # entered, left, overtook, milestone
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


class Watched(Base):
    """What GitHub last said of a repository in WATCH."""

    __tablename__ = "watched"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)  # in lower case
    repository_id: Mapped[int | None] = mapped_column(ForeignKey("repository.id"))
    etag: Mapped[str | None] = mapped_column(Text)  # of the answer with these counts
    stars: Mapped[int | None]
    forks: Mapped[int | None]
    open_issues: Mapped[int | None]
    fetched_at: Mapped[datetime]
    error: Mapped[str | None] = mapped_column(Text)  # null when it was received


class Progress(Base):
    """How far a batch has come that works through time."""

    __tablename__ = "progress"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    until: Mapped[datetime] = mapped_column(Slot)


class Standing(Base):
    """Where a repository stands on a list now: the placements of the last published build."""

    __tablename__ = "standing"
    __table_args__ = CLUSTERED

    repository_id: Mapped[int] = mapped_column(ForeignKey("repository.id"), primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("list.id"), primary_key=True)
    rank: Mapped[int] = mapped_column(SmallInteger)


class Document(Base):
    """A reply, ready to send."""

    __tablename__ = "document"

    name: Mapped[str] = mapped_column(String(150), primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    gzipped: Mapped[bytes] = mapped_column(LargeBinary)
    etag: Mapped[str] = mapped_column(String(64))  # without quotes
    as_of: Mapped[datetime | None] = mapped_column(Slot)
    built_at: Mapped[datetime]
    next_build_at: Mapped[datetime]


class Budget(Base):
    """What is left of one of GitHub's limits: budget.Allowance, shared by all workers."""

    __tablename__ = "budget"

    resource: Mapped[str] = mapped_column(String(10), primary_key=True)
    next_at: Mapped[datetime]
    blocked_until: Mapped[datetime]
    strikes: Mapped[int]
    limit: Mapped[int | None]
    remaining: Mapped[int | None]
    reset_at: Mapped[datetime | None]


class SchemaError(Exception):
    """The database's schema is missing, older or newer than this code."""


class Database:
    """One process's way to the database. The engine opens on first use, and a forked child
    leaves its parent's connections alone."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self._for_read: Engine
        self._for_write: Engine
        if self.engine.dialect.name == "sqlite":
            self._for_read = self.engine
            self._for_write = self.engine.execution_options(begin="BEGIN IMMEDIATE")
        else:  # the same: a read sees one snapshot, a write is the only one
            self._for_read = self.engine.execution_options(isolation_level="REPEATABLE READ")
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
        with self.engine.connect() as connection:
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

    def tidy(self) -> None:
        """Give back what SQLite's write-ahead log holds on disk; elsewhere, nothing.

        Writers wait while it waits for the readers of the moment. Where one of them takes longer
        than `TIDY_PATIENCE`, next time will do as well."""
        if self.engine.dialect.name == "sqlite":
            with self.engine.connect().execution_options(begin="") as connection:
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {1000 * TIDY_PATIENCE}")
                try:
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    connection.exec_driver_sql(f"PRAGMA busy_timeout = {1000 * PATIENCE}")

    def dispose(self, *, close: bool = True) -> None:
        self.engine.dispose(close=close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.dispose()


POSTGRES_WRITE_LOCK = "SELECT pg_advisory_xact_lock(7827282)"  # any number, the same for all

_databases: "weakref.WeakSet[Database]" = weakref.WeakSet()


def connect(settings: Settings) -> Database:
    """The database that the settings name."""
    return Database(settings.database_url)


def check_schema_or_exit(settings: Settings) -> None:
    """End the process with one line where the database is out of reach or of another version."""
    try:
        with connect(settings) as database:
            database.check_schema()
    except (SchemaError, DBAPIError, OSError) as error:
        exit_with(reason(error))


def reason(error: Exception) -> str:
    """What is wrong with the database, in one line, without SQL."""
    if isinstance(error, DBAPIError):
        first = str(error.orig).strip().splitlines()
        return f"the database cannot be used: {first[0] if first else type(error).__name__}"
    if isinstance(error, OSError):
        return f"the database cannot be used: {error}"
    return str(error)


def _leave_connections_to_parent() -> None:
    for database in _databases:
        database.dispose(close=False)


os.register_at_fork(after_in_child=_leave_connections_to_parent)


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.drivername == "postgres":  # Heroku's spelling
        parsed = parsed.set(drivername="postgresql")
    if parsed.drivername != "sqlite":
        patience = {} if "connect_timeout" in parsed.query else {"connect_timeout": PATIENCE}
        return create_engine(parsed, pool_pre_ping=True, connect_args=patience)
    if parsed.database and parsed.database != ":memory:" and "uri" not in parsed.query:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, connect_args={"timeout": PATIENCE})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # transactions begin in _begin_sqlite, not in sqlite3
    _use_write_ahead_log(connection)
    for pragma in (
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "cache_size = -64000",  # kB
        "mmap_size = 8589934592",  # bytes; what one process has read, another need not copy
        "journal_size_limit = 67108864",  # bytes
    ):
        connection.execute(f"PRAGMA {pragma}")


def _use_write_ahead_log(connection: Any) -> None:
    """Set the mode, which then stays with the file. SQLite does not wait for a lock here, so
    that several who open a new file at once have to be patient themselves."""
    deadline = time.monotonic() + PATIENCE
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
    into = f"{quoted(model.__tablename__)} ({', '.join(map(quoted, columns))})"
    if connection.dialect.name == "sqlite":
        values = f"VALUES ({', '.join('?' * len(columns))})"
        connection.exec_driver_sql(f"INSERT INTO {into} {values} ON CONFLICT DO NOTHING", rows)
    else:  # an array a column: a statement a row would take ten times as long
        types = (model.__table__.c[name].type.compile(connection.dialect) for name in columns)
        values = f"SELECT * FROM unnest({', '.join(f'%s::{kind}[]' for kind in types)})"
        arrays = tuple(map(list, zip(*rows, strict=True)))
        connection.exec_driver_sql(f"INSERT INTO {into} {values} ON CONFLICT DO NOTHING", arrays)
