"""What the documents of a list are made from: a build that would make them from the same again
leaves them as they are."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, bindparam, func, select, type_coerce
from sqlalchemy.orm import Session, aliased

from core import clock
from core.leaderboards import names_of
from core.lists import RankedList
from core.schemas import ListEntry
from core.windows import Snapshot
from models import SUSPECT, Document, List, Poll, Slot, Standing, StarHistory
from store.documents import document
from store.imports import last_change
from store.poll_records import LAST_GOOD

_doubted = aliased(Poll)
_NEWEST = select(
    List.slug,
    List.id,
    Poll.slot,
    Poll.fetched_at,
    select(_doubted.slot)
    .where(_doubted.list_id == List.id, _doubted.outcome == SUSPECT)
    .where(_doubted.slot > Poll.slot, _doubted.slot <= bindparam("latest", type_=Slot))
    .exists(),
).outerjoin(Poll, (Poll.list_id == List.id) & (Poll.slot == LAST_GOOD))
# An inner join SQLite would begin with all the polls there are.

_TOLD = (  # by list, of the members as it was last built
    select(Standing.list_id, func.sum(type_coerce(StarHistory.read_at, BigInteger)))
    .join(StarHistory, StarHistory.repository_id == Standing.repository_id)
    .where(StarHistory.days.is_not(None))
    .group_by(Standing.list_id)
)


def sources_of(snapshot: Snapshot, next_build_at: datetime, change: datetime | None) -> str:
    """Return what tells the sources of a list's documents from all others: its poll, the star
    histories of its members, the last change of the past, and what they say of the next build."""
    ranked, told = snapshot.ranked, snapshot.history.told
    poll = (snapshot.as_of, snapshot.fetched_at, snapshot.suspect)
    read_at = sum(_milliseconds(days.read_at) for days in told.values())
    return _text(ranked.title, *poll, read_at, next_build_at, change)


def unchanged(
    session: Session, lists: Iterable[RankedList], now: datetime, next_build_at: datetime
) -> dict[str, ListEntry]:
    """Return those lists whose documents are all out and were made from what there is now, each as
    the index of the lists has it."""
    index = document(session, "lists")
    if index is None:
        return {}
    entries = {entry["slug"]: entry for entry in json.loads(index.body)["items"]}
    out = set(session.scalars(select(Document.name)))
    latest = now + clock.TOLERANCE
    boards = select(Document.name, Document.made_from).where(
        Document.name.in_([f"lists/{ranked.slug}" for ranked in lists]),
        Document.built_at <= latest,
    )
    made_from = {name: sources for name, sources in session.execute(boards)}
    titles = {ranked.slug: ranked.title for ranked in lists}
    told: dict[int, Any] = {list_id: read_at for list_id, read_at in session.execute(_TOLD)}
    change = last_change(session)
    found = {}
    for slug, list_id, *poll in session.execute(_NEWEST, {"latest": latest}):
        if slug not in titles or slug not in entries:
            continue
        read_at = int(told.get(list_id, 0))
        sources = _text(titles[slug], *poll, read_at, next_build_at, change)
        if made_from.get(f"lists/{slug}") == sources and out.issuperset(names_of(slug)):
            found[slug] = entries[slug]
    return found


def _text(*sources: object) -> str:
    return json.dumps(sources, default=str)


def _milliseconds(moment: datetime) -> int:
    return (moment - clock.EPOCH) // timedelta(milliseconds=1)
