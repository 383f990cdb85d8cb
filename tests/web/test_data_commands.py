"""`backup`, `restore` and `export` as somebody types them: what they say, and how they end."""

import socket
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from flask import Flask

from store.database import Database
from tests.support.backups import contents
from tests.support.served import run
from tests.support.stored import NOON, put, repo

pytestmark = pytest.mark.parametrize("make_app", ["by Flask"], indirect=True)


@pytest.fixture
def copy(app: Flask, database: Database, tmp_path: Path) -> Path:
    """A backup of a database with two repositories."""
    put(database, repo(1), repo(2))
    assert run(app, "backup", str(tmp_path / "copy"))[0] == 0
    return tmp_path / "copy"


def test_a_backup_is_made_and_put_back(app: Flask, database: Database, copy: Path) -> None:
    before = contents(database)
    again = run(app, "backup", str(copy), "--force")
    put(database, repo(3), at=NOON.replace(hour=13))

    restored = run(app, "restore", str(copy), "--force")

    assert again == (0, f"Backed up: {copy}, {copy.stat().st_size:,} bytes.\n", "")
    assert restored == (0, f"Restored from {copy}.\n", "")
    assert contents(database) == before


def test_an_export_can_be_asked(app: Flask, copy: Path, tmp_path: Path) -> None:
    code, out, err = run(app, "export", str(tmp_path / "new" / "out"))

    assert (code, out) == (0, "")
    assert "\rreadings.parquet: 2 rows\n" in err
    found = duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/new/out/readings.parquet'").fetchall()
    assert found == [(2,)]


def unreadable(path: Path) -> None:
    """Something that nobody can open, not even root: a socket."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def cut(path: Path) -> None:
    """The first half of a backup."""
    whole = path.with_name("copy").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("arguments", "make", "why"),
    [
        ("backup copy", None, "exists; --force replaces it"),
        ("backup no/copy", None, "No such file or directory"),
        ("backup copy/copy", None, "Not a directory"),
        ("backup it --force", Path.mkdir, "is a directory"),
        ("restore copy", None, "the database in place has 1 polls, the newest of 2026-03-01T12"),
        ("restore it --force", None, "No such file or directory"),
        ("restore it --force", Path.touch, "is no backup of Starboard"),
        ("restore it --force", Path.mkdir, "is a directory"),
        ("restore it --force", unreadable, "No such device or address"),
        ("restore it --force", cut, "malformed|damaged"),
        ("export copy", None, "is a file"),
        ("export copy/out", None, "Not a directory"),
        ("export", None, "Missing argument 'DIR'"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line_and_changes_nothing(
    app: Flask,
    database: Database,
    copy: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: str,
    make: Callable[[Path], None] | None,
    why: str,
) -> None:
    monkeypatch.chdir(copy.parent)
    before, whole = contents(database), copy.read_bytes()
    if make is not None:
        make(copy.parent / "it")
    files = sorted(copy.parent.iterdir())

    code, out, err = run(app, *arguments.split())

    errors = [line for line in err.splitlines() if line.startswith("Error: ")]
    assert code != 0 and out == "" and "Traceback" not in err
    assert len(errors) == 1 and err.endswith(f"{errors[0]}\n")
    assert any(each in errors[0] for each in why.split("|")), errors[0]
    assert (contents(database), copy.read_bytes()) == (before, whole)
    assert sorted(copy.parent.iterdir()) == files
