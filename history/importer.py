"""Days of the archive into the database, many at once: SQL behind plain values.

A day becomes, for each of its lists, a poll `imported` at midnight UTC with its placements, and a
reading for each repository. Live polls win: a list's day that has any is skipped.
"""

import gc
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import clock, lists
from history import archive
from history.archive import BadFile, Day, Rejection
from history.bearers import repositories
from models import (
    GOOD,
    IMPORTED,
    Placement,
    Poll,
    Reading,
    Watched,
)
from store.database import Database, insert_rows
from store.imports import note_import
from store.list_ids import list_id_or_new
from store.readings import drop_covered

# Days a transaction. The rows of one day land all over trees that are clustered by repository;
# those of many, sorted by key, share the pages that are written: four times as fast.
DAYS_AT_ONCE = 25

DAYS_A_JOB = 100  # a process keeps the pages that it has read

Tuples = list[tuple[Any, ...]]


@dataclass(slots=True)
class Tally:
    """The outcome of an import, in rows: `read` is the sum of `stored`, `already` and the numbers
    of `repeats` and `rejected`.

    `covered` of those already there are of list-days that have live polls. `repeats`: further rows
    of a repository on one list and day. `rejected`: rows that make no sense. `bad`: files that
    could not be read, and why.
    """

    files: int = 0
    read: int = 0
    stored: int = 0
    already: int = 0
    covered: int = 0
    repeats: list[Rejection] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    bad: list[tuple[str, str]] = field(default_factory=list)

    def __iadd__(self, other: "Tally") -> "Tally":
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


def import_files(
    database: Database, paths: Iterable[Path], known: Collection[str], *, dry_run: bool = False
) -> Tally:
    """Import files, some at a time; `known`: the slugs of the lists there are.

    The oldest come first: from the newest on, SQLite's pages would be a quarter emptier.
    """
    files, tally = sorted(paths, key=lambda path: (path.name, path)), Tally()
    for start in range(0, len(files), DAYS_AT_ONCE):
        with _uncollected():
            tally += _import(database, files[start : start + DAYS_AT_ONCE], known, dry_run)
    return tally


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python from looking for cycles meanwhile: among so many rows that takes a fifth of the
    time, and finds none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _import(
    database: Database, files: Sequence[Path], known: Collection[str], dry_run: bool
) -> Tally:
    """Import all or none of what files hold. Rows are made ready without keeping others from
    writing."""
    days, newest, bad = _read(files, known)
    attempts = 3
    while True:
        with database.write() as session:
            note_import(session, clock.now())
            list_ids, ids, done = _identify(session, days, newest)
            if dry_run:
                session.rollback()
        tally, rows = _rows(days, list_ids, ids, done)
        tally.files, tally.bad = len(files), bad
        try:
            if dry_run or _insert(database, rows, list_ids, days, done):
                return tally
        except IntegrityError:  # a repository was merged into another one meanwhile
            if attempts == 0:
                raise
            attempts -= 1


def _read(
    files: Iterable[Path], known: Collection[str]
) -> tuple[list[Day], dict[str, dict[str, Any]], list[tuple[str, str]]]:
    """Return the days of files; by name of repository what its newest row says of it; and the
    files that could not be read, each with the reason."""
    days: list[Day] = []
    newest: dict[str, tuple[datetime, list[str]]] = {}
    bad = []
    for path in files:
        try:
            day = archive.read_day(path, known)
        except BadFile as error:
            bad.append((str(path), str(error)))
            continue
        newest.update((name, (day.slot, fields)) for name, fields in day.fields.items())
        day.fields.clear()
        days.append(day)
    return days, {name: _profile(*row) for name, row in newest.items()}, bad


def _identify(
    session: Session, days: Sequence[Day], newest: Mapping[str, dict[str, Any]]
) -> tuple[dict[str, int], dict[str, int], dict[tuple[int, datetime], str]]:
    """Return our ids of the days' lists by slug and of their repositories by name, and which days
    of lists are there already, whose repositories are left out."""
    slugs = sorted({slug for day in days for slug in day.lists}, key=lists.order_of)
    list_ids = {slug: list_id_or_new(session, slug) for slug in slugs}
    done = _polled(session, list_ids.values(), days)
    wanted = {
        row.name
        for day in days
        for slug, rows in day.lists.items()
        if (list_ids[slug], day.slot) not in done
        for row in rows
    }
    return list_ids, repositories(session, {name: newest[name] for name in wanted}), done


@dataclass(slots=True)
class Rows:
    """Rows for the tables, in the order of their keys, moments as whole numbers."""

    polls: Tuples = field(default_factory=list)
    placements: Tuples = field(default_factory=list)
    readings: Tuples = field(default_factory=list)


def _rows(
    days: Sequence[Day],
    list_ids: Mapping[str, int],
    ids: Mapping[str, int],
    done: Mapping[tuple[int, datetime], str],
) -> tuple[Tally, Rows]:
    """Of the days' lists those that are not there yet; days and lists in order."""
    tally, rows = Tally(read=sum(day.read for day in days)), Rows()
    for day in days:
        tally.repeats += day.repeats
        tally.rejected += day.rejected
    readings: dict[tuple[int, int], tuple[int | None, ...]] = {}  # of several lists the first one's
    taken = dict(done)
    for slug, list_id in list_ids.items():
        for day in days:
            found, key = day.lists.get(slug, []), (list_id, day.slot)
            if not found:
                continue
            if key in taken:
                tally.already += len(found)
                tally.covered += len(found) if taken[key] == GOOD else 0
                continue
            taken[key] = IMPORTED  # the day may come in another file, too
            slot = (day.slot - clock.EPOCH) // timedelta(seconds=1)
            here: dict[int, str] = {}
            for row in found:
                repository_id = ids[row.name]
                if here.setdefault(repository_id, row.name) != row.name:
                    why = f"{row.name} is now {here[repository_id]}, which is on the list, too"
                    tally.repeats.append(Rejection(day.file, row.line, why))
                    continue
                counts = (row.stars, row.forks, row.open_issues)
                rows.placements.append((list_id, slot, len(here), repository_id, *counts, False))
                readings.setdefault((repository_id, slot), (repository_id, slot, *counts))
            tally.stored += len(here)
            rows.polls.append((list_id, slot, IMPORTED, 1000 * slot, len(here)))
    rows.readings = sorted(readings.values())
    return tally, rows


def _insert(
    database: Database,
    rows: Rows,
    list_ids: Mapping[str, int],
    days: Sequence[Day],
    done: Mapping[tuple[int, datetime], str],
) -> bool:
    """Insert the rows, unless some of the days have come in meanwhile."""
    counts = ("stars", "forks", "open_issues")
    with database.write() as session:
        if _polled(session, list_ids.values(), days) != done:
            return False
        insert_rows(session, Poll, ("list_id", "slot", "outcome", "fetched_at", "rows"), rows.polls)
        columns = ("list_id", "slot", "rank", "repository_id", *counts, "carried_over")
        insert_rows(session, Placement, columns, rows.placements)
        insert_rows(session, Reading, ("repository_id", "slot", *counts), rows.readings)
        sampled = select(Watched.repository_id).where(Watched.repository_id.is_not(None))
        here = Reading.slot.in_([day.slot for day in days])
        drop_covered(session, Reading.repository_id.in_(sampled), here)
    return True


def _polled(
    session: Session, list_ids: Collection[int], days: Sequence[Day]
) -> dict[tuple[int, datetime], str]:
    """The days of lists that are there: GOOD where live polls are, else IMPORTED. A live poll of a
    midnight itself, whatever came of it, is left as it is."""
    slots = [day.slot for day in days]
    found = session.execute(
        select(Poll.list_id, Poll.slot, Poll.outcome)
        .where(Poll.list_id.in_(list_ids))
        .where(Poll.slot >= min(slots, default=clock.EPOCH))
        .where(Poll.slot < max(slots, default=clock.EPOCH) + clock.DAY)
    )
    done: dict[tuple[int, datetime], str] = {}
    for list_id, slot, outcome in found:
        midnight = clock.floor(slot, clock.DAY)
        if outcome == IMPORTED:
            done.setdefault((list_id, midnight), IMPORTED)
        elif outcome == GOOD or slot == midnight:
            done[list_id, midnight] = GOOD
    return done


def _profile(slot: datetime, fields: list[str]) -> dict[str, Any]:
    return archive.profile(fields) | {"seen_at": slot}
