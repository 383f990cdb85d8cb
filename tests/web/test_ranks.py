"""A repository's rank on a list over time: all that polls told, and nothing that none told."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from core.clock import DAY, HOUR
from store.database import Database
from tests.support.common import MakeApp
from tests.support.served import problem
from tests.support.stored import NOON, gap, put, repo

pytestmark = [
    pytest.mark.usefixtures("now"),
    pytest.mark.parametrize("make_app", ["by Flask"], indirect=True),
]
PATH = "/api/v1/repos/Quiet/Harbor-1/ranks"
LAST, FIRST = [repo(2, stars=5_000), repo(1)], [repo(1), repo(2)]


@pytest.fixture
def site(database: Database, make_app: MakeApp) -> FlaskClient:
    """Polls of three days; it led, was second, was not on the list, and led again."""
    put(database, *FIRST, at=NOON - 3 * DAY)
    put(database, *LAST, at=NOON - DAY)
    put(database, repo(2), at=NOON - HOUR)
    gap(database, at=NOON - timedelta(minutes=30))
    put(database, *LAST, at=NOON - timedelta(minutes=20), doubt="suspect")
    put(database, *FIRST, at=NOON)
    return make_app().test_client()


def points(client: FlaskClient, query: str = "") -> list[tuple[str, int | None]]:
    response = client.get(f"{PATH}?{query}")
    assert response.json is not None
    assert response.status_code == 200, response.json
    return [(it["at"][5:16], it["rank"]) for it in response.json["points"]]


def test_each_good_poll_is_a_point_and_null_is_not_on_the_list(site: FlaskClient) -> None:
    assert points(site, "step=10m") == [
        ("02-26T12:00", 1),
        ("02-28T12:00", 2),
        ("03-01T11:00", None),
        ("03-01T12:00", 1),
    ]


def test_the_last_poll_of_a_step_counts_and_a_span_has_its_own_step(site: FlaskClient) -> None:
    assert points(site, "step=1d") == [
        ("02-26T12:00", 1),
        ("02-28T12:00", 2),
        ("03-01T12:00", 1),
    ]
    assert points(site, "from=2026-02-28T12:00:00Z&to=2026-03-01T12:00:00Z") == [
        ("02-28T12:00", 2),
        ("03-01T11:00", None),
    ]


def test_a_long_series_comes_in_pages(site: FlaskClient) -> None:
    first = site.get(f"{PATH}?step=10m&limit=3")
    following = first.headers["Link"].partition(">")[0].removeprefix("<")
    second = site.get(following)

    assert first.json is not None and second.json is not None
    assert [len(it.json["points"]) for it in (first, second) if it.json] == [3, 1]
    assert "Link" not in second.headers


def test_what_cannot_be_told_says_why(site: FlaskClient) -> None:
    assert problem(site.get("/api/v1/repos/no/body/ranks"))[0] == 404
    assert problem(site.get(f"{PATH}?list=nope"))[0] == 404
    assert problem(site.get(f"{PATH}?from=2026-03-01&to=2026-02-01"))[0] == 400
    assert points(site, "list=python") == []
    assert points(site, "from=9999-12-31T23:59:59Z") == []
