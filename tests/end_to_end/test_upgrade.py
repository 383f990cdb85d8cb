"""A database and a Redis that the version before left are taken over without a hand's turn."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from redis import Redis
from rq import Queue, Retry
from rq.job import Job, JobStatus
from rq.registry import ScheduledJobRegistry
from sqlalchemy import MetaData

import app as web
from core import clock, lists
from history.importer import Tally
from local.fake_github import api, serving, worlds
from settings import Settings
from store.database import connect
from tests.support.archive import line, write_day
from tests.support.common import ROOT, published, wait_until
from tests.support.jobs import end_as_an_older_version
from tests.support.served import run
from tests.support.stored import migrate

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


def test_queued_jobs_of_every_name_retries_and_entries_are(
    services: dict[str, str],
    redis: Redis,
    settings: Settings,
    install_process: Callable[..., Any],
    tmp_path: Path,
) -> None:
    now = clock.now()
    slot = clock.floor(now, 10 * MINUTE)
    day = write_day(tmp_path, line(), line("o/r", 2))
    world = worlds.MadeUpWorld()
    watched = world.search(lists.KNOWN["stars"], -1, now)[0].full_name
    tick = f"{slot:%Y%m%dT%H%MZ}"
    poll = leave_job(redis, "default", f"poll-stars-{tick}", "jobs.poll", "stars", slot)
    watch = leave_job(redis, "default", f"watch-a_2fb-{tick}", "jobs.watch", watched, slot)
    brought = leave_job(redis, "low", "import-0123456789ab", "jobs.import_files", [str(day)])
    batches = [leave_job(redis, "low", f"{it}-{tick}", f"jobs.{it}") for it in ("identify", "thin")]
    retried = leave_job(redis, "default", "aggregate-20260101T0000Z", "jobs.aggregate")
    queued = [poll, watch, brought, *batches]
    for job in queued:
        Queue(job.origin, connection=redis).enqueue_job(job)
    retried.save()
    retried.set_status(JobStatus.SCHEDULED)
    ScheduledJobRegistry("default", connection=redis).schedule(retried, now)
    redis.zadd(
        ENTRIES, {"schedule-poll-stars": (now - MINUTE).timestamp(), "schedule-poll-gone": 0}
    )

    with serving.serve(api.create_fake_github(world)) as github_url:
        variables = {**services, "GITHUB_API_URL": github_url, "WATCH": watched}
        for program in ("worker.py", "scheduler.py"):
            install_process([sys.executable, program], variables)
        for job in (*queued, retried):
            wait_until(lambda job=job: job.get_status() == JobStatus.FINISHED, seconds=120)
        wait_until(lambda: published(settings, "lists/stars"), seconds=120)
        entries = {key.decode() for key in redis.zrange(ENTRIES, 0, -1)}

    assert {"schedule-poll-stars", "schedule-aggregate", "schedule-thin"} <= entries
    assert "schedule-poll-gone" not in entries
    result = brought.latest_result()
    assert result is not None
    assert result.return_value == {**result.return_value, "files": 1, "stored": 2}
    assert set(result.return_value) == set(Tally.__slots__)
    client = web.create_app(settings).test_client()
    assert client.get("/api/v1/lists/stars").json["count"] == 100
    assert client.get(f"/api/v1/repos/{watched}").status_code == 200
    with connect(settings) as database:
        database.check_schema()


def test_a_finished_import_with_a_result_that_nothing_can_read_is_in_nobodys_way(
    services: dict[str, str],
    redis: Redis,
    settings: Settings,
    install_process: Callable[..., Any],
    tmp_path: Path,
) -> None:
    day = write_day(tmp_path, line(), line("o/r", 2), day=date(2025, 2, 3))
    digest = hashlib.sha256(str(day).encode()).hexdigest()[:12]
    old = leave_job(redis, "low", f"import-{digest}", "jobs.import_files", [str(day)])
    old.save()
    end_as_an_older_version(old)
    app = web.create_app(replace(settings, redis_url=services["REDIS_URL"]))

    for program in ("worker.py", "scheduler.py"):
        install_process([sys.executable, program], services)
    shown = app.test_client().get("/api/v1/status").json
    status, failed, _ = run(app, "jobs")
    again = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", "import-history", str(day)],
        cwd=ROOT,
        env=os.environ | services,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert {it["name"]: it["failed"] for it in shown["queues"]} == {"default": 0, "low": 0}
    assert (status, failed) == (0, "0 failed.\n")
    assert again.returncode == 0, again.stderr
    report = "2 rows read of 1 files: 2 stored, 0 already there, 0 repeats, 0 rejected."
    assert report in again.stdout


OLD_ITEM = {
    **{"rank": 1, "full_name": "Quiet/Harbor", "owner": "Quiet", "name": "Harbor"},
    **{"stars": 50_000, "forks": 3, "open_issues": 3, "language": "Python"},
    **{"description": None, "html_url": "https://github.com/Quiet/Harbor", "pushed_at": None},
    "gains": {
        **dict.fromkeys(("24h", "7d", "30d", "365d")),
        "1h": {"stars": 1, "forks": 0, "rank": None, "since": "2026-03-01T11:00:00Z"},
    },
}
TIMES = {"as_of": "2026-03-01T12:00:00Z", "built_at": "2026-03-01T12:05:00.250Z"}
TOTAL = {
    **{"repositories": 1, "stars": 50_000},
    "gains": {it: {"stars": 0, "repositories": 0} for it in ("1h", "24h", "7d", "30d", "365d")},
}
OLD_DOCUMENTS: dict[str, dict[str, Any]] = {
    "lists": {
        "items": [
            {
                **{"slug": "stars", "title": "Stars", "as_of": TIMES["as_of"], "count": 1},
                **{"suspect": False, "url": "/api/v1/lists/stars"},
            }
        ]
    },
    "lists/stars": {
        **{"list": "stars", "title": "Stars", "fetched_at": "2026-03-01T12:01:00Z", **TIMES},
        **{"next_build_at": "2026-03-01T12:15:30Z", "suspect": False, "count": 1},
        "items": [OLD_ITEM],
    },
    "languages/stars": {"list": "stars", **TIMES, "items": [{"language": "Python", **TOTAL}]},
    "owners/stars": {"list": "stars", **TIMES, "items": [{"owner": "Quiet", **TOTAL}]},
    "movers/stars/24h": {"list": "stars", "window": "24h", **TIMES, "items": []},
}


def test_documents_are_served_as_they_are_until_the_next_build(settings: Settings) -> None:
    bodies = {name: json.dumps(it).encode() for name, it in OLD_DOCUMENTS.items()}
    with connect(settings) as database:
        migrate(database, "0003")
        tables = MetaData()
        with database.engine.begin() as connection:
            tables.reflect(connection, only=["document"])
            build = {
                "as_of": 1_772_366_400,  # 2026-03-01T12:00:00Z
                "built_at": 1_772_366_700_250,
                "next_build_at": 1_772_367_330_000,
            }
            rows = [
                {
                    **{"name": name, "body": body, "gzipped": gzip.compress(body)},
                    **{"etag": hashlib.sha256(body).hexdigest()[:32], **build},
                }
                for name, body in bodies.items()
            ]
            connection.execute(tables.tables["document"].insert(), rows)
        database.upgrade()
    client = web.create_app(settings).test_client()

    found = {
        "lists": client.get("/api/v1/lists").data,
        "lists/stars": client.get("/api/v1/lists/stars").data,
        "languages/stars": client.get("/api/v1/languages").data,
        "owners/stars": client.get("/api/v1/owners").data,
        "movers/stars/24h": client.get("/api/v1/lists/stars/movers").data,
    }
    pages = [client.get(path) for path in ("/", "/languages", "/owners", "/status")]

    assert found == bodies
    assert [it.status_code for it in pages] == [200, 200, 200, 200]
    assert "Quiet/Harbor" in pages[0].text
