"""Repositories in WATCH are followed wherever they rank, at no more cost than a look."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from rq.job import Job
from sqlalchemy import select

import jobs
from core import clock, lists
from core.plausibility import Member
from core.rate_limit import Allowance
from core.repository import GitHubRepository
from github import polling, sampling
from github.client import GitHub
from github.errors import GitHubError, Gone, NotYet, RateLimited, Refused, Unreachable
from github.polling import DONE_BEFORE
from github.shared_limit import SharedLimit
from local.fake_github import api, serving
from local.fake_github.limits import Quota
from local.fake_github.worlds import FakeRepository
from models import GOOD, MISSED, Reading, Watched
from monitoring.status import watched_status
from queues import Entry
from scheduler import schedule
from settings import Settings
from store import follows, polls, rate_limits, repositories
from store.database import Database, connect
from tests.support.common import MakeSettings, amid_a_slot
from tests.support.github import repo

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STEP = 10 * MINUTE
STARS = lists.KNOWN["stars"]
TOKEN = "ghp_0123456789abcdef"


def slot(number: int) -> datetime:
    return NOON + number * STEP


@dataclass
class OneRepository:
    """A GitHub of one repository, which is renamed and deleted as tests please."""

    name: str = "Quiet/Boat"
    stars: int = 70
    was: set[str] = field(default_factory=set)
    gone: bool = False

    def search(self, *_: object) -> list[FakeRepository]:
        return []

    def by_name(self, full_name: str, at: datetime) -> FakeRepository | None:
        here = not self.gone and full_name.lower() == self.name.lower()
        return FakeRepository(7, self.name, self.stars, 5, 2, "Go", None, NOON) if here else None

    def by_id(self, github_id: int, at: datetime) -> FakeRepository | None:
        return self.by_name(self.name, at) if github_id == 7 else None

    def renamed(self, full_name: str, at: datetime) -> int | None:
        return 7 if full_name in self.was and not self.gone else None


@dataclass
class Watcher:
    """Watches `quiet/boat` at a fake GitHub."""

    database: Database
    settings: Settings
    world: OneRepository = field(default_factory=OneRepository)
    limits: dict[str, Quota] = field(default_factory=dict)
    now: datetime = NOON

    def __post_init__(self) -> None:
        self.app = api.create_fake_github(
            self.world, clock=lambda: self.now, limits=self.limits or None
        )

    def watch(self, number: int, name: str = "quiet/boat", late: timedelta = MINUTE) -> Any:
        """Watch for the slot of that number, some time into it."""
        self.now = max(self.now, slot(number) + late)
        gate = SharedLimit(self.database, self.settings, now=lambda: self.now, sleep=self.sleep)
        with GitHub(self.settings, gate, httpx.WSGITransport(self.app)) as github:
            return polling.watch_repository(
                self.database, github, name, slot(number), STEP, lambda: self.now
            )

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @property
    def statuses(self) -> list[int]:
        return [record.status for record in self.app.extensions["fake_github"].log]

    @property
    def used(self) -> int:
        caller = f"Bearer {self.settings.github_token}" if self.settings.github_token else None
        report: dict[str, int] = self.app.extensions["fake_github"].meter.report(
            "core", caller, self.now
        )
        return report["used"]

    def readings(self) -> list[tuple[Any, ...]]:
        columns = (Reading.slot, Reading.stars, Reading.forks, Reading.open_issues)
        with self.database.read() as session:
            found = session.execute(select(*columns).order_by(Reading.slot))
            return [((row[0] - NOON) // STEP, *row[1:]) for row in found]

    def status(self, *names: str) -> list[Any]:
        with self.database.read() as session:
            return list(watched_status(session, names or ("quiet/boat",), self.now))

    def known(self) -> GitHubRepository | Any:
        with self.database.read() as session:
            return repositories.profile(session, "quiet/boat")


@pytest.fixture
def here(database: Database, make_settings: MakeSettings) -> Watcher:
    return Watcher(database, make_settings(github_token=TOKEN))


class FakeWatch:
    """Gives an answer or raises it; something may happen meanwhile."""

    authorized = False

    def __init__(self, reply: Any, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.reply, self.meanwhile = reply, meanwhile
        self.asked: list[tuple[str, str | None]] = []

    def repository_unless(self, name: str, etag: str | None) -> Any:
        self.asked.append((name, etag))
        self.meanwhile()
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


def watch(database: Database, github: Any, number: int = 0, now: Any = None) -> dict[str, Any]:
    moment = now or (lambda: slot(number) + MINUTE)
    return polling.watch_repository(database, github, "quiet/boat", slot(number), STEP, moment)


class TestWatching:
    def test_makes_a_reading_and_the_repository_is_known(self, here: Watcher) -> None:
        result = here.watch(0)

        assert result == {"outcome": GOOD, "changed": True}
        assert here.readings() == [(0, 70, 5, 2)]
        assert here.known().full_name == "Quiet/Boat"

    def test_again_costs_a_token_nothing_while_nothing_changes(self, here: Watcher) -> None:
        here.watch(0)

        results = [here.watch(number) for number in (1, 2)]

        assert results == [{"outcome": GOOD, "changed": False}] * 2
        assert here.statuses == [200, 304, 304]
        assert here.used == 1
        assert here.readings() == [(number, 70, 5, 2) for number in range(3)]

    def test_sees_a_change_and_goes_on_from_its_etag(self, here: Watcher) -> None:
        here.watch(0)
        here.world.stars = 71

        results = [here.watch(number)["changed"] for number in (1, 2)]

        assert results == [True, False]
        assert [row[:2] for row in here.readings()] == [(0, 70), (1, 71), (2, 71)]

    def test_once_a_slot_is_enough(self, here: Watcher) -> None:
        here.watch(0)

        again = here.watch(0, late=9 * MINUTE)

        assert again == {"outcome": DONE_BEFORE}
        assert here.statuses == [200]

    def test_after_the_slots_end_asks_for_nothing(self, here: Watcher) -> None:
        assert here.watch(0, late=STEP) == {"outcome": MISSED}
        assert (here.statuses, here.readings()) == ([], [])

    def test_of_which_the_answer_comes_after_the_slots_end_stores_nothing(
        self, database: Database
    ) -> None:
        moments = iter([NOON + 9 * MINUTE, NOON + STEP, NOON + STEP])

        result = watch(database, FakeWatch((repo(), '"a"')), now=lambda: next(moments))

        assert result == {"outcome": MISSED}
        with database.read() as session:
            assert session.scalars(select(Reading.slot)).all() == []

    def test_leaves_the_reading_that_a_list_made_of_the_slot(self, here: Watcher) -> None:
        with here.database.write() as session:
            boat = repo(7, full_name="Quiet/Boat", stars=68)
            polls.store_poll(session, STARS, NOON, NOON, [Member(boat)], None)

        here.watch(0)

        assert [row[:2] for row in here.readings()] == [(0, 68)]

    def test_gives_way_to_a_list_that_is_polled_later_in_the_slot(self, here: Watcher) -> None:
        here.watch(0)

        with here.database.write() as session:
            boat = repo(7, full_name="Quiet/Boat", stars=72)
            at = NOON + 5 * MINUTE
            polls.store_poll(session, STARS, NOON, at, [Member(boat)], None)

        assert [row[:2] for row in here.readings()] == [(0, 72)]

    def test_follows_a_rename_with_the_history_it_has(self, here: Watcher) -> None:
        here.watch(0)
        here.world.was, here.world.name = {"quiet/boat"}, "Loud/Ship"

        results = [here.watch(number)["outcome"] for number in (1, 2)]

        assert results == [GOOD, GOOD]
        assert here.statuses == [200, 301, 200, 301, 304]
        assert here.known().full_name == "Loud/Ship"
        assert len(here.readings()) == 3

    def test_by_an_old_and_a_new_name_is_of_one(self, here: Watcher) -> None:
        here.world.was, here.world.name = {"quiet/boat"}, "Loud/Ship"

        results = [here.watch(0, name)["outcome"] for name in ("quiet/boat", "loud/ship")]

        assert results == [GOOD, GOOD]
        assert here.readings() == [(0, 70, 5, 2)]

    def test_asks_for_the_name_with_the_etag_it_has(self, database: Database) -> None:
        github = FakeWatch((repo(), '"a"'))
        for number in (0, 1):
            watch(database, github, number)

        assert github.asked == [("quiet/boat", None), ("quiet/boat", '"a"')]

    def test_without_a_turn_stores_nothing(self, database: Database) -> None:
        with pytest.raises(NotYet):
            watch(database, FakeWatch(NotYet(slot(1))))

        with database.read() as session:
            assert session.scalars(select(Watched.name)).all() == []

    def test_that_is_told_that_nothing_changed_since_nothing_is_a_failure_of_githubs(
        self, database: Database, settings: Settings
    ) -> None:
        gate = SharedLimit(database, settings, now=lambda: NOON, sleep=lambda _: None)
        transport = httpx.MockTransport(lambda _: httpx.Response(304))

        with GitHub(settings, gate, transport) as github, pytest.raises(GitHubError):
            watch(database, github)


class TestTrouble:
    @pytest.mark.parametrize(
        "error",
        [
            Gone("/repos/quiet/boat: GitHub answered 404"),
            Unreachable("github.test cannot be reached: refused"),
            RateLimited("/repos/quiet/boat: GitHub answered 429, slow down"),
            Refused("/repos/quiet/boat: GitHub answered 401: Bad credentials"),
        ],
    )
    def test_is_told_until_the_next_success(self, here: Watcher, error: Exception) -> None:
        here.watch(0)

        with pytest.raises(type(error)):
            watch(here.database, FakeWatch(error), 1)

        here.now = slot(1) + 2 * MINUTE
        told = here.status()
        here.watch(1, late=3 * MINUTE)
        assert [(it["age_seconds"], it["last_error"]) for it in told] == [(60, str(error))]
        assert here.status()[0]["last_error"] is None
        assert [row[0] for row in here.readings()] == [0, 1]

    def test_is_told_of_one_that_was_never_there(self, here: Watcher) -> None:
        here.world.gone = True

        with pytest.raises(Gone):
            here.watch(0)

        [told] = here.status()
        assert told["full_name"] == "quiet/boat"
        assert told["last_error"] == "/repos/quiet/boat: GitHub answered 404"

    def test_of_one_that_came_back_as_it_was_costs_nothing_either(self, here: Watcher) -> None:
        here.watch(0)
        here.world.gone = True
        with pytest.raises(Gone):
            here.watch(1)
        here.world.gone = False

        here.watch(2)

        assert here.statuses == [200, 404, 304]
        assert [row[0] for row in here.readings()] == [0, 2]


def test_what_was_not_watched_yet_has_no_age_and_no_error(database: Database) -> None:
    with database.read() as session:
        told = watched_status(session, ("a/b", "Quiet/Boat"), NOON)

    nothing = {"age_seconds": None, "last_error": None}
    assert told == [{"full_name": "a/b", **nothing}, {"full_name": "Quiet/Boat", **nothing}]


# The job


class TestTheJob:
    @pytest.fixture(autouse=True)
    def environment(
        self, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", settings.database_url)
        monkeypatch.setenv("WATCH", "quiet/boat")
        monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:1")

    def test_watches(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving.serve(api.create_fake_github(OneRepository())) as url:
            monkeypatch.setenv("GITHUB_API_URL", url)

            result = jobs.watch("quiet/boat", amid_a_slot(STEP, MINUTE / 3))

        with database.read() as session:
            assert session.scalars(select(Reading.stars)).all() == [70]
        assert result is None

    def test_fails_where_github_is_out_of_reach(self) -> None:
        with pytest.raises(Unreachable):
            jobs.watch("quiet/boat", amid_a_slot(STEP, MINUTE / 3))

    def test_comes_back_when_it_has_a_turn(self, database: Database) -> None:
        now = clock.now()
        with database.write() as session:
            later = Allowance(clock.EPOCH, blocked_until=now + 100 * MINUTE)
            rate_limits.save_allowance(session, "core", later)

        retry = jobs.watch("quiet/boat", clock.floor(now, STEP))

        assert retry is not None
        assert 6_000 - 5 <= retry.intervals[0] <= 6_001


# The schedule


def entries(make_settings: MakeSettings, *names: str, **changes: Any) -> list[Entry]:
    configured = make_settings(watch=names, **changes)
    return [it for it in schedule(configured) if it.function == "jobs.watch"]


class TestTheSchedule:
    def test_has_an_entry_for_each_spread_over_the_interval(
        self, make_settings: MakeSettings
    ) -> None:
        found = entries(make_settings, "a/b", "c/d")

        assert [(it.args, it.offset, it.every) for it in found] == [
            (("a/b",), timedelta(0), STEP),
            (("c/d",), 4 * MINUTE, STEP),
        ]

    def test_gives_no_two_names_one_id_and_each_one_that_rq_allows(
        self, make_settings: MakeSettings, redis: Any
    ) -> None:
        names = ("a/b.c", "a/b-c", "a/b_c", "a/b__c", "a/b_2ec", "a/_", "a/.-", "a-b/c", "a/b-2ec")

        found = entries(make_settings, *names)

        ids = [it.job(NOON, redis).id for it in found]
        assert len({it.id for it in found}) == len(set(ids)) == len(names)
        for it in found:
            it.job(NOON, redis).save()
            assert Job.fetch(it.job(NOON, redis).id, connection=redis).args == (*it.args, NOON)

    def test_of_one_name_is_the_same_however_it_is_written(
        self, make_settings: MakeSettings
    ) -> None:
        ids = [entries(make_settings, name)[0].id for name in ("Quiet/Boat_1", "quiet/boat_1")]

        assert ids[0] == ids[1]

    def test_keeps_watching_apart_from_polling(self, make_settings: MakeSettings) -> None:
        names = [it.name for it in schedule(make_settings(watch=("poll/stars",)))]

        assert len(names) == len(set(names))


def test_a_watched_repository_has_a_document_and_no_place(
    database: Database, settings: Settings
) -> None:
    here = Watcher(database, settings)
    here.watch(0)

    with connect(settings) as other, other.read() as session:
        found = repositories.repository(session, "QUIET/boat")

    assert found is not None
    assert (found.standing.counts.stars, found.standing.rank, found.ranks) == (70, None, {})


class TestFollowed:
    def follow(self, here: Watcher, *names: str) -> None:
        with here.database.write() as session:
            for name in names:
                follows.ask(session, name, here.now, follow=True)

    def sample(self, here: Watcher, number: int, github: Any, jobs_left: int = 99) -> Any:
        here.now = max(here.now, slot(number) + MINUTE)
        left = iter(range(jobs_left))
        return sampling.sample(
            here.database,
            github,
            here.settings,
            slot(number),
            lambda: next(left, None) is None,
            lambda: here.now,
        )

    def test_are_fetched_once_a_slot(self, here: Watcher) -> None:
        self.follow(here, "quiet/boat", "loud/motor")
        github: Any = FakeWatch((repo(7, full_name="Quiet/Boat"), None))

        first = self.sample(here, 0, github)
        again = self.sample(here, 0, github)
        next_slot = self.sample(here, 1, github)

        assert (first, again) == (
            {"sampled": 2, "more": False},
            {"sampled": 0, "more": False},
        )
        assert next_slot["sampled"] == 2

    def test_go_on_in_a_next_job_with_those_that_waited_longest(self, here: Watcher) -> None:
        self.follow(here, "a/a", "b/b", "c/c")
        github: Any = FakeWatch((repo(7), None))

        first = self.sample(here, 0, github, jobs_left=2)
        second = self.sample(here, 0, github)

        assert (first, second["sampled"]) == ({"sampled": 2, "more": True}, 1)
        assert [name for name, _ in github.asked] == ["a/a", "b/b", "c/c"]

    def test_that_github_withholds_keep_no_other_waiting(self, here: Watcher) -> None:
        self.follow(here, "a/a", "b/b")

        result = self.sample(here, 0, FakeWatch(Refused("forbidden")))

        assert result == {"sampled": 0, "more": False}
        assert [it["last_error"] for it in here.status("a/a", "b/b")] == ["forbidden"] * 2

    def test_wait_for_the_moment_that_githubs_limit_names(self, here: Watcher) -> None:
        self.follow(here, "a/a", "b/b")
        github: Any = FakeWatch(NotYet(NOON + 9 * STEP))

        with pytest.raises(NotYet):
            self.sample(here, 0, github)

        assert len(github.asked) == 1
