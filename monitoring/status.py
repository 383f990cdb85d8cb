"""The live status: what an operator asks first. Reads SQL and Redis, writes nothing."""

import math
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import TypedDict

import structlog
from redis import Redis, RedisError
from sqlalchemy.orm import Session

from core import clock, gaps
from core.clock import DAY
from core.gaps import Change, Slot
from core.lists import RankedList
from core.rate_limit import Resource, limit_of
from core.sampling import interval
from core.schemas import Time
from monitoring.redis_status import UNREACHABLE, RedisStatus, redis_status
from settings import Settings
from store import documents, identities, intervals, rate_limits
from store.database import Database
from store.poll_records import PollRecords, poll_records
from store.sampling import number_sampled
from store.troubles import TOKEN, current_troubles
from store.watched import watched_rows

log = structlog.get_logger("starboard")

Gap = TypedDict("Gap", {"from": Time, "to": Time, "slots": int})

"""Slots in a row without a good poll, up to and without the slot `to`."""


class ListStatus(TypedDict):
    """`expected` and `received` polls are those of the last 24 hours. Of the slots in `gaps`, those
    in `suspects` had an answer of GitHub's that is not believed."""

    slug: str
    as_of: Time | None
    age_seconds: int | None
    expected: int
    received: int
    gaps: list[Gap]
    suspects: list[Gap]
    last_error: str | None


class WatchedStatus(TypedDict):
    full_name: str
    age_seconds: int | None  # since GitHub was last asked
    last_error: str | None


class TroubleStatus(TypedDict):
    """Something that GitHub withholds at present, or a service that takes no notification.
    `subject` is a repository's owner/name, GITHUB_TOKEN, NOTIFY with a target's number, or `clock`,
    this machine's."""

    subject: str
    why: str
    since: Time


class SamplingStatus(TypedDict):
    """How many repositories are followed or watched, and how often each is sampled."""

    repositories: int
    every_seconds: int


class BuildStatus(TypedDict):
    """The newest documents."""

    built_at: Time
    age_seconds: int
    next_build_at: Time


class BudgetStatus(TypedDict):
    """The state of one of GitHub's limits: `limit`, `remaining` and `reset_at` as GitHub last
    said, null before it did; `next_request_at`: the earliest moment for the next request."""

    resource: Resource
    limit: int | None
    remaining: int | None
    reset_at: Time | None
    next_request_at: Time


class NamesStatus(TypedDict):
    """How many imported names GitHub was asked for, `of` those that it is to be asked for, once."""

    asked: int
    of: int


class Status(RedisStatus):
    lists: list[ListStatus]
    watched: list[WatchedStatus]
    sampling: SamplingStatus
    build: BuildStatus | None  # null before the first
    github: list[BudgetStatus]
    troubles: list[TroubleStatus]
    names: NamesStatus


KEPT = 1.0  # seconds


class LiveStatus:
    """The live status, made once a second at most, however many ask for it."""

    def __init__(self, database: Database, redis: "Redis", settings: Settings) -> None:
        self.kept_for = KEPT
        self._make = partial(live, database, redis, settings)
        self._lock = threading.Lock()
        self._made: Status | None = None
        self._made_at = -math.inf

    def now(self) -> Status:
        """Return the status of this second."""
        with self._lock:
            if self._made is None or time.monotonic() >= self._made_at + self.kept_for:
                self._made = self._make(clock.now())
                self._made_at = time.monotonic()
            return self._made


def live(database: Database, redis: "Redis", settings: Settings, now: datetime) -> Status:
    """All of it. Redis may keep us waiting, but no transaction waits with us."""
    with database.read() as session:
        changes = intervals.changes(session)
        number = number_sampled(session, settings.watch)
        shown = [ranked for ranked in settings.lists if number or not ranked.followed]
        polled = list_statuses(session, shown, settings.poll_every, now, changes)
        watched = watched_status(session, settings.watch, now)
        build = build_status(session, now)
        withheld = trouble_status(session, now)
        refused = any(trouble["subject"] == TOKEN for trouble in withheld)
        authorized = settings.github_token is not None and not refused
        asked, names = identities.names_asked(session)
        budget = github_status(session, authorized, now, apart=refused)
    try:
        seen = redis_status(redis)
    except RedisError as error:
        log.warning("status", outcome="Redis cannot be reached", why=str(error))
        seen = UNREACHABLE
    return {
        "lists": polled,
        "watched": watched,
        "sampling": sampling_status(number, settings.poll_every, authorized),
        "build": build,
        **seen,
        "github": budget,
        "troubles": withheld,
        "names": {"asked": asked, "of": names},
    }


def sampling_status(number: int, every: timedelta, authorized: bool) -> SamplingStatus:
    seconds = int(interval(number, every, authorized).total_seconds())
    return {"repositories": number, "every_seconds": seconds}


def build_status(session: Session, now: datetime) -> BuildStatus | None:
    built = documents.newest_build(session)
    if built is None:
        return None
    return {
        "built_at": clock.rfc3339(built.built_at),
        "age_seconds": int((now - built.built_at).total_seconds()),
        "next_build_at": clock.rfc3339(built.next_build_at),
    }


def list_status(
    session: Session,
    ranked: RankedList,
    every: timedelta,
    now: datetime,
    changes: Sequence[Change] = (),
) -> ListStatus:
    """Return the outcome of a list's polls in the last 24 hours, and the age of its newest good
    one."""
    [found] = list_statuses(session, [ranked], every, now, changes)
    return found


def list_statuses(
    session: Session,
    lists: Sequence[RankedList],
    every: timedelta,
    now: datetime,
    changes: Sequence[Change] = (),
) -> list[ListStatus]:
    """Return the same of many lists."""
    known = poll_records(session, [ranked.slug for ranked in lists], now - DAY, now)

    @lru_cache  # most lists have the same ones
    def slots(start: datetime, end: datetime) -> dict[int, Slot]:
        found = gaps.expected(start, end, changes, every)
        return {(slot - clock.EPOCH) // clock.SECOND: (slot, length) for slot, length in found}

    return [
        _list_status(
            slug, records, slots(*expected_span(records.first, records.last, every, now)), now
        )
        for slug, records in known.items()
    ]


def _list_status(
    slug: str, records: PollRecords, expected: Mapping[int, Slot], now: datetime
) -> ListStatus:
    as_of, fetched_at = records.as_of, records.fetched_at
    missing = sorted(expected.keys() - records.good)
    return {
        "slug": slug,
        "as_of": clock.rfc3339(as_of) if as_of else None,
        "age_seconds": int((now - fetched_at).total_seconds()) if fetched_at else None,
        "expected": len(expected),
        "received": len(expected) - len(missing),
        "gaps": _spans(expected[slot] for slot in missing),
        "suspects": _spans(expected[slot] for slot in missing if slot in records.suspect),
        "last_error": records.error,
    }


def _spans(slots: Iterable[Slot]) -> list[Gap]:
    return [
        {"from": clock.rfc3339(start), "to": clock.rfc3339(end), "slots": number}
        for start, end, number in gaps.spans(slots)
    ]


def watched_status(session: Session, names: Sequence[str], now: datetime) -> list[WatchedStatus]:
    """Return the age of each watched repository's newest answer, and its last error."""
    rows = watched_rows(session, names)
    known = {name: rows.get(name.lower()) for name in names}
    return [
        {
            "full_name": name,
            "age_seconds": _age(row.fetched_at, now) if row else None,
            "last_error": row.error if row else None,
        }
        for name, row in known.items()
    ]


def _age(asked_at: datetime, now: datetime) -> int | None:
    return None if asked_at == clock.EPOCH else int((now - asked_at).total_seconds())


def expected_span(
    first: datetime | None, last: datetime | None, every: timedelta, now: datetime
) -> tuple[datetime, datetime]:
    """Return the start and the end of the slots of the last 24 hours, since the first poll ever,
    that should have a good poll. The current one counts once it was polled."""
    current = clock.floor(now, every)
    start = max(first or current, clock.floor(now - DAY, every) + every)
    return start, current + every * (last == current)


def trouble_status(session: Session, now: datetime) -> list[TroubleStatus]:
    return [
        {"subject": row.name, "why": row.why, "since": clock.rfc3339(row.since)}
        for row in current_troubles(session, now)
    ]


def github_status(
    session: Session, authorized: bool, now: datetime, *, apart: bool = False
) -> list[BudgetStatus]:
    """The limits of the requests that are sent. `apart`: without the token, as it is refused."""
    resources: list[Resource] = ["search", "core"]
    if authorized:
        resources.append("graphql")
    known = rate_limits.allowances(session, resources, apart=apart)
    return [
        {
            "resource": name,
            "limit": allowance.limit,
            "remaining": allowance.remaining,
            "reset_at": clock.rfc3339(allowance.reset_at) if allowance.reset_at else None,
            "next_request_at": clock.rfc3339(allowance.send_at(limit_of(name, authorized), now)),
        }
        for name, allowance in known.items()
    ]
