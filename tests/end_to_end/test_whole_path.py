"""From GitHub to curl: real processes, a real Valkey, HTTP on both ends, against an independent
computation from the archive's files."""

import csv
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from core import clock
from github import polling
from github.client import GitHub
from local.demo import OpenGate
from local.fake_github import api, limits, serving, worlds
from local.fake_github.archive_world import ArchiveWorld
from settings import Settings, from_environment
from store.database import connect
from tests.support.common import amid_a_slot, published, wait_until

DAY = timedelta(days=1)
SLUGS = ("stars", "forks", "python")
ITEMS = {"stars": "top-100-stars", "forks": "top-100-forks", "python": "Python"}


# What it should be, computed from the files alone.


class Archive:
    """The files, as the lists of each slot: the newest day at `last`, the others days before."""

    def __init__(self, folder: Path, last: datetime) -> None:
        files = sorted(folder.glob("github-ranking-*.csv"))
        self.newest = date.fromisoformat(files[-1].stem[-10:])
        self.lists: dict[tuple[str, datetime], list[dict[str, Any]]] = {}
        self.readings: dict[str, list[tuple[datetime, dict[str, Any]]]] = defaultdict(list)
        for file in files:
            day = date.fromisoformat(file.stem[-10:])
            self._read(file, last - (self.newest - day))

    def _read(self, file: Path, slot: datetime) -> None:
        with open(file, newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        in_slot: dict[str, dict[str, Any]] = {}
        for slug in SLUGS:
            count = "forks" if slug == "forks" else "stars"
            members: dict[str, dict[str, Any]] = {}
            for row in rows:
                if row["item"] == ITEMS[slug]:
                    name = f"{row['username']}/{row['repo_name']}"
                    members.setdefault(name.lower(), row | {"full_name": name})
            ranked = sorted(members.values(), key=lambda row: -int(row[count]))  # noqa: B023
            self.lists[slug, slot] = ranked
            for row in ranked:  # all at one moment: stars before forks before python
                in_slot.setdefault(row["full_name"].lower(), row)
        for name, row in in_slot.items():
            self.readings[name].append((slot, row))

    def rank(self, slug: str, slot: datetime, name: str) -> int | None:
        for rank, row in enumerate(self.lists.get((slug, slot), []), 1):
            if row["full_name"].lower() == name:
                return rank
        return None

    def gain(
        self, slug: str, as_of: datetime, rank: int | None, row: dict[str, Any], window: str
    ) -> dict[str, Any] | None:
        hours = {"1h": 1, "24h": 24, "7d": 168, "30d": 720, "365d": 8760}[window]
        start = as_of - timedelta(hours=hours)
        if window in ("7d", "30d"):
            start = start.replace(minute=0)
        if window == "365d":
            start = start.replace(hour=0, minute=0)
        name = row["full_name"].lower()
        earlier = [it for it in self.readings[name] if it[0] <= start]
        tolerance = min(timedelta(hours=hours) / 4, timedelta(days=7))
        if not earlier or earlier[-1][0] < start - tolerance:
            return None
        slot, then = earlier[-1]
        rank_then = self.rank(slug, slot, name)
        return {
            "stars": int(row["stars"]) - int(then["stars"]),
            "forks": int(row["forks"]) - int(then["forks"]),
            "rank": rank_then - rank if rank_then and rank else None,
            "since": slot.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "source": "reading",
        }

    def items(self, slug: str, as_of: datetime) -> list[dict[str, Any]]:
        windows = ("1h", "24h", "7d", "30d", "365d")
        return [
            {
                "rank": rank,
                "full_name": row["full_name"],
                "owner": row["username"],
                "name": row["repo_name"],
                "stars": int(row["stars"]),
                "forks": int(row["forks"]),
                "open_issues": int(row["issues"]),
                "language": row["language"] or None,
                "description": row["description"] or None,
                "html_url": f"https://github.com/{row['full_name']}",
                "pushed_at": row["last_commit"],
                "gains": {w: self.gain(slug, as_of, rank, row, w) for w in windows},
            }
            for rank, row in enumerate(self.lists[slug, as_of], 1)
        ]


def totals(items: list[dict[str, Any]], key: str) -> dict[Any, dict[str, Any]]:
    groups: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for item in items:
        groups[item[key]].append(item)
    return {
        name: {
            key: name,
            "repositories": len(members),
            "stars": sum(it["stars"] for it in members),
            "gains": {
                window: {
                    "stars": sum(it["gains"][window]["stars"] for it in known),
                    "repositories": len(known),
                    "github": 0,
                }
                for window in ("1h", "24h", "7d", "30d", "365d")
                for known in ([it for it in members if it["gains"][window]],)
            },
        }
        for name, members in groups.items()
    }


# The history that an installation would have gathered


def gather(folder: Path, database_url: str, last: datetime) -> None:
    """Poll all of the archive's days but the newest, through the jobs' own code, each at a slot
    as many days before `last` as it is before the newest."""
    settings = from_environment({"DATABASE_URL": database_url, "LISTS": ",".join(SLUGS)})
    archive = Archive(folder, last)
    moment = last

    def now() -> datetime:
        return moment

    def day_at(at: datetime) -> date:
        return archive.newest - (last - at)

    unlimited = limits.Quota(10**9, 10**9, DAY)
    app = api.create_fake_github(
        ArchiveWorld(folder, day_at),
        clock=now,
        limits={"search": unlimited, "core": unlimited},
    )
    transport = httpx.WSGITransport(app)
    with connect(settings) as database, GitHub(settings, OpenGate(), transport) as github:
        database.upgrade()
        for moment in sorted({slot for _, slot in archive.lists} - {last}):
            for ranked in settings.lists:
                result = polling.poll_list(
                    database, github, ranked, moment, settings.poll_every, now
                )
                assert result["outcome"] == "good"


def test_curl_gets_what_an_independent_computation_from_the_archive_gives(
    archive: Path, install: Callable[..., Any], tmp_path: Path
) -> None:
    last = amid_a_slot(timedelta(minutes=10), timedelta(minutes=3))  # the polls below share it
    database_url = f"sqlite:///{tmp_path}/history.db"
    gather(archive, database_url, last)
    newest = Archive(archive, last).newest
    github = api.create_fake_github(ArchiveWorld(archive, lambda at: newest))

    with (
        serving.serve(github) as github_url,
        install(
            GITHUB_API_URL=github_url, DATABASE_URL=database_url, LISTS=",".join(SLUGS)
        ) as installation,
    ):
        installation.wait_for("/api/v1/lists/stars", seconds=90)
        installation.wait_until(
            lambda: all(
                it["as_of"] == clock.rfc3339(last)
                for it in installation.get("/api/v1/status").json()["lists"]
            )
        )
        installation.command("aggregate")
        boards = {slug: installation.wait_for(f"/api/v1/lists/{slug}").json() for slug in SLUGS}
        languages = installation.get("/api/v1/languages").json()
        owners = installation.get("/api/v1/owners?list=python").json()
        index = installation.get("/api/v1/lists").json()
        leader = boards["stars"]["items"][0]
        repository = installation.get(f"/api/v1/repos/{leader['full_name'].upper()}").json()

    expected = Archive(archive, last)
    for slug, board in boards.items():
        assert board["as_of"] == last.strftime("%Y-%m-%dT%H:%M:%SZ")
        assert board["suspect"] is False
        assert board["items"] == expected.items(slug, last)
    assert sum(item["gains"]["24h"] is not None for item in boards["stars"]["items"]) > 90
    assert languages["items"] == sorted(
        totals(boards["stars"]["items"], "language").values(),
        key=lambda it: (-it["stars"], it["language"] or ""),
    )
    assert owners["items"] == sorted(
        totals(boards["python"]["items"], "owner").values(),
        key=lambda it: (-it["stars"], it["owner"].lower()),
    )
    assert [(it["slug"], it["count"]) for it in index["items"]] == [
        (slug, len(boards[slug]["items"])) for slug in SLUGS
    ]
    assert {name: repository[name] for name in leader} == leader
    ranks = {slug: expected.rank(slug, last, leader["full_name"].lower()) for slug in SLUGS}
    assert repository["ranks"] == [{"list": s, "rank": r} for s, r in ranks.items() if r]


def test_stock_rq_tools_work_against_it(
    services: dict[str, str],
    valkey_url: str,
    settings: Settings,
    install_process: Callable[..., Any],
) -> None:
    """The project's scheduler with RQ's own worker, and RQ's own look at the queues."""
    rq = str(Path(sys.executable).with_name("rq"))
    github = api.create_fake_github(worlds.MadeUpWorld())
    with serving.serve(github) as github_url:
        environment = services | {"GITHUB_API_URL": github_url}
        install_process([sys.executable, "scheduler.py"], environment)
        install_process(
            [rq, "worker", "-u", valkey_url, "--with-scheduler", "default", "low"], environment
        )

        wait_until(lambda: published(settings, "lists/stars"), seconds=90)
        info = subprocess.run(
            [rq, "info", "-u", valkey_url, "--raw"], capture_output=True, text=True, check=True
        )

    assert "queue default" in info.stdout
    assert "worker " in info.stdout
