"""A Postgres that hangs: what is kept is answered at once, the rest in seconds."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from local import embedded
from local.run import procfile
from settings import Settings
from store.database import Database
from tests.support.common import descendants, running, wait_until
from tests.support.served import PYTHON, STARS, fill

KEPT = "/api/v1/lists/stars"
ASKED = "/api/v1/repos/Loud/Motor"


@pytest.fixture
def url(postgres_url: str, install_process: Callable[..., Any]) -> str:
    """A web process, as the Procfile starts it, on a filled Postgres."""
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    fill(Settings(database_url=postgres_url, lists=(STARS, PYTHON)))
    port = embedded.free_port()
    variables = {
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
        "DATABASE_URL": postgres_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",  # nobody listens there
        "PORT": str(port),
        "BIND": "127.0.0.1",
        "WEB_CONCURRENCY": "1",
    }
    install_process(["sh", "-c", f"exec {procfile()['web']}"], variables)
    return f"http://127.0.0.1:{port}"


def status(url: str) -> int | None:
    try:
        return httpx.get(url, timeout=60).status_code
    except httpx.TransportError:
        return None


@contextmanager
def locked(postgres_url: str) -> Iterator[None]:
    with Database(postgres_url) as database, database.engine.begin() as connection:
        connection.execute(text("LOCK TABLE repository_name, repository IN ACCESS EXCLUSIVE MODE"))
        yield


@contextmanager
def stopped(postgres_url: str) -> Iterator[None]:
    """Stop the server with all of its processes."""
    with Database(postgres_url) as database, database.read() as session:
        backend: int = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
        pids = descendants([running()[backend]])
    _tell(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _tell(pids, signal.SIGCONT)


def _tell(pids: set[int], what: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # a backend may have ended meanwhile
            os.kill(pid, what)


@pytest.mark.parametrize("hung", [locked, stopped])
def test_only_what_needs_it_is_refused(url: str, postgres_url: str, hung: Any) -> None:
    wait_until(lambda: status(url + KEPT) == 200)
    wait_until(lambda: status(url + ASKED) == 200)

    with ThreadPoolExecutor(24) as threads, hung(postgres_url):
        refused = [threads.submit(status, url + ASKED) for _ in range(24)]
        time_of = {}
        for path in (KEPT, "/healthz", KEPT, "/api/v1", "/metrics"):
            before = time.monotonic()
            assert status(url + path) == 200
            time_of[path] = time.monotonic() - before
        assert {each.result() for each in refused} == {503}

    assert max(time_of.values()) < 8, time_of  # it would be all of the time that it hangs
    wait_until(lambda: status(url + ASKED) == 200)
