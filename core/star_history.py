"""GitHub's star history: the stars that stand, by the day of Los Angeles that each was given on."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from core.clock import DAY

LOS_ANGELES = ZoneInfo("America/Los_Angeles")

FRESH = 2 * DAY  # days that were read longer ago lack too much to tell a gain up to now, or
MOST_LACKING = 1 / 52  # of the span of a gain, where that is more
LEADING = bytes(range(0x80, 0x100))  # bytes of a packed number after which another follows
LONGEST_NUMBER = 3  # bytes: two million stars a day


@dataclass(frozen=True, slots=True)
class Week:
    """A week as GitHub tells it: its Sunday, and the stars of its seven days, Sunday first. Days
    to come have none."""

    first: date
    days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StarDays:
    """The stars of each day from `first` on, without a hole; of no day where `counts` is empty."""

    first: date
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.counts)

    @property
    def last(self) -> date:
        """The day of the last count."""
        return self.first + (len(self.counts) - 1) * DAY


def day_of(moment: datetime) -> date:
    """Return the day of Los Angeles that a moment lies in."""
    return moment.astimezone(LOS_ANGELES).date()


def end_of(day: date) -> datetime:
    """Return the moment, in UTC, of the midnight in Los Angeles that a day ends with."""
    return datetime.combine(day + DAY, time.min, LOS_ANGELES).astimezone(UTC)


def joined(known: StarDays | None, weeks: Sequence[Week], *, newer_wins: bool) -> StarDays | None:
    """Add the weeks of a page, in any order, to the days that are known.

    Of two copies of a week in the page the first counts; of a day that is known, too, the page's
    where `newer_wins`, else the known one. Raises ValueError where a hole would remain.
    """
    distinct = {week.first: week for week in reversed(weeks)}
    page = {
        first + number * DAY: count
        for first, week in distinct.items()
        for number, count in enumerate(week.days)
    }
    old = (
        {known.first + number * DAY: it for number, it in enumerate(known.counts)} if known else {}
    )
    counts = old | page if newer_wins else page | old
    if not counts:
        return known
    days = sorted(counts)
    if (days[-1] - days[0]).days >= len(days):
        raise ValueError(f"the days from {days[0]} to {days[-1]} have a hole")
    return StarDays(days[0], tuple(counts[day] for day in days))


def pack(days: StarDays) -> bytes:
    """Return days as bytes to store: the first day's ordinal and the counts as LEB128, by zlib."""
    return zlib.compress(b"".join(map(_leb128, (days.first.toordinal(), *days.counts))), 9)


def unpack(data: bytes) -> StarDays:
    """Return the days that `pack` made bytes of. Raises ValueError where it made no such bytes."""
    try:
        ordinal, *counts = _numbers(zlib.decompress(data))
        return StarDays(date.fromordinal(ordinal), tuple(counts))
    except (zlib.error, ValueError, OverflowError) as error:
        raise ValueError(f"{len(data)} bytes are no packed days: {error}") from error


def unpack_recent(data: bytes, most: int) -> StarDays:
    """Return the last days alone, `most` of them at least where there are so many: gains are told
    by those of a year, of thousands of repositories."""
    raw = zlib.decompress(data)
    ordinal = next(_numbers(raw))
    days = len(raw.translate(None, delete=LEADING)) - 1  # each number ends with a byte under 128
    tail = raw[-(most + 1) * LONGEST_NUMBER :]
    if len(tail) == len(raw):
        return unpack(data)
    begin = next(position for position, byte in enumerate(tail) if byte < 0x80) + 1
    counts = tuple(_numbers(tail[begin:]))
    return StarDays(date.fromordinal(ordinal + days - len(counts)), counts)


def _leb128(number: int) -> bytes:
    if number < 0:
        raise ValueError(f"{number} is negative")
    groups = [number & 0x7F]
    while number := number >> 7:
        groups[-1] |= 0x80  # another follows
        groups.append(number & 0x7F)
    return bytes(groups)


def _numbers(data: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0
    if shift:
        raise ValueError("the last number has no end")


def until(days: StarDays, now: datetime) -> StarDays:
    """Return the days that had ended in Los Angeles by `now`.

    Of days that were read earlier `now` is when they were read: GitHub tells 0 of days to come.
    """
    ended = max(0, (day_of(now) - days.first).days)
    return replace(days, counts=days.counts[:ended])


def points(days: StarDays) -> list[tuple[datetime, int]]:
    """Return the end of each day, in UTC, with all stars until then."""
    ends = (end_of(days.first + number * DAY) for number in range(len(days.counts)))
    return list(zip(ends, accumulate(days.counts), strict=True))


def daily(days: StarDays) -> list[tuple[datetime, int]]:
    """Return the end of each day, in UTC, with the stars of that day."""
    return [(end_of(days.first + number * DAY), it) for number, it in enumerate(days.counts)]


def gain_since(
    days: StarDays,
    start: datetime,
    tolerance: timedelta,
    now: datetime,
    *,
    whole: bool = False,
) -> tuple[int, datetime, datetime] | None:
    """Return the stars from the last midnight of Los Angeles at or before `start` through the last
    day that had ended by `now` (see `until`), with that midnight and the end of that day.

    `whole`: the days are all there are, so before the first there were no stars. None where that
    midnight lies before the days or more than `tolerance` before `start`, or no such day after it.
    """
    first, last = day_of(start), min(days.last, day_of(now) - DAY)
    since = end_of(first - DAY)
    if last < first or start - since > tolerance or (first < days.first and not whole):
        return None
    begin, end = ((day - days.first).days for day in (first, last + DAY))
    return sum(days.counts[max(0, begin) : max(0, end)]), since, end_of(last)


def fresh_for(span: timedelta) -> timedelta:
    """Return for how long days tell of a span up to now, once they were read."""
    return max(FRESH, span * MOST_LACKING)


@dataclass(frozen=True, slots=True)
class ToldDays:
    """The days of a repository as they are stored. Those are complete that had ended at `read_at`.
    `whole`: they begin with the first star there is."""

    packed: bytes
    read_at: datetime
    whole: bool

    def gain(
        self, start: datetime, tolerance: timedelta, as_of: datetime
    ) -> tuple[int, datetime, datetime] | None:
        """Return as `gain_since` does; None where the days were read too long ago."""
        if as_of - self.read_at > fresh_for(as_of - start):
            return None
        span = (as_of - start) // DAY + 9  # a week more than the window, and what clocks differ by
        days = unpack_recent(self.packed, span)
        whole = self.whole and days.first == unpack_first(self.packed)
        return gain_since(days, start, tolerance, min(as_of, self.read_at), whole=whole)


def unpack_first(data: bytes) -> date:
    """Return the first day alone."""
    return date.fromordinal(next(_numbers(zlib.decompress(data))))
