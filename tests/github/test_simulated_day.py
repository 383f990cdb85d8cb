"""A simulated day of polling the archive's files, of which a fifth of GitHub's answers is damaged:
it ends with the documents of an undisturbed day, declared gaps apart."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core import clock, lists
from core.windows import WINDOWS
from local.fake_github.archive_world import ArchiveWorld
from local.fake_github.faults import FaultInjector
from settings import Settings
from store.database import connect
from tests.support.common import SHARED
from tests.support.simulation import Simulation

FOLDER = SHARED / "data" / "github-ranking"
SLUGS = ("stars", "forks", "python")
START = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
EVERY = timedelta(minutes=20)
SLOTS = [START + number * EVERY for number in range(24 * 3)]


def day_at(moment: datetime) -> date:
    """A file every half hour: the two months pass within the day."""
    return date(2025, 1, 8) + (moment - START) // timedelta(minutes=30) * timedelta(days=1)


def live_through_a_day(folder: Path, rate: float) -> Simulation:
    settings = Settings(
        database_url=f"sqlite:///{folder}/starboard.db",
        github_api_url="http://github.test",
        lists=tuple(lists.KNOWN[slug] for slug in SLUGS),
        poll_every=EVERY,
    )
    database = connect(settings)
    database.upgrade()
    world = ArchiveWorld(FOLDER, day_at)
    here = Simulation(database, settings, world, START, faults=FaultInjector(7, rate))
    for slot in SLOTS[:-1]:
        here.poll_all(slot)
        if (slot - START) % (6 * clock.HOUR) == timedelta(0):
            here.aggregate()
    here.faults.rate = 0
    here.poll_all(SLOTS[-1])
    here.aggregate()
    return here


@pytest.mark.skipif(not FOLDER.exists(), reason="no slice of the real archive beside the checkout")
def test_a_day_with_a_fifth_of_all_answers_damaged_ends_like_an_undisturbed_one(
    tmp_path: Path,
) -> None:
    (tmp_path / "calm").mkdir()
    (tmp_path / "wild").mkdir()

    calm = live_through_a_day(tmp_path / "calm", rate=0)
    wild = live_through_a_day(tmp_path / "wild", rate=0.2)

    assert len(wild.faults.done) > 40
    assert set(calm.outcomes.values()) == {"good"}
    gaps = {slot for (_, slot), outcome in wild.outcomes.items() if outcome != "good"}
    assert gaps != set()
    for slug in SLUGS:
        expected, found = calm.board(slug), wild.board(slug)
        assert expected is not None and found is not None
        assert found["as_of"] == expected["as_of"]
        for one, other in zip(expected["items"], found["items"], strict=True):
            assert _without_gains(one) == _without_gains(other)
            for window in WINDOWS:
                _same_gain(one, other, window.name, gaps)


def _without_gains(item: Any) -> Any:
    return {name: value for name, value in item.items() if name != "gains"}


def _same_gain(one: Any, other: Any, window: str, gaps: set[datetime]) -> None:
    """Equal, or told against an earlier reading since that of the calm day fell into a gap."""
    expected, found = one["gains"][window], other["gains"][window]
    if expected != found:
        assert expected is not None, (one["full_name"], window)
        assert clock.parse(expected["since"]) in gaps, (one["full_name"], window)
        assert found is None or found["since"] < expected["since"]
