"""Poll records: the polls of many lists at once, for the status."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, String, bindparam, cast, func, select, type_coerce
from sqlalchemy.orm import Session, aliased

from core import clock
from models import GOOD, IMPORTED, SUSPECT, List, Poll, Slot

_earlier = aliased(Poll)
_OURS = (_earlier.list_id == List.id, _earlier.outcome != IMPORTED)
_FIRST = func.coalesce(  # from the newest back: the oldest lies behind years of the archive
    select(_earlier.slot)
    .where(*_OURS, _earlier.slot < bindparam("since", type_=Slot))
    .order_by(_earlier.slot.desc())
    .limit(1)
    .scalar_subquery(),
    select(_earlier.slot)
    .where(*_OURS, _earlier.slot >= bindparam("since", type_=Slot))
    .order_by(_earlier.slot)
    .limit(1)
    .scalar_subquery(),
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
    .where(*_OURS, _earlier.slot >= bindparam("since", type_=Slot))
    .where(_earlier.slot <= bindparam("latest", type_=Slot))
    .order_by(_earlier.slot.desc())
    .limit(1)
    .scalar_subquery()
)
_GOOD, _SUSPECT = (  # seconds with commas between: a row a poll would take longer than all else
    select(func.aggregate_strings(cast(type_coerce(_earlier.slot, BigInteger), String), ","))
    .where(_earlier.list_id == List.id, _earlier.outcome == outcome)
    .where(_earlier.slot >= bindparam("since", type_=Slot))
    .where(_earlier.slot <= bindparam("latest", type_=Slot))
    .scalar_subquery()
    for outcome in (GOOD, SUSPECT)
)
_last = aliased(Poll)
_RECORDS = (
    select(List.slug, _FIRST.label("first"), Poll.slot, Poll.fetched_at)
    .add_columns(
        _last.slot.label("last"), _last.error, _GOOD.label("good"), _SUSPECT.label("suspect")
    )
    .select_from(List)
    .outerjoin(Poll, (Poll.list_id == List.id) & (Poll.slot == LAST_GOOD))
    .outerjoin(_last, (_last.list_id == List.id) & (_last.slot == _LAST))
    .where(List.slug.in_(bindparam("slugs", expanding=True)))
)


@dataclass(frozen=True, slots=True)
class PollRecords:
    """A list's polls: the slot of the first of any kind, or of any before those of late, when the
    newest good one was of and came, the last of late with its error, and the slots of the good and
    the suspect ones of late."""

    first: datetime | None = None
    as_of: datetime | None = None
    fetched_at: datetime | None = None
    last: datetime | None = None
    error: str | None = None
    good_slots: str | None = None  # as the database joined them
    suspect_slots: str | None = None

    @property
    def good(self) -> set[int]:
        """The slots of the good ones of late, in seconds since the epoch."""
        return _seconds(self.good_slots)

    @property
    def suspect(self) -> set[int]:
        return _seconds(self.suspect_slots)


def _seconds(joined: str | None) -> set[int]:
    return set(map(int, joined.split(","))) if joined else set()


def poll_records(
    session: Session, slugs: Collection[str], since: datetime, now: datetime
) -> dict[str, PollRecords]:
    """Return the polls of lists, those of late from the slot `since` on, in one statement; none
    that is from the future."""
    found = {slug: PollRecords() for slug in slugs}
    late = {"slugs": list(slugs), "since": since, "latest": now + clock.TOLERANCE}
    for slug, *ends in session.execute(_RECORDS, late):
        found[slug] = PollRecords(*ends)
    return found
