"""The schema: made, migrated from older ones and back, and checked at start."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, inspect, select, text

from core import clock
from models import GOOD, IMPORTED, Base, List, RepositoryName
from settings import Settings
from store.database import (
    MIGRATIONS,
    Database,
    SchemaError,
    check_schema_or_exit,
    connect,
    known_revisions,
)
from tests.support.common import NEEDED, NOBODY, MakeSettings
from tests.support.stored import migrate, rows, slugs


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


OLD_ROWS: dict[str, list[dict[str, Any]]] = {
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


def insert(old_rows: dict[str, list[dict[str, Any]]], database: Database) -> MetaData:
    """Insert rows by table as the schema of the moment has them, which is given."""
    tables = MetaData()
    with database.engine.begin() as connection:
        tables.reflect(connection)
        for name, old in old_rows.items():
            connection.execute(tables.tables[name].insert(), old)
    return tables


@pytest.mark.parametrize("first", ["0001", "0002", "0003"])
def test_migrations_keep_every_row_of_an_older_schema(settings: Settings, first: str) -> None:
    with connect(settings) as database:
        migrate(database, first)
        tables = insert(OLD_ROWS, database)
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


def test_open_issues_that_were_imported_without_pull_requests_become_unknown(
    settings: Settings,
) -> None:
    days = [int(datetime(2021, 8, day, tzinfo=UTC).timestamp()) for day in (19, 20, 21)]
    polls = [
        {
            **OLD_ROWS["poll"][0],
            "slot": slot,
            "fetched_at": 1000 * slot,
            "outcome": GOOD if slot == days[2] else IMPORTED,
        }
        for slot in days
    ]
    placements = [{**OLD_ROWS["placement"][0], "slot": slot} for slot in days]
    readings = [
        {**OLD_ROWS["reading"][0], "slot": slot, "list_id": 1 if slot == days[2] else None}
        for slot in days
    ]
    with connect(settings) as database:
        migrate(database, "0003")
        new = {"poll": polls, "placement": placements, "reading": readings}
        insert({**OLD_ROWS, **new}, database)
        database.upgrade()

        for table in ("placement", "reading"):
            found = rows(database, f"SELECT open_issues FROM {table} ORDER BY slot")
            assert found == [(3,), (None,), (3,)]


def test_what_was_followed_before_owners_were_was_followed_by_name(settings: Settings) -> None:
    wish = {"full_name": "a/a", "asked_at": 1, "turn_at": 1}
    followed = {**wish, "name": "a/a", "followed_since": 1}
    read = {**wish, "name": "b/b", "followed_since": None}  # somebody wants its history alone
    with connect(settings) as database:
        migrate(database, "0008")
        insert({"follow": [followed, read]}, database)
        database.upgrade()

        found = rows(database, "SELECT name, named FROM follow ORDER BY name")
    assert found == [("a/a", True), ("b/b", None)]


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


def test_the_files_of_migrations_are_named_as_alembic_walks_them() -> None:
    walked = ScriptDirectory(str(MIGRATIONS)).walk_revisions()

    assert known_revisions() == [script.revision for script in walked]


def test_check_schema_accepts_the_current_one(database: Database) -> None:
    database.check_schema()


def test_check_schema_says_how_to_make_a_missing_one(settings: Settings) -> None:
    with connect(settings) as database, pytest.raises(SchemaError) as caught:
        database.check_schema()

    assert str(caught.value) == (
        f"the database's schema is missing, this version needs {NEEDED}: "
        "run `flask --app app upgrade`"
    )


def test_check_schema_refuses_one_that_it_does_not_know(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchemaError, match=f"schema is 9999, this version needs {NEEDED}"):
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
            f"the database's schema is missing, this version needs {NEEDED}: "
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
