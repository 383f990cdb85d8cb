"""What the version before left in a database and in Redis is taken over without a hand's turn."""

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from redis import Redis
from rq import Queue, Retry
from rq.job import Job, JobStatus
from rq.registry import ScheduledJobRegistry

import app as web
from core import clock
from history.importer import Tally
from local.fake_github import api, serving, worlds
from settings import Settings
from store.database import connect
from tests.support.archive import line, write_day
from tests.support.common import published, wait_until

MINUTE = timedelta(minutes=1)
ENTRIES = "rq:scheduler:scheduled_jobs"


def leave_job(redis: Redis, queue: str, name: str, function: str, *args: object) -> Job:
    """A job as the version before left it: RQ keeps functions by name and arguments as a pickle."""
    return Job.create(
        function,
        args=args,
        id=name,
        connection=redis,
        origin=queue,
        timeout=180,
        retry=Retry(max=3, interval=[10, 30, 90]),
        result_ttl=600,
        failure_ttl=24 * 3600,
    )


def test_queued_jobs_retries_entries_and_documents_are(
    services: dict[str, str],
    redis: Redis,
    settings: Settings,
    install_process: Callable[..., Any],
    tmp_path: Path,
) -> None:
    now = clock.now()
    slot = clock.floor(now, 10 * MINUTE)
    day = write_day(tmp_path, line(), line("o/r", 2))
    tick = f"poll-stars-{slot:%Y%m%dT%H%MZ}"
    poll = leave_job(redis, "default", tick, "jobs.poll", "stars", slot)
    brought = leave_job(redis, "low", "import-0123456789ab", "jobs.import_files", [str(day)])
    retried = leave_job(redis, "default", "aggregate-20260101T0000Z", "jobs.aggregate")
    Queue("default", connection=redis).enqueue_job(poll)
    Queue("low", connection=redis).enqueue_job(brought)
    retried.save()
    retried.set_status(JobStatus.SCHEDULED)
    ScheduledJobRegistry("default", connection=redis).schedule(retried, now)
    redis.zadd(
        ENTRIES, {"schedule-poll-stars": (now - MINUTE).timestamp(), "schedule-poll-gone": 0}
    )

    with serving.serve(api.create_fake_github(worlds.MadeUpWorld())) as github_url:
        variables = {**services, "GITHUB_API_URL": github_url}
        for program in ("worker.py", "scheduler.py"):
            install_process([sys.executable, program], variables)
        for job in (poll, brought, retried):
            wait_until(lambda job=job: job.get_status() == JobStatus.FINISHED, seconds=60)
        wait_until(lambda: published(settings, "lists/stars"), seconds=60)
        entries = {key.decode() for key in redis.zrange(ENTRIES, 0, -1)}

    assert {"schedule-poll-stars", "schedule-aggregate", "schedule-thin"} <= entries
    assert "schedule-poll-gone" not in entries
    result = brought.latest_result()
    assert result is not None
    assert result.return_value == {**result.return_value, "files": 1, "stored": 2}
    assert set(result.return_value) == set(Tally.__slots__)
    app = web.create_app(settings)
    assert app.test_client().get("/api/v1/lists/stars").json["count"] == 100
    with connect(settings) as database:
        database.check_schema()
