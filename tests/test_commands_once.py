"""Commands that do once what the jobs do."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from core import clock
from core.clock import HOUR
from core.rate_limit import Allowance
from local.fake_github import api, serving
from local.fake_github.worlds import MadeUpWorld
from store import rate_limits
from store.database import Database
from tests.support.common import NEEDED, MakeApp
from tests.support.github import StubGitHub, answer, poll, repo
from tests.support.served import MINUTE, NOW, PYTHON, STARS, publish, run

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def github() -> Iterator[str]:
    """The URL of a fake GitHub that listens."""
    world = MadeUpWorld(languages=["Python"])
    with serving.serve(api.create_fake_github(world)) as url:
        yield url


NOT_THERE = (
    f"Error: the database's schema is missing, this version needs {NEEDED}: "
    "run `flask --app app upgrade`\n"
)


@pytest.mark.parametrize("make_app", ["by Flask"], indirect=True)
class TestCommands:
    @pytest.fixture
    def now(self) -> None:
        """Commands are of today: jobs have a clock of their own."""

    def test_upgrade_poll_and_aggregate_make_a_site(self, make_app: MakeApp, github: str) -> None:
        app = make_app(github_api_url=github)
        started = clock.now()

        upgraded = run(app, "upgrade")
        polled = run(app, "poll", "--list", "Python")
        aggregated = run(app, "aggregate")

        assert upgraded == (0, "The schema is up to date.\n", "")
        assert (polled[0], polled[1].splitlines()[-1], polled[2]) == (0, "Polled 1 of 1 lists.", "")
        assert aggregated == (0, "19 documents of 1 lists: published.\n", "")
        served = app.test_client().get("/api/v1/lists/python").json
        assert served is not None
        as_of = clock.parse(served["as_of"])
        assert started - 10 * MINUTE < as_of <= clock.now()
        assert (as_of, served["count"]) == (clock.floor(as_of, 10 * MINUTE), 100)

    def test_upgrade_may_be_run_again(self, app: Flask) -> None:
        assert run(app, "upgrade") == (0, "The schema is up to date.\n", "")

    @pytest.mark.parametrize("command", ["poll", "aggregate"])
    def test_need_a_schema(self, make_app: MakeApp, command: str) -> None:
        assert run(make_app(), command) == (1, "", NOT_THERE)

    @pytest.mark.parametrize("command", [("follow", "a/b"), ("unfollow", "a/b"), ("follows",)])
    def test_followers_need_a_schema_too_and_say_the_way_out(
        self, make_app: MakeApp, command: tuple[str, ...]
    ) -> None:
        assert run(make_app(), *command) == (1, "", NOT_THERE)

    @pytest.mark.parametrize("command", ["poll", "aggregate", "upgrade"])
    def test_need_a_database(self, make_app: MakeApp, command: str) -> None:
        app = make_app(database_url="postgresql://starboard:pass-word@127.0.0.1:1/starboard")

        status, output, errors = run(app, command)

        assert (status, output) == (1, "")
        assert errors.startswith("Error: the database cannot be used: connection failed")
        assert errors.count("\n") == 1
        assert "pass-word" not in errors

    def test_upgrade_says_so_where_the_schema_is_of_a_newer_version(
        self, app: Flask, database: Database
    ) -> None:
        with database.write() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

        status, _, errors = run(app, "upgrade")

        assert (status, errors.count("\n")) == (1, 1)
        assert "9999" in errors

    def test_poll_says_which_list_is_meant(self, app: Flask) -> None:
        status, output, errors = run(app, "poll", "--list", "pyhton")

        assert (status, output) == (2, "")
        assert errors.endswith(
            "Error: Invalid value for --list: no list named 'pyhton'; did you mean 'python'?\n"
        )

    def test_poll_fails_in_one_line_where_github_is_out_of_reach(
        self, database: Database, make_app: MakeApp
    ) -> None:
        app = make_app(github_api_url="http://127.0.0.1:1", lists=(STARS,))

        status, output, errors = run(app, "poll")

        assert (status, output.splitlines()[-1]) == (1, "Polled 0 of 1 lists.")
        assert errors == "stars: 127.0.0.1 cannot be reached: [Errno 111] Connection refused\n"

    def test_poll_fails_where_the_answer_is_not_believed(
        self, database: Database, make_app: MakeApp, github: str
    ) -> None:
        app = make_app(github_api_url=github)
        poll(
            database,
            StubGitHub(answer([repo(number) for number in range(1, 9)])),
            -1,
            ranked=PYTHON,
        )

        status, output, errors = run(app, "poll", "--list", "python")

        assert (status, output.splitlines()[-1]) == (1, "Polled 0 of 1 lists.")
        assert errors == "python: suspect, not shown: 8 repositories vanished at once\n"

    def test_poll_goes_on_after_a_list_that_fails(
        self, database: Database, make_app: MakeApp
    ) -> None:
        with database.write() as session:
            until = clock.floor(clock.now(), HOUR) + 2 * HOUR
            blocked = Allowance(clock.EPOCH, blocked_until=until)
            rate_limits.save_allowance(session, "search", blocked)

        status, output, errors = run(make_app(), "poll")

        why = f"GitHub's rate limit allows the next request at {clock.rfc3339(until)}"
        assert (status, output.splitlines()[-1]) == (1, "Polled 0 of 2 lists.")
        assert errors == f"stars: {why}\npython: {why}\n"

    def test_poll_of_a_slot_that_is_done_is_done(
        self, database: Database, make_app: MakeApp, github: str
    ) -> None:
        app = make_app(github_api_url=github, poll_every=HOUR)
        run(app, "poll", "--list", "python")

        status, output, errors = run(app, "poll", "--list", "python")

        assert (status, output.splitlines()[-1], errors) == (0, "Polled 1 of 1 lists.", "")

    def test_poll_fails_where_the_slot_ends_meanwhile(
        self,
        database: Database,
        make_app: MakeApp,
        github: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        app = make_app(github_api_url=github)
        monkeypatch.setattr(clock, "now", lambda: NOW)  # the command's clock, not that of jobs

        status, output, _ = run(app, "poll", "--list", "python")

        assert (status, output.splitlines()[-1]) == (1, "Polled 0 of 1 lists.")

    def test_aggregate_needs_a_poll(self, app: Flask) -> None:
        assert run(app, "aggregate") == (
            1,
            "",
            "Error: no good poll yet: run `flask --app app poll` first\n",
        )

    def test_aggregate_leaves_a_newer_build_alone(self, full: FlaskClient) -> None:
        publish(full, clock.now() + clock.TOLERANCE)

        assert run(full.application, "aggregate") == (
            0,
            "19 documents of 1 lists: a newer build is out.\n",
            "",
        )
