"""A site of a few repositories that listens, made in a second: for what needs no whole list."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import app as web
from core import clock, lists
from core.clock import DAY, HOUR, MINUTE
from settings import Settings, from_environment
from store import builds, follows, repositories
from store.database import Database, connect
from tests.support import browser as chrome
from tests.support.stored import put, put_days, repo

EVERY = 10 * MINUTE
NAMES = ("Loud/Motor", "Quiet/Harbor", "Green/Lantern", "Brisk/Kettle", "Late/Arrival")
FIRST, GROWTH = (90_000, 60_000, 9_000, 800, 500), (200, 10, 90, 20, 40)  # stars, stars a day
PAST = (*(number * DAY for number in range(40, 1, -1)), *(hours * HOUR for hours in range(26)))
ELSEWHERE = lists.KNOWN["go"]  # a list that it does not show


@dataclass(frozen=True)
class SmallSite:
    """Its lists are `stars`, `python` and `followed`, of 40 days, amid which the last of NAMES
    entered; the first two are followed. `slot`: of the last poll that the build knows."""

    settings: Settings
    url: str
    database: Database
    slot: datetime

    def sample(self, name: str, number: int, at: datetime, stars: int) -> None:
        """Store a reading of a repository that may be on no list that is shown."""
        put(self.database, repo(number, full_name=name, stars=stars), at=at, ranked=ELSEWHERE)

    def tell_days(self, name: str, *days: int, pages: int = 1) -> None:
        """Have GitHub tell the stars of the days of a repository up to the day before yesterday."""
        with self.database.read() as session:
            profile = repositories.profile(session, name)
        assert profile is not None
        now = clock.now()
        last = (now - 2 * DAY).date()
        put_days(self.database, profile.id, *days, last=last, pages=pages, read_at=now)

    def build(self) -> None:
        builds.aggregate_lists(self.database, self.settings, clock.now())


def fill(site: SmallSite) -> None:
    for age in sorted(PAST, reverse=True):
        there = NAMES if age < 20 * DAY else NAMES[:-1]
        members = [
            repo(
                number,
                full_name=name,
                stars=FIRST[number] + GROWTH[number] * ((40 * DAY - age) // HOUR) // 24,
                language="Python",
                description=f"A {name.split('/')[1].lower()} for all.",
            )
            for number, name in enumerate(there)
        ]
        members.sort(key=lambda it: -it.stars)
        for ranked in site.settings.lists:
            shown = members[:2] if ranked.followed else members
            put(site.database, *shown, at=site.slot - age, ranked=ranked)
    with site.database.write() as session:
        for name in NAMES[:2]:
            follows.ask(session, name, clock.now(), follow=True)
    for number, name in enumerate(NAMES[:2]):
        site.tell_days(name, *(GROWTH[number] + day % 7 for day in range(200)), pages=2)
    site.build()


@contextmanager
def small_site(folder: Path) -> Iterator[SmallSite]:
    handlers = list(logging.root.handlers)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("DATABASE_URL", f"sqlite:///{folder}/starboard.db")
        patch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")  # nobody listens there
        patch.setenv("LISTS", "stars,python,followed")
        patch.setenv("FOLLOW", "local")
        settings = from_environment()
        database = stack.enter_context(connect(settings))
        database.upgrade()
        app = web.create_app(settings)
        front: Any = app.wsgi_app
        front.look_every = 0
        stack.callback(app.extensions["database"].dispose)
        stack.callback(app.extensions["redis"].close)
        url = stack.enter_context(chrome.served(app))
        site = SmallSite(settings, url, database, clock.floor(clock.now(), EVERY) - 3 * EVERY)
        fill(site)
        yield site
    logging.root.handlers[:] = handlers
