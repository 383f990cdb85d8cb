"""Arithmetic on a series, the readings of one repository in the order of time."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from core import clock
from core.clock import DAY

Points = Sequence[tuple[datetime, int]]  # UTC slots and stars


def is_daily(points: Points) -> bool:
    """Whether most days that have readings have only one, as imported days do. So have the first
    readings at a midnight, which are not a day apart."""
    if not points or points[-1][0] - points[0][0] < DAY:
        return False
    readings_by_day = Counter(clock.ceil(slot, DAY) for slot, _ in points)
    return median(readings_by_day.values()) == 1


def thinned(points: Points, step: timedelta) -> Points:
    """Return the last point of each step (t − step, t]."""
    return list({clock.ceil(at, step): (at, stars) for at, stars in points}.values())


def split_at_gaps(points: Points, step: timedelta) -> list[Points]:
    """Split a series wherever a step (t − step, t] has no reading; no part is empty."""
    if not points:
        return []
    before = [(clock.EPOCH - slot) // step for slot, _ in points]  # steps, so less each time
    gaps = [i for i, (one, following) in enumerate(pairwise(before), 1) if one - following > 1]
    return [points[start:end] for start, end in pairwise([0, *gaps, len(points)])]
