"""Open issues of imported days, from the file to the page: null where the archive does not count
them as GitHub does, and never a fall that was none."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core import clock
from history import thinning
from store.database import Database
from tests.support.archive import line, write_day
from tests.support.imported import bring
from tests.support.served import publish
from tests.support.stored import put, repo, rows

LAST, FIRST = date(2021, 8, 19), date(2021, 8, 20)  # with pull requests; without
LIVE = clock.parse("2021-08-21T12:00:00Z")
HISTORY = "/api/v1/repos/torvalds/linux/history?from=2021-08-01&to=2021-09-01&step=1d"
TOLD = [
    {
        "at": "2021-08-19T00:00:00Z",
        "stars": 115_000,
        "forks": 7,
        "open_issues": 324,
        "source": "reading",
    },
    {
        "at": "2021-08-20T00:00:00Z",
        "stars": 115_100,
        "forks": 7,
        "open_issues": None,
        "source": "reading",
    },
    {
        "at": "2021-08-21T12:00:00Z",
        "stars": 115_200,
        "forks": 7,
        "open_issues": 330,
        "source": "reading",
    },
]


@pytest.fixture
def client(app: Flask, database: Database, tmp_path: Path) -> FlaskClient:
    """A client of a site that has imported two days, and polled on the next."""
    for day, stars, issues in ((LAST, 115_000, 324), (FIRST, 115_100, 0)):
        linux = line("torvalds/linux", stars, issues=issues)
        gone = line("Quiet/Harbor", 9, issues=issues)
        bring(database, write_day(tmp_path, linux, gone, day=day))
    return app.test_client()


def poll_and_build(client: FlaskClient, database: Database) -> None:
    linux = repo(1, full_name="torvalds/linux", stars=115_200, forks=7, open_issues=330)
    put(database, linux, at=LIVE)
    publish(client, LIVE)


def test_are_null_in_the_database_from_the_day_on_that_they_lack_pull_requests(
    client: FlaskClient, database: Database
) -> None:
    for table in ("reading", "placement"):
        found = rows(database, f"SELECT open_issues FROM {table} ORDER BY slot, repository_id")
        assert found == [(324,), (324,), (None,), (None,)]


def test_are_null_in_a_series_and_stay_so_when_it_is_thinned(
    client: FlaskClient, database: Database
) -> None:
    poll_and_build(client, database)
    before: Any = client.get(HISTORY).json

    thinning.thin(database, LIVE + 100 * clock.DAY)
    after: Any = client.get(HISTORY).json

    assert before["points"] == after["points"] == TOLD


def test_are_null_in_a_list_as_it_stood_and_told_in_one_of_today(
    client: FlaskClient, database: Database
) -> None:
    poll_and_build(client, database)

    def open_issues(query: str) -> list[int | None]:
        board: Any = client.get(f"/api/v1/lists/stars{query}").json
        return [item["open_issues"] for item in board["items"]]

    found = [open_issues(query) for query in ("?at=2021-08-19", "?at=2021-08-20", "")]
    assert found == [[324, 324], [None, None], [330]]


def test_of_a_repository_that_was_only_imported_are_a_dash_on_the_page_and_null_in_the_api(
    client: FlaskClient, database: Database
) -> None:
    poll_and_build(client, database)

    told: Any = client.get("/api/v1/repos/quiet/harbor").json
    page = client.get("/repos/Quiet/Harbor")
    compared = client.get("/compare?repos=Quiet/Harbor,torvalds/linux")
    chart = client.get("/charts/Quiet/Harbor.svg")

    assert told["open_issues"] is None
    assert [it.status_code for it in (page, compared, chart)] == [200, 200, 200]
    assert "<dt>Open issues</dt><dd>–</dd>" in page.text
    assert '<td class="num other">–</td>' in compared.text


def test_may_be_null_by_the_description_of_the_api(client: FlaskClient) -> None:
    description: Any = client.get("/openapi.json").json

    described = [
        it["properties"]["open_issues"]
        for it in description["components"]["schemas"].values()
        if "open_issues" in it.get("properties", {})
    ]
    assert len(described) == 4  # items of a list and of a table, a repository, a point of a series
    for schema in described:
        assert {it["type"] for it in schema["anyOf"]} == {"integer", "null"}
