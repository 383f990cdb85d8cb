"""Reading star histories that somebody wants, page by page: a few pages of one, then the next."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core import clock
from core.clock import Clock
from core.plausibility import Member
from core.star_history import day_of
from github.client import GitHub
from github.errors import BadAnswer, Failing, Final, Gone, TokenRefused
from github.star_histories import HistoryPage
from models import Follow, Repository, StarHistory
from store import follows, star_histories
from store.database import Database
from store.readings import store_unlisted
from store.repositories import store_names, store_repositories
from store.troubles import end_trouble, note_failing, of_history

PAGES_A_TURN = 5

NOBODY_WAITS = "nobody waits"  # an outcome
NO_HISTORY = "this GitHub tells no star history"
FAILING_FOR = clock.HOUR  # at most, until a history that fails is asked for again


def take_turn(
    database: Database,
    github: GitHub,
    slot_of: Callable[[datetime], datetime],
    now: Clock = clock.now,
) -> dict[str, Any]:
    """Read a few pages of the history whose turn it is; gives the outcome, for the log.

    It may be killed at any moment: a page is stored or it is not, and the turn is free again after
    a while. Raises NotYet where GitHub's limit lets nothing be sent, and GitHubError.
    """
    with database.write() as session:
        wish = follows.lease_next(session, now())
        chosen = None if wish is None else (wish.name, wish.full_name)
    if chosen is None:
        return {"outcome": NOBODY_WAITS}
    name, full_name = chosen
    try:
        result = _read(database, github, name, full_name, slot_of, now)
    except TokenRefused:  # which says nothing of the repository
        raise
    except (BadAnswer, Failing) as error:
        with database.write() as session:
            note_failing(session, of_history(full_name), str(error), now(), FAILING_FOR)
        raise
    except Final as error:
        result = _ended(database, name, error, now)
    else:
        with database.write() as session:
            end_trouble(session, of_history(full_name))
    finally:
        with database.write() as session:
            follows.end_turn(session, name, now())
    return {"repository": full_name, **result}


def _read(
    database: Database,
    github: GitHub,
    name: str,
    full_name: str,
    slot_of: Callable[[datetime], datetime],
    now: Clock,
) -> dict[str, Any]:
    repository_id, github_id = _identified(database, github, name, full_name, slot_of, now)
    if _is_refreshed(database, github, name, repository_id, github_id, now):
        return {"outcome": "complete", "pages": 1}
    read = 0
    while read < PAGES_A_TURN:
        with database.read() as session:
            row = star_histories.star_history(session, repository_id)
            page = 1 if row is None else row.pages_read + 1
        try:
            answer = github.star_history(f"repositories/{github_id}", page)
        except Gone:
            # It raises Gone, too, unless the endpoint is not there, or another bears the name.
            if github.repository(full_name).github_id != github_id:
                raise
            return _unavailable(database, name, repository_id, now)
        assert answer is not None  # it was not asked for on a condition
        if not answer.weeks and (row is None or page <= (row.pages or 0)):
            raise BadAnswer(f"page {page} of the star history of {full_name} is empty")
        read += 1
        with database.write() as session:
            row = star_histories.store_page(
                session, repository_id, page, answer.weeks, answer.pages, answer.etag, now()
            )
            complete = star_histories.is_complete(row)
            if complete:
                follows.end(session, name, now())
        if complete:
            return {"outcome": "complete", "pages": page}
    return {"outcome": "partial", "pages": page}


def _is_refreshed(
    database: Database, github: GitHub, name: str, repository_id: int, github_id: int, now: Clock
) -> bool:
    """Read page 1 again of a history that was complete, or read on another day: what has come
    since is on it, unless nobody looked for so long that all is to be read anew. Returns whether
    the history is complete then."""
    with database.read() as session:
        row = star_histories.star_history(session, repository_id)
        if row is None or not row.pages_read:
            return False
        if day_of(row.read_at) == day_of(now()) and not star_histories.is_complete(row):
            return False
        etag = row.etag
    answer = github.star_history(f"repositories/{github_id}", 1, etag)
    with database.write() as session:
        row = store_page_again(session, repository_id, answer, now())
        complete = star_histories.is_complete(row)
        if complete:
            follows.end(session, name, now())
    return complete


def store_page_again(
    session: Session, repository_id: int, answer: HistoryPage | None, at: datetime
) -> StarHistory:
    """Let page 1 replace what was known of its weeks; None: it is as it was."""
    row = session.get_one(StarHistory, repository_id)
    row.unavailable = None
    if answer is None:
        row.read_at = at
    else:
        star_histories.refresh(session, row, answer.weeks, answer.etag, at)
    return row


def _identified(
    database: Database,
    github: GitHub,
    name: str,
    full_name: str,
    slot_of: Callable[[datetime], datetime],
    now: Clock,
) -> tuple[int, int]:
    """Our id and GitHub's of the repository of a wish, of which GitHub is asked in the first turn.
    Raises Gone where there is none."""
    with database.read() as session:
        found = follows.identity(session, name)
    if found is not None:
        return found
    answer = github.repository(full_name)
    at = now()
    with database.write() as session:
        ids = store_repositories(session, [Member(answer)], at)
        repository_id = ids[answer.github_id]
        store_unlisted(session, repository_id, slot_of(at), answer)
        row = session.get_one(Repository, repository_id)
        store_names(session, {name: row}, at, at)  # GitHub may have led from an old name
        follows.note_repository(session, name, row)
    return repository_id, answer.github_id


def _ended(database: Database, name: str, error: Final, now: Clock) -> dict[str, Any]:
    """End a wish that GitHub does not grant."""
    with database.write() as session:
        wish = session.get(Follow, name)
        if wish is not None and wish.repository_id is not None:
            star_histories.store_unavailable(session, wish.repository_id, str(error), now())
            wish.done_at = now()
        elif wish is not None:
            wish.gone_at, wish.followed_since = now(), None
    return {"outcome": "gone", "why": str(error)}


def _unavailable(database: Database, name: str, repository_id: int, now: Clock) -> dict[str, Any]:
    with database.write() as session:
        star_histories.store_unavailable(session, repository_id, NO_HISTORY, now())
        follows.end(session, name, now())
    return {"outcome": "unavailable", "why": NO_HISTORY}
