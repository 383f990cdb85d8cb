import multiprocessing
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, event, inspect, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

import models
from core import clock
from models import Base, List, Placement, Poll, RateLimitState, RepositoryName
from settings import Settings
from store.database import (
    LOCK_TIMEOUT,
    MIGRATIONS,
    Database,
    SchemaError,
    check_schema_or_exit,
    connect,
    error_line,
    insert_rows,
    upsert,
)
from tests.support.common import MakeSettings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NOBODY = "postgresql://starboard:pass-word@127.0.0.1:1/starboard"  # nobody listens there


def budget(resource: str = "search", **changes: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = dict.fromkeys(("limit", "remaining", "reset_at"))
    known = {"resource": resource, "next_at": NOON, "blocked_until": NOON, "undated_refusals": 0}
    return {**known, **nothing, **changes}


def poll(slot: datetime = NOON, **changes: Any) -> Poll:
    defaults = {"list_id": 1, "outcome": "good", "fetched_at": slot, "rows": 0, "error": None}
    return Poll(slot=slot, **{**defaults, **changes})


def slugs(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(List.slug).order_by(List.slug)))


def rows(database: Database, sql: str) -> list[tuple[Any, ...]]:
    with database.read() as session:
        return [tuple(row) for row in session.execute(text(sql))]


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


def count_up(url: str, times: int) -> None:
    """Read both counters, and write both one higher."""
    with Database(url) as database:
        for _ in range(times):
            with database.write() as session:
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


def test_of_3_writers_and_3_readers_none_loses_or_tears_anything_or_finds_the_database_locked(
    database: Database, settings: Settings
) -> None:
    url, times = settings.database_url, 60
    with database.write() as session:
        upsert(session, RateLimitState, [budget("search"), budget("core")])

    fork = multiprocessing.get_context("fork")
    together = fork.Barrier(6)

    with ProcessPoolExecutor(6, fork, initializer=together.wait) as processes:
        readers = [processes.submit(count_torn_reads, url, 3 * times) for _ in range(3)]
        writers = [processes.submit(count_up, url, times) for _ in range(3)]
        for writer in writers:
            writer.result()
        torn = [reader.result() for reader in readers]

    assert torn == [0, 0, 0]
    assert rows(database, "SELECT resource, strikes FROM budget ORDER BY 1") == [
        ("core", 3 * times),
        ("search", 3 * times),
    ]


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
    database = connect(settings)
    closed: list[object] = []
    event.listen(database.engine, "close", lambda connection, record: closed.append(connection))
    with database.read() as session:
        session.execute(text("SELECT 1"))

    del database

    assert len(closed) == 1


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
def test_tidy_waits_for_a_short_read_to_end(database: Database, tmp_path: Path) -> None:
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


# Moments


@pytest.mark.parametrize(
    ("stored", "slot", "exact"),
    [
        (NOON, NOON, NOON),
        (clock.EPOCH, clock.EPOCH, clock.EPOCH),
        (
            datetime(2099, 12, 31, 23, 59, 59, 987_654, UTC),
            datetime(2099, 12, 31, 23, 59, 59, 0, UTC),
            datetime(2099, 12, 31, 23, 59, 59, 987_000, UTC),
        ),
        (
            datetime(1969, 12, 31, 23, 59, 59, 500_000, UTC),
            datetime(1969, 12, 31, 23, 59, 59, 0, UTC),
            datetime(1969, 12, 31, 23, 59, 59, 500_000, UTC),
        ),
        (datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2))), NOON, NOON),
    ],
)
def test_a_slot_is_kept_to_the_second_and_a_moment_to_the_millisecond_in_utc(
    database: Database, stored: datetime, slot: datetime, exact: datetime
) -> None:
    with database.write() as session:
        session.add(List(id=1, slug="stars"))
        session.flush()
        session.add(poll(stored, fetched_at=stored))

    with database.read() as session:
        found = session.scalars(select(Poll)).one()
        session.expunge(found)

    assert (found.slot, found.fetched_at) == (slot, exact)
    assert (found.slot.tzinfo, found.fetched_at.tzinfo) == (UTC, UTC)


def test_a_missing_moment_stays_missing(database: Database) -> None:
    with database.write() as session:
        upsert(session, RateLimitState, [budget(reset_at=None)])

    with database.read() as session:
        assert session.get_one(RateLimitState, "search").reset_at is None


def test_moments_compare_and_sort_in_sql(database: Database) -> None:
    slots = [NOON + number * MINUTE for number in (2, 0, 1)]
    with database.write() as session:
        session.add(List(id=1, slug="stars"))
        session.flush()
        session.add_all(poll(slot) for slot in slots)

    with database.read() as session:
        later = session.scalars(select(Poll.slot).where(Poll.slot > NOON).order_by(Poll.slot))

        assert list(later) == [NOON + MINUTE, NOON + 2 * MINUTE]


def test_a_time_without_an_offset_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="offset-naive"), database.write() as session:
        upsert(session, RateLimitState, [budget(next_at=NOON.replace(tzinfo=None))])


# The schema


@pytest.mark.sqlite
def test_migrations_give_exactly_the_schema_of_the_models(
    database: Database, tmp_path: Path
) -> None:
    clustered = "SELECT name, wr FROM pragma_table_list WHERE name NOT LIKE 'sqlite_%' ORDER BY 1"
    with Database(f"sqlite:///{tmp_path}/straight.db") as straight:
        Base.metadata.create_all(straight.engine)
        expected = rows(straight, clustered)
    with database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)

    found = [row for row in rows(database, clustered) if row[0] != "alembic_version"]
    assert differences == []
    assert found == expected


def migrate(database: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


OLD_ROWS = {
    "list": [{"id": 1, "slug": "stars"}, {"id": 2, "slug": "c-d"}],
    "repository": [
        {
            "id": number,
            "github_id": 70 + number if number < 3 else None,
            "full_name": f"o/r{number}",
            "language": None,
            "description": "50 % of a 'boat'",
            "html_url": "https://github.com/o/r",
            "pushed_at": None,
            "seen_at": 1_772_366_400_123,
        }
        for number in (1, 2, 3)
    ],
    "repository_name": [{"name": f"o/r{number}", "repository_id": number} for number in (1, 2, 3)],
    "poll": [
        {
            "list_id": 1,
            "slot": 1_772_366_400 + 600 * number,
            "outcome": "good",
            "fetched_at": 1_772_366_400_123,
            "rows": 1,
            "error": None,
        }
        for number in (0, 1)
    ],
    "placement": [
        {
            "list_id": 1,
            "slot": 1_772_366_400,
            "rank": number,
            "repository_id": number,
            "stars": 5,
            "forks": 4,
            "open_issues": 3,
            "kept": number == 2,
        }
        for number in (1, 2)
    ],
    "reading": [
        {
            "repository_id": number,
            "slot": 1_772_366_400,
            "stars": 5,
            "forks": 4,
            "open_issues": 3,
            "list_id": 1 if number < 3 else None,
        }
        for number in (1, 2, 3)
    ],
    "standing": [{"repository_id": 1, "list_id": 1, "rank": 1}],
    "document": [
        {
            "name": "lists",
            "body": b"{}",
            "gzipped": b"\x1f\x00",
            "etag": "a",
            "as_of": None,
            "built_at": 1,
            "next_build_at": 2,
        }
    ],
    "budget": [
        {
            "resource": "core",
            "next_at": 1,
            "blocked_until": 2,
            "strikes": 3,
            "limit": 60,
            "remaining": None,
            "reset_at": None,
        }
    ],
}


@pytest.mark.parametrize("first", ["0001", "0002"])
def test_migrations_keep_every_row_of_an_older_schema(settings: Settings, first: str) -> None:
    with connect(settings) as database:
        migrate(database, first)
        with database.engine.begin() as connection:
            tables = MetaData()
            tables.reflect(connection)
            for name, old in OLD_ROWS.items():
                connection.execute(tables.tables[name].insert(), old)
        database.upgrade()

        database.check_schema()
        with database.engine.connect() as connection:
            for name, old in OLD_ROWS.items():
                table = tables.tables[name]
                columns = [table.c[column] for column in old[0]]
                found = connection.execute(select(*columns).order_by(*table.primary_key))
                assert [dict(row) for row in found.mappings()] == old
        with database.read() as session:
            seen = session.scalars(select(RepositoryName.seen_at)).all()
        assert seen == [clock.EPOCH] * 3


def test_downgrade_takes_everything_away(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    database.upgrade()
    database.check_schema()


@pytest.mark.sqlite
def test_a_second_upgrade_changes_nothing(database: Database) -> None:
    with database.write() as session:
        session.add(List(slug="stars"))
    before = rows(database, "SELECT name, sql FROM sqlite_master")

    database.upgrade()

    assert rows(database, "SELECT name, sql FROM sqlite_master") == before
    assert slugs(database) == ["stars"]


def test_two_upgrades_at_once_are_one(settings: Settings) -> None:
    failures: list[Exception] = []
    with connect(settings) as database:
        database.engine.connect().close()  # so that it is in WAL mode

    def upgrade() -> None:
        try:
            with connect(settings) as database:
                database.upgrade()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_check_schema_accepts_the_current_one(database: Database) -> None:
    database.check_schema()


def test_check_schema_says_how_to_make_a_missing_one(settings: Settings) -> None:
    with connect(settings) as database, pytest.raises(SchemaError) as caught:
        database.check_schema()

    assert str(caught.value) == (
        "the database's schema is missing, this version needs 0003: run `flask --app app upgrade`"
    )


def test_check_schema_refuses_one_that_it_does_not_know(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchemaError, match="schema is 9999, this version needs 0003"):
        database.check_schema()


def test_check_schema_does_not_send_one_with_a_newer_schema_to_upgrade(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchemaError) as caught:
        database.check_schema()

    assert "upgrade" not in str(caught.value)


def test_check_schema_or_exit_lets_the_current_one_pass(
    database: Database, settings: Settings
) -> None:
    check_schema_or_exit(settings)


NO_FILE = "the database cannot be used: unable to open database file"


@pytest.mark.parametrize(
    ("url", "line"),
    [
        (
            "sqlite:///{folder}/new.db",
            "the database's schema is missing, this version needs 0003: "
            "run `flask --app app upgrade`",
        ),
        ("sqlite:///{folder}", NO_FILE),
        (NOBODY, "the database cannot be used: connection failed: "),
        ("sqlite:///{folder}/text", "the database cannot be used: file is not a database"),
        ("sqlite:///{folder}/text/starboard.db", "the database cannot be used: "),
    ],
)
def test_check_schema_or_exit_says_what_is_wrong_in_one_line(
    make_settings: MakeSettings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    url: str,
    line: str,
) -> None:
    (tmp_path / "text").write_text("No database, but some text. " * 100)
    settings = make_settings(database_url=url.format(folder=tmp_path))

    with pytest.raises(SystemExit) as caught:
        check_schema_or_exit(settings)

    printed = capsys.readouterr()
    assert caught.value.code == 2
    assert printed.err.startswith(f"starboard: {line}")
    assert (printed.err.count("\n"), printed.out) == (1, "")
    assert "pass-word" not in printed.err


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


# Upsert


@pytest.mark.parametrize(
    ("update", "strikes", "remaining"),
    [((), 1, 10), (("undated_refusals",), 2, 10), (("undated_refusals", "remaining"), 2, 20)],
)
def test_upsert_sets_the_named_columns_of_a_row_that_is_there_and_no_others(
    database: Database, update: tuple[str, ...], strikes: int, remaining: int
) -> None:
    with database.write() as session:
        upsert(session, RateLimitState, [budget(undated_refusals=1, remaining=10)])

    with database.write() as session:
        changed = [
            budget(undated_refusals=2, remaining=20),
            budget("core", undated_refusals=3, remaining=30),
        ]
        upsert(session, RateLimitState, changed, update=update)

    assert rows(database, "SELECT resource, strikes, remaining FROM budget ORDER BY 1") == [
        ("core", 3, 30),
        ("search", strikes, remaining),
    ]


def test_upsert_of_nothing_does_nothing(database: Database) -> None:
    with database.write() as session:
        upsert(session, RateLimitState, [])

    assert rows(database, "SELECT * FROM budget") == []


# Many rows


POLL_COLUMNS = ("list_id", "slot", "outcome", "fetched_at", "rows")


def test_many_rows_are_inserted_and_those_whose_key_is_taken_are_left_out(
    database: Database,
) -> None:
    with database.write() as session:
        session.add(List(slug="stars"))
        session.flush()
        session.add(poll(rows=7))
        session.flush()
        noon = int(NOON.timestamp())
        new = [(1, noon + 600 * number, "imported", 1000 * noon + 5, number) for number in range(3)]
        insert_rows(session, Poll, POLL_COLUMNS, [*new, new[2]])

    with database.read() as session:
        found = session.scalars(select(Poll).order_by(Poll.slot)).all()
    assert [(it.slot - NOON, it.outcome, it.rows, it.error) for it in found] == [
        (0 * MINUTE, "good", 7, None),
        (10 * MINUTE, "imported", 1, None),
        (20 * MINUTE, "imported", 2, None),
    ]
    assert found[1].fetched_at == NOON + timedelta(milliseconds=5)


def test_rows_may_have_truth_values_missing_ones_and_any_text(database: Database) -> None:
    with database.write() as session:
        columns = ("id", "full_name", "description", "html_url", "seen_at")
        described = [(1, "o/a", "50 % of 'a' ? :b ½", "", 0), (2, "o/b", None, "", 0)]
        insert_rows(session, models.Repository, columns, described)
        session.add(List(slug="stars"))
        session.flush()
        counts = ("stars", "forks", "open_issues")
        columns = ("list_id", "slot", "rank", "repository_id", *counts, "carried_over")
        places = [(1, 600, 1, 1, 9, 9, 9, False), (1, 600, 2, 2, 9, 9, 9, True)]
        insert_rows(session, Placement, columns, places)

    with database.read() as session:
        kept = session.scalars(select(Placement.carried_over).order_by(Placement.rank)).all()
    told = rows(database, "SELECT description FROM repository ORDER BY id")
    assert (told, kept) == ([("50 % of 'a' ? :b ½",), (None,)], [False, True])


def test_rows_go_with_the_transaction_that_fails(database: Database) -> None:
    with suppress(ZeroDivisionError), database.write() as session:
        insert_rows(session, List, ("slug",), [("stars",), ("forks",)])
        raise ZeroDivisionError

    assert slugs(database) == []


def test_no_rows_are_no_trouble(database: Database) -> None:
    with database.write() as session:
        insert_rows(session, List, ("slug",), [])

    assert slugs(database) == []


def test_a_row_of_a_list_that_is_not_there_is_refused(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        insert_rows(session, Poll, POLL_COLUMNS, [(5, 0, "imported", 0, 0)])
