"""Intervals of polls, and since when each holds."""

from datetime import timedelta

from store import intervals
from store.database import Database
from tests.support.github import MINUTE, NOON

HOUR = 60 * MINUTE


def noted(database: Database, *polled: tuple[timedelta, int]) -> list[tuple[timedelta, int]]:
    """What is known, as times since noon and minutes, once polls were made."""
    for time, minutes in polled:
        intervals.note(database, NOON + time, minutes * MINUTE)
    with database.read() as session:
        known = intervals.changes(session)
    return [(since - NOON, every // MINUTE) for since, every in known]


def test_an_interval_holds_from_the_first_slot_polled_at_it(database: Database) -> None:
    found = noted(database, (0 * HOUR, 10), (1 * HOUR, 10), (2 * HOUR, 15), (3 * HOUR, 15))

    assert found == [(0 * HOUR, 10), (2 * HOUR, 15)]


def test_one_that_is_back_holds_from_then_on(database: Database) -> None:
    found = noted(database, (0 * HOUR, 10), (1 * HOUR, 15), (2 * HOUR, 10))

    assert found == [(1 * HOUR, 15), (2 * HOUR, 10)]


def test_a_late_poll_of_an_earlier_slot_changes_nothing(database: Database) -> None:
    found = noted(database, (0 * HOUR, 10), (2 * HOUR, 15), (1 * HOUR, 10))

    assert found == [(0 * HOUR, 10), (2 * HOUR, 15)]
