import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue, Retry
from rq.job import Job, JobStatus

import broker
from models import connect
from support import ROOT, MakeSettings, wait_until
from worker import PromptWorker


@pytest.fixture
def environment(valkey_url: str, make_settings: MakeSettings) -> dict[str, str]:
    settings = make_settings()
    with connect(settings) as database:
        database.upgrade()
    return {**os.environ, "REDIS_URL": valkey_url, "DATABASE_URL": settings.database_url}


@pytest.fixture
def process(redis: Redis, environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """A real worker process."""
    with subprocess.Popen(
        [sys.executable, "worker.py"],
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as started:
        yield started
        started.terminate()
        started.communicate(timeout=10)


def test_a_silent_job_counts_as_abandoned_after_seconds_not_minutes(valkey_url: str) -> None:
    prompt = PromptWorker(broker.connect(valkey_url, timeout=30, retries=30))

    patience = (
        prompt.get_heartbeat_ttl(Job(connection=prompt.connection)),
        prompt.worker_ttl,
        prompt.maintenance_interval,
        prompt.job_monitoring_interval,
    )

    assert patience == (20, 30, 15, 5)


def test_told_to_end_it_drops_the_job_at_hand_which_is_run_again(
    redis: Redis, process: "subprocess.Popen[str]"
) -> None:
    queue = Queue("default", connection=redis)
    job = queue.enqueue("time.sleep", 60, retry=Retry(max=3, interval=10))
    wait_until(lambda: job.get_status() == JobStatus.STARTED)

    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=10)

    assert process.returncode == 0
    assert '"outcome": "stopped"' in output
    assert job.get_status() == JobStatus.SCHEDULED
    assert job.id in queue.scheduled_job_registry.get_job_ids()


def test_an_idle_worker_ends_at_once(redis: Redis, process: "subprocess.Popen[str]") -> None:
    wait_until(lambda: redis.smembers("rq:workers"))

    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=10)

    assert process.returncode == 0
    assert "Traceback" not in output


def test_a_lock_on_cleaning_that_a_killed_worker_left_is_gone_after_a_start(
    redis: Redis, process: "subprocess.Popen[str]"
) -> None:
    redis.set("rq:clean_registries:default", 1, ex=899)

    wait_until(lambda: redis.smembers("rq:workers"))

    wait_until(lambda: not redis.exists("rq:clean_registries:default"), seconds=5)


def test_a_worker_killed_while_idle_takes_no_job_with_it(
    redis: Redis, environment: dict[str, str]
) -> None:
    """A process that it forked must not keep its connection, and with it its place in line."""
    idle = subprocess.Popen([sys.executable, "worker.py"], cwd=ROOT, env=environment)
    wait_until(lambda: redis.smembers("rq:workers"))
    wait_until(lambda: any("pop" in client["cmd"] for client in redis.client_list()))
    idle.kill()
    idle.wait()
    queue = Queue("default", connection=redis)

    job = queue.enqueue("os.getpid")

    assert queue.job_ids == [job.id]


def test_without_a_schema_it_ends_with_one_line(
    environment: dict[str, str], tmp_path: Path
) -> None:
    environment["DATABASE_URL"] = f"sqlite:///{tmp_path}/empty.db"

    ended = subprocess.run(
        [sys.executable, "worker.py"], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    assert ended.returncode == 2
    assert ended.stderr == (
        "starboard: the database's schema is missing, this version needs 0001: "
        "run `flask --app app upgrade`\n"
    )
