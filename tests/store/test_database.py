"""Transactions of many processes at once, and what is told of a database that cannot be used."""

import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.engine.interfaces import CacheStats
from sqlalchemy.exc import IntegrityError, OperationalError

from core import clock
from models import List, RateLimitState, RepositoryName
from settings import Settings
from store.database import LIMITS, POSTGRES_LOCKS, Database, connect, error_line, upsert
from store.engine import LOCK_TIMEOUT
from tests.support.common import NOBODY, MakeSettings
from tests.support.stored import budget, rows, slugs


def in_child(work: Callable[[], object]) -> bool:
    """Whether `work` gave something true in a forked child."""
    pid = os.fork()
    if pid == 0:
        code = 2
        with suppress(BaseException):
            code = 0 if work() else 1
        os._exit(code)
    return os.waitpid(pid, 0)[1] == 0


# Many at once


def count_up(url: str, times: int, what: str) -> None:
    """Read both counters, and write both one higher."""
    with Database(url) as database:
        for _ in range(times):
            with database.write(what) as session:
                for resource in ("search", "core"):
                    row = session.get_one(RateLimitState, resource)
                    row.undated_refusals += 1
                    session.flush()


def count_torn_reads(url: str, until: int) -> int:
    """Read one counter after the other, until the first is up: how often did they differ?"""
    torn = seen = 0
    deadline = time.monotonic() + 5
    with Database(url) as database:
        while seen < until and time.monotonic() < deadline:
            with database.read() as session:
                seen = session.get_one(RateLimitState, "search").undated_refusals
                torn += session.get_one(RateLimitState, "core").undated_refusals != seen
    return torn


@pytest.mark.parametrize("what", POSTGRES_LOCKS)
def test_of_3_writers_and_3_readers_none_loses_or_tears_anything_or_finds_the_database_locked(
    database: Database, settings: Settings, what: str
) -> None:
    url, times = settings.database_url, 30
    with database.write() as session:
        upsert(session, RateLimitState, [budget("search"), budget("core")])

    fork = multiprocessing.get_context("fork")
    together = fork.Barrier(6)

    with ProcessPoolExecutor(6, fork, initializer=together.wait) as processes:
        readers = [processes.submit(count_torn_reads, url, 3 * times) for _ in range(3)]
        writers = [processes.submit(count_up, url, times, what) for _ in range(3)]
        for writer in writers:
            writer.result()
        torn = [reader.result() for reader in readers]

    assert torn == [0, 0, 0]
    assert rows(database, "SELECT resource, strikes FROM budget ORDER BY 1") == [
        ("core", 3 * times),
        ("search", 3 * times),
    ]


def test_on_postgres_limits_are_written_while_all_else_waits(postgres_url: str) -> None:
    one, other = Database(postgres_url), Database(postgres_url)
    with one, other, one.write() as session:
        session.execute(text("SELECT 1"))
        with other.write(LIMITS) as limits:
            limits.execute(text("SELECT 1"))
        with other.read() as reading:
            free = reading.scalar(text("SELECT pg_try_advisory_xact_lock(7827282)"))

    assert free is False


def test_a_read_sees_one_state_whatever_is_written_meanwhile(database: Database) -> None:
    count = text("SELECT count(*) FROM list")

    with database.read() as session:
        before = session.scalar(count)
        with database.write() as writing:
            writing.add(List(slug="stars"))
        after = session.scalar(count)

    assert (before, after) == (0, 0)
    assert slugs(database) == ["stars"]


def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as session:
        session.add(List(slug="stars"))
        session.flush()
        raise ZeroDivisionError

    assert slugs(database) == []


def test_a_read_keeps_nothing(database: Database) -> None:
    with database.read() as session:
        session.add(List(slug="stars"))
        session.flush()

    assert slugs(database) == []


@pytest.mark.sqlite
def test_a_forked_child_leaves_its_parents_connections_alone(database: Database) -> None:
    with database.engine.connect() as connection:
        parents = connection.connection.dbapi_connection  # and now back into the pool
    assert parents is not None

    def child_has_its_own() -> bool:
        with database.write() as session:
            own = session.connection().connection.dbapi_connection
            session.add(List(slug="stars"))
        parents.execute("SELECT 1")  # raises where it was closed
        return own is not parents

    assert in_child(child_has_its_own)
    assert slugs(database) == ["stars"]


@pytest.mark.parametrize(("query", "seconds"), [("", 20), ("?connect_timeout=3", "3")])
def test_a_postgres_that_does_not_answer_is_not_waited_for_for_ever(
    make_settings: MakeSettings, query: str, seconds: object
) -> None:
    asked: list[dict[str, Any]] = []

    def refuse(dialect: object, record: object, args: object, options: dict[str, Any]) -> None:
        asked.append(options)
        raise TimeoutError

    with connect(make_settings(database_url=NOBODY + query)) as database:
        event.listen(database.engine, "do_connect", refuse)
        with pytest.raises(TimeoutError), database.read() as session:
            session.execute(text("SELECT 1"))

    assert asked[0]["connect_timeout"] == seconds


def test_one_that_is_dropped_leaves_no_connection_open(settings: Settings) -> None:
    database = Database(settings.database_url)
    closed: list[object] = []
    event.listen(database.engine, "close", lambda connection, record: closed.append(connection))
    with database.read() as session:
        session.execute(text("SELECT 1"))

    del database

    assert len(closed) == 1


def test_a_connection_that_comes_back_after_the_end_is_closed(postgres_url: str) -> None:
    with Database(postgres_url) as database, database.read() as session:
        connection = session.connection().connection.dbapi_connection
        database.dispose()
        assert connection is not None and not connection.closed
        session.close()

        assert connection.closed


def test_a_process_has_one_database_whose_prepared_statements_the_next_connection_knows(
    database: Database, settings: Settings
) -> None:
    with connect(settings) as first, first.read() as session:
        session.scalars(select(List)).all()

    with connect(settings) as second, second.read() as session:
        hits: list[object] = []
        event.listen(second.engine, "before_cursor_execute", lambda *a: hits.append(a[4].cache_hit))
        session.scalars(select(List)).all()

    assert second is first
    assert hits[-1] == CacheStats.CACHE_HIT


def test_a_child_forked_in_the_midst_of_a_write_does_not_end_it(database: Database) -> None:
    with database.write() as session:
        session.add(List(slug="stars"))
        session.flush()

        assert in_child(lambda: slugs(database) == [])

    assert slugs(database) == ["stars"]


# SQLite


@pytest.mark.sqlite
def test_sqlite_is_set_up_for_many_processes(database: Database) -> None:
    pragmas = ("journal_mode", "synchronous", "foreign_keys", "journal_size_limit", "busy_timeout")
    with database.engine.connect() as connection:
        found = {name: connection.scalar(text(f"PRAGMA {name}")) for name in pragmas}

    assert found == {
        "journal_mode": "wal",
        "synchronous": 1,  # NORMAL
        "foreign_keys": 1,
        "journal_size_limit": 64 * 2**20,
        "busy_timeout": 20_000,  # ms
    }


def test_a_name_cannot_be_that_of_a_repository_that_is_not_there(database: Database) -> None:
    with pytest.raises(IntegrityError, match="(?i)foreign key"), database.write() as session:
        session.add(RepositoryName(name="a/b", repository_id=1, seen_at=clock.EPOCH))


def test_the_folder_of_the_database_is_made(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path}/var/deep/starboard.db") as database:
        database.upgrade()

    assert (tmp_path / "var/deep/starboard.db").exists()


@pytest.mark.sqlite
def test_tidy_empties_the_write_ahead_log(database: Database, tmp_path: Path) -> None:
    log = tmp_path / "starboard.db-wal"
    with database.write() as session:
        session.add(List(slug="stars"))
    before = log.stat().st_size

    database.checkpoint_wal()

    assert (before > 0, log.stat().st_size) == (True, 0)
    assert slugs(database) == ["stars"]
    assert rows(database, "PRAGMA busy_timeout") == [(20_000,)]


@pytest.mark.sqlite
def test_tidy_waits_for_a_short_read_to_end(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.database.CHECKPOINT_TIMEOUT", 20)  # a busy machine's share included
    log = tmp_path / "starboard.db-wal"
    with database.read() as reading:
        reading.scalar(text("SELECT count(*) FROM list"))
        with database.write() as session:
            session.add(List(slug="stars"))
        tidying = threading.Thread(target=database.checkpoint_wal)
        tidying.start()
        tidying.join(timeout=0.1)
    tidying.join()

    assert log.stat().st_size == 0


@pytest.mark.sqlite
def test_a_long_read_keeps_neither_tidy_nor_a_writer_waiting_beyond_the_patience(
    database: Database,
) -> None:
    with database.read() as reading:
        reading.scalar(text("SELECT count(*) FROM list"))
        with database.write() as session:
            session.add(List(slug="stars"))
        started = time.monotonic()
        tidying = threading.Thread(target=database.checkpoint_wal)
        tidying.start()
        tidying.join(timeout=0.1)
        with database.write() as session:
            session.add(List(slug="forks"))
        tidying.join(timeout=LOCK_TIMEOUT)
        waited = time.monotonic() - started

    assert waited < LOCK_TIMEOUT / 2  # a busy machine's share included
    assert slugs(database) == ["forks", "stars"]


# Postgres


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_both_spellings_of_a_postgres_url_mean_psycopg_3(scheme: str) -> None:
    with Database(f"{scheme}://user:pass@db.test:5433/starboard") as database:
        dialect, url = database.engine.dialect, database.engine.url

    assert (dialect.name, dialect.driver) == ("postgresql", "psycopg")
    assert (url.username, url.host, url.port, url.database) == (
        "user",
        "db.test",
        5433,
        "starboard",
    )


@pytest.mark.sqlite
def test_a_reason_is_one_line_without_sql(settings: Settings) -> None:
    with connect(settings) as database, pytest.raises(OperationalError) as caught:
        slugs(database)

    assert error_line(caught.value) == "the database cannot be used: no such table: list"


# A file that is replaced


def copy(path: Path, to: Path) -> None:
    """Copy a database as `.backup` and `.restore` of SQLite's shell do."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


@pytest.mark.sqlite
def test_a_file_that_takes_the_place_of_the_database_is_read_and_written_from_then_on(
    settings: Settings, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    with connect(settings) as database:
        database.upgrade()
        with database.write() as session:
            session.add(List(slug="kept"))
        copy(tmp_path / "starboard.db", backup)
        with database.write() as session:
            session.add(List(slug="lost"))
        database.checkpoint_wal()
        with database.read(), database.read():
            pass  # two connections wait in the pool now

        backup.replace(tmp_path / "starboard.db")

        with database.read() as one, database.read() as other:
            seen = [session.scalars(select(List.slug)).all() for session in (one, other)]
        with database.write() as session:
            session.add(List(slug="new"))
    with connect(settings) as another:
        assert slugs(another) == ["kept", "new"]
    assert seen == [["kept"], ["kept"]]


@pytest.mark.sqlite
def test_a_file_that_is_gone_for_a_moment_is_not_made_anew(
    database: Database, tmp_path: Path
) -> None:
    with database.write() as session:
        session.add(List(slug="kept"))

    (tmp_path / "starboard.db").unlink()

    assert slugs(database) == ["kept"]
    assert not (tmp_path / "starboard.db").exists()


@pytest.mark.sqlite
def test_a_backup_may_be_restored_into_the_database_in_use(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    with database.write() as session:
        session.add(List(slug="kept"))
    copy(tmp_path / "starboard.db", tmp_path / "backup.db")
    with database.write() as session:
        session.add(List(slug="lost"))

    copy(tmp_path / "backup.db", tmp_path / "starboard.db")

    assert slugs(database) == ["kept"]
    assert rows(database, "PRAGMA integrity_check") == [("ok",)]


class TestPatience:
    """A web process waits for the database for seconds, others as long as it takes."""

    def test_a_lock_keeps_no_impatient_reader_waiting(self, postgres_url: str) -> None:
        with Database(postgres_url) as patient, Database(postgres_url, patience=1) as impatient:
            with patient.write() as session:
                session.execute(text("CREATE TABLE IF NOT EXISTS held (id int)"))
            with patient.write() as session:
                session.execute(text("LOCK TABLE held IN ACCESS EXCLUSIVE MODE"))
                started = time.monotonic()
                with pytest.raises(OperationalError, match="statement timeout"):
                    rows(impatient, "SELECT * FROM held")
                assert time.monotonic() - started < 15  # and not for ever
            assert rows(impatient, "SELECT * FROM held") == []
            assert rows(patient, "SHOW statement_timeout") == [("0",)]
            with patient.write() as session:
                session.execute(text("DROP TABLE held"))

    def test_a_server_that_hangs_keeps_no_impatient_reader_waiting(self, postgres_url: str) -> None:
        with Database(postgres_url, patience=1) as impatient:
            [(pid,)] = rows(impatient, "SELECT pg_backend_pid()")
            os.kill(pid, signal.SIGSTOP)
            try:
                started = time.monotonic()
                [(other,)] = rows(impatient, "SELECT pg_backend_pid()")
                assert time.monotonic() - started < 15  # and not for ever
            finally:
                os.kill(pid, signal.SIGCONT)
            assert other != pid

    @pytest.mark.sqlite
    def test_a_file_that_somebody_holds_keeps_no_impatient_reader_waiting(
        self, database: Database, settings: Settings
    ) -> None:
        database.dispose()
        holder = sqlite3.connect(settings.database_url.removeprefix("sqlite:///"))
        holder.executescript("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        try:
            started = time.monotonic()
            with (
                connect(settings, patience=1) as impatient,
                pytest.raises(OperationalError, match="locked"),
            ):
                slugs(impatient)
            assert time.monotonic() - started < 15  # and not for ever
        finally:
            holder.close()
