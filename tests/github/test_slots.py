"""Slots: in whatever order polls and aggregations run, however often, whichever are lost or break
off, what is shown is what a clean run over the polls that succeeded shows."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies
from sqlalchemy import event, select
from sqlalchemy.orm import Session

import models
from core import clock, leaderboards, lists
from core.lists import RankedList
from github import polling
from github.client import GitHub
from github.errors import GitHubError
from local.demo import OpenGate
from local.fake_github import api
from local.fake_github.limits import Quota
from local.fake_github.worlds import FakeRepository
from models import Document
from settings import Settings
from store import builds
from store.database import Database
from store.repositories import repository

START = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
EVERY = timedelta(minutes=10)
SLOTS = (0, 1, 6, 7, 8, 151)  # far enough from one another for gains over an hour and a day
END = START + timedelta(hours=27)
POLLED = tuple(lists.KNOWN[slug] for slug in ("stars", "forks", "python"))
SIZE = 10  # places on a list here, so that a poll takes milliseconds

Came = Literal["good", "unreachable", "too late"]
Which = tuple[str, int]  # slug and slot
Install = Callable[..., AbstractContextManager["Installation"]]


def moment(which: Which) -> datetime:
    """When a poll asks, always: each list at its own moment of a slot, in turns."""
    slug, slot = which
    place = [ranked.slug for ranked in POLLED].index(slug)
    return START + slot * EVERY + timedelta(seconds=1 + 5 * ((place + slot) % len(POLLED)))


@dataclass
class Changing:
    """A small GitHub whose every figure follows from the moment alone. A World for the fake GitHub.

    Counts change each second and members overtake each other; from some slot on 3 has another
    name, 5 has the one that 4 had, 6 is gone, 7 is Python, 8 has lost stars, 20 is there.
    """

    names: dict[int, dict[int, str]] = field(  # by number: the slot since which it bears a name
        default_factory=lambda: {
            3: {0: "owner/three", 6: "other/three"},
            4: {0: "owner/name", 6: "owner/four"},
            5: {0: "owner/five", 7: "owner/name"},
        }
    )

    def everyone(self, at: datetime) -> list[FakeRepository]:
        slot = (at - START) // EVERY
        numbers = [number for number in range(1, 17) if (number, slot >= 8) != (6, True)]
        return [self.repo(number, at) for number in [*numbers, *([20] if slot >= 7 else [])]]

    def repo(self, number: int, at: datetime) -> FakeRepository:
        slot, seconds = (at - START) // EVERY, (at - START) // timedelta(seconds=1)
        lost, won = 3_000 * (number == 8 and slot >= 6), 3_900 * (number == 20)
        python = number % 2 == 0 or (number == 7 and slot >= 1)
        return FakeRepository(
            github_id=number,
            full_name=self.name(number, slot),
            stars=20_000 - 200 * number + seconds * ((number * 5) % 9) // 10 - lost + won,
            forks=900 + (number * 37) % 17 * 40 + seconds * (number % 5) // 40,
            open_issues=number + slot,
            language="Python" if python else None,
            description=f"as of {slot}",
            pushed_at=clock.floor(at, timedelta(seconds=5)),
        )

    def name(self, number: int, slot: int) -> str:
        named = self.names.get(number, {0: f"owner/repo-{number}"})
        return named[max(since for since in named if since <= slot)]

    def search(self, ranked: RankedList, floor: int, at: datetime) -> list[FakeRepository]:
        found = [
            repo
            for repo in self.everyone(at)
            if ranked.language in (None, repo.language) and getattr(repo, ranked.count) > floor
        ]
        return sorted(found, key=lambda repo: -getattr(repo, ranked.count))

    def by_name(self, full_name: str, at: datetime) -> FakeRepository | None:
        return next((repo for repo in self.everyone(at) if repo.full_name == full_name), None)

    def by_id(self, github_id: int, at: datetime) -> FakeRepository | None:
        return next((repo for repo in self.everyone(at) if repo.github_id == github_id), None)

    def renamed(self, full_name: str, at: datetime) -> int | None:
        found = (repo.github_id for repo in self.everyone(at))
        named = (it for it in found if full_name in self.names.get(it, {}).values())
        return next(named, None)


ASKED_FOR = [
    *(f"owner/{name}" for name in ("three", "four", "name", "five")),
    *("other/three", "owner/repo-6", "owner/repo-7", "owner/repo-8", "owner/repo-20"),
]


class Undated(httpx.WSGITransport):
    """Here polls come in any order, each at the time of its slot: GitHub's clock would say that
    those of later slots are from the future."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        del response.headers["Date"]
        return response


@dataclass
class Installation:
    """The jobs' own code over a database, at the moments that a plan says."""

    database: Database
    world: Changing
    now: datetime = START

    def __post_init__(self) -> None:
        unlimited = Quota(10**9, 10**9, clock.HOUR)
        self.github = api.create_fake_github(
            self.world,
            clock=lambda: self.now,
            limits={"search": unlimited, "core": unlimited},
        )
        self.settings = Settings(github_api_url="http://github.test", lists=POLLED)

    def poll(self, which: Which, came: Came = "good") -> str:
        """One try of a job; gives what came of it."""
        slug, slot = which
        self.now = moment(which) + (EVERY if came == "too late" else timedelta(0))
        transport = Unreachable() if came == "unreachable" else Undated(self.github)
        ranked, at = lists.KNOWN[slug], START + slot * EVERY
        with GitHub(self.settings, OpenGate(), transport) as github:
            result = polling.poll_list(self.database, github, ranked, at, EVERY, lambda: self.now)
        outcome: str = result["outcome"]
        return outcome

    def aggregate(self, now: datetime) -> str:
        outcome: str = builds.aggregate_lists(self.database, self.settings, now)["outcome"]
        return outcome

    def shown(self) -> dict[str, Any]:
        """What requests are answered with: every document, and what names find."""
        with self.database.read() as session:
            documents = {
                it.name: (it.body, it.etag, it.as_of, it.built_at, it.next_build_at)
                for it in session.scalars(select(Document))
            }
            found = {name: repository(session, name) for name in ASKED_FOR}
        repositories = {
            name: it and (leaderboards.facts(it.standing, it.history), it.ranks)
            for name, it in found.items()
        }
        return documents | repositories

    def copy(self) -> bytes:
        """The database as it is, to start another with."""
        self.database.checkpoint_wal()
        assert self.database.engine.url.database is not None
        return Path(self.database.engine.url.database).read_bytes()

    def stored(self) -> dict[str, list[str]]:
        """All rows of all tables."""
        with self.database.read() as session:
            return {
                table.name: sorted(map(repr, session.execute(select(table))))
                for table in models.Base.metadata.sorted_tables
            }


class Unreachable(httpx.BaseTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody listens", request=request)


@pytest.fixture(autouse=True)
def _short_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "SIZE", SIZE)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An empty database with its schema, to copy."""
    path = tmp_path_factory.mktemp("template") / "empty.db"
    with Database(f"sqlite:///{path}") as database:
        database.upgrade()
        database.checkpoint_wal()
    return path.read_bytes()


@pytest.fixture
def install(template: bytes, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """An installation with an empty database: `with install() as here`."""

    @contextmanager
    def start(
        kind: type[Database] = Database,
        world: Changing | None = None,
        start_as: bytes = template,
    ) -> Iterator[Installation]:
        path = tmp_path_factory.mktemp("example") / "starboard.db"
        path.write_bytes(start_as)
        with kind(f"sqlite:///{path}") as database:
            yield Installation(database, world or Changing())

    return start


def shown_by_a_clean_run(
    install: Install, polls: Iterable[Which], end: datetime = END, world: Changing | None = None
) -> dict[str, Any]:
    """What is shown after each poll ran once, in the order of their moments."""
    with install(world=world) as here:
        for which in sorted(set(polls), key=moment):
            assert here.poll(which) == "good"
        here.aggregate(end)
        return here.shown()


whichs = strategies.tuples(
    strategies.sampled_from([ranked.slug for ranked in POLLED]), strategies.sampled_from(SLOTS)
)
cames = strategies.sampled_from(["good"] * 8 + ["unreachable", "too late"])
moments = strategies.sampled_from([START + slot * EVERY for slot in (1, 2, 8, 9, 150, 155)])
as_elsewhere = settings(
    phases=[Phase.generate],  # a failure is shown as it is: shrinking takes long
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


# Order, repetition and loss


@settings(as_elsewhere, max_examples=10)
@given(
    plan=strategies.lists(
        strategies.one_of(strategies.tuples(whichs, cames), moments), min_size=8, max_size=40
    )
)
def test_any_order_repetition_and_loss_of_polls_and_builds_shows_what_a_clean_run_shows(
    plan: list[tuple[Which, Came] | datetime], install: Install
) -> None:
    succeeded = set()

    with install() as here:
        for step in plan:
            if isinstance(step, datetime):
                here.aggregate(step)
                continue
            with suppress(GitHubError):
                outcome = here.poll(*step)
                assert outcome in ("good", "missed", "done before")
                succeeded |= {step[0]} if outcome == "good" else set()
        here.aggregate(END)
        shown = here.shown()

    assert shown == shown_by_a_clean_run(install, succeeded)


@pytest.mark.parametrize("order", [*permutations((0, 7, 8))], ids=str)
def test_a_name_that_nobody_bears_any_more_finds_the_last_that_bore_it_in_any_order_of_polls(
    order: tuple[int, ...], install: Install
) -> None:
    names = {4: {0: "owner/name", 7: "owner/four"}, 5: {0: "owner/five", 7: "owner/name"}}
    names[5][8] = "owner/moved"
    polls = [("stars", slot) for slot in order]

    with install(world=Changing(names)) as here:
        for which in polls:
            here.poll(which)
        here.aggregate(END)
        shown = here.shown()

    assert shown["owner/name"][0]["full_name"] == "owner/moved"
    assert shown == shown_by_a_clean_run(install, polls, world=Changing(names))


# Builds that overtake each other


class Patient(Database):
    """Where a thread has a turn, its write waits for that."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.turns: dict[int, tuple[threading.Event, threading.Event]] = {}

    @contextmanager
    def write(self, *what: str) -> Iterator[Session]:
        if turn := self.turns.get(threading.get_ident()):
            came, may_go = turn
            came.set()
            assert may_go.wait(timeout=20)
        with super().write(*what) as session:
            yield session


@dataclass
class SlowBuild:
    """An aggregation that has read, and publishes when it is told to."""

    here: Installation
    now: datetime
    outcome: str | None = None

    def __post_init__(self) -> None:
        self._came, self._may_go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._came.wait(timeout=20)

    def _run(self) -> None:
        assert isinstance(self.here.database, Patient)
        self.here.database.turns[threading.get_ident()] = self._came, self._may_go
        self.outcome = self.here.aggregate(self.now)
        del self.here.database.turns[threading.get_ident()]

    def publish(self) -> str | None:
        self._may_go.set()
        self._thread.join()
        return self.outcome


@settings(as_elsewhere, max_examples=5)
@given(
    batches=strategies.lists(
        strategies.lists(whichs, min_size=1, max_size=4), min_size=3, max_size=3
    ),
    order=strategies.permutations(range(3)),
)
def test_a_build_that_began_earlier_never_replaces_a_newer_one(
    batches: list[list[Which]], order: list[int], install: Install
) -> None:
    outcomes, builds = [], []

    with install(Patient) as here:
        for minutes, batch in enumerate(batches):
            for which in batch:
                here.poll(which)
            builds.append(SlowBuild(here, END + timedelta(minutes=minutes)))
        for number in order:
            outcomes.append(builds[number].publish())
        shown = here.shown()

    assert outcomes == [
        "published" if number == max(order[: place + 1]) else "a newer build is out"
        for place, number in enumerate(order)
    ]
    polls = [which for batch in batches for which in batch]
    assert shown == shown_by_a_clean_run(install, polls, END + timedelta(minutes=2))


# Breaking off


class BrokenOff(Exception):
    """What no code expects."""


class Fragile(Database):
    """Breaks off at the write's point number `at`: before each statement, before the commit, and
    after it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.at: int | None = None
        self._writing = False
        self.break_off: Callable[[], object] = self._raise
        event.listen(self.engine, "before_cursor_execute", self._point)
        event.listen(self.engine, "commit", self._point)

    @contextmanager
    def write(self, *what: str) -> Iterator[Session]:
        self._writing = True
        try:
            with super().write(*what) as session:
                yield session
            self._point()
        finally:
            self._writing = False

    def _point(self, *_: object) -> None:
        if self.at is None or not self._writing:
            return
        self.at -= 1
        if self.at < 0:
            self.break_off()

    def _raise(self) -> None:
        raise BrokenOff


def in_child(work: Callable[[], object]) -> bool:
    """Whether `work` ended in a forked child; false where that was killed in its midst."""
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            work()
            os._exit(0)
        os._exit(2)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code == 0


def kill_myself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


BEFORE: list[Which] = [("stars", 0), ("forks", 0), ("python", 0), ("stars", 6), ("forks", 7)]
WORK: dict[str, Callable[[Installation], object]] = {
    "a poll": lambda here: here.poll(("stars", 7)),
    "a build": lambda here: here.aggregate(END),
}


@pytest.mark.parametrize("killed", [False, True], ids=["raises", "killed"])
@pytest.mark.parametrize("name", WORK)
def test_work_that_breaks_off_anywhere_and_is_repeated_leaves_what_doing_it_once_leaves(
    name: str, killed: bool, install: Install
) -> None:
    work = WORK[name]
    broken_off: list[dict[str, list[str]]] = []
    repeated: list[dict[str, list[str]]] = []
    done = False

    with install(Fragile) as here:
        for which in BEFORE:
            here.poll(which)
        here.aggregate(START + 8 * EVERY)
        before, copy = here.stored(), here.copy()
        work(here)
        once = here.stored()
    while not done:
        with install(Fragile, start_as=copy) as here:
            done = breaks_off_at(here, len(repeated), work, killed)
            broken_off.append(here.stored())
            work(here)
            repeated.append(here.stored())

    assert len(repeated) > 5  # as many points as there are, and one more
    assert all(each in (before, once) for each in broken_off)
    assert all(each == once for each in repeated)


def breaks_off_at(
    here: Installation, point: int, work: Callable[[Installation], object], killed: bool
) -> bool:
    """Let work break off at a point; whether it was done before it came there."""
    assert isinstance(here.database, Fragile)
    here.database.at = point
    if killed:
        here.database.break_off = kill_myself
        done = in_child(lambda: work(here))
    else:
        done = False
        with suppress(BrokenOff):
            work(here)
            done = True
    here.database.at = None
    return done
