"""Axes that people like: round counts and round moments, few enough to read."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.clock import DAY, HOUR
from web import axes

MINUTE = timedelta(minutes=1)
LAST = datetime(2026, 11, 24, 20, 20, tzinfo=UTC)  # a Tuesday


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (68_000, 201_234, "0 50k 100k 150k 200k 250k"),
        (20, 1_180_000, "0 500k 1M 1.5M"),
        (900_000, 1_180_000, "900k 1M 1.1M 1.2M"),
        (1_201_000, 1_209_000, "1.2M 1.202M 1.204M 1.206M 1.208M 1.21M"),
        (240_100, 243_800, "240k 241k 242k 243k 244k"),
        (201_000, 201_237, "201,000 201,050 201,100 201,150 201,200 201,250"),
        (120, 9_000, "0 2k 4k 6k 8k 10k"),
        (600, 1_900, "0 500 1,000 1,500 2,000"),
        (500, 500, "499 500 501"),
        (0, 0, "0 1"),
        (1, 1, "0 1 2"),
        (0, 3, "0 1 2 3"),
    ],
)
def test_counts_are_round_and_begin_at_0_unless_the_line_would_be_flat(
    low: int, high: int, labels: str
) -> None:
    found = axes.counts(low, high)

    assert [axes.count_label(it, found.step) for it in found] == labels.split()


@given(some.tuples(some.integers(0, 10**9), some.integers(0, 10**9)).map(sorted))
def test_counts_enclose_what_is_drawn_with_at_most_6_labels_that_all_differ(
    ends: list[int],
) -> None:
    low, high = ends

    found = axes.counts(low, high)

    assert found[0] <= low <= high <= found[-1]
    assert 2 <= len(found) <= 6
    assert len({axes.count_label(it, found.step) for it in found}) == len(found)


@pytest.mark.parametrize(
    ("stars", "text"),
    [(0, "0"), (9_876, "9,876"), (12_345, "12.3k"), (391_779, "392k"), (999_999, "1M")]
    + [(1_184_000, "1.18M")],
)
def test_a_rounded_count_has_three_digits(stars: int, text: str) -> None:
    assert axes.rounded(stars) == text


@pytest.mark.parametrize(
    ("span", "step", "labels"),
    [
        (30 * MINUTE, 10 * MINUTE, ["19:50", "20:00", "20:10", "20:20"]),
        (6 * HOUR, 10 * MINUTE, ["15:00", "16:00", "17:00", "18:00", "19:00", "20:00"]),
        (DAY, 10 * MINUTE, ["24 Nov", "06:00", "12:00", "18:00"]),
        (2 * DAY, 10 * MINUTE, ["23 Nov", "12:00", "24 Nov", "12:00"]),
        (2 * DAY, DAY, ["23 Nov", "24 Nov"]),
        (9 * DAY, HOUR, ["17 Nov", "19 Nov", "21 Nov", "23 Nov"]),
        (30 * DAY, 2 * HOUR, ["26 Oct", "2 Nov", "9 Nov", "16 Nov", "23 Nov"]),
        (100 * DAY, DAY, ["Sep", "Oct", "Nov"]),
        (365 * DAY, DAY, ["2026", "Apr", "Jul", "Oct"]),
        (1_000 * DAY, 2 * DAY, ["Jul", "2025", "Jul", "2026", "Jul"]),
        (2_555 * DAY, 4 * DAY, ["2020", "2021", "2022", "2023", "2024", "2025", "2026"]),
        (5_000 * DAY, 8 * DAY, ["2014", "2016", "2018", "2020", "2022", "2024", "2026"]),
    ],
)
def test_moments_are_hours_days_months_or_years_as_fits_the_span(
    span: timedelta, step: timedelta, labels: list[str]
) -> None:
    assert [label for _, label in axes.moments(LAST - span, LAST, step)] == labels


@given(some.integers(10, 60 * 24 * 365 * 30))
def test_moments_lie_in_the_span_and_are_between_1_and_8(minutes: int) -> None:
    first = LAST - minutes * MINUTE

    found = [at for at, _ in axes.moments(first, LAST, MINUTE)]

    assert 1 <= len(found) <= 8
    assert found == sorted(set(found))
    assert first <= found[0] <= found[-1] <= LAST


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 0, "1 2"),
        (3, 40, "2 5 10 20 50"),
        (120, 9_000, "100 200 500 1k 2k 5k 10k"),
        (1, 400_000, "1 10 100 1k 10k 100k 1M"),
        (10, 100, "10 20 50 100"),
    ],
)
def test_counts_of_powers_enclose_what_is_drawn(low: int, high: int, labels: str) -> None:
    assert " ".join(label for _, label in axes.labelled((low, high), "log")) == labels


@pytest.mark.parametrize(
    ("length", "labels"),
    [
        (5 * HOUR, "0 1 h 2 h 3 h 4 h 5 h"),
        (35 * DAY, "0 5 d 10 d 15 d 20 d 25 d 30 d 35 d"),
        (2600 * DAY, "0 1 y 2 y 3 y 4 y 5 y 6 y 7 y"),
    ],
)
def test_ages_are_round(length: timedelta, labels: str) -> None:
    assert " ".join(label for _, label in axes.ages(length)) == labels
