"""Backups while all is at work, and restores that are killed: one state or another, no mixture."""

import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest

from core.clock import MINUTE
from models import Reading
from store import backups
from store.database import Database, insert_rows
from tests.support.backups import WITH_POSTGRES, another, contents
from tests.support.common import wait_until
from tests.support.stored import NOON, STARS, put, repo, rows

KILLS = {"sqlite": 12, "postgresql": 6}  # each of these starts pg_restore three times


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", WITH_POSTGRES)


def test_a_copy_made_under_load_is_a_state_that_was(database: Database, tmp_path: Path) -> None:
    url = _url(database)
    end, written, read = threading.Event(), [0], [0]

    def write() -> None:
        with Database(url) as own:
            while not end.is_set():
                at, number = NOON + written[0] * 10 * MINUTE, written[0]
                put(own, *(repo(1 + (number + it) % 9, stars=900 - it) for it in range(8)), at=at)
                written[0] += 1

    def look() -> None:
        with Database(url) as own:
            while not end.is_set():
                torn = "SELECT 8 * (SELECT count(*) FROM poll) - (SELECT count(*) FROM placement)"
                assert rows(own, torn) == [(0,)]
                read[0] += 1

    threads = [threading.Thread(target=it) for it in (write, look)]
    for thread in threads:
        thread.start()
    copies = [tmp_path / f"copy-{number}" for number in range(4)]
    try:
        for number, copy in enumerate(copies):
            wait_until(lambda least=5 * number + 5: written[0] >= least and read[0])  # type: ignore[misc]
            backups.backup(database, copy, force=False)
        least = written[0] + 2
        wait_until(lambda: written[0] >= least)  # nobody was left behind a lock
    finally:
        end.set()
        for thread in threads:
            thread.join()

    seen = []
    with another(database, tmp_path) as other:
        for copy in copies:
            backups.restore(other, copy, force=True)
            found = contents(other)
            newest = found["poll"][-1][1]
            assert found == contents(database, until=newest)
            seen.append(len(found["poll"]))
            if copy.read_bytes().startswith(b"SQLite"):
                with closing(sqlite3.connect(copy)) as alone:
                    assert alone.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert seen == sorted(seen)
    assert seen[0] >= 5
    assert sorted(set(seen)) == seen
    assert not [it for it in os.listdir(tmp_path) if "part" in it]


def test_a_restore_that_is_killed_has_done_nothing_or_all(
    database: Database, tmp_path: Path
) -> None:
    put(database, repo(1), repo(2))
    copy = tmp_path / "copy"
    with database.write() as session:
        columns = ("repository_id", "slot", "stars", "forks", "list_id")
        insert_rows(session, Reading, columns, [(1, n, n, n, 1) for n in range(60_000)])
    backups.backup(database, copy, force=False)
    new, chance = _state(database), Random(15)
    with another(database, tmp_path) as other:
        other.upgrade()
        put(other, repo(7), ranked=STARS)
        old, patience, outcomes = _state(other), None, []

        for _ in range(KILLS[other.engine.dialect.name]):
            started, where = time.monotonic(), _url(other)
            child = multiprocessing.get_context("fork").Process(target=_restore, args=(where, copy))
            child.start()
            child.join(patience and chance.uniform(0, patience))
            patience = patience or time.monotonic() - started
            with suppress(ProcessLookupError):
                assert child.pid is not None
                os.killpg(child.pid, signal.SIGKILL)
            child.join()
            child.close()
            outcomes.append(_state(other))
            assert outcomes[-1] in (old, new)
            patience *= 0.7 if outcomes[-1] == new else 1.3  # about where both may happen
            if outcomes[-1] == new:
                _empty(other)
                put(other, repo(7))
                assert _state(other) == old
        backups.restore(other, copy, force=True)

        assert _state(other) == new
        assert outcomes[0] == new
        assert old in outcomes


def _url(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def _restore(url: str, copy: Path) -> None:
    os.setsid()  # so that pg_restore dies with it
    with Database(url) as own:
        backups.restore(own, copy, force=True)


def _state(database: Database) -> list[tuple[object, ...]]:
    if database.engine.dialect.name == "sqlite":
        assert rows(database, "PRAGMA integrity_check") == [("ok",)]
    return rows(database, "SELECT count(*), sum(stars) FROM reading")


def _empty(database: Database) -> None:
    with database.write() as session:
        for table in ("event", "reading", "placement", "poll", "repository_name", "repository"):
            session.connection().exec_driver_sql(f"DELETE FROM {table}")
