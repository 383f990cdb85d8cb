"""One line an event, JSON unless a person looks on, and never a secret in it."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from monitoring import logs
from settings import Settings

TOKEN = "ghp_0123456789abcdef"
SECRETIVE = Settings(
    database_url="postgres://me:d%40tabase@db.test/stars",
    redis_url="redis://:r3dis@redis.test",
    github_token=TOKEN,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave logging as the other tests expect it."""
    root = logging.getLogger()
    loggers = [root, *map(logging.getLogger, (*logs.QUIET, logs.ACCESS))]
    handlers, levels = list(root.handlers), [logger.level for logger in loggers]
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    logging.getLogger("rq.worker").filters.clear()
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def configured(out: io.StringIO, settings: Settings = SECRETIVE) -> Any:
    """A logger of structlog's whose lines go to `out`."""
    with redirect_stdout(out):
        logs.configure(settings)
    return structlog.get_logger("starboard")


def only_line(out: io.StringIO) -> dict[str, Any]:
    (line,) = out.getvalue().splitlines()
    parsed: dict[str, Any] = json.loads(line)
    return parsed


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("plain", logging.WARNING, "a.py", 1, message, args, None)
    made.__dict__.update(extra)
    return made


# The shape


def test_an_event_is_one_line_of_json_that_begins_with_when_how_bad_and_what() -> None:
    out = io.StringIO()

    slot, nested = datetime(2026, 3, 1, tzinfo=UTC), {"rows": [100, None, True]}
    configured(out).info("poll", list="c\npp", slot=slot, why="é", result=nested)

    assert out.getvalue().count("\n") == 1
    assert "é" in out.getvalue()
    line = json.loads(out.getvalue())
    assert list(line)[:3] == ["timestamp", "level", "event"]
    moment = datetime.fromisoformat(line.pop("timestamp"))
    assert datetime.now(UTC) - moment < timedelta(minutes=1)
    assert line == {
        "level": "info",
        "event": "poll",
        "list": "c\npp",
        "slot": "2026-03-01 00:00:00+00:00",
        "why": "é",
        "result": {"rows": [100, None, True]},
        "logger": "starboard",
    }


def test_a_plain_logger_makes_the_same_lines_with_the_job_and_the_queue() -> None:
    out = io.StringIO()
    configured(out)

    extra = {"job_id": "poll-stars-1", "queue": "default", "worker": "w"}
    logging.getLogger("plain").warning("%s of\n%d", "one", 2, extra=extra)

    line = only_line(out)
    del line["timestamp"]
    assert line == {
        "level": "warning",
        "event": "one of\n2",
        "logger": "plain",
        "job_id": "poll-stars-1",
        "queue": "default",
    }


@pytest.mark.parametrize("plain", [False, True])
def test_a_traceback_is_in_its_events_line(plain: bool) -> None:
    out = io.StringIO()
    log = configured(out)

    try:
        raise ValueError("no such list")
    except ValueError:
        (logging.getLogger("plain") if plain else log).exception("poll")

    line = only_line(out)
    assert (line["level"], line["event"]) == ("error", "poll")
    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert line["exception"].endswith("\nValueError: no such list")


def test_what_is_bound_to_the_context_is_in_every_line() -> None:
    out = io.StringIO()
    log = configured(out)

    with structlog.contextvars.bound_contextvars(request="r1"):
        log.info("served")

    assert only_line(out)["request"] == "r1"


@pytest.mark.parametrize(
    ("log_format", "out", "is_json"),
    [
        ("auto", io.StringIO(), True),
        ("auto", Terminal(), False),
        ("json", Terminal(), True),
        ("console", io.StringIO(), False),
    ],
)
def test_a_terminal_gets_readable_lines_and_everything_else_json(
    log_format: str, out: io.StringIO, is_json: bool
) -> None:
    configured(out, Settings(log_format=log_format)).info("poll", list="cpp")

    assert (out.getvalue()[0] == "{") is is_json
    assert "poll" in out.getvalue() and "cpp" in out.getvalue()


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("debug", ["starboard 10", "starboard 20", "httpx 10", "httpx 20", "httpx 30"]),
        ("info", ["starboard 20", "httpx 30"]),
        ("error", []),
    ],
)
def test_the_level_rules_and_libraries_are_quiet_below_warnings(
    level: str, heard: list[str]
) -> None:
    out = io.StringIO()
    log = configured(out, Settings(log_level=level))

    log.debug("starboard 10")
    log.info("starboard 20")
    for weight in (logging.DEBUG, logging.INFO, logging.WARNING):
        logging.getLogger("httpx").log(weight, "httpx %d", weight)

    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == heard


def test_rq_does_not_repeat_what_a_job_said_of_its_own_failure() -> None:
    out = io.StringIO()
    configured(out)
    worker = logging.getLogger("rq.worker")

    worker.error("Worker %s: job %s: exception raised while executing (%s)", "w", "poll-1", "poll")
    worker.error("Worker %s: lost", "w")

    assert only_line(out)["event"] == "Worker w: lost"


# Secrets


@pytest.mark.parametrize("log_format", ["console", "json"])
@pytest.mark.parametrize("secret", [TOKEN, "d%40tabase", "d@tabase", "r3dis"])
@pytest.mark.parametrize("plain", [False, True])
def test_no_secret_is_in_a_message_a_value_or_a_traceback(
    log_format: str, secret: str, plain: bool
) -> None:
    out = io.StringIO()
    secretive = Settings(
        SECRETIVE.database_url, SECRETIVE.redis_url, github_token=TOKEN, log_format=log_format
    )
    log = configured(out, secretive)

    try:
        raise ConnectionError(f"cannot connect as {secret}")
    except ConnectionError:
        if plain:
            logging.getLogger("plain").exception("with %s and %r", secret, {"key": secret})
        else:
            log.exception(f"with {secret}", key=secret, nested={"key": [secret.encode()]})

    assert "cannot connect as [redacted]" in out.getvalue()
    assert out.getvalue().count("[redacted]") >= 3
    assert secret not in out.getvalue()


@pytest.mark.parametrize("encoded", ["s3%22cret", "s3%5Ccret", "s3%C3%A9%0Acret"])
def test_a_secret_with_characters_that_json_escapes_is_taken_out_too(encoded: str) -> None:
    settings = Settings(database_url=f"postgres://me:{encoded}@db.test/stars")
    (meant,) = set(settings.secrets) - {encoded}

    line = logs.Formatter(settings).format(record("as %s", meant))

    assert json.loads(line)["event"] == "as [redacted]"


def test_of_a_secret_that_holds_another_nothing_is_left() -> None:
    for number in range(20):  # sets have no order to rely on
        short, long = f"word{number}", f"and-more-word{number}"
        settings = Settings(redis_url=f"redis://:{short}@h", database_url=f"postgres://u:{long}@h")

        line = logs.Formatter(settings).format(record("as %s", long))

        assert json.loads(line)["event"] == "as [redacted]"


@pytest.mark.parametrize("password", ["event", "a", '"', "null", "3"])
def test_a_password_that_is_part_of_the_form_leaves_the_line_json(password: str) -> None:
    settings = Settings(redis_url=f"redis://:{password}@redis.test")

    line = json.loads(logs.Formatter(settings).format(record("hello", queue=None, job_id=33)))

    assert (line["event"], line["queue"], line["job_id"]) == ("hello", None, 33)


def test_the_web_servers_lines_are_formatted_by_the_environments_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("LOG_FORMAT", "json")

    line = logs.from_environment().format(record("as %s", TOKEN, job_id="poll-1"))

    assert json.loads(line)["event"] == "as [redacted]"
    assert json.loads(line)["job_id"] == "poll-1"
