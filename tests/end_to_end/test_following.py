"""Any repository, asked for while everything runs as a user starts it."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from core import clock, lists
from local.fake_github import api, serving
from local.fake_github.worlds import MadeUpWorld
from tests.support.common import wait_until

WORLD = MadeUpWorld(languages=["Python", "Rust"])
TOKEN = "ghp_0123456789abcdef"


def names(number: int) -> list[str]:
    """Repositories that are on no list here."""
    return [it.full_name for it in WORLD.search(lists.KNOWN["rust"], 0, clock.now())[-number:]]


class Slow:
    """WSGI that answers after a tenth of a second, as GitHub does."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        time.sleep(0.1)
        return self.app(environ, start_response)


@contextmanager
def slow_github() -> Iterator[tuple[str, Any]]:
    github = api.create_fake_github(WORLD)
    github.wsgi_app = Slow(github.wsgi_app)  # type: ignore[method-assign]
    with serving.serve(github) as url:
        yield url, github


def unless_busy(method: str, url: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """The reply to a request, once the database is not busy and has its schema."""

    def reply() -> httpx.Response | None:
        given = httpx.request(method, url, headers=headers, timeout=30)
        return None if given.status_code == 503 else given

    replied: httpx.Response = wait_until(reply)
    return replied


def told(url: str) -> dict[str, Any]:
    answer: dict[str, Any] = unless_busy("GET", url).json()
    return answer


def test_its_past_is_there_within_seconds(install: Callable[..., Any]) -> None:
    with (
        slow_github() as (github_url, github),
        install(GITHUB_API_URL=github_url, GITHUB_TOKEN=TOKEN) as installation,
    ):
        installation.wait_for("/api/v1/lists/stars")
        [name] = names(1)
        url = f"{installation.url}/api/v1/repos/{name}"
        unknown = httpx.get(url).status_code

        asked = unless_busy("PUT", url)
        wait_until(lambda: told(url)["history"]["pages_read"])
        wait_until(lambda: told(url)["history"]["state"] == "complete", seconds=180)
        again = unless_busy("PUT", url)
        known = told(url)

        read = defaultdict(list)  # by repository: others are read in the background
        for record in github.extensions["fake_github"].log:
            if "stargazers" in record.path:
                read[record.path].append(record.query)
        pages = max(read.values(), key=len)
        log = "\n".join(installation.lines())

    assert (unknown, asked.status_code, again.status_code) == (404, 202, 200)
    assert asked.headers["Location"] == f"/api/v1/repos/{name}"
    assert len(pages) == len(set(pages)) == known["history"]["pages"]
    assert (known["followed"], known["history"]["state"]) == (True, "complete")
    assert known["gains"]["30d"]["source"] == "github"
    assert known["stars"] > 0
    assert "Traceback" not in log


def test_one_worker_serves_who_asks_while_36_lists_wait_for_githubs_limit(
    install: Callable[..., Any],
) -> None:
    with (
        slow_github() as (github_url, github),
        install(GITHUB_API_URL=github_url, LISTS="") as here,
    ):
        log = github.extensions["fake_github"].log
        here.wait_until(lambda: sum(it.resource == "search" for it in log) > 1, seconds=120)
        [name] = names(1)
        url = f"{here.url}/api/v1/repos/{name}"

        unless_busy("PUT", url)

        wait_until(lambda: told(url)["history"]["pages_read"])  # the lists take four minutes
        assert "postponed" not in here.log.read_text()


def test_commands_follow_and_say_how_far_it_is(install: Callable[..., Any]) -> None:
    with (
        slow_github() as (github_url, _),
        install(GITHUB_API_URL=github_url, GITHUB_TOKEN=TOKEN) as installation,
    ):
        installation.wait_for("/api/v1/lists/stars")
        other, first, second = names(3)
        owner = other.partition("/")[0]
        everything = WORLD.search(lists.KNOWN["stars"], -1, clock.now())
        owned = sum(it.owner == owner for it in everything)

        folder = installation.folder / "my var"
        installation.environment["DATABASE_URL"] = f"sqlite:///{folder}/starboard.db"
        installation.wait_until(lambda: "rq info -u" in installation.log.read_text())
        installation.environment["REDIS_URL"] = installation.redis_url
        said = installation.command("follow", first, f"https://github.com/{second}")
        wait_until(
            lambda: installation.command("follows").count("history complete") == 2, seconds=120
        )
        ended = installation.command("unfollow", first)
        left = installation.command("follows")
        installation.command("follow", f"{owner}/*", "--archived")
        wait_until(
            lambda: f"{owned} repositories (with archived)  read" in installation.command("follows")
        )

    assert said.splitlines() == [
        f"{first}: history queued",
        f"{second}: history queued",
        "`flask --app app follows` tells how far they are.",
    ]
    assert ended == f"{first}: not followed any more\n"
    assert left.splitlines()[-1] == "1 followed, each sampled every 10 min."


@pytest.mark.parametrize("setting", ["nobody", "a-key-of-sixteen-characters"])
def test_who_may_not_ask_is_told_so(install: Callable[..., Any], setting: str) -> None:
    with install(GITHUB_API_URL="http://127.0.0.1:9", FOLLOW=setting) as installation:
        installation.wait_for("/healthz")
        url = f"{installation.url}/api/v1/repos/any/body"

        refused = httpx.put(url)
        with_key = unless_busy("PUT", url, {"Authorization": f"Bearer {setting}"})

    assert refused.status_code == 403
    assert "FOLLOW" in refused.json()["detail"]
    assert with_key.status_code == (403 if setting == "nobody" else 202)
