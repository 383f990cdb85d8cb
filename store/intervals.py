"""Since when polls are made at which interval, so that gaps are told by that of their time."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.gaps import Change
from models import Progress
from store.database import Database, upsert

PREFIX = "every-"  # of the names of these rows in `progress`; what follows are minutes

_CHANGES = (
    select(Progress.name, Progress.until)
    .where(Progress.name.startswith(PREFIX))
    .order_by(Progress.until)
)


def changes(session: Session) -> list[Change]:
    """Return each interval with the slot from which on it held last, in order of time."""
    rows = session.execute(_CHANGES)
    return [(until, timedelta(minutes=int(name.removeprefix(PREFIX)))) for name, until in rows]


def note(database: Database, slot: datetime, every: timedelta) -> None:
    """Note the interval by which a slot is polled, if it is another than before."""
    with database.read() as session:
        known = changes(session)
    if known and (known[-1][1] == every or slot <= known[-1][0]):
        return
    row = {"name": f"{PREFIX}{every // timedelta(minutes=1)}", "until": slot}
    with database.write() as session:
        upsert(session, Progress, [row], update=("until",))
