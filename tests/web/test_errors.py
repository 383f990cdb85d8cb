"""Errors say what is wrong and what would be right."""

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient

from store.database import Database
from tests.support.common import MakeApp
from tests.support.served import EVENTS, HISTORY, LIST, MOVERS, problem

pytestmark = pytest.mark.usefixtures("now")


class TestProblems:
    @pytest.mark.parametrize(
        ("path", "status", "detail"),
        [
            ("/api/v1/lists/pyhton", 404, "no list named 'pyhton'; did you mean 'python'?"),
            ("/api/v1/lists/rust", 404, "no list named 'rust'; see /api/v1/lists"),
            ("/api/v1/languages?list=star", 404, "no list named 'star'; did you mean 'stars'?"),
            ("/api/v1?x=1", 400, "/api/v1 has no parameter 'x'; it takes none"),
            ("/api/v1/lists?page=2", 400, "/api/v1/lists has no parameter 'page'; it takes format"),
            (f"{LIST}?to=x", 400, f"{LIST} has no parameter 'to'; it takes at, format"),
            (
                "/api/v1/owners?lists=a",
                400,
                "/api/v1/owners has no parameter 'lists'; it takes list, format",
            ),
            (
                f"{MOVERS}?window=1w",
                400,
                "window='1w': expected one of 1h, 24h, 7d, 30d, 365d",
            ),
            (f"{MOVERS}?window=", 400, "window='': expected one of 1h, 24h, 7d, 30d, 365d"),
            (
                f"{MOVERS}?windows=1h",
                400,
                f"{MOVERS} has no parameter 'windows'; it takes window, by, format",
            ),
            (f"{MOVERS}?window=1h&window=1h", 400, f"{MOVERS} takes one 'window', not 2"),
            ("/api/v1/lists/rust/movers", 404, "no list named 'rust'; see /api/v1/lists"),
            (
                f"{EVENTS}?from=1",
                400,
                f"{EVENTS} has no parameter 'from'; it takes list, after, limit, format",
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
                f"{HISTORY} has no parameter 'at'; it takes from, to, step, source, limit, format",
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
            ("/api/v1/status?x=1", 400, "/api/v1/status has no parameter 'x'; it takes format"),
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
