"""Moments, to and from the database."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select

from core import clock
from models import List, Poll, RateLimitState
from store.database import Database, upsert
from tests.support.stored import MINUTE, NOON, budget, poll


@pytest.mark.parametrize(
    ("stored", "slot", "exact"),
    [
        (NOON, NOON, NOON),
        (clock.EPOCH, clock.EPOCH, clock.EPOCH),
        (
            datetime(2099, 12, 31, 23, 59, 59, 987_654, UTC),
            datetime(2099, 12, 31, 23, 59, 59, 0, UTC),
            datetime(2099, 12, 31, 23, 59, 59, 987_000, UTC),
        ),
        (
            datetime(1969, 12, 31, 23, 59, 59, 500_000, UTC),
            datetime(1969, 12, 31, 23, 59, 59, 0, UTC),
            datetime(1969, 12, 31, 23, 59, 59, 500_000, UTC),
        ),
        (datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2))), NOON, NOON),
    ],
)
def test_a_slot_is_kept_to_the_second_and_a_moment_to_the_millisecond_in_utc(
    database: Database, stored: datetime, slot: datetime, exact: datetime
) -> None:
    with database.write() as session:
        session.add(List(id=1, slug="stars"))
        session.flush()
        session.add(poll(stored, fetched_at=stored))

    with database.read() as session:
        found = session.scalars(select(Poll)).one()
        session.expunge(found)

    assert (found.slot, found.fetched_at) == (slot, exact)
    assert (found.slot.tzinfo, found.fetched_at.tzinfo) == (UTC, UTC)


def test_a_missing_moment_stays_missing(database: Database) -> None:
    with database.write() as session:
        upsert(session, RateLimitState, [budget(reset_at=None)])

    with database.read() as session:
        assert session.get_one(RateLimitState, "search").reset_at is None


def test_moments_compare_and_sort_in_sql(database: Database) -> None:
    slots = [NOON + number * MINUTE for number in (2, 0, 1)]
    with database.write() as session:
        session.add(List(id=1, slug="stars"))
        session.flush()
        session.add_all(poll(slot) for slot in slots)

    with database.read() as session:
        later = session.scalars(select(Poll.slot).where(Poll.slot > NOON).order_by(Poll.slot))

        assert list(later) == [NOON + MINUTE, NOON + 2 * MINUTE]


def test_a_time_without_an_offset_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="offset-naive"), database.write() as session:
        upsert(session, RateLimitState, [budget(next_at=NOON.replace(tzinfo=None))])
