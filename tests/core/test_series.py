"""Where a series has gaps, and how dense it is."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from core.clock import DAY, HOUR
from core.series import is_daily, split_at_gaps, thinned

FIRST = datetime(2026, 11, 24, tzinfo=UTC)


def days(*numbers: float) -> list[tuple[datetime, int]]:
    """Readings some days after `FIRST`."""
    return [(FIRST + number * DAY, round(100 * number)) for number in numbers]


@pytest.mark.parametrize(
    ("readings", "parts"),
    [
        ([], []),
        ([3], [[3]]),
        ([1, 2, 3], [[1, 2, 3]]),
        ([1, 2, 4, 7, 8], [[1, 2], [4], [7, 8]]),
        ([0.5, 1.01], [[0.5, 1.01]]),  # in neighbouring days
        ([1, 2.01], [[1], [2.01]]),  # in the first and the third
    ],
)
def test_a_series_is_split_where_a_step_has_no_reading(
    readings: Sequence[float], parts: list[list[float]]
) -> None:
    assert split_at_gaps(days(*readings), DAY) == [days(*part) for part in parts]


@pytest.mark.parametrize(
    ("readings", "daily"),
    [
        ([], False),
        ([1, 2, 5], True),
        ([1, 2, 3, 3.1, 3.2, 3.3], True),
        ([1, 2.1, 2.2, 3.1, 3.2], False),
    ],
)
def test_a_series_is_daily_where_most_of_its_days_have_one_reading(
    readings: Sequence[float], daily: bool
) -> None:
    assert is_daily(days(*readings)) is daily


def test_a_reading_of_midnight_belongs_to_the_day_that_ends() -> None:
    assert is_daily([(FIRST, 1), (FIRST + HOUR, 2), (FIRST + DAY + HOUR, 3)])


def test_the_first_readings_are_not_daily_because_a_midnight_lies_between_them() -> None:
    assert not is_daily([(FIRST, 1), (FIRST + HOUR, 2)])
    assert not is_daily([(FIRST, 1)])


def test_of_each_step_the_last_point_stays() -> None:
    assert thinned(days(0.5, 1, 1.5, 2.9, 3, 7), DAY) == days(1, 1.5, 3, 7)
