"""Polls of lists: what is shown, what is doubted, and what a phantom exit comes to."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

import models
from core import clock
from core.clock import DAY, HOUR
from core.lists import RankedList
from core.repository import GitHubRepository, SearchAnswer
from github import polling
from github.client import GitHub
from github.errors import BadAnswer, GitHubError, Gone, NotYet, RateLimited, Unreachable
from github.polling import DONE_BEFORE
from github.shared_limit import SharedLimit
from local.demo import OpenGate
from local.fake_github import api
from local.fake_github.limits import Quota
from local.fake_github.worlds import FakeRepository, MadeUpWorld
from models import FAILED, GOOD, MISSED, SUSPECT, Poll
from settings import Settings
from store import builds
from store.database import Database
from tests.support.github import (
    FORKS,
    MINUTE,
    NOON,
    PYTHON,
    STARS,
    STEP,
    HandClock,
    StubGitHub,
    answer,
    board,
    documents,
    ids,
    poll,
    polls,
    readings,
    repo,
    shown,
    slot,
)


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

    def test_that_lost_its_stars_has_the_count_that_github_gives_and_is_off_the_list(
        self, database: Database
    ) -> None:
        poll(database, StubGitHub(answer(board())), 0)
        private_for_a_day = repo(50, stars=3)
        github = StubGitHub(answer(board(without=[50])), {"Quiet/Harbor-50": private_for_a_day})

        result = poll(database, github, 1)

        assert result["outcome"] == GOOD
        assert 50 not in ids(database, 1)
        assert readings(database, 50) == [(slot(0), 45_000), (slot(1), 3)]

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

        builds.aggregate_lists(database, settings, slot(2))
        shown_list = documents(database)["lists/stars"]
        assert shown_list["suspect"] is True
        assert shown_list["as_of"] == clock.rfc3339(slot(0))
        names = [item["full_name"] for item in shown_list["items"]]
        assert names == [it.full_name for it in board()]
        assert documents(database)["lists"]["items"][0]["suspect"] is True

    def test_do_not_begin_a_list(self, database: Database, settings: Settings) -> None:
        poll(database, StubGitHub(answer(board(), incomplete=True)))

        result = builds.aggregate_lists(database, settings, slot(1))

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

        builds.aggregate_lists(database, settings, slot(4))
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


class TestAgainstTheFakeGitHub:
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
