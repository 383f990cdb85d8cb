"""The stars of each day as SVG pictures, from GitHub's star history. Pure, as web/chart_svg.py."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import mean

from core import clock
from core.clock import DAY
from core.series import Points
from web import chart_svg, svg
from web.chart_style import STYLE_SHEETS, Theme
from web.text import printable, shorten

FILLED = ".series path{fill:inherit;fill-opacity:.3;stroke-width:1.5}"  # where none hides another

Bar = tuple[datetime, datetime, float]  # start, end, stars a day


def draw(
    days_by_name: Mapping[str, Points],
    step: timedelta,
    theme: Theme,
    waits: Mapping[str, str] = chart_svg.NONE_WAIT,
) -> bytes:
    """The SVG of bars side by side, of several repositories their outlines. Days are given by their
    ends; those of one step (t − step, t] are one bar, as high as their mean. `waits`: by names, how
    far the days are that are still read."""
    lines = {printable(name): days for name, days in days_by_name.items()}
    names = ", ".join(lines)
    bars = {name: list(_bars(days, step)) for name, days in lines.items()}
    flat = [bar for each in bars.values() for bar in each]
    if not flat:
        return chart_svg.notice(f"No days of GitHub's star history of {names} are known yet", theme)
    first, last = min(bar[0] for bar in flat), max(bar[1] for bar in flat)
    highest = math.ceil(max(bar[2] for bar in flat))
    return svg.chart(
        f"Stars a day of {names}",
        " ".join(_describe(name, days) for name, days in lines.items()),
        STYLE_SHEETS[theme] + (FILLED if len(lines) == 1 else ""),
        _head(names if len(lines) == 1 else "Stars a day", last - DAY),
        chart_svg.plane((first, last), (0, highest), DAY),
        [
            svg.Line(name, _figure(days, waits.get(name)), [list(_outline(bars[name]))])
            for name, days in lines.items()
        ],
        chart_svg.GITHUBS + (f"; means of {step // DAY} days" if step > DAY else ""),
    )


def _figure(days: Points, wait: str | None) -> str:
    return f"{_mean(days):,.0f} a day" if days else wait or "no days"


def _bars(days: Points, step: timedelta) -> Iterator[Bar]:
    counts: dict[datetime, list[int]] = {}
    ends: dict[datetime, datetime] = {}
    for end, stars in days:
        tick = clock.ceil(end, step)
        counts.setdefault(tick, []).append(stars)
        ends[tick] = end
    start = days[0][0] - DAY if days else None
    for tick, end in ends.items():
        assert start is not None  # there are days
        yield start, end, mean(counts[tick])
        start = end


def _outline(bars: Sequence[Bar]) -> Iterator[tuple[float, float]]:
    if bars:
        yield bars[0][0].timestamp(), 0
    for start, end, stars in bars:
        yield start.timestamp(), stars
        yield end.timestamp(), stars
    if bars:
        yield bars[-1][1].timestamp(), 0


def _mean(days: Points) -> float:
    return mean(stars for _, stars in days) if days else 0


def _head(name: str, last: datetime) -> tuple[str, str]:
    what = "until" if name == "Stars a day" else "stars a day until"
    name = shorten(name, chart_svg.MOST_TITLE_LETTERS)
    return name, f"{what} {last.day} {last:%B %Y}"


def _describe(name: str, days: Points) -> str:
    """Return the days of a repository in words, for a screen reader."""
    if not days:
        return f"No days of {name}."
    (first, _), (last, _) = days[0], days[-1]
    most, at = max((stars, at - DAY) for at, stars in days)
    return (
        f"Stars a day of {name} from {first - DAY:%Y-%m-%d} to {last - DAY:%Y-%m-%d}: "
        f"{_mean(days):,.1f} in the mean, {most:,} on {at:%Y-%m-%d}."
    )
