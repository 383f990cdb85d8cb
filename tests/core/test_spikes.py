"""Spikes: what is one, what is none, and how many a day there are in the archive."""

import csv
from collections import Counter, defaultdict
from datetime import UTC, datetime
from statistics import median

import pytest

from core.clock import DAY, HOUR
from core.spikes import BEFORE, FEWEST, LEAST_GAIN, Spike, spike
from tests.support.archive import REAL

END = datetime(2026, 3, 2, tzinfo=UTC)


def days(*gains: int, last: int, start: int = 10_000) -> list[tuple[datetime, int]]:
    """Readings at the midnights of days with such gains, the last of which is judged."""
    stars = [start]
    for gain in (*gains, last):
        stars.append(stars[-1] + gain)
    first = END - (len(stars) - 1) * DAY
    return [(first + number * DAY, count) for number, count in enumerate(stars)]


QUIET = [5, 7, 6, 4, 8] * 6
LOUD = [900, 1_100, 1_000, 950, 1_050] * 6


@pytest.mark.parametrize(
    ("gains", "last", "found"),
    [
        (QUIET, 500, Spike(500, 6)),
        (QUIET, 100, Spike(100, 6)),
        (QUIET, 99, None),  # far above, and yet few
        (LOUD, 3_000, Spike(3_000, 1_000)),
        (LOUD, 2_999, None),  # not three times as many
        ([0] * 30, 150, Spike(150, 0)),
        ([-3] * 30, 150, Spike(150, 0)),
        ([10, 400] * 15, 1_500, None),  # it does so every other day
        (QUIET[:FEWEST], 500, Spike(500, 6)),
        (QUIET[: FEWEST - 1], 500, None),  # too little is known of it
        ([], 500, None),
    ],
)
def test_a_spike_is_far_above_what_the_repository_gained_before(
    gains: list[int], last: int, found: Spike | None
) -> None:
    assert spike(days(*gains, last=last)) == found


def test_days_before_the_last_30_do_not_count() -> None:
    assert spike(days(*[900] * 40, *QUIET, last=500)) == Spike(500, 6)


def test_a_spike_yesterday_does_not_hide_one_today() -> None:
    assert spike(days(*QUIET[:29], 4_000, last=500)) == Spike(500, 6)


def test_what_came_together_in_a_gap_is_no_spike() -> None:
    readings = days(*QUIET, last=500)
    del readings[-2]  # nobody looked the day before

    assert spike(readings) is None
    assert spike([*readings[:-1], (END - 20 * HOUR, readings[-1][1])]) is not None  # within 28 h


def test_the_archive_has_a_handful_a_day_over_all_lists() -> None:
    if not REAL.exists():
        pytest.skip("the archive is not here")
    readings: dict[str, dict[datetime, int]] = defaultdict(dict)
    dates = []
    for path in sorted(REAL.glob("github-ranking-2025-0*.csv")):
        date = datetime.fromisoformat(path.stem[-10:]).replace(tzinfo=UTC)
        dates.append(date)
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            for row in csv.DictReader(file):
                readings[f"{row['username']}/{row['repo_name']}"][date] = int(row["stars"])

    told = Counter(
        date
        for of in readings.values()
        for date in dates
        if of.get(date, 0) - of.get(date - DAY, 10**9) >= LEAST_GAIN  # or it takes ten seconds
        and spike([(at, of[at]) for at in sorted(of) if date - (BEFORE + 1) * DAY <= at <= date])
    )

    complete = [date for date in dates if date - DAY in dates and dates.index(date) > FEWEST]
    assert len(complete) > 25
    assert 2 <= median(told[date] for date in complete) <= 6
    assert max(told.values()) <= 12
