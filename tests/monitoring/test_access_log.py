"""The log of requests: its fields, in JSON as in a terminal, and no secret in it."""

import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import datetime, timedelta

import pytest
import structlog

from core import clock
from monitoring import access_log, logs
from settings import Settings

TOKEN = "ghp_0123456789abcdef"
STARS = "/api/v1/lists/stars"


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """What this process logs. Logging is left as the other tests expect it."""
    root, access = logging.getLogger(), logging.getLogger(logs.ACCESS)
    handlers, levels = list(root.handlers), (root.level, access.level)
    access_log.write_now()  # what other tests asked for
    yield io.StringIO()
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    access.setLevel(levels[1])


def configure(out: io.StringIO, **changes: str) -> None:
    with redirect_stdout(out):
        logs.configure(Settings(github_token=TOKEN, **{"log_format": "json", **changes}))


def test_a_line_has_the_fields_of_the_request(out: io.StringIO) -> None:
    configure(out)

    log = access_log.log_of("GET", "/api/é\n".encode().decode("latin-1"), "a=b%0Ac", 200)
    log(0.0012345, "mine")
    access_log.write_now()

    line = json.loads(out.getvalue())
    at = datetime.fromisoformat(line.pop("timestamp"))
    assert abs(clock.now() - at) < timedelta(minutes=1)
    assert line == {
        "level": "info",
        "event": "request",
        "method": "GET",
        "path": "/api/%C3%A9%0A?a=b%0Ac",
        "status": 200,
        "ms": 1.2,
        "request_id": "mine",
        "logger": "starboard.access",
    }


def test_a_terminal_gets_it_as_all_else(out: io.StringIO) -> None:
    configure(out, log_format="console")

    access_log.log_of("GET", STARS, "", 404)(0.0012, "mine")

    line = re.sub(r"\x1b\[\d+m", "", out.getvalue())
    assert line.endswith(f"request    method=GET path={STARS} status=404 ms=1.2 request_id=mine\n")


def test_what_strangers_make_long_is_cut(out: io.StringIO) -> None:
    configure(out)

    access_log.log_of("GET", STARS, "x" * 10_000, 200)(0, "mine")
    access_log.log_of("GET", STARS * 1000, "", 404)(0, "mine")
    access_log.write_now()

    query, path = (json.loads(line)["path"] for line in out.getvalue().splitlines())
    assert query == f"{STARS}?" + "x" * 200
    assert len(path) == 500


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_requests_are_logged_from_the_level_info_on(out: io.StringIO, log_format: str) -> None:
    configure(out, log_level="warning", log_format=log_format)

    access_log.log_of("GET", STARS, "", 200)(0, "mine")
    access_log.write_now()

    assert out.getvalue() == ""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_secret_in_a_query_is_taken_out(out: io.StringIO, log_format: str) -> None:
    configure(out, log_format=log_format)

    access_log.log_of("GET", STARS, f"token={TOKEN}", 200)(0, "mine")
    access_log.write_now()

    assert "token=[redacted]" in out.getvalue()
    assert TOKEN not in out.getvalue()


def test_a_log_that_cannot_be_written_ends_nothing(out: io.StringIO) -> None:
    configure(out)
    out.close()

    access_log.log_of("GET", STARS, "", 200)(0, "mine")
    access_log.write_now()
