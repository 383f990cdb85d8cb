"""Poll records: the polls of many lists at once, for the status."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, bindparam, select, type_coerce
from sqlalchemy.orm import Session, aliased

from core import clock
from models import GOOD, IMPORTED, SUSPECT, List, Poll, Slot

_earlier = aliased(Poll)
_FIRST = (
    select(_earlier.slot)
    .where(_earlier.list_id == List.id, _earlier.outcome != IMPORTED)
    .order_by(_earlier.slot)
    .limit(1)
    .scalar_subquery()
)
LAST_GOOD = (  # of a row of `list`, up to the slot `latest`
    select(_earlier.slot)
    .where(_earlier.list_id == List.id, _earlier.outcome == GOOD)
    .where(_earlier.slot <= bindparam("latest", type_=Slot))
    .order_by(_earlier.slot.desc())
    .limit(1)
    .scalar_subquery()
)
_LAST = (  # of any kind, from the slot `since` on
    select(_earlier.slot)
    .where(_earlier.list_id == List.id, _earlier.outcome != IMPORTED)
    .where(_earlier.slot >= bindparam("since", type_=Slot))
    .where(_earlier.slot <= bindparam("latest", type_=Slot))
    .order_by(_earlier.slot.desc())
    .limit(1)
    .scalar_subquery()
)
_last = aliased(Poll)
_ENDS = (
    select(List.id, List.slug, _FIRST.label("first"), Poll.slot, Poll.fetched_at)
    .add_columns(_last.slot.label("last"), _last.error)
    .select_from(List)
    .outerjoin(Poll, (Poll.list_id == List.id) & (Poll.slot == LAST_GOOD))
    .outerjoin(_last, (_last.list_id == List.id) & (_last.slot == _LAST))
    .where(List.slug.in_(bindparam("slugs", expanding=True)))
)
_ANSWERED = (
    select(Poll.list_id, type_coerce(Poll.slot, BigInteger), Poll.outcome)
    .where(Poll.list_id.in_(bindparam("ids", expanding=True)), Poll.outcome.in_((GOOD, SUSPECT)))
    .where(Poll.slot >= bindparam("since", type_=Slot))
    .where(Poll.slot <= bindparam("latest", type_=Slot))
)


@dataclass(slots=True)
class PollRecords:
    """A list's polls: the slot of the first of any kind, when the newest good one was of and came,
    the last of late with its error, and the slots of the good and the suspect ones of late."""

    first: datetime | None = None
    as_of: datetime | None = None
    fetched_at: datetime | None = None
    last: datetime | None = None
    error: str | None = None
    good: set[datetime] = field(default_factory=set)
    suspect: set[datetime] = field(default_factory=set)


def poll_records(
    session: Session, slugs: Collection[str], since: datetime, now: datetime
) -> dict[str, PollRecords]:
    """Return the polls of lists, those of late from the slot `since` on, in two statements; none
    that is from the future."""
    found = {slug: PollRecords() for slug in slugs}
    by_id: dict[int, dict[str, set[datetime]]] = {}
    late = {"since": since, "latest": now + clock.TOLERANCE}
    for list_id, slug, *ends in session.execute(_ENDS, {"slugs": list(slugs), **late}):
        found[slug] = PollRecords(*ends)
        by_id[list_id] = {GOOD: found[slug].good, SUSPECT: found[slug].suspect}
    moments: dict[int, datetime] = {}  # thousands of polls are of the same few slots
    answered = session.connection().execute(_ANSWERED, {"ids": list(by_id), **late})
    for list_id, seconds, outcome in answered.all():
        if seconds not in moments:
            moments[seconds] = clock.EPOCH + timedelta(seconds=seconds)
        by_id[list_id][outcome].add(moments[seconds])
    return found
