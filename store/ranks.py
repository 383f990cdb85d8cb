"""A repository's rank on a list over time."""

from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import BigInteger, func, select, type_coerce
from sqlalchemy.orm import Session

from core import clock
from core.lists import RankedList
from core.schemas import RankPoint
from models import GOOD, IMPORTED, Placement, Poll
from store.list_ids import list_id_of

TOLD = Poll.outcome.in_((GOOD, IMPORTED))


def polled(session: Session, ranked: RankedList, until: datetime) -> tuple[datetime, datetime]:
    """Return the slots of the first and of the last good poll of a list up to `until`; that moment,
    twice, where there is none."""
    polls = select(func.min(Poll.slot), func.max(Poll.slot)).where(
        Poll.list_id == list_id_of(session, ranked.slug), TOLD, Poll.slot <= until
    )
    first, last = session.execute(polls).one()
    return first or until, last or until


def slots(
    session: Session, ranked: RankedList, start: datetime, end: datetime, step: timedelta
) -> list[datetime]:
    """Return the slots of the good polls of a list in [start, end), of each step (t − step, t] the
    last."""
    length = step // timedelta(seconds=1)
    slot = type_coerce(Poll.slot, BigInteger)
    rows = session.connection().execute(
        select(slot)
        .where(Poll.list_id == list_id_of(session, ranked.slug), TOLD)
        .where(slot >= ceil(start.timestamp()), slot < ceil(end.timestamp()))
        .order_by(Poll.slot)
    )
    last = {(at + length - 1) // length: at for (at,) in rows}
    return [clock.EPOCH + timedelta(seconds=at) for at in last.values()]


def ranks(
    session: Session, ranked: RankedList, repository_id: int, slots: list[datetime]
) -> list[RankPoint]:
    """Return a repository's rank at each of the slots of good polls of a list, None where it was
    not on it. It takes a seek a slot and a look at the list's rows there."""
    rows = session.execute(
        select(Placement.slot, Placement.rank)
        .where(Placement.list_id == list_id_of(session, ranked.slug))
        .where(Placement.slot.in_(slots), Placement.repository_id == repository_id)
    )
    found = {row.slot: row.rank for row in rows}
    return [{"at": clock.rfc3339(slot), "rank": found.get(slot)} for slot in slots]
