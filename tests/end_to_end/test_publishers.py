"""kill -9 of publishers, and many that write and read at once: nothing is torn, lost or older."""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, wait
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from core import clock
from core.encoding import encoded
from settings import Settings
from store.database import Database
from store.documents import Build, document, publish
from tests.support.common import wait_until
from tests.support.killing import kill_often

PAGES = ("lists", "lists/stars", "languages/stars")
BALLAST = "made up of words " * 1000  # a write takes time, and has more than one page


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
    return kill_often(partial(publish_on, database), times, longest=0.02)


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
    times, end = 100, tmp_path / "end"

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
