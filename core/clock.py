"""Moments in UTC: reading the clock, rounding to slots, and RFC 3339 text."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

Clock = Callable[[], datetime]  # as `now`, which tests put another in the place of

TOLERANCE = MINUTE  # how far ahead of the clock a moment may lie and not be from the future

RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d(?P<time>[Tt ]\d\d:\d\d:\d\d(\.\d+)?(?P<offset>[Zz]|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)


def now() -> datetime:
    """The current moment, to the millisecond that the database keeps."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def is_future(moment: datetime, now: datetime) -> bool:
    """Whether a moment lies ahead by more than clocks differ: one that a clock told which ran
    ahead. Nothing of it may win over what is known by the clock of now."""
    return moment > now + TOLERANCE


def floor(moment: datetime, step: timedelta) -> datetime:
    """Round down to a multiple of `step` since the epoch: the slot that a moment lies in."""
    return moment - (moment - EPOCH) % step


def ceil(moment: datetime, step: timedelta) -> datetime:
    """Round up to a multiple of `step` since the epoch; a moment on one stays."""
    return moment + (EPOCH - moment) % step


def next_tick(moment: datetime, every: timedelta, offset: timedelta) -> datetime:
    """The first moment after `moment` that lies `offset` after a multiple of `every` since
    the epoch."""
    return floor(moment - offset, every) + every + offset


@lru_cache(maxsize=1024)  # documents tell the same few moments thousands of times
def rfc3339(moment: datetime) -> str:
    """Format a UTC moment with `Z`, with milliseconds only where there are any."""
    precision = "milliseconds" if moment.microsecond >= 1000 else "seconds"
    return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


@lru_cache(maxsize=16_384)  # a few years' midnights, which all repositories' series have
def at(seconds: int) -> str:
    """Format a slot, in seconds since the epoch."""
    return rfc3339(EPOCH + timedelta(seconds=seconds))


def parse(text: str) -> datetime:
    """Read RFC 3339 with an offset, or a date (midnight UTC).

    Raises ValueError for anything else, a time without an offset included.
    """
    form = RFC3339.fullmatch(text)
    if form is None:
        raise ValueError("neither RFC 3339 nor a date")
    if form["time"] is None:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    if form["offset"] is None:
        raise ValueError("no offset from UTC, such as a final Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("out of range") from None


def build_offset(poll_every: timedelta) -> timedelta:
    """How far into a slot builds begin: late enough for the polls at its start, and soon enough
    for a reader who expects what was polled a minute ago."""
    return min(timedelta(seconds=30), poll_every / 6)
