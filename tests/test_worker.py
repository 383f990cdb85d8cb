"""The worker process: its patience, its end, and what it cleans up."""

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue, Retry
from rq.exceptions import DequeueTimeout
from rq.job import Job, JobStatus
from structlog.testing import capture_logs

import queues
from monitoring.redis_status import redis_status
from store.database import connect
from tests.support.common import NEEDED, ROOT, MakeSettings, wait_until
from worker import PromptWorker, preload


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
        started.communicate(timeout=30)


@pytest.fixture
def worker(valkey_url: str) -> Iterator[PromptWorker]:
    """A worker that does not work, to be told what to do."""
    with queues.connect(valkey_url, timeout=30, retries=30) as connection:
        yield PromptWorker(connection)


def test_a_silent_job_counts_as_abandoned_after_seconds_not_minutes(worker: PromptWorker) -> None:
    patience = (
        worker.get_heartbeat_ttl(Job(connection=worker.connection)),
        worker.worker_ttl,
        worker.maintenance_interval,
        worker.job_monitoring_interval,
    )

    assert patience == (20, 30, 5, 5)


def test_told_to_end_it_drops_the_job_at_hand_which_is_run_again(
    redis: Redis, process: "subprocess.Popen[str]"
) -> None:
    queue = Queue("default", connection=redis)
    job = queue.enqueue("time.sleep", 60, retry=Retry(max=3, interval=10))
    wait_until(lambda: job.get_status() == JobStatus.STARTED)

    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)

    assert process.returncode == 0
    lines = [json.loads(line) for line in output.splitlines()]
    assert [(line["level"], line["outcome"], line.get("job")) for line in lines] == [
        ("info", "started", None),
        ("info", "broken off; it will run again", job.id),
        ("info", "stopped", None),
    ]
    assert job.get_status() == JobStatus.SCHEDULED
    assert job.id in queue.scheduled_job_registry.get_job_ids()


def test_an_idle_worker_ends_at_once(redis: Redis, process: "subprocess.Popen[str]") -> None:
    wait_until(lambda: redis.smembers("rq:workers"))

    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)

    assert process.returncode == 0
    assert "Traceback" not in output


@pytest.mark.parametrize("name", queues.QUEUES)
def test_a_lock_on_cleaning_that_a_killed_worker_left_goes_within_5_seconds(
    redis: Redis, worker: PromptWorker, name: str
) -> None:
    redis.set(f"rq:clean_registries:{name}", 1, ex=899)

    worker.run_maintenance_tasks()

    assert 0 < redis.ttl(f"rq:clean_registries:{name}") <= 5


def test_a_lock_on_cleaning_is_not_made_to_last_longer(redis: Redis, worker: PromptWorker) -> None:
    redis.set("rq:clean_registries:default", 1, ex=2)

    worker.run_maintenance_tasks()

    assert 0 < redis.ttl("rq:clean_registries:default") <= 2


def test_its_own_cleaning_leaves_no_lock(redis: Redis, worker: PromptWorker) -> None:
    worker.run_maintenance_tasks()

    assert list(redis.scan_iter("rq:clean_registries:*")) == []


def test_after_redis_was_wiped_it_is_visible_again_with_its_queues(
    redis: Redis, worker: PromptWorker
) -> None:
    worker.register_birth()  # type: ignore[no-untyped-call]
    redis.flushall()
    worker.heartbeat()

    worker.run_maintenance_tasks()

    visible = redis_status(redis)["workers"]
    assert [(each["name"], each["queues"]) for each in visible] == [
        (worker.name, ["default", "low"])
    ]
    assert redis.smembers("rq:workers:default") == {worker.key.encode()}


def test_while_all_is_well_its_registration_stays_as_it_was(
    redis: Redis, worker: PromptWorker
) -> None:
    worker.register_birth()  # type: ignore[no-untyped-call]
    before = redis.hgetall(worker.key)

    worker.run_maintenance_tasks()

    assert redis.hgetall(worker.key) == before


def test_a_worker_killed_while_idle_takes_no_job_with_it(
    redis: Redis, environment: dict[str, str]
) -> None:
    """A process that it forked must not keep its connection, and with it its place in line."""
    idle = subprocess.Popen([sys.executable, "worker.py"], cwd=ROOT, env=environment)
    wait_until(lambda: redis.smembers("rq:workers"))
    wait_until(lambda: any(client["cmd"] == "blmove" for client in redis.client_list()))
    idle.kill()
    idle.wait()
    queue = Queue("default", connection=redis)

    job = queue.enqueue("os.getpid")

    assert queue.job_ids == [job.id]


def test_a_job_on_any_queue_is_run_soon_and_is_noted_until_it_begins(
    redis: Redis, process: "subprocess.Popen[str]"
) -> None:
    wait_until(lambda: any(client["cmd"] == "blmove" for client in redis.client_list()))

    jobs = [Queue(name, connection=redis).enqueue("os.getpid") for name in reversed(queues.QUEUES)]

    wait_until(lambda: all(job.get_status() == JobStatus.FINISHED for job in jobs))
    assert not redis.keys("*:intermediate")


def test_a_job_that_a_dying_worker_took_is_still_known(redis: Redis) -> None:
    names = [f"rq:queue:{name}" for name in queues.QUEUES]
    job = Queue("low", connection=redis).enqueue("os.getpid")

    queues.NotedQueue.lpop(names, 1, redis)

    assert queues.orphaned_jobs(redis) == {("low", job.id)}


def test_a_worker_that_finds_nothing_for_long_enough_goes_on_to_its_other_duties(
    redis: Redis,
) -> None:
    with pytest.raises(DequeueTimeout):
        queues.NotedQueue.lpop(["rq:queue:default"], 1, redis)


def test_a_job_whose_worker_died_is_taken_over_with_a_line_in_the_log(
    redis: Redis, worker: PromptWorker
) -> None:
    queue = Queue("default", connection=redis)
    job = queue.enqueue("os.getpid", retry=Retry(max=3, interval=10))
    job.prepare_for_execution("gone", redis.pipeline())
    job.set_status(JobStatus.STARTED)
    redis.zadd(queue.started_job_registry.key, {f"{job.id}:1": 1})

    with capture_logs() as lines:
        worker.run_maintenance_tasks()

    assert job.get_status() == JobStatus.SCHEDULED
    assert lines == [
        {
            "event": "worker",
            "job": job.id,
            "outcome": "taken over",
            "why": "its worker died; it is run again",
            "log_level": "warning",
        }
    ]


def test_without_a_schema_it_ends_with_one_line(
    environment: dict[str, str], tmp_path: Path
) -> None:
    environment["DATABASE_URL"] = f"sqlite:///{tmp_path}/empty.db"

    ended = subprocess.run(
        [sys.executable, "worker.py"], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    assert ended.returncode == 2
    assert ended.stderr == (
        f"starboard: the database's schema is missing, this version needs {NEEDED}: "
        "run `flask --app app upgrade`\n"
    )


def test_it_loads_while_make_run_makes_the_schema(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, waited = make_settings(), []

    def read(file: int, size: int) -> bytes:
        waited.append(file)
        with connect(settings) as database:
            database.upgrade()
        return b""

    monkeypatch.setenv("RELEASED_FD", "77")
    monkeypatch.setattr("worker.os.read", read)

    preload(settings)  # it would end the process without a schema
    gc.unfreeze()

    assert waited == [77]
