"""Events: what changed between two good polls of a list, stored and looked up."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    func,
    literal,
    select,
)
from sqlalchemy.orm import Session

from core import clock, events
from core.lists import RankedList
from core.plausibility import Member
from core.schemas import EventItem, EventKind
from models import (
    GOOD,
    Event,
    List,
    Poll,
    Reading,
)
from models import Repository as RepositoryRow
from store.list_ids import list_id_of
from store.placements import members_at
from store.repositories import ids_by_github_id


def store_events(
    session: Session,
    list_id: int,
    ranked: RankedList,
    slot: datetime,
    places: Sequence[Member],
    ids: Mapping[int, int],
    now: datetime,
    belonging: Collection[int] | None = None,
) -> None:
    """Tell what changed since the last good poll before, unless a later one has told it that is
    not from the future. `belonging` as for core.events.changes."""
    good = (Poll.list_id == list_id, Poll.outcome == GOOD)
    before = session.scalar(select(func.max(Poll.slot)).where(*good, Poll.slot < slot))
    later = session.scalar(
        select(func.max(Poll.slot)).where(
            *good, Poll.slot > slot, Poll.slot <= now + clock.TOLERANCE
        )
    )
    if before is None or later is not None:
        return
    earlier = members_at(session, list_id, before)
    # A list that is not searched for is ranked before all readings of its slot are there.
    known_until = before if ranked.is_searched else before - timedelta(seconds=1)
    ours = {**ids_by_github_id(session, [member.repository.github_id for member in earlier]), **ids}
    for change in events.changes(earlier, places, ranked, belonging):
        repository_id = ours[change.repository.github_id]
        if change.kind == "milestone" and _was_reached(
            session, repository_id, change.detail["stars"], known_until
        ):
            continue
        row = Event(slot=slot, list_id=list_id, repository_id=repository_id)
        row.kind, row.detail = change.kind, change.detail
        session.add(row)
        session.flush()  # one by one: ids in their order


def _was_reached(session: Session, repository_id: int, stars: int, before: datetime) -> bool:
    """Whether a repository had so many stars up to the poll before, or another list told so."""
    told = session.scalars(
        select(Event.detail).where(Event.repository_id == repository_id, Event.kind == "milestone")
    )
    most = session.scalar(
        select(func.max(Reading.stars)).where(
            Reading.repository_id == repository_id, Reading.slot <= before
        )
    )
    return (most or 0) >= stars or any(detail["stars"] == stars for detail in told)


@dataclass(frozen=True, slots=True)
class EventRecord:
    cursor: int
    slot: datetime
    slug: str
    kind: EventKind
    full_name: str
    detail: dict[str, Any]
    repository_id: int

    @property
    def item(self) -> EventItem:
        """The event as the API and webhooks tell it."""
        return {
            "cursor": self.cursor,
            "at": clock.rfc3339(self.slot),
            "list": self.slug,
            "kind": self.kind,
            "full_name": self.full_name,
            "detail": self.detail,
        }


def events_of(
    session: Session,
    limit: int,
    *,
    after: int = 0,
    ranked: RankedList | None = None,
    repository_id: int | None = None,
    newest_first: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[EventRecord]:
    """Events after a cursor, of one list or of all, of one repository or of all, from a slot on and
    up to one, in the order they became known, or the other way round."""
    told = (Event.kind, RepositoryRow.full_name, Event.detail, Event.repository_id)
    chosen = (
        select(Event.id, Event.slot, List.slug, *told)
        .join(List, List.id == Event.list_id)
        .join(RepositoryRow, RepositoryRow.id == Event.repository_id)
        .where(Event.id > literal(after, BigInteger))
        .order_by(Event.id.desc() if newest_first else Event.id)
        .limit(limit)
    )
    if repository_id is not None:
        chosen = chosen.where(Event.repository_id == repository_id)
    if ranked is not None:
        chosen = chosen.where(Event.list_id == list_id_of(session, ranked.slug))
    if since is not None:
        chosen = chosen.where(Event.slot >= since)
    if until is not None:
        chosen = chosen.where(Event.slot <= until)
    return [EventRecord(*row) for row in session.execute(chosen)]
