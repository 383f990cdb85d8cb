"""What several rows are measured on: seven years of made-up days of all lists, imported, and polled
once since; an installation that runs."""

import csv
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import httpx

from bench import importing, running
from core import clock, lists
from core.clock import DAY
from core.lists import RankedList
from github import polling
from github.client import GitHub
from history.archive import COLUMNS, PREFIX
from local.demo import OpenGate
from local.fake_github import api, limits, worlds
from settings import Settings
from store import builds
from store.database import connect

DAYS = 2522  # as many as the archive had in August 2026
DISTINCT = 50  # made-up days, repeated
FIRST = datetime(2018, 12, 18, tzinfo=UTC)


@dataclass
class Laboratory:
    """A folder, and what was made in it: each thing when the first row asks for it. `say` is told
    what takes a while."""

    folder: Path
    say: Callable[[str], object]

    @cached_property
    def archive(self) -> Path:
        """A folder of `DAYS` files, each a link to one of `DISTINCT`."""
        self.say(f"making up {DISTINCT} days of all lists")
        (self.folder / "days").mkdir()
        (folder := self.folder / "archive").mkdir()
        world = worlds.MadeUpWorld(born=FIRST)
        days = [write_day(world, FIRST + n * DAY, self.folder / "days") for n in range(DISTINCT)]
        for number in range(DAYS):
            name = f"github-ranking-{FIRST + number * DAY:%Y-%m-%d}.csv"
            (folder / name).symlink_to(days[number % DISTINCT])
        return folder

    @cached_property
    def imported(self) -> importing.Imported:
        """The archive in a database, and what the import took."""
        return importing.import_archive(self.archive, self.folder, self.say)

    @cached_property
    def now(self) -> datetime:
        """A moment soon after the archive's last day."""
        return FIRST + DAYS * DAY + timedelta(hours=1, minutes=1)

    @cached_property
    def settings(self) -> Settings:
        """Those of a database with seven years behind it, and a poll of each list and a build."""
        settings = Settings(
            database_url=f"sqlite:///{self.imported.database}",
            redis_url="redis://127.0.0.1:1/0",
            github_api_url="http://github.test",
            log_level="error",
            aggregate_every=clock.HOUR,  # what is built within an hour names the same next build
        )
        self.say("polling all lists once")
        self.poll(settings, settings.searched)
        with connect(settings) as database:
            builds.aggregate_lists(database, settings, self.now)
        return settings

    def poll(self, settings: Settings, chosen: tuple[RankedList, ...], slots: int = 0) -> None:
        """Poll lists, so many slots from `now`."""
        now = self.now + slots * settings.poll_every
        unlimited = limits.Quota(10**9, 10**9, clock.HOUR)
        quotas = {"search": unlimited, "core": unlimited}
        world = worlds.MadeUpWorld(born=FIRST)
        github = api.create_fake_github(world, clock=lambda: now, limits=quotas)
        slot = clock.floor(now, settings.poll_every)
        transport = httpx.WSGITransport(github)
        with connect(settings) as database, GitHub(settings, OpenGate(), transport) as client:
            for ranked in chosen:
                polling.poll_list(database, client, ranked, slot, settings.poll_every, lambda: now)

    @cached_property
    def run(self) -> running.Measured:
        """An installation as `make run` starts it, measured."""
        return running.measure(self.folder, self.say)


@contextmanager
def laboratory(say: Callable[[str], object]) -> Iterator[Laboratory]:
    folder = Path(tempfile.mkdtemp(prefix="starboard-bench-"))
    try:
        yield Laboratory(folder, say)
    finally:
        shutil.rmtree(folder)


def write_day(world: worlds.MadeUpWorld, day: datetime, folder: Path) -> Path:
    """Write a day of all lists, as the archive has it."""
    path = folder / f"github-ranking-{day:%Y-%m-%d}.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for slug, ranked in lists.KNOWN.items():
            item = slug if ranked.language else f"{PREFIX}{slug}"
            for rank, it in enumerate(world.search(ranked, 0, day)[: lists.SIZE], 1):
                owner, _, name = it.full_name.partition("/")
                url = f"https://github.com/{it.full_name}"
                counts = (it.stars, it.forks)
                pushed_at = clock.rfc3339(it.pushed_at)
                about = (it.language, url, owner, it.open_issues, pushed_at, it.description)
                writer.writerow((rank, item, name, *counts, *about))
    return path
