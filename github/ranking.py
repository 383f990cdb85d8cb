"""The recipe of lists that GitHub's search does not give: `followed` and collections are ranked by
the newest readings of their repositories. And what all polls do with a slot that is over."""

from datetime import datetime, timedelta
from typing import Any

import models
from core import clock
from core.clock import Clock
from core.lists import RankedList
from github.errors import NotYet
from settings import SPREAD
from store import polls, rankings
from store.database import Database
from store.rankings import Field

DONE_BEFORE = "done before"


def rank_list(
    database: Database, ranked: RankedList, slot: datetime, every: timedelta, now: Clock = clock.now
) -> dict[str, Any]:
    """Rank a list for a slot by what has been read until now, unless that is done or the slot is
    over. Where nothing was read lately, the slot is a gap. Returns the outcome, for the log."""
    at = now()
    with database.read() as session:
        before = rankings.before(session, ranked, slot, every)
        field = rankings.field(session, ranked, slot)
    if before.done:
        return {"outcome": DONE_BEFORE}
    if not is_amid(slot, every, at):
        return missed(database, ranked, slot, at)
    if why := _unread(field, before):
        with database.write() as session:
            polls.record_gap(session, ranked, slot, models.FAILED, at, why)
        return {"outcome": models.FAILED, "why": why}
    with database.write() as session:
        stored = rankings.store_ranking(session, ranked, slot, at, field, before)
    return {"outcome": models.GOOD if stored else DONE_BEFORE, "rows": len(field.top(before))}


def wait_for_readings(
    database: Database, ranked: RankedList, slot: datetime, every: timedelta, now: Clock = clock.now
) -> None:
    """Raise NotYet while the repositories of a list are still being read for a slot, up to the part
    of it that is left for retries."""
    at, last = now(), slot + every * SPREAD
    if ranked.is_searched or not slot <= at < last:
        return
    with database.read() as session:
        field = rankings.field(session, ranked, slot)
        done = rankings.before(session, ranked, slot, every).done
    if not done and not field.is_complete(slot):
        raise NotYet(min(at + every / 20, last))


def _unread(field: Field, before: rankings.Before) -> str | None:
    """The reason why nothing can be told of a list now; None where there is none."""
    if not field.named:
        return None  # nobody follows anything, and that is known
    if field.newest is None:
        return "none of its repositories has been read yet"
    if before.last_good is not None and field.newest < before.last_good:
        return f"none of its repositories has been read since {clock.rfc3339(field.newest)}"
    return None


def is_amid(slot: datetime, every: timedelta, now: datetime) -> bool:
    """Whether a moment lies in a slot. One before it means that the clock was put back."""
    return not clock.is_future(slot, now) and now < slot + every


def missed(database: Database, ranked: RankedList, slot: datetime, at: datetime) -> dict[str, Any]:
    """Record that a slot ended without an answer: what is told now belongs to another one."""
    why = "no poll succeeded within the slot"
    if clock.is_future(slot, at):  # it may still come
        return {"outcome": models.MISSED, "why": "the clock was put back"}
    with database.write() as session:
        polls.record_gap(session, ranked, slot, models.MISSED, at, why)
    return {"outcome": models.MISSED}
