"""Each misbehaviour of GitHub, by itself: what a poll makes of it, and what is shown after it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from core import lists
from github.client import GitHub
from github.errors import NotYet, Unreachable
from github.shared_limit import SharedLimit
from local.demo import OpenGate
from local.fake_github import api, serving, worlds
from local.fake_github.faults import FAULTS, FaultInjector
from settings import Settings
from store.database import Database
from tests.support.common import MakeSettings
from tests.support.simulation import Simulation

SLOT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EVERY = timedelta(minutes=10)

LIMITS = {
    "403 without headers",
    "429 without headers",
    "429 with Retry-After",
    "secondary limit",
    "limit used up",
}
FAILURES = {"server error", "HTML", "truncated", "wrong JSON", "null", "reset", "slow"}
WRONG_LISTS = {"incomplete", "few missing", "many missing", "duplicates", "misordered"}


@pytest.fixture
def here(database: Database, settings: Settings) -> Iterator[Simulation]:
    """An installation with one good poll of `stars`, published, an hour before SLOT."""
    simulation = Simulation(database, settings, worlds.MadeUpWorld(), SLOT - 6 * EVERY)
    simulation.poll_all(SLOT - 6 * EVERY)
    simulation.aggregate()
    yield simulation


def ids(here: Simulation) -> list[str]:
    board = here.board("stars")
    assert board is not None
    return [item["full_name"] for item in board["items"]]


def test_these_are_all_there_are() -> None:
    assert FAULTS.keys() == LIMITS | FAILURES | WRONG_LISTS | {"qualifiers ignored"}


@pytest.mark.parametrize("kind", sorted(LIMITS))
def test_asked_to_slow_down_nothing_is_sent_until_it_is_allowed_and_then_the_poll_succeeds(
    here: Simulation, kind: str
) -> None:
    here.faults.planned[:] = [kind]

    here.poll_all(SLOT)

    refused, answered = [record.at for record in here.requests][-2:]
    least = {"429 with Retry-After": 7, "limit used up": 1}.get(kind, 60)
    assert here.outcomes["stars", SLOT] == "good"
    assert answered - refused >= timedelta(seconds=least)


@pytest.mark.parametrize("kind", sorted(LIMITS - {"429 with Retry-After", "limit used up"}))
def test_limits_that_repeat_without_a_word_are_waited_for_twice_as_long_each_time(
    here: Simulation, kind: str
) -> None:
    here.faults.planned[:] = [kind] * 3

    here.poll_all(SLOT)

    sent = [record.at for record in here.requests][-4:]
    pauses = [(after - before).total_seconds() for before, after in pairwise(sent)]
    assert [round(pause / 60) for pause in pauses] == [1, 2, 4]


@pytest.mark.parametrize("kind", sorted(FAILURES))
def test_a_failure_is_tried_again_within_the_slot(here: Simulation, kind: str) -> None:
    here.faults.planned[:] = [kind]

    here.poll_all(SLOT)

    assert here.faults.done == [kind]
    assert here.outcomes["stars", SLOT] == "good"


@pytest.mark.parametrize("kind", sorted(FAILURES))
def test_a_failure_that_lasts_is_a_gap_and_the_last_good_list_stays(
    here: Simulation, kind: str
) -> None:
    before = here.board("stars")
    assert before is not None
    here.faults.planned[:] = [kind] * 10

    here.poll_all(SLOT)
    here.aggregate()

    after = here.board("stars")
    assert after is not None
    assert here.outcomes["stars", SLOT] == "failed"
    assert (after["as_of"], after["items"]) == (before["as_of"], before["items"])


@pytest.mark.parametrize("kind", ["incomplete", "many missing"])
def test_a_list_with_holes_is_not_shown(here: Simulation, kind: str) -> None:
    before = ids(here)
    here.faults.planned[:] = [kind, kind]  # an answer that is not full is asked for once more

    here.poll_all(SLOT)
    here.aggregate()

    board = here.board("stars")
    assert board is not None
    assert here.outcomes["stars", SLOT] == "suspect"
    assert board["suspect"] is True
    assert ids(here) == before


@pytest.mark.parametrize("kind", ["few missing", "duplicates", "misordered"])
def test_the_truth_comes_out_of_a_list_that_is_merely_in_disorder(
    here: Simulation, kind: str, tmp_path: Path, make_settings: MakeSettings
) -> None:
    here.faults.planned[:] = [kind, kind]
    undisturbed = here.world.search(lists.KNOWN["stars"], 0, SLOT)[:100]

    here.poll_all(SLOT)
    here.aggregate()

    board = here.board("stars")
    assert board is not None
    assert kind in here.faults.done
    assert board["as_of"] == "2026-11-23T12:00:00Z"
    assert sorted(ids(here)) == sorted(repo.full_name for repo in undisturbed)


@pytest.mark.parametrize("kind", ["reset", "slow"])
def test_a_broken_connection_is_told_as_one(
    kind: str, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a real one, which the fake GitHub breaks; the client's patience is cut for the test."""
    monkeypatch.setattr("github.client.TIMEOUT", httpx.Timeout(0.3))
    monkeypatch.setattr("local.fake_github.faults.SLOW", 0.6)
    app = api.create_fake_github(worlds.MadeUpWorld(), faults=FaultInjector(rate=1, kinds=[kind]))

    with (
        serving.serve(app) as url,
        GitHub(make_settings(github_api_url=url), OpenGate()) as github,
        pytest.raises(Unreachable, match="127.0.0.1 cannot be reached"),
    ):
        github.search(lists.KNOWN["stars"], 0)


def test_all_36_lists_are_there_within_one_interval_and_no_request_is_too_early(
    database: Database, make_settings: MakeSettings, settings: Settings
) -> None:
    everything = make_settings(
        database_url=settings.database_url, lists=tuple(lists.KNOWN.values())
    )
    here = Simulation(database, everything, worlds.MadeUpWorld(), SLOT)

    here.poll_all(SLOT)
    here.aggregate()

    sent = [record.at for record in here.requests]
    boards = [here.board(slug) for slug in lists.KNOWN]
    assert [board["count"] for board in boards if board] == [100] * 36
    assert {record.status for record in here.requests} == {200}
    assert sent[-1] - sent[0] < EVERY
    minute = timedelta(minutes=1)
    assert max(sum(at <= other < at + minute for other in sent) for at in sent) <= 10


def test_two_workers_share_one_budget_whatever_they_are_told(
    database: Database, settings: Settings
) -> None:
    now = SLOT
    sent = []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += timedelta(seconds=seconds)

    workers = [SharedLimit(database, settings, now=lambda: now, sleep=sleep) for _ in range(2)]
    while len(sent) < 12:
        try:
            workers[len(sent) % 2].acquire("search")
        except NotYet as error:  # its job would be put back until then
            now = error.until
        else:
            sent.append(now)

    gaps = {(after - before).total_seconds() for before, after in pairwise(sent)}
    assert min(gaps) >= 6
