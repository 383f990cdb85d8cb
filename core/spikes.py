"""Spikes: a day's gain of stars far above what a repository gained on its own last 30 days."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from core.clock import DAY

BEFORE = 30  # days that a day is held against
FEWEST = 14  # of them known, or nothing is told

LEAST_GAIN = 100  # stars
LEAST_TIMES = 3  # the median
LEAST_DEVIATIONS = 10  # above the median

NORMAL = 1.4826  # a standard deviation, in median absolute deviations of normal noise
LONGEST = 2 * DAY  # between two readings that tell what a day gained
DAY_LENGTHS = (0.75, 1.25)  # days between the readings of the day that is judged


@dataclass(frozen=True, slots=True)
class Spike:
    """`gain`: stars of the day; `usual`: the median of the days before."""

    gain: int
    usual: int


def spike(readings: Sequence[tuple[datetime, int]]) -> Spike | None:
    """Return the spike that the last day of readings is, if it is one.

    `readings`: the slot and stars of the last reading of each day that has one, oldest first; the
    last two are those of the day that is judged. Counting noise grows as the square root, so no
    repository is taken to be steadier than that.
    """
    gains = list(_gains(readings))
    if len(gains) <= FEWEST:
        return None
    *before, (days, gain) = gains
    shortest, longest = DAY_LENGTHS
    if not shortest <= days <= longest or gain < LEAST_GAIN:
        return None
    rates = [stars / length for length, stars in before[-BEFORE:]]
    usual = median(rates)
    spread = NORMAL * median(abs(rate - usual) for rate in rates)
    deviation = max(spread, math.sqrt(max(usual, 1)))
    if gain < LEAST_TIMES * usual or gain - usual < LEAST_DEVIATIONS * deviation:
        return None
    return Spike(gain, max(0, round(usual)))


def _gains(readings: Sequence[tuple[datetime, int]]) -> Iterator[tuple[float, int]]:
    """Yield how many days lie between two readings, and the stars gained; not across a gap."""
    for (earlier, fewer), (later, more) in zip(readings, readings[1:], strict=False):
        if earlier < later <= earlier + LONGEST:
            yield (later - earlier) / DAY, more - fewer
