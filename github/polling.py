"""…"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

import models
from core import clock, plausibility
from core.lists import RankedList
from core.plausibility import Member
from core.repository import GitHubRepository
from github.client import GitHub
from github.errors import GitHubError, Gone, NotYet
from github.shared_limit import Clock
from settings import Settings
from store import identities, polls, watched
from store.database import Database

log = structlog.get_logger("starboard")

MOST_IDENTIFIED = {False: 3, True: 300}  # a run, by whether there is a token: spare budget only

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

    Gives what came of it, for the log. Raises GitHubError where GitHub gave nothing.
    """
    with database.read() as session:
        before = polls.poll_context(session, ranked, slot)
    if before.done:
        return {"outcome": DONE_BEFORE}
    if now() >= slot + every:
        return _missed(database, ranked, slot, now())
    try:
        answer = github.search(ranked, plausibility.floor(before.last_good, ranked))
    except NotYet:
        raise
    except GitHubError as error:
        with database.write() as session:
            polls.record_gap(session, ranked, slot, models.FAILED, now(), str(error))
        raise
    fetched_at = now()
    if fetched_at >= slot + every:
        return _missed(database, ranked, slot, fetched_at)
    found = plausibility.ranking(answer.repositories, ranked)
    if plausibility.believed(found, before.suspects):
        missing, doubt = [], None
    else:
        missing = plausibility.vanished(answer, before.last_good, ranked)
        doubt = plausibility.doubt(answer, missing)
    if doubt:
        missing = []
    places = _with_missing(github, found, missing, plausibility.threshold(answer, ranked), ranked)
    with database.write() as session:
        stored = polls.store_poll(session, ranked, slot, fetched_at, places, doubt)
    outcome = (models.SUSPECT if doubt else models.GOOD) if stored else DONE_BEFORE
    return {"outcome": outcome, "rows": len(places)} | ({"why": doubt} if doubt else {})


def watch_repository(
    database: Database,
    github: GitHub,
    name: str,
    slot: datetime,
    every: timedelta,
    now: Clock = clock.now,
) -> dict[str, Any]:
    """Fetch a watched repository and store it for a slot, unless that is done or the slot is over.

    Gives what came of it, for the log. Raises GitHubError where GitHub gave nothing.
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
        raise
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
    """Ask for some imported repositories, once the lists have shown whom they show."""
    most = MOST_IDENTIFIED[settings.github_token is not None]
    with database.read() as session:
        for ranked in settings.lists:
            _, good = polls.first_and_last_good(session, ranked)
            if good is None:
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
    """What GitHub says now belongs to a later slot."""
    with database.write() as session:
        why = "no poll succeeded within the slot"
        polls.record_gap(session, ranked, slot, models.MISSED, at, why)
    return {"outcome": models.MISSED}


def _with_missing(
    github: GitHub,
    found: Sequence[GitHubRepository],
    missing: Sequence[plausibility.KnownMember],
    needed: int,
    ranked: RankedList,
) -> list[Member]:
    """Ask for each repository that the search left out, and give it its place if it has one.
    One that cannot be asked keeps its place, unless that has gone on for too long."""
    restored, kept = [], []
    for known in missing:
        try:
            repository = github.repository(known.repository.full_name)
        except Gone:
            continue
        except GitHubError as error:
            log.warning("not asked", repository=known.repository.full_name, why=str(error))
            if known.kept_for < plausibility.AGREEING - 1:
                kept.append(known.repository)
            continue
        if repository.github_id == known.repository.github_id and plausibility.belongs(
            repository, ranked, needed
        ):
            restored.append(repository)
    return plausibility.members(found, restored, kept, ranked)
