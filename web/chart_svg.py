"""Star history as SVG pictures for READMEs: pygal draws what is told here.

Pure: names and counts in, bytes out, the same for the same input. Moments are UTC.
"""

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pygal
from pygal.style import Style

from core.clock import DAY
from core.retention import retained_step
from core.series import Points, split_at_gaps
from web import axes, svg_tidy
from web.chart_style import (
    HEIGHT,
    LABEL_SIZE,
    LEGEND_ROW,
    MARGIN,
    STYLE_SHEETS,
    TITLE_SIZE,
    WIDTH,
    Theme,
)
from web.text import printable, shorten

MOST_STEPS = 700  # of one line: about one a pixel
MOST_POINTS = 2_000  # of all lines together: 14 bytes each, where every one stands alone

MOST_NOTICE_LETTERS = 46  # in a line: pygal would wrap a longer one itself
MOST_TITLE_LETTERS, MOST_LEGEND_LETTERS = 44, 28  # that the picture has room for


@dataclass(frozen=True, slots=True)
class Line:
    """A repository's stars. `name` may be any text."""

    name: str
    points: Points


def step(span: timedelta, finest: timedelta, lines: int = 1) -> timedelta:
    """Return the resolution at which to draw a span: no finer than readings are retained for so
    long, so that a missing one is a gap, and no finer than can be seen. `finest`: the interval of
    polls."""
    retained = retained_step(span, finest)
    most = min(MOST_STEPS, MOST_POINTS // max(lines, 1))
    return retained * max(1, math.ceil(span / (retained * most)))


def draw(lines: Sequence[Line], step: timedelta, theme: Theme) -> bytes:
    """The SVG of one line or several, in their order, each with at most one reading in a step
    (t − step, t]; a step without one is a gap."""
    lines = [Line(printable(line.name), line.points) for line in lines]
    names = ", ".join(line.name for line in lines)
    if not any(line.points for line in lines):
        return notice(f"No readings of {names or 'anything'} yet", theme)
    chart = _chart_for(lines, step)
    last = max(line.points[-1][0] for line in lines if line.points)
    for line in lines:
        chart.add(_legend(line, last, step), list(_values(line.points, step)))
    description = " ".join(_describe(line, step) for line in lines)
    return svg_tidy.render(chart, f"Star history of {names}", description, STYLE_SHEETS[theme])


def notice(text: str, theme: Theme) -> bytes:
    """A small SVG that says something."""
    text = printable(text)
    wrapped = textwrap.wrap(text, MOST_NOTICE_LETTERS, max_lines=4, placeholder=" …")
    chart = _chart(
        "\n".join(["Star history", *wrapped]),
        56 + 36 * len(wrapped),
        show_legend=False,
        show_x_labels=False,
        show_y_labels=False,
        no_data_text="",
    )
    return svg_tidy.render(chart, "Star history", text, STYLE_SHEETS[theme])


def _chart_for(lines: Sequence[Line], step: timedelta) -> pygal.XY:
    """A chart with the title, axes and room for legends that some lines need, yet without them."""
    slots = [slot for line in lines for slot, _ in line.points]
    stars = [count for line in lines for _, count in line.points]
    first, last = min(slots), max(slots)
    start, end = (first, last) if first < last else (first - step, last + step)
    counts = axes.counts(min(stars), max(stars))
    rows = math.ceil(len(lines) / 2) if len(lines) > 1 else 0
    return _chart(
        _title(lines, last, step),
        HEIGHT + rows * LEGEND_ROW,
        # pygal leaves room for one row too few where the last has one line
        margin_bottom=MARGIN + (LEGEND_ROW if rows and len(lines) % 2 else 0),
        allow_interruptions=True,
        show_dots=False,
        show_legend=rows > 0,
        xrange=(start.timestamp(), end.timestamp()),
        x_labels=[
            {"value": at.timestamp(), "label": label}
            for at, label in axes.moments(start, end, step)
        ],
        y_labels=[
            {"value": count, "label": axes.count_label(count, counts.step)} for count in counts
        ],
    )


def _chart(title: str, height: int, **options: Any) -> pygal.XY:
    """A chart laid out for fonts of the sizes that the style sheet says."""
    defaults = {
        "css": (),
        "margin": MARGIN,
        "margin_top": 26,
        "margin_right": 40,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": 2,
        "legend_box_size": 14,
        "truncate_legend": -1,
        "style": Style(
            label_font_size=LABEL_SIZE, legend_font_size=LABEL_SIZE, title_font_size=TITLE_SIZE
        ),
    }
    return pygal.XY(title=title, width=WIDTH, height=height, **defaults | options)


def _title(lines: Sequence[Line], last: datetime, step: timedelta) -> str:
    """Two lines: what is shown, and when it ends."""
    when = f"{last.day} {last:%B %Y}" + (f", {last:%H:%M} UTC" if step < DAY else "")
    if len(lines) > 1:
        return f"Star history\nas of {when}"
    [line] = lines
    return f"{shorten(line.name, MOST_TITLE_LETTERS)}\n{_newest_count(line):,} stars on {when}"


def _newest_count(line: Line) -> int:
    return line.points[-1][1] if line.points else 0


def _legend(line: Line, last: datetime, step: timedelta) -> str:
    """Name and newest count, rounded; with its date where other lines go on."""
    newest = "no readings"
    if line.points:
        slot, stars = line.points[-1]
        newest = axes.rounded(stars)
        if last - slot > step:
            newest += f" on {axes.day(slot)}" if step < DAY else f" in {slot:%b %Y}"
    return f"{shorten(line.name, MOST_LEGEND_LETTERS - len(newest))}\N{EN SPACE}{newest}"


def _describe(line: Line, step: timedelta) -> str:
    """Return a line in words, for a screen reader."""
    if not line.points:
        return f"No readings of {line.name}."
    (start, before), (end, now) = line.points[0], line.points[-1]
    gaps = len(split_at_gaps(line.points, step)) - 1
    return (
        f"Stars of {line.name} from {start:%Y-%m-%d} to {end:%Y-%m-%d}: from {before:,} to {now:,}."
        + (f" No readings for {gaps} span{'s' if gaps > 1 else ''}." if gaps else "")
    )


def _values(points: Points, step: timedelta) -> Iterator[tuple[float, int] | None]:
    """The values that pygal draws: unbroken parts with None between. A reading that is to be a dot,
    one between two gaps or the newest, is a part that goes from itself to itself."""
    parts = split_at_gaps(points, step)
    for part in dict.fromkeys((*map(tuple, parts), tuple(points[-1:]))):
        yield from [
            (slot.timestamp(), stars) for slot, stars in (part if len(part) > 1 else 2 * part)
        ]
        yield None
