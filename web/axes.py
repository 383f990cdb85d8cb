"""Where the axes of a chart have ticks, and what these say: round counts, and moments in UTC."""

from datetime import UTC, datetime, timedelta
from itertools import count

from core.clock import DAY, HOUR, MINUTE

MOST_CLOCK_TICKS, MOST_MONTH_TICKS = 6, 8  # "24 Nov" takes more room than "2026"

MONDAY = datetime(1970, 1, 5, tzinfo=UTC)

CLOCK_TICKS = [minutes * MINUTE for minutes in (1, 5, 10, 30)]

CLOCK_TICKS += [hours * HOUR for hours in (1, 3, 6, 12)] + [days * DAY for days in (1, 2, 7, 14)]

MONTH_TICKS = (1, 3, 6, 12, 24, 60, 120)


def counts(low: int, high: int) -> range:
    """Up to 6 counts in steps of 1, 2 or 5 times a power of ten that enclose `low` and `high`: from
    0, unless they differ by less than a third, where the line would be flat."""
    if low == high:
        low, high = max(low - 1, 0), high + 1
    if 3 * (high - low) >= high:
        low = 0
    steps = (digit * 10**power for power in count() for digit in (1, 2, 5))
    every = next(it for it in steps if -(-high // it) - low // it <= 5)
    return range(low // every * every, -(-high // every) * every + 1, every)


def count_label(stars: int, every: int) -> str:
    """A tick's label: 0, 250k, 1.2M, or in full where ticks are less than 1,000 apart."""
    if every < 1000 or not stars:
        return f"{stars:,}"
    return f"{stars / 1e6:.9g}M" if stars >= 1_000_000 else f"{stars / 1e3:.9g}k"


def rounded(stars: int) -> str:
    """A count to three digits: 9,876, 12.3k, 392k, 1.18M."""
    return count_label(int(float(f"{stars:.3g}")), 1000) if stars >= 10_000 else f"{stars:,}"


def moments(first: datetime, last: datetime, step: timedelta) -> list[tuple[datetime, str]]:
    """Up to 8 moments with their labels: hours, days (weeks begin on Monday), months or years;
    hours and days no closer than `step`."""
    for every in CLOCK_TICKS:
        start = first + (MONDAY - first) % every
        if every >= step and (last - start) // every < MOST_CLOCK_TICKS:
            found = [start + i * every for i in range((last - start) // every + 1)]
            return [(it, f"{it:%H:%M}" if it.hour or it.minute else day(it)) for it in found]
    months = range(12 * first.year, 12 * last.year + 12)
    for each in MONTH_TICKS:
        found = [datetime(it // 12, it % 12 + 1, 1, tzinfo=UTC) for it in months if it % each == 0]
        found = [it for it in found if first <= it <= last]
        if len(found) <= MOST_MONTH_TICKS:
            break
    return [(it, f"{it:%b}" if it.month > 1 else f"{it.year}") for it in found]


def day(moment: datetime) -> str:
    """Such as `24 Nov`."""
    return f"{moment.day} {moment:%b}"
