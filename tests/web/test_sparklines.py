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
            ([None, None], ""),
            ([5], "M0 60h0"),
            ([0, 30, 60], "M0 60h0l1 -30l1 -30"),
            ([0, None, 60], "M0 60h0M2 0h0"),
            ([100, 90, 100], "M0 0h0l1 60l1 -60"),
            ([1_000_000, 1_000_500], "M0 60h0l1 -30"),  # half a thousandth
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
