"""Whether an import is under way: until it ends, builds would tell of half of its history."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from core import clock
from models import Progress
from store.database import upsert

NAME = "import"  # of the row in `progress`

LASTING = 2 * clock.MINUTE  # from the last batch on, if nobody says that it was the last


def note_import(session: Session, now: datetime) -> None:
    """Note that a batch of an import is at work."""
    upsert(session, Progress, [{"name": NAME, "until": now + LASTING}], update=("until",))


def end_import(session: Session) -> None:
    session.execute(delete(Progress).where(Progress.name == NAME))


def is_import_under_way(session: Session, now: datetime) -> bool:
    row = session.get(Progress, NAME)
    return row is not None and now < row.until <= now + LASTING + clock.TOLERANCE
