import gzip
import json
import re
import socket
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from rq import Queue
from sqlalchemy import text

from core import clock
from core.clock import HOUR
from core.rate_limit import Allowance
from github.errors import Unreachable
from local.fake_github import api, serving
from local.fake_github.worlds import MadeUpWorld
from monitoring import redis_status
from settings import Settings
from store import rate_limits, watched
from store.database import Database
from tests.support.common import MakeApp
from tests.support.github import StubGitHub, answer, poll, repo
from tests.support.jobs import give_up
from tests.support.served import (
    BUILT,
    EVENTS,
    HISTORY,
    LIST,
    MINUTE,
    MOVERS,
    NO_GAINS,
    NOON,
    NOW,
    PYTHON,
    SHAPES,
    STARS,
    database_of,
    points,
    problem,
    publish,
    run,
)

pytestmark = pytest.mark.usefixtures("now")


DOCUMENTS = ("/api/v1/lists", "/api/v1/lists/stars", "/api/v1/languages", "/api/v1/owners")


@pytest.fixture
def github() -> Iterator[str]:
    """The URL of a fake GitHub that listens."""
    world = MadeUpWorld(languages=["Python"])
    with serving.serve(api.create_fake_github(world)) as url:
        yield url


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
        poll(database_of(full), StubGitHub(answer([taken])), 1, ranked=PYTHON)

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


class TestDocuments:
    """What a cache in front of us goes by."""

    @pytest.mark.parametrize("path", DOCUMENTS)
    def test_may_be_kept_until_the_next_build(self, full: FlaskClient, path: str) -> None:
        response = full.get(path)

        assert response.headers["Cache-Control"] == (
            "public, max-age=510, stale-while-revalidate=900, stale-if-error=86400"
        )
        assert response.headers["Last-Modified"] == "Sun, 01 Mar 2026 12:05:00 GMT"
        assert response.headers["Vary"] == "Accept-Encoding"

    def test_that_are_due_are_asked_for_again_at_once(
        self, full: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clock, "now", lambda: NOON + HOUR)

        response = full.get(LIST)

        assert response.headers["Cache-Control"].startswith("public, max-age=0, stale-while")

    @pytest.mark.parametrize(
        ("accepted", "zipped"),
        [
            (None, False),
            ("gzip", True),
            ("GZIP", True),
            ("br, gzip;q=0.5", True),
            ("*", True),
            ("gzip;q=0", False),
            ("gzip;q=0, *", False),
            ("gzip;q=0.0, identity", False),
            ("*;q=0", False),
            ("br", False),
            ("", False),
        ],
    )
    def test_come_zipped_to_those_that_take_them_so(
        self, full: FlaskClient, accepted: str | None, zipped: bool
    ) -> None:
        headers = {} if accepted is None else {"Accept-Encoding": accepted}

        response = full.get(LIST, headers=headers)

        body = gzip.decompress(response.data) if zipped else response.data
        assert response.headers.get("Content-Encoding") == ("gzip" if zipped else None)
        assert response.headers["ETag"].endswith('-gzip"') == zipped
        assert response.headers["Vary"] == "Accept-Encoding"
        assert response.content_length == len(response.data)
        assert json.loads(body) == SHAPES[LIST]

    @pytest.mark.parametrize("accepted", ["identity", "gzip"])
    @pytest.mark.parametrize(
        ("given", "status"),
        [
            ('"{tag}"', 304),
            ('"{tag}-gzip"', 304),
            ('W/"{tag}"', 304),
            ('W/"{tag}-gzip"', 304),
            ('"other", "{tag}"', 304),
            ("*", 304),
            ('"other"', 200),
            ('"{tag}-br"', 200),
        ],
    )
    def test_are_not_sent_again_to_those_that_have_them(
        self, full: FlaskClient, accepted: str, given: str, status: int
    ) -> None:
        plain = full.get(LIST).headers["ETag"]
        headers = {"Accept-Encoding": accepted}
        first = full.get(LIST, headers=headers)

        headers["If-None-Match"] = given.format(tag=plain.strip('"'))
        response = full.get(LIST, headers=headers)

        assert response.status_code == status
        assert response.data == (b"" if status == 304 else first.data)
        for name in ("ETag", "Cache-Control", "Vary", "Access-Control-Allow-Origin"):
            assert response.headers[name] == first.headers[name]

    def test_have_a_new_etag_after_a_new_build(self, full: FlaskClient) -> None:
        first = full.get(LIST).headers["ETag"]
        publish(full, BUILT + MINUTE)

        response = full.get(LIST, headers={"If-None-Match": first})

        assert response.status_code == 200

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"If-Modified-Since": "Sun, 01 Mar 2026 12:05:00 GMT"}, 304),
            ({"If-Modified-Since": "Sun, 01 Mar 2026 12:04:59 GMT"}, 200),
            ({"If-Modified-Since": "nonsense"}, 200),
            (
                {
                    "If-Modified-Since": "Sun, 01 Mar 2026 12:05:00 GMT",
                    "If-None-Match": '"other"',  # the better of the two to go by
                },
                200,
            ),
        ],
    )
    def test_are_not_sent_again_to_those_that_have_them_since_then(
        self, full: FlaskClient, headers: dict[str, str], status: int
    ) -> None:
        assert full.get(LIST, headers=headers).status_code == status

    @pytest.mark.parametrize(
        "path",
        [
            LIST,
            "/api/v1/repos/loud/motor",
        ],
    )
    def test_that_are_not_those_asked_for_are_a_problem_like_any_other(
        self, full: FlaskClient, path: str
    ) -> None:
        response = full.get(path, headers={"If-Match": '"other"'})

        assert problem(response)[0] == 412

    def test_of_a_suspect_list_stay_up(self, full: FlaskClient) -> None:
        poll(database_of(full), StubGitHub(answer([repo(9)], incomplete=True)), 1)
        publish(full, BUILT + MINUTE)

        response = full.get(LIST)

        assert response.json is not None
        assert response.json["suspect"] is True
        assert response.json["items"] == SHAPES[LIST]["items"]


class TestALeaderboardOfOld:
    @pytest.mark.parametrize(
        ("at", "as_of"),
        [
            ("2026-03-01T11:00:00Z", "2026-03-01T11:00:00Z"),
            ("2026-03-01T11:59:59.999Z", "2026-03-01T11:00:00Z"),
            ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"),
            ("2026-03-01T12:07:00Z", "2026-03-01T12:00:00Z"),
            ("2026-03-01T13:30:00%2B02:00", "2026-03-01T11:00:00Z"),
        ],
    )
    def test_is_that_of_the_latest_good_poll_by_then(
        self, full: FlaskClient, at: str, as_of: str
    ) -> None:
        response = full.get(f"{LIST}?at={at}")

        assert response.json is not None
        assert (response.status_code, response.json["as_of"]) == (200, as_of)

    def test_has_the_counts_the_ranks_and_the_shape_it_had(self, full: FlaskClient) -> None:
        response = full.get(f"{LIST}?at=2026-03-01T11:30:00Z")

        assert response.json is not None
        shown = [(it["rank"], it["stars"], it["gains"]) for it in response.json["items"]]
        assert shown == [(1, 49_900, NO_GAINS), (2, 49_800, NO_GAINS)]
        assert response.json.keys() == SHAPES[LIST].keys()
        assert response.json["fetched_at"] == "2026-03-01T11:01:00Z"

    def test_of_now_is_the_current_one(self, full: FlaskClient) -> None:
        response = full.get(f"{LIST}?at=2026-03-01T12:07:00Z")

        assert response.json is not None
        assert response.json["items"] == SHAPES[LIST]["items"]

    def test_leaves_out_suspect_and_failed_polls(self, full: FlaskClient) -> None:
        poll(database_of(full), StubGitHub(answer([repo(9)], incomplete=True)), -3)
        with pytest.raises(Unreachable):
            poll(database_of(full), StubGitHub(Unreachable("refused")), -2)

        response = full.get(f"{LIST}?at=2026-03-01T11:55:00Z")

        assert response.json is not None
        told = (response.json["as_of"], response.json["suspect"], response.json["count"])
        assert told == ("2026-03-01T11:00:00Z", False, 2)

    def test_of_a_date_is_that_of_its_midnight(self, full: FlaskClient) -> None:
        midnight = f"{LIST}?at=2026-03-01T00:00:00Z"
        poll(database_of(full), StubGitHub(answer([repo(9)])), -72)

        response = full.get(f"{LIST}?at=2026-03-01")

        assert response.json is not None
        assert response.json["as_of"] == "2026-03-01T00:00:00Z"
        assert response.json == full.get(midnight).json

    @pytest.mark.parametrize(
        ("query", "status", "detail"),
        [
            (
                "stars?at=2026-03-01T10:59:59Z",
                404,
                "nothing is known of 'stars' from before 2026-03-01T10:59:59Z",
            ),
            (
                "stars?at=0001-01-01",
                404,
                "nothing is known of 'stars' from before 0001-01-01T00:00:00Z",
            ),
            (
                "python?at=2026-03-01",
                404,
                "nothing is known of 'python' from before 2026-03-01T00:00:00Z",
            ),
            (
                "stars?at=2026-03-01T12:07:00.001Z",
                400,
                "at='2026-03-01T12:07:00.001Z' lies in the future",
            ),
            ("stars?at=9999-12-31", 400, "at='9999-12-31' lies in the future"),
            ("rust?at=2026-03-01", 404, "no list named 'rust'; see /api/v1/lists"),
        ],
    )
    def test_is_a_problem_before_the_first_and_in_the_future(
        self, full: FlaskClient, query: str, status: int, detail: str
    ) -> None:
        assert problem(full.get(f"/api/v1/lists/{query}")) == (status, detail)


class TestMovers:
    @pytest.mark.parametrize("window", ["1h", "24h", "7d", "30d", "365d"])
    def test_are_documents_of_a_window(self, full: FlaskClient, window: str) -> None:
        response = full.get(f"{MOVERS}?window={window}")

        assert response.json is not None
        assert (response.status_code, response.json["window"]) == (200, window)
        assert "stale-if-error" in response.headers["Cache-Control"]
        again = full.get(
            f"{MOVERS}?window={window}", headers={"If-None-Match": response.headers["ETag"]}
        )
        assert again.status_code == 304

    def test_are_those_of_a_day_unless_told_otherwise(self, full: FlaskClient) -> None:
        assert full.get(MOVERS).json == full.get(f"{MOVERS}?window=24h").json

    def test_are_to_be_asked_for_later_before_there_are_any(self, full: FlaskClient) -> None:
        assert problem(full.get("/api/v1/lists/python/movers"))[0] == 503


class TestEvents:
    def test_come_in_pages_that_go_on_where_the_last_ended(self, full: FlaskClient) -> None:
        everything = full.get(EVENTS).json
        pages = []
        after = 0
        for _ in range(3):
            page = full.get(f"{EVENTS}?list=stars&limit=1&after={after}").json
            assert page is not None
            pages.append(page)
            after = page["next"]

        assert everything is not None
        assert [it["items"] for it in pages] == [[it] for it in everything["items"]] + [[]]
        assert [it["next"] for it in pages] == [1, 2, 2]

    def test_of_later_are_found_from_the_cursor_of_an_empty_page(self, full: FlaskClient) -> None:
        before = full.get(f"{EVENTS}?after=2").json
        harbor = repo(1, full_name="Quiet/Harbor", stars=50_500)
        motor = repo(2, full_name="Loud/Motor", stars=50_000)
        poll(database_of(full), StubGitHub(answer([harbor, motor])), 1)

        assert before == {"items": [], "next": 2}
        after = full.get(f"{EVENTS}?after={before['next']}").json
        assert after is not None
        assert [it["kind"] for it in after["items"]] == ["overtook", "milestone"]

    @pytest.mark.parametrize(
        "cursor",
        [3, 2**31 - 1, 2**31, 2**63 - 1],
    )
    def test_after_a_cursor_that_is_yet_to_come_are_none(
        self, full: FlaskClient, cursor: int
    ) -> None:
        response = full.get(f"{EVENTS}?after={cursor}")

        assert response.json == {"items": [], "next": cursor}

    def test_of_a_list_that_saw_none_are_none(self, full: FlaskClient) -> None:
        assert full.get(f"{EVENTS}?list=Python").json == {"items": [], "next": 0}


class TestHistory:
    @pytest.fixture
    def full(self, full: FlaskClient) -> FlaskClient:
        """Readings at 11:00, 11:10, 11:30 and 12:00."""
        for number in (-5, -3):
            motor = repo(2, full_name="Loud/Motor", stars=49_950 + number)
            poll(database_of(full), StubGitHub(answer([motor])), number, ranked=PYTHON)
        return full

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", ["11:00", "11:10", "11:30", "12:00"]),
            ("step=10m", ["11:00", "11:10", "11:30", "12:00"]),
            ("step=1h", ["11:00", "12:00"]),
            ("step=1d", ["12:00"]),
            ("from=2026-03-01T11:10:00Z&to=2026-03-01T12:00:00Z", ["11:10", "11:30"]),
            ("from=2026-03-01T11:10:01Z&to=2026-03-01T12:00:01Z", ["11:30", "12:00"]),
            ("from=2026-03-01T11:10:00Z&to=2026-03-01T12:00:00Z&step=1h", []),
            ("to=2026-03-01T11:30:00Z&step=10m", ["11:00", "11:10"]),
            ("from=2020-01-01&to=2026-03-01", []),
            ("from=2026-03-01&to=2030-01-01", ["12:00"]),
        ],
    )
    def test_is_of_each_step_from_the_first_moment_up_to_the_last_which_is_out(
        self, full: FlaskClient, query: str, expected: list[str]
    ) -> None:
        assert points(full, query) == expected

    @pytest.mark.parametrize(
        ("start", "step"),
        [
            ("2026-02-27T12:00:00Z", "10m"),
            ("2026-02-27T11:59:59Z", "1h"),
            ("2025-12-01T12:00:00Z", "1h"),
            ("2025-12-01T11:59:59Z", "1d"),
            ("1970-01-01", "1d"),
        ],
    )
    def test_has_the_finest_step_that_fits_its_span(
        self, full: FlaskClient, start: str, step: str
    ) -> None:
        response = full.get(f"{HISTORY}?from={start}&to=2026-03-01T12:00:00Z")

        assert response.json is not None
        assert response.json["step"] == step

    def test_of_a_name_of_the_past_leads_to_the_new_one_with_all_it_asks(
        self, full: FlaskClient
    ) -> None:
        query = "from=2026-03-01T11:00:00%2B00:00&to=2026-03-02&step=1h"

        response = full.get(f"/api/v1/repos/loud/engine/history?{query}")

        assert response.status_code == 301
        followed = full.get(response.location)
        assert followed.json == full.get(f"{HISTORY}?{query}").json
        assert response.location.startswith("/api/v1/repos/Loud/Motor/history?")

    def test_of_nobody_is_not_there(self, full: FlaskClient) -> None:
        response = full.get("/api/v1/repos/no/body/history")

        assert problem(response) == (404, "no repository named 'no/body' was on any list")

    def test_begins_at_the_moment_and_not_at_its_second(self, full: FlaskClient) -> None:
        span = "from=2026-03-01T11:10:00.500Z&to=2026-03-01T12:00:00Z"

        assert points(full, span) == ["11:30"]

    @pytest.mark.parametrize("end", ["9999-12-31T23:59:59Z", "9999-12-31T00:00:01Z"])
    def test_may_reach_to_the_end_of_time(self, full: FlaskClient, end: str) -> None:
        assert full.get(f"{HISTORY}?from=2026-03-01&to={end}").status_code == 200

    def test_up_to_a_moment_before_the_first_reading_has_no_points(self, full: FlaskClient) -> None:
        assert points(full, "to=2026-02-01") == []

    def test_of_no_time_says_what_would_be_right(self, full: FlaskClient) -> None:
        response = full.get(f"{HISTORY}?from=2026-03-01&to=2026-03-01")

        status, detail = problem(response)
        assert status == 400
        assert "expected" in detail


class TestProblems:
    @pytest.mark.parametrize(
        ("path", "status", "detail"),
        [
            ("/api/v1/lists/pyhton", 404, "no list named 'pyhton'; did you mean 'python'?"),
            ("/api/v1/lists/rust", 404, "no list named 'rust'; see /api/v1/lists"),
            ("/api/v1/languages?list=star", 404, "no list named 'star'; did you mean 'stars'?"),
            ("/api/v1?x=1", 400, "/api/v1 has no parameter 'x'; it takes none"),
            ("/api/v1/lists?page=2", 400, "/api/v1/lists has no parameter 'page'; it takes none"),
            (f"{LIST}?to=x", 400, f"{LIST} has no parameter 'to'; it takes at"),
            (
                "/api/v1/owners?lists=a",
                400,
                "/api/v1/owners has no parameter 'lists'; it takes list",
            ),
            (
                f"{MOVERS}?window=1w",
                400,
                "window='1w': expected one of 1h, 24h, 7d, 30d, 365d",
            ),
            (f"{MOVERS}?window=", 400, "window='': expected one of 1h, 24h, 7d, 30d, 365d"),
            (f"{MOVERS}?windows=1h", 400, f"{MOVERS} has no parameter 'windows'; it takes window"),
            (f"{MOVERS}?window=1h&window=1h", 400, f"{MOVERS} takes one 'window', not 2"),
            ("/api/v1/lists/rust/movers", 404, "no list named 'rust'; see /api/v1/lists"),
            (
                f"{EVENTS}?from=1",
                400,
                f"{EVENTS} has no parameter 'from'; it takes list, after, limit",
            ),
            (f"{EVENTS}?list=pyhton", 404, "no list named 'pyhton'; did you mean 'python'?"),
            *(
                (
                    f"{EVENTS}?after={after}",
                    400,
                    f"after={after!r}: expected a number from 0 to 9223372036854775807",
                )
                for after in ("", "-1", "x", "1.5", "٣", str(2**63))
            ),
            *(
                (f"{EVENTS}?limit={it}", 400, f"limit={it!r}: expected a number from 1 to 1000")
                for it in ("0", "1001", "all")
            ),
            (f"{HISTORY}?step=5m", 400, "step='5m': expected one of 10m, 1h, 1d"),
            (
                f"{HISTORY}?at=1",
                400,
                f"{HISTORY} has no parameter 'at'; it takes from, to, step, limit",
            ),
            *(
                (
                    f"{path}=yesterday",
                    400,
                    f"{path.rpartition('?')[2]}='yesterday': neither RFC 3339 nor a date; "
                    "expected a time such as 2026-11-23T20:20:00Z or 2026-11-23",
                )
                for path in (f"{LIST}?at", f"{HISTORY}?from", f"{HISTORY}?to")
            ),
            (
                f"{LIST}?at=2026-03-01T11:00:00",
                400,
                "at='2026-03-01T11:00:00': no offset from UTC, such as a final Z; "
                "expected a time such as 2026-11-23T20:20:00Z or 2026-11-23",
            ),
            (
                f"{HISTORY}?from=2026-03-02&to=2026-03-01",
                400,
                "from=2026-03-02T00:00:00Z: expected a time before 2026-03-01T00:00:00Z",
            ),
            ("/api/v1/status?x=1", 400, "/api/v1/status has no parameter 'x'; it takes none"),
            ("/api/v1/repos/a/b?x", 400, "/api/v1/repos/a/b has no parameter 'x'; it takes none"),
        ],
    )
    def test_name_what_is_wrong_and_what_would_be_right(
        self, full: FlaskClient, path: str, status: int, detail: str
    ) -> None:
        assert problem(full.get(path)) == (status, detail)

    @pytest.mark.parametrize(
        "path", ["/nothing", "/api/v1/nothing", "/api/v1/repos/a", "/static/x"]
    )
    def test_have_their_shape_for_paths_that_nobody_knows(
        self, client: FlaskClient, path: str
    ) -> None:
        assert problem(client.get(path))[0] == 404

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    @pytest.mark.parametrize("path", ["/healthz", LIST])
    def test_of_a_method_that_is_not_served_say_which_are(
        self, client: FlaskClient, path: str, method: str
    ) -> None:
        response = client.open(path, method=method)

        assert problem(response)[0] == 405
        assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}

    @pytest.mark.parametrize("path", ["/crash", "/api/v1/crash"])
    def test_of_ours_give_nothing_of_the_inside_away(self, app: Flask, path: str) -> None:
        app.add_url_rule(path, view_func=crash)

        response = app.test_client().get(path)

        assert problem(response)[0] == 500
        for inside in ("Traceback", "ZeroDivisionError", "secret reason", "crash()"):
            assert inside not in response.text
        assert response.headers["X-Request-ID"]

    def test_of_ours_are_logged_once_with_the_requests_id(
        self,
        database: Database,
        make_app: MakeApp,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        app = make_app()
        app.add_url_rule("/crash", view_func=crash)

        app.test_client().get("/crash", headers={"X-Request-ID": "mine"})

        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        ids = [line.get("request_id") for line in lines if "secret reason" in str(line)]
        assert ids == ["mine"]

    def test_to_head_have_no_body(self, client: FlaskClient) -> None:
        response = client.head("/api/v1/lists/nothing")

        assert (response.status_code, response.data) == (404, b"")
        assert response.content_type == "application/problem+json"


def crash() -> None:
    raise ZeroDivisionError("secret reason")


class TestEveryReply:
    @pytest.mark.parametrize("given", ["a", "abc-123_4.5:6", "x" * 100])
    def test_bears_the_id_that_the_request_was_given(self, client: FlaskClient, given: str) -> None:
        response = client.get("/nothing", headers={"X-Request-ID": given})

        assert response.headers["X-Request-ID"] == given

    @pytest.mark.parametrize("given", ["", "two words", "x" * 101, "é", "a,b", '{"a":1}'])
    def test_bears_an_id_of_ours_where_the_requests_makes_no_sense(
        self, client: FlaskClient, given: str
    ) -> None:
        ids = {
            client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"]
            for _ in range(2)
        }

        assert len(ids) == 2
        assert all(re.fullmatch(r"[0-9a-f]{16}(-[0-9a-f]+){2}", each) for each in ids)
        assert given not in ids

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
        assert status == 503
        assert detail.startswith("the database cannot be used: ")
        assert detail.endswith("; see /readyz")
        assert response.headers["Retry-After"] == "30"

    def test_it_is_not_ready_and_says_the_way_out(self, make_app: MakeApp) -> None:
        response = make_app().test_client().get("/readyz")

        assert problem(response) == (
            503,
            "the database's schema is missing, this version needs 0003: "
            "run `flask --app app upgrade`",
        )
        assert response.headers["Retry-After"] == "30"

    def test_it_is_up_all_the_same(self, make_app: MakeApp) -> None:
        assert make_app().test_client().get("/healthz").status_code == 200


class TestWithoutADatabase:
    @pytest.mark.parametrize("path", ["/readyz", LIST])
    def test_it_says_so_without_the_password(self, make_app: MakeApp, path: str) -> None:
        app = make_app(database_url="postgresql://starboard:pass-word@127.0.0.1:1/starboard")

        response = app.test_client().get(path)

        status, detail = problem(response)
        assert status == 503
        assert detail.startswith("the database cannot be used: connection failed")
        assert "pass-word" not in response.text

    def test_it_is_ready_again_once_there_is_one(
        self, make_app: MakeApp, settings: Settings
    ) -> None:
        app = make_app()
        client = app.test_client()
        before = client.get("/readyz").status_code
        app.extensions["database"].upgrade()

        assert (before, client.get("/readyz").status_code) == (503, 200)


# Commands


NOT_THERE = (
    "Error: the database's schema is missing, this version needs 0003: "
    "run `flask --app app upgrade`\n"
)


@pytest.mark.parametrize("make_app", ["by Flask"], indirect=True)
class TestCommands:
    @pytest.fixture
    def now(self) -> None:
        """Commands are of today: jobs have a clock of their own."""

    def test_upgrade_poll_and_aggregate_make_a_site(self, make_app: MakeApp, github: str) -> None:
        app = make_app(github_api_url=github)
        started = clock.now()

        upgraded = run(app, "upgrade")
        polled = run(app, "poll", "--list", "Python")
        aggregated = run(app, "aggregate")

        assert upgraded == (0, "The schema is up to date.\n", "")
        assert (polled[0], polled[1].splitlines()[-1], polled[2]) == (0, "Polled 1 of 1 lists.", "")
        assert aggregated == (0, "9 documents of 1 lists: published.\n", "")
        served = app.test_client().get("/api/v1/lists/python").json
        assert served is not None
        as_of = clock.parse(served["as_of"])
        assert started - 10 * MINUTE < as_of <= clock.now()
        assert (as_of, served["count"]) == (clock.floor(as_of, 10 * MINUTE), 100)

    def test_upgrade_may_be_run_again(self, app: Flask) -> None:
        assert run(app, "upgrade") == (0, "The schema is up to date.\n", "")

    @pytest.mark.parametrize("command", ["poll", "aggregate"])
    def test_need_a_schema(self, make_app: MakeApp, command: str) -> None:
        assert run(make_app(), command) == (1, "", NOT_THERE)

    @pytest.mark.parametrize("command", ["poll", "aggregate", "upgrade"])
    def test_need_a_database(self, make_app: MakeApp, command: str) -> None:
        app = make_app(database_url="postgresql://starboard:pass-word@127.0.0.1:1/starboard")

        status, output, errors = run(app, command)

        assert (status, output) == (1, "")
        assert errors.startswith("Error: the database cannot be used: connection failed")
        assert errors.count("\n") == 1
        assert "pass-word" not in errors

    def test_upgrade_says_so_where_the_schema_is_of_a_newer_version(
        self, app: Flask, database: Database
    ) -> None:
        with database.write() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

        status, _, errors = run(app, "upgrade")

        assert (status, errors.count("\n")) == (1, 1)
        assert "9999" in errors

    def test_poll_says_which_list_is_meant(self, app: Flask) -> None:
        status, output, errors = run(app, "poll", "--list", "pyhton")

        assert (status, output) == (2, "")
        assert errors.endswith(
            "Error: Invalid value for --list: no list named 'pyhton'; did you mean 'python'?\n"
        )

    def test_poll_fails_in_one_line_where_github_is_out_of_reach(
        self, database: Database, make_app: MakeApp
    ) -> None:
        app = make_app(github_api_url="http://127.0.0.1:1", lists=(STARS,))

        status, output, errors = run(app, "poll")

        assert (status, output.splitlines()[-1]) == (1, "Polled 0 of 1 lists.")
        assert errors == "stars: 127.0.0.1 cannot be reached: [Errno 111] Connection refused\n"

    def test_poll_fails_where_the_answer_is_not_believed(
        self, database: Database, make_app: MakeApp, github: str
    ) -> None:
        app = make_app(github_api_url=github)
        poll(
            database,
            StubGitHub(answer([repo(number) for number in range(1, 9)])),
            -1,
            ranked=PYTHON,
        )

        status, output, errors = run(app, "poll", "--list", "python")

        assert (status, output.splitlines()[-1]) == (1, "Polled 0 of 1 lists.")
        assert errors == "python: suspect, not shown: 8 repositories vanished at once\n"

    def test_poll_goes_on_after_a_list_that_fails(
        self, database: Database, make_app: MakeApp
    ) -> None:
        with database.write() as session:
            until = clock.floor(clock.now(), HOUR) + 2 * HOUR
            blocked = Allowance(clock.EPOCH, blocked_until=until)
            rate_limits.save_allowance(session, "search", blocked)

        status, output, errors = run(make_app(), "poll")

        why = f"GitHub's rate limit allows the next request at {clock.rfc3339(until)}"
        assert (status, output.splitlines()[-1]) == (1, "Polled 0 of 2 lists.")
        assert errors == f"stars: {why}\npython: {why}\n"

    def test_poll_of_a_slot_that_is_done_is_done(
        self, database: Database, make_app: MakeApp, github: str
    ) -> None:
        app = make_app(github_api_url=github, poll_every=HOUR)
        run(app, "poll", "--list", "python")

        status, output, errors = run(app, "poll", "--list", "python")

        assert (status, output.splitlines()[-1], errors) == (0, "Polled 1 of 1 lists.", "")

    def test_poll_fails_where_the_slot_ends_meanwhile(
        self,
        database: Database,
        make_app: MakeApp,
        github: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        app = make_app(github_api_url=github)
        monkeypatch.setattr(clock, "now", lambda: NOW)  # the command's clock, not that of jobs

        status, output, _ = run(app, "poll", "--list", "python")

        assert (status, output.splitlines()[-1]) == (1, "Polled 0 of 1 lists.")

    def test_aggregate_needs_a_poll(self, app: Flask) -> None:
        assert run(app, "aggregate") == (
            1,
            "",
            "Error: no good poll yet: run `flask --app app poll` first\n",
        )

    def test_aggregate_leaves_a_newer_build_alone(self, full: FlaskClient) -> None:
        publish(full, clock.now() + HOUR)

        assert run(full.application, "aggregate") == (
            0,
            "9 documents of 1 lists: a newer build is out.\n",
            "",
        )


WHY = "github.Unreachable: 127.0.0.1 cannot be reached"  # as give_up() has it


@pytest.mark.parametrize("make_app", ["by Flask"], indirect=True)
class TestJobs:
    """The command that shows what was given up."""

    @pytest.fixture
    def app(self, make_app: MakeApp, redis: Redis, valkey_url: str) -> Flask:
        """An app with an empty Redis; of the database it needs nothing."""
        return make_app(redis_url=valkey_url)

    def test_are_none_at_first(self, app: Flask) -> None:
        assert run(app, "jobs") == (0, "0 failed.\n", "")

    def test_are_listed_oldest_first(self, app: Flask, redis: Redis) -> None:
        give_up(redis, "aggregate", at=NOON + MINUTE)
        give_up(redis, "poll-stars", queue="low")

        assert run(app, "jobs") == (
            0,
            f"poll-stars  low  2026-03-01T12:00:00Z  {WHY}\n"
            f"aggregate  default  2026-03-01T12:01:00Z  {WHY}\n"
            "2 failed.\n",
            "",
        )

    def test_stay_as_they_are_when_listed(self, app: Flask, redis: Redis) -> None:
        give_up(redis, "poll-stars")

        assert run(app, "jobs") == run(app, "jobs")

    @pytest.mark.parametrize(
        ("arguments", "again"),
        [
            (["--requeue", "b"], ["b"]),
            (["--requeue", "c", "--requeue", "a"], ["c", "a"]),
            (["--requeue-all"], ["a", "b", "c"]),
            (["--requeue-all", "--requeue", "b"], ["a", "b", "c"]),
        ],
    )
    def test_are_queued_again(
        self, app: Flask, redis: Redis, arguments: list[str], again: list[str]
    ) -> None:
        for minutes, name in enumerate("abc"):
            give_up(redis, name, at=NOON + minutes * MINUTE)

        result = run(app, "jobs", *arguments)

        queue = Queue("default", connection=redis)
        assert result == (0, "".join(f"queued again: {name}\n" for name in again), "")
        assert queue.job_ids == again
        assert set(queue.failed_job_registry.get_job_ids()) == set("abc") - set(again)

    def test_are_queued_again_where_they_were(self, app: Flask, redis: Redis) -> None:
        give_up(redis, "import", queue="low")

        run(app, "jobs", "--requeue-all")

        assert Queue("low", connection=redis).job_ids == ["import"]

    def test_that_nobody_knows_keep_the_others_from_being_queued(
        self, app: Flask, redis: Redis
    ) -> None:
        give_up(redis, "poll-stars")

        status, output, errors = run(app, "jobs", "--requeue", "poll-stars", "--requeue", "x:y z")

        assert (status, output) == (2, "")
        assert errors.endswith("\nError: Invalid value for --requeue: no failed job 'x:y z'\n")
        assert Queue("default", connection=redis).job_ids == []

    def test_that_somebody_else_queued_again_are_queued_once(
        self, app: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = give_up(redis, "poll-stars")
        shown = redis_status.failed_jobs(redis)
        monkeypatch.setattr(redis_status, "failed_jobs", lambda _: shown)
        job.requeue()

        code, _, errors = run(app, "jobs", "--requeue", "poll-stars")

        assert (code, errors) == (0, "")
        assert Queue("default", connection=redis).job_ids == ["poll-stars"]

    def test_all_of_none_are_none(self, app: Flask) -> None:
        assert run(app, "jobs", "--requeue-all") == (0, "0 failed.\n", "")

    @pytest.mark.parametrize("arguments", [[], ["--requeue", "a"], ["--requeue-all"]])
    def test_cannot_be_told_where_redis_is_out_of_reach_which_is_one_line_without_its_password(
        self, make_app: MakeApp, arguments: list[str]
    ) -> None:
        app = make_app(redis_url="redis://:pass-word@127.0.0.1:1/0")

        status, output, errors = run(app, "jobs", *arguments)

        assert (status, output) == (1, "")
        assert errors.startswith("Error: Redis cannot be reached: ")
        assert errors.count("\n") == 1
        assert "pass-word" not in errors
