"""Sparklines: small lines in the rows of pages, as paths of SVG."""

from collections.abc import Sequence
from itertools import pairwise

SPARK_DAYS, SPARK_HEIGHT = 30, 60  # the height in units of the picture
LEAST_GROWTH = 30_000  # a line has its whole height where a day brought this part of a count


def spark(counts: Sequence[int | None]) -> str:
    """The path of a line through what each day brought, between daily counts: the counts themselves
    rise alike. The ground is none, unless stars were lost."""
    gains = [None if a is None or b is None else b - a for a, b in pairwise(counts)]
    least = min((count for count in counts if count is not None), default=0) / LEAST_GROWTH
    return line(gains, ground=0, least=least)


def line(values: Sequence[int | None], *, ground: int | None = None, least: float = 0) -> str:
    """The path of a line through values, a unit a day, with gaps where there are none, and empty
    where there is none at all: from the lowest, or `ground`, to the highest, which lie at least
    `least` apart."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low = min([*known, *([] if ground is None else [ground])])
    span = max(max(known) - low, least, 1)
    path, before = "", None
    for day, value in enumerate(values):
        y = None if value is None else SPARK_HEIGHT - round(SPARK_HEIGHT * (value - low) / span)
        if y is not None:
            # A line of no length, with a round cap, is a dot: seen where a day stands alone.
            path += f"M{day} {y}h0" if before is None else f"l1 {y - before}"
        before = y
    return path
