"""Connections to Redis, the queues, and the one way to make a job: by the name of its function."""

import ssl
from typing import Any

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError, TimeoutError
from redis.retry import Retry as ConnectionRetry
from rq import Queue, Retry, worker_registration
from rq.job import Job, JobStatus

DEFAULT = "default"  # polls and aggregation
LOW = "low"  # imports and batches that can wait
QUEUES = (DEFAULT, LOW)  # workers empty the first one first

JOB_COUNTS = "starboard:jobs"  # the hash in Redis that counts what came of jobs
JOB_NAMES = ("poll", "aggregate", "watch", "identify", "thin", "import")  # as logged and counted

ENTRY_PREFIX = "schedule-"  # of the ids of our rq-scheduler entries; all others are not ours

RETRY = Retry(max=3, interval=[10, 30, 90])  # seconds; a slot that fails so often is a gap
RESULT_TTL = 600  # seconds for which a finished job can be looked at
FAILURE_TTL = 24 * 3600  # seconds for which a failed one can


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


def orphaned_jobs(redis: Redis) -> set[tuple[str, str]]:
    """Return queue and id of the jobs that say they wait in one of our queues, but do not.

    Redis hands a job to a worker that dies in the same moment, before it began: RQ goes on
    calling the job queued, and its list of what was popped mends that for a worker of a single
    queue only.
    """
    prefix = Job.redis_job_namespace_prefix
    keys = list(redis.scan_iter(f"{prefix}*", count=1000, _type="hash"))
    with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.hmget(key, "origin", "status")
        states = pipe.execute()
    queued = {
        (queue, key.decode().removeprefix(prefix))
        for key, state in zip(keys, states, strict=True)
        for queue in QUEUES
        if state == [queue.encode(), JobStatus.QUEUED.encode()]
    }
    waiting = {
        (queue, job_id) for queue in QUEUES for job_id in Queue(queue, connection=redis).job_ids
    }
    return queued - waiting
