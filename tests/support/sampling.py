"""What sampling many repositories costs, in points, CPU and megabytes: in simulated time, against a
fake GitHub of which a fifth of the answers is damaged. It tells whether any reading is wrong.

    .venv/bin/python -m tests.support.sampling [--repositories 10000] [--hours 24] [--year-of 500]
"""

import argparse
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import insert, select

from core.clock import DAY, HOUR, MINUTE, SECOND
from github.client import GitHub
from github.errors import NotYet
from github.sampling import sample
from github.shared_limit import SharedLimit
from history.thinning import thin
from local.fake_github import api, node_ids
from local.fake_github.faults import AT_RANDOM, FaultInjector
from local.fake_github.worlds import FakeRepository
from models import Follow, Reading, Repository, RepositoryName
from settings import Settings
from store.database import Database, connect, insert_rows
from tests.support.simulation import BreakingTransport

START = datetime(2026, 11, 1, tzinfo=UTC)
TOKEN = "ghp_0123456789abcdef"
KINDS = [kind for kind in AT_RANDOM if kind != "bad token"]  # which is an hour's pause by itself


class Many:
    """A GitHub of so many repositories, of which one in ten gains a star each slot."""

    def __init__(self, number: int, every: timedelta) -> None:
        self.number, self.every = number, every

    def stars(self, github_id: int, at: datetime) -> int:
        return 7 * github_id + ((at - START) // self.every if github_id % 10 == 0 else 0)

    def by_id(self, github_id: int, at: datetime) -> FakeRepository | None:
        if not 1 <= github_id <= self.number:
            return None
        stars = self.stars(github_id, at)
        return FakeRepository(github_id, name_of(github_id), stars, 5, 2, "Go", None, START)

    def by_name(self, full_name: str, at: datetime) -> FakeRepository | None:
        return self.by_id(int(full_name.rpartition("-")[2]), at)

    def search(self, *_: object) -> list[FakeRepository]:
        return []

    def renamed(self, *_: object) -> None:
        return None


def name_of(github_id: int) -> str:
    return f"quiet/harbor-{github_id}"


class Transport(BreakingTransport):
    """The fake GitHub in process: each request takes a second of the simulation's."""

    def __init__(self, day: "Simulated") -> None:
        super().__init__(day.app, day.faults)
        self.day = day

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        begun = time.process_time()
        try:
            response = super().handle_request(request)
            response.read()
            return response
        finally:
            self.day.now += SECOND
            self.day.points[self.day.now.replace(minute=0, second=0, microsecond=0)] += 1
            self.day.of_the_fake += time.process_time() - begun


@dataclass
class Simulated:
    """Followed repositories, sampled as the schedule and RQ would have it."""

    database: Database
    settings: Settings
    number: int
    rate: float
    now: datetime = START
    of_the_fake: float = 0.0
    points: Counter[datetime] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.faults = FaultInjector(7, self.rate, KINDS)
        self.world = Many(self.number, self.settings.poll_every)
        self.app = api.create_fake_github(self.world, clock=lambda: self.now, faults=self.faults)
        follow_all(self.database, self.number)

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def client(self, transport: httpx.BaseTransport | None = None) -> GitHub:
        gate = SharedLimit(self.database, self.settings, now=lambda: self.now, sleep=self.sleep)
        anonymous = replace(gate, anonymous=True)
        return GitHub(self.settings, gate, transport or Transport(self), anonymous=anonymous)

    def once(self, github: GitHub, slot: datetime) -> bool:
        """A job of a slot; whether it goes on in a next one."""
        deadline = self.now + 10 * SECOND
        told = sample(
            self.database,
            github,
            self.settings,
            slot,
            lambda: self.now > deadline,
            lambda: self.now,
        )
        return bool(told["more"])

    def sample(self, slot: datetime) -> None:
        """The jobs of a slot."""
        self.now = max(self.now, slot)
        more = True
        while more and self.now < slot + self.settings.poll_every:
            with self.client() as github:
                try:
                    more = self.once(github, slot)
                except NotYet as error:
                    self.now = max(self.now + SECOND, error.until)

    def run(self, hours: int) -> dict[str, Any]:
        """The figures of so many hours, of which the first has everything new."""
        begun = time.process_time()
        for number in range(hours * (HOUR // self.settings.poll_every)):
            self.sample(START + number * self.settings.poll_every)
        spent = time.process_time() - begun - self.of_the_fake
        return {
            "damaged answers": len(self.faults.done),
            "requests": sum(self.points.values()),
            "most points an hour": max(self.points.values()),
            "CPU seconds an hour": round(spent / hours, 1),
            **self.check(hours),
        }

    def check(self, hours: int) -> dict[str, int]:
        """How many readings there are, how many are wrong, and how often a repository has none in
        an hour."""
        seen = Counter[tuple[int, int]]()
        wrong = 0
        with self.database.read() as session:
            for repository_id, slot, stars in session.execute(
                select(Reading.repository_id, Reading.slot, Reading.stars)
            ):
                seen[repository_id, (slot - START) // HOUR] += 1
                wrong += stars != self.world.stars(repository_id, slot)
        return {
            "readings": sum(seen.values()),
            "wrong readings": wrong,
            "hours of a repository without a reading": self.number * hours - len(seen),
        }


def follow_all(database: Database, number: int) -> None:
    """Follow repositories of which GitHub's ids are known."""
    ids = range(1, number + 1)
    with database.write() as session:
        known: dict[str, Any] = {"html_url": "https://github.com/quiet", "seen_at": START - DAY}
        repositories = [
            {
                **known,
                "github_id": it,
                "node_id": node_ids.encode("R", it),
                "full_name": name_of(it),
            }
            for it in ids
        ]
        names = [{"name": name_of(it), "repository_id": it, "seen_at": START} for it in ids]
        moments = {"followed_since": START, "asked_at": START, "turn_at": START}
        wishes = [
            {"name": name_of(it), "full_name": name_of(it), "repository_id": it, **moments}
            for it in ids
        ]
        session.execute(insert(Repository), repositories)
        session.execute(insert(RepositoryName), names)
        session.execute(insert(Follow), wishes)


def year(database: Database, number: int) -> dict[str, Any]:
    """The growth of a year of hourly readings, thinned each night: half of the repositories stay
    as they are, four in ten gain a star a day, one in ten a star an hour."""
    follow_all(database, number)
    columns = ("repository_id", "slot", "stars", "forks", "open_issues")
    spent = 0.0
    for day in range(365):
        rows = [
            (it, int((START + hour * HOUR).timestamp()), _stars(it, hour), 5, None)
            for it in range(1, number + 1)
            for hour in range(24 * day, 24 * day + 24)
        ]
        with database.write() as session:
            insert_rows(session, Reading, columns, rows)
        begun = time.process_time()
        thin(database, START + (day + 1) * DAY + 3 * HOUR)
        spent += time.process_time() - begun
    database.checkpoint_wal()
    with database.engine.connect().execution_options(begin="") as connection:
        connection.exec_driver_sql("VACUUM")
        size = connection.exec_driver_sql(
            "SELECT sum(pgsize) FROM dbstat WHERE name = 'reading'"
        ).scalar()
        rows_left = connection.exec_driver_sql("SELECT count(*) FROM reading").scalar()
    return {
        "readings left of a year": rows_left,
        "of": 365 * 24 * number,
        "megabytes of 10,000 like these": round((size or 0) / 1e6 * 10_000 / number),
        "CPU seconds a night of 10,000": round(spent / 365 * 10_000 / number, 1),
    }


def _stars(number: int, hour: int) -> int:
    return hour if number % 10 == 0 else hour // 24 if number % 10 < 5 else 7


def settings_of(folder: Path) -> Settings:
    return Settings(
        database_url=f"sqlite:///{folder}/starboard.db",
        github_api_url="http://github.test",
        github_token=TOKEN,
        poll_every=10 * MINUTE,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repositories", type=int, default=10_000)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--year-of", type=int, default=500)
    parser.add_argument("--rate", type=float, default=0.2)
    given = parser.parse_args()
    for what in ("day", "year"):
        with tempfile.TemporaryDirectory() as folder:
            settings = settings_of(Path(folder))
            with connect(settings) as database:
                database.upgrade()
                if what == "year":
                    told = year(database, given.year_of) if given.year_of else {}
                else:
                    day = Simulated(database, settings, given.repositories, given.rate)
                    told = day.run(given.hours) if given.hours else {}
        for name, value in told.items():
            print(f"{name:45}{value:>14,}", flush=True)


if __name__ == "__main__":
    main()
