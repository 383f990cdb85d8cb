"""Histories that were read, and have somebody look at them after another day has ended."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import DAY
from core.star_history import day_of, end_of
from models import Follow, Repository, StarHistory
from store import follows, star_histories
from store.star_histories import UNAVAILABLE_FOR


def lacks_days(session: Session, repository_id: int, now: datetime) -> bool:
    """Whether a history that was asked for, or is complete, lacks days that have ended since it
    was read, and nobody has asked for them yet; one that GitHub did not tell, after a week."""
    row = session.get(StarHistory, repository_id)
    if row is None or row.read_at >= end_of(day_of(now) - DAY):
        return False
    if row.unavailable is not None and row.read_at > now - UNAVAILABLE_FOR:
        return False
    wish = _wish(session, repository_id)
    if wish is None:
        return row.unavailable is not None or star_histories.is_complete(row)
    return not wish.waits and wish.gone_at is None


def ask_again(session: Session, repository_id: int, now: datetime) -> str | None:
    """Note that somebody wants those days. Returns the name of the wish; None where there is no
    room, or another was faster."""
    if not lacks_days(session, repository_id, now):
        return None
    if follows.waited_for(session) >= follows.MOST_WAITING:
        return None
    wish = _wish(session, repository_id)
    if wish is None:
        name = session.get_one(Repository, repository_id).full_name
        wish = follows.ask(session, name, now, follow=False).row
        if wish is None or wish.gone_at or wish.repository_id not in (None, repository_id):
            return None
        wish.repository_id = repository_id
    wish.done_at, wish.turn_at = None, now
    return wish.name


def _wish(session: Session, repository_id: int) -> Follow | None:
    return session.scalar(select(Follow).where(Follow.repository_id == repository_id).limit(1))
