"""Errors as pages, and names that try to be more than text."""

import re

import pytest
from flask.testing import FlaskClient

from store.database import Database
from tests.support.common import MakeApp
from tests.support.github import StubGitHub, answer, poll, repo
from tests.support.pages import BROWSER, EVIL, POLICY, Reader, by_the_front, read
from tests.support.served import BUILT, publish

pytestmark = pytest.mark.usefixtures("now")


@by_the_front
class TestErrors:
    @pytest.mark.parametrize(
        ("path", "status", "detail"),
        [
            ("/?list=pyhton", 404, "no list named 'pyhton'; did you mean 'python'?"),
            ("/?window=1w", 400, "window='1w': expected one of 1h, 24h, 7d, 30d, 365d"),
            ("/?widow=1h", 400, "/ has no parameter 'widow'; it takes list, window, order, q"),
            ("/repos/a/nobody", 404, "no repository named 'a/nobody' was on any list"),
            ("/nowhere", 404, "there is nothing here"),
            ("/?list=python", 503, "no data yet"),
        ],
    )
    def test_are_pages_for_those_who_read_pages_and_problems_for_others(
        self, full: FlaskClient, path: str, status: int, detail: str
    ) -> None:
        page = full.get(path, headers=BROWSER)
        problem = full.get(path)

        assert (page.status_code, problem.status_code) == (status, status)
        assert page.content_type == "text/html; charset=utf-8"
        assert detail in Reader(page.text).text
        assert page.headers["Content-Security-Policy"] == POLICY
        assert problem.content_type == "application/problem+json"
        assert detail in problem.text
        for it in (page, problem):
            assert "Accept" in it.headers["Vary"]
            assert it.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("path", ["/", "/repos/loud/motor", "/charts/loud/motor.svg"])
    def test_none_is_what_newsletters_and_networks_add_to_an_address(
        self, full: FlaskClient, path: str
    ) -> None:
        added = {"utm_source": "weekly", "ref": "hn", "fbclid": "x", "v": "2", "sanitize": "true"}

        told = full.get(path, query_string=added)

        assert (told.status_code, told.data) == (200, full.get(path).data)
        assert full.get(path, query_string={"utm": "x"}).status_code == 400
        assert full.get("/api/v1/lists/stars", query_string=added).status_code == 400

    @pytest.mark.parametrize(
        "path", ["/api/v1/nowhere", "/api/v1/lists/x", "/charts.svg", "/static/x"]
    )
    def test_of_the_api_are_problems_for_everybody(self, full: FlaskClient, path: str) -> None:
        assert full.get(path, headers=BROWSER).content_type == "application/problem+json"

    @pytest.mark.parametrize("accept", ["*/*", "application/json", "application/problem+json, */*"])
    def test_are_problems_for_those_who_do_not_ask_for_pages(
        self, full: FlaskClient, accept: str
    ) -> None:
        response = full.get("/?list=x", headers={"Accept": accept})

        assert response.content_type == "application/problem+json"

    def test_before_the_first_poll_say_when_to_come_again(self, client: FlaskClient) -> None:
        response = client.get("/", headers=BROWSER)

        assert (response.status_code, response.headers["Retry-After"]) == (503, "30")
        assert 'data-renew="30"' in response.text
        assert "Try again in 30 seconds" in Reader(response.text).text

    def test_of_the_database_are_pages_too(self, make_app: MakeApp) -> None:
        response = make_app().test_client().get("/", headers=BROWSER)

        assert response.status_code == 503
        assert "/readyz" in response.text


@by_the_front
class TestHostileNames:
    @pytest.fixture
    def hostile(self, client: FlaskClient, database: Database) -> FlaskClient:
        evil = repo(
            1,
            full_name=f"owner/{EVIL}",
            language=EVIL,
            description=EVIL,
            html_url=f"javascript:alert(1)//{EVIL}",
        )
        poll(database, StubGitHub(answer([evil, repo(2, full_name="no-slash")])), -6)
        poll(database, StubGitHub(answer([evil])), -5)
        poll(database, StubGitHub(answer([evil, repo(2, full_name="no-slash")])), 0)
        publish(client, BUILT)
        return client

    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/?q=%3Cscript%3E",
            "/languages",
            "/owners",
            "/status",
            "/repos/owner/%22%3E%3Cscript%3E",
            "/compare?repos=%3Cscript%3E",
            "/?list=%3Cscript%3E",
            "/%3Cscript%3Ealert(1)%3C/script%3E",
        ],
    )
    def test_stay_text(self, hostile: FlaskClient, path: str) -> None:
        page = hostile.get(path, headers=BROWSER)

        assert "<script>" not in page.text
        assert "<img" not in page.text
        assert "49" not in re.findall(r"\{\{.*?\}\}|49(?=\W)", page.text.replace("49,", ""))
        assert "\u202e" not in Reader(page.text).text

    def test_have_a_page_with_links_that_lead_to_github_or_nowhere(
        self, client: FlaskClient, database: Database
    ) -> None:
        evil = repo(1, full_name="a/b", description=EVIL, html_url="javascript:alert(1)")
        poll(database, StubGitHub(answer([evil])), 0)
        publish(client, BUILT)

        page = read(client.get("/repos/a/b"))

        assert not [it for it in page.all("a", "href") if it.startswith("javascript:")]
