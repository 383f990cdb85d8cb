"""The live status of queues, workers, the schedule and jobs."""

from contextlib import suppress
from datetime import timedelta
from typing import Any, TypedDict

from rq import Queue, worker_registration
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.worker import BaseWorker
from rq_scheduler import Scheduler

from core import clock
from core.schemas import Time
from queues import ENTRY_PREFIX, JOB_COUNTS, QUEUES, error_of


class QueueStatus(TypedDict):
    """Jobs by what they wait for; `failed` ones of the last day."""

    name: str
    queued: int
    started: int
    scheduled: int
    failed: int


class WorkerStatus(TypedDict):
    name: str
    hostname: str | None
    pid: int | None
    state: str | None
    queues: list[str]
    last_heartbeat: str | None


class NextRun(TypedDict):
    name: str
    at: Time


class JobCount(TypedDict):
    """The number of times that a job ended in a way, since Redis was last empty."""

    job: str
    outcome: str
    count: int


class RedisStatus(TypedDict):
    """The part of the status that Redis tells; null where it cannot be reached."""

    queues: list[QueueStatus] | None
    workers: list[WorkerStatus] | None
    next_runs: list[NextRun] | None
    jobs: list[JobCount] | None


UNREACHABLE: RedisStatus = {"queues": None, "workers": None, "next_runs": None, "jobs": None}


def redis_status(redis: Any) -> RedisStatus:
    """Queues, workers, next runs and what came of jobs. Raises redis.RedisError where Redis cannot
    be reached.

    Workers are read as plain hashes: RQ's Worker.all() would give this client, a redis.Redis, a
    timeout of minutes.
    """
    keys = sorted(worker_registration.get_keys(connection=redis))
    with redis.pipeline(transaction=False) as asked:  # one turn to Redis for all of it
        for key in keys:
            asked.hgetall(key)
        for name in QUEUES:
            _ask_for(asked, Queue(name, connection=redis))
        asked.zrange(Scheduler.scheduled_jobs_key, 0, -1, withscores=True)
        asked.hgetall(JOB_COUNTS)
        *told, runs, counts = asked.execute()
    workers, jobs = told[: len(keys)], told[len(keys) :]
    return {
        "queues": [
            _queue(name, *jobs[4 * number : 4 * number + 4]) for number, name in enumerate(QUEUES)
        ],
        "workers": [
            _worker(key, fields) for key, fields in zip(keys, workers, strict=True) if fields
        ],
        "next_runs": [
            {
                "name": key.decode(errors="replace").removeprefix(ENTRY_PREFIX),
                "at": clock.rfc3339(clock.EPOCH + timedelta(seconds=int(score))),
            }
            for key, score in runs
        ],
        "jobs": [_job_count(key, count) for key, count in sorted(counts.items())],
    }


class FailedJob(TypedDict):
    """A job that was given up after its retries."""

    id: str
    queue: str
    at: str | None
    why: str


def failed_jobs(redis: Any) -> list[FailedJob]:
    """Return the jobs that were given up in the last day, oldest first. Raises redis.RedisError."""
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
            "why": error_of(job),
        }
        for job in sorted(failed, key=lambda job: job.ended_at or clock.EPOCH)
    ]


def _job_count(key: bytes, count: bytes) -> JobCount:
    job, _, outcome = key.decode(errors="replace").partition(" ")
    return {"job": job, "outcome": outcome, "count": int(count)}


def _ask_for(asked: Any, queue: Queue) -> None:
    asked.llen(queue.key)
    for registry in (
        queue.started_job_registry,
        queue.scheduled_job_registry,
        queue.failed_job_registry,
    ):
        asked.zcard(registry.key)


def _queue(name: str, queued: int, started: int, scheduled: int, failed: int) -> QueueStatus:
    return {
        "name": name,
        "queued": queued,
        "started": started,
        "scheduled": scheduled,
        "failed": failed,
    }


def _worker(key: str, fields: dict[bytes, bytes]) -> WorkerStatus:
    texts = {name.decode(): value.decode() for name, value in fields.items()}
    return {
        "name": key.removeprefix(BaseWorker.redis_worker_namespace_prefix),
        "hostname": texts.get("hostname") or None,
        "pid": int(pid) if (pid := texts.get("pid", "")).isdecimal() else None,
        "state": texts.get("state"),
        "queues": texts.get("queues", "").split(","),
        "last_heartbeat": texts.get("last_heartbeat"),
    }
