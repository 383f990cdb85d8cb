"""The slots that should have a good poll, by the interval of their time; spans of those without."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from core import clock

Change = tuple[datetime, timedelta]  # a slot, and the interval of polls from it on
Slot = tuple[datetime, timedelta]  # with the interval of its time


def expected(
    start: datetime, end: datetime, changes: Sequence[Change], every: timedelta
) -> list[Slot]:
    """Return the slots from `start` up to and without `end`.

    `changes`: in order of time; before the first the interval is `every`.
    """
    stretches = [(start, every), *changes]
    ends = [*(since for since, _ in changes), end]
    return [
        (slot, interval)
        for (since, interval), until in zip(stretches, ends, strict=True)
        for slot in _slots(max(since, start), min(until, end), interval)
    ]


def _slots(start: datetime, end: datetime, every: timedelta) -> Iterable[datetime]:
    slot = clock.ceil(start, every)
    while slot < end:
        yield slot
        slot += every


def slots_of(start: datetime, end: datetime, number: int) -> list[datetime]:
    """Return the slots of a span: so many, up to and without its end."""
    return [start + (end - start) / number * place for place in range(number)]


def spans(missing: Iterable[Slot]) -> list[tuple[datetime, datetime, int]]:
    """Return slots in a row as spans: the first, the one after the last, and how many they are."""
    found: list[tuple[datetime, datetime, int]] = []
    for slot, every in missing:
        if found and found[-1][1] >= slot:
            start, _, slots = found.pop()
            found.append((start, slot + every, slots + 1))
        else:
            found.append((slot, slot + every, 1))
    return found
