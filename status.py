"""The live status: what an operator asks first. Reads SQL and Redis, writes nothing."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypedDict

import structlog
from redis import Redis, RedisError
from rq import Queue, worker_registration
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.worker import BaseWorker
from rq_scheduler import Scheduler
from sqlalchemy.orm import Session

import clock
import store
from aggregates import Time
from budget import Resource, limit_of
from clock import DAY
from jobs import COUNTS, QUEUES
from lists import RankedList
from models import Database
from scheduler import PREFIX
from settings import Settings
from store import PollRecord

log = structlog.get_logger("starboard")

Gap = TypedDict("Gap", {"from": Time, "to": Time, "slots": int})
"""Slots in a row without a good poll, up to and without the slot `to`."""


class ListStatus(TypedDict):
    """`expected` and `received` polls are those of the last 24 hours."""

    slug: str
    as_of: Time | None
    age_seconds: int | None
    expected: int
    received: int
    gaps: list[Gap]
    last_error: str | None


class WatchedStatus(TypedDict):
    full_name: str
    age_seconds: int | None  # since GitHub was last asked
    last_error: str | None


class BuildStatus(TypedDict):
    """The newest documents."""

    built_at: Time
    age_seconds: int
    next_build_at: Time


class BudgetStatus(TypedDict):
    """What is known of one of GitHub's limits: `limit`, `remaining` and `reset_at` as GitHub last
    said, null before it did; `next_request_at`: the earliest moment for the next request."""

    resource: Resource
    limit: int | None
    remaining: int | None
    reset_at: Time | None
    next_request_at: Time


class QueueStatus(TypedDict):
    """Jobs by what they wait for; `failed` ones of the last day."""

    name: str
    queued: int
    started: int
    scheduled: int
    failed: int


class WorkerStatus(TypedDict):
    name: str
    state: str | None
    queues: list[str]
    last_heartbeat: str | None


class NextRun(TypedDict):
    name: str
    at: Time


class JobCount(TypedDict):
    """How often a job ended in a way, since Redis was last empty."""

    job: str
    outcome: str
    count: int


class RedisStatus(TypedDict):
    """What Redis says; null where it cannot be reached."""

    queues: list[QueueStatus] | None
    workers: list[WorkerStatus] | None
    next_runs: list[NextRun] | None
    jobs: list[JobCount] | None


class Status(RedisStatus):
    lists: list[ListStatus]
    watched: list[WatchedStatus]
    build: BuildStatus | None  # null before the first
    github: list[BudgetStatus]


UNREACHABLE: RedisStatus = {"queues": None, "workers": None, "next_runs": None, "jobs": None}


def live(database: Database, redis: "Redis", settings: Settings, now: datetime) -> Status:
    """All of it. Redis may keep us waiting, but no transaction waits with us."""
    with database.read() as session:
        polled = [list_status(session, it, settings.poll_every, now) for it in settings.lists]
        watched = watched_status(session, settings.watch, now)
        build = build_status(session, now)
        budget = github_status(session, settings.github_token is not None, now)
    try:
        seen = redis_status(redis)
    except RedisError as error:
        log.warning("status", outcome="Redis cannot be reached", why=str(error))
        seen = UNREACHABLE
    return {"lists": polled, "watched": watched, "build": build, **seen, "github": budget}


def build_status(session: Session, now: datetime) -> BuildStatus | None:
    built = store.newest_build(session)
    if built is None:
        return None
    return {
        "built_at": clock.rfc3339(built.built_at),
        "age_seconds": int((now - built.built_at).total_seconds()),
        "next_build_at": clock.rfc3339(built.next_build_at),
    }


def list_status(
    session: Session, ranked: RankedList, every: timedelta, now: datetime
) -> ListStatus:
    """How a list's polls went in the last 24 hours, and how old its newest good one is."""
    first, good = store.first_and_last_good(session, ranked)
    polls = store.polls_since(session, ranked, now - DAY)
    expected = expected_slots(first, polls, every, now)
    good_slots = {poll.slot for poll in polls if poll.outcome == store.GOOD}
    missing = [slot for slot in expected if slot not in good_slots]
    return {
        "slug": ranked.slug,
        "as_of": clock.rfc3339(good.slot) if good else None,
        "age_seconds": int((now - good.fetched_at).total_seconds()) if good else None,
        "expected": len(expected),
        "received": len(expected) - len(missing),
        "gaps": gaps(missing, every),
        "last_error": polls[-1].error if polls else None,
    }


def watched_status(session: Session, names: Sequence[str], now: datetime) -> list[WatchedStatus]:
    """How old what is known of each watched repository is, and what was wrong last."""
    known = {name: store.watched(session, name) for name in names}
    return [
        {
            "full_name": name,
            "age_seconds": int((now - row.fetched_at).total_seconds()) if row else None,
            "last_error": row.error if row else None,
        }
        for name, row in known.items()
    ]


def expected_slots(
    first: datetime | None, polls: list[PollRecord], every: timedelta, now: datetime
) -> list[datetime]:
    """The slots of the last 24 hours, since the first poll ever, that should have a good poll.
    The current one counts once it was polled."""
    current = clock.floor(now, every)
    slots = []
    slot = max(first or current, clock.floor(now - DAY, every) + every)
    while slot < current or (slot == current and polls and polls[-1].slot == current):
        slots.append(slot)
        slot += every
    return slots


def gaps(missing: list[datetime], every: timedelta) -> list[Gap]:
    """Missing slots, in order, as spans: `to` is the slot after the last one missing."""
    spans: list[list[datetime]] = []
    for slot in missing:
        if spans and spans[-1][1] == slot:
            spans[-1][1] = slot + every
        else:
            spans.append([slot, slot + every])
    return [
        {"from": clock.rfc3339(start), "to": clock.rfc3339(end), "slots": (end - start) // every}
        for start, end in spans
    ]


def github_status(session: Session, authorized: bool, now: datetime) -> list[BudgetStatus]:
    resources: tuple[Resource, ...] = ("search", "core")
    known = {name: store.allowance(session, name) for name in resources}
    return [
        {
            "resource": name,
            "limit": it.limit,
            "remaining": it.remaining,
            "reset_at": clock.rfc3339(it.reset_at) if it.reset_at else None,
            "next_request_at": clock.rfc3339(it.send_at(limit_of(name, authorized), now)),
        }
        for name, it in known.items()
    ]


def redis_status(redis: Any) -> RedisStatus:
    """Queues, workers, next runs and what came of jobs. Raises redis.RedisError where Redis cannot
    be reached.

    Workers are read as plain hashes: RQ's Worker.all() would give this client, a redis.Redis, a
    timeout of minutes.
    """
    keys = sorted(worker_registration.get_keys(connection=redis))
    workers = {key: redis.hgetall(key) for key in keys}
    runs = redis.zrange(Scheduler.scheduled_jobs_key, 0, -1, withscores=True)
    return {
        "queues": [_queue(Queue(name, connection=redis)) for name in QUEUES],
        "workers": [_worker(key, fields) for key, fields in workers.items() if fields],
        "next_runs": [
            {
                "name": key.decode(errors="replace").removeprefix(PREFIX),
                "at": clock.rfc3339(clock.EPOCH + timedelta(seconds=int(score))),
            }
            for key, score in runs
        ],
        "jobs": [_job_count(key, count) for key, count in sorted(redis.hgetall(COUNTS).items())],
    }


class FailedJob(TypedDict):
    """A job that was given up after its retries."""

    id: str
    queue: str
    at: str | None
    why: str


def failed_jobs(redis: Any) -> list[FailedJob]:
    """What was given up in the last day, oldest first. Raises redis.RedisError."""
    failed = []
    for queue in (Queue(name, connection=redis) for name in QUEUES):
        for job_id in queue.failed_job_registry.get_job_ids(cleanup=False):
            with suppress(NoSuchJobError, ValueError):  # it is gone, or damaged
                failed.append(Job.fetch(job_id, connection=redis))
    return [
        {
            "id": job.id,
            "queue": job.origin,
            "at": clock.rfc3339(job.ended_at) if job.ended_at else None,
            "why": why(job),
        }
        for job in sorted(failed, key=lambda it: it.ended_at or clock.EPOCH)
    ]


def why(job: Job) -> str:
    """The error itself: what follows the frames of a traceback, its first line."""
    result = job.latest_result()
    lines = (result.exc_string or "").strip().splitlines() if result else []
    frames = [number for number, line in enumerate(lines, 1) if line.startswith("  ")]
    return next(iter(lines[max(frames, default=0) :]), "no reason was recorded")


def _job_count(key: bytes, count: bytes) -> JobCount:
    job, _, outcome = key.decode(errors="replace").partition(" ")
    return {"job": job, "outcome": outcome, "count": int(count)}


def _queue(queue: Queue) -> QueueStatus:
    return {
        "name": queue.name,
        "queued": queue.count,
        "started": queue.started_job_registry.get_job_count(cleanup=False),
        "scheduled": queue.scheduled_job_registry.get_job_count(cleanup=False),
        "failed": queue.failed_job_registry.get_job_count(cleanup=False),
    }


def _worker(key: str, fields: dict[bytes, bytes]) -> WorkerStatus:
    texts = {name.decode(): value.decode() for name, value in fields.items()}
    return {
        "name": key.removeprefix(BaseWorker.redis_worker_namespace_prefix),
        "state": texts.get("state"),
        "queues": texts.get("queues", "").split(","),
        "last_heartbeat": texts.get("last_heartbeat"),
    }
