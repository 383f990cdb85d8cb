"""Histories that somebody wants are read page by page, whatever happens in between."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete

from core import clock, lists, star_history
from core.clock import DAY, HOUR, MINUTE
from core.star_history import StarDays
from github import history_walk
from github.errors import Failing, NotYet, TokenRefused
from github.history_walk import NO_HISTORY, PAGES_A_TURN
from local.fake_github import api
from local.fake_github.worlds import MadeUpWorld
from models import Follow, StarHistory
from store import follows, refreshes, series, star_histories, troubles
from store.database import Database
from store.history_status import history_status
from tests.support.common import MakeSettings
from tests.support.simulation import Simulation

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EVERY = timedelta(minutes=10)
WORLD = MadeUpWorld(languages=["Python"])
NAME = WORLD.search(lists.KNOWN["stars"], 0, START)[0].full_name
TOKEN = "ghp_0123456789abcdef"


@pytest.fixture
def here(database: Database, make_settings: MakeSettings) -> Simulation:
    return Simulation(database, make_settings(github_token=TOKEN), WORLD, START)


def want(here: Simulation, name: str = NAME) -> None:
    with here.database.write() as session:
        follows.ask(session, name, here.now, follow=False)


def turn(here: Simulation) -> dict[str, Any]:
    with here.github(urgent=True) as asked:
        return history_walk.take_turn(
            here.database, asked, partial(clock.floor, step=EVERY), here.clock
        )


def turns(here: Simulation) -> list[dict[str, Any]]:
    """Turns until nobody waits."""
    done = []
    while (result := turn(here))["outcome"] != "nobody waits":
        done.append(result)
    return done


def wish(here: Simulation, name: str = NAME) -> Follow:
    with here.database.read() as session:
        return session.get_one(Follow, name.lower())


def days(here: Simulation, name: str = NAME) -> StarDays:
    with here.database.read() as session:
        row = session.get(StarHistory, wish(here, name).repository_id)
        found = star_histories.days(row)
    assert found is not None
    return found


def asked(here: Simulation) -> list[str]:
    """The pages that were asked for, in order."""
    return [record.query for record in here.requests if "stargazers" in record.path]


def adds_up(here: Simulation) -> bool:
    """Whether the days have all the stars there are, but for those of the last moments."""
    now = WORLD.by_name(NAME, here.now)
    return now is not None and abs(days(here).total - now.stars) <= 2


def stars(name: str = NAME) -> int:
    found = WORLD.by_name(name, START)
    assert found is not None
    return found.stars


def test_all_pages_are_read_once_and_add_up_to_the_stars(here: Simulation) -> None:
    want(here)

    done = turns(here)

    assert done[-1]["outcome"] == "complete"
    pages = done[-1]["pages"]
    assert pages > PAGES_A_TURN  # so that there was more than one turn
    assert asked(here) == [f"per_page=30&page={page}" for page in range(1, pages + 1)]
    assert days(here).total == stars()
    assert wish(here).done_at is not None


def test_two_that_are_wanted_take_turns(here: Simulation) -> None:
    other = WORLD.search(lists.KNOWN["stars"], 0, START)[1].full_name
    want(here)
    here.now += timedelta(seconds=1)
    want(here, other)

    order = [result["repository"] for result in turns(here)]

    assert order[:4] == [NAME, other, NAME, other]
    assert (days(here).total, days(here, other).total) == (stars(), stars(other))


@pytest.mark.parametrize("page", [1, 3, PAGES_A_TURN, PAGES_A_TURN + 1])
def test_a_kill_at_any_page_costs_no_page_twice_and_loses_none(
    here: Simulation, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    want(here)
    store: Callable[..., StarHistory] = star_histories.store_page

    def killed(session: Any, repository_id: int, number: int, *rest: Any) -> StarHistory:
        row = store(session, repository_id, number, *rest)
        if number == page:
            session.commit()
            raise KeyboardInterrupt
        return row

    monkeypatch.setattr(star_histories, "store_page", killed)
    with pytest.raises(KeyboardInterrupt):
        turns(here)
    monkeypatch.setattr(star_histories, "store_page", store)
    here.now += follows.LEASE
    turns(here)

    assert asked(here) == [f"per_page=30&page={it}" for it in range(1, len(asked(here)) + 1)]
    assert abs(days(here).total - stars()) <= 2  # some were given in the meantime


def test_what_one_reads_nobody_else_reads_for_a_while(here: Simulation) -> None:
    want(here)
    with here.database.write() as session:
        assert follows.lease_next(session, here.now) is not None

    assert turn(here) == {"outcome": "nobody waits"}

    here.now += follows.LEASE
    assert turn(here)["repository"] == NAME


def test_a_name_that_github_does_not_know_is_gone(here: Simulation) -> None:
    want(here, "no/body")

    assert turn(here)["outcome"] == "gone"
    assert wish(here, "no/body").gone_at == here.now
    assert turn(here) == {"outcome": "nobody waits"}


def test_an_enterprise_server_tells_none_and_that_is_a_state(here: Simulation) -> None:
    here.app = api.create_fake_github(WORLD, clock=lambda: here.now, star_history=False)
    want(here)

    result = turn(here)

    assert (result["outcome"], result["why"]) == ("unavailable", NO_HISTORY)
    with here.database.read() as session:
        row = session.get_one(Follow, NAME.lower())
        told = history_status(session, row.repository_id, row)
    assert (told["state"], told["why"]) == ("unavailable", NO_HISTORY)


def test_a_thousand_who_want_the_same_cost_one_walk(here: Simulation) -> None:
    for number in range(1_000):
        want(here, NAME.upper() if number % 2 else NAME)

    turns(here)

    assert len(asked(here)) == len(set(asked(here)))


def test_without_a_token_it_bursts_and_leaves_a_tenth_of_the_hour(
    database: Database, make_settings: MakeSettings
) -> None:
    here = Simulation(database, make_settings(), WORLD, START)
    names = [it.full_name for it in WORLD.search(lists.KNOWN["stars"], 0, START)[:10]]
    for name in names:
        want(here, name)

    with pytest.raises(NotYet) as caught:
        turns(here)

    used = here.app.extensions["fake_github"].meter.report("core", None, here.now)["used"]
    assert 50 <= used <= 54  # of 60
    assert here.now - START < timedelta(minutes=1)
    assert caught.value.until > START + timedelta(minutes=55)


def test_its_first_reading_counts_at_once(here: Simulation) -> None:
    want(here)
    turn(here)

    board = star_history.until(days(here), here.now)
    with here.database.read() as session:
        row = session.get_one(Follow, NAME.lower())
        assert row.repository_id is not None
        told = history_status(session, row.repository_id, row)
    assert (told["state"], told["pages_read"]) == ("partial", PAGES_A_TURN)
    assert len(board.counts) > 30 * 7


def follow(here: Simulation) -> None:
    with here.database.write() as session:
        follows.ask(session, NAME, here.now, follow=True)


def reopen(here: Simulation) -> int:
    with here.database.write() as session:
        return follows.reopen(session, star_history.end_of(star_history.day_of(here.now) - DAY))


def test_once_a_day_has_ended_page_one_of_what_is_followed_is_read_again(here: Simulation) -> None:
    follow(here)
    turns(here)
    before = asked(here)

    assert reopen(here) == 0  # the day has not ended
    here.now += DAY
    assert reopen(here) == 1
    (result,) = turns(here)

    assert result["outcome"] == "complete"
    assert asked(here)[len(before) :] == ["per_page=30&page=1"]
    assert adds_up(here)


def test_what_nobody_refreshed_for_longer_than_a_page_is_read_anew(here: Simulation) -> None:
    follow(here)
    turns(here)
    pages = len(asked(here))

    here.now += 31 * 7 * DAY
    assert reopen(here) == 1
    turns(here)

    assert len(asked(here)) >= 2 * pages  # page 1 twice: once to see that there is a hole
    assert adds_up(here)


def test_what_nobody_follows_is_left_as_it_is_until_somebody_looks(here: Simulation) -> None:
    want(here)
    turns(here)
    before = asked(here)

    here.now += DAY

    assert reopen(here) == 0
    repository_id = repository_of(here)
    with here.database.write() as session:
        assert refreshes.ask_again(session, repository_id, here.now) == NAME.lower()
        assert refreshes.ask_again(session, repository_id, here.now) is None
    assert [it["outcome"] for it in turns(here)] == ["complete"]
    assert asked(here)[len(before) :] == ["per_page=30&page=1"]


def test_what_was_partly_read_on_another_day_is_read_on_from_page_one(here: Simulation) -> None:
    want(here)
    turn(here)
    before = asked(here)

    here.now += 2 * DAY
    turns(here)

    assert [it.rpartition("=")[2] for it in asked(here)[len(before) :][:2]] == ["1", "6"]
    assert adds_up(here)


def repository_of(here: Simulation) -> int:
    found = wish(here).repository_id
    assert found is not None
    return found


def told(here: Simulation) -> list[tuple[datetime, int]]:
    with here.database.read() as session:
        return series.days(session, star_histories.star_history(session, repository_of(here)))


def test_a_history_that_can_be_had_again_is_told_again(here: Simulation) -> None:
    follow(here)
    turns(here)
    for has_history, state in ((False, "unavailable"), (True, "complete")):
        here.app = api.create_fake_github(WORLD, clock=lambda: here.now, star_history=has_history)
        here.now += DAY
        assert reopen(here) == 1
        turns(here)
        with here.database.read() as session:
            assert history_status(session, repository_of(here), None)["state"] == state
    assert adds_up(here)


def test_what_github_tells_no_more_stays_as_it_was_told(here: Simulation) -> None:
    """The days of a history that is partly read are counted back from the reading of then."""
    want(here)
    turn(here)
    before = told(here)
    here.now += 90 * DAY
    here.poll(lists.KNOWN["stars"], clock.floor(here.now, EVERY))

    with here.database.write() as session:
        star_histories.store_unavailable(session, repository_of(here), "it is gone", here.now)

    now = told(here)
    assert [at for at, _ in now] == [at for at, _ in before]
    assert abs(now[-1][1] - before[-1][1]) < 2 * max(days(here).counts[-7:])
    with here.database.read() as session:
        row = session.get_one(StarHistory, repository_of(here))
        assert row.etag is None  # or GitHub would say that nothing is new
        known = star_histories.told_by_id(session, [repository_of(here)])[repository_of(here)]
    assert known.gain(here.now - 30 * DAY, 7 * DAY, here.now) is None


def test_a_token_that_is_refused_says_nothing_of_a_repository(here: Simulation) -> None:
    follow(here)
    here.faults.planned = ["bad token", "bad token"]

    with pytest.raises(TokenRefused):
        turn(here)

    assert wish(here).gone_at is None
    assert wish(here).followed_since is not None
    assert turns(here)[-1]["outcome"] == "complete"


def test_who_ends_a_wish_amid_a_turn_ends_it_quietly(
    here: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = star_histories.store_page

    def forget(session: Any, *page: Any) -> Any:
        session.execute(delete(Follow))
        return original(session, *page)

    want(here)
    turn(here)
    repository_id = repository_of(here)
    monkeypatch.setattr(star_histories, "store_page", forget)
    result = turn(here)

    with here.database.read() as session:
        pages = session.get_one(StarHistory, repository_id).pages_read
    assert result["outcome"] in ("complete", "partial") and pages > PAGES_A_TURN


def test_others_do_not_wait_for_one_that_fails_always(here: Simulation) -> None:
    want(here)
    here.faults.withheld[NAME.lower()] = "always fails"

    with pytest.raises(Failing):
        turn(here)

    with here.database.read() as session:
        assert follows.waiting(session) == 1
        assert follows.waiting(session, without_trouble_at=here.now) == 0
        assert troubles.is_in_trouble(session, troubles.of_history(NAME), here.now)


def test_one_that_fails_always_is_asked_for_ever_less_often_and_at_once_after_it_was_told(
    here: Simulation,
) -> None:
    want(here)
    tries = []
    for minute in range(300):
        here.faults.withheld[NAME.lower()] = "always fails"
        before = len(here.requests)
        with suppress(Failing):
            turn(here)
        tries += [minute] if len(here.requests) > before else []
        here.now += MINUTE

    del here.faults.withheld[NAME.lower()]
    here.now += HOUR
    turn(here)

    assert tries == [0, 1, 2, 4, 8, 16, 32, 64, 124, 184, 244]
    with here.database.read() as session:
        assert not troubles.is_in_trouble(session, troubles.of_history(NAME), here.now)
        assert repository_of(here)
