"""The status page besides its figures: each list's last day."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from core import clock
from core.clock import DAY, MINUTE
from monitoring.redis_status import NextRun
from monitoring.status import Gap, ListStatus


def day_strip(
    polled: ListStatus, poll_every: timedelta, now: datetime
) -> list[tuple[int, int, str]]:
    """A list's last 24 hours as spans of minutes since their start: (start, length, kind), first
    the one with polls, then those of it that were missed, and of these those with an answer that is
    not believed."""
    start, every = now - DAY, poll_every // MINUTE
    known = polled["expected"] * every
    without = [
        (max(0, (clock.parse(gap["from"]) - start) // MINUTE), gap["slots"] * every, kind)
        for kind, gaps in (("missed", polled["gaps"]), ("suspect", polled["suspects"]))
        for gap in gaps
    ]
    return [(max(0, 24 * 60 - known), min(known, 24 * 60), "received"), *without]


def slots(spans: Iterable[Gap]) -> int:
    """Return how many slots spans of them have."""
    return sum(span["slots"] for span in spans)


def first_runs(runs: Iterable[NextRun]) -> list[tuple[NextRun, int]]:
    """Return the next run of each kind of job, soonest first, with how many more of the kind are
    to come: `poll-stars` and `poll-go` are of one."""
    kinds: dict[str, list[NextRun]] = {}
    for run in runs:
        kinds.setdefault(run["name"].partition("-")[0], []).append(run)
    return [(first, len(others)) for first, *others in kinds.values()]
