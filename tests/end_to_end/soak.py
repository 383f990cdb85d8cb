"""Everything that can go wrong, at once and for long: `make soak`.

Ten minutes of real processes at one-minute intervals, a simulated day in this process, and ten
thousand jobs for one worker. The same seed gives the same faults. Ends with a table, and with
status 1 unless no slot is stored twice, no value is wrong and every read is answered with 200.
"""

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any

import click
import httpx
from redis import Redis
from rq import Queue
from sqlalchemy import func, select

import models
import queues
from core import clock, lists
from core.lists import RankedList
from core.schemas import Leaderboard
from local import embedded
from local.fake_github import api, serving
from local.fake_github.faults import FaultInjector
from local.fake_github.worlds import FakeRepository, MadeUpWorld
from local.run import procfile
from models import Placement, Poll
from monitoring import logs
from monitoring.status import list_status
from settings import Settings, from_environment
from store import documents, polls
from store.database import Database, connect
from tests.support.common import ROOT, descendants, published, running, wait_until
from tests.support.simulation import Simulation
from tests.support.valkey_server import Valkey

SLUGS = ("stars", "forks", "python", "rust", "go")
RANKED = [lists.KNOWN[slug] for slug in SLUGS]
BACKGROUND = 0.2  # the share of GitHub's answers that is damaged all the time
NEAR_THE_END = timedelta(seconds=15)  # of a slot: what is asked for last may be the next one's


class Steps(MadeUpWorld):
    """A made-up world that stands still within each slot, so that every figure can be checked."""

    def __init__(self, every: timedelta, born: datetime) -> None:
        super().__init__(languages=("Python", "Rust", "Go"), born=born)
        self.every = every

    def _days(self, at: datetime) -> float:
        return super()._days(clock.floor(at, self.every))

    def top(self, ranked: RankedList, slot: datetime) -> dict[str, FakeRepository]:
        return {it.full_name: it for it in self.search(ranked, 0, slot)[: lists.SIZE]}


@dataclass
class Result:
    """What a part of the soak came to: the columns of its row."""

    name: str
    faults: Counter[str] = field(default_factory=Counter)
    expected: int = 0
    polled: int = 0
    gaps: int = 0
    duplicates: int = 0
    reads: int = 0
    not_200: int = 0
    wrong: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.wrong or self.duplicates or self.not_200) and (
            self.expected == self.polled + self.gaps
        )


# What is true


@dataclass
class Judge:
    """Holds leaderboards against the world that they tell of."""

    world: Steps
    database: Database

    def wrong(self, board: Leaderboard) -> Iterator[str]:
        ranked, as_of = lists.KNOWN[board["list"]], clock.parse(board["as_of"])
        where = f"{ranked.slug} as of {board['as_of']}"
        truth, kept = self.world.top(ranked, as_of), self.kept(ranked, as_of)
        counts = [item[ranked.count] for item in board["items"]]
        names = [item["full_name"] for item in board["items"]]
        if counts != sorted(counts, reverse=True) or len(names) != len(set(names)) != lists.SIZE:
            yield f"{where}: not a ranking"
        if [item["rank"] for item in board["items"]] != [*range(1, len(names) + 1)]:
            yield f"{where}: ranks are not 1 to {len(names)}"
        for name in truth.keys() - set(names):
            if getattr(truth[name], ranked.count) > counts[-1]:
                yield f"{where}: {name} is missing"
        for item in board["items"]:
            name = item["full_name"]
            if item["stars"] not in self.stars(name, as_of, since_long=name in kept):
                yield f"{where}: {name} has {item['stars']} stars"
            for window, gain in item["gains"].items():
                if gain is not None:
                    before = item["stars"] - gain["stars"]
                    if before not in self.stars(name, clock.parse(gain["since"])):
                        yield f"{where}: {name} gained {gain['stars']} in {window}"

    def stars(self, name: str, slot: datetime, *, since_long: bool = False) -> set[int]:
        """What a repository had at a slot. One that was asked for near its end may have had what
        it has in the next; one that was kept, what it had in one before."""
        slots = [slot]
        if self._is_late(slot):
            slots.append(slot + self.world.every)
        if since_long:
            slots += [slot - n * self.world.every for n in range(1, 100)]
        repos = (self.world.by_name(name, at) for at in slots)
        return {repo.stars for repo in repos if repo is not None}

    def kept(self, ranked: RankedList, slot: datetime) -> set[str]:
        chosen = (
            select(models.Repository.full_name)
            .join(Placement, Placement.repository_id == models.Repository.id)
            .join(models.List, models.List.id == Placement.list_id)
            .where(models.List.slug == ranked.slug, Placement.slot == slot, Placement.carried_over)
        )
        with self.database.read() as session:
            return set(session.scalars(chosen))

    def _is_late(self, slot: datetime) -> bool:
        late = select(Poll.slot).where(
            Poll.slot == slot, Poll.fetched_at > slot + self.world.every - NEAR_THE_END
        )
        with self.database.read() as session:
            return session.scalar(late.limit(1)) is not None


def count_slots(result: Result, database: Database, every: timedelta, now: datetime) -> None:
    """Slots of the last 24 hours: expected and declared as gaps, by the status; polled and stored
    twice, by the tables themselves."""
    first = clock.floor(now - clock.DAY, every) + every
    with database.read() as session:
        for ranked in RANKED:
            status = list_status(session, ranked, every, now)
            result.expected += status["expected"]
            result.gaps += sum(gap["slots"] for gap in status["gaps"])
        result.polled = (
            session.scalar(
                select(func.count()).where(Poll.outcome == models.GOOD, Poll.slot >= first)
            )
            or 0
        )
        twice = (
            select(Placement.list_id)
            .group_by(Placement.list_id, Placement.slot, Placement.repository_id)
            .having(func.count() > 1)
        )
        result.duplicates += len(session.scalars(twice).all())


# Real processes


class Platform:
    """Keeps processes running, as the platform does that they are deployed to: one that ends is
    started again soon. Their logs are read as they come."""

    def __init__(self, commands: dict[str, str], environment: dict[str, str], log: Path) -> None:
        self.commands, self.environment = commands, environment
        self.log = open(log, "w")  # noqa: SIM115  # closed with the platform
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self.killed: set[int] = set()  # by us
        self.ended = Counter[str]()  # by themselves
        self.stored = Counter[tuple[str, str]]()  # good polls by list and slot, as logged
        self.stopping = threading.Event()
        for name in commands:
            self._start(name)
        self.keeper = threading.Thread(target=self._keep)
        self.keeper.start()

    def _start(self, name: str) -> None:
        process = subprocess.Popen(
            self.commands[name],
            shell=True,
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes[name] = process
        threading.Thread(target=self._read, args=(name, process), daemon=True).start()

    def _read(self, name: str, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.log.write(f"{name}: {line}")
            with suppress(ValueError):
                event = json.loads(line)
                if event["event"] == "poll" and event["outcome"] == models.GOOD:
                    self.stored[event["list"], event["slot"]] += 1

    def _keep(self) -> None:
        while not self.stopping.wait(0.5):
            for name, process in list(self.processes.items()):
                if process.poll() is not None:
                    if process.pid not in self.killed:
                        self.ended[name] += 1
                    self.stopping.wait(1.5)
                    self._start(name)

    def kill(self, name: str, *, children: bool) -> None:
        process = self.processes[name]
        self.killed.add(process.pid)
        for pid in descendants([process.pid]) if children else [process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def signal(self, name: str, number: int) -> None:
        for pid in descendants([self.processes[name].pid]):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def limit_file_size(self, name: str, size: int) -> None:
        for pid in descendants([self.processes[name].pid]):
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def close(self) -> None:
        self.stopping.set()
        self.keeper.join()
        everything = descendants([process.pid for process in self.processes.values()])
        for process in self.processes.values():
            process.terminate()
        with suppress(AssertionError):
            wait_until(lambda: not everything & running().keys(), seconds=20)
        for pid in everything & running().keys():
            os.kill(pid, signal.SIGKILL)
        self.log.close()


@dataclass
class Faults:
    """What is done to the processes; each method is a fault, and lasts until it is over."""

    platform: Platform
    valkey: Valkey
    injector: FaultInjector
    random: Random
    done: Counter[str]
    redis_is_away: threading.Event = field(default_factory=threading.Event)

    def kinds(self) -> list[Callable[[], None]]:
        away = [
            partial(fault, s) for s in (1, 8, 30) for fault in (self.redis_gone, self.redis_hung)
        ]
        return [
            *(2 * [self.worker_and_horse_killed]),
            self.worker_alone_killed,
            *(2 * [self.scheduler_killed]),
            *away,
            self.redis_wiped,
            self.redis_restarted_empty,
            self.github_down,
            self.disk_full,
            self.worker_hung,
        ]

    def worker_and_horse_killed(self) -> None:
        self._wait_for_horse("worker-1")
        self.platform.kill("worker-1", children=True)
        self.done["kill -9 of a worker and its horse"] += 1

    def worker_alone_killed(self) -> None:
        self._wait_for_horse("worker-2")
        self.platform.kill("worker-2", children=False)
        self.done["kill -9 of a worker, its horse goes on"] += 1

    def scheduler_killed(self) -> None:
        self.platform.kill(self.random.choice(("scheduler-1", "scheduler-2")), children=True)
        self.done["kill -9 of a scheduler"] += 1

    def redis_gone(self, seconds: int) -> None:
        with self._redis_away():
            self.valkey.kill()
            time.sleep(seconds)
            self.valkey.start()
        self.done[f"Redis gone for {seconds} s"] += 1

    def redis_hung(self, seconds: int) -> None:
        with self._redis_away():
            self.valkey.stop()
            time.sleep(seconds)
            self.valkey.go_on()
        self.done[f"Redis hung for {seconds} s"] += 1

    def redis_wiped(self) -> None:
        with Redis.from_url(self.valkey.url) as client:
            client.flushall()
        self.done["Redis wiped"] += 1

    def redis_restarted_empty(self) -> None:
        self.valkey.kill()
        self.valkey.forget()
        self.valkey.start()
        self.done["Redis restarted empty"] += 1

    def github_down(self) -> None:
        self.injector.rate = 1
        time.sleep(75)
        self.injector.rate = BACKGROUND
        self.done["GitHub down or lying for 75 s"] += 1

    def disk_full(self) -> None:
        """No file can be written beyond its first bytes: the database's log included."""
        for name in ("worker-1", "worker-2"):
            self.platform.limit_file_size(name, 4096)
        time.sleep(15)
        for name in ("worker-1", "worker-2"):
            self.platform.limit_file_size(name, resource.RLIM_INFINITY)
        self.done["disk full for 15 s"] += 1

    def worker_hung(self) -> None:
        """Long enough for its job to be taken for abandoned, and run by the other one, too."""
        self._wait_for_horse("worker-1")
        self.platform.signal("worker-1", signal.SIGSTOP)
        time.sleep(25)
        self.platform.signal("worker-1", signal.SIGCONT)
        self.done["worker and horse hung for 25 s"] += 1

    def _wait_for_horse(self, worker: str) -> None:
        """Wait a while until a job runs, then for some random part of it."""
        shell = self.platform.processes[worker].pid
        with suppress(AssertionError):
            wait_until(lambda: len(descendants([shell])) > 1, seconds=8)
        time.sleep(self.random.uniform(0, 0.2))

    @contextmanager
    def _redis_away(self) -> Iterator[None]:
        self.redis_is_away.set()
        yield
        self.redis_is_away.clear()


class Reader(threading.Thread):
    """Reads all the time, and keeps what it saw."""

    def __init__(self, url: str, random: Random, redis_is_away: threading.Event) -> None:
        super().__init__()
        self.url, self.random, self.redis_is_away = url, random, redis_is_away
        self.bodies: dict[str, bytes] = {}  # leaderboards by ETag
        self.newest: dict[str, str] = {}
        self.wrong: set[str] = set()
        self.not_200 = Counter[str]()
        self.seconds: dict[bool, list[float]] = {False: [], True: []}  # by whether Redis was away
        self.stopping = threading.Event()

    def run(self) -> None:
        paths = [f"/api/v1/lists/{slug}" for slug in SLUGS] + ["/api/v1/lists", "/api/v1/owners"]
        with httpx.Client(base_url=self.url, timeout=5) as client:
            while not self.stopping.wait(0.05):
                self._read(client, self.random.choice(paths))

    def _read(self, client: httpx.Client, path: str) -> None:
        away, started = self.redis_is_away.is_set(), time.perf_counter()
        try:
            response = client.get(path)
        except httpx.HTTPError as error:
            self.not_200[f"{path}: {error!r}"] += 1
            return
        self.seconds[away].append(time.perf_counter() - started)
        if response.status_code != 200:
            self.not_200[f"{path}: {response.status_code} {response.text[:300]}"] += 1
            return
        if "/lists/" in path:
            built_at = response.json()["built_at"]
            if built_at < self.newest.get(path, ""):
                self.wrong.add(f"{path}: built at {built_at} after {self.newest[path]}")
            self.newest[path] = built_at
            self.bodies[response.headers["ETag"]] = response.content


def real_minutes(minutes: float, seed: int, folder: Path) -> Result:
    """Two of each process, all faults mixed, then two minutes of calm."""
    result = Result(f"{minutes:g} minutes of real processes, a slot a minute")
    every = timedelta(minutes=1)
    world = Steps(every, born=clock.now() - timedelta(days=40))
    injector = FaultInjector(seed)
    github = api.create_fake_github(world, faults=injector)
    valkey = Valkey(folder / "valkey")
    port = embedded.free_port()
    with serving.serve(github) as github_url, valkey:
        environment = os.environ | {
            "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
            "DATABASE_URL": f"sqlite:///{folder}/starboard.db",
            "REDIS_URL": valkey.url,
            "GITHUB_API_URL": github_url,
            "GITHUB_TOKEN": "for-the-soak",
            "LISTS": ",".join(SLUGS),
            "POLL_MINUTES": "1",
            "AGGREGATE_MINUTES": "1",
            "BIND": "127.0.0.1",
            "PORT": str(port),
            "LOG_FORMAT": "json",
        }
        settings = from_environment(environment)
        database = connect(settings)
        database.upgrade()
        lines = procfile()
        commands = {"web": lines["web"]} | {
            f"{name}-{number}": lines[name] for name in ("worker", "scheduler") for number in (1, 2)
        }
        commands = {name: f"exec {command}" for name, command in commands.items()}
        platform = Platform(commands, environment, folder / "log")
        try:
            for slug in SLUGS:
                wait_until(partial(published, settings, f"lists/{slug}"), seconds=60)
            injector.rate = BACKGROUND
            random = Random(seed)
            faults = Faults(platform, valkey, injector, random, result.faults)
            readers = [
                Reader(f"http://127.0.0.1:{port}", Random(seed + n), faults.redis_is_away)
                for n in range(3)
            ]
            for reader in readers:
                reader.start()
            inflict(faults, minutes, random)
            injector.rate = 0
            calm_from = clock.floor(clock.now(), every)
            recovered = [slug for slug in SLUGS if recovers(settings, slug, calm_from)]
            result.wrong |= {f"{slug}: no recovery" for slug in SLUGS if slug not in recovered}
            seconds = (clock.now() - calm_from).total_seconds()
            result.remarks.append(f"all lists were fresh again {seconds:.0f} s after the faults")
            for reader in readers:
                reader.stopping.set()
            for reader in readers:
                reader.join()
            now = clock.now()
        finally:
            platform.close()
        result.faults["answers of GitHub damaged"] = len(injector.done)
        result.duplicates = sum(times > 1 for times in platform.stored.values())
        count_slots(result, database, every, now)
        judge = Judge(world, database)
        bodies = {tag: body for reader in readers for tag, body in reader.bodies.items()}
        for body in bodies.values():
            result.wrong |= set(judge.wrong(json.loads(body)))
        for reader in readers:
            result.wrong |= reader.wrong
            result.reads += sum(map(len, reader.seconds.values()))
            result.not_200 += reader.not_200.total()
        for name, times in platform.ended.items():
            result.wrong.add(f"{name} ended by itself, {times} times")
        not_200 = sum((reader.not_200 for reader in readers), Counter[str]())
        result.remarks += [f"not 200: {what}: {times}" for what, times in not_200.items()]
        calm, away = (
            [s for reader in readers for s in reader.seconds[kind]] for kind in (False, True)
        )
        with Redis.from_url(valkey.url) as client:
            keys, memory = client.dbsize(), client.info("memory")["used_memory"]
        wal = (
            (folder / "starboard.db-wal").stat().st_size
            if (folder / "starboard.db-wal").exists()
            else 0
        )
        result.remarks += [
            f"{len(bodies)} different leaderboards were read and checked",
            f"a read took {milliseconds(calm)}, while Redis was away {milliseconds(away)}:"
            f" {median(away) / median(calm):.2f} times as long",
            f"at the end: {keys} keys in Redis ({memory / 1e6:.1f} MB),"
            f" {wal / 1e6:.1f} MB of write-ahead log",
        ]
        database.dispose()
    return result


def milliseconds(seconds: list[float]) -> str:
    return f"{1000 * median(seconds):.1f} ms (p99 {1000 * quantiles(seconds, n=100)[98]:.1f})"


def inflict(faults: Faults, minutes: float, random: Random) -> None:
    """All faults in random order, over and over, until the time is over."""
    deadline = time.monotonic() + 60 * minutes - 130
    with click.progressbar(length=int(60 * minutes - 130), label="Faults") as bar:
        seen, todo = time.monotonic(), list[Callable[[], None]]()
        while time.monotonic() < deadline:
            if not todo:
                todo = faults.kinds()
                random.shuffle(todo)
            todo.pop()()
            time.sleep(random.uniform(1, 9))
            bar.update(int(time.monotonic() - seen))
            seen = time.monotonic()


def recovers(settings: Settings, slug: str, since: datetime) -> bool:
    """Whether a list of a slot after `since` gets published; GitHub may have asked for a pause."""

    def is_fresh() -> bool:
        with connect(settings) as database, database.read() as session:
            document = documents.document(session, f"lists/{slug}")
            return document is not None and document.as_of is not None and document.as_of > since

    with suppress(AssertionError):
        wait_until(is_fresh, seconds=300)
    return is_fresh()


# A simulated day


class Killed(BaseException):
    """What kill -9 is to a job: nothing after it runs."""


class Mortal(Database):
    """A database whose user may be killed at the start or the end of any transaction."""

    random: Random
    rate = 0.0
    deaths = 0

    @contextmanager
    def write(self, *what: str) -> Iterator[Any]:
        with super().write(*what) as session:
            yield session
            self._maybe_die()
        self._maybe_die()

    @contextmanager
    def read(self) -> Iterator[Any]:
        self._maybe_die()
        with super().read() as session:
            yield session

    def _maybe_die(self) -> None:
        if self.random.random() < self.rate:
            self.deaths += 1
            raise Killed


def simulated_day(seed: int, folder: Path) -> Result:
    """A day at the usual intervals, in which everything above happens too."""
    result = Result("a simulated day, a slot every 10 minutes")
    every, start = timedelta(minutes=10), datetime(2026, 11, 22, tzinfo=UTC)
    world = Steps(every, born=start - timedelta(days=40))
    database = Mortal(f"sqlite:///{folder}/day.db")
    database.random = random = Random(seed)
    database.upgrade()
    settings = Settings(
        github_api_url="http://github.test", github_token="for-the-soak", lists=tuple(RANKED)
    )
    here = Simulation(database, settings, world, start, FaultInjector(seed, BACKGROUND))
    judge = Judge(world, database)
    slots = [start + n * every for n in range(24 * 6)]
    with click.progressbar(slots, label="A simulated day") as bar:
        for slot in bar:
            database.rate = 0.02
            live_through(here, slot, slot - start, random, result.faults)
            database.rate = 0
            for slug in SLUGS:
                if (board := here.board(slug)) is not None:
                    result.reads += 1
                    result.wrong |= set(judge.wrong(board))
    here.faults.rate = 0
    here.now = max(here.now + timedelta(hours=2), slots[-1] + every)
    last = clock.floor(here.now, every)
    here.poll_all(last)
    here.aggregate()
    for slug in SLUGS:
        board = here.board(slug)
        if board is None or board["as_of"] != clock.rfc3339(last):
            result.wrong.add(f"{slug}: no recovery")
    result.faults["answers of GitHub damaged"] = len(here.faults.done)
    result.faults["jobs killed in their midst"] = database.deaths
    result.duplicates = sum(times > 1 for times in Counter(here.stored).values())
    count_slots(result, database, every, here.now)
    database.dispose()
    return result


def live_through(
    here: Simulation, slot: datetime, since: timedelta, random: Random, faults: Counter[str]
) -> None:
    """One slot: its polls and its aggregation, each done never, once or twice, and at any time."""
    hour = since / timedelta(hours=1)
    if 9 <= hour < 12:
        faults["machine off for 3 h (slots)"] += 1
        return
    down = 15 <= hour < 17
    faults["GitHub down or lying for 2 h (slots)"] += down
    here.faults.rate = 1 if down else BACKGROUND
    here.now = max(here.now, slot)
    todo: list[RankedList | None] = [*RANKED, None]  # None: the aggregation
    if random.random() < 0.1:
        faults["Redis wiped: everything runs again"] += 1
        todo += todo
    if random.random() < 0.1:
        faults["jobs lost"] += 1
        todo.remove(random.choice(todo))
    random.shuffle(todo)
    for job in todo:
        for _ in range(3):
            try:
                if job is None:
                    here.aggregate()
                else:
                    here.poll(job, slot)
                break
            except Killed:
                here.sleep(45)
    if random.random() < 0.1:
        faults["an aggregation that began earlier ends later"] += 1
        with suppress(Killed):
            here.aggregate(begun=here.now - timedelta(minutes=20))


# Many jobs


def many_jobs(number: int, folder: Path) -> Result:
    """One worker does job after job: polls of a slot that is done."""
    result = Result(f"{number} jobs of one worker")
    valkey = Valkey(folder / "many")
    with valkey, Redis.from_url(valkey.url) as client:
        environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{folder}/starboard.db",
            "REDIS_URL": valkey.url,
            "LISTS": ",".join(SLUGS),
            "POLL_MINUTES": "1",
            "GITHUB_TOKEN": "for-the-soak",
            "LOG_LEVEL": "error",
        }
        queue = Queue("default", connection=client)
        with connect(from_environment(environment)) as database, database.read() as session:
            _, good = polls.first_and_last_good(session, RANKED[0])
            assert good is not None
        worker = subprocess.Popen([sys.executable, "worker.py"], cwd=ROOT, env=environment)
        memory = []
        try:
            with click.progressbar(length=number, label="Many jobs") as bar:
                for _ in range(10):
                    for _ in range(number // 10):
                        queue.enqueue("jobs.poll", "stars", good.slot, result_ttl=queues.RESULT_TTL)
                    wait_until(lambda: queue.count == 0, seconds=600)
                    memory.append(resident(worker.pid))
                    bar.update(number // 10)
            if failed := queue.failed_job_registry.get_job_count(cleanup=False):
                result.wrong.add(f"{failed} jobs failed")
            kept = queue.finished_job_registry.get_job_count(cleanup=False)
        finally:
            worker.terminate()
            worker.wait()
    steps = ", ".join(f"{it:.1f}" for it in memory)
    result.remarks += [
        f"the worker's memory after each tenth: {steps} MB",
        f"{kept} of the jobs, the last ten minutes', were still in Redis",
    ]
    if memory[-1] > 1.05 * memory[0]:
        result.wrong.add(f"the worker grew: {steps} MB")
    return result


def resident(pid: int) -> float:
    """The megabytes of memory that a process takes."""
    kilobytes = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True
    ).stdout
    return int(kilobytes) / 1000


# The table


COLUMNS: dict[str, Callable[[Result], object]] = {
    "": lambda it: it.name,
    "faults injected": lambda it: it.faults.total(),
    "slots expected": lambda it: it.expected,
    "slots polled": lambda it: it.polled,
    "slots recorded as gaps": lambda it: it.gaps,
    "reads": lambda it: it.reads,
    "duplicates": lambda it: it.duplicates,
    "wrong values": lambda it: len(it.wrong),
    "non-200 reads": lambda it: it.not_200,
}


def table(results: Iterable[Result]) -> str:
    rows: list[list[object]] = [
        list(COLUMNS),
        *([column(it) for column in COLUMNS.values()] for it in results),
    ]
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    lines.insert(1, "|---" + "|--:" * (len(COLUMNS) - 1) + "|")
    for result in results:
        lines += ["", f"In {result.name}:", ""]
        lines += [f"- {name}: {times}" for name, times in sorted(result.faults.items())]
        lines += [f"- {remark}" for remark in result.remarks]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="of real time, default: 10")
    parser.add_argument("--jobs", type=int, default=10_000, help="for one worker, default: 10000")
    parser.add_argument("--seed", type=int, default=1, help="default: 1")
    arguments = parser.parse_args()
    logs.configure(Settings(log_level="error"))
    folder = Path(tempfile.mkdtemp(prefix="starboard-soak-"))
    results = []
    for part in (
        partial(real_minutes, arguments.minutes, arguments.seed),
        partial(simulated_day, arguments.seed),
        partial(many_jobs, arguments.jobs),
    ):
        results.append(part(folder))
        print(f"\n{table(results[-1:])}\n", flush=True)
    print(table(results))
    for result in results:
        for what in sorted(result.wrong):
            print(f"WRONG: {result.name}: {what}")
    if not all(result.is_clean for result in results):
        sys.exit(f"What was written is in {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
