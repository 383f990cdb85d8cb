"""A clock that runs ahead or behind, or is put right amid anything: nothing from the future wins,
and nothing stays frozen."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from flask import Response
from hypothesis import Phase, given, settings, strategies
from sqlalchemy import func, select

from core import clock, lists
from core.clock import DAY, HOUR, MINUTE
from github import polling
from local.fake_github.faults import FaultInjector
from local.fake_github.worlds import MadeUpWorld
from models import Event, Placement, Poll, Reading, Watched
from settings import Settings
from store import documents, readings, repositories
from store.database import Database, connect
from store.troubles import CLOCK, current_troubles
from tests.support.common import MakeSettings
from tests.support.simulation import Simulation

# Of the arithmetic, which is the same on Postgres; its SQL is tested there by others.
pytestmark = pytest.mark.sqlite

STARS, PYTHON = lists.KNOWN["stars"], lists.KNOWN["python"]
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EVERY = 10 * MINUTE
WORLD = MadeUpWorld(languages=["Python"])


class Stepping(FaultInjector):
    """The clock is stepped while GitHub answers."""

    here: Simulation
    skews: list[timedelta]

    def __call__(self, response: Response) -> Response:
        if self.skews:
            self.here.skew = self.skews.pop(0)
        return response


def installation(database: Database, configured: Settings) -> Simulation:
    faults = Stepping()
    here = Simulation(database, configured, WORLD, START, faults)
    faults.here, faults.skews = here, []
    return here


@pytest.fixture
def here(
    database: Database, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> Simulation:
    here = installation(database, make_settings(lists=(STARS, PYTHON)))
    monkeypatch.setattr(clock, "now", here.clock)
    return here


def run_slot(here: Simulation) -> None:
    """Poll and build in the slot that our clock takes for the current one."""
    slot = clock.floor(here.clock(), EVERY)
    for ranked in here.settings.lists:
        here.poll(ranked, slot)
    here.aggregate()


def next_slot(here: Simulation) -> datetime:
    """Go on to the next slot by the right clock."""
    here.now = clock.floor(here.now, EVERY) + EVERY
    return here.now


def as_of(here: Simulation, slug: str = "stars") -> datetime:
    board = here.board(slug)
    assert board is not None
    return clock.parse(board["as_of"])


def built_at(here: Simulation) -> datetime:
    with here.database.read() as session:
        build = documents.newest_build(session)
    assert build is not None
    return build.built_at


def newest(database: Database, column: Any) -> datetime | None:
    with database.read() as session:
        found: datetime | None = session.scalar(select(func.max(column)))
        return found


skews = strategies.one_of(
    strategies.just(timedelta()),
    strategies.timedeltas(-3 * DAY, 3 * DAY),
    strategies.timedeltas(-5 * MINUTE, 5 * MINUTE),
)
steps = strategies.tuples(skews, strategies.lists(skews, max_size=3))


@settings(max_examples=12, phases=[Phase.explicit, Phase.generate])
@given(course=strategies.lists(steps, min_size=1, max_size=4))
def test_once_the_clock_is_right_the_next_slot_is_polled_built_and_shown(
    course: list[tuple[timedelta, list[timedelta]]],
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        configured = Settings(
            database_url=f"sqlite:///{Path(folder)}/starboard.db", lists=(STARS, PYTHON)
        )
        with connect(configured) as database:
            database.upgrade()
            here = installation(database, configured)
            patch.setattr(clock, "now", here.clock)
            run_slot(here)
            for skew, amid in course:
                next_slot(here)
                here.skew = skew
                here.faults.skews = amid  # type: ignore[attr-defined]
                run_slot(here)
            here.skew, here.faults.skews = timedelta(), []  # type: ignore[attr-defined]
            next_slot(here)
            slot = next_slot(here)  # one slot may be lost

            run_slot(here)

            assert here.now < slot + EVERY  # nobody had to wait for the clock
            assert (as_of(here), as_of(here, "python")) == (slot, slot)
            assert here.now - built_at(here) < EVERY
            (shown, *_) = here.board("stars")["items"]  # type: ignore[index]
            (truth, *_) = WORLD.search(STARS, 0, slot)
            assert shown["full_name"] == truth.full_name
            assert newest(database, Poll.slot) == slot  # what was wrong is gone


def test_a_build_of_a_clock_that_ran_ahead_is_replaced_by_the_next(here: Simulation) -> None:
    here.skew = DAY
    run_slot(here)
    ahead = as_of(here)

    here.skew = timedelta()
    slot = next_slot(here)
    run_slot(here)

    assert ahead == START + DAY
    assert as_of(here) == slot


def test_what_it_left_is_deleted_once_github_confirms_our_clock(here: Simulation) -> None:
    run_slot(here)
    here.skew = 2 * HOUR
    next_slot(here)
    run_slot(here)

    here.skew = timedelta()
    slot = next_slot(here)
    run_slot(here)

    for table in (Poll, Placement, Reading, Event):
        assert (newest(here.database, table.slot) or slot) <= slot


def test_nothing_is_deleted_by_a_clock_that_is_behind(here: Simulation) -> None:
    run_slot(here)
    slot = as_of(here)

    here.skew = -30 * DAY
    here.now += EVERY
    run_slot(here)

    assert newest(here.database, Poll.slot) == slot
    assert newest(here.database, Reading.slot) == slot


def test_a_build_amid_which_the_clock_is_put_back_is_not_published(
    here: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_slot(here)
    before = built_at(here)

    here.aggregate(here.now + HOUR)

    assert built_at(here) == before


def test_a_poll_amid_which_the_clock_is_put_back_is_stored_under_no_slot_to_come(
    here: Simulation,
) -> None:
    here.skew = DAY
    here.faults.skews = [timedelta()]  # type: ignore[attr-defined]

    outcome = here.poll(STARS, START + DAY)

    assert outcome == "missed"
    assert newest(here.database, Poll.slot) is None


def test_a_name_and_profile_seen_by_a_clock_ahead_give_way(here: Simulation) -> None:
    here.skew = DAY
    run_slot(here)
    here.skew = timedelta()
    slot = next_slot(here)
    run_slot(here)
    name = WORLD.search(STARS, 0, here.now)[0].full_name

    with here.database.read() as session:
        found = repositories.repository(session, name, here.now)
        assert found is not None
        last = readings.newest_reading(session, found.standing.profile.id, here.now)
    assert last is not None and last.slot == slot


def test_a_watched_repository_is_asked_for_again_at_once(here: Simulation) -> None:
    name = WORLD.search(STARS, 0, START)[0].full_name
    for skew in (DAY, timedelta()):
        here.skew = skew
        slot = clock.floor(here.clock(), EVERY)
        with here.github() as github:
            result = polling.watch_repository(here.database, github, name, slot, EVERY, here.clock)
        assert result["outcome"] == "good"
    assert newest(here.database, Watched.fetched_at) == here.now


@pytest.mark.parametrize(
    ("skew", "told"),
    [
        (HOUR, "this machine's clock is 60 minutes ahead of GitHub's; set it right"),
        (-2 * HOUR, "this machine's clock is 120 minutes behind GitHub's; set it right"),
        (45 * clock.MINUTE / 60, None),
    ],
)
def test_a_clock_that_differs_from_githubs_is_a_trouble_until_it_is_right(
    here: Simulation, skew: timedelta, told: str | None
) -> None:
    def troubles() -> list[tuple[str, str]]:
        with here.database.read() as session:
            return [(row.name, row.why) for row in current_troubles(session, here.clock())]

    here.skew = skew
    run_slot(here)
    assert troubles() == ([(CLOCK, told)] if told else [])

    here.skew = timedelta()
    next_slot(here)
    run_slot(here)
    assert troubles() == []
