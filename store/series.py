"""The series of a repository from its two sources, readings and the days of GitHub's star history,
each point of which says which it is of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, bindparam, func, select, type_coerce
from sqlalchemy.orm import Session

from core import clock, star_history
from core.schemas import Point, Source
from core.star_history import StarDays
from models import Reading, Slot, StarHistory
from store import readings, star_histories


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a series is made of: GitHub's days, and readings from `sampled_since` on, if there are
    any. `start`, `newest`: of the first and the last point; None where there is none."""

    repository_id: int
    github: tuple[tuple[datetime, int], ...]
    sampled_since: datetime | None
    start: datetime | None
    newest: datetime | None


def told(row: StarHistory | None) -> StarDays | None:
    """Return the days of a star history that were complete when they were read."""
    known = star_histories.days(row)
    return star_history.until(known, row.read_at) if row and known else None


def days(session: Session, row: StarHistory | None) -> list[tuple[datetime, int]]:
    """Return the end of each day, in UTC, with all stars until then.

    Days that are partly read begin amid the past: they are counted back from the newest reading
    before they were read, since the sum of all is the count. Without one, nothing is known.
    """
    known = told(row)
    if row is None or known is None:
        return []
    before = 0
    if not star_histories.is_complete(row):
        newest = readings.newest_reading(
            session, row.repository_id, star_histories.read_until(row)
        ) or _first_reading(session, row)
        read = star_histories.days(row)
        if newest is None or read is None:
            return []
        before = max(0, newest.stars - read.total)
    return [(at, before + stars) for at, stars in star_history.points(known)]


def _first_reading(session: Session, row: StarHistory) -> Reading | None:
    """Return the first reading after days that GitHub tells no more."""
    first = readings.first_slot(session, row.repository_id) if row.unavailable else None
    return readings.newest_reading(session, row.repository_id, first) if first else None


def made_from(session: Session, repository_id: int, now: datetime) -> tuple[Any, ...]:
    """Return what is the same as long as a repository's series are: sums over its readings, without
    those from the future, and how far its star history is read."""
    latest = now + clock.TOLERANCE
    found = session.execute(_MADE_FROM, {"repository_id": repository_id, "latest": latest})
    return tuple(found.one())


_MADE_FROM = select(
    *(func.count(), func.max(type_coerce(Reading.slot, BigInteger))),
    *(
        func.sum(func.coalesce(type_coerce(column, BigInteger), -1))
        for column in (Reading.slot, Reading.stars, Reading.forks, Reading.open_issues)
    ),
    func.sum(func.coalesce(type_coerce(Reading.seen_until, BigInteger), 0)),
    *(
        select(column)
        .where(StarHistory.repository_id == bindparam("repository_id"))
        .scalar_subquery()
        for column in (StarHistory.read_at, StarHistory.pages_read, StarHistory.pages)
    ),
).where(
    Reading.repository_id == bindparam("repository_id"),
    Reading.slot <= bindparam("latest", type_=Slot),
)


def chosen(session: Session, sources: Mapping[int, Source | None]) -> dict[int, Chosen]:
    """Choose what each repository has of a source; without one, readings, and GitHub's days before
    the first."""
    sampled = [each for each, source in sources.items() if source != "github"]
    ends = readings.ends_of(session, sampled, clock.now())
    counted = [each for each, source in sources.items() if source != "reading"]
    rows = star_histories.by_id(session, counted)
    return {each: _chosen(session, each, rows.get(each), ends.get(each)) for each in sources}


def _chosen(
    session: Session,
    repository_id: int,
    row: StarHistory | None,
    ends: tuple[datetime, datetime | None] | None,
) -> Chosen:
    past = days(session, row)
    if ends is None:
        start, newest = (past[0][0], past[-1][0]) if past else (None, None)
        return Chosen(repository_id, tuple(past), None, start, newest)
    first, newest = ends
    github = tuple(point for point in past if point[0] < first)
    start = github[0][0] if github else readings.day_of(first)
    return Chosen(repository_id, github, first, start, newest)


def between(
    session: Session, chosen: Chosen, start: datetime, end: datetime, step: timedelta
) -> list[Point]:
    """Return the points in [start, end) in order: of readings the last of each step, of GitHub's
    days every one, since no step has more."""
    past: list[Point] = [
        {
            "at": clock.rfc3339(at),
            "stars": stars,
            "forks": None,
            "open_issues": None,
            "source": "github",
        }
        for at, stars in chosen.github
        if start <= at < end
    ]
    if chosen.sampled_since is None:
        return past
    return past + readings.series(session, chosen.repository_id, start, end, step)
