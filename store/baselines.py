"""Baselines: the readings and ranks that gains are told against."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Select,
    bindparam,
    column,
    func,
    select,
    type_coerce,
    values,
)
from sqlalchemy.orm import Session, aliased

from core import clock, spans
from core.windows import WINDOWS, Baselines, Counts
from models import (
    GOOD,
    IMPORTED,
    Placement,
    Poll,
    Reading,
)
from models import Repository as RepositoryRow
from store.star_histories import told_by_id

earlier_reading = aliased(Reading)

_LATEST = (  # one seek a repository
    select(func.max(earlier_reading.slot))
    .where(
        earlier_reading.repository_id == RepositoryRow.id,
        earlier_reading.slot <= bindparam("start"),
    )
    .correlate(RepositoryRow)
    .scalar_subquery()
)

_BASELINES = (
    select(
        Reading.repository_id,
        Reading.slot,
        Reading.seen_until,
        Reading.stars,
        Reading.forks,
        Reading.open_issues,
    )
    .join(RepositoryRow, RepositoryRow.id == Reading.repository_id)
    .where(RepositoryRow.id.in_(bindparam("ids", expanding=True)), Reading.slot == _LATEST)
)

_LAST_GOOD = (
    select(func.max(Poll.slot))
    .where(Poll.list_id == bindparam("list_id"), Poll.outcome.in_((GOOD, IMPORTED)))
    .where(Poll.slot >= bindparam("oldest"), Poll.slot <= bindparam("slot"))
    .scalar_subquery()
)

_RANKS = select(Placement.repository_id, Placement.rank).where(
    Placement.list_id == bindparam("list_id"), Placement.slot == _LAST_GOOD
)


def baselines_of(
    session: Session, list_id: int | None, ids: Collection[int], as_of: datetime
) -> Baselines:
    """Return the baselines of gains up to `as_of`: for each window the latest reading at or before
    its start, and the rank on the list then, by its last good poll."""
    connection = session.connection()
    baselines: dict[tuple[str, int], Counts] = {}
    ranks: dict[tuple[str, int], int] = {}
    for window in WINDOWS:
        start, oldest = window.start(as_of), window.oldest_baseline(as_of)
        places: dict[datetime, dict[int, int]] = {}
        rows = connection.execute(_BASELINES, {"ids": list(ids), "start": start})
        for repository_id, begins, seen_until, stars, forks, open_issues in rows:
            slot = spans.last_of(begins, seen_until, start)
            if slot < oldest:
                continue
            baselines[window.name, repository_id] = Counts(slot, stars, forks, open_issues)
            then = clock.ceil(slot, window.rounding)  # what thinning leaves is the last up to then
            if then not in places:
                what = {"list_id": list_id, "oldest": oldest, "slot": then}
                found = connection.execute(_RANKS, what)
                places[then] = {repository: rank for repository, rank in found}
            if repository_id in places[then]:
                ranks[window.name, repository_id] = places[then][repository_id]
    return Baselines(baselines, ranks, told_by_id(session, ids))


def baselines_at(
    session: Session, list_id: int | None, moments: Mapping[int, datetime]
) -> Baselines:
    """Return the baselines of a few repositories by id, of each up to a moment of its own: the same
    as `baselines_of`, in three statements, which take longer for one, and for a whole list."""
    if not moments:
        return Baselines({}, {})
    connection = session.connection()
    wanted = [
        (
            repository_id,
            number,
            _seconds(window.start(as_of)),
            _seconds(window.oldest_baseline(as_of)),
        )
        for repository_id, as_of in moments.items()
        for number, window in enumerate(WINDOWS)
    ]
    baselines: dict[tuple[str, int], Counts] = {}
    places = []
    for number, repository_id, oldest, *row in connection.execute(_each_baseline(wanted)):
        window, (begins, seen_until, *counts) = WINDOWS[number], row
        slot = spans.last_of(begins, seen_until, window.start(moments[repository_id]))
        baselines[window.name, repository_id] = found = Counts(slot, *counts)
        places.append(
            (repository_id, number, _seconds(clock.ceil(found.slot, window.rounding)), oldest)
        )
    ranks = connection.execute(_each_rank(places), {"list_id": list_id}) if places else ()
    return Baselines(
        baselines,
        {(WINDOWS[number].name, repository_id): rank for number, repository_id, rank in ranks},
        told_by_id(session, moments),
    )


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _wanted(rows: Sequence[tuple[int, ...]]) -> CTE:
    """Return rows as a table: up to `slot`, and not before `oldest`."""
    names = ("repository_id", "number", "slot", "oldest")
    return values(*(column(name, BigInteger) for name in names), name="wanted").data(rows).cte()


def _each_baseline(rows: Sequence[tuple[int, ...]]) -> Select[Any]:
    wanted, slot = _wanted(rows), type_coerce(earlier_reading.slot, BigInteger)
    latest = (
        select(func.max(slot))
        .where(earlier_reading.repository_id == wanted.c.repository_id, slot <= wanted.c.slot)
        .correlate(wanted)
        .scalar_subquery()
    )
    found = type_coerce(Reading.slot, BigInteger)
    last = type_coerce(func.coalesce(Reading.seen_until, Reading.slot), BigInteger)
    counts = (Reading.stars, Reading.forks, Reading.open_issues)
    moments = (Reading.slot, Reading.seen_until)
    return (
        select(wanted.c.number, wanted.c.repository_id, wanted.c.oldest, *moments, *counts)
        .join(Reading, (Reading.repository_id == wanted.c.repository_id) & (found == latest))
        .where(last >= wanted.c.oldest)
    )


def _each_rank(rows: Sequence[tuple[int, ...]]) -> Select[Any]:
    wanted, slot = _wanted(rows), type_coerce(Poll.slot, BigInteger)
    last_good = (
        select(func.max(slot))
        .where(Poll.list_id == bindparam("list_id"), Poll.outcome.in_((GOOD, IMPORTED)))
        .where(slot >= wanted.c.oldest, slot <= wanted.c.slot)
        .correlate(wanted)
        .scalar_subquery()
    )
    place = type_coerce(Placement.slot, BigInteger)
    return (
        select(wanted.c.number, wanted.c.repository_id, Placement.rank)
        .join(Placement, (Placement.repository_id == wanted.c.repository_id) & (place == last_good))
        .where(Placement.list_id == bindparam("list_id"))
    )
