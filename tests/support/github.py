"""Answers of GitHub and the rows that they leave, for tests of polling and of builds."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import select, text

import models
from core import lists
from core.lists import RankedList
from core.repository import GitHubRepository, SearchAnswer
from github import polling
from github.errors import Gone
from models import Document, Poll, Reading
from store.database import Database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STEP = 10 * MINUTE

STARS, FORKS, PYTHON = (lists.KNOWN[slug] for slug in ("stars", "forks", "python"))
WINDOWS = ("1h", "24h", "7d", "30d", "365d")


def repo(github_id: int = 1, **changes: Any) -> GitHubRepository:
    defaults = GitHubRepository(
        github_id=github_id,
        full_name=f"Quiet/Harbor-{github_id}",
        stars=50_000 - 100 * github_id,
        forks=github_id,
        open_issues=3,
        language="Python",
        description="Boats, moored",
        html_url=f"https://github.com/Quiet/Harbor-{github_id}",
        pushed_at=NOON,
    )
    return replace(defaults, **changes)


def item(**changes: Any) -> dict[str, Any]:
    """A repository in GitHub's own words."""
    return {
        "id": 7,
        "full_name": "quiet/harbor",
        "stargazers_count": 500,
        "forks_count": 40,
        "open_issues_count": 3,
        "language": "C++",
        "description": "Boats, moored",
        "html_url": "https://github.com/quiet/harbor",
        "pushed_at": "2026-03-01T12:00:00Z",
        "private": False,
    } | changes


HARBOR = GitHubRepository(
    github_id=7,
    full_name="quiet/harbor",
    stars=500,
    forks=40,
    open_issues=3,
    language="C++",
    description="Boats, moored",
    html_url="https://github.com/quiet/harbor",
    pushed_at=NOON,
)


def found(*items: Any, incomplete: Any = False) -> httpx.Response:
    return httpx.Response(
        200, json={"total_count": 9, "incomplete_results": incomplete, "items": items}
    )


def board(size: int = 100, without: Iterable[int] = ()) -> list[GitHubRepository]:
    """As many repositories as a list has, the one of id 1 first, without some of them."""
    left_out = set(without)
    ids = (number for number in range(1, size + len(left_out) + 1) if number not in left_out)
    return [repo(number) for number in ids]


def answer(repositories: Iterable[GitHubRepository], *, incomplete: bool = False) -> SearchAnswer:
    return SearchAnswer(tuple(repositories), incomplete)


@dataclass
class HandClock:
    """Time passes by sleeping only; something may happen meanwhile."""

    moment: datetime = NOON
    slept: list[float] = field(default_factory=list)
    meanwhile: list[Callable[[], object]] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)
        if self.meanwhile:
            self.meanwhile.pop(0)()


@dataclass
class StubGitHub:
    """Gives the same answer to each search; knows some repositories, the others are gone."""

    found: SearchAnswer | Exception
    repositories: Mapping[str, GitHubRepository | Exception] = field(default_factory=dict)
    meanwhile: Callable[[], object] = lambda: None
    floors: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def search(self, ranked: RankedList, floor: int) -> SearchAnswer:
        self.floors.append(floor)
        self.meanwhile()
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def repository(self, full_name: str) -> GitHubRepository:
        self.asked.append(full_name)
        known = self.repositories.get(full_name, Gone(f"/repos/{full_name}: answered 404"))
        if isinstance(known, Exception):
            raise known
        return known


def slot(number: int) -> datetime:
    return NOON + number * STEP


def poll(
    database: Database, github: Any, number: int = 0, *, ranked: RankedList = STARS, late: int = 1
) -> dict[str, Any]:
    """Poll for the slot of that number, some minutes into it."""
    at = slot(number)
    return polling.poll_list(database, github, ranked, at, STEP, lambda: at + late * MINUTE)


def shown(database: Database, number: int = 0) -> list[tuple[int, int, bool]]:
    """The list of a slot: GitHub's id, stars, and whether it was carried over."""
    sql = text(
        "SELECT github_id, stars, kept FROM placement JOIN repository ON repository.id = "
        "repository_id WHERE slot = :slot ORDER BY rank"
    )
    with database.read() as session:
        rows = session.execute(sql, {"slot": int(slot(number).timestamp())})
        return [(github_id, stars, bool(kept)) for github_id, stars, kept in rows]


def ids(database: Database, number: int = 0) -> list[int]:
    return [github_id for github_id, _, _ in shown(database, number)]


def polls(database: Database) -> list[tuple[Any, ...]]:
    """Slot, outcome and error of each poll, oldest first."""
    with database.read() as session:
        found = session.execute(select(Poll.slot, Poll.outcome, Poll.error).order_by(Poll.slot))
        return [tuple(row) for row in found]


def readings(database: Database, github_id: int) -> list[tuple[datetime, int]]:
    """Slot and stars of each reading of a repository, oldest first."""
    with database.read() as session:
        rows = session.execute(
            select(Reading.slot, Reading.stars)
            .join(models.Repository, models.Repository.id == Reading.repository_id)
            .where(models.Repository.github_id == github_id)
            .order_by(Reading.slot)
        )
        return [tuple(row) for row in rows]


def documents(database: Database) -> dict[str, Any]:
    """All documents that are published, by name."""
    with database.read() as session:
        return {row.name: json.loads(row.body) for row in session.scalars(select(Document))}


def names_of(slug: str) -> set[str]:
    """The names of a list's documents."""
    kinds = ("lists", "languages", "owners")
    movers = {f"movers/{slug}/{window}" for window in WINDOWS}
    changes = {f"changes/{slug}/{window}" for window in WINDOWS}
    percent = {f"{name}/percent" for name in movers}
    return {f"{kind}/{slug}" for kind in kinds} | movers | percent | changes
