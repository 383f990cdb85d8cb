"""The outbox: what targets of NOTIFY are to be told. A target goes by a hash, as its URL has
secrets. A row is taken, sent, and then ended: killed in between, it is sent once more."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from core import clock
from core.schemas import Notice
from models import Event, Notified, Outbox

TARGET = "target "  # what names of targets begin with in `notified`

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), clock.HOUR
TRIED_FOR = clock.DAY  # until a message that a target does not take is given up
KEPT_FOR = 14 * clock.DAY  # what was sent or given up, so that a digest is put once


@dataclass(frozen=True, slots=True)
class Delivery:
    id: int
    target: str
    message: Notice


def pause(tries: int) -> timedelta:
    """Return how long a message waits that was tried so many times: twice as long each time."""
    return min(FIRST_PAUSE * (1 << min(max(tries - 1, 0), 10)), LONGEST_PAUSE)


def cursor_of(session: Session, target: str, now: datetime) -> int:
    """Return the last event that was put into the outbox for a target, or left out. A target that
    is new begins with what is new."""
    row = session.get(Notified, TARGET + target)
    if row is None:
        newest = session.scalar(select(func.max(Event.id))) or 0
        row = Notified(name=TARGET + target, cursor=newest, seen_at=now)
        session.add(row)
    row.seen_at = now
    return row.cursor or 0


def put(session: Session, target: str, notices: Iterable[Notice], now: datetime) -> None:
    """Put news into the outbox of a target, in their order; what was put before stays as it is."""
    for notice in notices:
        subject = str(notice["cursor"])
        known = select(Outbox.id).where(Outbox.subject == subject, Outbox.target == target)
        if session.scalar(known) is None:
            row = Outbox(subject=subject, target=target, message=dict(notice), tries=0)
            row.created_at = row.due_at = now
            session.add(row)
            session.flush()  # one by one: ids in their order


def advance(session: Session, target: str, cursor: int) -> None:
    row = session.get(Notified, TARGET + target)
    assert row is not None  # see cursor_of
    row.cursor = cursor


def take(session: Session, targets: Collection[str], now: datetime) -> Delivery | None:
    """Return what is due next of some targets, put off as if it failed: nobody else takes it
    while it is being sent, and it is sent again where whoever sends it dies."""
    # What a clock put off that ran ahead is due, too.
    due = or_(Outbox.due_at <= now, Outbox.due_at > now + LONGEST_PAUSE + clock.TOLERANCE)
    chosen = select(Outbox).where(Outbox.target.in_(targets), due)
    row = session.scalar(chosen.order_by(Outbox.due_at, Outbox.id).limit(1))
    if row is None:
        return None
    row.tries = min(row.tries + 1, 10_000)
    row.due_at = now + pause(row.tries)
    return Delivery(row.id, row.target, row.message)  # type: ignore[arg-type]  # a Notice as JSON


def note_sent(session: Session, delivery: Delivery) -> None:
    row = session.get(Outbox, delivery.id)
    if row is not None:
        row.due_at = row.why = None
    target = session.get(Notified, TARGET + delivery.target)
    if target is not None:
        target.since = target.why = None


def note_failed(session: Session, delivery: Delivery, why: str, now: datetime) -> datetime | None:
    """Note that a target did not take a message, which is given up after a day of that. Returns
    since when the target takes none."""
    row = session.get(Outbox, delivery.id)
    if row is not None:
        row.why = why
        row.due_at = None if now >= row.created_at + TRIED_FOR else now + pause(row.tries)
    target = session.get(Notified, TARGET + delivery.target)
    if target is None:
        return None
    target.since, target.why = target.since or now, why
    return target.since


@dataclass(frozen=True, slots=True)
class TargetState:
    """`waiting`: messages; `since`: since when it takes none, and `why`; None where it does."""

    waiting: int = 0
    since: datetime | None = None
    why: str | None = None


def states(session: Session) -> dict[str, TargetState]:
    """Return how it stands with each target."""
    counted = select(Outbox.target, func.count()).where(Outbox.due_at.is_not(None))
    waiting = {target: count for target, count in session.execute(counted.group_by(Outbox.target))}
    rows = session.scalars(select(Notified).where(Notified.name.startswith(TARGET)))
    known = {row.name.removeprefix(TARGET): row for row in rows}
    return {
        target: TargetState(waiting.get(target, 0), row.since, row.why)
        for target, row in known.items()
    }


def forget(session: Session, targets: Collection[str], now: datetime) -> None:
    """Delete what is known of all targets but these, so that one that comes back begins with what
    is new; and what was ended long ago."""
    names = [TARGET + target for target in targets]
    gone = Notified.name.startswith(TARGET), Notified.name.not_in(names)
    session.execute(delete(Notified).where(*gone))
    session.execute(delete(Outbox).where(Outbox.target.not_in(targets)))
    old = Outbox.due_at.is_(None), Outbox.created_at < now - KEPT_FOR
    session.execute(delete(Outbox).where(*old))
