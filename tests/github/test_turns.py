"""Turns of GitHub's limit that are reserved for jobs which are put back meanwhile."""

import heapq
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core import clock, lists
from core.clock import HOUR, MINUTE
from core.rate_limit import limit_of
from github import polling
from github.errors import NotYet
from github.shared_limit import SharedLimit
from local.fake_github.worlds import MadeUpWorld
from settings import Settings
from store import rate_limits
from store.database import Database, connect
from tests.support.github import NOON, HandClock
from tests.support.simulation import Simulation

SECOND = timedelta(seconds=1)
EVERY = limit_of("search", authorized=False).every
SLOT = 10 * MINUTE


class TestAReservedTurn:
    @pytest.fixture
    def hand(self) -> HandClock:
        return HandClock()

    @pytest.fixture
    def first(self, database: Database, settings: Settings, hand: HandClock) -> SharedLimit:
        """The gate of a job after which others have to wait."""
        gate = SharedLimit(database, settings, hand, hand.sleep, turn="first", before=NOON + SLOT)
        gate.acquire("search")
        return gate

    def come(self, gate: SharedLimit, name: str) -> timedelta:
        """How long a job of that name is sent away."""
        with pytest.raises(NotYet) as caught:
            replace(gate, turn=name).acquire("search")
        return caught.value.until - NOON

    def test_is_there_when_its_job_comes_whoever_else_came_meanwhile(
        self, first: SharedLimit, hand: HandClock
    ) -> None:
        turns = [self.come(first, name) for name in ("a", "b", "a", "c", "b")]
        hand.moment = NOON + 1 * EVERY - SECOND / 2
        replace(first, turn="a").acquire("search")
        hand.moment = NOON + 2 * EVERY + SECOND
        replace(first, turn="b").acquire("search")

        assert turns == [EVERY, 2 * EVERY, EVERY, 3 * EVERY, 2 * EVERY]
        assert hand.slept == [0.5]

    def test_is_of_one_request(self, first: SharedLimit, hand: HandClock) -> None:
        self.come(first, "a")
        self.come(first, "b")
        hand.moment = NOON + EVERY
        replace(first, turn="a").acquire("search")

        assert self.come(first, "a") == 3 * EVERY

    def test_whose_job_never_comes_is_lost_and_blocks_nobody(
        self, first: SharedLimit, hand: HandClock
    ) -> None:
        self.come(first, "killed")
        self.come(first, "b")
        hand.moment = NOON + 2 * EVERY
        replace(first, turn="b").acquire("search")
        hand.moment = NOON + 2 * MINUTE
        replace(first, turn="c").acquire("search")

        assert hand.slept == []
        assert self.come(first, "killed") == 2 * MINUTE + EVERY  # what was promised is too old

    def test_is_in_sql_and_outlives_processes_and_redis(
        self, first: SharedLimit, settings: Settings
    ) -> None:
        self.come(first, "a")

        with connect(settings) as later:
            again = replace(first, database=later)
            assert [self.come(again, name) for name in ("b", "a")] == [2 * EVERY, EVERY]

    def test_is_not_used_once_the_slot_is_over_but_left_to_the_next(
        self, first: SharedLimit, hand: HandClock
    ) -> None:
        self.come(first, "a")
        over = replace(first, turn="a", before=NOON + EVERY)
        hand.moment = NOON + EVERY

        with pytest.raises(NotYet):
            over.acquire("search")
        replace(first, turn="a").acquire("search")

        assert hand.slept == []

    def test_gives_way_to_what_github_says(self, first: SharedLimit, hand: HandClock) -> None:
        self.come(first, "a")
        with first.database.write() as session:
            known = rate_limits.allowance(session, "search")
            blocked = replace(known, blocked_until=NOON + HOUR)
            rate_limits.save_allowance(session, "search", blocked)
        hand.moment = NOON + EVERY

        with pytest.raises(NotYet) as caught:
            replace(first, turn="a").acquire("search")
        assert caught.value.until == NOON + HOUR


class OneWorker:
    """One worker and a scheduler that looks every 2 seconds, in simulated time."""

    def __init__(self, here: Simulation) -> None:
        self.here, self.chance = here, random.Random(7)
        self.waiting = [
            (here.now, number, slug)
            for number, slug in enumerate(map(_slug, here.settings.searched))
        ]
        self.rounds = 0
        self.longest = timedelta()

    def run(self, slot: Any) -> Iterator[tuple[str, str]]:
        while self.waiting:
            due_at, number, slug = heapq.heappop(self.waiting)
            look = 2 * SECOND * self.chance.random()
            self.here.now = max(self.here.now, due_at + look) + SECOND * self.chance.random()
            began, self.rounds = self.here.now, self.rounds + 1
            try:
                yield slug, self._poll(slug, slot)
            except NotYet as error:
                heapq.heappush(self.waiting, (error.until, number, slug))
            self.longest = max(self.longest, self.here.now - began)

    def _poll(self, slug: str, slot: Any) -> str:
        how = {"turn": f"poll-{slug}", "before": slot + SLOT, "urgent": True, "kept": 0}
        database, ranked = self.here.database, lists.KNOWN[slug]
        with self.here.github(**how) as github:
            result = polling.poll_list(database, github, ranked, slot, SLOT, self.here.clock)
        return str(result["outcome"])


def _slug(ranked: lists.RankedList) -> str:
    return ranked.slug


@pytest.mark.sqlite
def test_36_lists_without_a_token_are_polled_within_6_minutes_and_no_worker_waits(
    tmp_path: Path,
) -> None:
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/starboard.db", github_api_url="http://github.test"
    )
    with connect(settings) as database:
        database.upgrade()
        here = Simulation(database, settings, MadeUpWorld(), NOON)
        worker = OneWorker(here)

        outcomes = dict(worker.run(clock.floor(NOON, SLOT)))
        sent = [record.at for record in here.requests if record.path == "/search/repositories"]
        statuses = {record.status for record in here.requests}

    assert set(outcomes.values()) == {"good"}
    assert len(outcomes) == len(sent) == 36
    assert sent[-1] - sent[0] <= 6 * MINUTE
    assert statuses == {200}
    assert max(sum(at <= other < at + MINUTE for other in sent) for at in sent) <= 10
    assert worker.longest <= SECOND
    assert worker.rounds <= 36 * 3  # they come, wait for their turn, and have it
