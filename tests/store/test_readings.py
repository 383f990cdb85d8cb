"""Which of several placements of a slot becomes the reading; readings as series."""

from random import Random

import pytest

from core import clock
from core.clock import DAY
from core.lists import RankedList
from models import Reading
from store.database import Database, insert_rows
from store.readings import series
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


@pytest.mark.parametrize("days", [2, 3, 30])
def test_a_coarse_series_has_the_last_of_each_step_of_a_fine_one(
    database: Database, days: int
) -> None:
    """What stands for several slots, also from before the start, and across many steps, too."""
    chance, at, spans = Random(days), int(slot(0).timestamp()), []
    put(database, repo(1), at=slot(-1_000_000))
    for number in range(300):
        at += chance.choice((600, 3600, 86_400))
        until = at + 3600 * chance.choice((1, 30, 900)) if chance.random() < 0.1 else None
        spans.append((1, at, number, number, None, until))
        at = until or at
    columns = ("repository_id", "slot", "stars", "forks", "open_issues", "seen_until")
    with database.write() as session:
        insert_rows(session, Reading, columns, spans)
    start, end, step = slot(700), slot(0) + 100 * DAY, days * DAY

    with database.read() as session:
        fine = series(session, 1, start, end, 10 * MINUTE)
        coarse = series(session, 1, start, end, step)

    assert len(coarse) > 3
    assert coarse == list({clock.ceil(clock.parse(it["at"]), step): it for it in fine}.values())
