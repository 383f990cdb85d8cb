"""Imports, and what they left in the database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core import clock, lists
from history import importer
from history.importer import Tally
from store.database import Database
from store.imports import end_import
from tests.support.stored import rows

MIDNIGHT = datetime(2026, 2, 28, tzinfo=UTC)  # of the second day


def bring(database: Database, *paths: Path, dry_run: bool = False) -> Tally:
    tally = importer.import_files(database, paths, lists.KNOWN, dry_run=dry_run)
    with database.write() as session:
        end_import(session)
    return tally


def sums(tally: Tally) -> tuple[int, int, int, int]:
    """Rows read, stored, already there and rejected; with the repeats they add up."""
    others = len(tally.repeats) + len(tally.rejected)
    assert tally.read == tally.stored + tally.already + others
    return tally.read, tally.stored, tally.already, len(tally.rejected)


def contents(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All that an import stores, without our ids, which depend on the order of work."""
    return {
        "polls": rows(
            database,
            "SELECT slug, slot, outcome, fetched_at, rows, error FROM poll "
            "JOIN list ON list.id = list_id ORDER BY 1, 2",
        ),
        "placements": rows(
            database,
            "SELECT slug, slot, rank, lower(full_name), stars, forks, open_issues FROM placement "
            "JOIN list ON list.id = list_id JOIN repository ON repository.id = repository_id "
            "ORDER BY 1, 2, 3",
        ),
        "readings": rows(
            database,
            "SELECT lower(full_name), slot, stars, forks, open_issues, list_id FROM reading "
            "JOIN repository ON repository.id = repository_id ORDER BY 1, 2",
        ),
        "repositories": rows(
            database,
            "SELECT full_name, github_id, language, description, html_url, pushed_at, "
            "repository.seen_at, name FROM repository "
            "JOIN repository_name ON repository.id = repository_id ORDER BY name",
        ),
    }


def board(
    database: Database, slug: str = "stars", at: datetime = MIDNIGHT
) -> list[tuple[int, str]]:
    """Ranks and names of a list at a slot."""
    where = f"slug = '{slug}' AND slot = {int(at.timestamp())}"
    return rows(
        database,
        "SELECT rank, full_name FROM placement JOIN list ON list.id = list_id "
        f"JOIN repository ON repository.id = repository_id WHERE {where} ORDER BY rank",
    )


def history_of(database: Database, full_name: str) -> list[tuple[datetime, int]]:
    """Slots and stars of whoever a name finds."""
    found = rows(
        database,
        "SELECT slot, stars FROM reading JOIN repository_name USING (repository_id) "
        f"WHERE name = '{full_name.lower()}' ORDER BY slot",
    )
    return [(clock.EPOCH + timedelta(seconds=slot), stars) for slot, stars in found]


def count(database: Database, table: str) -> int:
    (found,) = rows(database, f"SELECT count(*) FROM {table}")
    number: int = found[0]
    return number
