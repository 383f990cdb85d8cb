"""Repositories over the API: by the names they have and had."""

import pytest
from flask.testing import FlaskClient

from tests.support.github import StubGitHub, answer, poll, repo
from tests.support.served import BUILT, MINUTE, PYTHON, SHAPES, database_of, problem, publish

pytestmark = pytest.mark.usefixtures("now")


class TestRepositories:
    @pytest.mark.parametrize("name", ["loud/motor", "LOUD/MOTOR"])
    def test_are_found_by_name_in_any_case(self, full: FlaskClient, name: str) -> None:
        response = full.get(f"/api/v1/repos/{name}")

        assert response.json == SHAPES["/api/v1/repos/Loud/Motor"]

    @pytest.mark.parametrize("name", ["Loud/engine", "loud/ENGINE"])
    def test_are_led_to_from_a_name_of_the_past(self, full: FlaskClient, name: str) -> None:
        response = full.get(f"/api/v1/repos/{name}")

        assert (response.status_code, response.location) == (301, "/api/v1/repos/Loud/Motor")

    def test_bear_a_name_before_those_that_bore_it(self, full: FlaskClient) -> None:
        taken = repo(3, full_name="Loud/Engine", stars=7)
        poll(database_of(full), StubGitHub(answer([taken])), ranked=PYTHON)

        response = full.get("/api/v1/repos/loud/engine")

        assert response.json is not None
        assert (response.status_code, response.json["stars"]) == (200, 7)
        assert (response.json["rank"], response.json["ranks"]) == (None, [])

    def test_have_their_ranks_on_all_lists_in_order(self, full: FlaskClient) -> None:
        harbor = repo(1, full_name="Quiet/Harbor")
        poll(database_of(full), StubGitHub(answer([harbor])), ranked=PYTHON)
        publish(full, BUILT + MINUTE)

        response = full.get("/api/v1/repos/quiet/harbor")

        assert response.json is not None
        assert response.json["ranks"] == [
            {"list": "stars", "rank": 2},
            {"list": "python", "rank": 1},
        ]

    def test_that_nobody_saw_are_not_there(self, full: FlaskClient) -> None:
        response = full.get("/api/v1/repos/no/body")

        assert problem(response) == (404, "no repository named 'no/body' was on any list")

    def test_are_told_apart_by_their_etag(self, full: FlaskClient) -> None:
        first = full.get("/api/v1/repos/loud/motor")

        again = full.get(
            "/api/v1/repos/loud/motor", headers={"If-None-Match": first.headers["ETag"]}
        )

        assert (again.status_code, again.data) == (304, b"")
        assert first.headers["Cache-Control"] == "public, max-age=60"
