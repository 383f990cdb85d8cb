"""Troubles: what GitHub does not give, or a target of NOTIFY does not take, each with whose trouble
it is, for as long as it is likely to last. They concern nothing else."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core import clock
from core.clock import DAY
from models import Trouble
from store.database import upsert

TOKEN = "GITHUB_TOKEN"
CLOCK = "clock"
STAR_HISTORY = "star history"  # of no repository at all; of one: `of_history`

OWN = DAY  # for which a repository's trouble is told, if it is not met again


def note_trouble(
    session: Session, subject: str, why: str, now: datetime, lasting: timedelta
) -> None:
    """Note a trouble, for some time from now on; where it is known already, it goes on.

    `subject`: a repository's owner/name or `of_history`, TOKEN, CLOCK, STAR_HISTORY, or NOTIFY and
    a target's name.
    """
    known = _current(session, subject, now)
    _store(session, subject, why, known.since if known else now, now, lasting)


def note_failing(session: Session, subject: str, why: str, now: datetime, most: timedelta) -> None:
    """Note a trouble that a try has met: for a minute or, where the last one ended less than `most`
    ago, for as long as it has gone on by then, up to `most`. So it is tried ever less often."""
    known = session.get(Trouble, subject.lower())
    goes_on = known is not None and known.since <= now + clock.TOLERANCE < known.until + most
    since = known.since if known is not None and goes_on else now
    _store(session, subject, why, since, now, min(max(now - since, clock.MINUTE), most))


def _store(
    session: Session, subject: str, why: str, since: datetime, now: datetime, lasting: timedelta
) -> None:
    row = {"subject": subject.lower(), "name": subject, "why": why, "since": since}
    row["until"] = now + lasting
    upsert(session, Trouble, [row], update=("name", "why", "since", "until"))
    session.execute(delete(Trouble).where(Trouble.until < now - DAY))


def of_history(full_name: str) -> str:
    """Return the subject of what keeps a repository's star history, and nothing else of it, from
    being read."""
    return f"{STAR_HISTORY} of {full_name}"


def told_of(known: Mapping[str, str], full_name: str) -> str | None:
    """Return why a repository is in trouble or, where it is in none, its star history. `known`:
    troubles by their subjects."""
    return known.get(full_name.lower()) or known.get(of_history(full_name).lower())


def is_withheld(full_name: InstrumentedAttribute[str], now: datetime) -> ColumnElement[bool]:
    """Whether the star history of a repository is in trouble at a moment."""
    return (literal(of_history("")) + func.lower(full_name)).in_(withheld(now))


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
