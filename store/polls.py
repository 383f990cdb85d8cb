"""Polls: what came of each slot of a list, stored and looked up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from sqlalchemy import (
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Session

from core import clock
from core.lists import RankedList
from core.plausibility import AGREEING, KnownMember, Member
from core.repository import GitHubRepository
from models import (
    COUNTS,
    FAILED,
    GOOD,
    IMPORTED,
    SUSPECT,
    Event,
    List,
    Placement,
    Poll,
    Reading,
)
from store.database import upsert
from store.events import store_events
from store.list_ids import list_id_of, list_id_or_new
from store.placements import members_at
from store.readings import store_readings, store_unlisted
from store.repositories import store_repositories


@dataclass(frozen=True, slots=True)
class PollContext:
    """The state of a list before a slot's poll.

    `done`: the slot has a good poll already. `suspects`: the GitHub ids of the suspect answers
    right before this one, newest first, as far as they matter.
    """

    done: bool
    last_good: list[KnownMember]
    suspects: list[frozenset[int]]


def poll_context(session: Session, ranked: RankedList, slot: datetime) -> PollContext:
    """Return what the answer for a slot is judged by."""
    list_id = list_id_of(session, ranked.slug)
    this = session.get(Poll, (list_id, slot)) if list_id else None
    received = list(
        session.execute(
            select(Poll.slot, Poll.outcome)
            .where(Poll.list_id == list_id, Poll.slot < slot)
            .where(Poll.outcome.in_((GOOD, SUSPECT)))
            .order_by(Poll.slot.desc())
            .limit(AGREEING)
        )
    )
    suspects = []
    for at, outcome in received[: AGREEING - 1]:
        if outcome != SUSPECT:
            break
        members = members_at(session, list_id, at)
        suspects.append(frozenset(member.repository.github_id for member in members))
    return PollContext(
        done=this is not None and this.outcome == GOOD,
        last_good=_last_good(session, list_id, slot),
        suspects=suspects,
    )


def _last_good(session: Session, list_id: int | None, before: datetime) -> list[KnownMember]:
    slots = session.scalars(
        select(Poll.slot)
        .where(Poll.list_id == list_id, Poll.slot < before, Poll.outcome == GOOD)
        .order_by(Poll.slot.desc())
        .limit(AGREEING - 1)
    )
    polls = [members_at(session, list_id, slot) for slot in slots]
    carried_over = [
        {member.repository.github_id for member in members if member.carried_over}
        for members in polls
    ]

    def polls_in_a_row(repository: GitHubRepository) -> int:
        return len([*takewhile(lambda ids: repository.github_id in ids, carried_over)])

    newest = polls[0] if polls else []
    return [KnownMember(member.repository, polls_in_a_row(member.repository)) for member in newest]


def record_gap(
    session: Session, ranked: RankedList, slot: datetime, outcome: str, at: datetime, why: str
) -> None:
    """Note that a slot's poll gave nothing. What it gave before stays, and so does the reason of
    a failure once the slot is over."""
    row = {
        "list_id": list_id_or_new(session, ranked.slug),
        "slot": slot,
        "outcome": outcome,
        "fetched_at": at,
        "rows": 0,
        "error": why,
    }
    this = session.get(Poll, (row["list_id"], slot))
    if this is None or (this.outcome == FAILED and outcome == FAILED):
        upsert(session, Poll, [row], update=("outcome", "fetched_at", "error"))


def store_poll(
    session: Session,
    ranked: RankedList,
    slot: datetime,
    fetched_at: datetime,
    members: Sequence[Member],
    doubt: str | None,
    off_list: Sequence[GitHubRepository] = (),
    *,
    now: datetime | None = None,
) -> bool:
    """Store a slot's answer; False where the slot has a good one already.

    A suspect answer's rows are kept for comparison, but make no readings. `off_list`: repositories
    that GitHub was asked for besides, and that are not on the list. `now`: the moment by our clock,
    where it is not the clock's own.
    """
    now = now or clock.now()
    list_id = list_id_or_new(session, ranked.slug)
    this = session.get(Poll, (list_id, slot))
    if this is not None and this.outcome == GOOD:
        return False
    ids = store_repositories(session, members, fetched_at, now)
    poll = {
        "list_id": list_id,
        "slot": slot,
        "outcome": SUSPECT if doubt else GOOD,
        "fetched_at": fetched_at,
        "rows": len(members),
        "error": doubt,
    }
    upsert(session, Poll, [poll], update=("outcome", "fetched_at", "rows", "error"))
    placements = replace_placements(session, list_id, slot, members, ids)
    if not doubt:
        fresh = [row for row in placements if not row["carried_over"]]
        store_readings(session, ranked, fetched_at, fresh)
        _store_off_list(session, slot, fetched_at, off_list)
        store_events(session, list_id, ranked, slot, members, ids, now)
    return True


def _store_off_list(
    session: Session, slot: datetime, fetched_at: datetime, off_list: Sequence[GitHubRepository]
) -> None:
    ids = store_repositories(session, [Member(each) for each in off_list], fetched_at)
    for repository in off_list:
        store_unlisted(session, ids[repository.github_id], slot, repository)


def forget_future(session: Session, ranked: RankedList, now: datetime) -> None:
    """Delete what a clock that ran ahead left of a list: when its slots come, they are polled.

    For a caller who knows that the clock is right now: one that is behind takes all for future.
    """
    list_id = list_id_of(session, ranked.slug)
    later = session.scalars(
        select(Poll.slot).where(Poll.list_id == list_id, Poll.slot > now + clock.TOLERANCE)
    ).all()
    if not later:
        return
    here = (Placement.list_id == list_id, Placement.slot.in_(later))
    members = select(Placement.repository_id).where(*here)
    session.execute(
        delete(Reading).where(Reading.repository_id.in_(members), Reading.slot.in_(later))
    )
    for table in (Placement, Event, Poll):
        session.execute(delete(table).where(table.list_id == list_id, table.slot.in_(later)))


def replace_placements(
    session: Session,
    list_id: int,
    slot: datetime,
    members: Sequence[Member],
    ids: Mapping[int, int],
) -> list[dict[str, Any]]:
    """Store the members of a list at a slot, in order of rank, in place of those of a suspect
    answer; gives the rows. `ids`: ours by GitHub's."""
    session.execute(delete(Placement).where(Placement.list_id == list_id, Placement.slot == slot))
    rows = [
        {
            "list_id": list_id,
            "slot": slot,
            "rank": rank,
            "repository_id": ids[member.repository.github_id],
            **{name: getattr(member.repository, name) for name in COUNTS},
            "carried_over": member.carried_over,
        }
        for rank, member in enumerate(members, 1)
    ]
    if rows:
        session.execute(insert(Placement), rows)
    return rows


def count_as_imported(session: Session) -> None:
    """Let the good polls so far be neither expected nor received ones, like those of an archive."""
    session.execute(update(Poll).where(Poll.outcome == GOOD).values(outcome=IMPORTED))


def newest_poll(
    session: Session, list_id: int | None, *outcomes: str, at: datetime | None = None
) -> Poll | None:
    polls = select(Poll).where(Poll.list_id == list_id, Poll.outcome.in_(outcomes))
    if at is not None:
        polls = polls.where(Poll.slot <= at)
    return session.scalar(polls.order_by(Poll.slot.desc()).limit(1))


@dataclass(frozen=True, slots=True)
class PollRecord:
    slot: datetime
    outcome: str
    fetched_at: datetime
    error: str | None


def first_and_last_good(
    session: Session, ranked: RankedList
) -> tuple[datetime | None, PollRecord | None]:
    """The slot of a list's first poll of any kind, and its newest good poll."""
    polls = (
        select(Poll.slot, Poll.outcome, Poll.fetched_at, Poll.error)
        .join(List, List.id == Poll.list_id)
        .where(List.slug == ranked.slug, Poll.outcome != IMPORTED)
    )
    first = session.execute(polls.order_by(Poll.slot).limit(1)).first()
    good = session.execute(
        polls.where(Poll.outcome == GOOD).order_by(Poll.slot.desc()).limit(1)
    ).first()
    return first.slot if first else None, PollRecord(*good) if good else None


def polls_since(session: Session, ranked: RankedList, since: datetime) -> list[PollRecord]:
    """A list's polls from the slot `since` on, oldest first."""
    rows = session.execute(
        select(Poll.slot, Poll.outcome, Poll.fetched_at, Poll.error)
        .join(List, List.id == Poll.list_id)
        .where(List.slug == ranked.slug, Poll.slot >= since, Poll.outcome != IMPORTED)
        .order_by(Poll.slot)
    )
    return [PollRecord(*row) for row in rows]
