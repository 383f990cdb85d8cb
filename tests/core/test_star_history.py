"""Days of Los Angeles: which moments they are, and how pages of weeks become one history."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.clock import DAY, HOUR
from core.star_history import (
    StarDays,
    Week,
    daily,
    day_of,
    end_of,
    gain_since,
    joined,
    pack,
    points,
    unpack,
    until,
)

SUNDAY = date(2026, 3, 1)
COUNTS = some.lists(some.integers(0, 300_000), max_size=400)
DAYS = some.dates(date(2008, 1, 1), date(2099, 1, 1))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def week(number: int, *days: int) -> Week:
    """The week some weeks after `SUNDAY`; the days that are not named have none."""
    return Week(SUNDAY + number * 7 * DAY, (*days, *[0] * (7 - len(days))))


def weeks_of(days: StarDays) -> list[Week]:
    """Whole weeks, newest first, as GitHub tells them."""
    starts = range(0, len(days.counts), 7)
    weeks = [Week(days.first + at * DAY, days.counts[at : at + 7]) for at in starts]
    return weeks[::-1]


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (utc(2026, 1, 2, 7, 59), date(2026, 1, 1)),
        (utc(2026, 1, 2, 8), date(2026, 1, 2)),
        (utc(2026, 7, 2, 6, 59), date(2026, 7, 1)),
        (utc(2026, 7, 2, 7), date(2026, 7, 2)),
        (utc(2024, 3, 1, 7, 59), date(2024, 2, 29)),
    ],
)
def test_a_moment_lies_in_a_day_of_los_angeles(moment: datetime, day: date) -> None:
    assert day_of(moment) == day


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (date(2026, 3, 7), utc(2026, 3, 8, 8)),
        (date(2026, 3, 8), utc(2026, 3, 9, 7)),  # of 23 hours
        (date(2026, 10, 31), utc(2026, 11, 1, 7)),
        (date(2026, 11, 1), utc(2026, 11, 2, 8)),  # of 25 hours
        (date(2024, 2, 28), utc(2024, 2, 29, 8)),
        (date(2025, 12, 31), utc(2026, 1, 1, 8)),
    ],
)
def test_a_day_ends_at_midnight_in_los_angeles(day: date, end: datetime) -> None:
    assert end_of(day) == end
    assert end_of(day).tzinfo is UTC


@given(DAYS)
def test_a_day_is_all_between_two_midnights(day: date) -> None:
    begin, end = end_of(day - DAY), end_of(day)

    assert end - begin in (23 * HOUR, 24 * HOUR, 25 * HOUR)
    assert day_of(begin) == day_of(end - timedelta(microseconds=1)) == day
    assert day_of(end) == day + DAY


# Pages


def test_pages_become_one_history() -> None:
    first = joined(None, [week(3, 4), week(2, 3)], newer_wins=True)
    both = joined(first, [week(1, 2), week(0, 1)], newer_wins=False)

    assert both == StarDays(SUNDAY, (1, *[0] * 6, 2, *[0] * 6, 3, *[0] * 6, 4, *[0] * 6))
    assert (both.total, both.last) == (10, date(2026, 3, 28))


def test_of_a_week_that_is_known_the_caller_says_which_copy_stays() -> None:
    known = StarDays(SUNDAY, (5, 5, 5, 5, 0, 0, 0))
    page = [week(1, 1), week(0, 4, 5, 5, 5, 9)]

    assert joined(known, page, newer_wins=True) == StarDays(
        SUNDAY, (4, 5, 5, 5, 9, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    )
    assert joined(known, page, newer_wins=False) == StarDays(
        SUNDAY, (5, 5, 5, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    )


def test_days_that_end_within_a_week_are_completed_by_its_page() -> None:
    known = StarDays(SUNDAY, (5, 5))

    assert joined(known, [week(0, 4, 4, 4)], newer_wins=False) == StarDays(
        SUNDAY, (5, 5, 4, 0, 0, 0, 0)
    )


@pytest.mark.parametrize("newer_wins", [True, False])
def test_the_first_copy_in_a_page_counts(newer_wins: bool) -> None:
    page = [week(0, 1), week(0, 2)]

    assert joined(None, page, newer_wins=newer_wins) == StarDays(SUNDAY, (1, *[0] * 6))


@pytest.mark.parametrize("number", [-2, 2])
def test_a_hole_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="have a hole"):
        joined(StarDays(SUNDAY, (1,) * 7), [week(number)], newer_wins=True)


def test_an_empty_page_adds_nothing() -> None:
    known = StarDays(SUNDAY, (1, 2))

    assert joined(None, [], newer_wins=True) is None
    assert joined(known, [], newer_wins=True) == known


@given(some.data())
def test_pages_in_any_order_that_shift_meanwhile_give_the_truth(data: some.DataObject) -> None:
    weeks = data.draw(some.integers(1, 40))
    counts = data.draw(some.lists(some.integers(0, 99), min_size=7 * weeks, max_size=7 * weeks))
    size, shift = data.draw(some.integers(1, 9)), data.draw(some.integers(0, 1))
    truth = StarDays(SUNDAY, tuple(counts))
    told = weeks_of(truth)[shift:]  # what was there when the paging began
    pages = [told[:size]]
    for begin in range(size, len(told), size):  # the newest week appeared, all others moved on
        pages.append(weeks_of(truth)[begin : begin + size])
    pages.append(weeks_of(truth)[len(told) // size * size :])

    found: StarDays | None = None
    for page in pages:
        mixed = data.draw(some.permutations(page))
        found = joined(found, mixed, newer_wins=data.draw(some.booleans()))

    assert found is not None
    assert found.first == truth.first
    assert found.counts == truth.counts[: len(found.counts)]
    assert len(found.counts) >= 7 * len(told)


# Bytes


@given(DAYS, COUNTS)
def test_packed_days_come_back(first: date, counts: list[int]) -> None:
    days = StarDays(first, tuple(counts))

    assert unpack(pack(days)) == days


@pytest.mark.parametrize("data", [b"", b"garbage", pack(StarDays(SUNDAY, (1, 2)))[:-1]])
def test_what_was_not_packed_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no packed days"):
        unpack(data)


@given(some.binary(max_size=40))
def test_bytes_from_elsewhere_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no packed days"):
        unpack(data)


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        pack(StarDays(SUNDAY, (-1,)))


@pytest.mark.parametrize(
    ("stars_a_day", "bytes_a_day"), [(0.2, 0.3), (20, 1), (200, 1.5), (2_000, 2)]
)
def test_a_day_takes_less_than_two_bytes(stars_a_day: float, bytes_a_day: float) -> None:
    random = Random(1)
    counts = [int(random.expovariate(1 / stars_a_day)) for _ in range(365 * 12)]

    assert len(pack(StarDays(SUNDAY, tuple(counts)))) < bytes_a_day * len(counts)


# Days that are over


@pytest.mark.parametrize(
    ("now", "counts"),
    [
        (utc(2026, 2, 1), ()),
        (utc(2026, 3, 2, 7, 59), ()),
        (utc(2026, 3, 2, 8), (1,)),
        (utc(2026, 3, 8, 12), (1, 2, 3, 4, 5, 6, 7)),
        (utc(2027, 1, 1), (1, 2, 3, 4, 5, 6, 7)),
    ],
)
def test_only_days_that_ended_are_complete(now: datetime, counts: tuple[int, ...]) -> None:
    assert until(StarDays(SUNDAY, (1, 2, 3, 4, 5, 6, 7)), now) == StarDays(SUNDAY, counts)


def test_daily_are_the_stars_of_each_day_at_its_end() -> None:
    assert daily(StarDays(date(2026, 3, 7), (1, 0, 3))) == [
        (utc(2026, 3, 8, 8), 1),
        (utc(2026, 3, 9, 7), 0),
        (utc(2026, 3, 10, 7), 3),
    ]


def test_points_are_the_stars_at_the_ends_of_days() -> None:
    assert points(StarDays(date(2026, 3, 7), (1, 0, 3))) == [
        (utc(2026, 3, 8, 8), 1),
        (utc(2026, 3, 9, 7), 1),
        (utc(2026, 3, 10, 7), 4),
    ]


@given(DAYS, COUNTS)
def test_points_rise_to_the_total(first: date, counts: list[int]) -> None:
    days = StarDays(first, tuple(counts))

    found = points(days)

    assert all(one[0] < other[0] and one[1] <= other[1] for one, other in pairwise(found))
    assert [stars for _, stars in found[-1:]] == ([days.total] if counts else [])


# Gains

TEN_DAYS = StarDays(SUNDAY, (1, 2, 4, 8, 16, 32, 64, 128, 256, 512))
NOON = utc(2026, 3, 8, 20)  # of the day with 128


@pytest.mark.parametrize(
    ("start", "stars", "since"),
    [
        (utc(2026, 3, 1, 8), 127, utc(2026, 3, 1, 8)),
        (utc(2026, 3, 2, 7, 59), 127, utc(2026, 3, 1, 8)),
        (utc(2026, 3, 2, 8), 126, utc(2026, 3, 2, 8)),
        (utc(2026, 3, 7, 20), 64, utc(2026, 3, 7, 8)),
    ],
)
def test_a_gain_is_told_from_midnight_through_the_last_day_that_ended(
    start: datetime, stars: int, since: datetime
) -> None:
    assert gain_since(TEN_DAYS, start, DAY, NOON) == (stars, since, utc(2026, 3, 8, 8))


def test_a_gain_ends_with_the_days_that_are_known() -> None:
    found = gain_since(TEN_DAYS, utc(2026, 3, 9, 12), DAY, utc(2026, 4, 1))

    assert found == (256 + 512, utc(2026, 3, 9, 7), utc(2026, 3, 11, 7))


@pytest.mark.parametrize(
    ("start", "tolerance", "now"),
    [
        (utc(2026, 3, 1, 7, 59), DAY, NOON),  # before the days
        (utc(2026, 3, 7, 20), 11 * HOUR, NOON),  # far after midnight
        (utc(2026, 3, 8, 9), DAY, NOON),  # its day is not over
        (utc(2026, 3, 12), DAY, utc(2026, 4, 1)),  # after the days
        (utc(2026, 3, 7, 20), DAY, utc(2026, 2, 1)),
    ],
)
def test_no_gain_is_told_of_what_the_days_do_not_cover(
    start: datetime, tolerance: timedelta, now: datetime
) -> None:
    assert gain_since(TEN_DAYS, start, tolerance, now) is None


def test_before_a_whole_history_there_were_no_stars() -> None:
    start = utc(2026, 2, 1, 12)
    since, end = utc(2026, 2, 1, 8), utc(2026, 3, 8, 8)

    assert gain_since(TEN_DAYS, start, DAY, NOON, whole=True) == (127, since, end)
    assert gain_since(TEN_DAYS, start, HOUR, NOON, whole=True) is None
    assert gain_since(TEN_DAYS, start, DAY, start, whole=True) is None
    assert gain_since(TEN_DAYS, start, DAY, utc(2026, 2, 20), whole=True) == (
        (0, since, utc(2026, 2, 19, 8))
    )


@given(some.integers(0, 90 * 24), some.integers(0, 90 * 24), COUNTS)
def test_a_gain_is_the_sum_of_its_days(start: int, now: int, counts: list[int]) -> None:
    days = StarDays(SUNDAY, tuple(counts))
    moments = [utc(2026, 2, 1) + hours * HOUR for hours in (start, now)]

    found = gain_since(days, moments[0], 2 * DAY, moments[1], whole=True)

    if found is not None:
        stars, since, end = found
        ends = [(end_of(SUNDAY + n * DAY), count) for n, count in enumerate(counts)]
        assert since <= moments[0] and since < end <= moments[1]
        assert stars == sum(count for at, count in ends if since < at <= end)
