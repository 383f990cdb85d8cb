"""What the headers of GitHub's answers say of its limits, on our clock."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST_HEADER = timedelta(days=1)  # no header stops the service for longer


def whole(text: str | None) -> int | None:
    """The whole number of a header, as far as SQL's integers go; None where it makes no sense."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    return int(text) if int(text) < 2**31 else None


def http_date(text: str | None) -> datetime | None:
    """The moment of an HTTP date; None where it is none."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def reset_of(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """The moment of X-RateLimit-Reset on our clock; None where there is none ahead of us."""
    reset = headers.get("x-ratelimit-reset", "")
    return _ahead(int(reset), headers, now) if re.fullmatch(r"\d{1,18}", reset, re.A) else None


def retry_after(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """The moment of Retry-After, in seconds or as an HTTP date; None where it is not ahead."""
    named = headers.get("retry-after", "")
    if re.fullmatch(r"\d{1,18}", named, re.A):
        wait = min(timedelta(seconds=min(int(named), 10**6)), LONGEST_HEADER)
        return now + wait if wait else None
    date = http_date(named)
    return None if date is None else _ahead(date.timestamp(), headers, now)


def _ahead(theirs: float, headers: Mapping[str, str], now: datetime) -> datetime | None:
    """A moment of GitHub's clock, in epoch seconds, on ours; None where it has passed."""
    # The answer's `Date` is by GitHub's clock too: their difference holds though ours be wrong by
    # hours. A second on top makes up for the rounding of both.
    wait = theirs - (http_date(headers.get("date")) or now).timestamp()
    return now + min(timedelta(seconds=min(wait + 1, 10**6)), LONGEST_HEADER) if wait > 0 else None
