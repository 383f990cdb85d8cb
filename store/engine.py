"""The engine for SQLite and Postgres: connections, and how a transaction begins."""

import os
import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import InvalidatePoolError

LOCK_TIMEOUT = 20  # seconds to wait for another's write in SQLite, or for a connection to Postgres


def make_engine(url: str, patience: int | None = None) -> Engine:
    """Return an engine for a URL of SQLite or Postgres. Its option `begin` is the SQL that begins a
    transaction; with `patience`, in seconds, no connection waits for longer."""
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
    event.listen(engine, "begin", _begin_postgres)
    _close_what_comes_back_late(engine)
    if patience:
        from store import impatient  # with psycopg, which only Postgres needs

        def connect(_: object, __: object, args: Any, options: Any) -> object:
            return impatient.connect(patience + 1, *args, **options)

        event.listen(engine, "do_connect", connect)
    return engine


def _close_what_comes_back_late(engine: Engine) -> None:
    """Close a connection that a thread gives back after the engine was disposed of, which leaves
    the old pool to nobody: it would stay open for as long as it is not collected."""

    def connected(_: object, record: Any) -> None:
        record.info["pool"] = engine.pool

    def returned(connection: object, record: Any) -> None:
        if connection is not None and record.info.get("pool") is not engine.pool:
            record.invalidate()

    event.listen(engine, "connect", connected)
    event.listen(engine, "checkin", returned)


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
