import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

import jobs
import models
from core import clock
from core.clock import DAY, HOUR
from core.lists import RankedList
from core.plausibility import Member
from core.rate_limit import Allowance
from core.repository import GitHubRepository, SearchAnswer
from github import polling
from github.client import GitHub
from github.errors import BadAnswer, GitHubError, Gone, NotYet, RateLimited, Unreachable
from github.polling import DONE_BEFORE
from github.shared_limit import SharedLimit
from local.demo import OpenGate
from local.fake_github import api, serving
from local.fake_github.limits import Quota
from local.fake_github.worlds import FakeRepository, MadeUpWorld
from models import FAILED, GOOD, MISSED, SUSPECT, Document, Poll, Reading
from settings import Settings
from store import rate_limits
from store.database import Database, connect
from store.polls import store_poll
from tests.support.common import MakeSettings
from tests.support.github import (
    FORKS,
    MINUTE,
    NOON,
    PYTHON,
    STARS,
    STEP,
    StubGitHub,
    answer,
    board,
    ids,
    poll,
    repo,
    shown,
    slot,
)

WINDOWS = ("1h", "24h", "7d", "30d", "365d")


def names_of(slug: str) -> set[str]:
    """The names of a list's documents."""
    kinds = ("lists", "languages", "owners")
    return {f"{kind}/{slug}" for kind in kinds} | {f"movers/{slug}/{it}" for it in WINDOWS}


@dataclass
class HandClock:
    """Time passes by sleeping only; something may happen meanwhile."""

    moment: datetime = NOON
    slept: list[float] = field(default_factory=list)
    meanwhile: list[Callable[[], object]] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)
        if self.meanwhile:
            self.meanwhile.pop(0)()


def polls(database: Database) -> list[tuple[Any, ...]]:
    with database.read() as session:
        found = session.execute(select(Poll.slot, Poll.outcome, Poll.error).order_by(Poll.slot))
        return [tuple(row) for row in found]


def readings(database: Database, github_id: int) -> list[tuple[datetime, int]]:
    with database.read() as session:
        rows = session.execute(
            select(Reading.slot, Reading.stars)
            .join(models.Repository, models.Repository.id == Reading.repository_id)
            .where(models.Repository.github_id == github_id)
            .order_by(Reading.slot)
        )
        return [tuple(row) for row in rows]


def documents(database: Database) -> dict[str, Any]:
    with database.read() as session:
        return {it.name: json.loads(it.body) for it in session.scalars(select(Document))}


class TestAPoll:
    def test_shows_what_github_answered(self, database: Database) -> None:
        result = poll(database, StubGitHub(answer(board())))

        assert result == {"outcome": GOOD, "rows": 100}
        assert polls(database) == [(NOON, GOOD, None)]
        assert shown(database) == [(it.github_id, it.stars, False) for it in board()]
        assert readings(database, 100) == [(NOON, 40_000)]

    def test_notes_when_the_answer_was_there(self, database: Database) -> None:
        hand = HandClock(NOON + MINUTE)
        github = StubGitHub(answer(board()), meanwhile=lambda: hand.sleep(2.5))

        polling.poll_list(database, github, STARS, NOON, STEP, hand)

        with database.read() as session:
            fetched_at = session.scalars(select(Poll.fetched_at)).one()
        assert fetched_at == NOON + MINUTE + timedelta(milliseconds=2_500)

    def test_shows_each_repository_once_and_in_order(self, database: Database) -> None:
        twice, misplaced = repo(3, stars=1), repo(7, stars=60_000)
        equal = [repo(8, stars=49_000), repo(9, stars=49_000)]

        poll(database, StubGitHub(answer([repo(2), repo(3), twice, *equal, misplaced])))

        assert [it[:2] for it in shown(database)] == [
            (7, 60_000),
            (2, 49_800),
            (3, 49_700),
            (8, 49_000),
            (9, 49_000),
        ]

    def test_asks_narrowly_from_the_second_one_on(self, database: Database) -> None:
        github = StubGitHub(answer(board()))

        poll(database, github, 0)
        poll(database, github, 1)

        assert github.floors == [STARS.floor, 36_000]

    def test_asks_for_all_where_the_list_is_not_full(self, database: Database) -> None:
        github = StubGitHub(answer(board(50)))

        poll(database, github, 0)
        poll(database, github, 1)

        assert github.floors == [STARS.floor, 0]

    def test_asks_for_forks_by_forks(self, database: Database) -> None:
        ranked = [repo(number, forks=20_000 - number) for number in range(1, 101)]
        github = StubGitHub(answer(ranked))

        poll(database, github, 0, ranked=FORKS)
        poll(database, github, 1, ranked=FORKS)

        assert github.floors == [FORKS.floor, 17_910]

    def test_is_done_once_a_slot(self, database: Database) -> None:
        poll(database, StubGitHub(answer(board())))
        again = StubGitHub(answer([]))

        result = poll(database, again, late=9)

        assert result == {"outcome": DONE_BEFORE}
        assert (again.floors, again.asked) == ([], [])
        assert len(shown(database)) == 100

    @pytest.mark.parametrize("late", [10, 11, 1_000])
    def test_that_comes_when_its_slot_is_over_leaves_a_gap_and_sends_nothing(
        self, database: Database, late: int
    ) -> None:
        github = StubGitHub(answer(board()))

        result = poll(database, github, late=late)

        assert result == {"outcome": MISSED}
        assert github.floors == []
        assert polls(database) == [(NOON, MISSED, "no poll succeeded within the slot")]

    def test_whose_slot_ends_before_the_answer_is_there_leaves_a_gap(
        self, database: Database
    ) -> None:
        hand = HandClock(NOON + 9 * MINUTE)
        github = StubGitHub(answer(board()), meanwhile=lambda: hand.sleep(60))

        result = polling.poll_list(database, github, STARS, NOON, STEP, hand)

        assert result == {"outcome": MISSED}
        assert polls(database) == [(NOON, MISSED, "no poll succeeded within the slot")]
        assert shown(database) == []

    def test_that_was_answered_in_its_slot_counts_however_long_the_asking_takes(
        self, database: Database
    ) -> None:
        poll(database, StubGitHub(answer(board())), 0)
        hand = HandClock(slot(1) + timedelta(minutes=9, seconds=59))

        class SlowToAsk(StubGitHub):
            def repository(self, full_name: str) -> GitHubRepository:
                hand.sleep(2)
                return repo(50)

        github = SlowToAsk(answer(board(without=[50])))
        result = polling.poll_list(database, github, STARS, slot(1), STEP, hand)

        assert result == {"outcome": GOOD, "rows": 100}

    def test_that_comes_late_leaves_a_good_one_alone(self, database: Database) -> None:
        poll(database, StubGitHub(answer(board())))

        result = poll(database, StubGitHub(answer([])), late=10)

        assert result == {"outcome": DONE_BEFORE}
        assert polls(database) == [(NOON, GOOD, None)]

    @pytest.mark.parametrize("error", [Unreachable("no way"), RateLimited("slow"), BadAnswer("?")])
    def test_that_fails_says_why_and_fails_its_job(
        self, database: Database, error: GitHubError
    ) -> None:
        with pytest.raises(type(error)):
            poll(database, StubGitHub(error))

        assert polls(database) == [(NOON, FAILED, str(error))]

    def test_that_fails_may_yet_succeed_in_its_slot(self, database: Database) -> None:
        with pytest.raises(Unreachable):
            poll(database, StubGitHub(Unreachable("no way")))

        result = poll(database, StubGitHub(answer(board())), late=9)

        assert result == {"outcome": GOOD, "rows": 100}
        assert polls(database) == [(NOON, GOOD, None)]

    def test_that_is_put_off_is_no_failure(self, database: Database) -> None:
        with pytest.raises(NotYet):
            poll(database, StubGitHub(NotYet(NOON + HOUR)))

        assert polls(database) == []

    def test_that_another_worker_outran_changes_nothing(self, database: Database) -> None:
        def faster() -> None:
            poll(database, StubGitHub(answer(board())))

        result = poll(database, StubGitHub(answer([repo(7)]), meanwhile=faster), late=2)

        assert result["outcome"] == DONE_BEFORE
        assert len(shown(database)) == 100


class TestPhantomExits:
    def test_a_repository_that_answers_for_itself_is_back_in_its_place_with_fresh_counts(
        self, database: Database
    ) -> None:
        poll(database, StubGitHub(answer(board())), 0)
        fresh = repo(50, stars=45_001)
        github = StubGitHub(answer(board(without=[50])), {"Quiet/Harbor-50": fresh})

        result = poll(database, github, 1)

        assert result == {"outcome": GOOD, "rows": 100}
        assert github.asked == ["Quiet/Harbor-50"]
        assert ids(database, 1) == list(range(1, 101))  # the 101st is out again
        assert shown(database, 1)[49] == (50, 45_001, False)
        assert readings(database, 50) == [(slot(0), 45_000), (slot(1), 45_001)]

    @pytest.mark.parametrize(
        "known",
        [
            Gone("404"),
            repo(50, stars=39_900),  # what the hundredth of the answer has
            repo(5_000, full_name="Quiet/Harbor-50", stars=45_000),
        ],
        ids=["gone", "too few by now", "another one of that name"],
    )
    def test_a_repository_that_has_no_place_any_more_leaves(
        self, database: Database, known: GitHubRepository | Exception
    ) -> None:
        poll(database, StubGitHub(answer(board())), 0)
        github = StubGitHub(answer(board(without=[50])), {"Quiet/Harbor-50": known})

        poll(database, github, 1)

        assert github.asked == ["Quiet/Harbor-50"]
        assert ids(database, 1) == [number for number in range(1, 102) if number != 50]

    @pytest.mark.parametrize(("language", "back"), [("PYTHON", True), ("Rust", False)])
    def test_a_repository_of_another_language_by_now_leaves(
        self, database: Database, language: str, back: bool
    ) -> None:
        poll(database, StubGitHub(answer(board())), 0, ranked=PYTHON)
        now = repo(50, language=language)
        github = StubGitHub(answer(board(without=[50])), {"Quiet/Harbor-50": now})

        poll(database, github, 1, ranked=PYTHON)

        assert (50 in ids(database, 1)) == back

    def test_a_repository_that_fell_behind_is_not_asked_for(self, database: Database) -> None:
        poll(database, StubGitHub(answer(board())), 0)
        risen = [*board(99), repo(200, stars=40_000)]  # as many as the one that went

        github = StubGitHub(answer(risen))
        poll(database, github, 1)

        assert github.asked == []
        assert ids(database, 1) == [*range(1, 100), 200]

    def test_from_a_list_that_is_not_full_none_falls(self, database: Database) -> None:
        poll(database, StubGitHub(answer([repo(1), repo(2, stars=0)])), 0)
        github = StubGitHub(answer([repo(1)]), {"Quiet/Harbor-2": repo(2, stars=0)})

        poll(database, github, 1)

        assert ids(database, 1) == [1, 2]

    def test_a_repository_that_cannot_be_asked_keeps_its_place_and_last_counts(
        self, database: Database
    ) -> None:
        poll(database, StubGitHub(answer(board())), 0)
        github = StubGitHub(
            answer(board(without=[50, 60])),
            {"Quiet/Harbor-50": Unreachable("no way"), "Quiet/Harbor-60": NotYet(NOON + HOUR)},
        )

        result = poll(database, github, 1)

        assert result["outcome"] == GOOD
        assert ids(database, 1) == list(range(1, 101))
        assert shown(database, 1)[49] == (50, 45_000, True)
        assert shown(database, 1)[59] == (60, 44_000, True)
        assert readings(database, 50) == [(slot(0), 45_000)]

    def test_a_repository_that_cannot_be_asked_is_believed_gone_by_the_third_poll(
        self, database: Database
    ) -> None:
        poll(database, StubGitHub(answer(board())), 0)
        github = StubGitHub(answer(board(without=[50])), {"Quiet/Harbor-50": Unreachable("no way")})

        for number in (1, 2, 3, 4):
            poll(database, github, number)

        assert [50 in ids(database, number) for number in (1, 2, 3, 4)] == [
            True,
            True,
            False,
            False,
        ]
        assert readings(database, 50) == [(slot(0), 45_000)]

    def test_a_repository_that_comes_back_may_be_kept_anew(self, database: Database) -> None:
        here = StubGitHub(answer(board()))
        away = StubGitHub(answer(board(without=[50])), {"Quiet/Harbor-50": Unreachable("no way")})

        for number, github in enumerate((here, away, away, here, away, away)):
            poll(database, github, number)

        assert shown(database, 5)[49] == (50, 45_000, True)

    def test_five_at_once_are_asked_for(self, database: Database) -> None:
        poll(database, StubGitHub(answer(board())), 0)
        five = [10, 20, 30, 40, 50]
        known = {f"Quiet/Harbor-{number}": repo(number) for number in five}
        github = StubGitHub(answer(board(without=five)), known)

        result = poll(database, github, 1)

        assert result["outcome"] == GOOD
        assert github.asked == list(known)
        assert ids(database, 1) == list(range(1, 101))


SIX = (10, 20, 30, 40, 50, 60)
SIX_GONE = answer(board(without=SIX))


class TestSuspectAnswers:
    @pytest.mark.parametrize(
        ("found", "why"),
        [
            (SIX_GONE, "6 repositories vanished at once"),
            (answer(board(), incomplete=True), "GitHub says that its answer is incomplete"),
            (answer([]), "100 repositories vanished at once"),
        ],
    )
    def test_are_kept_but_not_shown(
        self, database: Database, settings: Settings, found: SearchAnswer, why: str
    ) -> None:
        poll(database, StubGitHub(answer(board())), 0)
        github = StubGitHub(found)

        result = poll(database, github, 1)

        assert result == {"outcome": SUSPECT, "rows": len(found.repositories), "why": why}
        assert github.asked == []
        assert polls(database) == [(slot(0), GOOD, None), (slot(1), SUSPECT, why)]
        assert ids(database, 1) == [it.github_id for it in found.repositories]
        assert readings(database, 1) == [(slot(0), 49_900)]

        jobs.aggregate_lists(database, settings, slot(2))
        shown_list = documents(database)["lists/stars"]
        assert shown_list["suspect"] is True
        assert shown_list["as_of"] == clock.rfc3339(slot(0))
        names = [item["full_name"] for item in shown_list["items"]]
        assert names == [it.full_name for it in board()]
        assert documents(database)["lists"]["items"][0]["suspect"] is True

    def test_do_not_begin_a_list(self, database: Database, settings: Settings) -> None:
        poll(database, StubGitHub(answer(board(), incomplete=True)))

        result = jobs.aggregate_lists(database, settings, slot(1))

        assert result == {"outcome": "no good poll yet"}

    def test_may_be_followed_by_a_good_one_in_the_slot(self, database: Database) -> None:
        poll(database, StubGitHub(answer(board())), 0)
        poll(database, StubGitHub(SIX_GONE), 1)

        result = poll(database, StubGitHub(answer(board())), 1, late=2)

        assert result["outcome"] == GOOD
        assert polls(database) == [(slot(0), GOOD, None), (slot(1), GOOD, None)]

    def test_that_three_polls_in_a_row_agree_on_are_believed(
        self, database: Database, settings: Settings
    ) -> None:
        poll(database, StubGitHub(answer(board())), 0)

        results = [poll(database, StubGitHub(SIX_GONE), number) for number in (1, 2, 3)]

        jobs.aggregate_lists(database, settings, slot(4))
        shown_list = documents(database)["lists/stars"]
        assert [result["outcome"] for result in results] == [SUSPECT, SUSPECT, GOOD]
        assert not set(SIX) & set(ids(database, 3))
        assert (shown_list["as_of"], shown_list["suspect"]) == (clock.rfc3339(slot(3)), False)

    def test_are_believed_over_failures_between_them(self, database: Database) -> None:
        poll(database, StubGitHub(answer(board())), 0)
        poll(database, StubGitHub(SIX_GONE), 1)
        poll(database, StubGitHub(SIX_GONE), 2)
        with pytest.raises(Unreachable):
            poll(database, StubGitHub(Unreachable("no way")), 3)

        result = poll(database, StubGitHub(SIX_GONE), 4)

        assert result["outcome"] == GOOD

    @pytest.mark.parametrize(
        "found",
        [
            (SIX_GONE, answer(board(without=[*SIX, 70])), SIX_GONE),
            (SIX_GONE, SIX_GONE, answer(board(without=[*SIX, 70]))),
            (SIX_GONE, answer(board()), SIX_GONE),
        ],
        ids=["another between", "another at last", "a good one between"],
    )
    def test_that_disagree_are_not_believed(
        self, database: Database, found: tuple[SearchAnswer, ...]
    ) -> None:
        poll(database, StubGitHub(answer(board())), 0)

        for number, each in enumerate(found, 1):
            result = poll(database, StubGitHub(each), number)

        assert result["outcome"] == SUSPECT


class Forgetful(MadeUpWorld):
    """A made-up world, of which a search forgets some; some are gone, and one is renamed."""

    def __init__(self) -> None:
        super().__init__(languages=["Python"])
        self.forgotten: set[int] = set()
        self.gone: set[int] = set()
        self.new_names: dict[int, str] = {}

    def search(self, ranked: RankedList, floor: int, at: datetime) -> list[FakeRepository]:
        found = super().search(ranked, floor, at)
        return [it for it in found if it.github_id not in self.forgotten]

    def by_name(self, full_name: str, at: datetime) -> FakeRepository | None:
        found = super().by_name(full_name, at)
        hidden = self.gone | self.new_names.keys()
        return found if found and found.github_id not in hidden else None

    def by_id(self, github_id: int, at: datetime) -> FakeRepository | None:
        found = super().by_id(github_id, at)
        return found and replace(found, full_name=self.new_names.get(github_id, found.full_name))

    def renamed(self, full_name: str, at: datetime) -> int | None:
        found = super().by_name(full_name, at)
        return found.github_id if found and found.github_id in self.new_names else None


class TestAgainstTheStandIn:
    """The same through the client, HTTP and the fake GitHub's idea of GitHub."""

    @pytest.fixture
    def world(self) -> Forgetful:
        return Forgetful()

    @pytest.fixture
    def moment(self) -> list[datetime]:
        return [NOON]

    @pytest.fixture
    def server(self, world: Forgetful, moment: list[datetime]) -> Any:
        return api.create_fake_github(world, clock=lambda: moment[0])

    @pytest.fixture
    def github(self, settings: Settings, server: Any) -> Iterator[GitHub]:
        with GitHub(settings, OpenGate(), httpx.WSGITransport(server)) as github:
            yield github

    def log(self, server: Any) -> list[str]:
        return [record.path for record in server.extensions["fake_github"].log]

    def test_a_good_poll_is_one_request(
        self, database: Database, github: GitHub, server: Any, world: Forgetful
    ) -> None:
        result = poll(database, github, ranked=PYTHON)
        again = poll(database, github, ranked=PYTHON)

        expected = world.search(PYTHON, 0, NOON)[:100]
        assert (result, again) == ({"outcome": GOOD, "rows": 100}, {"outcome": DONE_BEFORE})
        assert self.log(server) == ["/search/repositories"]
        assert shown(database) == [(it.github_id, it.stars, False) for it in expected]

    def test_of_those_that_vanish_one_is_restored_one_renamed_and_one_gone(
        self,
        database: Database,
        github: GitHub,
        server: Any,
        world: Forgetful,
        moment: list[datetime],
    ) -> None:
        poll(database, github, 0, ranked=PYTHON)
        back, renamed, gone = (world.search(PYTHON, 0, NOON)[rank] for rank in (10, 20, 30))
        world.forgotten = {back.github_id, renamed.github_id, gone.github_id}
        world.gone = {gone.github_id}
        world.new_names = {renamed.github_id: "new/name"}
        moment[0] = NOON + DAY

        result = poll(database, github, 1, ranked=PYTHON)

        fresh = world.by_id(back.github_id, NOON + DAY)
        assert fresh is not None and fresh.stars > back.stars  # or the next line tells nothing
        assert result == {"outcome": GOOD, "rows": 100}
        assert (back.github_id, fresh.stars, False) in shown(database, 1)
        assert renamed.github_id in ids(database, 1)
        assert gone.github_id not in ids(database, 1)
        assert self.log(server)[-4:] == [
            f"/repos/{back.full_name}",
            f"/repos/{renamed.full_name}",
            f"/repositories/{renamed.github_id}",
            f"/repos/{gone.full_name}",
        ]
        with database.read() as session:
            names = set(
                session.scalars(
                    select(models.Repository.full_name).where(
                        models.Repository.github_id == renamed.github_id
                    )
                )
            )
        assert names == {"new/name"}

    def test_one_that_the_rate_limit_lets_nobody_ask_for_is_kept(
        self, database: Database, settings: Settings, world: Forgetful
    ) -> None:
        spent = {"core": Quota(0, 0, HOUR)}
        server = api.create_fake_github(world, clock=lambda: NOON, limits=spent)
        vanished = world.search(PYTHON, 0, NOON)[10]
        with GitHub(settings, OpenGate(), httpx.WSGITransport(server)) as github:
            poll(database, github, 0, ranked=PYTHON)
            world.forgotten = {vanished.github_id}

            result = poll(database, github, 1, ranked=PYTHON)

        assert result["outcome"] == GOOD
        assert shown(database, 1)[10] == (vanished.github_id, vanished.stars, True)

    def test_a_search_that_is_refused_leaves_the_budget_blocked(
        self, database: Database, settings: Settings, world: Forgetful
    ) -> None:
        hand = HandClock()
        spent = {"search": Quota(0, 0, MINUTE)}
        server = api.create_fake_github(world, clock=hand, limits=spent)
        gate = SharedLimit(database, settings, hand, hand.sleep)

        with GitHub(settings, gate, httpx.WSGITransport(server)) as github:
            with pytest.raises(RateLimited):
                poll(database, github, ranked=PYTHON)
            with pytest.raises(NotYet) as caught:
                poll(database, github, ranked=PYTHON)

        assert len(self.log(server)) == 1
        assert MINUTE <= caught.value.until - NOON < MINUTE + timedelta(seconds=3)


def seconds(*numbers: float) -> list[timedelta]:
    return [timedelta(seconds=number) for number in numbers]


class TestTheGate:
    @pytest.fixture
    def hand(self) -> HandClock:
        return HandClock()

    @pytest.fixture
    def gate(self, database: Database, settings: Settings, hand: HandClock) -> SharedLimit:
        return SharedLimit(database, settings, hand, hand.sleep)

    @pytest.mark.parametrize(("token", "pace"), [(None, 6.3), ("token-123", 2.1)])
    def test_spaces_searches(
        self,
        database: Database,
        make_settings: MakeSettings,
        hand: HandClock,
        token: str | None,
        pace: float,
    ) -> None:
        gate = SharedLimit(database, make_settings(github_token=token), hand, hand.sleep)
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
            another = SharedLimit(another_database, settings, hand, hand.sleep)
            gate.acquire("search")
            another.acquire("search")
            gate.acquire("search")

        assert hand.slept == [6.3, 6.3]

    def test_promises_no_moment_twice_however_many_ask_at_once(self, settings: Settings) -> None:
        with connect(settings) as database:
            database.upgrade()
        promised: list[float] = []
        patience = {"search": HOUR, "core": HOUR}

        def ask() -> None:
            with connect(settings) as own:
                gate = SharedLimit(own, settings, lambda: NOON, promised.append, patience)
                for _ in range(5):
                    gate.acquire("search")

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(promised) == pytest.approx([6.3 * number for number in range(1, 20)])

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
        patience = {"search": 2 * HOUR, "core": 2 * HOUR}
        gate = SharedLimit(database, settings, hand, hand.sleep, patience)
        with database.write() as session:
            rate_limits.save_allowance(session, "search", Allowance(NOON + HOUR, clock.EPOCH))

        gate.acquire("search")

        assert hand.slept == [3_600]

    def test_waits_on_where_github_told_another_to_slow_down_meanwhile(
        self, gate: SharedLimit, hand: HandClock
    ) -> None:
        gate.acquire("search")
        hand.meanwhile = [lambda: gate.record("search", 429, {"retry-after": "20"})]

        gate.acquire("search")

        assert hand.moment - NOON == timedelta(seconds=6.3 + 20)

    def test_gives_up_where_another_was_told_to_slow_down_for_long(
        self, gate: SharedLimit, hand: HandClock
    ) -> None:
        gate.acquire("search")
        hand.meanwhile = [lambda: gate.record("search", 403, {"retry-after": "900"})]

        with pytest.raises(NotYet) as caught:
            gate.acquire("search")

        assert caught.value.until == NOON + timedelta(seconds=6.3 + 900)

    def test_is_closed_until_the_reset_once_github_has_nothing_left(
        self, gate: SharedLimit, hand: HandClock
    ) -> None:
        reset = str(int(NOON.timestamp()) + 50)
        gate.acquire("search")

        gate.record("search", 200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset})

        with pytest.raises(NotYet) as caught:
            gate.acquire("search")
        assert caught.value.until == NOON + timedelta(seconds=51)

    def test_knows_after_a_restart_what_it_knew_before(
        self, gate: SharedLimit, settings: Settings, hand: HandClock
    ) -> None:
        gate.acquire("search")
        gate.record("search", 429, {"retry-after": "25"})

        with connect(settings) as later:
            SharedLimit(later, settings, hand, hand.sleep).acquire("search")

        assert hand.slept == [25]

    def test_leaves_promised_moments_alone_when_an_answer_comes_in(
        self, gate: SharedLimit, hand: HandClock
    ) -> None:
        gate.acquire("search")

        gate.record("search", 200, {"x-ratelimit-remaining": "9"})

        gate.acquire("search")
        assert hand.slept == [6.3]


# Aggregation

AS_OF = datetime(2026, 3, 10, 12, 20, tzinfo=UTC)
BUILT = AS_OF + timedelta(minutes=4, seconds=30, milliseconds=250)
ROUNDED_STARTS = {
    "1h": datetime(2026, 3, 10, 11, 20, tzinfo=UTC),
    "24h": datetime(2026, 3, 9, 12, 20, tzinfo=UTC),
    "7d": datetime(2026, 3, 3, 12, tzinfo=UTC),
    "30d": datetime(2026, 2, 8, 12, tzinfo=UTC),
    "365d": datetime(2025, 3, 10, tzinfo=UTC),
}
ROUNDINGS = {"1h": MINUTE, "24h": MINUTE, "7d": HOUR, "30d": HOUR, "365d": DAY}
LENGTHS = {"1h": HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "365d": 365 * DAY}
SLOTS = (
    AS_OF - 700 * DAY,  # for 365d, where nothing later is known
    *(start - STEP for start in ROUNDED_STARTS.values()),
    *(ROUNDED_STARTS[name] for name in ("24h", "30d")),
    *(start + STEP for start in ROUNDED_STARTS.values()),
    AS_OF,
)

Polled = dict[str, dict[datetime, list[GitHubRepository]]]  # by slug and slot


def course(github_id: int, at: datetime, **changes: Any) -> GitHubRepository:
    """A repository whose stars grow by the hour, the more the higher its id."""
    hours = (at - (AS_OF - 800 * DAY)) // HOUR
    counts = {
        "stars": 30_000 - 5_000 * github_id + hours * github_id // 3,
        "forks": hours // github_id,
    }
    return repo(github_id, **{**counts, **changes})


def polled() -> Polled:
    """What two lists showed: 2 overtakes 1, 3 is new, 4 was away for long, 5 is on one alone."""
    found: Polled = {"stars": {}, "python": {}}
    for at in SLOTS:
        members = [course(1, at), course(2, at, full_name="Loud/engine", language=None)]
        if at >= ROUNDED_STARTS["1h"] - STEP:
            members.append(course(3, at, full_name="loud/Other", description=None, pushed_at=None))
        if at == AS_OF or at <= ROUNDED_STARTS["30d"] - STEP:
            members.append(course(4, at, stars=30_000, language="Rust"))
        members.sort(key=lambda it: -it.stars)
        found["stars"][at] = members
        later = [course(5, at, stars=400), *(replace(it, stars=it.stars + 1) for it in members)]
        found["python"][at] = sorted(later, key=lambda it: -it.stars)
    return found


def store_all(database: Database, polled: Polled) -> None:
    """Python's answers come a minute after those of `stars`."""
    for ranked, minutes in ((STARS, 1), (PYTHON, 2)):
        for at, members in sorted(polled[ranked.slug].items()):
            places = [Member(member) for member in members]
            with database.write() as session:
                store_poll(session, ranked, at, at + minutes * MINUTE, places, None)


def expected_gain(polled: Polled, slug: str, it: GitHubRepository, window: str) -> Any:
    history = {
        at: there
        for board in (polled["stars"], polled["python"])  # python's, later, are the readings
        for at, members in board.items()
        for there in members
        if there.github_id == it.github_id
    }
    before = [at for at in history if at <= ROUNDED_STARTS[window]]
    if not before or max(before) < AS_OF - 2 * LENGTHS[window]:
        return None
    since = max(before)
    kept = {"7d": HOUR, "30d": HOUR, "365d": DAY}.get(window, STEP)  # what thinning leaves is last
    then = max(at for at in polled[slug] if at <= clock.ceil(since, kept))
    ranks = [[there.github_id for there in polled[slug][at]] for at in (then, AS_OF)]
    was_listed = it.github_id in ranks[0]
    return {
        "stars": it.stars - history[since].stars,
        "forks": it.forks - history[since].forks,
        "rank": ranks[0].index(it.github_id) - ranks[1].index(it.github_id) if was_listed else None,
        "since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
    }


def expected_total(items: list[Any]) -> dict[str, Any]:
    gains = {name: [it["gains"][name] for it in items if it["gains"][name]] for name in LENGTHS}
    return {
        "repositories": len(items),
        "stars": sum(it["stars"] for it in items),
        "gains": {
            name: {"stars": sum(it["stars"] for it in known), "repositories": len(known)}
            for name, known in gains.items()
        },
    }


def expected_totals(board: dict[str, Any], kind: str) -> dict[str, Any]:
    groups = {it[kind] for it in board["items"]}
    totals = [
        {kind: group, **expected_total([it for it in board["items"] if it[kind] == group])}
        for group in groups
    ]
    totals.sort(key=lambda it: -it["stars"])
    return {**{name: board[name] for name in ("list", "as_of", "built_at")}, "items": totals}


def expected_board(polled: Polled, ranked: RankedList, fetched_at: str) -> dict[str, Any]:
    members = polled[ranked.slug][AS_OF]
    return {
        "list": ranked.slug,
        "title": ranked.title,
        "as_of": "2026-03-10T12:20:00Z",
        "fetched_at": fetched_at,
        "built_at": "2026-03-10T12:24:30.250Z",
        "next_build_at": "2026-03-10T12:30:30Z",
        "suspect": False,
        "count": len(members),
        "items": [
            {
                "rank": rank,
                "full_name": it.full_name,
                "owner": it.full_name.split("/")[0],
                "name": it.full_name.split("/")[1],
                "stars": it.stars,
                "forks": it.forks,
                "open_issues": it.open_issues,
                "language": it.language,
                "description": it.description,
                "html_url": it.html_url,
                "pushed_at": it.pushed_at and "2026-03-01T12:00:00Z",
                "gains": {name: expected_gain(polled, ranked.slug, it, name) for name in LENGTHS},
            }
            for rank, it in enumerate(members, 1)
        ],
    }


def expected_entry(ranked: RankedList, count: int) -> dict[str, Any]:
    return {
        "slug": ranked.slug,
        "title": ranked.title,
        "as_of": "2026-03-10T12:20:00Z" if count else None,
        "count": count,
        "suspect": False,
        "url": f"/api/v1/lists/{ranked.slug}",
    }


def expected_movers(board: dict[str, Any], window: str) -> dict[str, Any]:
    """The members of a list that counts stars by their gain, or by rank."""
    items = []
    for item in board["items"]:
        gain = item["gains"][window]
        if gain:
            kept = {name: item[name] for name in ("full_name", "rank", "stars", "forks")}
            told = {"gain": gain["stars"], "rank_gain": gain["rank"], "since": gain["since"]}
            items.append(kept | told)
    items.sort(key=lambda item: item["rank"])
    items.sort(key=lambda item: item["gain"], reverse=True)
    head = {name: board[name] for name in ("list", "as_of", "built_at")}
    return {**head, "window": window, "items": items}


class TestAggregation:
    @pytest.fixture
    def three_lists(self, make_settings: MakeSettings) -> Settings:
        return make_settings(lists=(STARS, FORKS, PYTHON))

    def test_gives_the_documents_that_a_plain_computation_gives(
        self, database: Database, three_lists: Settings
    ) -> None:
        data = polled()
        store_all(database, data)

        result = jobs.aggregate_lists(database, three_lists, BUILT)

        stars = expected_board(data, STARS, "2026-03-10T12:21:00Z")
        python = expected_board(data, PYTHON, "2026-03-10T12:22:00Z")
        expected = {
            "lists": {
                "items": [
                    expected_entry(STARS, 4),
                    expected_entry(FORKS, 0),
                    expected_entry(PYTHON, 5),
                ]
            },
            "lists/stars": stars,
            "lists/python": python,
            "languages/stars": expected_totals(stars, "language"),
            "languages/python": expected_totals(python, "language"),
            "owners/stars": expected_totals(stars, "owner"),
            "owners/python": expected_totals(python, "owner"),
            **{f"movers/stars/{it}": expected_movers(stars, it) for it in WINDOWS},
            **{f"movers/python/{it}": expected_movers(python, it) for it in WINDOWS},
        }
        assert result == {"outcome": "published", "lists": 2, "documents": 17}
        assert documents(database) == expected
        assert_telling(stars)

    def test_dates_each_document(self, database: Database, three_lists: Settings) -> None:
        store_all(database, polled())
        poll(database, StubGitHub(answer(board())), ranked=FORKS)  # nine days before

        jobs.aggregate_lists(database, three_lists, BUILT)

        with database.read() as session:
            columns = (Document.as_of, Document.built_at, Document.next_build_at)
            found = {it.name: it for it in session.execute(select(Document.name, *columns))}
        next_build_at = datetime(2026, 3, 10, 12, 30, 30, tzinfo=UTC)
        dates = {name: tuple(row)[1:] for name, row in found.items()}
        for name in ("lists", "lists/stars", "languages/stars", "owners/stars", "lists/python"):
            assert dates[name] == (AS_OF, BUILT, next_build_at)
        assert dates["lists/forks"] == (NOON, BUILT, next_build_at)

    def test_twice_at_one_moment_changes_nothing(
        self, database: Database, settings: Settings
    ) -> None:
        store_all(database, polled())
        jobs.aggregate_lists(database, settings, BUILT)
        with database.read() as session:
            before = session.execute(text("SELECT * FROM document, standing")).all()

        result = jobs.aggregate_lists(database, settings, BUILT)

        with database.read() as session:
            after = session.execute(text("SELECT * FROM document, standing")).all()
        assert result["outcome"] == "published"
        assert after == before

    def test_never_replaces_a_newer_one(self, database: Database, settings: Settings) -> None:
        poll(database, StubGitHub(answer(board())))
        jobs.aggregate_lists(database, settings, slot(2))
        before = documents(database)

        result = jobs.aggregate_lists(database, settings, slot(1))

        assert result["outcome"] == "a newer build is out"
        assert documents(database) == before

    def test_of_nothing_publishes_nothing(self, database: Database, settings: Settings) -> None:
        result = jobs.aggregate_lists(database, settings, BUILT)

        assert result == {"outcome": "no good poll yet"}
        assert documents(database) == {}

    def test_drops_the_documents_of_a_list_that_is_not_wanted_any_more(
        self, database: Database, make_settings: MakeSettings
    ) -> None:
        store_all(database, polled())
        jobs.aggregate_lists(database, make_settings(lists=(STARS, PYTHON)), BUILT)

        jobs.aggregate_lists(database, make_settings(lists=(PYTHON,)), BUILT + MINUTE)

        assert set(documents(database)) == {"lists"} | names_of("python")

    def test_drops_them_too_where_those_wanted_have_no_data_yet(
        self, database: Database, make_settings: MakeSettings
    ) -> None:
        store_all(database, polled())
        jobs.aggregate_lists(database, make_settings(lists=(STARS,)), BUILT)

        jobs.aggregate_lists(database, make_settings(lists=(FORKS,)), BUILT + MINUTE)

        assert documents(database) == {"lists": {"items": [expected_entry(FORKS, 0)]}}


def assert_telling(stars: dict[str, Any]) -> None:
    """The data above has what it takes: gains of every kind, climbers, and windows without."""
    gains = [gain for item in stars["items"] for gain in item["gains"].values()]
    ranks = {gain["rank"] for gain in gains if gain}
    assert None in gains
    assert min(it for it in ranks if it is not None) < 0 < max(filter(None, ranks))
    assert {gain["since"] for gain in gains if gain} >= {
        "2026-03-10T11:10:00Z",
        "2026-03-09T12:20:00Z",
        "2026-03-03T11:50:00Z",
        "2026-02-08T12:00:00Z",
        "2025-03-09T23:50:00Z",
    }


# What RQ calls


class TestJobs:
    @pytest.fixture
    def environment(
        self, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[..., None]:
        def set_all(**variables: str) -> None:
            defaults = {"DATABASE_URL": settings.database_url, "LISTS": "python", "DYNO": ""}
            for name, value in {**defaults, **variables}.items():
                monkeypatch.setenv(name, value)

        return set_all

    @pytest.fixture
    def url(self) -> Iterator[str]:
        """A fake GitHub that listens."""
        world = MadeUpWorld(languages=["Python"])
        with serving.serve(api.create_fake_github(world)) as url:
            yield url

    def test_a_lists_first_good_poll_is_published_at_once_and_later_ones_are_not(
        self, database: Database, environment: Callable[..., None], url: str
    ) -> None:
        environment(GITHUB_API_URL=url)
        current = clock.floor(clock.now(), STEP)

        first = jobs.poll("python", current)
        published = documents(database)
        jobs.poll("python", current)

        assert first is None
        assert set(published) == {"lists"} | names_of("python")
        assert published["lists/python"]["count"] == 100
        assert documents(database) == published

    def test_a_poll_without_a_turn_comes_back_when_it_has_one(
        self, database: Database, environment: Callable[..., None]
    ) -> None:
        environment(GITHUB_API_URL="http://127.0.0.1:1")
        now = clock.now()
        with database.write() as session:
            later = Allowance(clock.EPOCH, blocked_until=now + 100 * MINUTE)
            rate_limits.save_allowance(session, "search", later)

        retry = jobs.poll("python", clock.floor(now, STEP))

        assert retry is not None
        assert 6_000 - 5 <= retry.intervals[0] <= 6_001
        assert polls(database) == []

    def test_a_poll_that_fails_fails_as_a_job(
        self, database: Database, environment: Callable[..., None]
    ) -> None:
        environment(GITHUB_API_URL="http://127.0.0.1:1")

        with pytest.raises(Unreachable):
            jobs.poll("python", clock.floor(clock.now(), STEP))

        assert [row[1] for row in polls(database)] == [FAILED]
        assert documents(database) == {}

    def test_a_poll_of_a_list_that_is_not_wanted_any_more_does_nothing(
        self, database: Database, environment: Callable[..., None]
    ) -> None:
        environment(GITHUB_API_URL="http://127.0.0.1:1")

        result = jobs.poll("rust", clock.floor(clock.now(), STEP))

        assert result is None
        assert polls(database) == []

    @pytest.mark.sqlite
    def test_the_aggregation_publishes_and_tidies(
        self, database: Database, settings: Settings, environment: Callable[..., None]
    ) -> None:
        environment()
        poll(database, StubGitHub(answer(board())), ranked=PYTHON)

        jobs.aggregate()

        assert documents(database)["lists/python"]["as_of"] == clock.rfc3339(NOON)
        log = Path(settings.database_url.removeprefix("sqlite:///") + "-wal")
        assert log.read_bytes() == b""
