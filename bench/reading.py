"""What answers cost that are not made once a build and kept: the status, charts, a long history."""

import gzip
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from statistics import median
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event

from app import READ_PATIENCE, create_app
from bench.laboratory import DAYS, FIRST, Laboratory
from core import clock
from local import embedded
from local.fake_github import worlds
from store.database import connect

TURNS = 7
ZIPPED = {"Accept-Encoding": "gzip"}


def status(lab: Laboratory) -> float:
    """Milliseconds of CPU of the dearer of `/api/v1/status` and `/metrics`, made anew."""
    return max(_made_anew(lab, path)[0] for path in ("/api/v1/status", "/metrics"))


def status_statements(lab: Laboratory) -> float:
    """Statements of the same."""
    return max(_made_anew(lab, path)[1] for path in ("/api/v1/status", "/metrics"))


def chart(lab: Laboratory) -> float:
    """Milliseconds of CPU of a chart of ten repositories, seven years each, drawn anew."""
    names = ",".join(repository.full_name for repository in _top(lab)[:10])
    client = _client(lab)
    url = f"/charts.svg?repos={names}&span=all"
    return _milliseconds(lambda: client.get(url))


def history(lab: Laboratory) -> float:
    """Milliseconds of CPU of a history of seven years, made anew and zipped."""
    client, url = _client(lab), _history_url(lab)
    return _milliseconds(lambda: client.get(url, headers=ZIPPED))


def history_bytes(lab: Laboratory) -> float:
    """Kilobytes of the same on the wire."""
    answer = _client(lab).get(_history_url(lab), headers=ZIPPED)
    zipped = answer.headers.get("Content-Encoding") == "gzip"
    points = gzip.decompress(answer.data) if zipped else answer.data
    assert points.count(b'"at"') >= DAYS, points[:200]
    return len(answer.data) / 1000


def _history_url(lab: Laboratory) -> str:
    until = clock.rfc3339(lab.now)
    return f"/api/v1/repos/{_top(lab)[0].full_name}/history?to={until}&step=1d"


def _top(lab: Laboratory) -> list[worlds.FakeRepository]:
    world = worlds.MadeUpWorld(born=FIRST)
    return world.search(lab.settings.ranked("stars"), 0, lab.now)


def _client(lab: Laboratory) -> FlaskClient:
    """A client of the app without the cache in front of it."""
    app = create_app(lab.settings)
    front: Any = app.wsgi_app
    app.wsgi_app = front.app  # type: ignore[method-assign]
    return app.test_client()


def _milliseconds(ask: Callable[[], Any]) -> float:
    """The median of some turns after a first."""
    assert ask().status_code == 200
    taken = []
    for _ in range(TURNS):
        began = time.process_time()
        ask()
        taken.append(1000 * (time.process_time() - began))
    return median(taken)


def _made_anew(lab: Laboratory, path: str) -> tuple[float, int]:
    """Milliseconds and statements of a status that is not kept, with a Redis that answers."""
    with embedded.embedded_valkey(lab.folder / "status") as url:
        app = create_app(replace(lab.settings, redis_url=url))
        app.extensions["status"].kept_for = 0
        statements: list[str] = []
        engine = connect(lab.settings, READ_PATIENCE).engine

        def count(*of: Any) -> None:
            statements.append(of[2])

        event.listen(engine, "before_cursor_execute", count)
        try:
            client = app.test_client()
            taken = _milliseconds(lambda: client.get(path))
            statements.clear()
            client.get(path)
        finally:
            event.remove(engine, "before_cursor_execute", count)
        with closing(app.extensions["redis"]):
            return taken, len([it for it in statements if not it.startswith(("BEGIN", "PRAGMA"))])
