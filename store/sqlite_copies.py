"""Backups of SQLite, by its online backup: a copy of the file as it was at one moment."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from store.database import BackupError, Database

NAME = "SQLite"
MAGIC = b"SQLite format 3\0"


def dump(database: Database, file: Path) -> None:
    """Copy all in one step: it is one reader, whom writers neither wait for nor disturb. A copy in
    several would begin anew at each write."""
    with _trouble_with(file), closing(sqlite3.connect(file)) as copy, _live(database) as live:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, which needs no others beside it
        _check(copy, file)


def revision_of(file: Path) -> str | None:
    """Return the revision of a file's schema, once every page of it was looked at."""
    with _trouble_with(file), _opened(file) as copy:
        _check(copy, file)
        if not copy.execute("PRAGMA table_info(alembic_version)").fetchall():
            return None
        found = copy.execute("SELECT version_num FROM alembic_version").fetchone()
        return found[0] if found else None


def load(database: Database, file: Path) -> None:
    """Write all of a file into the database, in one transaction of it: others who have it open go
    on with what it holds then, and one that is killed has done nothing."""
    with _trouble_with(file), _opened(file) as copy, _live(database) as live:
        copy.backup(live)


@contextmanager
def _live(database: Database) -> Iterator[sqlite3.Connection]:
    with closing(database.engine.raw_connection()) as connection:
        raw = connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        yield raw


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as copy:
        yield copy


def _check(copy: sqlite3.Connection, file: Path) -> None:
    (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise BackupError(f"{file} is damaged: {found}")


@contextmanager
def _trouble_with(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise BackupError(f"{file}: {error}") from error
