"""Thinning by the retention rule: of each step in the past one reading of a repository, and one
poll of a list, is retained as it is; nothing is averaged."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import TypeVar

from sqlalchemy import bindparam, delete, select

from core import clock
from core.retention import HOURLY, STAGES
from history.merging import merge_quiet
from models import GOOD, IMPORTED, List, Placement, Poll, Progress, Reading, Repository
from store.database import Database, upsert

REPOSITORIES_AT_ONCE = 100  # a transaction

POLLS_AT_ONCE = 100  # a hundred placements each

Item = TypeVar("Item")


def thin(database: Database, now: datetime) -> dict[str, int]:
    """Thin out what has grown old enough since the last time, in short transactions. Killed, it
    does the rest when it runs again. Gives the numbers of readings and polls that went."""
    gone = {"readings": 0, "polls": 0}
    for stage in STAGES:
        until = clock.floor(now - stage.age, stage.step)
        with database.read() as session:
            reached = session.get(Progress, stage.name)
            since = reached.until if reached else clock.EPOCH
            repositories = session.scalars(select(Repository.id).order_by(Repository.id)).all()
            lists = session.scalars(select(List.id)).all()
        for ids in _chunks(repositories, REPOSITORIES_AT_ONCE):
            gone["readings"] += _thin_readings(database, ids, since, until, stage.step)
            if stage == HOURLY:
                gone["readings"] += merge_quiet(database, ids, since, until)
        for list_id in lists:
            gone["polls"] += _thin_polls(database, list_id, since, until, stage.step)
        with database.write() as session:
            upsert(session, Progress, [{"name": stage.name, "until": until}], update=("until",))
    return gone


def _thin_readings(
    database: Database, ids: list[int], since: datetime, until: datetime, step: timedelta
) -> int:
    with database.read() as session:
        found = session.execute(
            select(Reading.repository_id, Reading.slot)
            .where(Reading.repository_id.in_(ids), Reading.slot > since, Reading.slot <= until)
            .order_by(Reading.repository_id, Reading.slot)
        )
        old = list(
            _all_but_last(
                found, lambda reading: (reading[0], clock.ceil(reading[1], step)), lambda reading: 0
            )
        )
    if old:
        keys = [{"repository": repository, "at": slot} for repository, slot in old]
        with database.write() as session:
            session.connection().execute(_DELETE_READING, keys)
    return len(old)


_DELETE_READING = delete(Reading).where(
    Reading.repository_id == bindparam("repository"), Reading.slot == bindparam("at")
)


def _thin_polls(
    database: Database, list_id: int, since: datetime, until: datetime, step: timedelta
) -> int:
    """Of each step the last good poll stays, or else the last."""
    with database.read() as session:
        found = session.execute(
            select(Poll.slot, Poll.outcome)
            .where(Poll.list_id == list_id, Poll.slot > since, Poll.slot <= until)
            .order_by(Poll.slot)
        )
        old = list(
            _all_but_last(
                found,
                lambda poll: clock.ceil(poll[0], step),
                lambda poll: poll[1] in (GOOD, IMPORTED),
            )
        )
    for polls in _chunks(old, POLLS_AT_ONCE):
        slots = [slot for slot, _ in polls]
        with database.write() as session:
            for table in (Placement, Poll):
                session.execute(
                    delete(table).where(table.list_id == list_id, table.slot.in_(slots))
                )
    return len(old)


def _all_but_last(
    items: Iterable[Item], step_of: Callable[[Item], object], worth: Callable[[Item], object]
) -> Iterator[Item]:
    """All but one of each step: of those worth most, the last. `items` in order."""
    for _, group in groupby(items, step_of):
        members = list(group)
        *others, _ = sorted(members, key=worth)  # type: ignore[arg-type]
        yield from others


def _chunks(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    return (list(items[start : start + size]) for start in range(0, len(items), size))
