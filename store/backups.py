"""Backups: the whole database as one file, made while Starboard runs on, and put back whole."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from sqlalchemy import func, inspect, select
from sqlalchemy.orm import Session

from core.clock import rfc3339
from models import Follow, Poll, Repository
from store import postgres_dumps, sqlite_copies
from store.database import BackupError, Database, known_revisions


class Format(Protocol):
    """What a module does that knows one kind of database."""

    NAME: str
    MAGIC: bytes  # that its files begin with

    def dump(self, database: Database, file: Path) -> None:
        """Write the state of a moment into a file."""

    def revision_of(self, file: Path) -> str | None:
        """Return the revision of a file's schema, once it is sound; None where it has none."""

    def load(self, database: Database, file: Path) -> None:
        """Put a file in the place of what is there, all of it or nothing."""


FORMATS: dict[str, Format] = {"sqlite": sqlite_copies, "postgresql": postgres_dumps}


def backup(database: Database, file: Path, *, force: bool) -> None:
    """Write the database into a file, which is there once it is whole."""
    if file.exists() and not force:
        raise BackupError(f"{file} exists; --force replaces it")
    if database.revision() is None:
        raise BackupError("there is nothing to back up: the database's schema is missing")
    part = file.with_name(f".{file.name}.part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        _format_of(database).dump(database, part)
        with open(part, "rb") as written:
            os.fsync(written.fileno())
        os.replace(part, file)
    except OSError as error:
        raise BackupError(f"{file}: {error.strerror}") from error
    finally:
        with suppress(OSError):  # why it failed has been said
            part.unlink(missing_ok=True)


def restore(database: Database, file: Path, *, force: bool) -> None:
    """Put what a backup holds in the place of what the database holds."""
    form = _format_of(database)
    _check_kind(file, form)
    revision = form.revision_of(file)
    if revision is None:
        raise BackupError(f"{file} is no backup of Starboard: it has no schema of ours")
    if revision not in known_revisions():
        raise BackupError(
            f"{file} was made by a newer version (schema {revision}), which has to be deployed"
        )
    if not force and (there := _contents(database)):
        raise BackupError(f"the database in place has {there}; --force replaces all of it")
    form.load(database, file)
    database.checkpoint_wal()


def _format_of(database: Database) -> Format:
    return FORMATS[database.engine.dialect.name]


def _check_kind(file: Path, form: Format) -> None:
    try:
        with open(file, "rb") as opened:
            begin = opened.read(16)
    except OSError as error:
        raise BackupError(f"{file}: {error.strerror}") from error
    if begin.startswith(form.MAGIC):
        return
    for other in FORMATS.values():
        if begin.startswith(other.MAGIC):
            raise BackupError(
                f"{file} is a backup of {other.NAME}, and DATABASE_URL names {form.NAME}"
            )
    raise BackupError(f"{file} is no backup of Starboard")


def _contents(database: Database) -> str | None:
    """Return what would be lost; None where that is nothing."""
    tables = sorted(inspect(database.engine).get_table_names())
    if "poll" not in tables or "alembic_version" not in tables:
        return f"tables that are not Starboard's, such as {tables[0]}" if tables else None
    if database.revision() not in known_revisions():
        return "the schema of a newer version"
    with database.read() as session:
        polls, newest = session.execute(select(func.count(), func.max(Poll.slot))).one()
        if polls:
            return f"{polls:,} polls, the newest of {rfc3339(newest)}"
        return "followed repositories" if _any(session, Follow, Repository) else None


def _any(session: Session, *tables: type) -> bool:
    return any(session.scalar(select(select(of).exists())) for of in tables)
