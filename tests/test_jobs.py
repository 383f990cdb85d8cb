"""The jobs as RQ calls them: by name, with what the environment says."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue, Retry, SimpleWorker
from sqlalchemy import select

import jobs
from core import clock
from core.rate_limit import Allowance
from github.errors import Refused, Unreachable
from local.fake_github import api, serving
from local.fake_github.worlds import MadeUpWorld
from models import FAILED, Standing, StarHistory
from settings import Settings
from store import follows, intervals, rate_limits
from store.database import Database
from tests.support.common import amid_a_slot
from tests.support.github import (
    MINUTE,
    NOON,
    PYTHON,
    STEP,
    StubGitHub,
    answer,
    board,
    documents,
    names_of,
    poll,
    polls,
)


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
        current = amid_a_slot(STEP, MINUTE / 3)

        first = jobs.poll("python", current)
        published = documents(database)
        jobs.poll("python", current)

        assert first is None
        assert set(published) == {"lists"} | names_of("python")
        assert published["lists/python"]["count"] == 100
        assert documents(database) == published
        with database.read() as session:
            assert intervals.changes(session) == [(current, STEP)]

    def test_star_histories_of_what_was_polled_are_read_as_far_as_the_limit_allows(
        self, database: Database, environment: Callable[..., None], url: str
    ) -> None:
        environment(GITHUB_API_URL=url)
        jobs.poll("python", amid_a_slot(STEP, MINUTE / 3))

        assert jobs.walk_histories() is None  # nothing is left to do at once

        with database.read() as session:
            rows = session.scalars(select(StarHistory)).all()
            placed = session.scalars(select(Standing).order_by(Standing.rank).limit(5)).all()
        assert {row.repository_id for row in rows} == {it.repository_id for it in placed}
        assert {row.pages_read for row in rows} == {1}

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

    def test_a_poll_that_no_repetition_changes_ends_as_a_job(
        self, environment: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise Refused("GitHub knows no such language")

        environment(GITHUB_API_URL="http://127.0.0.1:1")
        monkeypatch.setattr(jobs, "poll_list", refuse)

        assert jobs.poll("python", amid_a_slot(STEP, MINUTE / 3)) is None

    def test_a_poll_that_fails_fails_as_a_job(
        self, database: Database, environment: Callable[..., None]
    ) -> None:
        environment(GITHUB_API_URL="http://127.0.0.1:1")

        with pytest.raises(Unreachable):
            jobs.poll("python", amid_a_slot(STEP, MINUTE / 3))

        assert [row[1] for row in polls(database)] == [FAILED]
        assert documents(database) == {}

    def test_a_poll_of_a_list_that_is_not_wanted_any_more_does_nothing(
        self, database: Database, environment: Callable[..., None]
    ) -> None:
        environment(GITHUB_API_URL="http://127.0.0.1:1")

        result = jobs.poll("rust", amid_a_slot(STEP, MINUTE / 3))

        assert result is None
        assert polls(database) == []

    def test_a_history_that_another_worker_reads_is_looked_at_again_later(
        self, database: Database, environment: Callable[..., None]
    ) -> None:
        environment(GITHUB_API_URL="http://127.0.0.1:1")
        with database.write() as session:
            follows.ask(session, "o/r", clock.now(), follow=False)
            follows.lease_next(session, clock.now())

        retry = jobs.read_history("o/r")

        assert retry is not None and retry.intervals == [jobs.BETWEEN_LOOKS]
        assert jobs.read_history() is None

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


RAN: list[str] = []


def batch() -> Retry | None:
    """A batch without a turn at first, which then goes on twice."""
    RAN.append("batch")
    runs = RAN.count("batch")
    if runs == 1:
        return Retry(max=9, interval=0, enqueue_at_front=True)
    return jobs._again(runs < 4)


def other() -> None:
    RAN.append("other")


def test_a_batch_goes_on_behind_what_waits_though_it_was_postponed_before(redis: Redis) -> None:
    RAN.clear()
    queue = Queue(connection=redis)
    for job in (batch, other):
        queue.enqueue(job)

    SimpleWorker([queue], connection=redis).work(burst=True, logging_level=None)  # type: ignore[arg-type]

    assert RAN == ["batch", "batch", "other", "batch", "batch"]
