"""Star history as SVG pictures for READMEs.

Pure: names and counts in, bytes out, the same for the same input. Moments are UTC.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from core.clock import DAY, EPOCH
from core.retention import retained_step
from core.series import Points, split_at_gaps
from web import axes, svg
from web.chart_style import STYLE_SHEETS, Theme
from web.text import printable, shorten

MOST_STEPS = 700  # of one line: about one a pixel
MOST_POINTS = 2_000  # of all lines together: 14 bytes each, where every one stands alone

PARTLY = "*"  # marks, by age, a line that may begin later than its repository
GITHUBS = "GitHub's star history, in stars that stand today"

NONE_WAIT: Mapping[str, str] = {}  # that a picture has no line of yet: names, and how far each is

Scale = Literal["linear", "log"]
Align = Literal["date", "age"]

MOST_NOTICE_LETTERS = 46  # in a line
MOST_TITLE_LETTERS = 44  # that the picture has room for


@dataclass(frozen=True, slots=True)
class Line:
    """A repository's stars: readings, and before `sampled_since`, when those began, the days of
    GitHub's star history. `name` may be any text. `progress`: how far that history is read, where
    somebody waits for it. `partly`: it is not all read, so that the line may begin late."""

    name: str
    points: Points
    github: Points = ()
    sampled_since: datetime | None = None
    progress: str = ""
    partly: bool = False

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
    last = max(at for line in lines for at, _ in line.both[-1:])
    unbroken = [split_at_gaps(line.points, step) for line in lines]
    return svg.chart(
        f"Star history of {names}",
        " ".join(map(_describe, lines, unbroken)),
        STYLE_SHEETS[theme],
        _head(lines, last, step, align),
        _plane_for(lines, step, scale, align),
        [
            svg.Line(
                line.name,
                _figure(line, last, step, align),
                *_parts(line, parts, step, scale, align),
            )
            for line, parts in zip(lines, unbroken, strict=True)
        ],
        _note(lines, align),
    )


def notice(text: str, theme: Theme) -> bytes:
    """A small SVG that says something."""
    text = printable(text)
    wrapped = textwrap.wrap(text, MOST_NOTICE_LETTERS, max_lines=4, placeholder=" …")
    head = ["Star history", *wrapped]
    height = 20 + svg.TITLE_ROW * len(head)
    return svg.picture("Star history", text, STYLE_SHEETS[theme], head, height)


def _parts(
    line: Line, unbroken: list[Points], step: timedelta, scale: Scale, align: Align
) -> tuple[list[list[svg.Point]], int]:
    """What is drawn of a line: GitHub's parts, unbroken readings, and the newest point as a dot,
    unless it is one already; and how many are GitHub's."""
    height, born = axes.heights(scale), _born(line, align)
    github = split_at_gaps(line.github, max(step, DAY))
    newest = [] if unbroken and len(unbroken[-1]) == 1 else [line.both[-1:]]
    parts = [
        [((at - born).total_seconds(), height(stars)) for at, stars in part]
        for part in (*github, *unbroken, *newest)
    ]
    return parts, len(github)


def _plane_for(lines: Sequence[Line], step: timedelta, scale: Scale, align: Align) -> svg.Plane:
    """The axes that some lines need."""
    drawn = [(line.both, _born(line, align)) for line in lines if line.both]
    start = min(EPOCH + (points[0][0] - born) for points, born in drawn)
    end = max(EPOCH + (points[-1][0] - born) for points, born in drawn)
    stars = [count for points, _ in drawn for _, count in points]
    return plane((start, end), (min(stars), max(stars)), step, scale=scale, align=align)


def _born(line: Line, align: Align) -> datetime:
    """Return the moment that a line's time is counted from."""
    return line.both[0][0] if align == "age" and line.both else EPOCH


def plane(
    ends: tuple[datetime, datetime],
    extremes: tuple[int, int],
    step: timedelta,
    *,
    scale: Scale | Literal["rank"] = "linear",
    align: Align = "date",
) -> svg.Plane:
    """The axes between the ends of time and of counts. One moment alone is in the middle."""
    start, end = ends if ends[0] < ends[1] else (ends[0] - step, ends[1] + step)
    ticks = axes.ages(end - start) if align == "age" else axes.moments(start, end, step)
    return svg.Plane(
        (start.timestamp(), end.timestamp()),
        [(at.timestamp(), label) for at, label in ticks],
        axes.labelled(extremes, scale),
    )


def _head(lines: Sequence[Line], last: datetime, step: timedelta, align: Align) -> tuple[str, str]:
    """What is shown, and when it ends."""
    when = f"{last.day} {last:%B %Y}" + (f", {last:%H:%M} UTC" if step < DAY else "")
    if len(lines) > 1 and align == "age":
        return "Star history", "by age, from the first known day; counts at the end"
    if len(lines) > 1:
        return "Star history", f"as of {when}"
    [line] = lines
    return shorten(line.name, MOST_TITLE_LETTERS), f"{_newest_count(line):,} stars on {when}"


def _note(lines: Sequence[Line], align: Align) -> str:
    """Say what is GitHub's, and where sampling began, and by age whose beginning is not known;
    empty where there is nothing to say."""
    partly = len(lines) > 1 and align == "age" and any(it.partly for it in lines if it.both)
    parts = [_githubs(lines, align), f"{PARTLY} known in part" if partly else ""]
    return " · ".join(filter(None, parts))


def _githubs(lines: Sequence[Line], align: Align) -> str:
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


def _figure(line: Line, last: datetime, step: timedelta, align: Align) -> str:
    """The count at the end of a line, rounded; by date with that where other lines go on."""
    count = line.progress or "no readings"
    if line.both:
        slot, stars = line.both[-1]
        count = axes.rounded(stars)
        ended = last - slot > (step if line.points else max(step, 2 * DAY))
        if align == "age" and line.partly:
            count += PARTLY
        elif ended and align == "date":
            count += f" on {axes.day(slot)}" if step < DAY else f" in {slot:%b %Y}"
    return count


def _describe(line: Line, unbroken: Sequence[Points]) -> str:
    """Return a line in words, for a screen reader."""
    if not line.both:
        return f"No readings of {line.name}."
    (start, before), (end, now) = line.both[0], line.both[-1]
    gaps = len(unbroken) - 1
    until = f" until {line.github[-1][0]:%Y-%m-%d}" if line.github and line.points else ""
    return (
        f"Stars of {line.name} from {start:%Y-%m-%d} to {end:%Y-%m-%d}: from {before:,} to {now:,}."
        + (f" It is {GITHUBS}{until}." if line.github else "")
        + (f" No readings for {gaps} span{'s' if gaps > 1 else ''}." if gaps > 0 else "")
    )
