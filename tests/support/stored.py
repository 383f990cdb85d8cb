"""Polls put straight into the store, and what it then holds."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from core import lists
from core.lists import RankedList
from core.plausibility import Member
from core.repository import GitHubRepository
from models import Reading
from store.database import Database
from store.polls import (
    store_poll,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


MINUTE = timedelta(minutes=1)


STARS, FORKS, GO, PYTHON = (lists.KNOWN[slug] for slug in ("stars", "forks", "go", "python"))


def repo(github_id: int = 1, **changes: Any) -> GitHubRepository:
    defaults = GitHubRepository(
        github_id=github_id,
        full_name=f"Quiet/Harbor-{github_id}",
        stars=1_000 - github_id,
        forks=github_id,
        open_issues=3,
        language="Python",
        description="Boats, moored",
        html_url=f"https://github.com/Quiet/Harbor-{github_id}",
        pushed_at=NOON,
    )
    return replace(defaults, **changes)


def put(
    database: Database,
    *repositories: GitHubRepository,
    ranked: RankedList = STARS,
    at: datetime = NOON,
    fetched_at: datetime | None = None,
    doubt: str | None = None,
    kept: Sequence[GitHubRepository] = (),
) -> bool:
    """Store a poll, fetched a minute into its slot; those kept have the last places."""
    places = [Member(it) for it in repositories] + [Member(it, carried_over=True) for it in kept]
    with database.write() as session:
        return store_poll(session, ranked, at, fetched_at or at + MINUTE, places, doubt)


def readings(database: Database) -> list[tuple[Any, ...]]:
    columns = (Reading.repository_id, Reading.slot, Reading.stars, Reading.forks)
    with database.read() as session:
        found = session.execute(select(*columns).order_by(Reading.repository_id, Reading.slot))
        return [tuple(row) for row in found]
