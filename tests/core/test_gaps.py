"""Slots that should have a good poll, whatever the interval was at their time."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from core import gaps

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = 60 * MINUTE


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], [(0, 15), (15, 15), (30, 15), (45, 15)]),
        ([(-600, 10)], [(0, 10), (10, 10), (20, 10), (30, 10), (40, 10), (50, 10)]),
        ([(-600, 10), (30, 15)], [(0, 10), (10, 10), (20, 10), (30, 15), (45, 15)]),
        ([(30, 10)], [(0, 15), (15, 15), (30, 10), (40, 10), (50, 10)]),
        ([(-9, 1), (-8, 20), (5, 30)], [(0, 20), (30, 30)]),
        ([(90, 1)], [(0, 15), (15, 15), (30, 15), (45, 15)]),
    ],
)
def test_slots_are_expected_by_the_interval_of_their_time(
    changes: Iterable[tuple[int, int]], expected: Iterable[tuple[int, int]]
) -> None:
    found = gaps.expected(
        NOON, NOON + HOUR, [(at(since), n * MINUTE) for since, n in changes], 15 * MINUTE
    )

    assert found == [(at(slot), every * MINUTE) for slot, every in expected]


@pytest.mark.parametrize(
    ("missing", "spans"),
    [
        ([], []),
        ([(0, 10)], [(0, 10, 1)]),
        ([(0, 10), (10, 10), (20, 10)], [(0, 30, 3)]),
        ([(0, 10), (20, 10), (30, 10)], [(0, 10, 1), (20, 40, 2)]),
        ([(20, 10), (30, 15), (60, 15)], [(20, 45, 2), (60, 75, 1)]),
        ([(40, 10), (45, 15)], [(40, 60, 2)]),
    ],
)
def test_slots_in_a_row_are_a_span_that_ends_with_the_slot_after_them(
    missing: Iterable[tuple[int, int]], spans: Iterable[tuple[int, int, int]]
) -> None:
    found = gaps.spans((at(slot), every * MINUTE) for slot, every in missing)

    assert found == [(at(start), at(end), slots) for start, end, slots in spans]
