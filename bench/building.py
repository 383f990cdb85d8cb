"""What jobs cost: a poll that finds its slot done, a build, and the write lock amid one."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from unittest import mock

from redis import Redis
from rq import Queue
from sqlalchemy.orm import Session

import queues
from bench.laboratory import Laboratory
from core import clock
from local import embedded
from store import builds
from store.database import Database, connect

ROOT = Path(__file__).parents[1]
JOBS = 40
TURNS = 5  # as many polls as there are before the next build


def done_poll(lab: Laboratory) -> float:
    """Milliseconds of CPU of a job that finds its slot done, its process and RQ's part included."""
    settings, slot = lab.settings, clock.floor(lab.now, lab.settings.poll_every)
    ours = {"DATABASE_URL": settings.database_url, "LOG_LEVEL": "warning", "GITHUB_TOKEN": ""}
    with embedded.embedded_valkey(lab.folder / "done") as url, Redis.from_url(url) as redis:
        environment = os.environ | ours | {"REDIS_URL": url}
        worker = subprocess.Popen([sys.executable, "worker.py"], cwd=ROOT, env=environment)
        queue = Queue(queues.DEFAULT, connection=redis)
        try:
            _run(queue, slot, 1, "first")
            before = _cpu_of_ended_children(worker.pid)
            _run(queue, slot, JOBS, "poll")
            return 1000 * (_cpu_of_ended_children(worker.pid) - before) / JOBS
        finally:
            worker.terminate()
            worker.wait()


def _run(queue: Queue, slot: object, number: int, name: str) -> None:
    """Have jobs run, and wait for their end."""
    jobs = [
        queue.enqueue("jobs.poll", "stars", slot, job_id=f"{name}-{each}") for each in range(number)
    ]
    while not all(job.get_status() == "finished" for job in jobs):
        assert not any(job.is_failed for job in jobs), [job.latest_result() for job in jobs]
        time.sleep(0.05)


def _cpu_of_ended_children(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def unchanged(lab: Laboratory) -> float:
    """Milliseconds of CPU of a build of 36 lists of which none changed."""
    return median(_build(lab, turn) for turn in range(TURNS))


def one_changed(lab: Laboratory) -> float:
    """Milliseconds of CPU of a build after the poll of one list."""
    return median(_build_of_one(lab, turn) for turn in range(TURNS))


def write_lock(lab: Laboratory) -> float:
    """Milliseconds for which a build of all lists keeps others from writing, commit included."""
    held: list[float] = []
    original = Database.write

    @contextmanager
    def timed(database: Database) -> Iterator[Session]:
        began = time.perf_counter()
        with original(database) as session:
            yield session
        held.append(1000 * (time.perf_counter() - began))

    def write(database: Database) -> AbstractContextManager[Session]:
        return timed(database)

    with connect(lab.settings) as database, mock.patch.object(Database, "write", write):
        for turn in range(TURNS):
            # The moment of the next build stands in each document, so that all are made anew.
            settings = replace(lab.settings, aggregate_every=timedelta(minutes=(15, 30)[turn % 2]))
            builds.aggregate_lists(database, settings, lab.now + timedelta(hours=1, seconds=turn))
    return median(held)


def _build(lab: Laboratory, turn: int) -> float:
    with connect(lab.settings) as database:
        now = lab.now + timedelta(seconds=turn + 1)
        began = time.process_time()
        builds.aggregate_lists(database, lab.settings, now)
        return 1000 * (time.process_time() - began)


def _build_of_one(lab: Laboratory, turn: int) -> float:
    lab.poll(lab.settings, (lab.settings.ranked("python"),), slots=turn + 1)
    with connect(lab.settings) as database:
        now = lab.now + (turn + 1) * lab.settings.poll_every
        began = time.process_time()
        builds.aggregate_lists(database, lab.settings, now)
        return 1000 * (time.process_time() - began)
