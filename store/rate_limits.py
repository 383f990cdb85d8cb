"""The state of GitHub's limits, and the turns reserved of them, for all workers."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from core.rate_limit import Allowance, Resource
from models import RateLimitState, Turn
from store.database import upsert


def allowance(session: Session, resource: Resource, *, apart: bool = False) -> Allowance:
    """The state of a limit. `apart`: that of requests without the token that there is, which
    GitHub counts by address."""
    return allowances(session, [resource], apart=apart)[resource]


def allowances(
    session: Session, resources: Sequence[Resource], *, apart: bool = False
) -> dict[Resource, Allowance]:
    """The states of several limits, in one statement."""
    keys = {_key(resource, apart): resource for resource in resources}
    rows = session.scalars(select(RateLimitState).where(RateLimitState.resource.in_(keys)))
    nothing = Allowance(next_at=clock.EPOCH, blocked_until=clock.EPOCH)
    known = {keys[row.resource]: _allowance_of(row) for row in rows}
    return {resource: known.get(resource, nothing) for resource in resources}


def _allowance_of(row: RateLimitState) -> Allowance:
    return Allowance(
        row.next_at,
        row.blocked_until,
        row.undated_refusals,
        row.limit,
        row.remaining,
        row.reset_at,
        row.saved_at,
        row.urgent_at,
        row.spent_until,
    )


def save_allowance(
    session: Session, resource: Resource, value: Allowance, *, apart: bool = False
) -> None:
    row = {"resource": _key(resource, apart), **asdict(value)}
    upsert(session, RateLimitState, [row], update=tuple(asdict(value)))


def reserve_turn(
    session: Session, resource: Resource, work: str, at: datetime, *, apart: bool = False
) -> None:
    """Reserve a moment for work, which is to be queued again then."""
    row = {"resource": _key(resource, apart), "work": work, "at": at}
    upsert(session, Turn, [row], update=("at",))


def take_turn(
    session: Session, resource: Resource, work: str, *, apart: bool = False
) -> datetime | None:
    """The moment that was reserved for work, which is not any more; None where there is none."""
    row = session.get(Turn, (_key(resource, apart), work))
    if row is None:
        return None
    session.delete(row)
    session.flush()
    return row.at


def _key(resource: Resource, apart: bool) -> str:
    return f"{resource}-ip" if apart else resource
