"""The gate that all workers share: nothing passes before GitHub allows it."""

import json
import threading
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from core import clock
from core.clock import HOUR
from core.rate_limit import Allowance
from github.answers import Answer, read_answer
from github.errors import NotYet
from github.shared_limit import SharedLimit
from settings import Settings
from store import rate_limits
from store.database import Database, connect
from tests.support.common import MakeSettings
from tests.support.github import (
    NOON,
    HandClock,
)

SECOND = timedelta(seconds=1)


def reply(status: int, headers: dict[str, str] | None = None, message: str = "no") -> Answer:
    content = json.dumps({"message": message}).encode()
    return read_answer("repos/quiet/harbor", status, httpx.Headers(headers), content)


def seconds(*numbers: float) -> list[timedelta]:
    return [timedelta(seconds=number) for number in numbers]


class TestTheGate:
    @pytest.fixture
    def hand(self) -> HandClock:
        return HandClock()

    @pytest.fixture
    def gate(self, database: Database, settings: Settings, hand: HandClock) -> SharedLimit:
        return SharedLimit(database, settings, hand, hand.sleep, patience=30 * SECOND)

    @pytest.mark.parametrize(("token", "pace"), [(None, 6.6), ("token-123", 2.1)])
    def test_spaces_searches(
        self,
        database: Database,
        make_settings: MakeSettings,
        hand: HandClock,
        token: str | None,
        pace: float,
    ) -> None:
        settings = make_settings(github_token=token)
        gate = SharedLimit(database, settings, hand, hand.sleep, patience=HOUR)
        sent = []

        for _ in range(4):
            gate.acquire("search")
            sent.append(hand.moment - NOON)

        assert sent == seconds(0, pace, 2 * pace, 3 * pace)

    def test_lets_a_few_core_requests_through_at_once_then_spaces_them(
        self, gate: SharedLimit, hand: HandClock
    ) -> None:
        for _ in range(10):
            gate.acquire("core")

        with pytest.raises(NotYet) as caught:
            gate.acquire("core")

        assert hand.slept == []
        assert caught.value.until == NOON + timedelta(seconds=75)

    def test_keeps_a_budget_for_each_resource(self, gate: SharedLimit, hand: HandClock) -> None:
        gate.acquire("search")
        gate.acquire("core")

        assert hand.slept == []

    def test_shares_its_budget_with_the_gates_of_other_workers(
        self, gate: SharedLimit, settings: Settings, hand: HandClock
    ) -> None:
        with connect(settings) as another_database:
            another = replace(gate, database=another_database)
            gate.acquire("search")
            another.acquire("search")
            gate.acquire("search")

        assert hand.slept == [6.6, 6.6]

    def test_promises_no_moment_twice_however_many_ask_at_once(self, settings: Settings) -> None:
        with connect(settings) as database:
            database.upgrade()
        promised: list[timedelta] = []

        def ask() -> None:
            with connect(settings) as own:
                for number in range(5):
                    name = f"{threading.get_ident()}-{number}"
                    with pytest.raises(NotYet) as caught:
                        SharedLimit(own, settings, lambda: NOON, turn=name).acquire("search")
                    promised.append(caught.value.until - NOON)

        with connect(settings) as own:
            SharedLimit(own, settings, lambda: NOON).acquire("search")

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(promised) == [6.6 * number * SECOND for number in range(1, 21)]

    def test_gives_up_where_its_turn_is_too_far_off_and_takes_none(
        self, database: Database, gate: SharedLimit, hand: HandClock
    ) -> None:
        known = Allowance(NOON + timedelta(seconds=31), clock.EPOCH)
        with database.write() as session:
            rate_limits.save_allowance(session, "search", known)

        with pytest.raises(NotYet) as caught:
            gate.acquire("search")

        with database.read() as session:
            assert rate_limits.allowance(session, "search") == known
        assert (caught.value.until, hand.slept) == (known.next_at, [])

    def test_waits_as_long_as_it_has_patience(
        self, database: Database, gate: SharedLimit, hand: HandClock
    ) -> None:
        with database.write() as session:
            rate_limits.save_allowance(
                session, "search", Allowance(NOON + timedelta(seconds=30), clock.EPOCH)
            )

        gate.acquire("search")

        assert hand.slept == [30]

    def test_has_the_patience_it_is_given(
        self, database: Database, settings: Settings, hand: HandClock
    ) -> None:
        gate = SharedLimit(database, settings, hand, hand.sleep, patience=2 * HOUR)
        with database.write() as session:
            rate_limits.save_allowance(session, "search", Allowance(NOON + HOUR, clock.EPOCH))

        gate.acquire("search")

        assert hand.slept == [3_600]

    def test_waits_on_where_github_told_another_to_slow_down_meanwhile(
        self, gate: SharedLimit, hand: HandClock
    ) -> None:
        gate.acquire("search")
        hand.meanwhile = [lambda: gate.record("search", reply(429, {"retry-after": "20"}))]

        gate.acquire("search")

        assert hand.moment - NOON == timedelta(seconds=6.6 + 20)

    def test_gives_up_where_another_was_told_to_slow_down_for_long(
        self, gate: SharedLimit, hand: HandClock
    ) -> None:
        gate.acquire("search")
        hand.meanwhile = [lambda: gate.record("search", reply(403, {"retry-after": "900"}))]

        with pytest.raises(NotYet) as caught:
            gate.acquire("search")

        assert caught.value.until == NOON + timedelta(seconds=6.6 + 900)

    def test_is_closed_until_the_reset_once_github_has_nothing_left(
        self, gate: SharedLimit, hand: HandClock
    ) -> None:
        reset = str(int(NOON.timestamp()) + 50)
        gate.acquire("search")

        gate.record(
            "search", reply(200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset})
        )

        with pytest.raises(NotYet) as caught:
            gate.acquire("search")
        assert caught.value.until == NOON + timedelta(seconds=51)

    def test_knows_after_a_restart_what_it_knew_before(
        self, gate: SharedLimit, settings: Settings, hand: HandClock
    ) -> None:
        gate.acquire("search")
        gate.record("search", reply(429, {"retry-after": "25"}))

        with connect(settings) as later:
            replace(gate, database=later).acquire("search")

        assert hand.slept == [25]

    def test_leaves_promised_moments_alone_when_an_answer_comes_in(
        self, gate: SharedLimit, hand: HandClock
    ) -> None:
        gate.acquire("search")

        gate.record("search", reply(200, {"x-ratelimit-remaining": "9"}))

        gate.acquire("search")
        assert hand.slept == [6.6]
