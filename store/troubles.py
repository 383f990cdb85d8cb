"""Troubles: what GitHub does not give, or a target of NOTIFY does not take, each with whose trouble
it is, for as long as it is likely to last. They concern nothing else."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core import clock
from core.clock import DAY
from models import Trouble
from store.database import upsert

TOKEN = "GITHUB_TOKEN"
CLOCK = "clock"
STAR_HISTORY = "star history"  # of no repository at all

OWN = DAY  # for which a repository's trouble is told, if it is not met again


def note_trouble(
    session: Session, subject: str, why: str, now: datetime, lasting: timedelta
) -> None:
    """Note a trouble, for some time from now on; where it is known already, it goes on.

    `subject`: a repository's owner/name, TOKEN, CLOCK, STAR_HISTORY, or NOTIFY and a target's name.
    """
    known = session.get(Trouble, subject.lower())
    since = known.since if known and _is_current(known, now) else now
    row = {"subject": subject.lower(), "name": subject, "why": why, "since": since}
    row["until"] = now + lasting
    upsert(session, Trouble, [row], update=("name", "why", "since", "until"))
    session.execute(delete(Trouble).where(Trouble.until < now - DAY))


def end_trouble(session: Session, subject: str) -> None:
    session.execute(delete(Trouble).where(Trouble.subject == subject.lower()))


def current_troubles(session: Session, now: datetime) -> list[Trouble]:
    """The troubles of now, the oldest first."""
    rows = session.scalars(select(Trouble).order_by(Trouble.since, Trouble.subject))
    return [row for row in rows if _is_current(row, now)]


def trouble_of(session: Session, subject: str, now: datetime) -> str | None:
    row = session.get(Trouble, subject.lower())
    return row.why if row is not None and _is_current(row, now) else None


def is_in_trouble(session: Session, subject: str, now: datetime) -> bool:
    return trouble_of(session, subject, now) is not None


def _is_current(row: Trouble, now: datetime) -> bool:
    # One that a clock noted which ran ahead would last too long.
    return row.since <= now + clock.TOLERANCE and row.until > now
