"""A build gives the documents that a plain computation from the same data gives."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from core import clock
from core.clock import DAY, HOUR
from core.lists import RankedList
from core.plausibility import Member
from core.repository import GitHubRepository
from models import Document
from settings import Settings
from store import builds
from store.database import Database
from store.imports import note_change
from store.polls import store_poll
from store.repositories import ids_by_github_id
from tests.support.common import MakeSettings
from tests.support.github import (
    FORKS,
    MINUTE,
    NOON,
    PYTHON,
    STARS,
    STEP,
    WINDOWS,
    StubGitHub,
    answer,
    board,
    documents,
    names_of,
    poll,
    repo,
    slot,
)
from tests.support.stored import put, put_days

AS_OF = datetime(2026, 3, 10, 12, 20, tzinfo=UTC)
BUILT = AS_OF + timedelta(minutes=4, seconds=30, milliseconds=250)
ROUNDED_STARTS = {
    "1h": datetime(2026, 3, 10, 11, 20, tzinfo=UTC),
    "24h": datetime(2026, 3, 9, 12, 20, tzinfo=UTC),
    "7d": datetime(2026, 3, 3, 12, tzinfo=UTC),
    "30d": datetime(2026, 2, 8, 12, tzinfo=UTC),
    "365d": datetime(2025, 3, 10, tzinfo=UTC),
}
ROUNDINGS = {"1h": MINUTE, "24h": MINUTE, "7d": HOUR, "30d": HOUR, "365d": DAY}
TOLERANCES = {
    "1h": 15 * MINUTE,
    "24h": 6 * HOUR,
    "7d": 42 * HOUR,
    "30d": 7 * DAY,
    "365d": 7 * DAY,
}
SLOTS = (
    AS_OF - 700 * DAY,  # for 365d, where nothing later is known
    *(start - STEP for start in ROUNDED_STARTS.values()),
    *(ROUNDED_STARTS[name] for name in ("24h", "30d")),
    *(start + STEP for start in ROUNDED_STARTS.values()),
    AS_OF,
)

Polled = dict[str, dict[datetime, list[GitHubRepository]]]  # by slug and slot


def course(github_id: int, at: datetime, **changes: Any) -> GitHubRepository:
    """A repository whose stars grow by the hour, the more the higher its id."""
    hours = (at - (AS_OF - 800 * DAY)) // HOUR
    counts = {
        "stars": 30_000 - 5_000 * github_id + hours * github_id // 3,
        "forks": hours // github_id,
    }
    return repo(github_id, **{**counts, **changes})


def polled() -> Polled:
    """What two lists showed: 2 overtakes 1, 3 is new, 4 was away for long, 5 is on one alone."""
    found: Polled = {"stars": {}, "python": {}}
    for at in SLOTS:
        members = [course(1, at), course(2, at, full_name="Loud/engine", language=None)]
        if at >= ROUNDED_STARTS["1h"] - STEP:
            members.append(course(3, at, full_name="loud/Other", description=None, pushed_at=None))
        if at == AS_OF or at <= ROUNDED_STARTS["30d"] - STEP:
            members.append(course(4, at, stars=30_000, language="Rust"))
        members.sort(key=lambda it: -it.stars)
        found["stars"][at] = members
        later = [course(5, at, stars=400), *(replace(it, stars=it.stars + 1) for it in members)]
        found["python"][at] = sorted(later, key=lambda it: -it.stars)
    return found


def store_all(database: Database, polled: Polled) -> None:
    """Python's answers come a minute after those of `stars`."""
    for ranked, minutes in ((STARS, 1), (PYTHON, 2)):
        for at, repositories in sorted(polled[ranked.slug].items()):
            members = [Member(repository) for repository in repositories]
            with database.write() as session:
                store_poll(session, ranked, at, at + minutes * MINUTE, members, None)


def expected_gain(polled: Polled, slug: str, it: GitHubRepository, window: str) -> Any:
    history = {
        at: there
        for board in (polled["stars"], polled["python"])  # python's, later, are the readings
        for at, members in board.items()
        for there in members
        if there.github_id == it.github_id
    }
    before = [at for at in history if at <= ROUNDED_STARTS[window]]
    if not before or max(before) < ROUNDED_STARTS[window] - TOLERANCES[window]:
        return None
    since = max(before)
    kept = {"7d": HOUR, "30d": HOUR, "365d": DAY}.get(window, STEP)  # what thinning leaves is last
    then = max(at for at in polled[slug] if at <= clock.ceil(since, kept))
    ranks = [[there.github_id for there in polled[slug][at]] for at in (then, AS_OF)]
    was_listed = it.github_id in ranks[0]
    return {
        "stars": it.stars - history[since].stars,
        "forks": it.forks - history[since].forks,
        "rank": ranks[0].index(it.github_id) - ranks[1].index(it.github_id) if was_listed else None,
        "since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
        "source": "reading",
    }


def expected_changes(polled: Polled, board: dict[str, Any], window: str) -> dict[str, Any]:
    slots, start = sorted(polled[board["list"]]), ROUNDED_STARTS[window]
    since = max(at for at in slots if at <= start)
    assert since >= start - TOLERANCES[window]
    members = polled[board["list"]]
    ids = {it.github_id for it in members[AS_OF]}
    before = {it.github_id for it in members[since]}
    new = {it.full_name for it in members[AS_OF] if it.github_id not in before}
    columns = ("full_name", "rank", "stars", "forks", "gains")
    return {
        "list": board["list"],
        "window": window,
        "since": clock.rfc3339(since),
        "known_since": clock.rfc3339(since),
        "as_of": board["as_of"],
        "entered": [
            {it: item[it] for it in columns} for item in board["items"] if item["full_name"] in new
        ],
        "left": [
            {"full_name": it.full_name, "rank_then": rank, "count_then": it.stars, "ranks": []}
            for rank, it in enumerate(members[since], 1)
            if it.github_id not in ids
        ],
    }


def expected_total(items: list[Any]) -> dict[str, Any]:
    gains = {name: [it["gains"][name] for it in items if it["gains"][name]] for name in TOLERANCES}
    return {
        "repositories": len(items),
        "stars": sum(it["stars"] for it in items),
        "gains": {
            name: {
                "stars": sum(it["stars"] for it in known),
                "repositories": len(known),
                "github": 0,
            }
            for name, known in gains.items()
        },
    }


def expected_totals(board: dict[str, Any], kind: str) -> dict[str, Any]:
    groups = {it[kind] for it in board["items"]}
    totals = [
        {kind: group, **expected_total([it for it in board["items"] if it[kind] == group])}
        for group in groups
    ]
    totals.sort(key=lambda it: -it["stars"])
    return {**{name: board[name] for name in ("list", "as_of", "built_at")}, "items": totals}


def expected_board(polled: Polled, ranked: RankedList, fetched_at: str) -> dict[str, Any]:
    members = polled[ranked.slug][AS_OF]
    return {
        "list": ranked.slug,
        "title": ranked.title,
        "as_of": "2026-03-10T12:20:00Z",
        "fetched_at": fetched_at,
        "built_at": "2026-03-10T12:24:30.250Z",
        "next_build_at": "2026-03-10T12:30:30Z",
        "suspect": False,
        "count": len(members),
        "items": [
            {
                "rank": rank,
                "full_name": it.full_name,
                "owner": it.full_name.split("/")[0],
                "name": it.full_name.split("/")[1],
                "stars": it.stars,
                "forks": it.forks,
                "open_issues": it.open_issues,
                "language": it.language,
                "description": it.description,
                "html_url": it.html_url,
                "pushed_at": it.pushed_at and "2026-03-01T12:00:00Z",
                "gains": {
                    name: expected_gain(polled, ranked.slug, it, name) for name in TOLERANCES
                },
            }
            for rank, it in enumerate(members, 1)
        ],
    }


def expected_entry(ranked: RankedList, count: int) -> dict[str, Any]:
    return {
        "slug": ranked.slug,
        "title": ranked.title,
        "as_of": "2026-03-10T12:20:00Z" if count else None,
        "count": count,
        "suspect": False,
        "url": f"/api/v1/lists/{ranked.slug}",
    }


def expected_movers(board: dict[str, Any], window: str) -> dict[str, Any]:
    """The members of a list that counts stars by their gain, or by rank."""
    items = []
    for item in board["items"]:
        gain = item["gains"][window]
        if gain:
            kept = {name: item[name] for name in ("full_name", "rank", "stars", "forks")}
            told = {"gain": gain["stars"], "rank_gain": gain["rank"], "since": gain["since"]}
            told["source"] = "reading"
            told["percent"] = round(100 * gain["stars"] / (item["stars"] - gain["stars"]), 2)
            items.append(kept | told)
    items.sort(key=lambda item: item["rank"])
    items.sort(key=lambda item: item["gain"], reverse=True)
    head = {name: board[name] for name in ("list", "as_of", "built_at")}
    return {**head, "window": window, "items": items}


def expected_by_percent(board: dict[str, Any], window: str) -> dict[str, Any]:
    moved = expected_movers(board, window)
    items = [it for it in moved["items"] if it["stars"] - it["gain"] >= 100]
    items.sort(key=lambda it: (-it["gain"] / (it["stars"] - it["gain"]), it["rank"]))
    return {**moved, "items": items}


class TestAggregation:
    @pytest.fixture
    def three_lists(self, make_settings: MakeSettings) -> Settings:
        return make_settings(lists=(STARS, FORKS, PYTHON))

    def test_gives_the_documents_that_a_plain_computation_gives(
        self, database: Database, three_lists: Settings
    ) -> None:
        data = polled()
        store_all(database, data)

        result = builds.aggregate_lists(database, three_lists, BUILT)

        stars = expected_board(data, STARS, "2026-03-10T12:21:00Z")
        python = expected_board(data, PYTHON, "2026-03-10T12:22:00Z")
        expected = {
            "lists": {
                "items": [
                    expected_entry(STARS, 4),
                    expected_entry(FORKS, 0),
                    expected_entry(PYTHON, 5),
                ]
            },
            "lists/stars": stars,
            "lists/python": python,
            "languages/stars": expected_totals(stars, "language"),
            "languages/python": expected_totals(python, "language"),
            "owners/stars": expected_totals(stars, "owner"),
            "owners/python": expected_totals(python, "owner"),
            **{f"changes/stars/{it}": expected_changes(data, stars, it) for it in WINDOWS},
            **{f"changes/python/{it}": expected_changes(data, python, it) for it in WINDOWS},
            **{f"movers/stars/{it}": expected_movers(stars, it) for it in WINDOWS},
            **{f"movers/python/{it}": expected_movers(python, it) for it in WINDOWS},
            **{f"movers/stars/{it}/percent": expected_by_percent(stars, it) for it in WINDOWS},
            **{f"movers/python/{it}/percent": expected_by_percent(python, it) for it in WINDOWS},
        }
        assert result == {"outcome": "published", "lists": 2, "unchanged": 0, "documents": 37}
        assert documents(database) == expected
        assert_telling(stars)

    def test_dates_each_document(self, database: Database, three_lists: Settings) -> None:
        store_all(database, polled())
        poll(database, StubGitHub(answer(reversed(board()))), ranked=FORKS)  # nine days before

        builds.aggregate_lists(database, three_lists, BUILT)

        with database.read() as session:
            columns = (Document.as_of, Document.built_at, Document.next_build_at)
            found = {it.name: it for it in session.execute(select(Document.name, *columns))}
        next_build_at = datetime(2026, 3, 10, 12, 30, 30, tzinfo=UTC)
        dates = {name: tuple(row)[1:] for name, row in found.items()}
        for name in ("lists", "lists/stars", "languages/stars", "owners/stars", "lists/python"):
            assert dates[name] == (AS_OF, BUILT, next_build_at)
        assert dates["lists/forks"] == (NOON, BUILT, next_build_at)

    def test_twice_at_one_moment_changes_nothing(
        self, database: Database, settings: Settings
    ) -> None:
        store_all(database, polled())
        builds.aggregate_lists(database, settings, BUILT)
        with database.read() as session:
            before = session.execute(
                text("SELECT * FROM document, standing ORDER BY name, repository_id, list_id")
            ).all()

        result = builds.aggregate_lists(database, settings, BUILT)

        with database.read() as session:
            after = session.execute(
                text("SELECT * FROM document, standing ORDER BY name, repository_id, list_id")
            ).all()
        assert result["outcome"] == "published"
        assert after == before

    def test_leaves_lists_as_they_are_that_it_would_make_from_the_same_again(
        self, database: Database, three_lists: Settings
    ) -> None:
        store_all(database, polled())
        builds.aggregate_lists(database, three_lists, BUILT)
        before = built(database)

        result = builds.aggregate_lists(database, three_lists, BUILT + MINUTE)

        assert result == {"outcome": "published", "lists": 2, "unchanged": 2, "documents": 37}
        assert built(database) == {**before, "lists": BUILT + MINUTE}

    @pytest.mark.parametrize(
        ("change", "anew"),
        [
            (lambda it: put(it, course(5, BUILT), at=AS_OF + MINUTE, ranked=PYTHON), {"python"}),
            (lambda it: put(it, at=AS_OF + MINUTE, ranked=PYTHON, doubt="empty"), {"python"}),
            (lambda it: put_days(it, id_of(it, 5), 1, 2, last=AS_OF.date()), {"python"}),
            (lambda it: put_days(it, id_of(it, 2), 1, 2, last=AS_OF.date()), {"stars", "python"}),
            (lambda it: write(it, note_change), {"stars", "python"}),
            (lambda it: write(it, drop("movers/stars/1h/percent")), {"stars"}),
            (lambda it: write(it, drop("lists")), {"stars", "python"}),
        ],
        ids=["poll", "doubt", "days of one", "days", "import", "kind of documents", "no index"],
    )
    def test_builds_a_list_anew_that_something_changed(
        self,
        database: Database,
        three_lists: Settings,
        change: Callable[[Database], object],
        anew: set[str],
    ) -> None:
        store_all(database, polled())
        builds.aggregate_lists(database, three_lists, BUILT)
        change(database)

        for minute in (1, 2):
            builds.aggregate_lists(database, three_lists, BUILT + minute * MINUTE)

        moments = {name: at for name, at in built(database).items() if name != "lists"}
        expected = {slug: BUILT + (slug in anew) * MINUTE for slug in ("stars", "python")}
        assert moments == {name: expected[slug] for slug in expected for name in names_of(slug)}
        entries = documents(database)["lists"]["items"]
        boards = documents(database)
        for entry in (entries[0], entries[2]):
            board = boards[f"lists/{entry['slug']}"]
            assert {name: board[name] for name in ("as_of", "count", "suspect")}.items() <= (
                entry.items()
            )
            assert f"{board['built_at'][:17]}" == f"{expected[entry['slug']]:%Y-%m-%dT%H:%M:}"

    def test_builds_all_anew_once_they_would_tell_of_another_next_build(
        self, database: Database, three_lists: Settings
    ) -> None:
        store_all(database, polled())
        builds.aggregate_lists(database, three_lists, BUILT)

        result = builds.aggregate_lists(database, three_lists, BUILT + 15 * MINUTE)

        assert result["unchanged"] == 0
        assert set(built(database).values()) == {BUILT + 15 * MINUTE}

    def test_never_replaces_a_newer_one(self, database: Database, settings: Settings) -> None:
        poll(database, StubGitHub(answer(board())))
        builds.aggregate_lists(database, settings, slot(2))
        before = documents(database)

        result = builds.aggregate_lists(database, settings, slot(1))

        assert result["outcome"] == "a newer build is out"
        assert documents(database) == before

    def test_of_nothing_publishes_nothing(self, database: Database, settings: Settings) -> None:
        result = builds.aggregate_lists(database, settings, BUILT)

        assert result == {"outcome": "no good poll yet"}
        assert documents(database) == {}

    def test_drops_the_documents_of_a_list_that_is_not_wanted_any_more(
        self, database: Database, make_settings: MakeSettings
    ) -> None:
        store_all(database, polled())
        builds.aggregate_lists(database, make_settings(lists=(STARS, PYTHON)), BUILT)

        builds.aggregate_lists(database, make_settings(lists=(PYTHON,)), BUILT + MINUTE)

        assert set(documents(database)) == {"lists"} | names_of("python")

    def test_drops_them_too_where_those_wanted_have_no_data_yet(
        self, database: Database, make_settings: MakeSettings
    ) -> None:
        store_all(database, polled())
        builds.aggregate_lists(database, make_settings(lists=(STARS,)), BUILT)

        builds.aggregate_lists(database, make_settings(lists=(FORKS,)), BUILT + MINUTE)

        assert documents(database) == {"lists": {"items": [expected_entry(FORKS, 0)]}}


def built(database: Database) -> dict[str, datetime]:
    """When each document was built."""
    with database.read() as session:
        rows = session.execute(select(Document.name, Document.built_at))
        return {name: at for name, at in rows}


def id_of(database: Database, github_id: int) -> int:
    with database.read() as session:
        return ids_by_github_id(session, [github_id])[github_id]


def write(database: Database, work: Callable[[Session], object]) -> None:
    with database.write() as session:
        work(session)


def drop(name: str) -> Callable[[Session], object]:
    """Have a document not be there, as one of a kind that an older version did not know."""
    return lambda session: session.execute(delete(Document).where(Document.name == name))


def assert_telling(stars: dict[str, Any]) -> None:
    """The data above has what it takes: gains of every kind, climbers, and windows without."""
    gains = [gain for item in stars["items"] for gain in item["gains"].values()]
    ranks = {gain["rank"] for gain in gains if gain}
    assert None in gains
    assert min(it for it in ranks if it is not None) < 0 < max(filter(None, ranks))
    assert {gain["since"] for gain in gains if gain} >= {
        "2026-03-10T11:10:00Z",
        "2026-03-09T12:20:00Z",
        "2026-03-03T11:50:00Z",
        "2026-02-08T12:00:00Z",
        "2025-03-09T23:50:00Z",
    }
