"""A list under `wrk`: the Procfile's web line with its log in a file, against a bare WSGI function
that returns the same bytes without any log. Both are up, and asked in alternating short turns."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import settings as configuration
from local import embedded
from local.run import procfile
from store import documents
from store.database import connect

ROOT = Path(__file__).parents[1]
PATH = "/api/v1/lists/stars"
CONNECTIONS, TURNS, SECONDS = 16, 7, 3
PER_SECOND = re.compile(r"Requests/sec:\s+([\d.]+)")


def bare() -> Callable[..., Iterable[bytes]]:
    """Return a function that does no more than WSGI asks for: what granian starts."""
    with connect(configuration.or_exit()) as database, database.read() as session:
        document = documents.document(session, "lists/stars")
    assert document is not None
    body = document.body
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", headers)
        return [body]

    return application


def share_of_bare(database_url: str, folder: Path) -> float | None:
    """Return the requests a second of Starboard, as a share of those of the bare function; None
    where there is no `wrk`."""
    if shutil.which("wrk") is None:
        return None
    line, environment = procfile()["web"], _environment(database_url)
    without_log = line.replace("app:create_app", "--no-log bench.serving:bare")
    with ExitStack() as stack:
        ours = stack.enter_context(served(line, environment, folder / "web.log"))
        bares = stack.enter_context(served(without_log, environment, folder / "bare.log"))
        _per_second(ours, 1), _per_second(bares, 1)  # warm
        turns = [_per_second(ours) / _per_second(bares) for _ in range(TURNS)]
    return median(turns)


def _environment(database_url: str) -> dict[str, str]:
    return os.environ | {
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",  # no read needs it
        "BIND": "127.0.0.1",
        "LOG_FORMAT": "json",
    }


@contextmanager
def served(line: str, environment: dict[str, str], log: Path) -> Iterator[str]:
    """Run a web line while the context lasts; gives the URL of the list."""
    port = embedded.free_port()
    url = f"http://127.0.0.1:{port}{PATH}"
    with open(log, "w") as file:
        server = subprocess.Popen(
            line,
            shell=True,
            cwd=ROOT,
            env=environment | {"PORT": str(port)},
            stdout=file,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 60
        while not _answers(url):
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _answers(url: str) -> bool:
    with suppress(URLError, OSError), urlopen(url, timeout=2):
        return True
    return False


def _per_second(url: str, seconds: int = SECONDS) -> float:
    said = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = PER_SECOND.search(said)
    assert found is not None and "Non-2xx" not in said, said
    return float(found[1])
