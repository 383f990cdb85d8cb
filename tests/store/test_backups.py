"""What backups and restores refuse, in a line that names the thing and the way out."""

import re
from pathlib import Path

import pytest

from core.clock import MINUTE
from store import backups
from store.backups import backup, restore
from store.database import BackupError, Database
from tests.support.backups import WITH_POSTGRES, another, contents
from tests.support.stored import NOON, put, repo


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", WITH_POSTGRES)


def test_what_others_would_lose_is_replaced_by_force_alone(
    database: Database, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    put(database, repo(1))
    backup(database, copy, force=False)
    assert copy.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BackupError, match="copy exists; --force replaces it"):
        backup(database, copy, force=False)
    backup(database, copy, force=True)

    with another(database, tmp_path) as other:
        with pytest.raises(BackupError, match="nothing to back up: the database's schema"):
            backup(other, tmp_path / "nothing", force=False)
        restore(other, copy, force=False)  # into an empty one
        assert contents(other) == contents(database)
        put(database, repo(2), at=NOON + MINUTE * 10)
        with pytest.raises(BackupError, match="1 polls, the newest of 2026-03-01T12:00:00Z; --fo"):
            restore(other, copy, force=False)
        with other.write() as session:
            session.connection().exec_driver_sql("UPDATE reading SET stars = 7")
        restore(other, copy, force=True)
        assert contents(other) != contents(database)
        other.check_schema()


def test_a_file_is_looked_at_before_anything_is_replaced(
    database: Database, tmp_path: Path
) -> None:
    put(database, repo(1))
    before, copy = contents(database), tmp_path / "copy"
    backup(database, copy, force=False)
    whole = copy.read_bytes()
    other_kind = b"PGDMP" if whole.startswith(b"SQLite") else b"SQLite format 3\0"
    with database.write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    backup(database, newer := tmp_path / "newer", force=False)
    with database.write() as session:
        known = backups.known_revisions()[0]
        session.connection().exec_driver_sql(f"UPDATE alembic_version SET version_num = '{known}'")

    for content, why in (
        (None, "No such file"),
        (b"rank,name\n", "is no backup of Starboard"),
        (other_kind + whole[16:], "and DATABASE_URL names"),
        (whole[: len(whole) // 2], "damaged|malformed|could not read|end of file"),
        (newer.read_bytes(), r"newer version \(schema 9999\), which has to be deployed"),
    ):
        file = tmp_path / "file"
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(BackupError) as caught:
            restore(database, file, force=True)
        assert re.search(why, str(caught.value)), str(caught.value)
        assert "\n" not in str(caught.value)
        assert contents(database) == before


@pytest.mark.both
def test_where_postgres_has_no_programs_a_line_says_what_to_run(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("of Postgres alone")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="pg_dump is not on the PATH: install .* pg_dump --for"):
        backup(database, tmp_path / "copy", force=False)
    (tmp_path / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6'\n")
    (tmp_path / "pg_dump").chmod(0o755)
    with pytest.raises(BackupError, match="of PostgreSQL 9, older than the server's"):
        backup(database, tmp_path / "copy", force=False)
