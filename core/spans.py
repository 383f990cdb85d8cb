"""Readings that stand for several: of counts that did not change, one at a slot and at each hour
after it until `seen_until`. They are what thinning leaves of more than two days ago, so that a
reader finds by a span just what its readings would tell."""

from collections.abc import Iterator
from datetime import datetime

from core.clock import HOUR

HOUR_SECONDS = 3600


def last_of(slot: datetime, seen_until: datetime | None, until: datetime) -> datetime:
    """Return the last slot up to `until` of a reading that begins before."""
    if seen_until is None:
        return slot
    return slot + (min(seen_until, until) - slot) // HOUR * HOUR


def lasts(slot: int, seen_until: int, start: int, end: int, step: int) -> Iterator[int]:
    """Yield the slots in [start, end) that are the last of their step (t − step, t]. All are in
    seconds since the epoch."""
    first = slot + max(0, -((slot - start) // HOUR_SECONDS)) * HOUR_SECONDS
    last = slot + (min(seen_until, end - 1) - slot) // HOUR_SECONDS * HOUR_SECONDS
    if step <= HOUR_SECONDS:
        yield from range(first, last + 1, HOUR_SECONDS)
        return
    for number in range(-(-first // step), -(-last // step) + 1):
        at = slot + (min(number * step, last) - slot) // HOUR_SECONDS * HOUR_SECONDS
        if first <= at <= last:
            yield at
