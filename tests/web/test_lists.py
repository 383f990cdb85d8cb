"""Lists over the API: as documents, of old, and their movers."""

import gzip
import json

import pytest
from flask.testing import FlaskClient

from core import clock
from core.clock import HOUR
from github.errors import Unreachable
from tests.support.github import STEP, StubGitHub, answer, poll, repo
from tests.support.served import (
    BUILT,
    DOCUMENTS,
    LIST,
    MINUTE,
    MOVERS,
    NO_GAINS,
    NOON,
    SHAPES,
    database_of,
    problem,
    publish,
)

pytestmark = pytest.mark.usefixtures("now")


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

        assert response.headers["Cache-Control"].startswith("public, max-age=1, stale-while")

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
        publish(full, BUILT + 15 * MINUTE)

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
        publish(full, BUILT + STEP)

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

    def test_are_in_order_of_their_gains_in_percent_where_that_is_asked_for(
        self, full: FlaskClient
    ) -> None:
        by_gain, by_percent = (
            full.get(f"{MOVERS}?window=1h&by={by}") for by in ("gain", "percent")
        )

        assert by_gain.json == full.get(f"{MOVERS}?window=1h").json
        assert by_percent.json is not None
        assert [it["percent"] for it in by_percent.json["items"]] == [0.4, 0.0]
        assert problem(full.get(f"{MOVERS}?by=rank"))[0] == 400

    def test_are_to_be_asked_for_later_before_there_are_any(self, full: FlaskClient) -> None:
        assert problem(full.get("/api/v1/lists/python/movers"))[0] == 503
