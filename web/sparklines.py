"""Sparklines: the small lines in a leaderboard's rows, as paths of SVG."""

from collections.abc import Sequence

SPARK_DAYS, SPARK_HEIGHT = 30, 60  # the height in units of the picture
LEAST_GROWTH = 1000  # a sparkline rises over its height where a count grew by this part of itself


def spark(values: Sequence[int | None]) -> str:
    """The path of a line through daily counts, a unit a day, with gaps where there are none; empty
    where there is no count at all."""
    known = [value for value in values if value is not None]
    low = min(known, default=0)
    span = max(max(known, default=0) - low, low / LEAST_GROWTH, 1)
    path, before = "", None
    for day, value in enumerate(values):
        y = None if value is None else SPARK_HEIGHT - round(SPARK_HEIGHT * (value - low) / span)
        if y is not None:
            # A line of no length, with a round cap, is a dot: seen where a day stands alone.
            path += f"M{day} {y}h0" if before is None else f"l1 {y - before}"
        before = y
    return path
