"""Imports through real workers, which are killed in the middle of it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq import Queue
from rq.job import Job
from sqlalchemy import select

import jobs
from core import clock
from history import importer
from local.fake_github import api, serving, worlds
from models import GOOD, Poll
from store.database import Database
from tests.support.archive import line, write_day
from tests.support.common import ROOT, amid_a_slot, descendants, wait_until
from tests.support.imported import bring, contents

FIRST = date(2025, 1, 1)
DAYS = 2 * importer.DAYS_A_JOB + 10  # three jobs
PLACES = 30
ITEMS = ("top-100-stars", "top-100-forks", "Python", "CPP", "Go", "Rust")
AFTER = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())  # whatever is of now
READ = DAYS * (len(ITEMS) * PLACES + 2)

Tables = dict[str, list[tuple[Any, ...]]]
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small days; each has a repetition and a row that makes no sense."""
    folder = tmp_path_factory.mktemp("days")
    for ago in range(DAYS):
        rows = [
            line(f"Owner{it % 7}/repo-{(it * 3 + ago) % 97}", 9_000 - it, item=item, language="Go")
            for item in ITEMS
            for it in range(PLACES)
        ]
        odd = [rows[3], line(stars="many")]
        suffix = ".csv.gz" if ago % 5 == 0 else ".csv"
        write_day(folder, *rows, *odd, day=FIRST + timedelta(days=ago), suffix=suffix)
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """What the tables hold after an import in one process."""
    with Database(f"sqlite:///{tmp_path_factory.mktemp('here')}/starboard.db") as database:
        database.upgrade()
        bring(database, *sorted(folder.iterdir()))
        return imported(database)


def imported(database: Database) -> Tables:
    """What was imported, in an order that does not depend on the database."""
    tables = contents(database)
    tables["repositories"] = [it for it in tables["repositories"] if it[1] is None]
    for name in ("polls", "placements", "readings"):
        tables[name] = [it for it in tables[name] if it[1] < AFTER]
    return {name: sorted(rows, key=repr) for name, rows in tables.items()}


class Site:
    """Workers, a scheduler, the command, and what they share."""

    def __init__(
        self, services: dict[str, str], redis: Redis, database: Database, start: Start
    ) -> None:
        self.services, self.redis, self.database, self.start = services, redis, database, start
        self.low = Queue("low", connection=redis)
        self.commands = ExitStack()  # end with the test

    def work(self, name: str = "worker.py") -> "subprocess.Popen[bytes]":
        return self.start([sys.executable, name], self.services)

    def command(self, *arguments: object) -> "subprocess.Popen[str]":
        command = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "app", "import-history", *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | self.services,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.commands.enter_context(command)
        self.commands.callback(command.kill)
        return command

    def started(self) -> list[str]:
        return self.low.started_job_registry.get_job_ids(cleanup=False)

    def jobs(self) -> list[Job]:
        ids = [*self.low.finished_job_registry.get_job_ids(cleanup=False), *self.started()]
        return [Job.fetch(it, connection=self.redis) for it in ids]

    def make_dead_silent(self) -> None:
        """Let the silence of those who were killed be long enough."""
        self._make_due(self.low.started_job_registry.key)

    def make_retries_due(self) -> None:
        self._make_due(self.low.scheduled_job_registry.key)

    def _make_due(self, key: str) -> None:
        for member in self.redis.zrange(key, 0, -1):
            self.redis.zadd(key, {member: time.time() - 1}, xx=True)


@pytest.fixture
def site(
    services: dict[str, str], redis: Redis, database: Database, install_process: Start
) -> Iterator[Site]:
    """A site of which nothing runs yet, and a GitHub."""
    with serving.serve(api.create_fake_github(worlds.MadeUpWorld(languages=["Python"]))) as url:
        services |= {"GITHUB_API_URL": url, "LOG_FORMAT": "json"}
        site = Site(services, redis, database, install_process)
        with site.commands:
            yield site


def reported(command: "subprocess.Popen[str]", seconds: float = 50) -> dict[str, int]:
    """The numbers of a command's report, which add up."""
    out, err = command.communicate(timeout=seconds)
    found = re.search(
        r"(?P<read>[\d,]+) rows read of (?P<files>\d+) files: (?P<stored>[\d,]+) stored, "
        r"(?P<already>[\d,]+) already there, (?P<repeats>[\d,]+) repeats, "
        r"(?P<rejected>[\d,]+) rejected",
        out,
    )
    assert found, out + err
    assert command.returncode == 0, err
    numbers = {name: int(text.replace(",", "")) for name, text in found.groupdict().items()}
    parts = [numbers[name] for name in ("stored", "already", "repeats", "rejected")]
    assert (numbers["read"], numbers["files"]) == (sum(parts), DAYS)
    return numbers


def kill(pids: set[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # it may have ended by itself
            os.kill(pid, signal.SIGKILL)


def test_two_workers_import_everything_once(site: Site, folder: Path, undisturbed: Tables) -> None:
    for _ in range(2):
        site.work()

    first, again = reported(site.command(folder)), reported(site.command(folder))

    stored = READ - 2 * DAYS
    numbers = {"read": READ, "files": DAYS, "repeats": DAYS, "rejected": DAYS}
    assert first == numbers | {"stored": stored, "already": 0}
    assert again == numbers | {"stored": 0, "already": stored}
    assert imported(site.database) == undisturbed


def test_two_commands_at_once_import_everything_once(
    site: Site, folder: Path, undisturbed: Tables
) -> None:
    site.work()

    commands = [site.command(folder), site.command(folder)]

    assert all(reported(it)["read"] == READ for it in commands)
    assert imported(site.database) == undisturbed


def test_a_command_without_a_worker_says_so_and_goes_on_when_one_is_started(
    site: Site, folder: Path, undisturbed: Tables
) -> None:
    command = site.command(folder)
    assert command.stderr is not None

    told = next(line for line in command.stderr if line.strip())
    site.work()

    assert told == "no worker listens on queue low: start one, or use --here\n"
    assert reported(command)["read"] == READ
    assert imported(site.database) == undisturbed


def test_a_command_that_was_killed_goes_on_when_run_again(
    site: Site, folder: Path, undisturbed: Tables
) -> None:
    site.work()
    with site.database.write() as session:
        session.connection()  # from here on nobody else writes
        command = site.command(folder)
        wait_until(site.started)
        kill({command.pid})
        command.communicate()

    again = reported(site.command(folder))

    assert again["read"] == READ
    assert imported(site.database) == undisturbed


def test_a_worker_and_its_job_that_were_killed_lose_and_double_nothing(
    site: Site, folder: Path, undisturbed: Tables
) -> None:
    worker = site.work()
    with site.database.write() as session:
        session.connection()  # from here on nobody else writes
        command = site.command(folder)
        wait_until(site.started)
        wait_until(lambda: len(descendants([worker.pid])) > 1)
        kill({command.pid} | descendants([worker.pid]))
        command.communicate()
    site.make_dead_silent()

    site.work("scheduler.py")
    site.work()
    again = site.command(folder)
    wait_until(site.low.scheduled_job_registry.get_job_ids)
    site.make_retries_due()

    assert reported(again)["read"] == READ
    assert imported(site.database) == undisturbed


def test_workers_killed_at_any_moment_lose_and_double_nothing(
    site: Site, folder: Path, undisturbed: Tables
) -> None:
    site.work("scheduler.py")
    command = site.command(folder)

    for pause in (0.1, 0.4):
        worker = site.work()
        wait_until(lambda: site.started() or command.poll() is not None)
        time.sleep(pause)
        kill(descendants([worker.pid]))
        site.make_dead_silent()
        site.make_retries_due()
    site.work()
    while command.poll() is None:
        site.make_retries_due()
        time.sleep(0.5)

    assert reported(command)["read"] == READ
    assert imported(site.database) == undisturbed


def test_a_poll_does_not_wait_for_an_import(site: Site, folder: Path) -> None:
    slot = amid_a_slot(timedelta(minutes=10), timedelta(minutes=2))
    site.work()
    command = site.command(folder)
    wait_until(site.started)
    default = Queue("default", connection=site.redis)

    poll = default.enqueue(jobs.poll, "stars", slot)
    wait_until(lambda: poll.get_status() == "finished")
    reported(command)
    poll.refresh()
    ends = [it.ended_at for it in site.jobs() if it.id.startswith("import-") and it.ended_at]
    with site.database.read() as session:
        live = session.scalars(select(Poll.slot).where(Poll.outcome == GOOD)).all()

    assert poll.ended_at is not None and poll.ended_at < max(ends)
    assert live == [slot]


def test_a_spread_import_starts_its_batches_over_the_time(site: Site, folder: Path) -> None:
    site.work("scheduler.py")
    for _ in range(2):
        site.work()

    began = clock.now()
    assert reported(site.command(folder, "--spread", "12s"))["stored"] == READ - 2 * DAYS

    of_import = [it for it in site.jobs() if it.id.startswith("import-")]
    starts = sorted(it.started_at for it in of_import if it.started_at)
    assert len(starts) == 3
    assert starts[1] - began > timedelta(seconds=4)  # none before its time; late, any may be
    assert starts[2] - began > timedelta(seconds=8)
