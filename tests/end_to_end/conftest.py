"""Real processes, started as a user starts them, and an archive for the fake GitHub to show."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page
from redis import Redis

from local import embedded
from settings import Settings
from store.database import connect
from tests.support import browser as chrome
from tests.support.common import ROOT, SHARED, UNSET

COLUMNS = """rank item repo_name stars forks language repo_url username issues last_commit
    description""".split()
LAST_DAY = date(2025, 2, 28)


@dataclass
class Installation:
    """`make run` without the make: everything in one folder, on ports of its own."""

    folder: Path
    environment: dict[str, str]
    process: "subprocess.Popen[str]"
    port: int
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / "log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def redis_url(self) -> str:
        for line in self.lines():
            if "rq info -u" in line:
                return line.split()[-1]
        raise AssertionError("no line names the Redis URL yet")

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log's lines of one event."""
        parsed = [json.loads(line) for line in self.lines() if line.startswith("{")]
        return [event for event in parsed if event["event"] == name]

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=30)

    def wait_for(self, path: str, seconds: float = 90) -> httpx.Response:
        """The first answer 200 of a path."""

        def answer() -> httpx.Response | None:
            try:
                response = self.get(path)
            except httpx.TransportError:
                return None
            return response if response.status_code == 200 else None

        found: httpx.Response = self.wait_until(answer, seconds)
        return found

    def wait_until(self, condition: Callable[[], Any], seconds: float = 90) -> Any:
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            if time.monotonic() > deadline or self.process.poll() is not None:
                pytest.fail("it did not come true in time:\n" + "\n".join(self.lines()[-40:]))
            time.sleep(0.1)
        return result

    def command(self, *arguments: str) -> str:
        """What `flask --app app …` prints, run beside the processes."""
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "app", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    def interrupt(self) -> int:
        """Ctrl-C; gives the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=30)


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Start an installation: `with install(GITHUB_API_URL=…) as installation`."""

    @contextmanager
    def start(**variables: str) -> Iterator[Installation]:
        port = embedded.free_port(0)
        kept = {name: value for name, value in os.environ.items() if name not in UNSET}
        environment = {**kept, "PORT": str(port), "LISTS": "stars", **variables}
        with open(tmp_path / "log", "a") as log:
            process = subprocess.Popen(
                [sys.executable, "run.py", "--var", str(tmp_path / "my var")],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
        installation = Installation(tmp_path, environment, process, port)
        try:
            yield installation
        finally:
            if process.poll() is None:
                installation.interrupt()

    yield start


@pytest.fixture
def install_process() -> Iterator[Callable[..., Any]]:
    """Start single processes, which end with the test."""
    with ExitStack() as stack:

        def start(command: list[str], variables: dict[str, str]) -> "subprocess.Popen[bytes]":
            kept = {name: value for name, value in os.environ.items() if name not in UNSET}
            process = subprocess.Popen(command, cwd=ROOT, env=kept | variables)
            stack.callback(process.wait, timeout=30)
            stack.callback(process.terminate)
            return process

        yield start


@pytest.fixture
def services(redis: Redis, valkey_url: str, settings: Settings) -> dict[str, str]:
    """Variables that name an empty Valkey and an empty database, and the list `stars`."""
    with connect(settings) as database:
        database.upgrade()
    return {"REDIS_URL": valkey_url, "DATABASE_URL": settings.database_url, "LISTS": "stars"}


REAL = SHARED / "data" / "github-ranking"


@pytest.fixture(scope="session", params=["real" if REAL.exists() else "made up"])
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of archive days: two months of the real one where it is beside the checkout, else
    the tests' own, which has what is odd in that."""
    folder = tmp_path_factory.mktemp("archive")
    if request.param == "made up":
        return write_archive(folder)
    for file in REAL.glob("github-ranking-2025-*.csv"):
        (folder / file.name).symlink_to(file)
    return folder


def write_archive(folder: Path) -> Path:
    """Forty days of three lists, with what is odd in the real archive: gaps between days,
    repositories that come, go and overtake, repeat on a list, lack a language, or lose stars."""
    for ago in range(40):
        if ago in (3, 11):
            continue
        day = LAST_DAY - timedelta(days=ago)
        everyone = [_row(number, 40 - ago) for number in range(160)]
        with open(folder / f"github-ranking-{day}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for item, count in (("stars", "stars"), ("forks", "forks"), ("Python", "stars")):
                members = [it for it in everyone if item != "Python" or it["language"] == item]
                members.sort(key=lambda it: -int(it[count]))  # noqa: B023  # used at once
                top = members[:100]
                if item == "stars":
                    top[50:50] = [top[10]]  # a repetition
                    top = top[:100]
                for rank, row in enumerate(top, 1):
                    name = item if item == "Python" else f"top-100-{item}"
                    writer.writerow({**row, "rank": rank, "item": name})
    return folder


def _row(number: int, day: int) -> dict[str, Any]:
    pace = (number * 37) % 23 - 2
    stars = 90_000 - 400 * number + pace * 60 * day
    return {
        "repo_name": f"repo-{number}",
        "username": f"Owner{number % 41}",
        "stars": stars,
        "forks": 2_000 + (number * 7919) % 5_000 + day * (number % 5),
        "language": ("Python", "Go", "", "C++")[number % 4],
        "repo_url": f"https://github.com/Owner{number % 41}/repo-{number}",
        "issues": number,
        "last_commit": "2025-01-07T15:52:22Z",
        "description": f'Number {number}, "quoted"; in\ntwo lines' if number % 3 else "",
    }


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with chrome.chromium() as browser:
        yield browser


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Any]:
    """Open a page in a context of its own. Nothing may be written to its console, which is where
    Chromium tells of errors in scripts and of what the policy forbids."""
    with ExitStack() as stack:
        wrong: list[str] = []

        def start(url: str, size: tuple[int, int] = (1280, 800), **options: Any) -> Page:
            width, height = size
            context = chromium.new_context(
                viewport={"width": width, "height": height}, timezone_id="Asia/Tokyo", **options
            )
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(30_000)
            page.on("console", lambda it: wrong.append(it.text))
            page.on("pageerror", lambda it: wrong.append(str(it)))
            page.on("dialog", lambda it: wrong.append(f"dialog: {it.message}"))
            page.goto(url)
            return page

        yield start
        assert [it for it in wrong if "Failed to load resource" not in it] == []
