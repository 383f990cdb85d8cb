"""Poll records: the polls of many lists at once, for the status."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, aliased

from core import clock
from models import GOOD, IMPORTED, List, Poll, Slot
from store.polls import PollRecord

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
_RECORD = (Poll.slot, Poll.outcome, Poll.fetched_at, Poll.error)


@dataclass(slots=True)
class PollRecords:
    """A list's polls: the slot of the first of any kind, the newest good one, and those of late."""

    first: datetime | None = None
    good: PollRecord | None = None
    late: list[PollRecord] = field(default_factory=list)  # oldest first


def poll_records(
    session: Session, slugs: Collection[str], since: datetime, now: datetime
) -> dict[str, PollRecords]:
    """Return the polls of lists, those of late from the slot `since` on, in two statements; none
    that is from the future."""
    latest = now + clock.TOLERANCE
    found = {slug: PollRecords() for slug in slugs}
    ends = (
        select(List.slug, _FIRST.label("first"), *_RECORD)
        .outerjoin(Poll, (Poll.list_id == List.id) & (Poll.slot == LAST_GOOD))
        .where(List.slug.in_(slugs))
    )
    for slug, first, slot, outcome, fetched_at, error in session.execute(ends, {"latest": latest}):
        found[slug].first = first
        if slot is not None:
            found[slug].good = PollRecord(slot, outcome, fetched_at, error)
    polls = (
        select(List.slug, *_RECORD)
        .join(List, List.id == Poll.list_id)
        .where(List.slug.in_(slugs), Poll.slot >= since, Poll.outcome != IMPORTED)
        .where(Poll.slot <= latest)
        .order_by(Poll.slot)
    )
    for slug, slot, outcome, fetched_at, error in session.execute(polls):
        found[slug].late.append(PollRecord(slot, outcome, fetched_at, error))
    return found
