"""The cache sends again what holds until the next build: the same as Flask would, and no longer."""

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask, Response, request
from sqlalchemy.exc import OperationalError
from werkzeug.test import Client, TestResponse

from core import clock, encoding
from web import cache, http_headers
from web.cache import ResponseCache, cached_until_next_build
from web.replies import Build, Reply

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BUILD = Build(NOON, NOON + 15 * MINUTE, NOON - MINUTE, 15 * MINUTE, stale_after=35 * MINUTE)
BODY = b"A body that is long enough for zip to make it shorter. " * 20


class Site:
    """An app with one kept page, behind a front whose builds, clock and looks the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.build: object = 1
        self.body = BODY
        self.made: list[str] = []
        self.looks = 0
        self.seconds = 100.0
        self.meanwhile = lambda: None
        app = Flask(__name__)
        app.add_url_rule("/page/<name>", view_func=self.page)
        app.add_url_rule("/live", view_func=self.live)
        self.front = ResponseCache(app.wsgi_app, self.look)
        self.client = Client(self.front)
        monkeypatch.setattr(cache.time, "monotonic", lambda: self.seconds)

    def page(self, name: str) -> Response:
        other = request.environ if name.isupper() else {}  # all of the request matters
        return self.cached_page(name, *map(str, map(other.get, cache.REQUEST)))

    @cached_until_next_build()
    def cached_page(self, name: str, *_: str) -> Reply:
        body = self.body
        self.made.append(name)
        self.meanwhile()
        return Reply.of(body, "text/plain", BUILD)

    def live(self) -> Response:
        self.made.append("live")
        return Response(b"now")

    def look(self) -> object:
        self.looks += 1
        if isinstance(self.build, Exception):
            raise self.build
        return self.build


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(clock, "now", lambda: NOON + MINUTE)
    return Site(monkeypatch)


def test_what_holds_until_the_next_build_is_made_once(site: Site) -> None:
    first, again = site.client.get("/page/a"), site.client.get("/page/a")

    assert first.data == again.data == BODY
    assert site.made == ["a"]


def test_what_does_not_is_made_each_time(site: Site) -> None:
    for _ in range(2):
        site.client.get("/live")

    assert site.made == ["live", "live"]


@pytest.mark.parametrize(
    "other",
    [
        {"path": "/page/b"},
        {"query_string": "a=b"},
        {"headers": {"Host": "elsewhere.test"}},
        {"headers": {"X-Forwarded-Proto": "https"}},
    ],
)
def test_one_reply_is_not_taken_for_another(site: Site, other: dict[str, Any]) -> None:
    site.client.get("/page/A")
    site.client.get(**{"path": "/page/A", **other})

    assert len(site.made) == 2


def test_a_new_build_shows_within_a_second_and_costs_a_look_a_second(site: Site) -> None:
    for _ in range(5):
        site.client.get("/page/a")
    site.build, site.body = 2, b"newer"
    site.seconds += 0.99
    before = site.client.get("/page/a")
    site.seconds += 0.01
    after = site.client.get("/page/a")

    assert (before.data, after.data) == (BODY, b"newer")
    assert site.looks == 2


def test_a_database_that_is_away_takes_nothing_from_what_is_kept(site: Site) -> None:
    site.client.get("/page/a")
    site.build = OperationalError("SELECT 1", None, Exception("away"))
    site.seconds += 5

    assert site.client.get("/page/a").data == BODY
    assert site.made == ["a"]


def test_nothing_is_kept_before_there_is_a_build(site: Site) -> None:
    site.build = None
    for _ in range(2):
        site.client.get("/page/a")

    assert site.made == ["a", "a"]


def test_a_process_keeps_no_more_than_it_has_room_for_and_lets_the_oldest_go(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = 2 * len(BODY) + cache.ENTRY_BYTES  # for one with its zipped twin
    monkeypatch.setattr(cache, "MAX_BYTES", room)
    for name in "aabba":
        site.body = BODY + name.encode()
        site.seconds += 1
        site.client.get(f"/page/{name}")

    assert site.made == ["a", "b", "a"]
    assert [path for path, *_ in site.front._cache.by_request] == ["/page/a"]


def test_many_small_replies_take_no_more_memory_than_a_few_large_ones(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MAX_BYTES", 10 * cache.ENTRY_BYTES)
    site.body = b"tiny"
    for number in range(50):
        site.client.get(f"/page/{number}")

    assert 0 < len(site.front._cache._replies) < 10


def test_where_no_thread_can_be_started_what_is_cached_is_sent_and_the_next_request_looks(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.client.get("/page/a")
    site.build, site.seconds = 2, site.seconds + 2

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as short:
        short.setattr(threading.Thread, "start", refuse)
        before = site.client.get("/page/a").status_code
    site.body, site.seconds = b"new", site.seconds + 2

    assert (before, site.client.get("/page/a").data) == (200, b"new")


def test_what_is_larger_than_all_the_room_is_not_kept(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MAX_BYTES", len(BODY) + cache.ENTRY_BYTES)
    for _ in range(2):
        site.client.get("/page/a")

    assert site.made == ["a", "a"]


def test_asking_in_many_ways_for_one_thing_takes_the_room_of_one_and_makes_it_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MAX_BYTES", 2 * len(BODY) + cache.ENTRY_BYTES)
    monkeypatch.setattr(cache, "MAX_REQUESTS", 10)
    for number in range(50):
        site.client.get("/page/a", query_string=f"n={number}", headers={"Host": f"h{number}.test"})
        site.client.get("/page/a", headers={"If-Modified-Since": BUILT, "If-Match": "*"})

    assert site.made == ["a"]
    assert len(site.front._cache.by_request) == 10


def test_a_request_as_long_as_nobody_sends_is_not_kept(site: Site) -> None:
    for _ in range(2):
        site.client.get("/page/a", query_string="x" * 2_000)

    assert site.made == ["a"]
    assert site.front._cache.by_request == {}


def test_many_who_ask_at_once_wait_for_one_making(site: Site) -> None:
    site.client.get("/live")  # so that the build is known
    site.meanwhile = lambda: threading.Event().wait(0.05)  # so that all of them have asked
    with ThreadPoolExecutor(8) as threads:
        bodies = list(threads.map(lambda _: Client(site.front).get("/page/a").data, range(8)))

    assert set(bodies) == {BODY}
    assert site.made == ["live", "a"]


@pytest.mark.parametrize("name", ["a", "A"])
def test_what_was_read_before_a_build_is_not_taken_for_the_builds(site: Site, name: str) -> None:
    def a_build_comes_out() -> None:
        site.build, site.body = 2, b"newer"
        site.seconds += 1
        site.meanwhile = lambda: None
        site.client.get("/live")  # another request notices it

    site.meanwhile = a_build_comes_out
    before, after = (site.client.get(f"/page/{name}").data for _ in range(2))

    assert (before, after) == (BODY, b"newer")


def test_a_database_that_hangs_keeps_nobody_waiting_for_long(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.client.get("/page/a")
    monkeypatch.setattr(cache, "LOOK_PATIENCE", 0.01)
    answers = threading.Event()
    look = site.look
    monkeypatch.setattr(site.front, "_newest_build", lambda: answers.wait(20) and look())
    site.seconds += 1

    left = []
    for minute in range(3):
        monkeypatch.setattr(clock, "now", lambda minute=minute: NOON + minute * MINUTE)
        left.append(site.client.get("/page/a").headers["Cache-Control"].split(",")[1])
        site.seconds += 1
    answers.set()

    assert left == [" max-age=900", " max-age=840", " max-age=780"]
    assert site.made == ["a"]


def given(**headers: str) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


ETAG = f'"{encoding.etag_of(BODY)}"'
BUILT = "Sun, 01 Mar 2026 12:00:00 GMT"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        given(Accept_Encoding="gzip"),
        given(Accept_Encoding="gzip;q=0, identity"),
        given(Accept_Encoding="br, gzip;q=0.5"),
        given(If_None_Match=ETAG),
        given(If_None_Match=ETAG, Accept_Encoding="gzip"),
        given(If_None_Match=f'{ETAG[:-1]}-gzip"'),
        given(If_None_Match=f"W/{ETAG}"),
        given(If_None_Match=f'"x", {ETAG}'),
        given(If_None_Match='"x"'),
        given(If_None_Match="*"),
        given(If_None_Match='"x"', If_Modified_Since=BUILT),
        given(If_None_Match=ETAG, If_Modified_Since="Sun, 01 Mar 2020 12:00:00 GMT"),
        given(If_Modified_Since=BUILT),
        given(If_Modified_Since="Sun, 01 Mar 2026 11:59:59 GMT"),
        given(If_Modified_Since="junk"),
        given(If_Match=ETAG),
        given(If_Match="*"),
        given(If_Match="*", If_None_Match='"x"'),
        given(If_Match="*", If_None_Match=ETAG),
        given(If_Match='"x"'),
        given(If_Match='"x"', If_None_Match=ETAG),
        given(Range="bytes=0-3"),
    ],
    ids=str,
)
def test_the_front_answers_as_flask_does(site: Site, method: str, headers: dict[str, str]) -> None:
    def ask(client: Client) -> tuple[int, bytes, dict[str, str]]:
        response: TestResponse = client.open("/page/a", method=method, headers=headers)
        kept = {
            name: value
            for name, value in response.headers.items()
            if name
            not in {"X-Request-ID", "Date", *dict(http_headers.of_every_reply("/page", "text/"))}
        }
        return response.status_code, response.data, kept

    by_flask = ask(Client(site.front.app))
    site.client.get("/page/a")
    by_front = ask(site.client)

    assert by_front == by_flask


def test_a_body_comes_zipped_to_those_who_take_it_so(site: Site) -> None:
    for _ in range(2):
        response = site.client.get("/page/a", headers={"Accept-Encoding": "gzip"})

        assert gzip.decompress(response.data) == BODY
        assert response.headers["Content-Encoding"] == "gzip"
        assert response.headers["Content-Length"] == str(len(response.data))
        assert response.headers["ETag"] == f'{ETAG[:-1]}-gzip"'


@pytest.mark.parametrize(
    ("minutes", "max_age"),
    [(0, 900), (14, 60), (15, 1), (16, 1), (2_000, 1), (-1, 900), (-2_000, 900)],
)
@pytest.mark.parametrize("headers", [{}, {"If-None-Match": "*"}])
def test_a_cache_keeps_it_for_a_second_at_least_and_an_interval_at_most(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    minutes: int,
    max_age: int,
    headers: dict[str, str],
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON + minutes * MINUTE)
    for _ in range(2):
        told = site.client.get("/page/a", headers=headers).headers

        assert told["Cache-Control"] == (
            f"public, max-age={max_age}, stale-while-revalidate=900, stale-if-error=86400"
        )


@pytest.mark.parametrize("minutes", [-2_000, 0, 2_000])
def test_what_caches_keep_says_since_when_and_not_how_long(
    site: Site, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON + minutes * MINUTE)
    for headers in ({}, {"If-None-Match": ETAG}, {"Accept-Encoding": "gzip"}):
        told = site.client.get("/page/a", headers=headers).headers

        assert told["Starboard-As-Of"] == "2026-03-01T11:59:00Z"
        assert not {"Starboard-Age", "Starboard-Stale", "Age"} & set(told.keys())


def test_every_request_has_an_id_of_its_own_or_the_one_it_brought(site: Site) -> None:
    site.client.get("/page/a")
    ids = {site.client.get("/page/a").headers["X-Request-ID"] for _ in range(3)}
    brought = site.client.get("/page/a", headers={"X-Request-ID": "mine"})
    junk = site.client.get("/page/a", headers={"X-Request-ID": "no id\t!"})

    assert len(ids) == 3
    assert brought.headers["X-Request-ID"] == "mine"
    assert junk.headers["X-Request-ID"] != "no id\t!"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "http://stars.test"),
        ({"HTTP_X_FORWARDED_PROTO": "https"}, "https://stars.test"),
        ({"HTTP_X_FORWARDED_PROTO": "javascript"}, "http://stars.test"),
        ({"wsgi.url_scheme": "https"}, "https://stars.test"),
        ({"HTTP_HOST": "stars.test:8000"}, "http://stars.test:8000"),
        ({"HTTP_HOST": 'x"><script>'}, ""),
        ({"HTTP_HOST": ""}, ""),
        ({"HTTP_HOST": "a" * 300}, ""),
        ({"SCRIPT_NAME": "/a"}, "http://stars.test/a"),
        ({"SCRIPT_NAME": "/a", "HTTP_HOST": ""}, "/a"),
    ],
)
def test_where_the_reader_finds_this_server(environ: dict[str, str], expected: str) -> None:
    base = {"wsgi.url_scheme": "http", "HTTP_HOST": "stars.test"}

    assert http_headers.site(base | environ) == expected


def test_what_must_match_is_looked_at_first(site: Site) -> None:
    headers = {"If-Match": '"x"', "If-None-Match": ETAG}

    for _ in range(2):
        assert site.client.get("/page/a", headers=headers).status_code == 412


def test_any_version_matches_a_star(site: Site) -> None:
    for _ in range(2):
        got = site.client.get("/page/a", headers={"If-Match": "*"})
        known = site.client.get("/page/a", headers={"If-Match": "*", "If-None-Match": ETAG})

        assert (got.status_code, got.data) == (200, BODY)
        assert known.status_code == 304
