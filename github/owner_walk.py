"""Reading all repositories of the owners that are followed, page by page, each owner once a day."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog

from core import clock
from core.clock import Clock
from core.names import all_of
from github.client import GitHub
from github.errors import Final, GitHubError, Gone, NotYet, Unavailable
from store import follow_owners
from store.database import Database
from store.follow_owners import REFRESHED_EVERY
from store.troubles import note_trouble

FAILING = timedelta(minutes=10)  # until a page is asked for again that GitHub failed to give

log = structlog.get_logger("starboard")


def walk_owners(
    database: Database,
    github: GitHub,
    slot_of: Callable[[datetime], datetime],
    is_over: Callable[[], bool],
    now: Clock = clock.now,
) -> dict[str, Any]:
    """Read on in the repositories of owners whose day is over, those first that wait longest, until
    `is_over` says so. `more`: whether some are left that may be asked for.

    It may be killed at any moment: a page is stored or it is not. Raises NotYet where GitHub's
    limit lets nothing be sent.
    """
    with database.read() as session:
        due = follow_owners.due(session, now())
    pages = 0
    for name in due:
        try:
            more = True
            while more:
                if is_over():
                    return {"pages": pages, "more": True}
                more = _read_page(database, github, name, slot_of, now)
                pages += 1
        except NotYet:
            raise
        except Unavailable as error:
            return {"pages": pages, "why": str(error), "more": False}
        except GitHubError as error:
            _note(database, name, error, now())
    return {"pages": pages, "more": False}


def _read_page(
    database: Database,
    github: GitHub,
    name: str,
    slot_of: Callable[[datetime], datetime],
    now: Clock,
) -> bool:
    """Follow what an owner's next page has; returns whether there are more."""
    with database.read() as session:
        owner = follow_owners.owner_of(session, name)
    if owner is None:  # nobody wants it any more
        return False
    page = github.owned(owner.login, owner.next_page)
    at = now()
    with database.write() as session:
        return follow_owners.store_page(
            session, name, owner.next_page, page.repositories, page.next, slot_of(at), at
        )


def _note(database: Database, name: str, error: GitHubError, now: datetime) -> None:
    """Note whose trouble it is: until it is over the owner is not asked for."""
    with database.write() as session:
        owner = follow_owners.owner_of(session, name)
        if owner is None:
            return
        if isinstance(error, Final):  # it may be that page which is not there any more
            owner.next_page = None
        why = f"GitHub has no user or organization named {owner.login}"
        said = why if isinstance(error, Gone) else str(error)
        lasting = REFRESHED_EVERY if isinstance(error, Final) else FAILING
        note_trouble(session, all_of(owner.login), said, now, lasting)
    log.warning("owners", owner=name, why=said)
