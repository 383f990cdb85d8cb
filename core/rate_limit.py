"""GitHub's rate limits as arithmetic: when the next request may be sent, and what an answer says.

Moments are UTC. The state is shared by all workers through SQL; nothing here reads a clock.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from core import clock

Resource = Literal["search", "core", "graphql"]

SECONDARY_PAUSE = timedelta(minutes=1)  # the least, where GitHub names no moment; doubles
LONGEST_PAUSE = timedelta(hours=1)  # where the doubling ends
LONGEST_HEADER = timedelta(days=1)  # no header stops the service for longer

# GitHub lets all requests of an hour be sent at once, but no more than 900 a minute.
URGENT_APART = timedelta(milliseconds=100)
KEPT_FOR_POLLS = 0.1  # of a window, which nobody's wish uses up

SPEAKS_OF_A_LIMIT = re.compile(r"rate limit|abuse detection", re.IGNORECASE)
LIMIT_KINDS = ("RATE_LIMIT", "RATE_LIMITED")  # GraphQL's, the latter of old


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One request every `every`, of which up to `burst` may be sent at once after a rest."""

    every: timedelta
    burst: int = 1

    def most(self, window: timedelta) -> int:
        """The most requests that this lets through in any window of that length."""
        return self.burst + window // self.every


def limit_of(resource: Resource, authorized: bool) -> RateLimit:
    """The pace for a resource, a little under GitHub's own: search 10 a minute (30 with a token),
    core 60 an hour (5,000) and as many points of GraphQL, of which each request of ours takes one.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    if resource == "search":
        return RateLimit(timedelta(seconds=2.1 if authorized else 6.3))
    return (
        RateLimit(timedelta(seconds=0.75), 100)
        if authorized
        else RateLimit(timedelta(seconds=75), 10)
    )


def is_limit(
    status: int,
    headers: Mapping[str, str],
    message: str | None,
    kind: str | None = None,
    reason: str | None = None,
) -> bool:
    """Whether an answer asks to slow down. `message`: its JSON's own, None where there is none;
    `kind`, `reason`: of the error of GraphQL's that leaves nothing else of it.

    GitHub says 403 both for that and for what it refuses in earnest: a repository that it blocked,
    a token that an organization forbids. A secondary limit may leave plenty remaining, so neither
    the status nor the headers decide alone.
    """
    if status == 429 or kind in LIMIT_KINDS:
        return True
    if status == 200:
        return SPEAKS_OF_A_LIMIT.search(reason or message or "") is not None
    return status == 403 and (
        message is None  # not the API itself, but something in front of it
        or "retry-after" in headers
        or _whole(headers.get("x-ratelimit-remaining")) == 0
        or SPEAKS_OF_A_LIMIT.search(message) is not None
    )


@dataclass(frozen=True, slots=True)
class Allowance:
    """The state of the limit of one resource.

    `next_at` is when the request after the last would be due at an even pace (the "theoretical
    arrival time" of the generic cell rate algorithm); `blocked_until` is GitHub's own word.
    `undated_refusals` counts the rate-limit answers in a row for which GitHub named no moment. The
    next three are what GitHub last reported, None before it did. `saved_at`: when the state was
    last changed; None where that is not known. `urgent_at`: of the newest urgent request.
    """

    next_at: datetime
    blocked_until: datetime
    undated_refusals: int = 0
    limit: int | None = None
    remaining: int | None = None
    reset_at: datetime | None = None
    saved_at: datetime | None = None
    urgent_at: datetime | None = None

    def by_clock(self, now: datetime) -> "Allowance":
        """The state with its moments as a clock tells them that was put back since it was saved.

        Moments by a clock that ran a day ahead would otherwise stop all requests for a day.
        """
        ahead = (self.saved_at or now) - now
        if ahead <= clock.TOLERANCE:
            return self
        return replace(
            self,
            next_at=max(clock.EPOCH + ahead, self.next_at) - ahead,
            blocked_until=max(clock.EPOCH + ahead, self.blocked_until) - ahead,
            reset_at=None,
            saved_at=now,
            urgent_at=None,
        )

    def send_at(self, limit: RateLimit, now: datetime) -> datetime:
        """The earliest moment for the next request."""
        known = self.by_clock(now)
        # No pause is longer than these, whatever is stored.
        next_at = min(known.next_at, now + LONGEST_PAUSE)
        blocked_until = min(known.blocked_until, now + LONGEST_HEADER)
        return max(now, next_at - limit.every * (limit.burst - 1), blocked_until)

    def reserve(self, limit: RateLimit, send_at: datetime, now: datetime) -> "Allowance":
        """Return the state with a request promised for `send_at`."""
        known = self.by_clock(now)
        even = min(known.next_at, send_at + limit.every * (limit.burst - 1))
        return replace(known, next_at=max(even, send_at) + limit.every, saved_at=now)

    def promise(self, limit: RateLimit, now: datetime) -> "tuple[datetime, Allowance]":
        """The earliest moment for a request at an even pace, and the state with it promised."""
        send_at = self.send_at(limit, now)
        return send_at, self.reserve(limit, send_at, now)

    def at_once(self, now: datetime) -> "tuple[datetime, Allowance] | None":
        """The moment for a request that somebody waits for, and the state with it promised: a tenth
        of a second after the last such, as long as GitHub's window has more left than the share
        that is kept for polls, else when the next window opens. None where GitHub has not said yet
        what is left.
        """
        known = self.by_clock(now)
        if known.limit is None or known.remaining is None or known.reset_at is None:
            return None
        is_open = known.reset_at > now
        left = known.remaining if is_open else known.limit
        if left <= known.limit * KEPT_FOR_POLLS:
            return max(known.reset_at, known.blocked_until), known
        send_at = max(now, known.blocked_until, (known.urgent_at or clock.EPOCH) + URGENT_APART)
        reset_at = known.reset_at if is_open else now + clock.HOUR
        after = replace(known, remaining=left - 1, reset_at=reset_at, urgent_at=send_at)
        return send_at, replace(after, saved_at=now)

    def record(
        self, status: int, headers: Mapping[str, str], now: datetime, *, limited: bool
    ) -> "Allowance":
        """Return the state after an answer, received at `now`. `limited`: as `is_limit` says."""
        remaining = _whole(headers.get("x-ratelimit-remaining"))
        reset_at = _reset_at(headers, now)
        spent_until = reset_at if remaining == 0 else None
        known = self.by_clock(now)
        if limited:
            known = known._refused(_retry_after(headers, now) or spent_until, now)
        else:
            # The last answer that a window has room for: nothing is sent before the next one.
            known = known._blocked(spent_until or now)
            if status < 400:
                known = replace(known, undated_refusals=0)
        return replace(
            known,
            saved_at=now,
            limit=_whole(headers.get("x-ratelimit-limit")) or self.limit,
            remaining=remaining if remaining is not None else self.remaining,
            reset_at=reset_at or known.reset_at,
        )

    def _refused(self, until: datetime | None, now: datetime) -> "Allowance":
        """The state after GitHub asked to slow down.

        Its Retry-After comes first: a secondary limit has one while the reset time beside it is of
        the primary limit, of which plenty may be left. `until` is None where GitHub names no
        moment at all, as secondary limits may do; then it wants a minute at least, and more each
        time that this repeats.
        """
        if until is not None:
            return self._blocked(until)
        pause = min(SECONDARY_PAUSE * 2 ** min(self.undated_refusals, 10), LONGEST_PAUSE)
        return replace(self._blocked(now + pause), undated_refusals=self.undated_refusals + 1)

    def _blocked(self, until: datetime) -> "Allowance":
        """The state with nothing to be sent before `until`; an earlier word for longer holds."""
        return replace(self, blocked_until=max(self.blocked_until, until))


def _whole(text: str | None) -> int | None:
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


def _reset_at(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """The moment of X-RateLimit-Reset on our clock; None where there is none ahead of us."""
    reset = headers.get("x-ratelimit-reset", "")
    return _ahead(int(reset), headers, now) if re.fullmatch(r"\d{1,18}", reset, re.A) else None


def _retry_after(headers: Mapping[str, str], now: datetime) -> datetime | None:
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
