"""Polls put straight into the store, what it then holds, and schemas of older versions."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import event, select, text

from core import lists
from core.clock import DAY, MINUTE
from core.encoding import encoded
from core.lists import RankedList
from core.plausibility import Member
from core.repository import GitHubRepository
from core.star_history import Week
from core.windows import Profile, Snapshot
from models import FAILED, List, Poll, Reading
from store import star_histories
from store.database import MIGRATIONS, Database
from store.documents import Build
from store.documents import publish as publish_documents
from store.polls import record_gap, store_poll
from store.snapshots import snapshot

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP = timedelta(minutes=10)  # the poll interval
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
    """Store a poll, fetched a minute into its slot; those kept have the last ranks."""
    fresh = [Member(it) for it in repositories]
    members = [*fresh, *(Member(it, carried_over=True) for it in kept)]
    with database.write() as session:
        return store_poll(session, ranked, at, fetched_at or at + MINUTE, members, doubt)


def put_days(
    database: Database,
    repository_id: int,
    *counts: int,
    last: date,
    pages: int = 1,
    read_at: datetime = NOON,
) -> None:
    """Store page 1 of a star history of so many pages: the stars of each day up to `last`."""
    first = last - (len(counts) - 1) * DAY
    sunday = first - (first.weekday() + 1) % 7 * DAY
    padded = [0] * (first - sunday).days + [*counts]
    weeks = [
        Week(sunday + number * DAY, tuple(padded[number : number + 7]))
        for number in range(0, len(padded), 7)
    ]
    with database.write() as session:
        star_histories.store_page(session, repository_id, 1, weeks, pages, None, read_at)


def readings(database: Database) -> list[tuple[Any, ...]]:
    columns = (Reading.repository_id, Reading.slot, Reading.stars, Reading.forks)
    with database.read() as session:
        found = session.execute(select(*columns).order_by(Reading.repository_id, Reading.slot))
        return [tuple(row) for row in found]


def slot(number: int) -> datetime:
    return NOON + number * STEP


def gap(
    database: Database,
    outcome: str = FAILED,
    why: str = "no answer",
    *,
    at: datetime = NOON,
    noted_at: datetime = NOON + MINUTE,
) -> None:
    with database.write() as session:
        record_gap(session, STARS, at, outcome, noted_at, why)


def rows(database: Database, sql: str) -> list[tuple[Any, ...]]:
    with database.read() as session:
        return [tuple(row) for row in session.execute(text(sql))]


def profile(number: int) -> Profile:
    github = repo(number)
    return Profile(
        number, github.full_name, "Python", "Boats, moored", github.html_url, github.pushed_at
    )


def snapshot_of(database: Database, ranked: RankedList = STARS) -> Snapshot:
    with database.read() as session:
        found = snapshot(session, ranked)
    assert found is not None
    return found


def publish(
    database: Database,
    documents: Mapping[str, Mapping[str, Any]],
    *snapshots: Snapshot,
    built_at: datetime = NOON,
) -> bool:
    with database.write() as session:
        dated = {name: encoded(body, NOON) for name, body in documents.items()}
        now = max(built_at, NOON)
        build = Build(built_at, built_at + STEP, dated, snapshots)
        return publish_documents(session, build, now)


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


def migrate(database: Database, revision: str) -> None:
    """Bring a new database to the schema of an older version."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The SQL statements that a database is sent meanwhile; transactions' own are none."""
    told: list[str] = []

    def note(_: object, __: object, sql: str, *___: object) -> None:
        if not sql.startswith(("BEGIN", "SET LOCAL")):
            told.append(sql)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield told
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


@contextmanager
def plans(database: Database) -> Iterator[list[str]]:
    """How SQLite goes about each statement that it is sent meanwhile, by step. Of Postgres, which
    plans by the rows that are there, nothing."""
    told: list[str] = []
    is_sqlite = database.engine.dialect.name == "sqlite"

    def explain(connection: Any, cursor: Any, sql: str, values: Any, _: Any, many: bool) -> None:
        if sql.startswith(("SELECT", "WITH", "UPDATE", "DELETE")) and is_sqlite:
            one = values[0] if many else values
            explained = cursor.connection.cursor().execute(f"EXPLAIN QUERY PLAN {sql}", one)
            told.extend(row[3] for row in explained)

    event.listen(database.engine, "before_cursor_execute", explain)
    try:
        yield told
    finally:
        event.remove(database.engine, "before_cursor_execute", explain)
