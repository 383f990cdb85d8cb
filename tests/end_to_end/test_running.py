"""`make run` as its user meets it: the start, the end, mistakes, and a GitHub that is away."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from redis import Redis

from core.clock import HOUR
from local import embedded
from local.fake_github import api, serving, worlds
from tests.support.common import ROOT, amid_a_slot, counts, descendants, running, wait_until


def searches(github: Any) -> int:
    return sum(record.resource == "search" for record in github.extensions["fake_github"].log)


def test_it_says_where_to_point_curl_ends_cleanly_and_starts_again_with_what_it_had(
    install: Callable[..., Any],
) -> None:
    github = api.create_fake_github(worlds.MadeUpWorld())
    amid_a_slot(HOUR, timedelta(minutes=2))
    with serving.serve(github) as github_url:
        with install(GITHUB_API_URL=github_url, POLL_MINUTES="60") as installation:
            first = installation.wait_for("/api/v1/lists/stars")
            installation.wait_until(
                lambda: (
                    f"curl {installation.url}/api/v1/lists/stars" in "\n".join(installation.lines())
                )
            )
            started = time.monotonic()
            status = installation.interrupt()
            took = time.monotonic() - started
        searched = searches(github)
        with install(GITHUB_API_URL=github_url, POLL_MINUTES="60") as installation:
            again = installation.wait_for("/api/v1/lists/stars")
            log = "\n".join(installation.lines())

    assert status == 0
    assert took < 30  # when most supervisors kill
    assert "Traceback" not in log
    assert counts(again) == counts(first)
    assert searches(github) == searched  # the slot was polled already


def test_nothing_is_left_behind_when_its_terminal_is_closed(install: Callable[..., Any]) -> None:
    with install(GITHUB_API_URL="http://127.0.0.1:9") as installation:
        installation.wait_for("/healthz")
        before = descendants([installation.process.pid])

        installation.process.send_signal(signal.SIGHUP)
        installation.process.wait(timeout=30)

    assert len(before) > 5
    wait_until(lambda: not before & running().keys())


def test_without_github_it_says_so_goes_on_trying_and_serves_once_it_can(
    install: Callable[..., Any],
) -> None:
    port = embedded.free_port()
    with install(GITHUB_API_URL=f"http://127.0.0.1:{port}") as installation:
        poll = installation.wait_until(lambda: installation.events("poll"))[0]
        installation.wait_for("/healthz")
        refused = installation.get("/api/v1/lists/stars")
        github = api.create_fake_github(worlds.MadeUpWorld())
        with serving.serve(github, port):
            served = installation.wait_for("/api/v1/lists/stars", seconds=240)

    assert poll["outcome"] == "failed"
    assert poll["why"].startswith("127.0.0.1 cannot be reached")
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert "127.0.0.1 cannot be reached" in refused.json()["detail"]
    assert served.json()["count"] == 100


def test_a_proxy_is_not_asked_for_this_machine(install: Callable[..., Any]) -> None:
    nobody = "http://127.0.0.1:1"
    with (
        serving.serve(api.create_fake_github(worlds.MadeUpWorld())) as github_url,
        install(GITHUB_API_URL=github_url, HTTP_PROXY=nobody, http_proxy=nobody) as installation,
    ):
        installation.wait_for("/api/v1/lists/stars")
        installation.wait_until(lambda: "rq info -u" in "\n".join(installation.lines()))


def test_a_port_in_use_and_a_wrong_setting_end_it_with_one_line(tmp_path: Path) -> None:
    def start(**variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "run.py", "--var", str(tmp_path)],
            cwd=ROOT,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
        )

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        in_use = start(PORT=port)
    wrong = start(POLL_MINUTES="7")

    assert (in_use.returncode, in_use.stderr) == (
        2,
        f"starboard: port {port} is in use; choose another with PORT=…\n",
    )
    assert (wrong.returncode, wrong.stderr) == (
        2,
        "starboard: POLL_MINUTES='7': expected a divisor of 60: "
        "1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60\n",
    )


def test_two_never_write_the_same_append_only_file(tmp_path: Path) -> None:
    with embedded.embedded_valkey(tmp_path):
        second = subprocess.run(
            [sys.executable, "run.py", "--var", str(tmp_path)],
            cwd=ROOT,
            env={**os.environ, "PORT": str(embedded.free_port()), "REDIS_URL": ""},
            capture_output=True,
            text=True,
        )

    assert second.returncode == 2
    assert f"{tmp_path} is in use by process " in second.stderr


def test_the_queue_survives_a_killed_valkey(tmp_path: Path) -> None:
    with embedded.embedded_valkey(tmp_path) as url, Redis.from_url(url) as client:
        client.rpush("rq:queue:default", "job")
        os.kill(client.info("server")["process_id"], signal.SIGKILL)
    with embedded.embedded_valkey(tmp_path) as url, Redis.from_url(url) as client:
        survived = client.lrange("rq:queue:default", 0, -1)

    assert survived == [b"job"]
