"""Troubles: what GitHub does not give, or a target of NOTIFY does not take, each with whose trouble
it is, for as long as it is likely to last. They concern nothing else."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, select
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
    known = _current(session, subject, now)
    since = known.since if known else now
    row = {"subject": subject.lower(), "name": subject, "why": why, "since": since}
    row["until"] = now + lasting
    upsert(session, Trouble, [row], update=("name", "why", "since", "until"))
    session.execute(delete(Trouble).where(Trouble.until < now - DAY))


def end_trouble(session: Session, subject: str) -> None:
    session.execute(delete(Trouble).where(Trouble.subject == subject.lower()))


def current_troubles(session: Session, now: datetime) -> list[Trouble]:
    """The troubles of now, the oldest first."""
    rows = select(Trouble).where(is_current(now)).order_by(Trouble.since, Trouble.subject)
    return list(session.scalars(rows))


def trouble_of(session: Session, subject: str, now: datetime) -> str | None:
    row = _current(session, subject, now)
    return None if row is None else row.why


def is_in_trouble(session: Session, subject: str, now: datetime) -> bool:
    return trouble_of(session, subject, now) is not None


def withheld(now: datetime) -> Select[str]:
    """The subjects of the troubles of now, in lower case."""
    return select(Trouble.subject).where(is_current(now))


def is_current(now: datetime) -> ColumnElement[bool]:
    # One that a clock noted which ran ahead would last too long.
    return (Trouble.since <= now + clock.TOLERANCE) & (Trouble.until > now)


def _current(session: Session, subject: str, now: datetime) -> Trouble | None:
    return session.scalar(
        select(Trouble).where(Trouble.subject == subject.lower(), is_current(now))
    )
