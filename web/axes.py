"""The ticks on the axes of a chart, and their labels: round counts, and moments in UTC."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

from core.clock import DAY, EPOCH, HOUR, MINUTE

MOST_COUNT_STEPS = 5
MOST_CLOCK_TICKS, MOST_MONTH_TICKS = 6, 8  # "24 Nov" takes more room than "2026"

MONDAY = datetime(1970, 1, 5, tzinfo=UTC)

CLOCK_STEPS = (
    *(minutes * MINUTE for minutes in (1, 5, 10, 30)),
    *(hours * HOUR for hours in (1, 3, 6, 12)),
    *(days * DAY for days in (1, 2, 7, 14)),
)
MONTH_STEPS = (1, 3, 6, 12, 24, 60, 120)
YEAR = 365.2425 * DAY
AGE_STEPS = (
    *((hours * HOUR, "h", hours) for hours in (1, 3, 6, 12)),
    *((days * DAY, "d", days) for days in (1, 2, 5, 10, 20, 30, 60, 90)),
    *((years * YEAR, "y", years) for years in (1, 2, 5, 10, 20)),
)


def counts(low: int, high: int) -> range:
    """Up to 6 counts in steps of 1, 2 or 5 times a power of ten that enclose `low` and `high`: from
    0, unless they differ by less than a third, where the line would be flat."""
    if low == high:
        low, high = max(low - 1, 0), high + 1
    if 3 * (high - low) >= high:
        low = 0
    step = _step(low, high)
    return range(low // step * step, math.ceil(high / step) * step + 1, step)


def log_counts(low: int, high: int) -> list[int]:
    """Up to 7 counts, each 1, 2 or 5 times a power of ten, or those powers alone where there are
    more, that enclose `low` and `high`: from 1, since 0 has no place on such an axis."""
    low, high = max(low, 1), max(high, 2)
    for digits in ((1, 2, 5), (1,)):
        ticks = [digit * 10**power for power in range(len(str(high)) + 1) for digit in digits]
        first = max(tick for tick in ticks if tick <= low)
        last = min(tick for tick in ticks if tick >= high and tick > first)
        chosen = [tick for tick in ticks if first <= tick <= last]
        if len(chosen) <= MOST_COUNT_STEPS + 2:
            break
    return chosen


def ranks(best: int, worst: int) -> list[int]:
    """Up to 6 ranks in steps of 1, 2 or 5 times a power of ten that enclose two: 1, never 0."""
    low, high = (max(best - 1, 1), worst + 1) if best == worst else (best, worst)
    step = _step(low, high)
    return [max(it, 1) for it in range(low // step * step, math.ceil(high / step) * step + 1, step)]


def _step(low: int, high: int) -> int:
    sizes: Iterator[int] = (digit * 10**power for power in count() for digit in (1, 2, 5))
    return next(size for size in sizes if math.ceil(high / size) - low // size <= MOST_COUNT_STEPS)


def heights(scale: str) -> Callable[[int], float]:
    """Return how high a count is drawn; on an axis of powers 0 is drawn as 1. The best rank is
    the highest."""
    if scale == "rank":
        return lambda rank: float(-rank)
    return (lambda count: math.log10(max(count, 1))) if scale == "log" else float


def labelled(extremes: tuple[int, int], scale: str) -> list[tuple[float, str]]:
    """The ticks of counts with their labels, as high as they are drawn."""
    height = heights(scale)
    if scale == "rank":
        return [(height(rank), f"{rank}") for rank in reversed(ranks(*extremes))]
    if scale == "log":
        return [(height(count), count_label(count, count)) for count in log_counts(*extremes)]
    ticks = counts(*extremes)
    return [(count, count_label(count, ticks.step)) for count in ticks]


def ages(length: timedelta) -> list[tuple[datetime, str]]:
    """Up to 8 ages with their labels, as moments since the epoch."""
    every, unit, number = next(
        (step for step in AGE_STEPS if length / step[0] < MOST_MONTH_TICKS), AGE_STEPS[-1]
    )
    ticks = range(int(length / every) + 1)
    return [(EPOCH + i * every, f"{i * number} {unit}" if i else "0") for i in ticks]


def count_label(stars: int, step: int) -> str:
    """A tick's label: 0, 250k, 1.2M, or in full where ticks are less than 1,000 apart."""
    if step < 1000 or not stars:
        return f"{stars:,}"
    return f"{stars / 1e6:.9g}M" if stars >= 1_000_000 else f"{stars / 1e3:.9g}k"


def rounded(stars: int) -> str:
    """A count to three digits: 9,876, 12.3k, 392k, 1.18M."""
    return count_label(int(float(f"{stars:.3g}")), 1000) if stars >= 10_000 else f"{stars:,}"


def moments(first: datetime, last: datetime, step: timedelta) -> list[tuple[datetime, str]]:
    """Up to 8 moments with their labels: hours, days (weeks begin on Monday), months or years;
    hours and days no closer than `step`."""
    ticks = _clock_ticks(first, last, step)
    return _month_ticks(first, last) if ticks is None else ticks


def day(moment: datetime) -> str:
    """A day without its year, such as `24 Nov`."""
    return f"{moment.day} {moment:%b}"


def _clock_ticks(
    first: datetime, last: datetime, step: timedelta
) -> list[tuple[datetime, str]] | None:
    """Ticks of minutes, hours or days; None where there would be too many."""
    for every in CLOCK_STEPS:
        start = first + (MONDAY - first) % every
        if every >= step and (last - start) // every < MOST_CLOCK_TICKS:
            ticks = [start + i * every for i in range((last - start) // every + 1)]
            return [(at, f"{at:%H:%M}" if at.hour or at.minute else day(at)) for at in ticks]
    return None


def _month_ticks(first: datetime, last: datetime) -> list[tuple[datetime, str]]:
    """Ticks of months or years, each labelled by its month or, a January, by its year."""
    months = range(12 * first.year, 12 * last.year + 12)
    for every in MONTH_STEPS:
        starts = [datetime(i // 12, i % 12 + 1, 1, tzinfo=UTC) for i in months if i % every == 0]
        ticks = [at for at in starts if first <= at <= last]
        if len(ticks) <= MOST_MONTH_TICKS:
            break
    return [(at, f"{at:%b}" if at.month > 1 else f"{at.year}") for at in ticks]
