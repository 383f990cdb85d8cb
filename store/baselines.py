"""Baselines: the readings and ranks that gains are told against."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import (
    bindparam,
    func,
    select,
)
from sqlalchemy.orm import Session, aliased

from core import clock
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
    select(Reading.repository_id, Reading.slot, Reading.stars, Reading.forks, Reading.open_issues)
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
    its start, and the place on the list then, by its last good poll."""
    connection = session.connection()
    baselines: dict[tuple[str, int], Counts] = {}
    ranks: dict[tuple[str, int], int] = {}
    for window in WINDOWS:
        oldest, rounding = window.oldest_baseline(as_of), window.rounding
        places: dict[datetime, dict[int, int]] = {}
        rows = connection.execute(_BASELINES, {"ids": list(ids), "start": window.start(as_of)})
        for repository_id, slot, stars, forks, open_issues in rows:
            if slot < oldest:
                continue
            baselines[window.name, repository_id] = Counts(slot, stars, forks, open_issues)
            then = clock.ceil(slot, rounding)  # what thinning leaves is the last up to then
            if then not in places:
                what = {"list_id": list_id, "oldest": oldest, "slot": then}
                found = connection.execute(_RANKS, what)
                places[then] = {repository: rank for repository, rank in found}
            if repository_id in places[then]:
                ranks[window.name, repository_id] = places[then][repository_id]
    return Baselines(baselines, ranks, told_by_id(session, ids))
