"""The status page besides its figures: each list's last day."""

from datetime import datetime, timedelta

from core import clock
from core.clock import DAY, MINUTE
from monitoring.status import ListStatus


def day_strip(
    polled: ListStatus, poll_every: timedelta, now: datetime
) -> list[tuple[int, int, str]]:
    """A list's last 24 hours as spans of minutes since their start: (start, length, kind), first
    the one with polls, then those of it that were missed."""
    start, every = now - DAY, poll_every // MINUTE
    known = polled["expected"] * every
    missed = [
        (max(0, (clock.parse(gap["from"]) - start) // MINUTE), gap["slots"] * every, "missed")
        for gap in polled["gaps"]
    ]
    return [(max(0, 24 * 60 - known), min(known, 24 * 60), "received"), *missed]
