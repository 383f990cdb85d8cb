"""Whether an import is under way: until it ends, builds would tell of half of its history; and when
the past was last changed, by an import or as one repository turned out to be another."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core import clock
from models import Progress
from store.database import upsert

NAME = "import"  # of the row in `progress`

CHANGED = "changed"  # of the other one

LASTING = 2 * clock.MINUTE  # from the last batch on, if nobody says that it was the last


def note_import(session: Session, now: datetime) -> None:
    """Note that a batch of an import is at work."""
    upsert(session, Progress, [{"name": NAME, "until": now + LASTING}], update=("until",))
    note_change(session)


def end_import(session: Session) -> None:
    session.execute(delete(Progress).where(Progress.name == NAME))
    note_change(session)


def note_change(session: Session) -> None:
    """Note that the past was changed, at a moment that no other change has."""
    last = last_change(session)
    now = clock.now() if last is None else max(clock.now(), last + timedelta(seconds=1))
    upsert(session, Progress, [{"name": CHANGED, "until": now}], update=("until",))


def last_change(session: Session) -> datetime | None:
    return session.scalar(select(Progress.until).where(Progress.name == CHANGED))


def is_import_under_way(session: Session, now: datetime) -> bool:
    row = session.get(Progress, NAME)
    return row is not None and now < row.until <= now + LASTING + clock.TOLERANCE
