"""The last good poll of a list, with all that a build needs of it."""

from dataclasses import replace
from datetime import datetime

import pytest

from core.changes import ListThen, Place
from core.clock import HOUR
from core.windows import Baselines, Counts, RankedRepository, Snapshot
from store.database import Database
from store.snapshots import snapshot
from tests.support.stored import FORKS, MINUTE, NOON, PYTHON, STARS, profile, put, repo, slot


class TestSnapshot:
    def test_there_is_none_before_a_good_poll(self, database: Database) -> None:
        put(database, repo(1), doubt="incomplete")
        put(database, repo(1), ranked=PYTHON)

        with database.read() as session:
            assert snapshot(session, STARS) is None
            assert snapshot(session, FORKS) is None

    def test_is_the_last_good_poll_with_what_gains_are_told_against(
        self, database: Database
    ) -> None:
        put(database, repo(1), repo(2), at=NOON - HOUR)
        put(database, repo(2, stars=2_000), kept=[repo(1)])

        with database.read() as session:
            found = snapshot(session, STARS)

        hour_ago = NOON - HOUR
        assert found is not None
        assert found.then["1h"] == ListThen(
            hour_ago,
            hour_ago,
            [Place(1, "Quiet/Harbor-1", 1, 999), Place(2, "Quiet/Harbor-2", 2, 998)],
        )
        assert found.then["7d"] == ListThen(None, hour_ago, [])
        assert replace(found, then={}) == Snapshot(
            STARS,
            as_of=NOON,
            fetched_at=NOON + MINUTE,
            suspect=False,
            standings=[
                RankedRepository(1, profile(2), Counts(NOON, 2_000, 2, 3)),
                RankedRepository(2, profile(1), Counts(NOON, 999, 1, 3)),
            ],
            history=Baselines(
                baselines={
                    ("1h", 1): Counts(hour_ago, 999, 1, 3),
                    ("1h", 2): Counts(hour_ago, 998, 2, 3),
                },
                ranks={("1h", 1): 1, ("1h", 2): 2},
            ),
        )

    @pytest.mark.parametrize(
        ("suspect_at", "suspect"), [(slot(-1), False), (slot(1), True)], ids=["older", "newer"]
    )
    def test_is_suspect_while_a_suspect_poll_is_newer(
        self, database: Database, suspect_at: datetime, suspect: bool
    ) -> None:
        put(database, repo(1))
        put(database, repo(2), at=suspect_at, doubt="incomplete")

        with database.read() as session:
            found = snapshot(session, STARS)

        assert found is not None
        names = [it.profile.full_name for it in found.standings]
        assert (found.as_of, names, found.suspect) == (NOON, ["Quiet/Harbor-1"], suspect)
