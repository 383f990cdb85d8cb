"""One line of the log and one count of the metrics for each run of a job."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import structlog
from redis import RedisError
from rq import get_current_job
from rq.job import Job
from sqlalchemy.exc import DBAPIError

from core.errors import ExpectedError
from queues import JOB_COUNTS
from store.database import error_line

POSTPONED = "postponed"  # the outcome of a job that waits for GitHub's limit

log = structlog.get_logger("starboard")


@contextmanager
def logged_run(event: str, **what: object) -> Iterator[dict[str, Any]]:
    """Log one line for a job: what it was for, what came of it, and how long it took.

    Yields the fields of that line, for the job to add to. Whatever a job raises is raised on, so
    that RQ sees the failure and tries again.
    """
    job = get_current_job()
    result: dict[str, Any] = dict(what) | ({"job": job.id} if job else {})
    started = time.perf_counter()
    try:
        yield result
    except (ExpectedError, DBAPIError) as error:
        again = job.get_retry_interval() if job and job.should_retry else None
        why = error_line(error) if isinstance(error, DBAPIError) else str(error)
        failure = {"outcome": "failed", "why": why, "again_in_s": again}
        log.error(event, **result | failure, **_since(started))
        _count(job, event, "failed")
        raise
    except Exception:
        log.exception(event, **result | {"outcome": "failed"}, **_since(started))
        _count(job, event, "failed")
        raise
    # At the start, each of 36 lists waits for its turn: that is no news.
    tell = log.debug if result.get("outcome") == POSTPONED else log.info
    tell(event, **result, **_since(started))
    _count(job, event, result.get("outcome", "done"))


def _count(job: Job | None, event: str, outcome: str) -> None:
    """Count a job's outcome for the metrics."""
    if job is not None:
        with suppress(RedisError):  # a count that is lost makes no failure of a job that is done
            job.connection.hincrby(JOB_COUNTS, f"{event} {outcome}", 1)


def _since(started: float) -> dict[str, int]:
    return {"ms": round(1000 * (time.perf_counter() - started))}
