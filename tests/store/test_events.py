"""What changed between two polls: told once, in order, and only where it is certain."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from core import events, lists
from core.clock import DAY
from core.events import changes, milestones
from core.lists import RankedList
from core.plausibility import Member
from core.repository import GitHubRepository
from github.errors import GitHubError, Unreachable
from models import Placement, Poll, Reading
from store import builds
from store.database import Database, insert_rows
from store.events import events_of
from store.polls import polls_since, store_poll
from tests.support.github import StubGitHub, answer, board, poll, repo, slot

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STARS, FORKS, PYTHON = (lists.KNOWN[slug] for slug in ("stars", "forks", "python"))


def star(github_id: int, stars: int, **changes: Any) -> GitHubRepository:
    return repo(github_id, full_name=f"o/r{github_id}", stars=stars, **changes)


def places(*counts: tuple[int, int], kept: Sequence[int] = ()) -> list[Member]:
    """Places of repositories by (id, stars), in order."""
    return [Member(star(github_id, stars), github_id in kept) for github_id, stars in counts]


def told(before: list[Member], now: list[Member], ranked: RankedList = STARS) -> list[Any]:
    return [(it.kind, it.repository.github_id, it.detail) for it in changes(before, now, ranked)]


# Milestones


@pytest.mark.parametrize(
    ("before", "now", "reached"),
    [
        (9_998, 9_999, []),
        (9_999, 10_000, [10_000]),
        (10_000, 10_001, []),
        (0, 10_000, [10_000]),
        (9_999, 30_500, [10_000, 20_000, 30_000]),
        (89_000, 99_999, [90_000]),
        (89_999, 100_000, [90_000, 100_000]),
        (99_999, 100_000, [100_000]),
        (100_000, 149_999, []),
        (100_000, 150_000, [150_000]),
        (109_999, 110_001, []),
        (99_000, 260_000, [100_000, 150_000, 200_000, 250_000]),
        (20_000, 9_000, []),
        (400_000, 400_000, []),
    ],
)
def test_milestones_are_10000s_below_100000_and_50000s_from_there(
    before: int, now: int, reached: list[int]
) -> None:
    assert list(milestones(before, now)) == reached


# From one poll to the next


def test_the_same_list_again_is_no_news() -> None:
    same = places((1, 500), (2, 500), (3, 7))

    assert told(same, same) == []


def test_entering_and_leaving_are_told_with_the_rank_now_and_as_it_was() -> None:
    before, now = places((1, 500), (2, 400)), places((3, 600), (1, 500))

    assert told(before, now) == [("entered", 3, {"rank": 1}), ("left", 2, {"rank": 2})]


@pytest.mark.parametrize(
    ("before", "now", "news"),
    [
        (((1, 500), (2, 400)), ((2, 600), (1, 500)), True),
        (((1, 500), (2, 500)), ((2, 501), (1, 500)), True),
        (((2, 500), (1, 500)), ((2, 501), (1, 500)), True),
        (((1, 500), (2, 400)), ((2, 500), (1, 500)), False),
        (((1, 500), (2, 500)), ((2, 500), (1, 500)), False),
        (((1, 500), (2, 400)), ((1, 500), (2, 450)), False),
    ],
)
def test_overtaking_needs_more_than_one_who_had_no_less(
    before: tuple[tuple[int, int], ...], now: tuple[tuple[int, int], ...], news: bool
) -> None:
    expected = [("overtook", 2, {"rank": 1, "overtaken": "o/r1"})] if news else []

    assert told(places(*before), places(*now)) == expected


def test_one_who_passes_several_overtakes_each() -> None:
    before, now = places((1, 500), (2, 400), (3, 300)), places((3, 600), (1, 500), (2, 400))

    found = told(before, now)

    assert [detail["overtaken"] for _, _, detail in found] == ["o/r1", "o/r2"]


def test_overtaking_on_the_list_forks_goes_by_forks() -> None:
    before = [Member(star(1, 500, forks=9)), Member(star(2, 900, forks=5))]
    now = [Member(star(2, 900, forks=10)), Member(star(1, 990, forks=9))]

    assert told(before, now, FORKS) == [("overtook", 2, {"rank": 1, "overtaken": "o/r1"})]


@pytest.mark.parametrize(("last", "news"), [(20, 1), (21, 0)])
def test_overtaking_is_news_among_the_first_20_of_both_polls(last: int, news: int) -> None:
    before = places(*((number, 1_000 - number) for number in range(1, last + 1)))
    swapped = [*before[: last - 2], Member(star(last, 1_002 - last)), before[last - 2]]

    found = told(before, swapped)

    assert len(found) == news


@pytest.mark.parametrize(("then", "now"), [((1,), ()), ((), (1,)), ((2,), ()), ((), (2,))])
def test_nothing_is_told_from_the_counts_of_those_kept(
    then: tuple[int, ...], now: tuple[int, ...]
) -> None:
    before = places((1, 500), (2, 400), kept=then)
    after = places((2, 20_000), (1, 500), kept=now)

    assert [it for it in told(before, after) if it[0] == "overtook"] == []


# As stored


def put(
    database: Database,
    number: int,
    *repositories: GitHubRepository,
    ranked: RankedList = STARS,
    doubt: str | None = None,
    kept: Sequence[int] = (),
) -> None:
    """Store a poll for the slot of that number; of those kept, by id, GitHub said nothing."""
    there = [Member(it, it.github_id in kept) for it in repositories]
    with database.write() as session:
        store_poll(session, ranked, slot(number), slot(number) + MINUTE, there, doubt)


def stored(database: Database, ranked: RankedList | None = None) -> list[tuple[Any, ...]]:
    with database.read() as session:
        found = events_of(session, 1_000, ranked=ranked)
    return [((it.slot - NOON) // (10 * MINUTE), it.slug, it.kind, it.full_name) for it in found]


def imported(database: Database, at: datetime, repository_id: int, stars: int) -> None:
    """What the archive said of a list of one on a day."""
    seconds = int(at.timestamp())
    counts = (repository_id, stars, 0, 0)
    columns = ("repository_id", "stars", "forks", "open_issues")
    with database.write() as session:
        polls = [(1, seconds, "imported", 1000 * seconds, 1)]
        insert_rows(session, Poll, ("list_id", "slot", "outcome", "fetched_at", "rows"), polls)
        placed = [(1, seconds, 1, *counts, False)]
        insert_rows(
            session, Placement, ("list_id", "slot", "rank", *columns, "carried_over"), placed
        )
        insert_rows(
            session,
            Reading,
            (columns[0], "slot", *columns[1:]),
            [(*counts[:1], seconds, *counts[1:])],
        )


class TestStored:
    def test_are_those_of_consecutive_good_polls_with_suspect_and_failed_ones_between(
        self, database: Database
    ) -> None:
        put(database, 0, star(1, 500), star(2, 400))
        put(database, 1, star(3, 900), doubt="incomplete")
        with pytest.raises(GitHubError):
            poll(database, StubGitHub(Unreachable("refused")), 2)

        put(database, 3, star(2, 501), star(1, 500))

        assert stored(database) == [(3, "stars", "overtook", "o/r2")]

    def test_are_none_of_a_first_poll_a_suspect_one_or_one_done_before(
        self, database: Database
    ) -> None:
        put(database, 0, star(1, 500), star(2, 400))
        put(database, 0, star(3, 500))
        put(database, 1, star(3, 500), doubt="incomplete")
        put(database, 0, star(2, 900), star(1, 500))

        assert stored(database) == []

    def test_are_told_once_where_a_good_poll_replaces_a_suspect_one(
        self, database: Database
    ) -> None:
        put(database, 0, star(1, 500))
        put(database, 1, star(2, 500), star(3, 400), doubt="incomplete")
        put(database, 1, star(1, 500), star(2, 400))
        put(database, 1, star(1, 500), star(3, 400))

        assert stored(database) == [(1, "stars", "entered", "o/r2")]

    def test_are_none_of_a_poll_stored_after_a_later_one(self, database: Database) -> None:
        put(database, 0, star(1, 500), star(2, 400))
        put(database, 2, star(2, 600), star(1, 500))
        before = stored(database)

        put(database, 1, star(3, 700), star(1, 500))

        assert before == stored(database) == [(2, "stars", "overtook", "o/r2")]

    def test_are_none_from_imports(self, database: Database) -> None:
        put(database, 0, star(1, 9_000))
        imported(database, NOON - 2 * DAY, 1, 8_000)
        imported(database, NOON - DAY, 1, 12_000)

        assert stored(database) == []

    def test_do_not_compare_a_first_live_poll_with_an_imported_one(
        self, database: Database
    ) -> None:
        put(database, 0, star(1, 9_000), doubt="incomplete")
        imported(database, NOON - DAY, 1, 8_000)

        put(database, 1, star(2, 9_500), star(1, 9_400))

        assert stored(database) == []

    def test_go_with_their_poll_where_its_transaction_fails(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(database, 0, star(1, 9_000))
        found = list(changes(places((1, 9_000)), places((2, 9_500)), STARS))
        broken = iter([found[0]])
        monkeypatch.setattr(events, "changes", lambda *_: (next(broken) for _ in range(2)))

        with pytest.raises(RuntimeError):
            put(database, 1, star(2, 9_500))

        with database.read() as session:
            polled = polls_since(session, STARS, NOON)
        assert (stored(database), len(polled)) == ([], 1)

    def test_have_left_once_github_confirms_it_and_not_while_it_cannot_be_asked(
        self, database: Database
    ) -> None:
        poll(database, StubGitHub(answer(board())))
        gone = StubGitHub(answer(board(99, without=[7])))
        silent = replace(gone, repositories={"Quiet/Harbor-7": Unreachable("refused")})

        poll(database, silent, 1)
        unconfirmed = stored(database)
        poll(database, gone, 2)

        kinds = [it for it in stored(database) if it[2] == "left"]
        assert [it for it in unconfirmed if it[2] == "left"] == []
        assert kinds == [(2, "stars", "left", "Quiet/Harbor-7")]


class TestAMilestone:
    def test_is_told_once_whichever_list_sees_it(self, database: Database) -> None:
        for number, stars in enumerate((9_990, 10_010, 10_020)):
            put(database, number, star(1, stars), ranked=PYTHON)
            put(database, number, star(1, stars))

        assert stored(database) == [(1, "python", "milestone", "o/r1")]

    def test_is_told_by_a_list_that_sees_it_a_slot_later(self, database: Database) -> None:
        put(database, 0, star(1, 9_990))
        put(database, 0, star(1, 9_990), ranked=FORKS)
        put(database, 1, star(1, 9_999), ranked=FORKS)

        put(database, 2, star(1, 10_000), ranked=FORKS)
        put(database, 2, star(1, 10_000))

        assert stored(database) == [(2, "forks", "milestone", "o/r1")]

    def test_is_not_told_again_when_it_is_crossed_again(self, database: Database) -> None:
        for number, stars in enumerate((9_990, 10_010, 9_980, 10_020, 20_500)):
            put(database, number, star(1, stars))

        with database.read() as session:
            found = events_of(session, 10)
        assert [(it.slot, it.detail) for it in found] == [
            (slot(1), {"stars": 10_000}),
            (slot(4), {"stars": 20_000}),
        ]

    def test_is_not_told_where_an_imported_day_had_it(self, database: Database) -> None:
        put(database, 0, star(1, 9_990))
        imported(database, NOON - 300 * DAY, 1, 10_001)

        put(database, 1, star(1, 10_002))

        assert stored(database) == []

    def test_is_told_though_the_poll_before_it_is_stored_later(self, database: Database) -> None:
        put(database, 0, star(1, 9_990))
        put(database, 2, star(1, 10_010))

        put(database, 1, star(1, 10_005))

        assert stored(database) == [(2, "stars", "milestone", "o/r1")]

    def test_that_was_reached_while_github_could_not_be_asked_is_told_afterwards(
        self, database: Database
    ) -> None:
        put(database, 0, star(1, 9_990))
        put(database, 1, star(1, 9_990), kept=[1])
        put(database, 2, star(1, 10_010))
        put(database, 3, star(1, 10_020))

        assert [it[2] for it in stored(database)] == ["milestone"]


class TestPages:
    def test_begin_after_a_cursor_and_are_in_order(self, database: Database) -> None:
        for number in range(1, 8):
            put(database, number, star(1, 500), star(number + 1, 400))
        with database.read() as session:
            everything = events_of(session, 1_000)
            found, after = [], 0
            while page := events_of(session, 5, after=after):
                found += page
                after = page[-1].cursor

        assert found == everything
        assert len(found) == 12
        assert all(one.cursor < other.cursor for one, other in pairwise(found))

    def test_of_a_list_have_its_events_alone(self, database: Database) -> None:
        for ranked in (STARS, PYTHON):
            put(database, 0, star(1, 500), ranked=ranked)
            put(database, 1, star(1, 500), star(2, 400), ranked=ranked)

        assert [it[1] for it in stored(database, PYTHON)] == ["python"]
        assert stored(database, FORKS) == []

    def test_follow_a_rename(self, database: Database) -> None:
        put(database, 0, star(1, 500))
        put(database, 1, star(1, 500), star(2, 400))
        put(database, 2, star(1, 500), replace(star(2, 400), full_name="new/name"))

        assert stored(database) == [(1, "stars", "entered", "new/name")]


def test_the_document_build_leaves_events_alone(database: Database, settings: Any) -> None:
    put(database, 0, star(1, 500))
    put(database, 1, star(2, 500))
    before = stored(database)

    for minutes in (1, 2):
        builds.aggregate_lists(database, settings, slot(2) + minutes * MINUTE)

    assert stored(database) == before
    assert len(before) == 2
