"""Having the days of a star history read that ended since it was read: once somebody looks."""

import structlog
from sqlalchemy.exc import DBAPIError

from core import clock
from store import refreshes
from web import current
from web.following import queue
from web.permission import may_ask

log = structlog.get_logger("starboard")


def looked_at(*repository_ids: int) -> None:
    """Note that somebody looks at histories, who is told what is there: it may lack days by now.
    They are asked for as a new history would be, by those who may; where the database takes no
    note now, that keeps nobody from reading."""
    if not may_ask():
        return
    with current.database().read() as session:
        lacking = [it for it in repository_ids if refreshes.lacks_days(session, it, clock.now())]
    if not lacking:
        return
    try:
        with current.database().write() as session:
            names = [refreshes.ask_again(session, it, clock.now()) for it in lacking]
    except DBAPIError as error:
        log.warning("history", outcome="not noted that days are lacking", why=type(error).__name__)
        return
    for name in filter(None, names):
        queue(name)
