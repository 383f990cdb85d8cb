"""`flask --app app import-history`, and how commands find what runs."""

import logging
import os
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

import app as web
from core import clock
from core.socket_paths import socket_url
from store.database import Database
from store.documents import is_published
from tests.support.archive import line, write_day, write_text
from tests.support.common import MakeSettings
from tests.support.imported import board, contents, count, history_of
from tests.support.served import run
from tests.support.stored import put, repo

FIRST = date(2025, 1, 8)


@pytest.fixture
def app(database: Database, make_settings: MakeSettings) -> Iterator[Flask]:
    """An app with a schema and nothing in it, and no Redis."""
    handlers = list(logging.root.handlers)
    app = web.create_app(make_settings(log_format="json"))
    yield app
    app.extensions["database"].dispose()
    app.extensions["redis"].close()
    logging.root.handlers[:] = handlers


def write_days(folder: Path, number: int) -> list[Path]:
    return [
        write_day(folder, line(), line("o/r", it), day=FIRST + timedelta(days=it))
        for it in range(number)
    ]


def last_lines(output: str, bar: str = "Importing") -> list[str]:
    """What is printed besides the progress bar."""
    return [it for it in output.splitlines() if it and not it.lstrip("\r").startswith(bar)]


def import_here(app: Flask, *arguments: object) -> tuple[int, list[str], list[str]]:
    code, out, err = run(app, "import-history", "--here", *map(str, arguments))
    return code, last_lines(out), err.splitlines()


class TestImportHistory:
    def test_takes_files_gzipped_ones_and_folders(
        self, app: Flask, database: Database, tmp_path: Path
    ) -> None:
        write_days(tmp_path / "folder" / "deep", 2)
        plain = write_day(tmp_path, line(), day=date(2025, 2, 1))
        zipped = write_day(tmp_path, line(), day=date(2025, 2, 2), suffix=".csv.gz")

        code, out, err = import_here(app, tmp_path / "folder", plain, zipped)

        report = "6 rows read of 4 files: 6 stored, 0 already there, 0 repeats, 0 rejected."
        assert (code, out, err) == (0, [report], [])
        assert len(history_of(database, "quiet/harbor")) == 4

    def test_builds_once_at_its_end(self, app: Flask, database: Database, tmp_path: Path) -> None:
        put(database, repo(1))

        import_here(app, *write_days(tmp_path, 2))

        with database.read() as session:
            assert is_published(session, "lists/stars")

    def test_takes_a_file_once_that_is_named_twice(
        self, app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (path,) = write_days(tmp_path, 1)
        monkeypatch.chdir(tmp_path)

        _, out, _ = import_here(app, path, path.name, ".")

        assert out == ["2 rows read of 1 files: 2 stored, 0 already there, 0 repeats, 0 rejected."]

    def test_done_again_finds_nothing_new(
        self, app: Flask, database: Database, tmp_path: Path
    ) -> None:
        write_days(tmp_path, 30)
        import_here(app, tmp_path)
        before = contents(database)

        code, out, _ = import_here(app, tmp_path)

        assert (code, out) == (
            0,
            ["60 rows read of 30 files: 0 stored, 60 already there, 0 repeats, 0 rejected."],
        )
        assert contents(database) == before

    def test_tells_what_days_with_live_polls_have(
        self, app: Flask, database: Database, tmp_path: Path
    ) -> None:
        (path,) = write_days(tmp_path, 1)
        put(database, repo(1), at=clock.parse("2025-01-08T12:00:00Z"))

        _, out, _ = import_here(app, path)

        assert out == [
            "2 rows read of 1 files: 0 stored, 2 already there, 0 repeats, 0 rejected.",
            "Of those already there 2 are of days with live polls.",
        ]

    def test_run_dry_checks_everything_and_stores_nothing(
        self, app: Flask, database: Database, tmp_path: Path
    ) -> None:
        write_days(tmp_path, 30)

        code, out, _ = run(app, "import-history", "--dry-run", str(tmp_path))

        report = "60 rows read of 30 files: 60 stored, 0 already there, 0 repeats, 0 rejected."
        assert (code, last_lines(out, "Checking")) == (0, [report])
        assert (count(database, "poll"), count(database, "repository")) == (0, 0)

    def test_is_the_same_for_files_of_one_day_whatever_their_order(
        self, app: Flask, database: Database, tmp_path: Path
    ) -> None:
        folders = [tmp_path / f"copy-{number}" for number in range(9)]
        for number, folder in enumerate(folders):
            write_day(folder, line(f"o/r{number}"))

        import_here(app, *reversed(folders))

        assert board(database, at=clock.parse("2025-01-08")) == [(1, "o/r0")]


class TestRepeats:
    def test_are_counted_apart_from_what_makes_no_sense_and_listed_in_the_file_alone(
        self, app: Flask, tmp_path: Path
    ) -> None:
        path = write_day(tmp_path, line(), line("o/r", "many"), line(), line())
        listed = tmp_path / "rejected.txt"

        _, shown, _ = import_here(app, path)
        import_here(app, path, "--rejected", listed)

        bad = f"{path}:3: stars is 'many', expected a whole number"
        assert shown == [
            "4 rows read of 1 files: 1 stored, 0 already there, 2 repeats, 1 rejected.",
            bad,
        ]
        assert listed.read_text(encoding="utf-8").splitlines() == [
            bad,
            f"{path}:4: repeats quiet/harbor of line 2",
            f"{path}:5: repeats quiet/harbor of line 2",
        ]


class TestRejectedRows:
    def test_are_shown_with_file_line_and_reason(self, app: Flask, tmp_path: Path) -> None:
        path = write_day(tmp_path, line(), line("o/r", "many"), line("a/b/c", 1))

        code, out, _ = import_here(app, path)

        assert code == 0
        assert out == [
            "3 rows read of 1 files: 1 stored, 0 already there, 0 repeats, 2 rejected.",
            f"{path}:3: stars is 'many', expected a whole number",
            f"{path}:4: 'a/b/c' is not owner/name",
        ]

    def test_are_shown_up_to_ten(self, app: Flask, tmp_path: Path) -> None:
        path = write_day(tmp_path, *(line(f"o/r{number}", -1) for number in range(13)))

        _, out, _ = import_here(app, path)

        assert len(out) == 12
        assert out[-1] == "… and 3 more; --rejected FILE lists all"

    def test_are_all_listed_in_a_file(self, app: Flask, tmp_path: Path) -> None:
        path = write_day(tmp_path, *(line(f"o/r{number}", "🚢") for number in range(13)))
        listed = tmp_path / "rejected.txt"

        _, out, _ = import_here(app, path, "--rejected", listed)

        assert out == [
            "13 rows read of 1 files: 0 stored, 0 already there, 0 repeats, 13 rejected."
        ]
        assert listed.read_text(encoding="utf-8").splitlines() == [
            f"{path}:{number}: stars is '🚢', expected a whole number" for number in range(2, 15)
        ]

    def test_are_one_line_each_whatever_they_hold(self, app: Flask, tmp_path: Path) -> None:
        rows = [line(item="a\nb\x1b[2J"), line(repo_name="c\r\nd"), line(stars="\n")]

        _, out, _ = import_here(app, write_day(tmp_path, *rows))

        assert len(out) == 4
        assert "\x1b" not in "".join(out)

    def test_in_a_file_that_cannot_be_written_are_a_mistake_before_anything_is_done(
        self, app: Flask, database: Database, tmp_path: Path
    ) -> None:
        write_days(tmp_path, 1)

        code, _, err = import_here(app, tmp_path, "--rejected", tmp_path / "no" / "file")

        assert code != 0
        assert "No such file or directory" in err[-1]
        assert count(database, "poll") == 0


class TestBadFiles:
    def test_are_named_and_stop_no_other(
        self, app: Flask, database: Database, tmp_path: Path
    ) -> None:
        folder = tmp_path / "days"
        (good,) = write_days(folder, 1)
        empty = write_text(folder, "", date(2025, 2, 1))
        cut = write_day(folder, line(), day=date(2025, 2, 2), suffix=".csv.gz")
        cut.write_bytes(cut.read_bytes()[:-9])
        named_like_a_file = folder / "github-ranking-2025-02-03.csv"
        named_like_a_file.mkdir()
        odd = tmp_path / "odd.csv"
        odd.touch()

        code, out, err = import_here(app, folder, odd)

        assert code == 1
        assert out == ["2 rows read of 1 files: 2 stored, 0 already there, 0 repeats, 0 rejected."]
        assert [it.split(": not imported: ")[0] for it in err] == [
            str(it) for it in (empty, cut, named_like_a_file, odd)
        ]

    @pytest.mark.sqlite
    def test_may_be_all_there_are(self, app: Flask, tmp_path: Path) -> None:
        code, out, err = import_here(app, write_text(tmp_path, "\0" * 9))

        assert (code, len(err)) == (1, 1)
        assert out == ["0 rows read of 0 files: 0 stored, 0 already there, 0 repeats, 0 rejected."]


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "Missing argument 'PATHS...'"),
            (["nowhere"], "Path 'nowhere' does not exist."),
            ([".", "--spread", "soon"], "'soon' is not a span such as 90s, 30m or 2h"),
            ([".", "--spread", "-5m"], "'-5m' is not a span such as 90s, 30m or 2h"),
            ([".", "--spread", "٣m"], "'٣m' is not a span such as 90s, 30m or 2h"),
            ([".", "--spread", "1.5h"], "'1.5h' is not a span such as 90s, 30m or 2h"),
            ([".", "--spread", "9999999h"], "'9999999h' is not a span such as 90s, 30m or 2h"),
            (["."], "no github-ranking-YYYY-MM-DD.csv in ."),
        ],
    )
    def test_are_told_in_a_line(
        self,
        app: Flask,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        arguments: list[str],
        message: str,
    ) -> None:
        (tmp_path / "empty").mkdir()
        monkeypatch.chdir(tmp_path / "empty")

        code, _, err = run(app, "import-history", *arguments)

        assert code in (1, 2)
        assert message in err.splitlines()[-1]

    def test_include_a_database_without_a_schema(
        self, make_settings: MakeSettings, app: Flask, database: Database, tmp_path: Path
    ) -> None:
        with database.write() as session:
            session.execute(text("DROP TABLE alembic_version"))

        code, out, err = import_here(app, *write_days(tmp_path, 1))

        assert (code, out) == (1, [])
        assert re.search("schema is missing.*run `flask --app app upgrade`", err[-1])

    def test_include_a_redis_that_nobody_serves(
        self, app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("redis.retry.sleep", lambda _: None)

        code, _, err = run(app, "import-history", *map(str, write_days(tmp_path, 1)))

        assert code == 1
        assert err.splitlines()[-1].startswith("Error: Redis cannot be reached: ")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_include_files_that_we_may_not_read(self, app: Flask, tmp_path: Path) -> None:
        (path,) = write_days(tmp_path, 1)
        path.chmod(0)

        code, _, err = import_here(app, path)

        assert (code, err) == (1, [f"{path}: not imported: it cannot be read: Permission denied"])


# Finding what runs


def test_redis_url_is_that_of_the_checkouts_own_valkey(app: Flask) -> None:
    status, output, _ = run(app, "redis-url")

    assert (status, output.strip()) == (0, app.extensions["settings"].redis_url)


def test_where_nothing_runs_a_command_says_so_in_one_line(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.command_errors.HERE", tmp_path)
    app = web.create_app(make_settings(redis_url=socket_url(tmp_path / "var")))

    status, _, errors = run(app, "jobs")

    assert (status, errors) == (
        1,
        "Error: Starboard does not run in this checkout: start it with `make run`, "
        "or set REDIS_URL\n",
    )
