"""Lists that are made of readings: when they are ranked, and when there is nothing to tell."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core import list_names
from github import ranking
from github.errors import NotYet
from models import FAILED, GOOD, MISSED
from store.database import Database
from store.watched import store_watched
from tests.support.github import STARS, STEP, HandClock, ids, polls, repo, slot

MINE = replace(list_names.FOLLOWED, names=("Quiet/Harbor-1", "quiet/harbor-2"))
EARLY = timedelta(minutes=2)


def read(database: Database, number: int, *github_ids: int) -> None:
    with database.write() as session:
        for each in github_ids:
            found = repo(each)
            store_watched(session, found.full_name, slot(number), slot(number), found, None)


def rank(database: Database, number: int, after: timedelta = EARLY) -> dict[str, object]:
    return ranking.rank_list(database, MINE, slot(number), STEP, HandClock(slot(number) + after))


def test_one_that_was_not_read_yet_is_not_on_the_list_and_none_is_a_gap(database: Database) -> None:
    nothing = rank(database, 0)
    read(database, 0, 2)
    one = rank(database, 0)
    read(database, 1, 1, 2)
    again, both = rank(database, 0), rank(database, 1)

    assert nothing["why"] == "none of its repositories has been read yet"
    assert (one, both) == ({"outcome": GOOD, "rows": 1}, {"outcome": GOOD, "rows": 2})
    assert again == {"outcome": ranking.DONE_BEFORE}
    assert (ids(database, 0), ids(database, 1)) == ([2], [1, 2])


def test_where_nothing_is_read_any_more_the_last_list_stays_and_slots_are_gaps(
    database: Database,
) -> None:
    read(database, 0, 1, 2)

    outcomes = [rank(database, number)["outcome"] for number in range(4)]

    assert outcomes == [
        GOOD,
        GOOD,
        FAILED,
        FAILED,
    ]  # what was read in slot 0 may be later than its poll
    assert polls(database)[-1][2].startswith("none of its repositories has been read since 2026-")


def test_a_slot_that_is_over_is_missed(database: Database) -> None:
    read(database, 0, 1, 2)

    assert rank(database, 0, after=STEP)["outcome"] == MISSED


def test_that_nobody_follows_anything_is_a_list_without_anybody(database: Database) -> None:
    nobody = replace(list_names.FOLLOWED, names=())

    result = ranking.rank_list(database, nobody, slot(0), STEP, HandClock(slot(0)))

    assert result == {"outcome": GOOD, "rows": 0}


def test_a_list_waits_for_the_readings_of_its_slot_but_not_to_its_end(database: Database) -> None:
    def wait(after: timedelta, ranked: list_names.RankedList = MINE) -> None:
        ranking.wait_for_readings(database, ranked, slot(1), STEP, HandClock(slot(1) + after))

    read(database, 0, 1, 2)
    read(database, 1, 1)

    with pytest.raises(NotYet) as early:
        wait(EARLY)
    assert early.value.until == slot(1) + EARLY + timedelta(seconds=30)
    wait(STEP * 0.8)
    wait(EARLY, STARS)
    read(database, 1, 2)
    wait(EARLY)
