"""Health, and replies while there is no data, no schema or no database."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

import app as web_app
from github.errors import Unreachable
from local.fake_github import api, serving
from local.fake_github.worlds import MadeUpWorld
from settings import Settings
from store.database import Database
from tests.support.common import NEEDED, MakeApp
from tests.support.github import StubGitHub, poll
from tests.support.served import DOCUMENTS, LIST, problem

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def github() -> Iterator[str]:
    """The URL of a fake GitHub that listens."""
    world = MadeUpWorld(languages=["Python"])
    with serving.serve(api.create_fake_github(world)) as url:
        yield url


class TestBeforeThereIsData:
    @pytest.mark.parametrize("path", DOCUMENTS)
    def test_documents_are_to_be_asked_for_later(self, client: FlaskClient, path: str) -> None:
        response = client.get(path)

        assert problem(response) == (503, "no data yet: the first poll has not come in")
        assert response.headers["Retry-After"] == "30"

    @pytest.mark.parametrize("path", [LIST, "/api/v1/languages", "/api/v1/owners?list=stars"])
    def test_the_failure_of_the_last_poll_is_told(
        self, client: FlaskClient, database: Database, path: str
    ) -> None:
        with pytest.raises(Unreachable):
            poll(database, StubGitHub(Unreachable("api.github.com cannot be reached: refused")))

        response = client.get(path)

        assert problem(response) == (
            503,
            "no data yet: the last poll of 'stars': api.github.com cannot be reached: refused",
        )
        assert response.headers["Retry-After"] == "30"

    def test_a_list_without_any_waits_while_others_are_served(self, full: FlaskClient) -> None:
        response = full.get("/api/v1/lists/python")

        assert problem(response)[0] == 503
        assert full.get(LIST).status_code == 200


class TestWithoutASchema:
    @pytest.mark.parametrize("path", [*DOCUMENTS, "/api/v1/repos/a/b", "/api/v1/status"])
    def test_reads_say_where_to_look(self, make_app: MakeApp, path: str) -> None:
        response = make_app().test_client().get(path)

        status, detail = problem(response)
        assert (status, detail) == (503, "the database cannot be reached; see /readyz")
        assert response.headers["Retry-After"] == "30"

    def test_it_is_not_ready_and_says_the_way_out(self, make_app: MakeApp) -> None:
        response = make_app().test_client().get("/readyz")

        assert problem(response) == (
            503,
            f"the database's schema is missing, this version needs {NEEDED}: "
            "run `flask --app app upgrade`",
        )
        assert response.headers["Retry-After"] == "30"

    def test_it_is_up_all_the_same(self, make_app: MakeApp) -> None:
        assert make_app().test_client().get("/healthz").status_code == 200


class TestWithoutADatabase:
    @pytest.mark.parametrize("path", ["/readyz", LIST, "/api/v1/status", "/status", "/metrics"])
    @pytest.mark.parametrize("query", ["", "?host=/var/run/secret-place"])
    def test_where_it_is_is_for_the_log(
        self, make_app: MakeApp, path: str, query: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        url = f"postgresql://some-user:pass-word@127.0.0.1:1/stars-db{query}"
        app = make_app(database_url=url)

        response = app.test_client().get(path, headers={"Accept": "text/html, */*"})

        told = response.text + str(response.headers)
        for inside in ("127.0.0.1", "secret-place", "some-user", "pass-word", "stars-db"):
            assert inside not in told
        logged = capsys.readouterr().out
        if path == "/metrics":
            assert "starboard_database_up 0.0" in told
        else:
            assert response.status_code == 503
            assert "the database cannot be reached" in told
            assert "the database cannot be used: " in logged
        assert "pass-word" not in logged

    @pytest.mark.sqlite
    def test_one_that_another_holds_is_busy(
        self, make_app: MakeApp, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(web_app, "READ_PATIENCE", 0.01)
        client = make_app(follow="local").test_client()

        with database.write() as session:
            session.connection()
            told = client.put("/api/v1/repos/quiet/harbor").json

        assert told is not None
        assert (told["status"], told["detail"]) == (503, "the database is busy; see /readyz")

    def test_it_is_ready_again_once_there_is_one(
        self, make_app: MakeApp, settings: Settings
    ) -> None:
        app = make_app()
        client = app.test_client()
        before = client.get("/readyz").status_code
        app.extensions["database"].upgrade()

        assert (before, client.get("/readyz").status_code) == (503, 200)
