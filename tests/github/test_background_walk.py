"""Star histories of listed repositories are read though nobody asks, from what others leave."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from core import clock, lists
from core.clock import DAY, HOUR, MINUTE
from core.star_history import Week, day_of
from github.background_walk import walk_on
from github.history_walk import NO_HISTORY
from local.fake_github import api
from local.fake_github.worlds import MadeUpWorld
from models import Reading, StarHistory
from store import follows, star_histories, troubles, unread_histories
from store.database import Database
from tests.support.common import MakeSettings
from tests.support.simulation import Simulation

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WORLD = MadeUpWorld(languages=["Python", "Rust"])
TOKEN = "ghp_0123456789abcdef"
LISTS = tuple(lists.KNOWN[slug] for slug in ("python", "stars", "forks"))


def polled(database: Database, make_settings: MakeSettings, **changes: Any) -> Simulation:
    settings = make_settings(**{"lists": LISTS, "github_token": TOKEN, **changes})
    here = Simulation(database, settings, WORLD, START)
    here.poll_all(START)
    here.aggregate()
    return here


@pytest.fixture
def here(database: Database, make_settings: MakeSettings) -> Simulation:
    return polled(database, make_settings)


def walk(here: Simulation, is_over: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    with here.github() as github:
        return walk_on(here.database, github, here.settings, is_over, here.clock)


def read(here: Simulation, most: int) -> list[tuple[str, str]]:
    """The pages of walks that read some in all, each with its repository."""
    before = len(here.requests)
    with here.github() as github:
        while True:
            done = walk_on(
                here.database,
                github,
                here.settings,
                lambda: len(asked(here, before)) == most,
                here.clock,
            )
            if done["outcome"] != "no request to spare":
                return asked(here, before)
            here.now += MINUTE


def asked(here: Simulation, since: int = 0) -> list[tuple[str, str]]:
    found = [it for it in here.requests[since:] if "stargazers" in it.path]
    return [(it.path.split("/")[2], it.query.rpartition("=")[2]) for it in found]


def listed(slug: str) -> list[str]:
    return [str(it.github_id) for it in WORLD.search(lists.KNOWN[slug], 0, START)[: lists.SIZE]]


def test_page_one_of_each_comes_first_by_list_and_rank_then_page_two(here: Simulation) -> None:
    order = list(dict.fromkeys(id for slug in ("stars", "forks", "python") for id in listed(slug)))

    found = []
    with here.database.write() as session:
        while len(found) < len(order) + 5:
            chosen = unread_histories.next_unread(session, here.now)
            assert chosen is not None
            found.append((str(chosen.github_id), chosen.page))
            row = session.get(StarHistory, chosen.repository_id)
            row = row or StarHistory(repository_id=chosen.repository_id, read_at=here.now)
            row.pages_read, row.pages = chosen.page, 9
            session.add(row)
            session.flush()

    assert found == [*((it, 1) for it in order), *((it, 2) for it in order[:5])]


def test_the_rest_follows_and_ends(database: Database, make_settings: MakeSettings) -> None:
    here = polled(database, make_settings, lists=(lists.KNOWN["stars"],))
    with database.write() as session:  # all but three are told already
        for number in range(4, lists.SIZE + 1):
            session.add(StarHistory(repository_id=number, pages_read=1, pages=1, read_at=START))

    found = read(here, 10_000)

    assert len(found) == len(set(found))  # no page twice
    assert [page for _, page in found[:6]] == ["1"] * 3 + ["2"] * 3
    first = [page for repository, page in found if repository == found[0][0]]
    assert first == [str(number) for number in range(1, len(first) + 1)]
    assert walk(here) == {"outcome": "all is read", "pages": 0, "more": False}
    with database.read() as session:
        for number in range(1, 4):
            row = session.get_one(StarHistory, number)
            assert star_histories.is_complete(row)


def test_without_a_token_36_lists_have_the_gains_of_stars_within_three_hours(
    database: Database, make_settings: MakeSettings
) -> None:
    settings = make_settings(lists=tuple(lists.KNOWN.values()))
    here = Simulation(database, settings, WORLD, START)
    here.poll_all(START, LISTS)
    here.aggregate()

    read(here, lists.SIZE)
    assert here.now < START + 3 * HOUR
    slot = clock.floor(here.now, timedelta(minutes=10))
    here.poll(lists.KNOWN["stars"], slot)
    here.aggregate()

    board = here.board("stars")
    assert board is not None and len(board["items"]) == lists.SIZE
    for item in board["items"]:
        gain = item["gains"]["30d"]
        assert gain is not None and gain["source"] == "github"
    assert {it.status for it in here.requests} == {200}
    used = [it.at for it in here.requests if "stargazers" in it.path]
    most = max(sum(at <= other < at + HOUR for other in used) for at in used)
    assert 48 <= most <= 54  # of 60


def test_it_leaves_turns_and_a_tenth_of_the_window(
    database: Database, make_settings: MakeSettings
) -> None:
    here = polled(database, make_settings, github_token=None)

    assert walk(here)["outcome"] == "no request to spare"

    assert len(asked(here)) == 5  # of a burst of 10
    with here.github() as github:
        for full_name in ("a/b", "c/d", "e/f", "g/h", "i/j"):  # what a poll may ask for at once
            with pytest.raises(Exception, match="404"):
                github.repository(full_name)
    assert here.now - START < MINUTE


def test_what_somebody_waits_for_goes_before(here: Simulation) -> None:
    with here.database.write() as session:
        follows.ask(session, "somebody/waits", here.now, follow=False)

    assert walk(here)["outcome"] == "somebody waits for a history"
    assert asked(here) == []


def test_one_walks_at_a_time_and_a_kill_costs_a_minute_and_no_page(here: Simulation) -> None:
    def killed() -> bool:
        if len(asked(here)) == 3:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        walk(here, killed)
    with here.database.write() as session:  # a kill gives nothing back
        assert unread_histories.lease(session, here.now)

    assert walk(here)["outcome"] == "another reads"

    here.now += 2 * MINUTE
    read(here, 4)
    assert len(set(asked(here))) == len(asked(here)) == 7


def test_an_enterprise_server_is_asked_once_a_day(here: Simulation) -> None:
    here.app = api.create_fake_github(WORLD, clock=lambda: here.now, star_history=False)

    walk(here)
    once = len(asked(here))
    here.now += 23 * HOUR
    again = walk(here)

    assert (once, len(asked(here))) == (1, 1)
    assert again["outcome"] == NO_HISTORY
    with here.database.read() as session:
        told = [(it.name, it.why) for it in troubles.current_troubles(session, here.now)]
    assert told == [("star history", NO_HISTORY)]
    here.now += 2 * HOUR
    walk(here)
    assert len(asked(here)) == 2


def test_one_that_github_did_not_tell_is_asked_for_again_after_a_week(here: Simulation) -> None:
    read(here, 2)
    with here.database.write() as session:
        row = session.get_one(StarHistory, 1)
        star_histories.store_unavailable(session, 1, "404", here.now)
        assert row.unavailable
    chosen = []
    for days in (6, 8):
        with here.database.read() as session:
            found = unread_histories.next_unread(session, here.now + days * DAY)
        chosen.append(found and found.repository_id)

    assert chosen[0] != 1
    assert chosen[1] == 1


def test_page_one_is_read_again_only_where_a_gain_needs_it(
    database: Database, make_settings: MakeSettings
) -> None:
    polled(database, make_settings, lists=(lists.KNOWN["stars"],))
    with database.write() as session:
        for number in range(1, lists.SIZE + 1):
            session.add(
                StarHistory(repository_id=number, pages_read=2, pages=2, read_at=START, etag="x")
            )

    def due(at: datetime) -> int | None:
        with database.read() as session:
            found = unread_histories.next_unread(session, at)
        assert found is None or (found.page, found.again, found.etag) == (1, True, "x")
        return found and found.repository_id

    assert due(START + DAY) is None
    assert due(START + 37 * HOUR) == 1  # for its gain of 30 days
    with database.write() as session:  # readings of its own tell those from now on
        for row in session.scalars(select(StarHistory)):
            add_reading(session, row.repository_id, START + 37 * HOUR - 30 * DAY - HOUR)
            add_reading(session, row.repository_id, START + 37 * HOUR - 7 * DAY - HOUR)
    assert due(START + 37 * HOUR) is None
    with database.write() as session:
        for row in session.scalars(select(StarHistory)):
            row.read_at = START + 37 * HOUR - 6 * DAY
    assert due(START + 37 * HOUR) == 1  # for its gain of a year, once a week


def add_reading(session: Any, repository_id: int, slot: datetime) -> None:
    row = Reading(repository_id=repository_id, slot=slot, stars=1, forks=1, open_issues=1)
    session.add(row)
    session.flush()


def test_a_page_that_is_read_on_a_later_day_does_not_tell_that_days_had_no_stars(
    here: Simulation,
) -> None:
    read(here, 1)
    with here.database.write() as session:
        row = session.scalars(select(StarHistory)).one()
        known, read_at = star_histories.days(row), row.read_at
        assert known is not None
        week = Week(known.first - timedelta(days=7), (1,) * 7)
        later = here.now + 4 * DAY
        star_histories.store_page(session, row.repository_id, 2, [week], None, None, later)

        assert (row.pages_read, row.read_at) == (2, read_at)
        star_histories.store_unavailable(session, row.repository_id, "it is gone", later)
        ended = star_histories.days(row)
    assert ended is not None and ended.last == day_of(read_at) - DAY
