"""Star history as SVG pictures for READMEs: pygal draws, this module tells it what and tidies up.

Pure: names and counts in, bytes out, the same for the same input. Moments are UTC.
"""

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any, Literal

import pygal
from pygal.style import Style

from core import clock
from core.clock import DAY, HOUR
from web import axes

Theme = Literal["light", "dark", "auto"]

Points = Sequence[tuple[datetime, int]]

WIDTH, HEIGHT = 800, 440  # of the view box, without a legend; a phone shows it at half that

MARGIN = 16

LABEL, TITLE = 20, 26  # font sizes that a phone still shows at 9 px and more

ROW = round(1.5 * LABEL)  # of the legend, as pygal spaces it

MOST_STEPS = 700  # of one line: about one a pixel

MOST_POINTS = 2_000  # of all lines together: 14 bytes each, where every one stands alone

FONTS = "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',Helvetica,Arial,sans-serif"

SHAPES = f"""
text{{font:{LABEL}px {FONTS}}}.x text{{text-anchor:middle}}.y text{{text-anchor:end}}
.title{{font-size:{TITLE}px;font-weight:600}}
.title+.title{{font-size:{LABEL}px;font-weight:400;transform:translateY(-8px)}}
.legend rect,.background{{rx:7px}}
.plot>.background,.series path{{fill:none}}.x path,.axis>path{{display:none}}
.series path{{stroke-width:3;stroke-linecap:round;stroke-linejoin:round}}
.series .dots{{stroke-width:9}}""".replace("\n", "")


def _colours(page: str, title: str, text: str, grid: str, *lines: str) -> str:
    return (
        f".background{{fill:{page}}}text{{fill:{text}}}.line{{stroke:{grid}}}"
        f".title,.legend text{{fill:{title}}}.title+.title{{fill:{text}}}"
        + "".join(f".color-{i}{{stroke:{it};fill:{it}}}" for i, it in enumerate(lines))
    )


# The page is painted, in GitHub's colour: it cannot be seen there, and text stays legible wherever
# a page's theme is not the one that its reader's system asks for. The ten of lines have a contrast
# of 3 to it, and a search picked them to lie far apart (0.08 in OKLab) as people see them with and
# without any of the three colour blindnesses.
LIGHT = _colours(
    *("#ffffff", "#1f2328", "#59636e", "#e1e6eb"),
    *("#0969da", "#d9580d", "#0b3d2e", "#b0369b", "#0697dd"),
    *("#75582e", "#17606b", "#779368", "#ae70a9", "#50038f"),
)

DARK = _colours(
    *("#0d1117", "#f0f6fc", "#9198a1", "#2a313a"),
    *("#4493f8", "#ff9e44", "#4fd1a5", "#d16ba5", "#f2e309"),
    *("#705ee0", "#d2a2e8", "#a39160", "#bf4a5a", "#9de3e2"),
)

CSS: dict[Theme, str] = {
    "light": SHAPES + LIGHT,
    "dark": SHAPES + DARK,
    "auto": f"{SHAPES}{LIGHT}@media (prefers-color-scheme:dark){{{DARK}}}",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A repository's stars. `name` may be any text; `points`: UTC slot and stars, in order."""

    name: str
    points: Points


def step(span: timedelta, finest: timedelta, lines: int = 1) -> timedelta:
    """The resolution at which to draw a span: no finer than readings are kept (every `finest` for
    2 days, hourly for 90, daily for ever), so that a missing one is a gap, and no finer than can
    be seen."""
    kept = finest if span <= 2 * DAY else max(finest, HOUR if span <= 90 * DAY else DAY)
    most = min(MOST_STEPS, MOST_POINTS // max(lines, 1))
    return kept * max(1, -(-span // (kept * most)))


def is_daily(points: Points) -> bool:
    """Whether most days that have readings have one alone, as imported ones do."""
    a_day = Counter(clock.ceil(at, DAY) for at, _ in points)
    return bool(a_day) and median(a_day.values()) == 1


def draw(lines: Sequence[Line], step: timedelta, theme: Theme) -> bytes:
    """The SVG of one line or several, each with at most one reading in a step (t − step, t]; a step
    without one is a gap."""
    lines = [Line(printable(it.name), it.points) for it in lines]
    names = ", ".join(it.name for it in lines)
    readings = [reading for it in lines for reading in it.points]
    if not readings:
        return notice(f"No readings of {names or 'anything'} yet", theme)
    first, last = (pick(at for at, _ in readings) for pick in (min, max))
    low, high = (pick(stars for _, stars in readings) for pick in (min, max))
    start, end = (first, last) if first < last else (first - step, last + step)
    counts = axes.counts(low, high)
    rows = -(-len(lines) // 2) if len(lines) > 1 else 0
    chart = _chart(
        _title(lines, last, step),
        HEIGHT + rows * ROW,
        # pygal leaves room for one row too few where the last has one line
        margin_bottom=MARGIN + (ROW if rows and len(lines) % 2 else 0),
        allow_interruptions=True,
        show_dots=False,
        show_legend=rows > 0,
        xrange=(start.timestamp(), end.timestamp()),
        x_labels=[
            {"value": at.timestamp(), "label": text} for at, text in axes.moments(start, end, step)
        ],
        y_labels=[{"value": it, "label": axes.count_label(it, counts.step)} for it in counts],
    )
    lines.sort(key=lambda it: -it.points[-1][1] if it.points else 0)
    for line in lines:
        chart.add(_legend(line, last, step), list(_values(line.points, step)))
    description = " ".join(_describe(it, step) for it in lines)
    return _svg(chart, f"Star history of {names}", description, theme)


def notice(text: str, theme: Theme) -> bytes:
    """A small SVG that says something."""
    text = printable(text)
    lines = textwrap.wrap(text, 46, max_lines=4, placeholder=" …")  # longer ones pygal would wrap
    chart = _chart(
        "\n".join(["Star history", *lines]),
        56 + 36 * len(lines),
        show_legend=False,
        show_x_labels=False,
        show_y_labels=False,
        no_data_text="",
    )
    return _svg(chart, "Star history", text, theme)


def printable(text: str) -> str:
    """Replace what XML forbids (control characters, halves of pairs) and what would change how the
    text around it reads (marks of direction, line breaks)."""
    return "".join(it if it.isprintable() else "\ufffd" for it in text)


def shorten(name: str, length: int) -> str:
    """Leave out of a name that is too long the end of its owner, or else its middle."""
    owner, _, rest = name.partition("/")
    kept = length - len(rest) - 2
    if len(name) <= length:
        return name
    if rest and kept >= 3:
        return f"{owner[:kept]}…/{rest}"
    half = (length - 1) // 2
    return f"{name[: length - 1 - half]}…{name[-half:]}"


def runs(points: Points, step: timedelta) -> list[Points]:
    """Split readings where a step has none."""
    if not points:
        return []
    steps = [clock.ceil(at, step) for at, _ in points]
    breaks = [i for i, (one, next_) in enumerate(pairwise(steps), 1) if next_ - one > step]
    return [points[i:j] for i, j in pairwise([0, *breaks, len(points)])]


def _title(lines: Sequence[Line], last: datetime, step: timedelta) -> str:
    """Two lines: what is shown, and when it ends."""
    when = f"{last.day} {last:%B %Y}" + (f", {last:%H:%M} UTC" if step < DAY else "")
    if len(lines) > 1:
        return f"Star history\nas of {when}"
    return f"{shorten(lines[0].name, 44)}\n{lines[0].points[-1][1]:,} stars on {when}"


def _legend(line: Line, last: datetime, step: timedelta) -> str:
    """Name and newest count, rounded; with its date where other lines go on."""
    newest = "no readings"
    if line.points:
        at, stars = line.points[-1]
        newest = axes.rounded(stars)
        if last - at > step:
            newest += f" on {axes.day(at)}" if step < DAY else f" in {at:%b %Y}"
    return f"{shorten(line.name, 28 - len(newest))}\N{EN SPACE}{newest}"


def _describe(line: Line, step: timedelta) -> str:
    if not line.points:
        return f"No readings of {line.name}."
    (start, least), (end, most) = line.points[0], line.points[-1]
    gaps = len(runs(line.points, step)) - 1
    return (
        f"Stars of {line.name} from {start:%Y-%m-%d} to {end:%Y-%m-%d}: from {least:,} to {most:,}."
        + (f" No readings for {gaps} span{'s' if gaps > 1 else ''}." if gaps else "")
    )


def _values(points: Points, step: timedelta) -> Iterator[tuple[float, int] | None]:
    """What pygal draws: runs with None between. What is to be a dot, a reading between two gaps and
    the newest, goes from itself to itself."""
    split = runs(points, step)
    for run in dict.fromkeys((*map(tuple, split), tuple(points[-1:]))):
        yield from [(at.timestamp(), stars) for at, stars in (run if len(run) > 1 else 2 * run)]
        yield None


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
        "style": Style(label_font_size=LABEL, legend_font_size=LABEL, title_font_size=TITLE),
    }
    return pygal.XY(title=title, width=WIDTH, height=height, **defaults | options)


def _svg(chart: pygal.XY, title: str, description: str, theme: Theme) -> bytes:
    def tidy(root: Any) -> Any:
        graph = root.find("g")
        for element in reversed(list(graph.iter())):
            _tidy(element)
        root.attrib.pop("id")
        root.attrib.update({"role": "img", "aria-labelledby": "title desc"})
        texts = {"title": title, "desc": description, "style": CSS[theme]}
        root[:] = [root.makeelement(tag, {} if tag == "style" else {"id": tag}) for tag in texts]
        for element, text in zip(root, texts.values(), strict=True):
            element.text = text
        root.append(graph)
        return root

    chart.add_xml_filter(tidy)
    svg: bytes = chart.render()
    return svg


def _tidy(element: Any) -> None:
    """Keep of an element what a still picture needs, with numbers to a tenth of a pixel."""
    texts = [it for it in element if it.tag == "text" and it.text]
    kept = [it for it in element if it.tag in ("path", "rect") or it in texts or len(it)]
    element[:] = [it for it in kept if it.get("class") != "tooltip-box"]
    element.attrib.pop("id", None)
    role = element.get("class", "")
    if "title" in role:
        element.set("x", str(MARGIN))
    elif role == "legends":  # over the whole width, where pygal takes that of the plot
        element.set("transform", re.sub(r"\d+", str(MARGIN), element.get("transform"), count=1))
        for i, legend in enumerate(element):
            for child, x in zip(legend, (0, 22), strict=True):
                child.set("x", str(x + i % 2 * (WIDTH // 2 - MARGIN // 2)))
    for key, value in element.items():
        short = re.sub(r"-?\d+\.\d+", lambda it: f"{float(it[0]):.1f}", value)
        element.set(key, re.sub(r"\.0\b", "", short))
    if "series" in role and len(element):
        parts = [re.sub(r"^M(.+) L\1$", r"M\1h0", it.get("d")) for it in element]
        lines = "".join(it for it in parts if not it.endswith("h0"))
        dots = "".join(it for it in parts if it.endswith("h0"))
        element[:] = [element.makeelement("path", {"d": lines})] if lines else []
        element.append(element.makeelement("path", {"class": "dots", "d": dots}))
