"""`flask --app app notify`, and the jobs behind it, as a worker runs them."""

from collections.abc import Iterator

import pytest
from flask import Flask

import jobs
from core import clock, list_names, notify_setting
from core.clock import DAY, HOUR
from models import Reading
from settings import from_environment
from store.database import Database, insert_rows
from tests.support.common import MakeApp
from tests.support.notified import Webhooks, webhooks
from tests.support.stored import NOON, STARS, publish, put, repo, rows, snapshot_of

TARGETS = """
urls:
  - json://{host}/hook:
      tag: always, stars, o/r, apache
  - json://{host}/Secret123
"""


@pytest.fixture
def hooks() -> Iterator[Webhooks]:
    with webhooks() as taken:
        yield taken


@pytest.fixture
def app(database: Database, make_app: MakeApp, hooks: Webhooks) -> Flask:
    setting = notify_setting.parse("", lambda path: TARGETS.format(host=hooks.host))
    return make_app(notify=setting)


def run(app: Flask, *args: str) -> tuple[int, str]:
    with app.app_context():
        result = app.test_cli_runner().invoke(args=["notify", *args])
    return result.exit_code, result.output


class TestCommand:
    def test_lists_the_targets_and_what_each_is_told(self, app: Flask) -> None:
        status, output = run(app)

        assert output.splitlines() == [
            "1 (json)  everything, the owner apache, the repository o/r, the list stars; 0 waiting",
            "2 (json)  what concerns followed repositories, and trouble; 0 waiting",
        ]
        assert status == 0

    def test_a_test_is_sent_to_each_now(self, app: Flask, hooks: Webhooks) -> None:
        assert run(app, "--test") == (0, "1 (json)  sent\n2 (json)  sent\n")
        assert [it["kind"] for it in hooks.messages()] == ["test"]

    def test_one_that_fails_is_told_without_its_url(self, app: Flask, hooks: Webhooks) -> None:
        hooks.status = 404

        failed = "failed: it answered 404 (Not Found)"
        assert run(app, "--test") == (1, f"1 (json)  {failed}\n2 (json)  {failed}\n")

    def test_without_targets_it_says_where_to_read_on(
        self, database: Database, make_app: MakeApp
    ) -> None:
        assert run(make_app()) == (1, "Error: NOTIFY is not set: see docs/notifications.md\n")


def test_a_spike_of_a_followed_repository_is_told_by_the_jobs(
    database: Database,
    valkey_url: str,
    hooks: Webhooks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "REDIS_URL": valkey_url,
        "LISTS": "stars",
        "WATCH": "Quiet/Harbor-1",
        "NOTIFY": f"json://{hooks.host}/hook",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(clock, "now", lambda: NOON)
    assert list_names.FOLLOWED.slug in [each.slug for each in from_environment().lists]
    put(database, repo(1, stars=1_000), repo(2, stars=900), at=NOON - HOUR)
    midnight = clock.floor(NOON, DAY)
    with database.write() as session:
        columns = ("repository_id", "slot", "stars", "forks", "open_issues", "list_id")
        counts = [*(500 + 5 * day for day in range(30)), 995]  # 350 on the last day
        insert_rows(
            session,
            Reading,
            columns,
            [
                (1, int((midnight - (30 - day) * DAY).timestamp()), stars, 1, 1, None)
                for day, stars in enumerate(counts)
            ],
        )
    publish(database, {"lists": {}}, snapshot_of(database, STARS))
    jobs.notify()  # begins

    jobs.spikes()
    jobs.spikes()
    jobs.notify()

    [message] = hooks.messages()
    assert message["kind"] == "spike" and message["full_name"] == "Quiet/Harbor-1"
    assert message["detail"] == {"day": "2026-02-28", "gain": 350, "usual": 5}
    assert rows(database, "SELECT count(*) FROM outbox WHERE due_at IS NOT NULL") == [(0,)]
    assert rows(database, "SELECT count(*) FROM event WHERE kind = 'spike'") == [(1,)]

    monkeypatch.setenv("NOTIFY", "")
    jobs.spikes()
    assert rows(database, "SELECT count(*) FROM notified WHERE name LIKE 'target%'") == [(0,)]
