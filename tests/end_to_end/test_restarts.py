"""`make run` keeps what it started running, and takes it along when it is killed itself."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from core.clock import HOUR
from local.fake_github import api, serving, worlds
from tests.support.common import amid_a_slot, counts, descendants, running, wait_until


def pids_of(installation: Any, part: str) -> set[int]:
    """The processes of an installation whose command line has a part."""
    found = set()
    for pid in descendants([installation.process.pid]):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if part in file.read().replace(b"\0", b" ").decode():
                    found.add(pid)
        except OSError:  # it ended meanwhile
            continue
    return found


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("worker", "python worker.py"),
        ("scheduler", "python scheduler.py"),
        ("valkey", "valkey.sock"),
    ],
)
def test_one_that_is_killed_is_started_again_and_no_read_fails(
    install: Callable[..., Any], name: str, part: str
) -> None:
    with (
        serving.serve(api.create_fake_github(worlds.MadeUpWorld())) as github_url,
        install(GITHUB_API_URL=github_url, POLL_MINUTES="1", AGGREGATE_MINUTES="1") as installation,
    ):
        first = installation.wait_for("/api/v1/lists/stars", seconds=120).json()
        victims = wait_until(lambda: pids_of(installation, part))

        for pid in victims:
            with suppress(ProcessLookupError):  # a job's process may have ended by itself
                os.kill(pid, signal.SIGKILL)
        statuses = set()

        def is_newer() -> bool:
            response = installation.get("/api/v1/lists/stars")
            statuses.add(response.status_code)
            return bool(response.json()["as_of"] > first["as_of"])

        wait_until(is_newer, seconds=240)
        again = wait_until(lambda: pids_of(installation, part))
        lines = installation.lines()

    assert statuses == {200}
    assert not victims & again
    assert any(
        line.startswith(f"starboard: {name} ended with signal 9; it is started again in")
        for line in lines
    )


def test_a_web_process_that_is_killed_is_replaced(install: Callable[..., Any]) -> None:
    with install(GITHUB_API_URL="http://127.0.0.1:9", WEB_CONCURRENCY="2") as installation:
        installation.wait_for("/healthz")
        main, *_ = sorted(pids_of(installation, "granian"))
        served_by = wait_until(lambda: len(found := descendants([main]) - {main}) >= 2 and found)

        os.kill(min(served_by), signal.SIGKILL)

        wait_until(lambda: len((descendants([main]) - {main}) - served_by) >= 1, seconds=90)
        assert main in running()
        wait_until(lambda: installation.get("/healthz").status_code == 200)


def test_killed_outright_it_leaves_nothing_behind_and_the_next_one_starts(
    install: Callable[..., Any],
) -> None:
    amid_a_slot(HOUR, timedelta(minutes=2))
    with serving.serve(api.create_fake_github(worlds.MadeUpWorld())) as github_url:
        with install(GITHUB_API_URL=github_url, POLL_MINUTES="60") as installation:
            first = installation.wait_for("/api/v1/lists/stars")
            before = descendants([installation.process.pid])

            installation.process.kill()
            installation.process.wait()

            wait_until(lambda: not before & running().keys(), seconds=90)
        with install(GITHUB_API_URL=github_url, POLL_MINUTES="60") as installation:
            again = installation.wait_for("/api/v1/lists/stars")

    assert len(before) > 5
    assert counts(again) == counts(first)
