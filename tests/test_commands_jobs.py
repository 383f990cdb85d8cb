"""The command that shows jobs which were given up, and queues them again."""

from collections.abc import Iterator

import pytest
from flask import Flask
from redis import Redis
from rq import Queue

from local.fake_github import api, serving
from local.fake_github.worlds import MadeUpWorld
from monitoring import redis_status
from tests.support.common import MakeApp
from tests.support.jobs import give_up
from tests.support.served import MINUTE, NOON, run

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def github() -> Iterator[str]:
    """The URL of a fake GitHub that listens."""
    world = MadeUpWorld(languages=["Python"])
    with serving.serve(api.create_fake_github(world)) as url:
        yield url


WHY = "github.Unreachable: 127.0.0.1 cannot be reached"  # as give_up() has it


@pytest.mark.parametrize("make_app", ["by Flask"], indirect=True)
class TestJobs:
    """The command that shows what was given up."""

    @pytest.fixture
    def app(self, make_app: MakeApp, redis: Redis, valkey_url: str) -> Flask:
        """An app with an empty Redis; of the database it needs nothing."""
        return make_app(redis_url=valkey_url)

    def test_are_none_at_first(self, app: Flask) -> None:
        assert run(app, "jobs") == (0, "0 failed.\n", "")

    def test_are_listed_oldest_first(self, app: Flask, redis: Redis) -> None:
        give_up(redis, "aggregate", at=NOON + MINUTE)
        give_up(redis, "poll-stars", queue="low")

        assert run(app, "jobs") == (
            0,
            f"poll-stars  low  2026-03-01T12:00:00Z  {WHY}\n"
            f"aggregate  default  2026-03-01T12:01:00Z  {WHY}\n"
            "2 failed.\n",
            "",
        )

    def test_stay_as_they_are_when_listed(self, app: Flask, redis: Redis) -> None:
        give_up(redis, "poll-stars")

        assert run(app, "jobs") == run(app, "jobs")

    @pytest.mark.parametrize(
        ("arguments", "again"),
        [
            (["--requeue", "b"], ["b"]),
            (["--requeue", "c", "--requeue", "a"], ["c", "a"]),
            (["--requeue-all"], ["a", "b", "c"]),
            (["--requeue-all", "--requeue", "b"], ["a", "b", "c"]),
        ],
    )
    def test_are_queued_again(
        self, app: Flask, redis: Redis, arguments: list[str], again: list[str]
    ) -> None:
        for minutes, name in enumerate("abc"):
            give_up(redis, name, at=NOON + minutes * MINUTE)

        result = run(app, "jobs", *arguments)

        queue = Queue("default", connection=redis)
        assert result == (0, "".join(f"queued again: {name}\n" for name in again), "")
        assert queue.job_ids == again
        assert set(queue.failed_job_registry.get_job_ids()) == set("abc") - set(again)

    def test_are_queued_again_where_they_were(self, app: Flask, redis: Redis) -> None:
        give_up(redis, "import", queue="low")

        run(app, "jobs", "--requeue-all")

        assert Queue("low", connection=redis).job_ids == ["import"]

    def test_that_nobody_knows_keep_the_others_from_being_queued(
        self, app: Flask, redis: Redis
    ) -> None:
        give_up(redis, "poll-stars")

        status, output, errors = run(app, "jobs", "--requeue", "poll-stars", "--requeue", "x:y z")

        assert (status, output) == (2, "")
        assert errors.endswith("\nError: Invalid value for --requeue: no failed job 'x:y z'\n")
        assert Queue("default", connection=redis).job_ids == []

    def test_that_somebody_else_queued_again_are_queued_once(
        self, app: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = give_up(redis, "poll-stars")
        shown = redis_status.failed_jobs(redis)
        monkeypatch.setattr(redis_status, "failed_jobs", lambda _: shown)
        job.requeue()

        code, _, errors = run(app, "jobs", "--requeue", "poll-stars")

        assert (code, errors) == (0, "")
        assert Queue("default", connection=redis).job_ids == ["poll-stars"]

    def test_all_of_none_are_none(self, app: Flask) -> None:
        assert run(app, "jobs", "--requeue-all") == (0, "0 failed.\n", "")

    @pytest.mark.parametrize("arguments", [[], ["--requeue", "a"], ["--requeue-all"]])
    def test_cannot_be_told_where_redis_is_out_of_reach_which_is_one_line_without_its_password(
        self, make_app: MakeApp, arguments: list[str]
    ) -> None:
        app = make_app(redis_url="redis://:pass-word@127.0.0.1:1/0")

        status, output, errors = run(app, "jobs", *arguments)

        assert (status, output) == (1, "")
        assert errors.startswith("Error: Redis cannot be reached: ")
        assert errors.count("\n") == 1
        assert "pass-word" not in errors
