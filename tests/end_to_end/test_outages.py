"""Redis goes away, hangs and forgets; the machine is off; a job always fails. What each process
has to do about it happens by itself."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask
from redis import Redis
from rq import Queue, Retry
from rq.job import Job
from sqlalchemy import select

from core import clock, lists
from core.clock import HOUR
from core.rate_limit import limit_of
from local import embedded
from local.fake_github import api, serving, worlds
from local.fake_github.state import Record
from local.run import procfile
from models import Document, Poll
from monitoring import status
from scheduler import KEY, SafeScheduler, schedule
from settings import Settings
from store.database import Database
from tests.support.common import ROOT, MakeSettings, amid_a_slot, wait_until, with_redis
from tests.support.simulation import Simulation
from tests.support.valkey_server import Valkey

WORLD = worlds.MadeUpWorld(languages=["Python"])
LIST, STATUS = "/api/v1/lists/stars", "/api/v1/status"
OF_REDIS = ("queues", "workers", "next_runs")
READ_WITHIN = 5  # seconds: a busy machine's share included
BATCHES = ("identify", "sample", "history", "owners", "walk", "spikes", "thin")
ENTRIES = {f"schedule-{name}" for name in ("poll-stars", "aggregate", *BATCHES)}


@dataclass
class Site:
    """Processes of the Procfile, a Valkey, a database, and a GitHub that keeps a record."""

    settings: Settings
    database: Database
    valkey: Valkey
    redis: Redis
    github: Flask
    folder: Path
    install: Callable[..., "subprocess.Popen[bytes]"]
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}",
            "DATABASE_URL": self.settings.database_url,
            "REDIS_URL": self.settings.redis_url,
            "GITHUB_API_URL": self.settings.github_api_url,
            "LISTS": ",".join(ranked.slug for ranked in self.settings.lists),
            "AGGREGATE_MINUTES": str(self.settings.aggregate_every // timedelta(minutes=1)),
            "BIND": "127.0.0.1",
            "PORT": str(self.settings.port),
            "LOG_FORMAT": "json",
        }

    @property
    def searches(self) -> list[Record]:
        log: list[Record] = self.github.extensions["fake_github"].log
        return [record for record in log if record.resource == "search"]

    def start(self, *names: str) -> None:
        commands = procfile()
        for name in names:
            line = f'exec {commands[name]} >>"{self.log(name)}" 2>&1'
            self.processes.append(self.install(["sh", "-c", line], self.environment))

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def events(self, name: str, event: str) -> list[dict[str, Any]]:
        """The lines of one event in the log of one process."""
        lines = self.log(name).read_text().splitlines()
        parsed = [json.loads(line) for line in lines if line.startswith("{")]
        return [line for line in parsed if line["event"] == event]

    def all_run(self) -> bool:
        return all(process.poll() is None for process in self.processes)

    def get(self, path: str) -> Any:
        """What a path has; None where there is no answer 200."""
        try:
            response = httpx.get(f"http://127.0.0.1:{self.settings.port}{path}", timeout=10)
        except httpx.TransportError:
            return None
        return response.json() if response.status_code == 200 else None

    def read_for(self, seconds: float) -> set[int | str]:
        """What becomes of reads, one after the other: their status, or why there is none."""
        seen: set[int | str] = set()
        deadline = time.monotonic() + seconds
        with httpx.Client(timeout=READ_WITHIN) as client:
            while time.monotonic() < deadline:
                try:
                    seen.add(client.get(f"http://127.0.0.1:{self.settings.port}{LIST}").status_code)
                except httpx.TransportError as error:
                    seen.add(repr(error))
                time.sleep(0.02)
        return seen

    def make_due(self, entry: str) -> None:
        self.redis.zadd(KEY, {entry: time.time()})

    def is_idle(self) -> bool:
        queue = Queue("default", connection=self.redis)
        return not queue.job_ids and not queue.started_job_registry.get_job_ids(cleanup=False)

    def is_built_after(self, moment: datetime) -> bool:
        """Whether a build is newer. A list that it left as it was tells the older one."""
        status = self.get(STATUS)
        built_at = status and status["build"] and status["build"]["built_at"]
        return built_at is not None and clock.parse(built_at) > moment

    def status(self) -> Any:
        """The status, once it shows what is in Redis."""
        return wait_until(lambda: with_redis(self.get(STATUS)))

    def entries(self) -> set[str]:
        return {key.decode() for key in self.redis.zrange(KEY, 0, -1)}

    def polls(self) -> set[Any]:
        """List, slot, outcome and moment of all polls."""
        chosen = select(Poll.list_id, Poll.slot, Poll.outcome, Poll.fetched_at)
        with self.database.read() as session:
            return set(session.execute(chosen))

    def documents(self) -> set[str]:
        with self.database.read() as session:
            return set(session.scalars(select(Document.name)))

    def failed(self) -> int:
        """How many failed jobs the status page tells."""
        return sum(queue["failed"] for queue in self.status()["queues"])

    def command(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "app", *arguments],
            cwd=ROOT,
            env=os.environ | self.environment | variables,
            capture_output=True,
            text=True,
        )

    def command_with_redis(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The same, again while it says that Redis does not answer within a second."""

        def reached() -> Any:
            done = self.command(*arguments)
            return None if "Redis cannot be reached" in done.stderr else done

        done: subprocess.CompletedProcess[str] = wait_until(reached, seconds=90)
        return done


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
def github() -> Flask:
    return api.create_fake_github(WORLD)


@pytest.fixture
def github_url(github: Flask) -> Iterator[str]:
    with serving.serve(github) as url:
        yield url


@pytest.fixture
def make_site(
    make_settings: MakeSettings,
    database: Database,
    valkey: Valkey,
    github: Flask,
    github_url: str,
    tmp_path: Path,
    install_process: Callable[..., Any],
) -> Iterator[Callable[..., Site]]:
    """Makes a site, of which nothing runs yet."""
    with Redis.from_url(valkey.url) as redis:

        def make(**changes: Any) -> Site:
            urls = {"redis_url": valkey.url, "github_api_url": github_url}
            settings = make_settings(**urls, port=embedded.free_port(), **changes)
            return Site(settings, database, valkey, redis, github, tmp_path, install_process)

        yield make
    for log in sorted(tmp_path.glob("*.log")):  # pytest shows it where a test fails
        print(f"{log.name}:\n{log.read_text()}")


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A site that runs, serves its list, and has nothing to do."""
    site = make_site()
    site.start("web", "worker", "scheduler")
    wait_until(lambda: site.get(LIST), seconds=90)
    wait_until(lambda: site.entries() == ENTRIES and site.is_idle())
    return site


@contextmanager
def killed(valkey: Valkey) -> Iterator[None]:
    valkey.kill()
    try:
        yield
    finally:
        valkey.start()


@contextmanager
def hung(valkey: Valkey) -> Iterator[None]:
    valkey.stop()
    try:
        yield
    finally:
        valkey.go_on()


@pytest.mark.parametrize(
    ("outage", "seconds"),
    [
        pytest.param(killed, 1, id="killed for 1 s"),
        pytest.param(killed, 8, id="killed for 8 s"),
        pytest.param(hung, 8, id="hung for 8 s"),
    ],
)
def test_without_redis_nothing_ends_all_reads_are_answered_and_work_goes_on_afterwards(
    site: Site, outage: Callable[[Valkey], Any], seconds: float
) -> None:
    at_hand = Queue("default", connection=site.redis).enqueue("time.sleep", 2)
    wait_until(lambda: at_hand.get_status() == "started")

    with ThreadPoolExecutor() as pool:
        with outage(site.valkey):
            reads = pool.submit(site.read_for, seconds)
            told = site.get(STATUS)
            reads.result()
        back_at = datetime.now(UTC)
        site.make_due("schedule-aggregate")
        afterwards = pool.submit(site.read_for, 1)
        wait_until(lambda: site.is_built_after(back_at), seconds=90)

    assert [told[name] for name in OF_REDIS] == [None] * 3
    assert reads.result() | afterwards.result() == {200}
    assert at_hand.get_status() == "finished"
    assert len(site.status()["workers"]) == 1
    assert site.all_run()


def flush(site: Site) -> None:
    site.redis.flushall()


def restart_empty(site: Site) -> None:
    site.valkey.kill()
    site.valkey.forget()
    site.valkey.start()


@pytest.mark.parametrize("wipe", [flush, restart_empty])
def test_a_wiped_redis_gets_its_schedule_and_its_worker_back_and_nothing_stored_is_lost(
    site: Site, wipe: Callable[[Site], None]
) -> None:
    polls, documents = site.polls(), site.documents()
    at_hand = Queue("default", connection=site.redis).enqueue("time.sleep", 2)
    wait_until(lambda: at_hand.get_status() == "started")

    wipe(site)

    wait_until(lambda: site.entries() == ENTRIES, seconds=60)
    workers = wait_until(lambda: site.status()["workers"], seconds=60)
    back_at = datetime.now(UTC)
    site.make_due("schedule-aggregate")
    wait_until(lambda: site.is_built_after(back_at))
    assert [worker["queues"] for worker in workers] == [["default", "low"]]
    assert (site.polls() >= polls, site.documents()) == (True, documents)
    assert site.all_run()


OFF = timedelta(hours=3)
TAKES = timedelta(seconds=120)


def wait_for_no_tick(settings: Settings) -> None:
    """Wait until no slot ends and no aggregation is due for as long as a test takes."""
    amid_a_slot(settings.poll_every, TAKES)
    amid_a_slot(settings.aggregate_every, TAKES, offset=timedelta(seconds=30))


def test_after_3_hours_without_power_each_list_is_polled_once_and_the_gap_stays_a_gap(
    make_site: Callable[..., Site],
) -> None:
    ranked = tuple(lists.KNOWN[slug] for slug in ("stars", "forks", "python"))
    site = make_site(lists=ranked, aggregate_every=HOUR)
    every = site.settings.poll_every
    wait_for_no_tick(site.settings)
    current = clock.floor(clock.now(), every)
    last = current - OFF
    history = [last - number * every for number in reversed(range(3))]
    before = Simulation(site.database, site.settings, WORLD, history[0])
    for slot in history:
        before.poll_all(slot)
    before.aggregate()
    entries = schedule(site.settings)
    SafeScheduler(entries, site.redis).reconcile()
    site.redis.zadd(KEY, {entry.id: last.timestamp() for entry in entries})
    started_at = clock.now()

    site.start("worker", "scheduler")
    wait_until(lambda: len(site.polls()) == 3 * (len(history) + 1), seconds=110)
    wait_until(site.is_idle)

    assert clock.now() - started_at < TAKES  # or what follows may be of the next slot
    sent = [record.at for record in site.searches]
    assert len(sent) == len({record.query for record in site.searches}) == 3
    # Who comes late for its turn may be followed sooner, by the slack at most.
    limit = limit_of("search", authorized=False)
    assert sent[2] - sent[0] >= 2 * limit.every - limit.slack
    jobs = [line["job"] for line in site.events("worker", "aggregate")]
    assert jobs == [f"aggregate-{clock.floor(started_at, HOUR):%Y%m%dT%H%MZ}"]
    gap = {
        "from": clock.rfc3339(last + every),
        "to": clock.rfc3339(current),
        "slots": OFF // every - 1,
    }
    with site.database.read() as session:
        told = [status.list_status(session, each, every, clock.now()) for each in ranked]
    assert [it["gaps"] for it in told] == [[gap]] * 3
    assert {slot for _, slot, _, _ in site.polls()} == {*history, current}
    assert {outcome for _, _, outcome, _ in site.polls()} == {"good"}
    assert site.all_run()


def test_a_job_that_always_fails_is_given_up_shown_and_run_again_on_request(site: Site) -> None:
    queue = Queue("default", connection=site.redis)
    bad = queue.enqueue("json.loads", "x", retry=Retry(max=2, interval=[1, 1]))
    healthy = queue.enqueue("os.getpid")

    def given_up(since: datetime | None) -> datetime | None:
        """When it last failed, if that is news and it waits for no further try."""
        job = Job.fetch(bad.id, connection=site.redis)
        is_news = job.get_status() == "failed" and job.ended_at != since
        return job.ended_at if is_news and site.failed() == 1 else None

    first = wait_until(lambda: given_up(None), seconds=120)
    left = Job.fetch(bad.id, connection=site.redis).retries_left
    listed = site.command_with_redis("jobs")
    requeued = site.command_with_redis("jobs", "--requeue", bad.id)
    second = wait_until(lambda: given_up(first), seconds=120)
    all_requeued = site.command_with_redis("jobs", "--requeue-all")
    wait_until(lambda: given_up(second), seconds=120)

    why = "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)"
    line = f"{bad.id}  default  {clock.rfc3339(first)}  {why}"
    assert left == 0
    assert (listed.returncode, listed.stdout.splitlines()) == (0, [line, "1 failed."])
    for done in (requeued, all_requeued):
        assert (done.returncode, done.stdout) == (0, f"queued again: {bad.id}\n")
    assert healthy.get_status() == "finished"
    assert site.all_run()


def test_the_command_that_shows_failed_jobs_says_in_one_line_what_is_wrong(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()

    unknown = site.command_with_redis("jobs", "--requeue", "nobody")
    unreachable = site.command("jobs", REDIS_URL="redis://127.0.0.1:1/0")

    assert unknown.returncode == 2
    assert unknown.stderr.endswith("\nError: Invalid value for --requeue: no failed job 'nobody'\n")
    assert (unreachable.returncode, unreachable.stdout) == (1, "")
    assert unreachable.stderr.startswith("Error: Redis cannot be reached: ")
    assert unreachable.stderr.count("\n") == 1
