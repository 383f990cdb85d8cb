"""kill -9 of every process that works, and many that write at once: nothing is lost or doubled."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from redis import Redis
from rq import Queue
from rq_scheduler import Scheduler
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

import models
import queues
import scheduler
from core import clock
from core.encoding import encoded
from local.fake_github import api, serving, worlds
from local.fake_github.faults import FaultInjector
from models import List, Placement, Poll
from queues import QUEUES
from scheduler import KEY
from settings import Settings, from_environment
from store.database import Database
from store.documents import Build, document, publish
from tests.support.common import published, running, wait_until

WORKER = [sys.executable, "worker.py"]
SCHEDULER = [sys.executable, "scheduler.py"]
LOCK = Scheduler.scheduler_lock_key
PAGES = ("lists", "lists/stars", "languages/stars")
BALLAST = "made up of words " * 1000  # a write takes time, and has more than one page


# Workers


def kill_with_horse(worker: "subprocess.Popen[bytes]") -> None:
    pids = [worker.pid, *(pid for pid, parent in running().items() if parent == worker.pid)]
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    worker.wait()


def begun(redis: Redis) -> set[str]:
    """The polls that were begun and not ended, by workers alive or dead."""
    registry = Queue("default", connection=redis).started_job_registry
    ids = registry.get_job_ids(cleanup=False)
    return {job_id for job_id in ids if job_id.startswith("poll-")}


def test_the_work_of_killed_workers_is_done_by_the_next_within_90_seconds_and_once(
    redis: Redis,
    services: dict[str, str],
    settings: Settings,
    database: Database,
    install_process: Callable[..., Any],
) -> None:
    """Workers and horses die in the midst of a poll, for which RQ alone would take a quarter hour.
    One job was taken off its queue and never begun, which RQ alone would not notice at all."""
    slugs = ["stars", "forks", "python", "go"]
    random = Random(1)
    queue = Queue("default", connection=redis)
    faults = FaultInjector(rate=1, kinds=["slow"])
    github = api.create_fake_github(worlds.MadeUpWorld(), faults=faults)
    with serving.serve(github) as github_url:
        variables = {"LISTS": ",".join(slugs), "POLL_MINUTES": "60", "GITHUB_API_URL": github_url}
        install_process(SCHEDULER, services | variables)
        wait_until(lambda: queue.count == len(slugs) + 2)
        redis.lmove(queue.key, queue.intermediate_queue_key, src="RIGHT", dest="LEFT")
        deadline = time.monotonic() + 90
        killed: set[str] = set()
        for _ in range(3):
            worker = install_process(WORKER, services | variables)
            at_hand = wait_until(lambda: begun(redis) - killed)
            time.sleep(random.uniform(0, 4))
            kill_with_horse(worker)
            killed.update(at_hand)
        faults.rate = 0
        install_process(WORKER, services | variables)

        wait_until(
            lambda: all(published(settings, f"lists/{slug}") for slug in slugs),
            seconds=deadline - time.monotonic(),
        )

    assert len(killed) == 3
    with database.read() as session:
        polls = session.execute(select(List.slug, Poll.slot, Poll.outcome, Poll.rows).join(Poll))
        good = [(slug, slot, rows) for slug, slot, outcome, rows in polls if outcome == models.GOOD]
        found = session.execute(
            select(
                List.slug,
                Placement.slot,
                func.count(Placement.rank),
                func.max(Placement.rank),
                func.count(Placement.repository_id.distinct()),
            )
            .join(Placement)
            .group_by(List.slug, Placement.slot)
        )
        placed = [tuple(row) for row in found]
    assert {slug for slug, _, _ in good} == set(slugs)
    assert {rows for _, _, rows in good} == {100}
    assert sorted(placed) == sorted((slug, slot, 100, 100, 100) for slug, slot, _ in good)


# Schedulers


def names(ids: list[str]) -> list[str]:
    """The entries that jobs came from."""
    return sorted(job_id.rpartition("-")[0] for job_id in ids)


def all_ticked(redis: Redis) -> bool:
    """Whether all entries are there and none is due."""
    return bool(redis.zcard(KEY)) and not redis.zcount(KEY, 0, time.time())


def queued(redis: Redis) -> list[str]:
    return [job_id for name in QUEUES for job_id in Queue(name, connection=redis).job_ids]


def test_a_scheduler_killed_in_the_midst_of_its_ticks_is_replaced_within_20_seconds(
    redis: Redis, services: dict[str, str], install_process: Callable[..., Any]
) -> None:
    """The next one has to wait for the dead one's lock, and queues what that one left."""
    everything = services | {"LISTS": ""}
    entries = {entry.name for entry in scheduler.schedule(from_environment({}))}
    random = Random(1)

    def killed_with_its_lock() -> bool:
        redis.flushall()
        first = install_process(SCHEDULER, everything)
        deadline = time.monotonic() + 20
        while not redis.exists(LOCK) and time.monotonic() < deadline:
            pass  # it is held for milliseconds
        time.sleep(random.uniform(0, 0.01))
        first.kill()
        first.wait()
        return bool(redis.exists(LOCK)) and len(queued(redis)) < len(entries)

    wait_until(killed_with_its_lock, seconds=60)

    install_process(SCHEDULER, everything)

    wait_until(lambda: all_ticked(redis), seconds=20)
    assert set(names(queued(redis))) == entries
    assert len(set(queued(redis))) == len(queued(redis))


def test_two_schedulers_at_once_queue_each_tick_once_and_one_goes_on_when_the_other_is_killed(
    redis: Redis, services: dict[str, str], install_process: Callable[..., Any]
) -> None:
    everything = services | {"LISTS": "", "POLL_MINUTES": "60", "AGGREGATE_MINUTES": "60"}
    entries = {entry.name for entry in scheduler.schedule(from_environment({}))}
    rounds = 4

    def make_due() -> None:
        """Let the jobs of the slot be done, and all come up again."""
        for key in redis.scan_iter("rq:job:*T*Z"):
            redis.hset(key, "status", "finished")
        redis.zadd(KEY, {f"{queues.ENTRY_PREFIX}{name}": time.time() for name in entries})

    first, _ = (install_process(SCHEDULER, everything) for _ in range(2))
    wait_until(lambda: len(list(redis.scan_iter("rq:scheduler_instance:*"))) == 2)
    wait_until(lambda: all_ticked(redis))
    for number in range(1, rounds):
        if number == rounds - 1:
            first.kill()
            first.wait()
        make_due()
        wait_until(lambda: all_ticked(redis), seconds=20)

    each = Counter(names(queued(redis)))
    assert each.keys() == entries
    assert min(each.values()) >= rounds  # more where the hour changed
    assert max(Counter(queued(redis)).values()) <= rounds


# Publishers


def publish_next(database: Database) -> None:
    """Read the generation that is out, and publish the next."""
    with database.write() as session:
        generation = max(generations(session)) + 1
        built_at = clock.EPOCH + timedelta(milliseconds=generation)
        body = {"generation": generation, "ballast": BALLAST}
        documents = dict.fromkeys(PAGES, encoded(body, built_at))
        assert publish(session, Build(built_at, built_at, documents), built_at)


def generations(session: Session) -> set[int]:
    """The generation that each of the documents shows; before the first one, 0."""
    found = [document(session, page) for page in PAGES]
    return {json.loads(it.body)["generation"] if it else 0 for it in found}


def publish_on(database: Database, begun: Callable[[], object]) -> None:
    publish_next(database)
    begun()
    while True:
        publish_next(database)


def kill_publishing(url: str, times: int) -> list[int]:
    """Kill a forked child in the midst of publishing, again and again; gives how each ended."""
    database = Database(url)
    publish_next(database)  # what SQLAlchemy compiles for it, children need not compile again
    database.dispose()
    random = Random(1)
    statuses = []
    for _ in range(times):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                publish_on(database, begun=lambda: os.write(writing, b"."))  # noqa: B023  # used at once
            finally:
                os._exit(1)
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        time.sleep(random.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        statuses.append(os.waitpid(child, 0)[1])
    return statuses


def together(number: int) -> ProcessPoolExecutor:
    """Processes that begin all at once. They are without threads, so that they may fork."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(number, spawn, initializer=spawn.Barrier(number).wait)


def publish_often(url: str, times: int) -> None:
    with Database(url) as database:
        for _ in range(times):
            publish_next(database)


def read_until(url: str, end: Path) -> tuple[int, int, int]:
    """Read all documents until a file says that it is enough: how many different generations were
    seen, how often were they torn, and how often older than before? A file beside it says that
    reading has begun."""
    seen, torn, older, newest = set(), 0, 0, 0
    with Database(url) as database:
        while not end.exists():
            with database.read() as session:
                found = generations(session)
            end.with_name(f"reader-{os.getpid()}").touch()
            torn += len(found) > 1
            older += min(found) < newest
            newest = max(found)
            seen |= found
            time.sleep(0.02)  # leaves the machine to those who write
    return len(seen), torn, older


def out(database: Database) -> set[int]:
    with database.read() as session:
        return generations(session)


def damage(database: Database) -> str:
    """What SQLite says of its file."""
    if database.engine.dialect.name != "sqlite":
        return "ok"
    with database.read() as session:
        return str(session.scalar(text("PRAGMA integrity_check")))


def test_a_publisher_killed_200_times_leaves_documents_of_one_build_and_never_older_ones(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    kills, end = 200, tmp_path / "end"

    with together(2) as reading, together(1) as killing:
        readers = [reading.submit(read_until, settings.database_url, end) for _ in range(2)]
        wait_until(lambda: len(list(tmp_path.glob("reader-*"))) == 2)
        killer = killing.submit(kill_publishing, settings.database_url, kills)
        wait([killer])
        end.touch()
    results = [reader.result() for reader in readers]

    assert killer.result() == [signal.SIGKILL] * kills
    assert [(torn, older) for _, torn, older in results] == [(0, 0), (0, 0)]
    assert min(seen for seen, _, _ in results) > 20
    assert min(out(database)) >= kills
    assert len(out(database)) == 1
    assert damage(database) == "ok"


def test_of_3_publishers_and_3_readers_at_once_none_loses_tears_or_finds_the_database_locked(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    times, end = 60, tmp_path / "end"

    with together(3) as reading, together(3) as writing:
        readers = [reading.submit(read_until, settings.database_url, end) for _ in range(3)]
        wait_until(lambda: len(list(tmp_path.glob("reader-*"))) == 3)
        writers = [writing.submit(publish_often, settings.database_url, times) for _ in range(3)]
        wait(writers)
        end.touch()
    results = [reader.result() for reader in readers]

    assert [writer.result() for writer in writers] == [None] * 3
    assert [(torn, older) for _, torn, older in results] == [(0, 0)] * 3
    assert min(seen for seen, _, _ in results) > 20
    assert out(database) == {3 * times}
    assert damage(database) == "ok"
