"""The status page, and its strips of a day."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from rq_scheduler import Scheduler

from core import clock
from core.rate_limit import Allowance
from monitoring.status import ListStatus
from queues import ENTRY_PREFIX
from store import identities, rate_limits
from store.database import Database
from tests.support.archive import line, write_day
from tests.support.common import MakeApp
from tests.support.imported import bring
from tests.support.jobs import give_up
from tests.support.pages import by_the_front, read
from tests.support.served import MINUTE, NOW, database_of
from web import status_page

pytestmark = pytest.mark.usefixtures("now")


@by_the_front
class TestStatus:
    def test_says_what_is_wrong_first(self, full: FlaskClient) -> None:
        text = read(full.get("/status")).text

        wrong = text.index("What is wrong Redis cannot be reached")
        assert wrong < text.index("Stars missed polls in the last 24 hours.")
        assert wrong < text.index("Polls of the last 24 hours")

    def test_calls_wrong_what_was_missed_in_the_last_hours(
        self, full: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = read(full.get("/status")).text
        monkeypatch.setattr(clock, "now", lambda: NOW + 2 * clock.HOUR)
        later = read(full.get("/status")).text

        assert "Stars missed polls in the last 2 h." in now
        assert "Stars missed polls in the last 2 h." not in later

    def test_says_how_many_imported_names_were_asked_for(
        self, full: FlaskClient, database: Database, tmp_path: Path
    ) -> None:
        bring(database, write_day(tmp_path, line("Old/one"), line("Old/two")))
        with database.write() as session:
            [(repository_id, _)] = identities.unidentified(session, 1, NOW)
            identities.identify(session, repository_id, None, NOW)

        assert "Imported names 1 of 2 names asked" in read(full.get("/status")).text
        assert full.get("/api/v1/status").json["names"] == {"asked": 1, "of": 2}  # type: ignore[index]

    def test_has_its_table_as_csv(self, full: FlaskClient) -> None:
        assert "/api/v1/status?format=csv" in read(full.get("/status")).all("a", "href")

    def test_shows_a_limit_as_github_said_until_it_is_whole_again(
        self, full: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with database_of(full).write() as session:
            search = Allowance(NOW, NOW, 1, limit=30, remaining=11, reset_at=NOW + MINUTE)
            rate_limits.save_allowance(session, "search", search)

        before = read(full.get("/status")).text
        monkeypatch.setattr(clock, "now", lambda: NOW + 3 * MINUTE)
        after = read(full.get("/status")).text

        assert "GitHub, search 11 of 30 until 12:08" in before
        assert "GitHub, search 30 of 30 Polls" in after

    def test_shows_the_next_run_of_each_kind(
        self, database: Database, make_app: MakeApp, redis: Redis, valkey_url: str
    ) -> None:
        minutes = {f"poll-{it}": it for it in range(36)} | {"aggregate": 50, "thin": 60}
        runs = {
            f"{ENTRY_PREFIX}{it}": (NOW + at * MINUTE).timestamp() for it, at in minutes.items()
        }
        redis.zadd(Scheduler.scheduled_jobs_key, runs)

        text = read(make_app(redis_url=valkey_url).test_client().get("/status")).text

        runs_told = "poll-0 12:07:00, and 35 more aggregate 12:57:00 thin 13:07:00"
        assert f"Next runs {runs_told} Public" in text

    def test_is_of_the_moment(self, full: FlaskClient) -> None:
        assert full.get("/status").headers["Cache-Control"] == "no-store"

    def test_shows_what_was_missed_in_words_too(self, full: FlaskClient) -> None:
        page = full.get("/status").text

        assert 'aria-label="without a good answer: 5 at 11:10"' in page
        assert 'aria-label="not polled yet"' in page

    def test_tells_queues_workers_and_what_was_given_up(
        self, database: Database, make_app: MakeApp, redis: Redis, valkey_url: str
    ) -> None:
        give_up(redis, "poll-stars")
        client = make_app(redis_url=valkey_url).test_client()

        text = read(client.get("/status")).text

        assert "No worker has given a sign of life" in text
        assert "1 job was given up in the queue default." in text
        assert "Queue default 0 waiting, 1 failed" in text


@by_the_front
class TestStrip:
    def test_is_a_day_of_what_was_received_and_missed(self, app: Flask) -> None:
        of: ListStatus = {
            "slug": "stars",
            "as_of": None,
            "age_seconds": None,
            "expected": 12,
            "received": 9,
            "gaps": [
                {"from": "2026-03-01T10:07:00Z", "to": "2026-03-01T10:17:00Z", "slots": 1},
                {"from": "2026-03-01T11:07:00Z", "to": "2026-03-01T11:27:00Z", "slots": 2},
            ],
            "suspects": [
                {"from": "2026-03-01T11:17:00Z", "to": "2026-03-01T11:27:00Z", "slots": 1}
            ],
            "last_error": None,
        }

        found = status_page.day_strip(of, 10 * MINUTE, NOW)

        missed = [(1320, 10, "missed"), (1380, 20, "missed")]
        assert found == [(1320, 120, "received"), *missed, (1390, 10, "suspect")]
