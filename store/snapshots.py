"""Snapshots: a list with all that its documents are made from."""

from datetime import datetime

from sqlalchemy.orm import Session

from core import clock
from core.lists import RankedList
from core.windows import Counts, RankedRepository, Snapshot
from models import GOOD, IMPORTED, SUSPECT
from store.baselines import baselines_of
from store.earlier_lists import lists_then
from store.list_ids import list_id_of
from store.placements import placement_rows
from store.polls import newest_poll
from store.repositories import profile_of


def snapshot(
    session: Session, ranked: RankedList, at: datetime | None = None, *, now: datetime | None = None
) -> Snapshot | None:
    """A list as its last good poll has it, or as the last good or imported one at or before `at`
    does; None before there is one. Only as it is now it comes with what it was at the windows'
    starts. With `now`, polls from the future are passed over."""
    list_id = list_id_of(session, ranked.slug)
    if list_id is None:
        return None
    if at is None:
        latest = now and now + clock.TOLERANCE
        good = newest_poll(session, list_id, GOOD, at=latest)
        suspect = newest_poll(session, list_id, SUSPECT, at=latest)
    else:
        good, suspect = newest_poll(session, list_id, GOOD, IMPORTED, at=at), None
    if good is None:
        return None
    standings = [
        RankedRepository(
            row.rank,
            profile_of(row),
            Counts(good.slot, row.stars, row.forks, row.open_issues),
        )
        for row in placement_rows(session, list_id, good.slot)
    ]
    then = lists_then(session, list_id, ranked.count, good.slot) if at is None else {}
    ids = [standing.profile.id for standing in standings]
    return Snapshot(
        ranked=ranked,
        as_of=good.slot,
        fetched_at=good.fetched_at,
        suspect=suspect is not None and suspect.slot > good.slot,
        standings=standings,
        history=baselines_of(session, list_id, ids, good.slot),
        then=then,
    )
