"""Told to end, every process ends in time, whatever has become of Redis."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis, RedisError
from rq import Queue
from rq.job import JobStatus
from rq_scheduler import Scheduler

from local import embedded
from local.run import procfile
from settings import Settings
from store.database import connect
from tests.support.common import ROOT, wait_until
from tests.support.valkey_server import Valkey

ENDS_WITHIN = 30  # seconds, after which Heroku kills; 6 where nothing else runs


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
def start(valkey: Valkey, settings: Settings) -> Iterator[Callable[..., Any]]:
    """Start one line of the Procfile; its output is read when it has ended."""
    with connect(settings) as database:
        database.upgrade()
    started: list[subprocess.Popen[str]] = []

    def start_one(name: str, **variables: str) -> "subprocess.Popen[str]":
        environment = os.environ | {
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": valkey.url,
            "LISTS": "stars",
            "GITHUB_API_URL": "http://127.0.0.1:9",
            "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
        }
        started.append(
            subprocess.Popen(
                ["/bin/sh", "-c", f"exec {procfile()[name]}"],
                cwd=ROOT,
                env=environment | variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return started[-1]

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


def ready(redis: Redis, condition: Callable[[], Any]) -> Any:
    def is_met() -> Any:
        try:
            return condition()
        except RedisError:
            return False

    return wait_until(is_met)


def be_idle(start: Callable[..., Any], redis: Redis) -> Any:
    process = start("worker")
    ready(redis, lambda: any(it["cmd"] == "blmove" for it in redis.client_list()))
    return process


def be_busy(start: Callable[..., Any], redis: Redis) -> Any:
    process = start("worker")
    job = Queue("default", connection=redis).enqueue("time.sleep", 600)
    ready(redis, lambda: job.get_status() == JobStatus.STARTED)
    return process


def be_scheduling(start: Callable[..., Any], redis: Redis) -> Any:
    process = start("scheduler")
    ready(redis, lambda: redis.zcard(Scheduler.scheduled_jobs_key))
    return process


def serve(start: Callable[..., Any], redis: Redis) -> Any:
    port = embedded.free_port()
    process = start("web", BIND="127.0.0.1", PORT=str(port))

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/api/v1/status").status_code == 200
        except httpx.TransportError:
            return False

    wait_until(answers)
    return process


@pytest.mark.parametrize("outage", [Valkey.kill, Valkey.stop], ids=["killed", "hung"])
@pytest.mark.parametrize("begin", [be_idle, be_busy, be_scheduling, serve])
def test_told_to_end_while_redis_is_away_it_does_so_in_time(
    start: Callable[..., Any],
    valkey: Valkey,
    begin: Callable[..., Any],
    outage: Callable[[Valkey], None],
) -> None:
    with Redis.from_url(valkey.url) as redis:
        process = begin(start, redis)
    outage(valkey)
    time.sleep(3)  # so that it has noticed, and is at whatever it does then

    process.send_signal(signal.SIGTERM)
    told_at = time.monotonic()
    output, _ = process.communicate(timeout=ENDS_WITHIN)

    assert time.monotonic() - told_at < ENDS_WITHIN
    assert process.returncode == 0
    assert "Traceback" not in output
