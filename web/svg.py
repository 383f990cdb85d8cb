"""Lines over two axes as an SVG picture: small, without scripts, and told to screen readers.

Pure: the same bytes for the same input. Lengths are pixels of the view box; `web/chart_style.py`
has the fonts that they are reckoned for.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from web.chart_style import HEIGHT, LABEL_SIZE, LEGEND_ROW, MARGIN, NOTE_ROW, TITLE_SIZE, WIDTH
from web.text import shorten_apart

ABOVE, RIGHT = 26, 40  # of the first line of the title, of the plot
TITLE_ROW = TITLE_SIZE + 10
TOP, HIGH = ABOVE + 2 * TITLE_ROW, 296  # of the plot, under a title of two lines
LETTER = 0.6 * LABEL_SIZE  # how wide one is, about
AROUND = 0.02 / 1.04  # of the plot: what is free on each side of the lines

LEGEND_COLUMN = (WIDTH - MARGIN) // 2  # from one column of the legend to the next
LEGEND_LETTERS = {2: 28, 1: 56}  # that a line of it has room for, by its number of columns
LEGEND_BOX, LEGEND_INDENT = 14, 22  # the box, and from its left to the text
MOST_NOTE_LETTERS = 72  # of the larger font that a narrow picture has

Point = tuple[float, float]
Named = tuple[str, str]  # a line's name, and the figure beside it in the legend
Tick = tuple[float, str]  # where it is on its axis, and its label
POINT = re.compile(r"(\S+ \S+) ")


@dataclass(frozen=True, slots=True)
class Line:
    """A line in unbroken parts; one point alone is a dot. The first `lighter` are drawn so."""

    name: str
    figure: str  # beside the name in the legend
    parts: Sequence[Sequence[Point]]
    lighter: int = 0


@dataclass(frozen=True, slots=True)
class Plane:
    """What lines are drawn on: the ends of the one axis, and the ticks of both, of which those of
    the other enclose all lines."""

    ends: tuple[float, float]
    across: Sequence[Tick]
    up: Sequence[Tick]

    @property
    def left(self) -> int:
        return MARGIN + 10 + round(LETTER * max(len(label) for _, label in self.up))

    @property
    def wide(self) -> int:
        return WIDTH - RIGHT - self.left

    def x(self, values: Sequence[float]) -> list[float]:
        return _placed(values, self.ends, 0, self.wide)

    def y(self, values: Sequence[float]) -> list[float]:
        heights = [height for height, _ in self.up]
        return _placed(values, (min(heights), max(heights)), HIGH, 0)


def picture(
    title: str,
    description: str,
    style: str,
    head: Sequence[str],
    height: int,
    plot: str = "",
    below: str = "",
) -> bytes:
    """A picture with a few lines at its head. `title` and `description` are for screen readers."""
    size = f'width="{WIDTH}" height="{height}"'
    lines = [_text(it, MARGIN, 36 + TITLE_ROW * row, "title") for row, it in enumerate(head)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {size} role="img"'
        f' aria-labelledby="title desc"><title id="title">{escape(title)}</title>'
        f'<desc id="desc">{escape(description)}</desc><style>{escape(style, quote=False)}</style>'
        f'<rect {size} class="background"/>{plot}{"".join(lines)}{below}</svg>'
    ).encode()


def chart(
    title: str,
    description: str,
    style: str,
    head: Sequence[str],
    plane: Plane,
    lines: Sequence[Line],
    note: str = "",
) -> bytes:
    """A picture of lines, with a legend where there are several, and a note below."""
    named = [(line.name, line.figure) for line in lines]
    height = height_with(named) + (NOTE_ROW if note else 0)
    drawn = "".join(_series(plane, number, line) for number, line in enumerate(lines))
    plot = _group("plot", f"{_axes(plane)}{drawn}", f"{plane.left}, {TOP}")
    below = ""
    if len(lines) > 1:
        below = _group("legends", "".join(_legends(named)), f"{MARGIN}, {TOP + HIGH + 40}")
    if note:
        role = "note" if len(note) <= MOST_NOTE_LETTERS else "note long"
        below += _text(note, MARGIN, height - MARGIN, role)
    return picture(title, description, style, head, height, plot, below)


def _axes(plane: Plane) -> str:
    across, up = ([label for _, label in ticks] for ticks in (plane.across, plane.up))
    xs = plane.x([at for at, _ in plane.across])
    ys = plane.y([height for height, _ in plane.up])
    rows = [
        f'<path class="guide line" d="M0 {_short(y)}h{plane.wide}"/>{_text(label, -5, y + 7)}'
        for y, label in zip(ys, up, strict=True)
    ]
    columns = [_text(label, x, HIGH + 20) for x, label in zip(xs, across, strict=True)]
    return _group("axis y", "".join(rows)) + _group("axis x", "".join(columns))


def _series(plane: Plane, number: int, line: Line) -> str:
    """A line's parts joined into one path, those of its dots into another, and the lighter ones
    into a third: each has strokes of its own."""
    paths = list(_paths(plane, line))
    light, others = "".join(paths[: line.lighter]), paths[line.lighter :]
    whole = "".join(path for path in others if not path.endswith("h0"))
    dots = "".join(path for path in others if path.endswith("h0"))
    drawn = ((' class="github"', light), ("", whole), (' class="dots"', dots))
    inside = "".join(f'<path{role} d="{path}"/>' for role, path in drawn if path)
    return _group(f"series color-{number}", inside) if inside else ""


def _paths(plane: Plane, line: Line) -> Iterator[str]:
    for part in filter(None, line.parts):
        xs, ys = plane.x([x for x, _ in part]), plane.y([y for _, y in part])
        pairs = " ".join([f"{x:.1f} {y:.1f}" for x, y in zip(xs, ys, strict=True)])
        first, *others = POINT.findall(f"{pairs} ".replace(".0 ", " "))
        yield f"M{first} L{' '.join(others)}" if others else f"M{first}h0"


def height_with(named: Sequence[Named]) -> int:
    """Return the height of a picture with a legend of some lines, and without a note."""
    rows = math.ceil(len(named) / _columns(named)) if len(named) > 1 else 0
    return HEIGHT + rows * LEGEND_ROW


def _columns(named: Sequence[Named]) -> int:
    """Return how many columns a legend has: one where a line of it has no room in two."""
    longest = max(len(f"{name} {figure}") for name, figure in named)
    return 2 if longest <= LEGEND_LETTERS[2] else 1


def _legends(named: Sequence[Named]) -> Iterator[str]:
    columns = _columns(named)
    most = LEGEND_LETTERS[columns] - 1
    names = shorten_apart([name for name, _ in named], [most - len(figure) for _, figure in named])
    size = f'width="{LEGEND_BOX}" height="{LEGEND_BOX}"'
    for number, (name, (_, figure)) in enumerate(zip(names, named, strict=True)):
        left, top = number % columns * LEGEND_COLUMN, number // columns * LEGEND_ROW
        box = f'<rect x="{left}" y="{top + 3}" {size} class="color-{number}"/>'
        text = _text(f"{name}\N{EN SPACE}{figure}", left + LEGEND_INDENT, top + 16)
        yield _group("legend", box + text)


def _placed(
    values: Sequence[float], ends: tuple[float, float], first: float, last: float
) -> list[float]:
    """Where values are between two ends, which are so many pixels from the edge of the plot."""
    start, end = ends
    room = AROUND * (last - first)
    scale = (last - first - 2 * room) / (end - start)
    origin = first + room - start * scale
    return [origin + value * scale for value in values]


def _text(text: str, x: float, y: float, role: str = "") -> str:
    is_a = f' class="{role}"' if role else ""
    return f'<text x="{_short(x)}" y="{_short(y)}"{is_a}>{escape(text)}</text>'


def _group(role: str, inside: str, moved: str = "") -> str:
    there = f' transform="translate({moved})"' if moved else ""
    return f'<g class="{role}"{there}>{inside}</g>'


def _short(number: float) -> str:
    """Return a number to a tenth of a pixel."""
    return f"{number:.1f}".removesuffix(".0")
