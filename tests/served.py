"""A site with an hour of the list `stars` behind it, as several modules' tests ask it."""

from datetime import UTC, datetime, timedelta

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import jobs
import lists
import models
from models import Database
from settings import Settings
from test_jobs import FakeGitHub, answer, poll, repo

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BUILT = NOON + timedelta(minutes=5, milliseconds=250)
NOW = NOON + 7 * MINUTE
STARS, FORKS, PYTHON = (lists.KNOWN[slug] for slug in ("stars", "forks", "python"))


def fill(settings: Settings) -> None:
    """Store an hour of the list `stars`: a lead is lost, a name changes."""
    harbor, engine = repo(1, full_name="Quiet/Harbor"), repo(2, full_name="Loud/engine")
    renamed = repo(2, full_name="Loud/Motor", stars=50_000, forks=3, description=None)
    with models.connect(settings) as database:
        database.upgrade()
        poll(database, FakeGitHub(answer([harbor, engine])), -6)
        poll(database, FakeGitHub(answer([renamed, harbor])), 0)
        jobs.aggregate_lists(database, settings, BUILT)


def database_of(client: FlaskClient) -> Database:
    database: Database = client.application.extensions["database"]
    return database


def publish(client: FlaskClient, built_at: datetime) -> None:
    settings = client.application.extensions["settings"]
    jobs.aggregate_lists(database_of(client), settings, built_at)


def problem(response: TestResponse) -> tuple[int, str]:
    """The status and detail of an error, which has the shape of all errors."""
    assert response.content_type == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json is not None
    assert response.json == {
        "type": "about:blank",
        "title": response.status.partition(" ")[2].title(),
        "status": response.status_code,
        "detail": response.json["detail"],
        "instance": response.request.path,
    }
    return response.status_code, response.json["detail"]
