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

Resource = Literal["search", "core"]

SECONDARY_PAUSE = timedelta(minutes=1)  # the least, where GitHub names no moment; doubles
LONGEST_PAUSE = timedelta(hours=1)  # where the doubling ends
LONGEST_HEADER = timedelta(days=1)  # no header stops the service for longer

# GitHub lets all requests of an hour be sent at once, but no more than 900 a minute.
URGENT_APART = timedelta(milliseconds=100)
KEPT_FOR_POLLS = 0.1  # of a window of `core`, which nothing but polls uses up

LONGEST_WAIT = timedelta(seconds=1)  # that a worker waits; a job whose turn is later is put back
HOLDS_FOR = clock.MINUTE  # that a reserved turn waits for its job

# Seconds between requests, how many at once, seconds of slack. That is about one request more: what
# goes on with something, such as a redirect's next hop, need not come back for it.
PACES: dict[tuple[Resource, bool], tuple[float, int, float]] = {  # True: with a token
    ("search", False): (6.6, 1, 5.7),
    ("search", True): (2.1, 1, 2.5),
    ("core", False): (75, 10, 80),
    ("core", True): (0.75, 100, 10),
}

SPEAKS_OF_A_LIMIT = re.compile(r"rate limit|abuse detection", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One request every `every`, of which up to `burst` may be sent at once after a rest.

    So they are promised. A job may come late for its promise, and the next one then follows sooner:
    by `slack` at most, over any number of requests.
    """

    every: timedelta
    burst: int = 1
    slack: timedelta = timedelta()

    @property
    def ahead(self) -> timedelta:
        """How far ahead of an even pace requests may be promised."""
        return self.every * (self.burst - 1)

    def most(self, window: timedelta) -> int:
        """The most requests that this lets through in any window of that length."""
        return (window + self.ahead + self.slack) // self.every + 1


def limit_of(resource: Resource, authorized: bool) -> RateLimit:
    """The pace for a resource, a little under GitHub's own: search 10 a minute (30 with a token)
    and core 60 an hour (5,000).

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    every, burst, slack = PACES[resource, authorized]
    return RateLimit(timedelta(seconds=every), burst, timedelta(seconds=slack))


def is_limit(status: int, headers: Mapping[str, str], message: str | None) -> bool:
    """Whether an answer asks to slow down. `message`: its JSON's own, None where there is none.

    GitHub says 403 both for that and for what it refuses in earnest: a repository that it blocked,
    a token that an organization forbids. A secondary limit may leave plenty remaining, so neither
    the status nor the headers decide alone.
    """
    if status == 429:
        return True
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
    `spent_until` is as `next_at`, of the requests that were sent, not of those promised.
    """

    next_at: datetime
    blocked_until: datetime
    undated_refusals: int = 0
    limit: int | None = None
    remaining: int | None = None
    reset_at: datetime | None = None
    saved_at: datetime | None = None
    urgent_at: datetime | None = None
    spent_until: datetime | None = None

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
            spent_until=self.spent_until and max(clock.EPOCH + ahead, self.spent_until) - ahead,
        )

    def send_at(self, limit: RateLimit, now: datetime, kept: float = 0) -> datetime:
        """The earliest moment that can be promised for the next request."""
        known = self.by_clock(now)
        next_at = min(known.next_at, now + LONGEST_PAUSE)  # whatever is stored
        return max(next_at - limit.ahead, known._free_at(limit, now, kept))

    def _free_at(self, limit: RateLimit, now: datetime, kept: float) -> datetime:
        """The earliest moment at which anything may be sent, promised or not: by what was sent
        before, by GitHub's word, and by the share of its window that is to be kept."""
        spent_until = min(self.spent_until or now, now + LONGEST_PAUSE)
        blocked_until = min(self.blocked_until, now + LONGEST_HEADER)
        refilled_at = self._refilled_at(now, kept) if kept else None
        sent_before = spent_until - limit.ahead - limit.slack
        return max(now, sent_before, blocked_until, refilled_at or now)

    def _refilled_at(self, now: datetime, kept: float) -> datetime | None:
        """When GitHub's next window opens, if this one has no more left than a share of it that is
        to be kept; None if it has, or if GitHub has not said."""
        if self.limit is None or self.remaining is None or self.reset_at is None:
            return None
        is_spent = self.reset_at > now and self.remaining <= self.limit * kept
        return min(self.reset_at, now + LONGEST_HEADER) if is_spent else None

    def reserve(self, limit: RateLimit, send_at: datetime, now: datetime) -> "Allowance":
        """Return the state with a request promised for `send_at`."""
        known = self.by_clock(now)
        even = min(known.next_at, send_at + limit.ahead)
        return replace(known, next_at=max(even, send_at) + limit.every, saved_at=now)

    def turn(
        self,
        limit: RateLimit,
        now: datetime,
        reserved: datetime | None = None,
        *,
        kept: float = 0,
        going_on: bool = False,
    ) -> "tuple[datetime, Allowance]":
        """The moment for a request at an even pace, and the state with it promised.

        `reserved`: a moment that was promised for it before. It holds unless that is long ago, or
        GitHub or a request that was late stand in its way; then a new one is promised. `going_on`:
        it goes on with one that was sent just now, and need not wait behind what others are
        promised.
        """
        known = self.by_clock(now)
        free_at, fresh = known._free_at(limit, now, kept), known.send_at(limit, now, kept)
        if going_on and free_at <= now + LONGEST_WAIT:
            return free_at, known.reserve(limit, free_at, now)
        # One behind the next that would be promised is of a clock that ran ahead.
        if reserved is not None and now - HOLDS_FOR <= reserved <= fresh:
            due_at = max(reserved, now)
            if free_at <= due_at + LONGEST_WAIT:
                return max(due_at, free_at), known
        return fresh, known.reserve(limit, fresh, now)

    def sent(self, limit: RateLimit, now: datetime) -> "Allowance":
        """Return the state after a request was sent."""
        known = self.by_clock(now)
        return replace(
            known, spent_until=max(known.spent_until or now, now) + limit.every, saved_at=now
        )

    def at_once(
        self, now: datetime, kept: float, reserved: datetime | None = None
    ) -> "tuple[datetime, Allowance] | None":
        """The moment for a request that need not be paced, and the state with it promised: a tenth
        of a second after the last such, as long as GitHub's window has more left than the share
        that is to be kept, else when the next window opens. None where GitHub has not said yet
        what is left. `reserved`: a moment that was promised for it before.
        """
        known = self.by_clock(now)
        if known.limit is None or known.remaining is None or known.reset_at is None:
            return None
        if reserved is not None:
            return max(now, reserved, known.blocked_until), known
        if refilled_at := known._refilled_at(now, kept):
            return max(refilled_at, known.blocked_until), known
        is_open = known.reset_at > now
        left = known.remaining if is_open else known.limit
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
