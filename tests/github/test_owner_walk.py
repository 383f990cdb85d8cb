"""All repositories of an owner are followed, as GitHub lists them day by day."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from core import clock
from core.lists import RankedList
from github import client, owner_walk
from github.client import GitHub
from github.errors import BadAnswer, NotYet
from github.shared_limit import SharedLimit
from local.fake_github.worlds import FakeRepository
from models import Follow, Reading
from store import follow_owners, follows, troubles
from store.database import Database
from tests.support.common import MakeSettings
from tests.support.github import item
from tests.support.simulation import Simulation

START = datetime(2026, 11, 23, 12, 3, tzinfo=UTC)
EVERY = timedelta(minutes=10)
TOKEN = "ghp_0123456789abcdef"


def fake(number: int, name: str = "", **changes: Any) -> FakeRepository:
    repo = FakeRepository(
        number, name or f"Quiet/Boat-{number}", 100 * number, 5, 3, "Go", None, START
    )
    return replace(repo, **changes)


@dataclass
class Shelf:
    """A world of the repositories that a test puts on it."""

    repos: list[FakeRepository]

    def search(self, ranked: RankedList, floor: int, at: datetime) -> list[FakeRepository]:
        return [repo for repo in self.repos if repo.stars > floor]

    def by_name(self, full_name: str, at: datetime) -> FakeRepository | None:
        found = (it for it in self.repos if it.full_name.lower() == full_name.lower())
        return next(found, None)

    def by_id(self, github_id: int, at: datetime) -> FakeRepository | None:
        return next((repo for repo in self.repos if repo.github_id == github_id), None)

    def renamed(self, full_name: str, at: datetime) -> int | None:
        return None


@pytest.fixture
def shelf() -> Shelf:
    others = [fake(8, fork=True), fake(9, archived=True), fake(10, "loud/ship")]
    return Shelf([*map(fake, range(1, 6)), *others])


@pytest.fixture
def here(
    database: Database,
    make_settings: MakeSettings,
    shelf: Shelf,
    monkeypatch: pytest.MonkeyPatch,
) -> Simulation:
    """An installation that reads two a page."""
    monkeypatch.setattr(client, "OWNED_A_PAGE", 2)
    return Simulation(database, make_settings(github_token=TOKEN), shelf, START)


def want(here: Simulation, owner: str = "quiet", **kinds: bool) -> bool:
    with here.database.write() as session:
        return follow_owners.follow_owner(session, owner, here.now, **kinds)


def walk(here: Simulation, is_over: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    slot_of = partial(clock.floor, step=EVERY)
    with here.github(turn="owners") as asked:
        return owner_walk.walk_owners(here.database, asked, slot_of, is_over, here.clock)


def followed(here: Simulation) -> list[str]:
    with here.database.read() as session:
        return [row.full_name.partition("-")[2] for row in follows.all_followed(session)]


def unfollow(here: Simulation, name: str) -> None:
    with here.database.write() as session:
        assert follows.unfollow(session, name)


def next_day(here: Simulation, days: int = 1) -> None:
    for _ in range(days):
        here.now += clock.DAY
        walk(here)


def test_all_public_ones_are_followed_with_their_counts_page_by_page(here: Simulation) -> None:
    want(here)

    assert walk(here) == {"pages": 4, "more": False}

    assert followed(here) == ["1", "2", "3", "4", "5"]
    assert [record.path for record in here.requests] == [
        "/users/quiet/repos",
        *[here.requests[1].path] * 3,
    ]
    assert [record.query for record in here.requests[1:]] == [
        f"per_page=2&page={page}" for page in (2, 3, 4)
    ]
    with here.database.read() as session:
        row = session.get_one(Follow, "quiet/boat-3")
        assert row.repository_id is not None
        read = session.execute(
            select(Reading.slot, Reading.stars).where(Reading.repository_id == row.repository_id)
        ).all()
        [(owner, held)] = follow_owners.all_owners(session)
    assert [tuple(it) for it in read] == [(clock.floor(START, EVERY), 300)]
    assert (owner.refreshed_at, held) == (here.now, 5)
    assert walk(here) == {"pages": 0, "more": False}  # until a day is over


def test_forks_and_archived_ones_are_followed_where_one_asks(here: Simulation) -> None:
    want(here, forks=True)
    walk(here)
    assert followed(here) == ["1", "2", "3", "4", "5", "8"]

    assert want(here, forks=True, archived=True)
    walk(here)

    assert followed(here) == ["1", "2", "3", "4", "5", "8", "9"]
    assert not want(here, forks=True, archived=True)


def test_a_day_later_new_ones_come_and_what_is_gone_for_two_days_ends(
    here: Simulation, shelf: Shelf
) -> None:
    want(here)
    walk(here)
    shelf.repos = [*shelf.repos[1:], fake(7)]

    next_day(here)
    assert followed(here) == ["1", "2", "3", "4", "5", "7"]
    next_day(here)

    assert followed(here) == ["2", "3", "4", "5", "7"]


def test_what_somebody_unfollowed_by_name_stays_so(here: Simulation) -> None:
    want(here)
    walk(here)
    unfollow(here, "quiet/boat-2")

    next_day(here, days=2)
    assert followed(here) == ["1", "3", "4", "5"]

    with here.database.write() as session:
        follows.ask(session, "Quiet/Boat-2", here.now, follow=True)
    assert followed(here) == ["1", "2", "3", "4", "5"]


def test_ending_an_owner_leaves_what_was_followed_by_name(here: Simulation) -> None:
    with here.database.write() as session:
        follows.ask(session, "quiet/boat-1", here.now, follow=True)
    want(here)
    walk(here)
    with here.database.write() as session:
        follows.ask(session, "quiet/boat-2", here.now, follow=True)
        session.get_one(Follow, "quiet/boat-3").done_at = here.now
    unfollow(here, "quiet/boat-4")

    with here.database.write() as session:
        assert follow_owners.unfollow_owner(session, "QUIET")
        assert not follow_owners.unfollow_owner(session, "quiet")

    assert followed(here) == ["1", "2"]
    with here.database.read() as session:
        unread = session.scalars(select(Follow.name).where(*follows.UNREAD)).all()
    assert "quiet/boat-5" not in unread  # nobody wants its history any more
    want(here)
    walk(here)
    assert followed(here) == ["1", "2", "3", "4", "5"]


def test_a_rename_is_no_new_one(here: Simulation, shelf: Shelf) -> None:
    want(here)
    walk(here)
    shelf.repos[2] = replace(shelf.repos[2], full_name="Quiet/Ship-33")

    next_day(here)

    assert followed(here) == ["1", "2", "33", "4", "5"]


def test_it_goes_on_where_a_job_ended_or_was_killed(
    here: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    want(here)
    assert walk(here, iter([False, True]).__next__) == {"pages": 1, "more": True}
    store = follow_owners.store_page

    def killed(*arguments: Any) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(follow_owners, "store_page", killed)
    with pytest.raises(KeyboardInterrupt):
        walk(here)
    monkeypatch.setattr(follow_owners, "store_page", store)

    walk(here)

    assert followed(here) == ["1", "2", "3", "4", "5"]
    pages = [record.query.rpartition("=")[2] for record in here.requests[1:]]
    assert pages == ["2", "2", "3", "4"]


def test_an_owner_whom_github_does_not_know_is_a_trouble_and_stops_no_other(
    here: Simulation,
) -> None:
    want(here, "no-body")
    want(here)

    walk(here)

    assert followed(here) == ["1", "2", "3", "4", "5"]
    with here.database.read() as session:
        told = troubles.trouble_of(session, "no-body/*", here.now)
    assert told == "GitHub has no user or organization named no-body"
    asked = len(here.requests)
    here.now += clock.HOUR
    walk(here)
    assert len(here.requests) == asked  # a day may have made one
    want(here, "no-body")
    walk(here)
    assert len(here.requests) == asked + 1  # somebody asks anew


def test_owners_of_the_settings_come_and_go_with_them(here: Simulation) -> None:
    def run(*owners: str) -> list[str]:
        with here.database.write() as session:
            follow_owners.keep_watched(session, owners)
        walk(here)
        return followed(here)

    want(here, "loud")
    assert run("Quiet", "loud") == ["", "1", "2", "3", "4", "5"]
    with here.database.write() as session:
        assert follow_owners.unfollow_owner(session, "loud", watched=True)
    assert run("loud") == [""]
    assert run() == []


def test_what_somebody_names_is_read_before_all_of_an_owner(here: Simulation) -> None:
    want(here)
    walk(here)
    here.now += clock.HOUR
    with here.database.write() as session:
        follows.ask(session, "loud/ship", here.now, follow=True, most=1)  # there is room
        assert follows.room_taken(session) == 1
        row = follows.lease_next(session, here.now)
        last = session.get_one(Follow, "quiet/boat-5")
        assert row is not None and row.name == "loud/ship"
        assert (follows.position(session, row), follows.position(session, last)) == (0, 5)


def test_the_limit_puts_it_back_with_what_it_has(
    here: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    want(here)
    acquire, asked = SharedLimit.acquire, iter((True, True, False, True, True))

    def limited(gate: SharedLimit, *arguments: Any, **how: Any) -> None:
        if not next(asked):
            raise NotYet(here.now + clock.HOUR)
        acquire(gate, *arguments, **how)

    monkeypatch.setattr(SharedLimit, "acquire", limited)
    with pytest.raises(NotYet):
        walk(here)
    assert followed(here) == ["1", "2", "3", "4"]

    walk(here)

    assert followed(here) == ["1", "2", "3", "4", "5"]
    assert len(here.requests) == 4


@pytest.mark.parametrize("fault", ["502", "truncated"])
def test_a_page_that_github_fails_to_give_is_asked_for_again(here: Simulation, fault: str) -> None:
    want(here)
    here.faults.planned = [None, None, fault]

    walk(here)
    assert len(followed(here)) == 4
    walk(here)
    assert len(here.requests) == 3  # it has its rest
    here.now += 10 * clock.MINUTE
    walk(here)

    assert followed(here) == ["1", "2", "3", "4", "5"]
    assert [it.query.rpartition("=")[2] for it in here.requests[1:]] == ["2", "3", "3", "4"]
    with here.database.read() as session:
        assert troubles.trouble_of(session, "quiet/*", here.now) is None


class TestClient:
    def read(
        self, here: Simulation, answers: dict[str, httpx.Response], page: str | None = None
    ) -> tuple[list[str], str | None]:
        def handle(request: httpx.Request) -> httpx.Response:
            return answers[request.url.raw_path.decode()]

        class Free:
            def acquire(self, *_: Any, **__: Any) -> None: ...
            def record(self, *_: Any) -> None: ...

        with GitHub(here.settings, Free(), httpx.MockTransport(handle)) as github:
            read = github.owned("quiet", page)
        return [it.repository.full_name for it in read.repositories], read.next

    def test_an_owner_who_was_renamed_is_found(self, here: Simulation) -> None:
        moved = httpx.Response(301, headers={"Location": "http://github.test/user/7/repos?page=1"})
        link = '<http://github.test/user/7/repos?page=2>; rel="next"'
        answers = {
            "/users/quiet/repos?per_page=2": moved,
            "/user/7/repos?page=1": httpx.Response(
                200, json=[item(), item(private=True)], headers={"Link": link}
            ),
        }

        assert self.read(here, answers) == (["quiet/harbor"], "user/7/repos?page=2")

    @pytest.mark.parametrize(
        "link",
        [
            '<http://elsewhere.test/user/7/repos?page=3>; rel="next"',
            '<http://github.test.elsewhere.test/user/7/repos?page=3>; rel="next"',
            '<http://github.test/user/7/repos?page=2>; rel="next"',
            '<http://github.test/user/7/repos>; rel="next"',
        ],
    )
    def test_no_page_leads_to_another_server_or_in_a_circle(
        self, here: Simulation, link: str
    ) -> None:
        answers = {"/user/7/repos?page=2": httpx.Response(200, json=[], headers={"Link": link})}

        with pytest.raises(BadAnswer, match="its next page is"):
            self.read(here, answers, "user/7/repos?page=2")
