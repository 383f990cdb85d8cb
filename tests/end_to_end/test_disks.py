"""A disk that is full or cannot be written, a schema of another version, a log under constant
readers: one clear line each, nothing half done, and it goes on once it can."""

import json
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import httpx
import pytest
from alembic.migration import MigrationContext
from redis import Redis
from rq import Queue
from sqlalchemy import event, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import app
import models
import settings as configuration
from core import clock, lists
from github import polling
from github.client import GitHub
from local.demo import OpenGate
from local.fake_github import api, serving, worlds
from models import Document, Placement, Poll
from settings import Settings
from store import builds, intervals
from store.database import Database, connect, upsert
from tests.support.common import NEEDED, ROOT, MakeSettings, amid_a_slot, wait_until

EVERY = timedelta(hours=1)  # no slot ends in the midst of a test
SMALL = 40 * 1024  # bytes that a file may have: half of what a poll adds to the log
SMALLER = 16 * 1024  # half of what a build adds
FULL = ("disk I/O error", "database or disk is full")
COMMANDS = {
    "worker": [f"{ROOT}/worker.py"],
    "poll": ["-m", "flask", "--app", f"{ROOT}/app.py", "poll"],
    "aggregate": ["-m", "flask", "--app", f"{ROOT}/app.py", "aggregate"],
}


@pytest.fixture(scope="module")
def world() -> worlds.MadeUpWorld:
    return worlds.MadeUpWorld(languages=("Python",))


@pytest.fixture
def github_url(world: worlds.MadeUpWorld) -> Iterator[str]:
    with serving.serve(api.create_fake_github(world)) as url:
        yield url


@pytest.fixture
def variables(settings: Settings, github_url: str) -> dict[str, str]:
    """A process's environment: this test's database and GitHub, the list `stars`, no Redis."""
    of_settings = {"DYNO", *(variable for variable, _ in configuration.PARSERS.values())}
    kept = {name: value for name, value in os.environ.items() if name not in of_settings}
    return kept | {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "GITHUB_API_URL": github_url,
        "GITHUB_TOKEN": "for-a-quicker-pace",
        "LISTS": "stars",
        "POLL_MINUTES": "60",
    }


def this_slot() -> datetime:
    return clock.floor(clock.now(), EVERY)


def poll(database: Database, settings: Settings, world: worlds.World, slot: datetime) -> None:
    transport = httpx.WSGITransport(api.create_fake_github(world, clock=lambda: slot))
    intervals.note(database, slot, EVERY)
    with GitHub(settings, OpenGate(), transport) as github:
        for ranked in settings.lists:
            polling.poll_list(database, github, ranked, slot, EVERY, lambda: slot)


@pytest.fixture
def filled(database: Database, settings: Settings, world: worlds.MadeUpWorld) -> Database:
    """A database with three polls, and the documents of the first."""
    amid_a_slot(EVERY, timedelta(minutes=2))
    for ago in (3, 2, 1):
        poll(database, settings, world, this_slot() - ago * EVERY)
        if ago == 3:
            builds.aggregate_lists(database, settings, clock.now())
    database.checkpoint_wal()
    return database


LIMITED = """import os, resource, sys
largest = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
os.execv(sys.argv[2], sys.argv[2:])"""


def run_command(
    name: str, variables: dict[str, str], largest_file: int | None = None, folder: Path = ROOT
) -> "subprocess.CompletedProcess[str]":
    limit = [] if largest_file is None else [sys.executable, "-c", LIMITED, str(largest_file)]
    return subprocess.run(
        [*limit, sys.executable, *COMMANDS[name]],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
    )


def contents(database: Database) -> dict[str, list[Any]]:
    """All rows but those of the budget, which each request changes."""
    with database.read() as session:
        return {
            table.name: sorted(map(repr, session.execute(select(table))))
            for table in models.Base.metadata.sorted_tables
            if table.name != "budget"
        }


def is_whole(database: Database) -> bool:
    """Whether each poll has all its ranks, and SQLite finds nothing wrong."""
    with database.read() as session:
        for each in session.scalars(select(Poll)):
            of_poll = (Placement.list_id == each.list_id) & (Placement.slot == each.slot)
            ranks = session.scalars(select(Placement.rank).where(of_poll).order_by(Placement.rank))
            if list(ranks) != list(range(1, each.rows + 1)):
                return False
        return list(session.execute(text("PRAGMA integrity_check"))) == [("ok",)]


def slots(database: Database) -> list[datetime]:
    with database.read() as session:
        return list(session.scalars(select(Poll.slot).where(Poll.outcome == "good")))


def statuses(settings: Settings) -> set[int]:
    """What the web answers to all kinds of reads."""
    web = app.create_app(settings)
    paths = ("/readyz", "/api/v1/lists", "/api/v1/lists/stars", "/api/v1/owners", "/api/v1/status")
    with web.extensions["database"]:
        return {web.test_client().get(path).status_code for path in paths}


@contextmanager
def worker(
    variables: dict[str, str], lines: list[dict[str, Any]], folder: Path = ROOT
) -> Iterator[int]:
    """A real worker; gives its process's id, and in the end what it logged."""
    with subprocess.Popen(
        [sys.executable, *COMMANDS["worker"]],
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process.pid
        finally:
            process.terminate()
            output, _ = process.communicate(timeout=30)
    lines += [json.loads(line) for line in output.splitlines()]


def outcome_of(redis: Redis, function: str, *arguments: object) -> str:
    """What became of a job that is queued now, and again where GitHub's limit had it put back: no
    scheduler runs here that would."""
    queue = Queue("default", connection=redis)
    job = queue.enqueue(function, *arguments)

    def has_ended() -> bool:
        if job.get_status() == "scheduled":
            queue.scheduled_job_registry.remove(job)
            queue.enqueue_job(job)
        return job.get_status() in ("finished", "failed")

    wait_until(has_ended)
    return job.get_status().value


# A full disk


@pytest.mark.sqlite
@pytest.mark.parametrize(("name", "largest"), [("poll", SMALL), ("aggregate", SMALLER)])
def test_a_command_on_a_full_disk_ends_with_one_line_and_works_once_there_is_room(
    name: str, largest: int, filled: Database, settings: Settings, variables: dict[str, str]
) -> None:
    before = contents(filled)

    full = run_command(name, variables, largest_file=largest)
    left, whole, answered = contents(filled), is_whole(filled), statuses(settings)
    with_room = run_command(name, variables)

    assert (left, whole, answered) == (before, True, {200})
    assert (with_room.returncode, with_room.stderr, is_whole(filled)) == (0, "", True)
    assert full.returncode == 1
    assert full.stderr in {f"Error: the database cannot be used: {reason}\n" for reason in FULL}


@pytest.mark.sqlite
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of others are Linux's")
def test_a_worker_on_a_full_disk_logs_one_line_a_job_and_goes_on_once_there_is_room(
    filled: Database,
    settings: Settings,
    variables: dict[str, str],
    redis: Redis,
    valkey_url: str,
) -> None:
    before = contents(filled)
    lines: list[dict[str, Any]] = []

    with worker(variables | {"REDIS_URL": valkey_url}, lines) as pid:
        wait_until(lambda: redis.smembers("rq:workers"))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALL, resource.RLIM_INFINITY))
        full = [outcome_of(redis, "jobs.poll", "stars", this_slot())]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALLER, resource.RLIM_INFINITY))
        full.append(outcome_of(redis, "jobs.aggregate"))
        left, whole, answered = contents(filled), is_whole(filled), statuses(settings)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        with_room = [
            outcome_of(redis, "jobs.poll", "stars", this_slot()),
            outcome_of(redis, "jobs.aggregate"),
        ]

    errors = [line for line in lines if line["level"] == "error"]
    assert (full, with_room) == (["failed"] * 2, ["finished"] * 2)
    assert (left, whole, answered) == (before, True, {200})
    assert (is_whole(filled), max(slots(filled))) == (True, this_slot())
    assert [(line["event"], line["outcome"]) for line in errors] == [
        ("poll", "failed"),
        ("aggregate", "failed"),
    ]
    reasons = {f"the database cannot be used: {reason}" for reason in FULL}
    assert {line["why"] for line in errors} <= reasons
    assert not any("exception" in line for line in lines)


@pytest.mark.sqlite
@pytest.mark.parametrize("room", [0, 1, 2])
@pytest.mark.parametrize("name", ["poll", "build"])
def test_work_for_which_the_database_has_no_page_left_leaves_nothing(
    name: str, room: int, filled: Database, settings: Settings, world: worlds.MadeUpWorld
) -> None:
    more = replace(settings, lists=(lists.KNOWN["forks"],))
    work = {
        "poll": lambda: poll(filled, more, world, this_slot()),
        "build": lambda: builds.aggregate_lists(filled, more, clock.now()),
    }
    if name == "build":
        work["poll"]()
    before = contents(filled)

    with few_pages(filled, room), pytest.raises(DBAPIError, match="database or disk is full"):
        work[name]()
    left = contents(filled)
    work[name]()

    assert left == before
    assert is_whole(filled)
    assert contents(filled) != before


@contextmanager
def few_pages(database: Database, room: int) -> Iterator[None]:
    """Let the database grow by so many pages and no more."""
    with database.engine.connect() as connection:
        pages = connection.scalar(text("PRAGMA page_count")) + room

    def limit(connection: Any, record: object, proxy: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(database.engine, "checkout", limit)
    try:
        yield
    finally:
        event.remove(database.engine, "checkout", limit)
        database.dispose()


# A database that cannot be written


@pytest.fixture
def read_only(filled: Database, tmp_path: Path) -> str:
    """The URL by which the filled database can be read and not be written."""
    return f"sqlite:///file:{tmp_path}/starboard.db?mode=ro&uri=true"


@pytest.mark.sqlite
def test_a_database_that_cannot_be_written_is_read(
    read_only: str, make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    answered = statuses(make_settings(database_url=read_only))

    assert answered == {200}
    assert list(Path().iterdir()) == []


@pytest.mark.sqlite
@pytest.mark.parametrize("name", ["poll", "aggregate"])
def test_a_command_on_a_database_that_cannot_be_written_ends_with_one_line(
    name: str, read_only: str, filled: Database, variables: dict[str, str], tmp_path: Path
) -> None:
    before = contents(filled)

    ended = run_command(name, variables | {"DATABASE_URL": read_only}, folder=tmp_path)

    assert contents(filled) == before
    assert (ended.returncode, ended.stderr) == (
        1,
        "Error: the database cannot be used: attempt to write a readonly database\n",
    )


@pytest.mark.sqlite
def test_a_worker_on_a_database_that_cannot_be_written_logs_one_line_a_job(
    read_only: str,
    filled: Database,
    variables: dict[str, str],
    redis: Redis,
    valkey_url: str,
    tmp_path: Path,
) -> None:
    before = contents(filled)
    lines: list[dict[str, Any]] = []

    changed = {"REDIS_URL": valkey_url, "DATABASE_URL": read_only}
    with worker(variables | changed, lines, folder=tmp_path):
        outcomes = [
            outcome_of(redis, "jobs.poll", "stars", this_slot()),
            outcome_of(redis, "jobs.aggregate"),
        ]

    errors = [line for line in lines if line["level"] == "error"]
    assert outcomes == ["failed", "failed"]
    assert contents(filled) == before
    assert [(line["event"], line["why"]) for line in errors] == [
        (name, "the database cannot be used: attempt to write a readonly database")
        for name in ("poll", "aggregate")
    ]
    assert not any("exception" in line for line in lines)


# A schema of another version


MISSING = (
    f"the database's schema is missing, this version needs {NEEDED}: run `flask --app app upgrade`"
)
NEWER = (
    f"the database's schema is 9999, this version needs {NEEDED}: "
    "it was made by a newer version, which has to be deployed"
)


@pytest.fixture(params=[MISSING, NEWER], ids=["missing", "newer"])
def other_schema(request: pytest.FixtureRequest, settings: Settings) -> str:
    """A database without a schema, or one as a newer version may have made it."""
    with connect(settings) as database:
        database.engine.connect().close()
        if request.param == NEWER:
            database.upgrade()
            with database.write() as session:
                session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
                session.execute(text("ALTER TABLE document RENAME TO page"))
    line: str = request.param
    return line


def schema(settings: Settings) -> tuple[object, ...]:
    with connect(settings) as database, database.engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        found = MigrationContext.configure(connection).get_current_revision()
        return found, {table: repr(inspect(connection).get_columns(table)) for table in tables}


@pytest.mark.parametrize(("name", "status"), [("worker", 2), ("poll", 1), ("aggregate", 1)])
def test_a_process_ends_with_one_line_on_a_schema_of_another_version_and_changes_nothing(
    name: str, status: int, other_schema: str, settings: Settings, variables: dict[str, str]
) -> None:
    before = schema(settings)

    ended = run_command(name, variables)

    speaker = "starboard" if name == "worker" else "Error"
    assert (ended.returncode, ended.stdout) == (status, "")
    assert ended.stderr == f"{speaker}: {other_schema}\n"
    assert schema(settings) == before


@pytest.mark.parametrize("path", ["/readyz", "/api/v1/lists", "/api/v1/lists/stars"])
def test_the_web_says_so_in_one_line_on_a_schema_of_another_version_and_changes_nothing(
    path: str, other_schema: str, settings: Settings
) -> None:
    before = schema(settings)
    web = app.create_app(settings)

    with web.extensions["database"]:
        answer = web.test_client().get(path)

    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    detail = answer.json["detail"]
    if path == "/readyz":
        assert detail == other_schema
    else:
        assert detail == "the database cannot be reached; see /readyz"
    assert schema(settings) == before


# The log under constant readers


def read_without_a_pause(url: str, offset: float, reads: Any, stop: Event) -> None:
    """Short reads of which each begins before the last ends, so that one is always open."""

    def begin() -> Session:
        session = Session(database.engine)
        session.execute(text("SELECT count(*) FROM document")).all()
        return session

    with Database(url) as database:
        open_one = begin()
        time.sleep(offset)
        while not stop.is_set():
            time.sleep(0.01)
            following = begin()
            open_one.close()
            open_one = following
            reads.value += 1
        open_one.close()


@pytest.mark.sqlite
def test_the_log_stays_small_under_readers_without_a_pause(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    log, largest, left = tmp_path / "starboard.db-wal", 0, []
    fork = multiprocessing.get_context("fork")
    stop, reads = fork.Event(), [fork.Value("i", 0) for _ in range(2)]
    readers = [
        fork.Process(target=read_without_a_pause, args=(settings.database_url, 0.005 * n, it, stop))
        for n, it in enumerate(reads)
    ]
    for reader in readers:
        reader.start()
    wait_until(lambda: all(it.value > 2 for it in reads))

    try:
        for number in range(60):
            publish_4_mb(database, number)
            largest = max(largest, log.stat().st_size)
            database.checkpoint_wal()
            left.append(log.stat().st_size)
    finally:
        stop.set()
        for reader in readers:
            reader.join()

    print(f"largest log {largest:,} bytes, left after tidying at most {max(left):,}")
    assert all(it.value > 60 for it in reads)
    assert largest < 3 * PUBLISHED
    assert min(left) == 0


PUBLISHED = 4 * 2**20  # bytes


def publish_4_mb(database: Database, number: int) -> None:
    moment = clock.EPOCH + timedelta(days=number)
    rows = [
        {
            "name": f"lists/{each}",
            "body": os.urandom(PUBLISHED // 8),
            "gzipped": os.urandom(PUBLISHED // 8),
            "etag": str(number),
            "as_of": moment,
            "built_at": moment,
            "next_build_at": moment,
        }
        for each in range(4)
    ]
    columns = ("body", "gzipped", "etag", "as_of", "built_at", "next_build_at")
    with database.write() as session:
        upsert(session, Document, rows, update=columns)
