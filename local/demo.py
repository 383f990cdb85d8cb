"""The demo's past: weeks of made-up history, polled from the fake GitHub at moments gone by."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import click
import httpx

import settings as configuration
from core import clock
from core.clock import DAY, HOUR, MINUTE
from core.rate_limit import Resource
from github import polling
from github.client import GitHub
from local.fake_github import api, limits
from local.fake_github.newcomers import GrowingWorld
from store import builds, polls
from store.database import connect

# How far back, how far apart, and rounded to what: finer for what is near, as thinning would leave
# it. The windows of gains over days begin at a full hour.
HISTORY = (
    (35 * DAY, DAY, HOUR),
    (27 * HOUR, 3 * HOUR, MINUTE),
    (70 * MINUTE, 10 * MINUTE, MINUTE),
)


class OpenGate:
    """A budget without limits: the fake GitHub of the past has none."""

    def acquire(self, resource: Resource, *, going_on: bool = False) -> None: ...

    def record(self, resource: Resource, answer: object) -> None: ...


def past_slots(now: datetime, every: timedelta) -> list[datetime]:
    """The slots to fill before the current one, oldest first."""
    current = clock.floor(now, every)
    return sorted(
        {
            clock.floor(clock.floor(current - step * number, rounding), every)
            for reach, step, rounding in HISTORY
            for number in range(1, reach // step + 1)
        }
    )


def fill(slots: Iterable[datetime]) -> None:
    """Poll all lists for each of the slots, as if each were now."""
    settings = configuration.or_exit()
    moment, every = clock.EPOCH, settings.poll_every

    def now() -> datetime:
        return moment

    unlimited = limits.Quota(10**9, 10**9, HOUR)
    github = api.create_fake_github(
        GrowingWorld(), clock=now, limits={"search": unlimited, "core": unlimited}
    )
    transport = httpx.WSGITransport(github)
    with connect(settings) as database, GitHub(settings, OpenGate(), transport) as client:
        for moment in slots:
            for name in settings.watch:
                polling.watch_repository(database, client, name, moment, every, now)
            for ranked in settings.lists:
                polling.poll_list(database, client, ranked, moment, every, now)


def main() -> None:
    """Fill the past, which nobody expected to be polled, then poll the current slot and build, so
    that all is there when the processes start, however late in a slot that is."""
    settings = configuration.or_exit()
    slots = past_slots(clock.now(), settings.poll_every)
    with click.progressbar(slots, label="Making up five weeks of history") as bar:
        fill(bar)
    with connect(settings) as database:
        with database.write() as session:
            polls.count_as_imported(session)
        fill([clock.floor(clock.now(), settings.poll_every)])
        builds.aggregate_lists(database, settings, clock.now())


if __name__ == "__main__":
    main()
