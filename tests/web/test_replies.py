"""What replies have in common: their shapes, ids and headers."""

import gc
import gzip
import re
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import create_environ, run_wsgi_app

from monitoring import request_ids
from store import watched
from store.database import Database
from tests.support.common import MakeApp
from tests.support.github import repo
from tests.support.served import LIST, MINUTE, NOON, SHAPES
from web import replies

pytestmark = pytest.mark.usefixtures("now")


class TestReplies:
    @pytest.mark.parametrize("path", SHAPES)
    def test_have_the_shape_of_their_route_though_redis_is_out_of_reach(
        self, full: FlaskClient, path: str
    ) -> None:
        response = full.get(path)

        assert (response.status_code, response.content_type) == (200, "application/json")
        assert response.json == SHAPES[path]
        assert response.data.endswith(b"}\n")

    @pytest.mark.parametrize("path", SHAPES)
    def test_to_head_are_those_to_get_without_the_body(self, full: FlaskClient, path: str) -> None:
        got = full.get(path, headers={"X-Request-ID": "same"})

        response = full.head(path, headers={"X-Request-ID": "same"})

        assert (response.status_code, response.data) == (200, b"")
        assert {**response.headers, "Date": ""} == {**got.headers, "Date": ""}

    @pytest.mark.parametrize("path", ["/api/v1/lists/STARS", "/api/v1/owners?list=Stars"])
    def test_are_the_same_for_a_slug_in_any_case(self, full: FlaskClient, path: str) -> None:
        response = full.get(path)

        assert response.json == full.get(path.lower()).json
        assert response.status_code == 200

    @pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/v1", "/api/v1/status"])
    def test_that_are_live_are_not_kept(self, full: FlaskClient, path: str) -> None:
        assert full.get(path).headers["Cache-Control"] == "no-store"

    def test_tell_queues_workers_and_next_runs_where_redis_answers(
        self, database: Database, make_app: MakeApp, valkey_url: str, redis: Redis
    ) -> None:
        response = make_app(redis_url=valkey_url).test_client().get("/api/v1/status")

        assert response.json is not None
        names = [queue["name"] for queue in response.json["queues"]]
        assert names == ["default", "low"]
        assert (response.json["workers"], response.json["next_runs"]) == ([], [])

    def test_tell_how_watched_repositories_are(self, database: Database, make_app: MakeApp) -> None:
        with database.write() as session:
            watched.store_watched(session, "quiet/harbor-1", NOON, NOON, repo(), '"a"')
            watched.store_unwatchable(session, "no/body", NOON + MINUTE, "GitHub answered 404")
        client = make_app(watch=("Quiet/Harbor-1", "No/Body", "new/one")).test_client()

        response = client.get("/api/v1/status")

        assert response.json is not None
        assert response.json["watched"] == [
            {"full_name": "Quiet/Harbor-1", "age_seconds": 420, "last_error": None},
            {"full_name": "No/Body", "age_seconds": 360, "last_error": "GitHub answered 404"},
            {"full_name": "new/one", "age_seconds": None, "last_error": None},
        ]

    def test_do_not_wait_for_a_redis_that_hangs(
        self, database: Database, make_app: MakeApp
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            port = deaf.getsockname()[1]
            client = make_app(redis_url=f"redis://127.0.0.1:{port}/0").test_client()
            started = time.monotonic()

            response = client.get("/api/v1/status")

        assert response.json is not None
        assert (response.status_code, response.json["queues"]) == (200, None)
        assert time.monotonic() - started < 10

    def test_do_not_carry_the_password_of_redis(
        self, database: Database, make_app: MakeApp, capsys: pytest.CaptureFixture[str]
    ) -> None:
        app = make_app(redis_url="redis://:pass-word@127.0.0.1:1/0")

        response = app.test_client().get("/api/v1/status")

        logged = capsys.readouterr().out
        assert response.status_code == 200
        assert "Redis cannot be reached" in logged
        assert "pass-word" not in logged + response.text


LONG = 30_000  # characters
HEADERS = """ACCEPT ACCEPT_ENCODING HOST IF_MATCH IF_MODIFIED_SINCE IF_NONE_MATCH ORIGIN RANGE
    USER_AGENT X_FORWARDED_PREFIX X_FORWARDED_PROTO X_REQUEST_ID""".split()


class TestWhatAStrangerMakesLong:
    """Anybody may ask in any number of ways, each as long as the web server lets in."""

    @pytest.mark.parametrize("path", [LIST, "/repos/Loud/Motor", "/feeds/stars.atom", "/none"])
    def test_is_not_remembered(self, full: FlaskClient, path: str) -> None:
        full.get(path)  # what holds until the next build is there

        with remembered() as kept:
            for header in HEADERS:
                for letter in "abcdefgh":
                    ask(full, path, **{f"HTTP_{header}": letter * LONG})
            assert kept() < 4  # this test itself holds the last

    @pytest.mark.parametrize(
        ("path", "query"),
        [
            (LIST, "{}"),
            ("/", "q={}"),
            ("/compare", "repos={}&repos={}"),
            ("/repos/loud/engine", "span={}"),
            ("/{}", ""),
            ("/static//{}", ""),
            ("/charts/{}/{}.svg", "theme=dark"),
        ],
    )
    def test_in_an_address_is_not_remembered(
        self, full: FlaskClient, path: str, query: str
    ) -> None:
        with remembered() as kept:
            for letter in "abcdefgh":
                long = letter * LONG
                ask(full, path.replace("{}", long), QUERY_STRING=query.replace("{}", long))
            assert kept() < 4  # this test itself holds the last


def ask(client: FlaskClient, path: str, **environ: str) -> None:
    """Ask without the test client, which remembers addresses."""
    asked = create_environ() | {"PATH_INFO": path} | environ
    run_wsgi_app(client.application, asked, buffered=True)


@contextmanager
def remembered() -> Iterator[Callable[[], int]]:
    """Count what is as long as that, is made from here on, and is not forgotten."""

    def count() -> int:
        gc.collect()
        traces = tracemalloc.take_snapshot().traces
        return sum(trace.size >= LONG for trace in traces)

    tracemalloc.start(1)
    try:
        yield count
    finally:
        tracemalloc.stop()


class TestEveryReply:
    @pytest.mark.parametrize("given", ["a", "abc-123_4.5:6", "x" * 100])
    def test_bears_the_id_that_the_request_was_given(self, client: FlaskClient, given: str) -> None:
        response = client.get("/nothing", headers={"X-Request-ID": given})

        assert response.headers["X-Request-ID"] == given

    @pytest.mark.parametrize("headers", [{}, {"X-Request-ID": ""}])
    def test_bears_an_id_of_its_own_where_the_request_brings_none(
        self, client: FlaskClient, headers: dict[str, str]
    ) -> None:
        ids = {client.get("/healthz", headers=headers).headers["X-Request-ID"] for _ in range(2)}

        assert len(ids) == 2
        assert all(re.fullmatch(r"[0-9a-f]{16}(-[0-9a-f]+){2}", each) for each in ids)

    @pytest.mark.parametrize("given", ["two words", "x" * 101, "é", "a,b", '{"a":1}', "y" * 9_000])
    def test_bears_an_id_made_from_the_requests_where_that_makes_no_sense(
        self, client: FlaskClient, given: str
    ) -> None:
        for path in ("/healthz", LIST):
            response = client.get(path, headers={"X-Request-ID": given})

            told = response.headers["X-Request-ID"]
            assert re.fullmatch(r"refused-[0-9a-f]{16}", told)
            assert told == request_ids.accepted(given) or not given.isascii()

    @pytest.mark.parametrize(
        "path", [LIST, "/api/v1/status", "/api/nothing", "/healthz", "/charts/Loud/Motor.svg"]
    )
    def test_lets_no_browser_guess_or_run_what_it_is(self, full: FlaskClient, path: str) -> None:
        for _ in range(2):
            headers = full.get(path).headers

            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
            assert "script" not in headers["Content-Security-Policy"]
            assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
            assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"

    @pytest.mark.parametrize(
        ("path", "open_to_all"),
        [("/api/v1", "*"), (LIST, "*"), ("/api/nothing", "*"), ("/healthz", None), ("/", None)],
    )
    def test_of_the_api_is_open_to_pages_of_other_sites(
        self, client: FlaskClient, path: str, open_to_all: str | None
    ) -> None:
        response = client.get(path, headers={"Origin": "https://elsewhere.test"})

        assert response.headers.get("Access-Control-Allow-Origin") == open_to_all


def test_a_long_reply_of_the_moment_comes_zipped_under_a_tag_of_its_own(
    full: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "WORTH_ZIPPING", 100)
    path = f"{LIST}?at=2026-03-01T12:00:00Z"
    takes = {"Accept-Encoding": "gzip"}
    plain, zipped = full.get(path), full.get(path, headers=takes)
    tags = [response.headers["ETag"] for response in (plain, zipped)]

    assert gzip.decompress(zipped.data) == plain.data
    assert zipped.headers["Content-Length"] == str(len(zipped.data))
    assert (plain.headers.get("Content-Encoding"), zipped.headers["Content-Encoding"]) == (
        None,
        "gzip",
    )
    assert tags[1] == f'{tags[0][:-1]}-gzip"'
    for headers, tag in (({}, tags[0]), (takes, tags[1])):
        for known in tags:
            again = full.get(path, headers={**headers, "If-None-Match": known})
            assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
            assert "Accept-Encoding" in again.headers["Vary"]
            assert full.get(path, headers={**headers, "If-Match": known}).status_code == 200
        assert full.get(path, headers={**headers, "If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize(
    ("path", "accept"),
    [("/status", "text/html"), ("/nothing", "text/html")],
)
def test_pages_of_the_moment_and_errors_come_zipped(
    full: FlaskClient, path: str, accept: str
) -> None:
    response = full.get(path, headers={"Accept": accept, "Accept-Encoding": "gzip"})

    assert len(gzip.decompress(response.data)) > len(response.data)
    assert "Accept-Encoding" in response.headers["Vary"]
    assert "ETag" not in response.headers


def test_a_short_reply_comes_as_it_is(full: FlaskClient) -> None:
    response = full.get("/healthz", headers={"Accept-Encoding": "gzip"})

    assert response.json == {"status": "ok"}
    assert not {"Content-Encoding", "Vary"} & set(response.headers.keys())
