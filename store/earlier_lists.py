"""Lists as they were at the starts of windows."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from core.changes import ListThen, Place
from core.lists import Count, RankedList
from core.windows import WINDOWS, Window
from models import GOOD, IMPORTED, Placement, Poll, Repository
from store.list_ids import list_id_of
from store.placements import places

_GOOD = (Poll.list_id == bindparam("list_id"), Poll.outcome.in_((GOOD, IMPORTED)))

_POLLS = select(  # the last up to a window's start, and the first after it: a seek each
    select(func.max(Poll.slot))
    .where(*_GOOD, Poll.slot >= bindparam("oldest"), Poll.slot <= bindparam("start"))
    .scalar_subquery(),
    select(func.min(Poll.slot)).where(*_GOOD, Poll.slot > bindparam("start")).scalar_subquery(),
)


_PLACES = places(  # narrow: a build reads thousands of them
    Placement.repository_id,
    Repository.full_name,
    Placement.rank,
    Placement.stars,
    Placement.forks,
)


def lists_then(
    session: Session,
    list_id: int,
    count: Count,
    as_of: datetime,
    windows: Iterable[Window] = WINDOWS,
) -> dict[str, ListThen]:
    """Return a list at the start of each window up to its poll of `as_of`, by the window's name: a
    few seeks and at most as many rows as the list has places, each."""
    connection, found = session.connection(), {}
    for window in windows:
        moments = {"oldest": window.oldest_baseline(as_of), "start": window.start(as_of)}
        last, following = connection.execute(_POLLS, {"list_id": list_id, **moments}).one()
        rows = connection.execute(_PLACES, {"list_id": list_id, "slot": last}) if last else ()
        found[window.name] = ListThen(
            last,
            last or following,
            [
                Place(each, name, rank, stars if count == "stars" else forks)
                for each, name, rank, stars, forks in rows
            ],
        )
    return found


def first_known(session: Session, ranked: RankedList) -> datetime | None:
    """Return the slot of a list's first good or imported poll; None before there is one."""
    first = select(func.min(Poll.slot)).where(*_GOOD)
    return session.scalar(first, {"list_id": list_id_of(session, ranked.slug)})
