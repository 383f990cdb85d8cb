"""Connections to Redis, each as patient as its process can afford."""

import ssl
from typing import Any

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError, TimeoutError
from redis.retry import Retry as ConnectionRetry
from rq import Retry
from rq.job import Job

QUEUES = ("default", "low")  # polls and aggregation; imports and batches

JOB_COUNTS = "starboard:jobs"  # the hash in Redis that counts what came of jobs

JOB_NAMES = (
    "poll",
    "aggregate",
    "watch",
    "identify",
    "thin",
    "import",
)  # as they are logged, counted

DEFAULT, LOW = QUEUES

RETRY = Retry(max=3, interval=[10, 30, 90])  # seconds; a slot that fails so often is a gap

RESULT_TTL = 600  # seconds that a finished job can be looked at

FAILURE_TTL = 24 * 3600  # seconds that a failed one can

PREFIX = "schedule-"  # of the ids of our entries; whatever else is there is not ours


def connect(url: str, *, timeout: float, retries: int) -> Redis:
    """A client that waits `timeout` seconds for an answer and tries `retries` times more.

    Heroku's `rediss://` has a self-signed certificate, so TLS encrypts but does not verify.
    """
    unverified: dict[str, Any] = {"ssl_cert_reqs": ssl.CERT_NONE}
    return Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=min(timeout, 5),
        retry=ConnectionRetry(ExponentialWithJitterBackoff(base=0.1, cap=5), retries),
        retry_on_error=[ConnectionError, TimeoutError] if retries else [],
        **(unverified if url.startswith("rediss://") else {}),
    )


def why(job: Job) -> str:
    """The error itself: what follows the frames of a traceback, its first line."""
    result = job.latest_result()
    lines = (result.exc_string or "").strip().splitlines() if result else []
    frames = [number for number, line in enumerate(lines, 1) if line.startswith("  ")]
    return next(iter(lines[max(frames, default=0) :]), "no reason was recorded")
