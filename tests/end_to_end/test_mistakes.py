"""Settings that make no sense: whatever is started ends at once, with one line that helps."""

import os
import subprocess
import sys

import pytest

import settings
from local import embedded
from local.run import procfile
from tests.support.common import ROOT

SECRET = "s3cret"
PYTHON_COMMANDS = {
    "worker": ["worker.py"],
    "scheduler": ["scheduler.py"],
    "aggregate": ["-m", "flask", "--app", "app", "aggregate"],
    "run": ["run.py"],
}
DIVISORS = "expected a divisor of 60: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60"


def environment(variables: dict[str, str]) -> dict[str, str]:
    """This process's environment with these settings and no others."""
    of_settings = {"DYNO", *(variable for variable, _ in settings.PARSERS.values())}
    kept = {name: value for name, value in os.environ.items() if name not in of_settings}
    path = os.pathsep.join([os.path.dirname(sys.executable), kept["PATH"]])
    return kept | {"PATH": path} | variables


def start(name: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *PYTHON_COMMANDS[name]],
        cwd=ROOT,
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=60,
    )


MISTAKES = [
    (
        "worker",
        {"DATABASE_URL": f"mysql://me:{SECRET}@db.test/stars"},
        "DATABASE_URL='mysql://…@db.test/stars': "
        "expected a URL that begins with sqlite:// or postgresql:// or postgres://",
    ),
    (
        "scheduler",
        {"REDIS_URL": f"http://:{SECRET}@redis.test"},
        "REDIS_URL='http://…@redis.test': expected a URL that begins with redis:// or rediss:// or unix://",
    ),
    (
        "aggregate",
        {"GITHUB_API_URL": f"https://{SECRET}@github.test"},
        "GITHUB_API_URL='https://…@github.test': "
        "expected a URL without a user or a query; a token goes into GITHUB_TOKEN",
    ),
    (
        "run",
        {"GITHUB_TOKEN": f"{SECRET} and more"},
        "GITHUB_TOKEN='(not shown)': "
        "expected a GitHub token: 8 or more ASCII characters, without blanks",
    ),
    (
        "run",
        {"VALKEY_PORT": "6380"},
        "VALKEY_PASSWORD='': VALKEY_PORT and VALKEY_PASSWORD need each other",
    ),
    (
        "run",
        {"VALKEY_PORT": "6380", "VALKEY_PASSWORD": SECRET},
        "VALKEY_PASSWORD='(not shown)': expected 16 to 200 letters, digits, and _ . ~ -",
    ),
    (
        "run",
        {"NOTIFY": f"json://h.test/x, slak://{SECRET}AAA/BBB"},
        "NOTIFY='slak://…': URL 2 is none that Apprise knows",
    ),
    (
        "worker",
        {"NOTIFY": "/nowhere/notify.yaml"},
        "NOTIFY='/nowhere/notify.yaml': expected Apprise URLs, or the path of an Apprise YAML "
        "file; the file cannot be read: No such file or directory",
    ),
    (
        "scheduler",
        {"NOTIFY": "pyproject.toml"},
        "NOTIFY='pyproject.toml': expected an Apprise YAML file; line 2 is wrong",
    ),
    ("worker", {"LISTS": "stars,pyhton"}, "LISTS='pyhton': did you mean 'python'?"),
    (
        "worker",
        {"FOLLOW": "secret"},
        "FOLLOW='(not shown)': "
        "expected anyone, nobody, local, or a key of 16 visible characters or more",
    ),
    ("scheduler", {"FOLLOW_MOST": "0"}, "FOLLOW_MOST='0': expected a number from 1 to 1000000"),
    (
        "worker",
        {"WATCH": "torvalds"},
        "WATCH='torvalds': expected owner/name or owner/*, as on GitHub",
    ),
    ("scheduler", {"POLL_MINUTES": "7"}, f"POLL_MINUTES='7': {DIVISORS}"),
    ("aggregate", {"AGGREGATE_MINUTES": "1.5"}, f"AGGREGATE_MINUTES='1.5': {DIVISORS}"),
    ("run", {"WEB_CONCURRENCY": "0"}, "WEB_CONCURRENCY='0': expected a number from 1 to 64"),
    (
        "scheduler",
        {"LOG_LEVEL": "loud"},
        "LOG_LEVEL='loud': expected one of debug, info, warning, error, critical",
    ),
    (
        "scheduler",
        {"PUBLIC_URL": f"https://me:{SECRET}@stars.test"},
        "PUBLIC_URL='https://…@stars.test': "
        "expected the URL of this server for readers, such as https://HOST/PATH",
    ),
    ("worker", {"LOG_FORMAT": "xml"}, "LOG_FORMAT='xml': expected one of auto, console, json"),
    (
        "worker",
        {"DYNO": "worker.1"},
        "DATABASE_URL='': Heroku's dynos share no disk, so SQLite cannot serve them; "
        "add a database: heroku addons:create heroku-postgresql",
    ),
    (
        "run",
        {"POLL_MINUTES": "1"},
        "POLL_MINUTES='1': too short for 36 lists within GitHub's search limit; "
        "set POLL_MINUTES=5, or at most 7 LISTS",
    ),
    *(
        (name, {"PORT": "http"}, "PORT='http': expected a number from 1 to 65535")
        for name in PYTHON_COMMANDS
    ),
]


def test_there_is_a_mistake_for_every_setting() -> None:
    mistaken = {variable for _, variables, _ in MISTAKES for variable in variables}

    assert mistaken == {"DYNO", *(variable for variable, _ in settings.PARSERS.values())}


@pytest.mark.parametrize(("name", "variables", "line"), MISTAKES)
def test_a_wrong_setting_ends_a_start_with_one_line_that_says_what_would_be_right(
    name: str, variables: dict[str, str], line: str
) -> None:
    ended = start(name, **variables)

    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"starboard: {line}\n")
    assert SECRET not in ended.stderr


def test_the_web_server_ends_with_that_line_too() -> None:
    command = procfile()["web"]
    variables = {"BIND": "127.0.0.1", "PORT": str(embedded.free_port()), "LOG_LEVEL": "loud"}

    ended = subprocess.run(
        f"exec {command}",
        shell=True,
        cwd=ROOT,
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=60,
    )

    line = "starboard: LOG_LEVEL='loud': expected one of debug, info, warning, error, critical\n"
    assert ended.returncode != 0
    assert line in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
