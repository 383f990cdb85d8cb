"""Jobs that ended, as workers leave them behind: with a failure, or a result of long ago."""

import sys
from datetime import UTC, datetime
from types import ModuleType

from redis import Redis
from rq.job import Job, JobStatus
from rq.results import Result

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


TRACEBACK = """Traceback (most recent call last):
  File "jobs.py", line 7, in poll
    raise Unreachable(host)
github.Unreachable: 127.0.0.1 cannot be reached
"""


def give_up(
    redis: Redis,
    name: str,
    at: datetime | None = NOON,
    why: str = TRACEBACK,
    queue: str = "default",
) -> Job:
    """Leave a job behind as a worker does whose last try of it failed."""
    job = Job.create(print, id=name, connection=redis, origin=queue, status=JobStatus.FAILED)
    job.ended_at = at
    job.failed_job_registry.add(job, ttl=1000, exc_string=why)
    Result.create_failure(job, 1000, why)
    return job


def end_as_an_older_version(job: Job) -> None:
    """End a job with the pickle of a class that is gone, as imports did in the version before."""
    module = ModuleType("imports")
    module.Tally = type("Tally", (), {"__module__": "imports"})  # type: ignore[attr-defined]
    job.set_status(JobStatus.FINISHED)
    job.finished_job_registry.add(job, ttl=1000)
    sys.modules["imports"] = module
    try:
        Result.create(job, Result.Type.SUCCESSFUL, 1000, return_value=module.Tally())
    finally:
        del sys.modules["imports"]
