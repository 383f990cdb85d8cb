"""Alarms: the troubles that are told once when they begin, and once when they end."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, notices
from core.schemas import Notice
from models import Notified

ALARM = "trouble "  # what names of alarms begin with in `notified`

AFTER = 5 * clock.MINUTE  # for which a trouble has to last, and to be over


def changes(session: Session, findings: Mapping[str, str], now: datetime) -> Iterator[Notice]:
    """Note the troubles of now, a sentence by name, and yield what is to be told: those that have
    lasted for a while, and those that have been over for a while."""
    rows = session.scalars(select(Notified).where(Notified.name.startswith(ALARM)))
    known = {row.name.removeprefix(ALARM): row for row in rows}
    for name, why in findings.items():
        row = known.get(name)
        if row is None:
            row = Notified(name=ALARM + name, since=now)
            session.add(row)
        row.seen_at, row.why = now, why
        if row.told_at is None and row.since is not None and now >= row.since + AFTER:
            row.told_at = now
            yield _notice(row, "began", row.since)
    for name in known.keys() - findings.keys():
        row = known[name]
        if row.told_at is None or now >= row.seen_at + AFTER:
            if row.told_at is not None:
                yield _notice(row, "ended", row.seen_at)
            session.delete(row)


def _notice(row: Notified, state: str, at: datetime) -> Notice:
    name = row.name.removeprefix(ALARM)
    cursor = f"trouble {state} {clock.rfc3339(at)} {name}"
    return notices.notice("trouble", cursor, at, name=name, state=state, why=row.why or "")
