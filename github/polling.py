"""Recipes that ask GitHub for what is due and store the answers: lists, repositories in WATCH, and
imported ones of which only the name is known."""

from datetime import datetime, timedelta
from typing import Any

import structlog

import models
from core import clock, plausibility
from core.lists import RankedList
from core.plausibility import Member, Verdict
from core.repository import GitHubRepository, SearchAnswer
from github.client import GitHub
from github.errors import GitHubError, Gone, NotYet
from github.shared_limit import Clock
from settings import Settings
from store import identities, polls, watched
from store.database import Database

log = structlog.get_logger("starboard")

# Imported repositories that a run asks for, from what the polls leave of GitHub's limit.
MOST_IDENTIFIED = 3
MOST_IDENTIFIED_WITH_TOKEN = 300

DONE_BEFORE = "done before"


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
    with database.read() as session:
        before = polls.poll_context(session, ranked, slot)
    if before.done:
        return {"outcome": DONE_BEFORE}
    if now() >= slot + every:
        return _missed(database, ranked, slot, now())
    floor = plausibility.search_floor(before.last_good, ranked)
    answer = _search(database, github, ranked, slot, floor, now)
    fetched_at = now()
    if fetched_at >= slot + every:
        return _missed(database, ranked, slot, fetched_at)
    verdict = plausibility.judge(answer, before.last_good, before.suspects, ranked)
    members = _with_missing(github, verdict, ranked)
    with database.write() as session:
        stored = polls.store_poll(session, ranked, slot, fetched_at, members, verdict.doubt)
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
        done = known is not None and known.error is None and known.fetched_at >= slot
    if done:
        return {"outcome": DONE_BEFORE}
    if now() >= slot + every:
        return {"outcome": models.MISSED}
    try:
        answer, etag = github.repository_unless(name, etag)
    except NotYet:
        raise  # nothing was sent, so nothing went wrong
    except GitHubError as error:
        with database.write() as session:
            watched.store_unwatchable(session, name, now(), str(error))
        raise
    if now() >= slot + every:
        return {"outcome": models.MISSED}
    with database.write() as session:
        watched.store_watched(session, name, slot, now(), answer, etag)
    return {"outcome": models.GOOD, "changed": answer is not None}


def identify_some(
    database: Database, github: GitHub, settings: Settings, now: Clock = clock.now
) -> int:
    """Ask GitHub for some repositories of which only an imported name is known, once every list
    has a good poll: most of them are on one. Returns how many were asked for."""
    most = MOST_IDENTIFIED_WITH_TOKEN if settings.github_token else MOST_IDENTIFIED
    with database.read() as session:
        newest = [polls.first_and_last_good(session, ranked)[1] for ranked in settings.lists]
        if None in newest:
            return 0
        unknown = identities.unidentified(session, most)
    for asked, (repository_id, full_name) in enumerate(unknown):
        try:
            answer = github.repository(full_name)
        except Gone:
            answer = None
        except GitHubError as error:
            log.warning("not asked", repository=full_name, why=str(error))
            return asked
        with database.write() as session:
            identities.identify(session, repository_id, answer, now())
    return len(unknown)


def _missed(database: Database, ranked: RankedList, slot: datetime, at: datetime) -> dict[str, Any]:
    """Record that a slot ended without an answer: what GitHub says now belongs to a later one."""
    with database.write() as session:
        why = "no poll succeeded within the slot"
        polls.record_gap(session, ranked, slot, models.MISSED, at, why)
    return {"outcome": models.MISSED}


def _search(
    database: Database,
    github: GitHub,
    ranked: RankedList,
    slot: datetime,
    floor: int,
    now: Clock,
) -> SearchAnswer:
    """GitHub's answer for a list; a failure is recorded for the slot and raised."""
    try:
        return github.search(ranked, floor)
    except NotYet:
        raise  # nothing was sent, so nothing went wrong
    except GitHubError as error:
        with database.write() as session:
            polls.record_gap(session, ranked, slot, models.FAILED, now(), str(error))
        raise


def _with_missing(github: GitHub, verdict: Verdict, ranked: RankedList) -> list[Member]:
    """The list, with those of the missing that GitHub gives when asked for them one by one, and
    those that cannot be asked for, unless that has gone on for too long."""
    restored: list[GitHubRepository] = []
    carried_over: list[GitHubRepository] = []
    for known in verdict.missing:
        try:
            repository = github.repository(known.repository.full_name)
        except Gone:
            continue
        except GitHubError as error:
            log.warning("not asked", repository=known.repository.full_name, why=str(error))
            if plausibility.may_be_carried_over(known):
                carried_over.append(known.repository)
            continue
        if plausibility.is_restored(known, repository, ranked, verdict.threshold):
            restored.append(repository)
    return plausibility.members(verdict.found, restored, carried_over, ranked)
