"""kill -9 of workers and schedulers: nothing is lost or doubled."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from redis import Redis
from rq import Queue
from rq_scheduler import Scheduler
from sqlalchemy import func, select

import models
import queues
import scheduler
from local.fake_github import api, serving, worlds
from local.fake_github.faults import FaultInjector
from models import List, Placement, Poll
from queues import QUEUES
from scheduler import KEY
from settings import Settings, from_environment
from store.database import Database
from tests.support.common import published, running, wait_until

WORKER = [sys.executable, "worker.py"]
SCHEDULER = [sys.executable, "scheduler.py"]
LOCK = Scheduler.scheduler_lock_key


# Workers


def kill_with_horse(worker: "subprocess.Popen[bytes]") -> None:
    """Kill a worker, and see that the child dies with it that runs its job."""
    horses = {pid for pid, parent in running().items() if parent == worker.pid}
    worker.kill()
    worker.wait()
    wait_until(lambda: not horses & running().keys())


def begun(redis: Redis) -> set[str]:
    """The polls that were begun and not ended, by workers alive or dead."""
    registry = Queue("default", connection=redis).started_job_registry
    ids = registry.get_job_ids(cleanup=False)
    return {job_id for job_id in ids if job_id.startswith("poll-")}


def test_the_work_of_killed_workers_is_done_by_the_next_soon_and_once(
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
        deadline = time.monotonic() + 240  # 45 s if quiet; RQ alone takes a quarter of an hour
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


def test_a_scheduler_killed_in_the_midst_of_its_ticks_is_replaced_once_its_lock_ends(
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

    wait_until(killed_with_its_lock, seconds=120)

    install_process(SCHEDULER, everything)

    wait_until(lambda: all_ticked(redis), seconds=45)  # rq-scheduler alone: 70
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
        wait_until(lambda: all_ticked(redis), seconds=45)  # rq-scheduler alone: 70

    each = Counter(names(queued(redis)))
    assert each.keys() == entries
    assert min(each.values()) >= rounds  # more where the hour changed
    assert max(Counter(queued(redis)).values()) <= rounds
