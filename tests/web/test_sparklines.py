"""Sparklines: their paths, and the readings that they are of."""

import pytest

from store import builds, readings
from store.database import Database
from tests.support.common import MakeSettings
from tests.support.github import StubGitHub, answer, poll, repo
from tests.support.served import BUILT, FORKS, NOON, STARS
from web import sparklines

pytestmark = pytest.mark.usefixtures("now")


class TestSpark:
    @pytest.mark.parametrize(
        ("values", "path"),
        [
            ([], ""),
            ([None, None, 3], ""),
            ([5], ""),
            ([0, 30, 90], "M0 30h0l1 -30"),
            ([0, 8, None, 60, 64], "M0 0h0M3 30h0"),
            ([100, 90, 100], "M0 60h0l1 -60"),  # what is lost lies under the ground
            ([3_000_000, 3_000_050], "M0 30h0"),  # half of what would fill it
            ([10, 20, 30], "M0 0h0l1 0"),
        ],
    )
    def test_is_a_path_with_gaps(self, values: list[int | None], path: str) -> None:
        assert sparklines.spark(values) == path


class TestDaily:
    def test_is_of_each_day_the_last_reading_with_gaps(
        self, database: Database, make_settings: MakeSettings
    ) -> None:
        for slot, stars in ((-450, 10), (-432, 11), (-150, 20), (-145, 21), (-144, 22), (0, 30)):
            poll(database, StubGitHub(answer([repo(1, stars=stars)])), slot)
        builds.aggregate_lists(database, make_settings(), BUILT)

        with database.read() as session:
            assert readings.daily(session, STARS, NOON, 5) == {1: [None, 11, None, 22, 30]}
            assert readings.daily(session, FORKS, NOON, 5) == {}
