"""Reading the star histories of listed repositories though nobody asks, from what others leave of
GitHub's limit."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog

from core import clock
from core.clock import Clock
from core.rate_limit import limit_of
from core.spare_requests import is_one_to_spare
from github.client import GitHub
from github.errors import BadAnswer, Final, GitHubError, Gone, TokenRefused, Unavailable
from github.history_walk import NO_HISTORY, store_page_again
from github.polling import MOST_FAILING
from settings import Settings
from store import follows, rate_limits, star_histories, unread_histories
from store.database import Database
from store.troubles import STAR_HISTORY, TOKEN, is_in_trouble, note_trouble, of_history
from store.unread_histories import Unread

BAD_HISTORY = clock.HOUR  # until a repository is tried again whose history is not as described

log = structlog.get_logger("starboard")


def walk_on(
    database: Database,
    github: GitHub,
    settings: Settings,
    is_over: Callable[[], bool],
    now: Clock = clock.now,
) -> dict[str, Any]:
    """Read page after page until `is_over`, or until there is nothing to read, or no request to
    spare. Returns the outcome, for the log, and whether there is `more` to do at once.

    One walks at a time. Killed at any moment, the next goes on with the page that was not stored.
    """
    with database.write() as session:
        if not unread_histories.lease(session, now()):
            return {"outcome": "another reads", "pages": 0, "more": False}
    pages = failing = 0
    try:
        while not is_over():
            outcome, chosen = _choose(database, settings, now())
            if chosen is None:
                return {"outcome": outcome, "pages": pages, "more": False}
            try:
                _read(database, github, chosen, now)
            except (Unavailable, TokenRefused) as error:
                return {"outcome": "stopped", "why": str(error), "pages": pages, "more": False}
            except GitHubError as error:
                failing += 1
                _note(database, chosen.full_name, error, now())
                if failing == MOST_FAILING:
                    return {"outcome": "stopped", "why": str(error), "pages": pages, "more": False}
            else:
                pages, failing = pages + 1, 0
        return {"outcome": "goes on", "pages": pages, "more": True}
    finally:
        with database.write() as session:
            unread_histories.keep(session, now(), lasting=timedelta())


def _choose(database: Database, settings: Settings, now: datetime) -> tuple[str, Unread | None]:
    """The page to read next; None, and why, where it is not the time for any."""
    with database.read() as session:
        if follows.waiting(session, without_trouble_at=now):
            return "somebody waits for a history", None
        if is_in_trouble(session, STAR_HISTORY, now):
            return NO_HISTORY, None
        has_token = settings.github_token is not None
        authorized = has_token and not is_in_trouble(session, TOKEN, now)
        known = rate_limits.allowance(session, "core", apart=has_token and not authorized)
        if not is_one_to_spare(known, limit_of("core", authorized), now):
            return "no request to spare", None
        return "all is read", unread_histories.next_unread(session, now)


def _read(database: Database, github: GitHub, chosen: Unread, now: Clock) -> None:
    """Read and store a page. Raises GitHubError, but for what is a state of the repository."""
    path = f"repositories/{chosen.github_id}"
    try:
        answer = github.star_history(path, chosen.page, chosen.etag)
    except TokenRefused:
        raise
    except Final as error:
        _end(database, github, chosen, error, now)
        return
    with database.write() as session:
        unread_histories.keep(session, now())
        if chosen.again:
            store_page_again(session, chosen.repository_id, answer, now())
            return
        assert answer is not None  # it was not asked for on a condition
        known = star_histories.star_history(session, chosen.repository_id)
        if not answer.weeks and (known is None or chosen.page <= (known.pages or 0)):
            raise BadAnswer(f"page {chosen.page} of its star history is empty")
        page = (chosen.page, answer.weeks, answer.pages, answer.etag)
        star_histories.store_page(session, chosen.repository_id, *page, now())


def _end(database: Database, github: GitHub, chosen: Unread, error: Final, now: Clock) -> None:
    """Note that a repository has no star history. Where it is there, and no other has one either,
    this GitHub, an Enterprise server, has none at all: that is one trouble, and the next
    repository is tried a day later."""
    why, is_there = str(error), False
    if isinstance(error, Gone):
        try:
            is_there = github.repository(chosen.full_name).github_id == chosen.github_id
        except TokenRefused:
            raise
        except Final as its_own:
            why = str(its_own)
    with database.write() as session:
        if is_there and not unread_histories.are_told(session):
            why = NO_HISTORY
            note_trouble(session, STAR_HISTORY, NO_HISTORY, now(), clock.DAY)
        star_histories.store_unavailable(session, chosen.repository_id, why, now())


def _note(database: Database, full_name: str, error: GitHubError, now: datetime) -> None:
    log.warning("not read", repository=full_name, why=str(error))
    with database.write() as session:
        note_trouble(session, of_history(full_name), str(error), now, BAD_HISTORY)
