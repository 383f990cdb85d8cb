"""Star history as SVG pictures for READMEs: pygal draws what is told here.

Pure: names and counts in, bytes out, the same for the same input. Moments are UTC.
"""

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from core.clock import DAY, EPOCH
from core.retention import retained_step
from core.series import Points, split_at_gaps
from web import axes, svg_tidy
from web.chart_style import (
    HEIGHT,
    LABEL_SIZE,
    LEGEND_ROW,
    MARGIN,
    NOTE_ROW,
    STYLE_SHEETS,
    TITLE_SIZE,
    WIDTH,
    Theme,
)
from web.text import printable, shorten

if TYPE_CHECKING:
    import pygal

MOST_STEPS = 700  # of one line: about one a pixel
MOST_POINTS = 2_000  # of all lines together: 14 bytes each, where every one stands alone

GITHUBS = "GitHub's star history, in stars that stand today"

Scale = Literal["linear", "log"]
Align = Literal["date", "age"]

MOST_NOTICE_LETTERS = 46  # in a line: pygal would wrap a longer one itself
MOST_TITLE_LETTERS, MOST_LEGEND_LETTERS = 44, 28  # that the picture has room for


@dataclass(frozen=True, slots=True)
class Line:
    """A repository's stars: readings, and before `sampled_since`, when those began, the days of
    GitHub's star history. `name` may be any text. `progress`: how far that history is read, where
    somebody waits for it."""

    name: str
    points: Points
    github: Points = ()
    sampled_since: datetime | None = None
    progress: str = ""

    @property
    def both(self) -> Points:
        return [*self.github, *self.points]


def step(span: timedelta, finest: timedelta, lines: int = 1) -> timedelta:
    """Return the resolution at which to draw a span: no finer than readings are retained for so
    long, so that a missing one is a gap, and no finer than can be seen. `finest`: the interval of
    polls."""
    retained = retained_step(span, finest)
    most = min(MOST_STEPS, MOST_POINTS // max(lines, 1))
    return retained * max(1, math.ceil(span / (retained * most)))


def draw(
    lines: Sequence[Line],
    step: timedelta,
    theme: Theme,
    scale: Scale = "linear",
    align: Align = "date",
) -> bytes:
    """The SVG of one line or several, in their order, each with at most one reading in a step
    (t − step, t]; a step without one is a gap. GitHub's days are lighter, and no bridge leads from
    them to readings: the two count different stars. Aligned by age, each begins at the left."""
    lines = [replace(line, name=printable(line.name)) for line in lines]
    names = ", ".join(line.name for line in lines)
    if not any(line.both for line in lines):
        return notice(f"No readings of {names or 'anything'} yet", theme)
    note = _note(lines, align)
    last = max(at for line in lines for at, _ in line.both[-1:])
    room = NOTE_ROW if note else 0
    chart = _chart_for(lines, step, _title(lines, last, step, align), room, scale, align)
    height = axes.heights(scale)
    for line in lines:
        values = [
            at and ((at[0] - _born(line, align)).total_seconds(), height(at[1]))
            for at in _values(line, step)
        ]
        chart.add(_legend(line, last, step), values)
    return svg_tidy.render(
        chart,
        f"Star history of {names}",
        " ".join(_describe(line, step) for line in lines),
        STYLE_SHEETS[theme],
        note=note,
        lighter=[len(_github_parts(line, step)) for line in lines],
    )


def notice(text: str, theme: Theme) -> bytes:
    """A small SVG that says something."""
    text = printable(text)
    wrapped = textwrap.wrap(text, MOST_NOTICE_LETTERS, max_lines=4, placeholder=" …")
    chart = blank(
        "\n".join(["Star history", *wrapped]),
        56 + 36 * len(wrapped),
        show_legend=False,
        show_x_labels=False,
        show_y_labels=False,
        no_data_text="",
    )
    return svg_tidy.render(chart, "Star history", text, STYLE_SHEETS[theme])


def _chart_for(
    lines: Sequence[Line],
    step: timedelta,
    title: str,
    room: int,
    scale: Scale,
    align: Align,
) -> "pygal.XY":
    """A chart with the title, axes and room for legends that some lines need, yet without them."""
    slots = [EPOCH + (slot - _born(line, align)) for line in lines for slot, _ in line.both]
    stars = [count for line in lines for _, count in line.both]
    first, last = min(slots), max(slots)
    ends = (first, last) if first < last else (first - step, last + step)
    extremes = min(stars), max(stars)
    return plane(title, ends, extremes, step, len(lines), room, scale=scale, align=align)


def _born(line: Line, align: Align) -> datetime:
    """Return the moment that a line's time is counted from."""
    return line.both[0][0] if align == "age" and line.both else EPOCH


def plane(
    title: str,
    ends: tuple[datetime, datetime],
    extremes: tuple[int, int],
    step: timedelta,
    lines: int,
    room: int,
    *,
    scale: Scale | Literal["rank"] = "linear",
    align: Align = "date",
) -> "pygal.XY":
    """A chart with axes between the ends of time and of counts, and with room for the legends of so
    many lines and, in pixels, for what stands below them."""
    start, end = ends
    ticks = axes.ages(end - start) if align == "age" else axes.moments(start, end, step)
    rows = math.ceil(lines / 2) if lines > 1 else 0
    return blank(
        title,
        HEIGHT + rows * LEGEND_ROW + room,
        # pygal leaves room for one row too few where the last has one line
        margin_bottom=MARGIN + room + (LEGEND_ROW if rows and lines % 2 else 0),
        allow_interruptions=True,
        show_dots=False,
        show_legend=rows > 0,
        xrange=(start.timestamp(), end.timestamp()),
        x_labels=[{"value": at.timestamp(), "label": label} for at, label in ticks],
        y_labels=[
            {"value": height, "label": label} for height, label in axes.labelled(extremes, scale)
        ],
    )


def blank(title: str, height: int, **options: Any) -> "pygal.XY":
    """A chart laid out for fonts of the sizes that the style sheet says."""
    import pygal  # here: it takes 45 ms, of a process that may never draw
    from pygal.style import Style

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


def _title(lines: Sequence[Line], last: datetime, step: timedelta, align: Align) -> str:
    """Two lines: what is shown, and when it ends."""
    when = f"{last.day} {last:%B %Y}" + (f", {last:%H:%M} UTC" if step < DAY else "")
    if len(lines) > 1 and align == "age":
        return "Star history\nby age, from the first known day"
    if len(lines) > 1:
        return f"Star history\nas of {when}"
    [line] = lines
    return f"{shorten(line.name, MOST_TITLE_LETTERS)}\n{_newest_count(line):,} stars on {when}"


def _note(lines: Sequence[Line], align: Align) -> str:
    """Say what is GitHub's, and where sampling began; empty where nothing is GitHub's."""
    told = [line for line in lines if line.github]
    if not told:
        return ""
    began = {line.sampled_since for line in told}
    since = began.pop() if len(began) == 1 and align == "date" else None
    when = f"Before {since.day} {since:%b %Y}: " if since else "Lighter: " if began else ""
    progress = f" · {told[0].progress}" if len(lines) == 1 and told[0].progress else ""
    return f"{when}{GITHUBS}{progress}"


def _newest_count(line: Line) -> int:
    return line.both[-1][1] if line.both else 0


def _legend(line: Line, last: datetime, step: timedelta) -> str:
    """Name and newest count, rounded; with its date where other lines go on."""
    newest = line.progress or "no readings"
    if line.both:
        slot, stars = line.both[-1]
        newest = axes.rounded(stars)
        if last - slot > (step if line.points else max(step, 2 * DAY)):
            newest += f" on {axes.day(slot)}" if step < DAY else f" in {slot:%b %Y}"
    return legend(line.name, newest)


def legend(name: str, figure: str) -> str:
    return f"{shorten(name, MOST_LEGEND_LETTERS - len(figure))}\N{EN SPACE}{figure}"


def _describe(line: Line, step: timedelta) -> str:
    """Return a line in words, for a screen reader."""
    if not line.both:
        return f"No readings of {line.name}."
    (start, before), (end, now) = line.both[0], line.both[-1]
    gaps = len(split_at_gaps(line.points, step)) - 1
    until = f" until {line.github[-1][0]:%Y-%m-%d}" if line.github and line.points else ""
    return (
        f"Stars of {line.name} from {start:%Y-%m-%d} to {end:%Y-%m-%d}: from {before:,} to {now:,}."
        + (f" It is {GITHUBS}{until}." if line.github else "")
        + (f" No readings for {gaps} span{'s' if gaps > 1 else ''}." if gaps > 0 else "")
    )


def _github_parts(line: Line, step: timedelta) -> list[Points]:
    return split_at_gaps(line.github, max(step, DAY))


def _values(line: Line, step: timedelta) -> Iterator[tuple[datetime, int] | None]:
    """The points that are drawn: unbroken parts with None between, GitHub's first. A point that
    is to be a dot, one between two gaps or the newest, is a part that goes from itself to itself.
    """
    parts = split_at_gaps(line.points, step)
    readings = dict.fromkeys((*map(tuple, parts), tuple(line.both[-1:])))
    for part in (*map(tuple, _github_parts(line, step)), *readings):
        yield from part if len(part) > 1 else 2 * part
        yield None
