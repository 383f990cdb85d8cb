"""Recipes that ask GitHub for what is due and store the answers: lists, repositories in WATCH, and
imported ones of which only the name is known."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy.orm import Session

import models
from core import clock, plausibility
from core.clock import Clock
from core.lists import RankedList
from core.plausibility import Member, Verdict
from core.repository import GitHubRepository
from github.client import GitHub
from github.errors import Failing, GitHubError, Gone, NotYet, Unavailable
from github.ranking import DONE_BEFORE, is_amid, missed, rank_list
from settings import Settings
from store import identities, polls, troubles, watched
from store.database import Database

log = structlog.get_logger("starboard")

# Imported repositories that a run asks for, from what the polls leave of GitHub's limit.
MOST_IDENTIFIED = 3
MOST_IDENTIFIED_WITH_TOKEN = 300
MOST_FAILING = 3  # answers in a row that say that GitHub is in trouble, and end such a run


def poll_list(
    database: Database,
    github: GitHub,
    ranked: RankedList,
    slot: datetime,
    every: timedelta,
    now: Clock = clock.now,
) -> dict[str, Any]:
    """Fetch a list and store it for a slot, unless that is done or the slot is over.

    Returns the outcome, for the log. Raises GitHubError where GitHub gave nothing.
    """
    if not ranked.is_searched:
        return rank_list(database, ranked, slot, every, now)
    ranked = ranked.at(slot)
    with database.read() as session:
        before = polls.poll_context(session, ranked, slot)
    if before.done:
        return {"outcome": DONE_BEFORE}
    if not is_amid(slot, every, now()):
        return missed(database, ranked, slot, now())
    floor = plausibility.search_floor(before.last_good, ranked)
    gap = partial(polls.record_gap, ranked=ranked, slot=slot, outcome=models.FAILED)
    with _recorded(database, lambda session, why: gap(session, at=now(), why=why)):
        answer = github.search(ranked, floor)
    fetched_at = now()
    if not is_amid(slot, every, fetched_at):
        return missed(database, ranked, slot, fetched_at)
    verdict = plausibility.judge(answer, before.last_good, before.suspects, ranked)
    members, off_list = _with_missing(database, github, verdict, ranked, now)
    with database.write() as session:
        if _agree(answer.answered_at, fetched_at):
            polls.forget_future(session, ranked, fetched_at)
        stored = polls.store_poll(
            session, ranked, slot, fetched_at, members, verdict.doubt, off_list
        )
    outcome = (models.SUSPECT if verdict.doubt else models.GOOD) if stored else DONE_BEFORE
    why = {"why": verdict.doubt} if verdict.doubt else {}
    return {"outcome": outcome, "rows": len(members)} | why


def watch_repository(
    database: Database,
    github: GitHub,
    name: str,
    slot: datetime,
    every: timedelta,
    now: Clock = clock.now,
) -> dict[str, Any]:
    """Fetch a watched repository and store it for a slot, unless that is done or the slot is over.

    Returns the outcome, for the log. Raises GitHubError where GitHub gave nothing.
    """
    with database.read() as session:
        known = watched.watched(session, name)
        etag = known.etag if known else None
        asked_at = known.fetched_at if known and not known.error else clock.EPOCH
    if slot <= asked_at < slot + every:
        return {"outcome": DONE_BEFORE}
    if not is_amid(slot, every, now()):
        return {"outcome": models.MISSED}
    trouble = watched.store_unwatchable
    with _recorded(database, lambda session, why: trouble(session, name, now(), why)):
        answer, etag = github.repository_unless(name, etag)
    if not is_amid(slot, every, now()):
        return {"outcome": models.MISSED}
    with database.write() as session:
        watched.store_watched(session, name, slot, now(), answer, etag)
    return {"outcome": models.GOOD, "changed": answer is not None}


def identify_some(
    database: Database,
    github: GitHub,
    settings: Settings,
    is_over: Callable[[], bool],
    now: Clock = clock.now,
) -> dict[str, Any]:
    """Ask GitHub for some repositories of which only an imported name is known, once every list
    has a good poll: most of them are on one. It ends once `is_over` says so. `more`: whether some
    are left then."""
    most = MOST_IDENTIFIED_WITH_TOKEN if settings.github_token else MOST_IDENTIFIED
    with database.read() as session:
        newest = [polls.first_and_last_good(session, each)[1] for each in settings.searched]
        if None in newest:
            return {"asked": 0, "more": False}
        unknown = identities.unidentified(session, most, now())
    failing = 0
    for asked, (repository_id, full_name) in enumerate(unknown):
        if is_over():
            return {"asked": asked, "more": True}
        answer, error = _ask(database, github, full_name, now)
        failing = failing + 1 if isinstance(error, Failing) else 0
        if isinstance(error, Unavailable) or failing == MOST_FAILING:
            return {"asked": asked, "more": False}
        if error is None:
            with database.write() as session:
                identities.identify(session, repository_id, answer, now())
    return {"asked": len(unknown), "more": False}


def _ask(
    database: Database, github: GitHub, full_name: str, now: Clock
) -> tuple[GitHubRepository | None, GitHubError | None]:
    """A repository by name, or else why it cannot be had; neither where there is none of that name.

    A trouble of its own is noted as such: it is no reason not to ask for others.
    """
    try:
        answer = github.repository(full_name)
    except Gone:
        answer = None
    except Unavailable as error:
        return None, error
    except GitHubError as error:
        log.warning("not asked", repository=full_name, why=str(error))
        with database.write() as session:
            troubles.note_trouble(session, full_name, str(error), now(), troubles.OWN)
        return None, error
    with database.write() as session:
        troubles.end_trouble(session, full_name)
    return answer, None


@contextmanager
def _recorded(database: Database, record: Callable[[Session, str], None]) -> Iterator[None]:
    """Note why GitHub does not give what is asked for, and raise it on."""
    try:
        yield
    except NotYet:
        raise  # nothing was sent, so nothing went wrong
    except GitHubError as error:
        with database.write() as session:
            record(session, str(error))
        raise


def _agree(theirs: datetime | None, ours: datetime) -> bool:
    """Whether GitHub's clock says that ours is right."""
    return theirs is not None and abs(theirs - ours) <= clock.TOLERANCE


def _with_missing(
    database: Database, github: GitHub, verdict: Verdict, ranked: RankedList, now: Clock
) -> tuple[list[Member], list[GitHubRepository]]:
    """The list, with those of the missing that GitHub gives when asked for them one by one, and
    those that cannot be asked for, unless that has gone on for too long; and those that it gives,
    but that are not on the list any more."""
    restored: list[GitHubRepository] = []
    off_list: list[GitHubRepository] = []
    carried_over: list[GitHubRepository] = []
    for known in verdict.missing:
        repository, error = _ask(database, github, known.repository.full_name, now)
        if error is not None and plausibility.may_be_carried_over(known):
            carried_over.append(known.repository)
        if repository is not None:
            back = plausibility.is_restored(known, repository, verdict.ranked, verdict.threshold)
            (restored if back else off_list).append(repository)
    return plausibility.members(verdict.found, restored, carried_over, ranked), off_list
