"""The data as Parquet: what is in it, of one moment, and the questions of docs/data.md."""

import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import select

from core.clock import DAY
from models import Base, Reading
from store import exports, parquet
from store.database import Database
from store.parquet import PYARROW, ExportError, export
from tests.support.common import ROOT
from tests.support.stored import GO, NOON, gap, put, put_days, repo, rows

DOCUMENT = (ROOT / "docs" / "data.md").read_text()
QUESTIONS: list[tuple[str, str]] = re.findall(r"```(sql|python)\n(.*?)```", DOCUMENT, re.DOTALL)
FILES = sorted(f"{name}.parquet" for name in exports.TABLES)


def silent(file: str, rows: int, done: bool) -> None:
    """Tell nobody."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def filled(database: Database) -> Database:
    """Ten days of two lists, one entry, a suspect poll and a gap; GitHub's days of a repository."""
    for day in range(10):
        at, new = NOON + (day - 9) * DAY, [repo(3, stars=650)] if day == 9 else []
        put(database, repo(1, stars=900 + 9 * day), repo(2, stars=700 + day), *new, at=at)
        put(database, repo(2, stars=701 + day), ranked=GO, at=at, kept=[repo(4, stars=5)])
    put(database, repo(5), at=NOON + DAY, doubt="GitHub was sleepy")
    gap(database, at=NOON + 2 * DAY)
    put_days(database, 1, 3, 0, 8, 0, last=NOON.date(), read_at=NOON)
    return database


def ask(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute(f"SET file_search_path = '{folder}'; SET TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def test_a_reading_that_stands_for_several_says_until_when(filled: Database, folder: Path) -> None:
    with filled.write() as session:
        last = session.scalars(select(Reading).order_by(Reading.slot.desc())).first()
        assert last is not None
        last.seen_until = until = last.slot + DAY

    export(filled, folder, lambda *_: None)

    found = ask(folder, "SELECT seen_until FROM 'readings.parquet' WHERE seen_until IS NOT NULL")
    assert found == [(until,)]


def test_files_hold_what_was_believed_under_names(filled: Database, folder: Path) -> None:
    told: list[tuple[str, int, bool]] = []

    export(filled, folder, lambda *it: told.append(it))

    assert sorted(os.listdir(folder)) == FILES
    assert ask(
        folder,
        "SELECT repository_id, full_name, epoch(slot)::BIGINT, stars, forks, open_issues "
        "FROM 'readings.parquet'",
    ) == rows(
        filled,
        "SELECT r.id, full_name, slot, stars, forks, open_issues "
        "FROM reading JOIN repository r ON r.id = repository_id ORDER BY 1, 3",
    )
    assert ask(
        folder,
        "SELECT list, epoch(slot)::BIGINT, rank, full_name, stars, carried "
        "FROM 'placements.parquet' ORDER BY ALL",
    ) == sorted(
        (*row[:5], bool(row[5]))
        for row in rows(
            filled,
            "SELECT slug, slot, rank, full_name, stars, kept FROM placement "
            "JOIN list ON list.id = list_id JOIN repository r ON r.id = repository_id "
            f"WHERE slot <= {NOON.timestamp():.0f}",
        )
    )
    assert ask(
        folder, "SELECT slot, outcome, error FROM 'polls.parquet' WHERE outcome <> 'good'"
    ) == [
        (NOON + DAY, "suspect", "GitHub was sleepy"),
        (NOON + 2 * DAY, "failed", "no answer"),
    ]
    assert ask(folder, "SELECT slot, kind, full_name FROM 'events.parquet'") == [
        (NOON, "entered", "Quiet/Harbor-3")
    ]
    # Of the day that GitHub was asked on there is no last word.
    assert ask(folder, "SELECT full_name, day, stars FROM 'star_days.parquet' WHERE stars > 0") == [
        ("Quiet/Harbor-1", date(2026, 2, 26), 3),
        ("Quiet/Harbor-1", date(2026, 2, 28), 8),
    ]
    assert ask(folder, "SELECT max(day) FROM 'star_days.parquet'") == [(date(2026, 2, 28),)]
    assert [it[:2] for it in told if it[2]][:2] == [
        ("repositories.parquet", 5),
        ("readings.parquet", 21),
    ]


def test_all_files_show_one_moment_and_replace_those_before_at_once(
    filled: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(filled, folder, silent)
    (folder / "notes.txt").write_text("mine")
    before = {name: (folder / name).read_bytes() for name in FILES}

    def poll_meanwhile(file: str, rows: int, done: bool) -> None:
        if file == "repositories.parquet" and done:
            put(filled, repo(9, stars=9_999), at=NOON + 3 * DAY)
        assert {name: (folder / name).read_bytes() for name in FILES} == before

    monkeypatch.setattr(exports, "ROWS_AT_A_TIME", 4)
    export(filled, folder, poll_meanwhile)
    assert ask(folder, "SELECT * FROM 'readings.parquet' WHERE stars = 9999") == []

    export(filled, folder, silent)
    found = ask(folder, "SELECT slot FROM 'readings.parquet' WHERE stars = 9999")
    assert found == [(NOON + 3 * DAY,)]
    assert sorted(os.listdir(folder)) == sorted([*FILES, "notes.txt"])


def test_what_fails_leaves_the_files_before(filled: Database, folder: Path) -> None:
    export(filled, folder, silent)
    before = {name: (folder / name).read_bytes() for name in FILES}

    def break_off(file: str, rows: int, done: bool) -> None:
        with pytest.raises(ExportError, match="another export is writing to"):
            export(filled, folder, silent)
        if file == "star_days.parquet":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(filled, folder, break_off)

    assert {it.name: it.read_bytes() for it in folder.iterdir()} == before


def test_the_rows_of_a_table_are_never_all_in_memory(
    filled: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "ROWS_AT_A_TIME", 4)
    monkeypatch.setattr(parquet, "BATCHES_A_ROW_GROUP", 2)
    told = []

    export(filled, folder, lambda *it: told.append(it))

    readings = [it for it in told if it[0] == "readings.parquet"]
    assert [count for _, count, _ in readings] == [8, 16, 21, 21]
    groups = ask(
        folder, "SELECT DISTINCT row_group_num_rows FROM parquet_metadata('readings.parquet')"
    )
    assert sorted(groups) == [(5,), (8,)]


def test_without_pyarrow_a_line_says_what_to_install(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    with pytest.raises(ExportError, match=f"pip install {PYARROW}"):
        export(database, folder, silent)

    assert f"\n{PYARROW} " in (ROOT / "requirements-dev.txt").read_text()
    assert f"pip install {PYARROW}\n" in DOCUMENT


def test_the_questions_of_the_document_are_answered(filled: Database, folder: Path) -> None:
    export(filled, folder, silent)

    answers = [_answer(folder, language, text) for language, text in QUESTIONS]

    rises, then, days, daily, complete = answers
    assert [row[:2] for row in rises][:2] == [("Quiet/Harbor-1", 81), ("Quiet/Harbor-2", 9)]
    assert then == [(1, "Quiet/Harbor-1", 918), (2, "Quiet/Harbor-2", 702)]
    assert days == [("Quiet/Harbor-1", date(2026, 2, 28), 8, 72.7)]
    assert re.search(r"2026-03-01 00:00:00\+00:00 +981.0 +709.0 +650.0", daily)
    assert re.search(r"2026-03-03 00:00:00\+00:00 +0 +1", complete)


def _answer(folder: Path, language: str, text: str) -> Any:
    if language == "sql":
        return ask(folder, text)
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_document_names_every_column() -> None:
    said = {line for line in DOCUMENT.splitlines() if line.startswith("| `")}

    for name, table in exports.TABLES.items():
        assert any(line.startswith(f"| `{name}.parquet`") for line in said)
        line = next(line for line in said if line.startswith(f"| `{name}.parquet`"))
        assert [it for it in re.findall(r"`(\w+)`", line) if it in table.columns] == [
            *table.columns
        ]
    for of in Base.metadata.tables.values():
        line = next((line for line in said if line.startswith(f"| `{of.name}` |")), "")
        assert {it.name for it in of.columns} <= set(re.findall(r"`(\w+)`", line)), of.name
