"""Which of several placements of a slot becomes the reading."""

import pytest

from core.lists import RankedList
from models import Reading
from store.database import Database
from tests.support.stored import FORKS, GO, MINUTE, NOON, PYTHON, STARS, put, readings, repo, slot


class TestReadings:
    def test_are_the_counts_of_good_places_that_were_not_kept(self, database: Database) -> None:
        put(database, repo(1), kept=[repo(2)])
        put(database, repo(1, stars=5), at=slot(1), doubt="incomplete")

        assert readings(database) == [(1, NOON, 999, 1)]

    def test_of_a_suspect_answer_come_with_the_good_one_of_its_slot(
        self, database: Database
    ) -> None:
        put(database, repo(1, stars=5), doubt="incomplete")

        put(database, repo(1, stars=6))

        assert readings(database) == [(1, NOON, 6, 1)]

    @pytest.mark.parametrize("order", [(STARS, GO, PYTHON), (PYTHON, GO, STARS)])
    def test_of_several_lists_in_a_slot_are_those_fetched_last(
        self, database: Database, order: tuple[RankedList, ...]
    ) -> None:
        fetched = {STARS: (NOON + MINUTE, 10), GO: (NOON + 3 * MINUTE, 30), PYTHON: (NOON, 20)}

        for ranked in order:
            fetched_at, stars = fetched[ranked]
            put(database, repo(1, stars=stars), ranked=ranked, fetched_at=fetched_at)

        assert readings(database) == [(1, NOON, 30, 1)]

    @pytest.mark.parametrize(
        ("winner", "other"), [(STARS, FORKS), (STARS, GO), (FORKS, GO), (GO, PYTHON)]
    )
    @pytest.mark.parametrize("winner_first", [True, False])
    def test_fetched_at_one_moment_are_those_of_stars_then_forks_then_the_first_slug(
        self, database: Database, winner: RankedList, other: RankedList, winner_first: bool
    ) -> None:
        for ranked in (winner, other) if winner_first else (other, winner):
            put(database, repo(1, stars=10 if ranked is winner else 20), ranked=ranked)

        assert readings(database) == [(1, NOON, 10, 1)]

    def test_are_settled_for_each_repository_and_slot_alone(self, database: Database) -> None:
        put(database, repo(1), repo(2), fetched_at=NOON + MINUTE)
        put(database, repo(1), at=slot(1))

        put(database, repo(2, stars=5), repo(3), ranked=PYTHON, fetched_at=NOON + 2 * MINUTE)

        assert readings(database) == [
            (1, slot(0), 999, 1),
            (1, slot(1), 999, 1),
            (2, slot(0), 5, 2),
            (3, slot(0), 997, 3),
        ]

    def test_give_way_to_a_live_one_where_they_are_of_no_list(self, database: Database) -> None:
        put(database, repo(1), at=slot(-1))
        with database.write() as session:
            session.add(
                Reading(repository_id=1, slot=NOON, stars=1, forks=1, open_issues=1, list_id=None)
            )

        put(database, repo(1))

        assert readings(database) == [(1, slot(-1), 999, 1), (1, NOON, 999, 1)]
