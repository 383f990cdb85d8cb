"""What an answer costs when it is stored, and when the request computes or fetches it itself.

`python -m tests.support.request_cost`. All three give the same leaderboard, through the same Flask
and SQLite.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable

import click
from flask import Flask

import settings as configuration
from core import clock, encoding, leaderboards
from github.client import GitHub
from local import demo
from local.fake_github import api, serving, worlds
from store import builds, snapshots
from store.database import Database, connect

ROUNDS = 30


def main() -> None:
    logs_off = {"LOG_LEVEL": "critical", "LISTS": "stars,forks,python,rust,go"}
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= logs_off | {"DATABASE_URL": f"sqlite:///{folder}/bench.db"}
        configured = configuration.from_environment()
        with connect(configured) as database:
            database.upgrade()
            slots = demo.past_slots(clock.now(), configured.poll_every)
            with click.progressbar(slots, label="Five weeks of history") as bar:
                demo.fill(bar)
            builds.aggregate_lists(database, configured, clock.now())
            with serving.serve(api.create_fake_github(worlds.MadeUpWorld())) as url:
                os.environ["GITHUB_API_URL"] = url
                _report(_measure(_app(database)))


def _app(database: Database) -> Flask:
    """The application, with the two routes that it must not have."""
    from app import create_app

    app = create_app()
    configured = configuration.from_environment()
    ranked = configured.lists[0]

    def computed() -> bytes:
        with database.read() as session:
            snapshot = snapshots.snapshot(session, ranked)
        assert snapshot is not None
        return encoding.encode(leaderboards.leaderboard(snapshot, clock.now(), clock.now()))

    def fetched() -> bytes:
        with GitHub(configured, demo.OpenGate()) as github:
            github.search(ranked, ranked.floor)
        return computed()

    app.add_url_rule("/computed", view_func=computed)
    app.add_url_rule("/fetched", view_func=fetched)
    return app


def _measure(app: Flask) -> dict[str, float]:
    """Median milliseconds by path, the paths taken in turns."""
    client = app.test_client()
    paths = ("/api/v1/lists/stars", "/computed", "/fetched")
    took: dict[str, list[float]] = {path: [] for path in paths}
    for _ in range(ROUNDS):
        for path in paths:
            took[path].append(_timed(lambda path=path: client.get(path).get_data()))  # type: ignore[misc]
    return {path: statistics.median(times) for path, times in took.items()}


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def _report(medians: dict[str, float]) -> None:
    stored = medians["/api/v1/lists/stars"]
    names = ("stored, sent as it is", "computed in the request", "fetched and computed in it")
    for name, took in zip(names, medians.values(), strict=True):
        click.echo(f"{name:28} {took:8.2f} ms {took / stored:8.1f} times")
    click.echo("The last also ends after 10 requests a minute, which is what GitHub allows.")


if __name__ == "__main__":
    main()
