"""When followed repositories are sampled: how often by their number, which in a slot, and which
together in a request."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from math import ceil
from zlib import crc32

from core import clock
from core.clock import HOUR

AT_ONCE = 100  # repositories a request of GraphQL's, as many as GitHub takes
EACH_INTERVAL = 1_000  # repositories that are sampled in each poll interval
EACH_HOUR = 10_000  # that are sampled hourly; more take two hours, three, …
APART = timedelta(minutes=1.5)  # between requests without a token, of GitHub's 60 an hour


@dataclass(frozen=True, slots=True)
class Sampled:
    """A repository that is followed or watched. `full_name`: as it was asked for, `fetched_at`:
    when GitHub was last asked; None for what is not known yet."""

    full_name: str
    repository_id: int | None = None
    github_id: int | None = None
    node_id: str | None = None
    fetched_at: datetime | None = None
    at_once: int = AT_ONCE  # with how many others it is asked for


def interval(number: int, every: timedelta, authorized: bool) -> timedelta:
    """How often so many repositories are sampled each: a multiple of the poll interval."""
    if not authorized:
        return every * max(1, ceil(number * APART / every))
    if number <= EACH_INTERVAL:
        return every
    return HOUR * ceil(number / EACH_HOUR)


def due(
    known: Iterable[Sampled], slot: datetime, every: timedelta, period: timedelta
) -> list[Sampled]:
    """Those to be fetched in a slot, those first that were fetched longest ago: each has a slot of
    its own in the period, by its name, and what a slot of late left undone is done in the next."""
    late = []
    for each in known:
        place = crc32(each.full_name.lower().encode()) % (period // every)
        since = clock.floor(slot - place * every, period) + place * every
        fetched_at = each.fetched_at or clock.EPOCH
        if clock.is_future(fetched_at, slot + every):  # by a clock that ran ahead
            fetched_at = clock.EPOCH
        if fetched_at < since:
            late.append((fetched_at, each.full_name, each))
    return [each for *_, each in sorted(late, key=lambda it: it[:2])]


def batches(known: Iterable[Sampled]) -> Iterator[list[Sampled]]:
    """Those that are asked for at once: as many as was found to work, the largest first."""
    in_order = sorted(known, key=lambda it: -it.at_once)  # those of a size in the order they had
    for at_once, group in groupby(in_order, key=lambda it: it.at_once):
        members = list(group)
        yield from (members[start : start + at_once] for start in range(0, len(members), at_once))
