"""Readings: stored with polls, and given as series."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    bindparam,
    case,
    column,
    delete,
    func,
    select,
    true,
    type_coerce,
    values,
)
from sqlalchemy.orm import Session

from core import clock, lists, spans
from core.clock import SECOND
from core.lists import RankedList
from core.retention import DAILY
from core.schemas import Point
from core.series import Points
from models import (
    COUNTS,
    List,
    Placement,
    Poll,
    Reading,
    Repository,
)
from store.baselines import earlier_reading
from store.database import upsert
from store.list_ids import list_id_of


def store_readings(
    session: Session, ranked: RankedList, fetched_at: datetime, rows: list[dict[str, Any]]
) -> None:
    """Make placements readings, unless another list's of the same slot were fetched later."""
    if not rows:
        return
    existing = session.execute(
        select(Reading.repository_id, Poll.fetched_at, List.slug)
        .join(Poll, (Poll.list_id == Reading.list_id) & (Poll.slot == Reading.slot))
        .join(List, List.id == Reading.list_id)
        .where(Reading.slot == rows[0]["slot"])
        .where(Reading.repository_id.in_([row["repository_id"] for row in rows]))
    )
    outdone = {
        repository_id
        for repository_id, at, slug in existing
        if at > fetched_at or (at == fetched_at and lists.order_of(slug) < ranked.order)
    }
    columns = ("repository_id", "slot", "stars", "forks", "open_issues", "list_id")
    upsert(
        session,
        Reading,
        [{c: row[c] for c in columns} for row in rows if row["repository_id"] not in outdone],
        update=("stars", "forks", "open_issues", "list_id"),
    )


def store_unlisted(session: Session, repository_id: int, slot: datetime, counts: Any) -> None:
    """Make counts of no list's answer a reading: anything that has COUNTS as attributes. Where a
    list's answer made one of the slot, that stays."""
    row = {"repository_id": repository_id, "slot": slot}
    upsert(session, Reading, [row | {name: getattr(counts, name) for name in COUNTS}])


def drop_covered(session: Session, *chosen: ColumnElement[bool]) -> None:
    """Delete those chosen that lie amid what another reading stands for: there it is told."""
    covering = (
        select(earlier_reading.slot)
        .where(earlier_reading.repository_id == Reading.repository_id)
        .where(earlier_reading.slot < Reading.slot, earlier_reading.seen_until >= Reading.slot)
    )
    session.execute(delete(Reading).where(*chosen, covering.exists()))


_slot = type_coerce(Reading.slot, BigInteger)  # thousands of rows: whole seconds will do
_earlier = type_coerce(earlier_reading.slot, BigInteger)
_names = ("repository_id", "first", "until", "length")
_repository, _first, _until, _length = (bindparam(name, type_=BigInteger) for name in _names)
_BEGUN = (  # what begins before may stand for later ones, too
    select(func.max(_earlier))
    .where(earlier_reading.repository_id == _repository, _earlier < _first)
    .scalar_subquery()
)
_told = (
    _slot,
    type_coerce(Reading.seen_until, BigInteger),
    *(getattr(Reading, it) for it in COUNTS),
)
_EACH = (
    select(*_told)
    .where(Reading.repository_id == _repository)
    .where(_slot >= func.coalesce(_BEGUN, _first), _slot < _until)
    .order_by(Reading.slot)
)
# Of dozens of readings one is told: the last up to the end of each step, which a seek finds.
_step = select(((_first + _length - 1) // _length * _length).label("end")).cte(
    "step", recursive=True
)
_step = _step.union_all(select(_step.c.end + _length).where(_step.c.end < _until - 1))
_LAST_OF_STEP = (
    select(func.max(_earlier))
    .where(earlier_reading.repository_id == _repository)
    .where(_earlier <= case((_step.c.end < _until, _step.c.end), else_=_until - 1))
    .correlate(_step)
    .scalar_subquery()
)
_LAST_OF_EACH_STEP = (
    select(*_told)
    .join_from(_step, Reading, (Reading.repository_id == _repository) & (_slot == _LAST_OF_STEP))
    .order_by(_step.c.end)
)


def series(
    session: Session, repository_id: int, start: datetime, end: datetime, step: timedelta
) -> list[Point]:
    """A repository's readings in [start, end), of each step (t − step, t] the last. The same before
    and after thinning to that step, where the end does not cut one."""
    return [
        {
            "at": clock.at(at),
            "stars": stars,
            "forks": forks,
            "open_issues": issues,
            "source": "reading",
        }
        for at, stars, forks, issues in _lasts(session, repository_id, start, end, step)
    ]


def stars(
    session: Session, repository_id: int, start: datetime, end: datetime, step: timedelta
) -> Points:
    """The stars of the same readings."""
    lasts = _lasts(session, repository_id, start, end, step)
    return [(clock.EPOCH + at * SECOND, stars) for at, stars, _, _ in lasts]


def _lasts(
    session: Session, repository_id: int, start: datetime, end: datetime, step: timedelta
) -> Iterable[tuple[int, int, int, int | None]]:
    """The seconds since the epoch and the counts of a series."""
    length = step // SECOND
    first, until = ceil(start.timestamp()), ceil(end.timestamp())
    found = _LAST_OF_EACH_STEP if step > clock.DAY else _EACH
    span = {"repository_id": repository_id, "first": first, "until": until, "length": length}
    rows: Iterable[Any] = session.connection().execute(found, span).all()  # not one by one
    last: dict[int, tuple[int, int, int, int | None]] = {}
    for begins, ends, stars, forks, open_issues in rows:
        slots = (begins,) if ends is None else spans.lasts(begins, ends, first, until, length)
        for at in slots:
            if at >= first:
                last[(at + length - 1) // length] = (at, stars, forks, open_issues)
    return last.values()


def daily(
    session: Session, ranked: RankedList, end: datetime, days: int
) -> dict[int, list[int | None]]:
    """Return the counts of the list of the poll `end` by rank: for each of the days up to then,
    oldest first, the last reading in (end − 24 h, end], None where there is none.

    It takes one seek a repository and day."""
    ends = [int((end - number * clock.DAY).timestamp()) for number in reversed(range(days))]
    day = values(column("end", BigInteger), name="day").data([(moment,) for moment in ends]).cte()
    last = (
        select(func.max(type_coerce(earlier_reading.slot, BigInteger)))
        .where(earlier_reading.repository_id == Placement.repository_id)
        .where(type_coerce(earlier_reading.slot, BigInteger) <= day.c.end)
        .correlate(Placement, day)
        .scalar_subquery()
    )
    rows = session.connection().execute(
        select(Placement.rank, day.c.end, getattr(Reading, ranked.count))
        .select_from(Placement)
        .join(day, true())
        .join(Reading, (Reading.repository_id == Placement.repository_id) & (Reading.slot == last))
        .where(Placement.list_id == list_id_of(session, ranked.slug), Placement.slot == end)
        .where(
            type_coerce(func.coalesce(Reading.seen_until, Reading.slot), BigInteger)
            > day.c.end - clock.DAY // SECOND
        )
    )
    found: dict[int, list[int | None]] = {}
    place = {moment: i for i, moment in enumerate(ends)}
    for rank, at, count in rows:
        found.setdefault(rank, [None] * days)[place[at]] = count
    return found


def newest_reading(session: Session, repository_id: int, until: datetime) -> Reading | None:
    """Return a repository's newest reading up to `until`, and a little later, as clocks differ."""
    return session.scalar(
        select(Reading)
        .where(Reading.repository_id == repository_id, Reading.slot <= until + clock.TOLERANCE)
        .order_by(Reading.slot.desc())
        .limit(1)
    )


def ends_of(
    session: Session, ids: Collection[int], until: datetime
) -> dict[int, tuple[datetime, datetime | None]]:
    """Return when the readings of some repositories begin and up to `until` end, by our ids of
    those that have any. The end is None where all are from the future."""
    of_repository = earlier_reading.repository_id == Repository.id
    of_past = earlier_reading.slot <= until + clock.TOLERANCE
    first, newest = (
        select(slot).where(*chosen).correlate(Repository).scalar_subquery()
        for slot, chosen in (
            (func.min(earlier_reading.slot), [of_repository]),
            (func.max(earlier_reading.slot), [of_repository, of_past]),
        )
    )
    rows = session.execute(
        select(Repository.id, first, func.coalesce(Reading.seen_until, Reading.slot))
        .outerjoin(Reading, (Reading.repository_id == Repository.id) & (Reading.slot == newest))
        .where(Repository.id.in_(ids))
    )
    return {each: (begin, end) for each, begin, end in rows if begin is not None}


def first_slot(session: Session, repository_id: int) -> datetime | None:
    """Return the slot of a repository's first reading; None where there is none."""
    return session.scalar(
        select(func.min(Reading.slot)).where(Reading.repository_id == repository_id)
    )


def day_of(slot: datetime) -> datetime:
    """Return the start of the day that a slot lies in, such a day as one reading of is retained for
    ever."""
    return clock.ceil(slot, DAILY.step) - DAILY.step
