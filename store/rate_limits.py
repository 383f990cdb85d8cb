"""The state of GitHub's limits, for all workers."""

from dataclasses import asdict

from sqlalchemy.orm import Session

from core import clock
from core.rate_limit import Allowance, Resource
from models import (
    RateLimitState,
)
from store.database import upsert

# GitHub's limits


def allowance(session: Session, resource: Resource) -> Allowance:
    row = session.get(RateLimitState, resource)
    if row is None:
        return Allowance(next_at=clock.EPOCH, blocked_until=clock.EPOCH)
    return Allowance(
        row.next_at, row.blocked_until, row.undated_refusals, row.limit, row.remaining, row.reset_at
    )


def save_allowance(session: Session, resource: Resource, value: Allowance) -> None:
    row = {"resource": resource, **asdict(value)}
    upsert(session, RateLimitState, [row], update=tuple(asdict(value)))
