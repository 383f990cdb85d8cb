"""What serving a stored document costs, against a bare WSGI function that returns the same bytes.

All run by the Procfile's web line, access log on, one after the other in turns, under `wrk` with 16
connections. Besides Starboard as it is: the same by Flask alone, without the front; the same view
behind Flask-Caching on Redis; and the same answer computed inside the request.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from flask import Flask, Response
from flask_caching import Cache

import settings as configuration
from app import create_app
from core import clock, encoding, leaderboards
from core.lists import KNOWN
from local import embedded
from local.run import procfile
from store import documents, snapshots
from store.database import connect
from web import current

ROOT = Path(__file__).parents[1]
PATH = "/api/v1/lists/stars"
CONNECTIONS, ROUNDS, SECONDS = 16, 3, 5
FIGURES = re.compile(r"99%\s+([\d.]+)(us|ms|s).*Requests/sec:\s+([\d.]+)", re.DOTALL)
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


# The servers: targets of the web line


def bare() -> Callable[..., Iterable[bytes]]:
    """No more than WSGI asks for."""
    with connect(configuration.or_exit()) as database, database.read() as session:
        document = documents.document(session, "lists/stars")
    assert document is not None
    body = document.body
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", headers)
        return [body]

    return application


def flask_alone() -> Flask:
    app = create_app()
    front: Any = app.wsgi_app
    app.wsgi_app = front.app  # type: ignore[method-assign]
    return app


def flask_caching() -> Flask:
    """The usual way: what the view gives is kept in Redis, and Flask sends it."""
    app = flask_alone()
    redis_url = configuration.or_exit().redis_url
    cache = Cache(app, config={"CACHE_TYPE": "RedisCache", "CACHE_REDIS_URL": redis_url})
    view: Any = app.view_functions["api.leaderboard"]
    kept: Any = cache.cached(timeout=600)(view)
    app.view_functions["api.leaderboard"] = kept
    return app


def computed() -> Flask:
    """The same answer, computed from what is stored inside the request."""
    app = flask_alone()

    def leaderboard(slug: str) -> Response:
        now = clock.now()
        with current.database().read() as session:
            snapshot = snapshots.snapshot(session, KNOWN[slug])
        assert snapshot is not None
        document = leaderboards.leaderboard(snapshot, now, now + timedelta(minutes=15))
        return Response(encoding.encode(document), mimetype="application/json")

    app.view_functions["api.leaderboard"] = leaderboard
    return app


# What is measured


@dataclass(frozen=True, slots=True)
class Candidate:
    name: str
    target: str
    conditional: bool = False


CANDIDATES = (
    Candidate("a bare WSGI function, the same bytes", "bench.serving:bare"),
    Candidate("Starboard", "app:create_app"),
    Candidate("Starboard, If-None-Match", "app:create_app", conditional=True),
    Candidate("Flask alone, one SQL read", "bench.serving:flask_alone"),
    Candidate("Flask-Caching on Redis", "bench.serving:flask_caching"),
    Candidate("computed in the request", "bench.serving:computed"),
)


@dataclass(frozen=True, slots=True)
class Figures:
    per_second: float
    p99: float  # milliseconds
    cpu: float  # microseconds of the server's processes a request


def load(candidate: Candidate, environment: dict[str, str]) -> Figures:
    port = embedded.free_port()
    line = procfile()["web"]
    url = f"http://127.0.0.1:{port}{PATH}"
    with tempfile.TemporaryFile("w") as log:  # what `make run` has where it is not on a terminal
        server = subprocess.Popen(
            line.replace("app:create_app", candidate.target),
            shell=True,
            cwd=ROOT,
            env=environment | {"PORT": str(port)},
            stdout=log,
            start_new_session=True,
        )
    try:
        headers = {"If-None-Match": _etag(url)} if candidate.conditional else {}
        _wrk(url, headers, 1)  # warm
        before = _cpu(server.pid)
        found = _wrk(url, headers, SECONDS)
        spent = _cpu(server.pid) - before
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
    per_second = float(found[3])
    cpu = 1e6 * spent / (per_second * SECONDS)
    return Figures(per_second, float(found[1]) * MILLISECONDS[found[2]], cpu)


def _etag(url: str) -> str:
    """The body's ETag, once the server answers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with urlopen(Request(url), timeout=2) as answer:
                return str(answer.headers["ETag"])
        except URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _wrk(url: str, headers: dict[str, str], seconds: int) -> re.Match[str]:
    _etag(url)
    extra = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    said = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", *extra, url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = FIGURES.search(said)
    assert found is not None and "Non-2xx" not in said, said
    return found


def _cpu(group: int) -> float:
    """Seconds that the processes of a group have worked."""
    table = subprocess.run(
        ["ps", "-A", "-o", "pgid=,pid="], capture_output=True, text=True, check=True
    ).stdout
    pids = [pid for pgid, pid in map(str.split, table.splitlines()) if int(pgid) == group]
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(database_url: str, redis_url: str) -> None:
    """Report all candidates over a database that has documents and history."""
    if shutil.which("wrk") is None:
        print("serving: not measured; it needs wrk, which Debian's package of that name has")
        return
    environment = os.environ | {
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "BIND": "127.0.0.1",
        "LOG_FORMAT": "json",
    }
    rounds = [[load(each, environment) for each in CANDIDATES] for _ in range(ROUNDS)]
    of_each = zip(CANDIDATES, zip(*rounds, strict=True), strict=True)
    bares = [turn[0] for turn in rounds]
    for candidate, figures in of_each:
        ratio = median(it.per_second / by.per_second for it, by in zip(figures, bares, strict=True))
        slower = median(it.p99 / by.p99 for it, by in zip(figures, bares, strict=True))
        print(
            f"{candidate.name:38} {median(it.per_second for it in figures):9,.0f} a second"
            f" {ratio:6.2f} times, p99 {median(it.p99 for it in figures):6.2f} ms"
            f" {slower:5.2f} times, {median(it.cpu for it in figures):6.0f} µs of CPU"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("database_url", help="of a database with documents, such as the demo's")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as var, embedded.embedded_valkey(Path(var)) as redis_url:
        measure(arguments.database_url, redis_url)


if __name__ == "__main__":
    main()
