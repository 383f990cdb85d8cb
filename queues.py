"""Connections to Redis, the queues, and the one way to make a job: by the name of its function."""

import hashlib
import os
import ssl
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError, TimeoutError, WatchError
from redis.retry import Retry as ConnectionRetry
from rq import Queue, Retry, worker_registration
from rq.exceptions import DequeueTimeout
from rq.job import Job, JobStatus

from core import clock

DEFAULT = "default"  # polls and aggregation
LOW = "low"  # imports and batches that can wait
QUEUES = (DEFAULT, LOW)  # workers empty the first one first

JOB_COUNTS = "starboard:jobs"  # the hash in Redis that counts what came of jobs
JOB_NAMES = (
    "poll",
    "aggregate",
    "watch",
    "history",
    "walk",
    "owners",
    "sample",
    "identify",
    "thin",
    "import",
    "spikes",
    "notify",
)  # as logged and counted

ENTRY_PREFIX = "schedule-"  # of the ids of our rq-scheduler entries; all others are not ours

RETRY = Retry(max=3, interval=[10, 30, 90])  # seconds; a slot that fails so often is a gap
RESULT_TTL = 600  # seconds for which a finished job can be looked at
FAILURE_TTL = 24 * 3600  # seconds for which a failed one can
LOOK_EVERY = 1  # seconds between looks of an idle worker at all queues but the first
LEAVES_WITHIN = 5  # seconds; platforms kill after 10 or more


def connect(url: str, *, timeout: float, retries: int) -> Redis:
    """Return a client that waits `timeout` seconds for a reply and tries `retries` times more."""
    # Heroku's rediss:// has a certificate that it signed itself, so TLS encrypts but does not
    # verify. A plain connection raises TypeError if it is given this option.
    unverified: dict[str, Any] = {"ssl_cert_reqs": ssl.CERT_NONE}
    return Redis.from_url(
        url,
        socket_timeout=timeout,
        # A host that is off answers nothing at all: connecting need not be as patient as waiting
        # for a job, for which a worker's connection stands still half a minute.
        socket_connect_timeout=min(timeout, 5),
        # Unlike Redis(), from_url() retries nothing by itself: a second without Redis would end
        # the scheduler, and a worker together with its job.
        retry=ConnectionRetry(ExponentialWithJitterBackoff(base=0.1, cap=5), retries),
        retry_on_error=[ConnectionError, TimeoutError] if retries else [],
        **(unverified if url.startswith("rediss://") else {}),
    )


def leave_in_time(farewell: Callable[[], object]) -> None:
    """End this process in `LEAVES_WITHIN` seconds, unless it has ended by itself until then: what
    it still tells Redis waits for one that is away. `farewell` is called first, and a second later
    nobody waits for it either: a signal amid a fork finds the lock of the log held for good."""

    def leave() -> None:
        farewell()
        sys.stdout.flush()
        os._exit(0)

    for timer in (
        threading.Timer(LEAVES_WITHIN, leave),
        threading.Timer(LEAVES_WITHIN + 1, os._exit, [0]),
    ):
        timer.daemon = True
        timer.start()


def make_job(
    function: str,
    args: list[Any] | tuple[Any, ...],
    *,
    job_id: str,
    description: str,
    queue: str,
    timeout: int,
    connection: Redis,
) -> Job:
    """Return a job that is retried and is not queued yet.

    `function` is the name that the worker imports, such as "jobs.poll": who queues a job does not
    load what it runs, and a job that an older version queued still finds its function. `job_id`
    may have letters, digits, `_` and `-` only. `timeout` is in seconds.
    """
    return Job.create(
        function,
        args=args,
        id=job_id,
        description=description,
        connection=connection,
        origin=queue,
        timeout=timeout,  # RQ's default, 180 s, is too short for some
        retry=RETRY,  # without one, a job whose worker is killed fails for good
        result_ttl=RESULT_TTL,
        failure_ttl=FAILURE_TTL,
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """Work that comes up `offset` behind each multiple of `every`, counted from the epoch.

    So its times are UTC; a cron string would be read in the machine's local time.
    """

    name: str
    function: str  # what RQ imports, such as "jobs.poll": the scheduler does not load it
    every: timedelta
    offset: timedelta
    timeout: int  # seconds
    args: tuple[str, ...] = ()
    takes_slot: bool = False
    at_front: bool = False
    queue: str = DEFAULT

    @property
    def id(self) -> str:
        """The id of the rq-scheduler entry: the same at every start, or each would add one."""
        return f"{ENTRY_PREFIX}{self.name}"

    def job(self, now: datetime, connection: Redis) -> Job:
        """Return the job of a tick at `now`.

        rq-scheduler would queue one job id for ever: queued three times while no worker runs, it
        would run three times, and a crash would leave neither a failure nor a retry. So each tick
        has a job of its own, and a slot that comes up twice has the same one.
        """
        slot = clock.floor(now, self.every)
        return make_job(
            self.function,
            (*self.args, slot) if self.takes_slot else self.args,
            job_id=f"{self.name}-{slot:%Y%m%dT%H%MZ}",  # no `:`, which RQ refuses in an id
            description=f"{self.name} for {clock.rfc3339(slot)}",
            queue=self.queue,
            timeout=self.timeout,
            connection=connection,
        )


def ask_for_history(redis: Redis, name: str) -> None:
    """Have a worker read a star history that somebody wants, and has noted in SQL, before all that
    nobody waits for. Raises RedisError; the schedule finds the wish in SQL then."""
    job_id = f"history-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    _enqueue_first(redis, "jobs.read_history", (name,), job_id, f"star history of {name}", 120)


def ask_for_owners(redis: Redis) -> None:
    """Have a worker read the repositories of owners that somebody follows anew. Raises RedisError;
    the schedule does so within ten minutes then."""
    what = "repositories of owners that are followed anew"
    _enqueue_first(redis, "jobs.follow_owners", (True,), "owners", what, 60)


def _enqueue_first(
    redis: Redis,
    function: str,
    arguments: tuple[Any, ...],
    job_id: str,
    description: str,
    timeout: int,
) -> None:
    """Queue a job ahead of all others: somebody waits for it."""
    job = make_job(
        function,
        arguments,
        job_id=job_id,
        description=description,
        queue=DEFAULT,
        timeout=timeout,
        connection=redis,
    )
    Queue(DEFAULT, connection=redis).enqueue_job(job, at_front=True)


def error_of(job: Job) -> str:
    """Return the first line of a failed job's error: what follows the frames of its traceback."""
    result = job.latest_result()
    lines = (result.exc_string or "").strip().splitlines() if result else []
    frames = [number for number, line in enumerate(lines, 1) if line.startswith("  ")]
    return next(iter(lines[max(frames, default=0) :]), "no reason was recorded")


def has_worker(queue: Queue) -> bool:
    """Return whether a worker takes jobs off a queue. One that was killed counts for a minute or
    two, until what it told Redis of itself expires."""
    keys = worker_registration.get_keys(queue)
    return bool(keys) and queue.connection.exists(*keys) > 0


class NotedQueue(Queue):
    """A queue for workers, which notes in RQ's intermediate queue what was taken off it until that
    began. RQ does so for workers of a single queue only: of others, Redis may hand a job to one
    that dies in the same moment, and nothing tells it from a job that an operator removed."""

    @classmethod
    def lpop(
        cls, queue_keys: Sequence[str], timeout: int | None, connection: Redis | None = None
    ) -> Any:
        """Take a job off the first queue that has one. Redis can wait for one queue only, so
        the others are looked at every `LOOK_EVERY` seconds."""
        assert connection is not None
        deadline = time.monotonic() + (timeout or 0)
        while True:
            for key in queue_keys:
                if found := cls.lmove(connection, key, None):
                    return found
            if timeout is None:
                return None
            if time.monotonic() >= deadline:
                raise DequeueTimeout(timeout, queue_keys)
            with suppress(DequeueTimeout):
                return cls.lmove(connection, queue_keys[0], LOOK_EVERY)


def orphaned_jobs(redis: Redis) -> set[tuple[str, str]]:
    """Return queue and id of the jobs that a worker took off one of our queues and is not running:
    it died before they began, or is about to begin them."""
    found = set()
    for queue in (Queue(name, connection=redis) for name in QUEUES):
        if taken := queue.intermediate_queue.get_job_ids():
            running = queue.started_job_registry.get_job_ids(cleanup=False)
            found |= {(queue.name, job_id) for job_id in taken if job_id not in running}
    return found


def put_back(redis: Redis, name: str, job_id: str) -> bool:
    """Queue an orphaned job again, and say whether that was needed: not if it has begun or gone
    meanwhile, or waits in its queue already."""
    queue = Queue(name, connection=redis)
    with redis.pipeline() as pipe:
        pipe.watch(queue.key, queue.intermediate_queue_key, Job.key_for(job_id))  # type: ignore[no-untyped-call]
        taken = job_id in queue.intermediate_queue.get_job_ids()
        queued = pipe.hget(Job.key_for(job_id), "status") == JobStatus.QUEUED.encode()
        lost = taken and queued and job_id not in queue.job_ids
        pipe.multi()
        pipe.lrem(queue.intermediate_queue_key, 0, job_id)
        if lost:
            queue.push_job_id(job_id, pipeline=pipe, at_front=True)
        try:
            pipe.execute()
        except WatchError:
            return False
    return lost
