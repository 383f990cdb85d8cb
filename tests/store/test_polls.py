"""Polls and gaps as they are stored, and what is known of them afterwards."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from core.plausibility import KnownMember
from models import FAILED, GOOD, MISSED, SUSPECT, Poll
from store.database import Database
from store.polls import (
    PollContext,
    PollRecord,
    first_and_last_good,
    poll_context,
    polls_since,
)
from tests.support.stored import FORKS, MINUTE, NOON, PYTHON, STARS, gap, put, repo, rows, slot


def polls(database: Database) -> list[tuple[Any, ...]]:
    columns = (Poll.slot, Poll.outcome, Poll.fetched_at, Poll.rows, Poll.error)
    with database.read() as session:
        return [tuple(row) for row in session.execute(select(*columns).order_by(Poll.slot))]


def placements(database: Database) -> list[tuple[Any, ...]]:
    return rows(
        database,
        "SELECT rank, full_name, stars, forks, open_issues, kept FROM placement "
        "JOIN repository ON repository.id = repository_id ORDER BY list_id, slot, rank",
    )


class TestAPoll:
    def test_is_kept_with_its_places_and_their_counts_in_order(self, database: Database) -> None:
        stored = put(database, repo(1), repo(2, open_issues=7), kept=[repo(3)])

        assert stored
        assert polls(database) == [(NOON, GOOD, NOON + MINUTE, 3, None)]
        assert placements(database) == [
            (1, "Quiet/Harbor-1", 999, 1, 3, 0),
            (2, "Quiet/Harbor-2", 998, 2, 7, 0),
            (3, "Quiet/Harbor-3", 997, 3, 3, 1),
        ]

    @pytest.mark.parametrize("doubt", [None, "incomplete"])
    def test_that_is_good_is_the_last_word_of_its_slot(
        self, database: Database, doubt: str | None
    ) -> None:
        put(database, repo(1))
        tables = ("poll", "placement", "reading", "repository")
        before = [rows(database, f"SELECT * FROM {table}") for table in tables]

        stored = put(database, repo(1, stars=5), repo(2), fetched_at=slot(1), doubt=doubt)

        assert not stored
        assert [rows(database, f"SELECT * FROM {table}") for table in tables] == before

    def test_that_is_good_replaces_a_suspect_one_of_its_slot(self, database: Database) -> None:
        put(database, repo(1), repo(2), doubt="3 repositories vanished at once")

        stored = put(database, repo(3), fetched_at=NOON + 2 * MINUTE)

        assert stored
        assert polls(database) == [(NOON, GOOD, NOON + 2 * MINUTE, 1, None)]
        assert placements(database) == [(1, "Quiet/Harbor-3", 997, 3, 3, 0)]

    def test_that_is_suspect_replaces_another_suspect_one(self, database: Database) -> None:
        put(database, repo(1), doubt="one")

        put(database, repo(2), doubt="other", fetched_at=NOON + 2 * MINUTE)

        assert polls(database) == [(NOON, SUSPECT, NOON + 2 * MINUTE, 1, "other")]
        assert placements(database) == [(1, "Quiet/Harbor-2", 998, 2, 3, 0)]

    def test_that_is_good_replaces_a_failed_one(self, database: Database) -> None:
        gap(database, FAILED, "no answer")

        put(database, repo(1), fetched_at=NOON + 2 * MINUTE)

        assert polls(database) == [(NOON, GOOD, NOON + 2 * MINUTE, 1, None)]

    def test_of_an_empty_list_is_a_good_one(self, database: Database) -> None:
        stored = put(database)

        assert stored
        assert polls(database) == [(NOON, GOOD, NOON + MINUTE, 0, None)]

    def test_replaces_none_of_another_slot_or_list(self, database: Database) -> None:
        put(database, repo(1), doubt="incomplete")
        put(database, repo(2), doubt="incomplete", ranked=PYTHON)

        put(database, repo(3), at=slot(1))

        names = [row[1] for row in placements(database)]
        assert names == ["Quiet/Harbor-1", "Quiet/Harbor-3", "Quiet/Harbor-2"]


class TestAGap:
    def test_is_kept_with_its_reason(self, database: Database) -> None:
        gap(database, FAILED, "no answer")

        assert polls(database) == [(NOON, FAILED, NOON + MINUTE, 0, "no answer")]

    def test_says_what_failed_last(self, database: Database) -> None:
        gap(database, FAILED, "no answer")

        gap(database, FAILED, "slow down", noted_at=NOON + 2 * MINUTE)

        assert polls(database) == [(NOON, FAILED, NOON + 2 * MINUTE, 0, "slow down")]

    @pytest.mark.parametrize("doubt", [None, "incomplete"])
    def test_takes_nothing_away_that_came_before(
        self, database: Database, doubt: str | None
    ) -> None:
        put(database, repo(1), doubt=doubt)
        before = polls(database)

        gap(database, FAILED, "no answer", noted_at=NOON + 2 * MINUTE)

        assert polls(database) == before
        assert len(placements(database)) == 1

    def test_keeps_the_reason_of_the_failure_when_the_slot_is_over(
        self, database: Database
    ) -> None:
        gap(database, FAILED, "api.github.com cannot be reached")

        gap(database, MISSED, "no poll succeeded within the slot", noted_at=slot(1))

        assert [row[4] for row in polls(database)] == ["api.github.com cannot be reached"]


def before(database: Database, at: datetime) -> PollContext:
    with database.read() as session:
        return poll_context(session, STARS, at)


class TestBeforeAPoll:
    def test_nothing_is_known_of_a_new_list(self, database: Database) -> None:
        put(database, repo(1), ranked=PYTHON, at=slot(-1))

        assert before(database, NOON) == PollContext(done=False, last_good=[], suspects=[])

    def test_the_last_good_list_is_known_in_order_with_its_own_counts(
        self, database: Database
    ) -> None:
        put(database, repo(9), at=slot(-2))
        put(database, repo(2), repo(1), at=slot(-1))
        put(database, repo(1, stars=7), ranked=PYTHON, at=slot(-1), fetched_at=NOON)
        gap(database)
        put(database, repo(8), at=slot(1))

        found = before(database, slot(1))

        assert found.last_good == [KnownMember(repo(2)), KnownMember(repo(1))]

    @pytest.mark.parametrize(
        ("doubt", "done"), [(None, True), ("incomplete", False)], ids=["good", "suspect"]
    )
    def test_the_slot_is_done_once_it_has_a_good_poll(
        self, database: Database, doubt: str | None, done: bool
    ) -> None:
        put(database, repo(1), doubt=doubt)

        found = before(database, NOON)

        assert found == PollContext(done=done, last_good=[], suspects=[])

    def test_the_slot_is_not_done_by_a_failure(self, database: Database) -> None:
        gap(database)

        assert not before(database, NOON).done

    @pytest.mark.parametrize(
        ("kept", "kept_for"),
        [
            ([False], 0),
            ([True], 1),
            ([True, False], 0),
            ([False, True], 1),
            ([True, True], 2),
            ([False, True, True], 2),
        ],
    )
    def test_it_is_known_for_how_many_good_polls_a_place_was_kept(
        self, database: Database, kept: list[bool], kept_for: int
    ) -> None:
        for number, flag in enumerate(kept):
            put(
                database,
                *[] if flag else [repo(1)],
                kept=[repo(1)] if flag else [],
                at=slot(number),
            )
        gap(database, at=slot(len(kept)))

        found = before(database, slot(len(kept) + 1))

        assert found.last_good == [KnownMember(repo(1), kept_for)]

    @pytest.mark.parametrize(
        ("outcomes", "suspects"),
        [
            ([SUSPECT], [{1}]),
            ([SUSPECT, SUSPECT], [{2}, {1}]),
            ([SUSPECT, SUSPECT, SUSPECT], [{3}, {2}]),
            ([SUSPECT, GOOD], []),
            ([SUSPECT, GOOD, SUSPECT], [{3}]),
            ([SUSPECT, FAILED, SUSPECT, FAILED], [{3}, {1}]),
        ],
    )
    def test_the_suspect_answers_since_the_last_good_one_are_known_newest_first(
        self, database: Database, outcomes: list[str], suspects: list[set[int]]
    ) -> None:
        for number, outcome in enumerate(outcomes):
            if outcome == FAILED:
                gap(database, at=slot(number))
            else:
                doubt = "incomplete" if outcome == SUSPECT else None
                put(database, repo(number + 1), at=slot(number), doubt=doubt)

        found = before(database, slot(len(outcomes)))

        assert found.suspects == [frozenset(ids) for ids in suspects]


class TestForTheStatus:
    def test_the_first_poll_of_any_kind_and_the_newest_good_one_are_found(
        self, database: Database
    ) -> None:
        gap(database, at=slot(0))
        put(database, repo(1), at=slot(1))
        put(database, repo(1), at=slot(2))
        put(database, repo(1), at=slot(3), doubt="incomplete")
        put(database, repo(1), at=slot(9), ranked=PYTHON)

        with database.read() as session:
            found = first_and_last_good(session, STARS)
            none = first_and_last_good(session, FORKS)

        assert found == (slot(0), PollRecord(slot(2), GOOD, slot(2) + MINUTE, None))
        assert none == (None, None)

    def test_polls_since_a_slot_come_oldest_first(self, database: Database) -> None:
        put(database, repo(1), at=slot(2), doubt="incomplete")
        put(database, repo(1), at=slot(0))
        put(database, repo(1), at=slot(1))
        put(database, repo(1), at=slot(1), ranked=PYTHON)

        with database.read() as session:
            found = polls_since(session, STARS, slot(1))

        assert found == [
            PollRecord(slot(1), GOOD, slot(1) + MINUTE, None),
            PollRecord(slot(2), SUSPECT, slot(2) + MINUTE, "incomplete"),
        ]
