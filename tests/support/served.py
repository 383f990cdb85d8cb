"""A site with an hour of the list `stars` behind it, as several modules' tests ask it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core import clock, lists
from settings import Settings
from store import builds
from store.database import Database, connect
from tests.support.github import StubGitHub, answer, poll, repo

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BUILT = NOON + timedelta(minutes=5, milliseconds=250)
NOW = NOON + 7 * MINUTE
STARS, FORKS, PYTHON = (lists.KNOWN[slug] for slug in ("stars", "forks", "python"))


def fill(settings: Settings) -> None:
    """Store an hour of the list `stars`: a lead is lost, a name changes."""
    harbor, engine = repo(1, full_name="Quiet/Harbor"), repo(2, full_name="Loud/engine")
    renamed = repo(2, full_name="Loud/Motor", stars=50_000, forks=3, description=None)
    with connect(settings) as database:
        database.upgrade()
        poll(database, StubGitHub(answer([harbor, engine])), -6)
        poll(database, StubGitHub(answer([renamed, harbor])), 0)
        builds.aggregate_lists(database, settings, BUILT)


def database_of(client: FlaskClient) -> Database:
    database: Database = client.application.extensions["database"]
    return database


def publish(client: FlaskClient, built_at: datetime) -> None:
    """Publish a build of that moment, at the earliest then."""
    settings, later = client.application.extensions["settings"], max(built_at, clock.now())
    with patch.object(clock, "now", lambda: later):
        builds.aggregate_lists(database_of(client), settings, built_at)


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


NO_GAINS: dict[str, Any] = dict.fromkeys(("1h", "24h", "7d", "30d", "365d"))

NO_TOTALS = dict.fromkeys(NO_GAINS, {"stars": 0, "repositories": 0, "github": 0})

MOTOR = {
    "full_name": "Loud/Motor",
    "owner": "Loud",
    "name": "Motor",
    "stars": 50_000,
    "forks": 3,
    "open_issues": 3,
    "language": "Python",
    "description": None,
    "html_url": "https://github.com/Quiet/Harbor-2",
    "pushed_at": "2026-03-01T12:00:00Z",
    "gains": {
        **NO_GAINS,
        "1h": {
            "stars": 200,
            "forks": 1,
            "rank": 1,
            "since": "2026-03-01T11:00:00Z",
            "source": "reading",
        },
    },
}

HARBOR = {
    "full_name": "Quiet/Harbor",
    "owner": "Quiet",
    "name": "Harbor",
    "stars": 49_900,
    "forks": 1,
    "open_issues": 3,
    "language": "Python",
    "description": "Boats, moored",
    "html_url": "https://github.com/Quiet/Harbor-1",
    "pushed_at": "2026-03-01T12:00:00Z",
    "gains": {
        **NO_GAINS,
        "1h": {
            "stars": 0,
            "forks": 0,
            "rank": -1,
            "since": "2026-03-01T11:00:00Z",
            "source": "reading",
        },
    },
}

TOTALS = {
    "list": "stars",
    "as_of": "2026-03-01T12:00:00Z",
    "built_at": "2026-03-01T12:05:00.250Z",
}

CHANGES = {
    "list": "stars",
    "known_since": "2026-03-01T11:00:00Z",
    "as_of": "2026-03-01T12:00:00Z",
}

SHAPES: dict[str, Any] = {
    "/healthz": {"status": "ok"},
    "/readyz": {"status": "ok"},
    "/api/v1": {
        "name": "Starboard",
        "description": "/openapi.json",
        "lists": "/api/v1/lists",
        "list": "/api/v1/lists/{slug}",
        "languages": "/api/v1/languages?list={slug}",
        "at": "/api/v1/lists/{slug}?at={time}",
        "movers": "/api/v1/lists/{slug}/movers?window={window}&by={by}",
        "changes": "/api/v1/lists/{slug}/changes?window={window}",
        "events": "/api/v1/events?list={slug}&after={cursor}",
        "owners": "/api/v1/owners?list={slug}",
        "repository": "/api/v1/repos/{owner}/{name}",
        "repositories": "/api/v1/repos?repos={owner}/{name},{owner}/{name}",
        "history": "/api/v1/repos/{owner}/{name}/history?from={time}&to={time}&step={step}",
        "ranks": "/api/v1/repos/{owner}/{name}/ranks?list={slug}",
        "follows": "/api/v1/follows",
        "status": "/api/v1/status",
        "chart": "/charts/{owner}/{name}.svg",
        "comparison": "/charts.svg?repos={owner}/{name},{owner}/{name}",
        "badge": "/badges/{owner}/{name}.json",
        "feed": "/feeds/{slug}.atom",
    },
    "/api/v1/lists": {
        "items": [
            {
                "slug": "stars",
                "title": "Stars",
                "as_of": "2026-03-01T12:00:00Z",
                "count": 2,
                "suspect": False,
                "url": "/api/v1/lists/stars",
            },
            {
                "slug": "python",
                "title": "Python",
                "as_of": None,
                "count": 0,
                "suspect": False,
                "url": "/api/v1/lists/python",
            },
        ]
    },
    "/api/v1/lists/stars": {
        "list": "stars",
        "title": "Stars",
        "as_of": "2026-03-01T12:00:00Z",
        "fetched_at": "2026-03-01T12:01:00Z",
        "built_at": "2026-03-01T12:05:00.250Z",
        "next_build_at": "2026-03-01T12:15:30Z",
        "suspect": False,
        "count": 2,
        "items": [{"rank": 1, **MOTOR}, {"rank": 2, **HARBOR}],
    },
    "/api/v1/lists/stars/movers?window=1h": {
        **TOTALS,
        "window": "1h",
        "items": [
            {
                "full_name": "Loud/Motor",
                "rank": 1,
                "stars": 50_000,
                "forks": 3,
                "gain": 200,
                "percent": 0.4,
                "rank_gain": 1,
                "since": "2026-03-01T11:00:00Z",
                "source": "reading",
            },
            {
                "full_name": "Quiet/Harbor",
                "rank": 2,
                "stars": 49_900,
                "forks": 1,
                "gain": 0,
                "percent": 0.0,
                "rank_gain": -1,
                "since": "2026-03-01T11:00:00Z",
                "source": "reading",
            },
        ],
    },
    "/api/v1/lists/stars/changes?window=1h": {
        **CHANGES,
        "window": "1h",
        "since": "2026-03-01T11:00:00Z",
        "entered": [],
        "left": [],
    },
    "/api/v1/lists/stars/changes": {
        **CHANGES,
        "window": "24h",
        "since": None,
        "entered": None,
        "left": None,
    },
    "/api/v1/lists/stars/movers": {**TOTALS, "window": "24h", "items": []},
    "/api/v1/events": {
        "items": [
            {
                "cursor": 1,
                "at": "2026-03-01T12:00:00Z",
                "list": "stars",
                "kind": "overtook",
                "full_name": "Loud/Motor",
                "detail": {"rank": 1, "overtaken": "Quiet/Harbor"},
            },
            {
                "cursor": 2,
                "at": "2026-03-01T12:00:00Z",
                "list": "stars",
                "kind": "milestone",
                "full_name": "Loud/Motor",
                "detail": {"stars": 50_000},
            },
        ],
        "next": 2,
    },
    "/api/v1/repos/loud/motor/history": {
        "full_name": "Loud/Motor",
        "step": "10m",
        "from": "2026-03-01T00:00:00Z",
        "to": "2026-03-01T12:10:00Z",
        "points": [
            {
                "at": "2026-03-01T11:00:00Z",
                "stars": 49_800,
                "forks": 2,
                "open_issues": 3,
                "source": "reading",
            },
            {
                "at": "2026-03-01T12:00:00Z",
                "stars": 50_000,
                "forks": 3,
                "open_issues": 3,
                "source": "reading",
            },
        ],
    },
    "/api/v1/repos/loud/motor/ranks": {
        "full_name": "Loud/Motor",
        "list": "stars",
        "step": "10m",
        "points": [
            {"at": "2026-03-01T11:00:00Z", "rank": 2},
            {"at": "2026-03-01T12:00:00Z", "rank": 1},
        ],
    },
    "/api/v1/languages": {
        **TOTALS,
        "items": [
            {
                "language": "Python",
                "repositories": 2,
                "stars": 99_900,
                "gains": {**NO_TOTALS, "1h": {"stars": 200, "repositories": 2, "github": 0}},
            }
        ],
    },
    "/api/v1/owners?list=stars": {
        **TOTALS,
        "items": [
            {
                "owner": "Loud",
                "repositories": 1,
                "stars": 50_000,
                "gains": {**NO_TOTALS, "1h": {"stars": 200, "repositories": 1, "github": 0}},
            },
            {
                "owner": "Quiet",
                "repositories": 1,
                "stars": 49_900,
                "gains": {**NO_TOTALS, "1h": {"stars": 0, "repositories": 1, "github": 0}},
            },
        ],
    },
    "/api/v1/repos/Loud/Motor": {
        "rank": 1,
        **MOTOR,
        "as_of": "2026-03-01T12:00:00Z",
        "ranks": [{"list": "stars", "rank": 1}],
        "followed": False,
        "history": {"state": "none", "from": None, "pages_read": 0, "pages": None, "why": None},
        "links": {
            "self": "/api/v1/repos/Loud/Motor",
            "github": "https://github.com/Quiet/Harbor-2",
        },
    },
    "/api/v1/status": {
        "lists": [
            {
                "slug": "stars",
                "as_of": "2026-03-01T12:00:00Z",
                "age_seconds": 360,
                "expected": 7,
                "received": 2,
                "gaps": [
                    {"from": "2026-03-01T11:10:00Z", "to": "2026-03-01T12:00:00Z", "slots": 5}
                ],
                "suspects": [],
                "last_error": None,
            },
            {
                "slug": "python",
                "as_of": None,
                "age_seconds": None,
                "expected": 0,
                "received": 0,
                "gaps": [],
                "suspects": [],
                "last_error": None,
            },
        ],
        "watched": [],
        "queues": None,
        "workers": None,
        "next_runs": None,
        "jobs": None,
        "build": {
            "built_at": "2026-03-01T12:05:00.250Z",
            "age_seconds": 119,
            "next_build_at": "2026-03-01T12:15:30Z",
        },
        "github": [
            {
                "resource": resource,
                "limit": None,
                "remaining": None,
                "reset_at": None,
                "next_request_at": "2026-03-01T12:07:00Z",
            }
            for resource in ("search", "core")
        ],
        "troubles": [],
        "names": {"asked": 0, "of": 0},
        "sampling": {"repositories": 0, "every_seconds": 600},
        "wrong": [
            {
                "sentence": "Redis cannot be reached, so no job can run. "
                "What is stored is served all the same.",
                "action": "Start Redis where REDIS_URL says, such as by `valkey-server`; `make "
                "run` starts its own again. The schedule puts itself back.",
                "next_try_at": None,
            },
            {
                "sentence": "Stars missed polls in the last 2 h.",
                "action": "No job runs without Redis: see to that first.",
                "next_try_at": None,
            },
        ],
    },
}

DOCUMENTS = ("/api/v1/lists", "/api/v1/lists/stars", "/api/v1/languages", "/api/v1/owners")
LIST = "/api/v1/lists/stars"
MOVERS, EVENTS, HISTORY = f"{LIST}/movers", "/api/v1/events", "/api/v1/repos/loud/motor/history"


def points(client: FlaskClient, query: str) -> list[str]:
    response = client.get(f"{HISTORY}?{query}")
    assert response.status_code == 200
    assert response.json is not None
    return [it["at"][11:16] for it in response.json["points"]]


def run(app: Flask, *arguments: str) -> tuple[int, str, str]:
    """A command's exit status, output and errors. The context is the one that `flask` gives."""
    with app.app_context():
        result = app.test_cli_runner().invoke(args=list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr
