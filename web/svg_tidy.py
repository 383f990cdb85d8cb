"""Rendering a pygal chart as a still picture: small, without scripts, and told to screen readers.

pygal draws for a page that it scripts: tooltips, ids, its own style sheet, long numbers. A README
shows none of it, and each byte of it would be sent for every reader.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from web.chart_style import MARGIN, WIDTH

if TYPE_CHECKING:  # it takes 45 ms, of a process that may never draw
    import pygal

LEGEND_COLUMN = (WIDTH - MARGIN) // 2  # from one column of the legend to the next
MOST_NOTE_LETTERS = 72  # of the larger font that a narrow picture has
LEGEND_INDENT = 22  # from the box to its text

Point = tuple[float, float]
POINT = re.compile(r"(\S+ \S+) ")


def render(
    chart: "pygal.XY",
    title: str,
    description: str,
    style_sheet: str,
    *,
    note: str = "",
    lighter: Sequence[int] = (),
) -> bytes:
    """The SVG of a chart, which begins with a title and a description for screen readers, and ends
    with a note. `lighter`: how many of the first parts of each line are drawn so.

    pygal lays out the chart by the extremes alone: it would take most of the time for the points.
    """
    lines = [list(_parts(values)) for values, _ in chart.raw_series]
    chart.raw_series[:] = [(_extremes(values), options) for values, options in chart.raw_series]

    def tidy(root: Element) -> Element:
        graph = root.find("g")
        assert graph is not None  # pygal puts all that it draws into one
        there = _projection(chart.view)
        paths = [[_path(part, there) for part in parts] for parts in lines]
        _tidy_graph(graph, paths, lighter)
        del root.attrib["id"]  # random, and a picture is to be the same each time
        root.attrib.update({"role": "img", "aria-labelledby": "title desc"})
        height = _size(root)
        root[:] = [
            _element(root, "title", title, id="title"),
            _element(root, "desc", description, id="desc"),
            _element(root, "style", style_sheet),
            graph,
        ]
        if note:
            root.append(_note(root, note, height))
        return root

    chart.add_xml_filter(tidy)
    svg: bytes = chart.render()
    return svg


def _note(root: Element, note: str, height: str) -> Element:
    role = "note" if len(note) <= MOST_NOTE_LETTERS else "note long"
    below = {"class": role, "x": str(MARGIN), "y": str(int(height) - MARGIN)}
    return _element(root, "text", note, **below)


def _size(root: Element) -> str:
    """Give a picture the size that it is drawn in, and return its height. Where a page gives it no
    size, as in a cell of a table, it would have none."""
    _, _, width, height = root.attrib["viewBox"].split()
    root.attrib.update({"width": width, "height": height})
    return height


def _element(root: Element, tag: str, text: str, **attributes: str) -> Element:
    # An lxml tree, which pygal makes where lxml is installed, takes lxml's elements only.
    element = root.makeelement(tag, attributes)
    element.text = text
    return element


def _parts(values: Iterable[Point | None]) -> Iterator[list[Point]]:
    """Yield what is drawn without a gap."""
    for is_drawn, points in groupby(values, key=lambda point: point is not None):
        if is_drawn:
            yield [point for point in points if point is not None]


def _extremes(values: Iterable[Point | None]) -> list[Point]:
    points = [point for point in values if point is not None]
    return [pick(points, key=lambda point: point[1]) for pick in (min, max) if points]


def _projection(view: Callable[[Point], Point]) -> tuple[float, ...]:
    """Return what a view does to all points: where the origin is, and how long units are."""
    (left, top), (right, bottom) = view((0, 0)), view((1e9, 1e9))
    return left, (right - left) / 1e9, top, (bottom - top) / 1e9


def _path(part: Sequence[Point], projection: tuple[float, ...]) -> str:
    """Return the path of a part; of one that ends where it begins, that of a dot."""
    left, wide, top, high = projection
    drawn = " ".join([f"{left + wide * x:.1f} {top + high * y:.1f}" for x, y in part])
    first, *others = POINT.findall(f"{drawn} ".replace(".0 ", " "))
    return f"M{first}h0" if others == [first] else f"M{first} L{' '.join(others)}"


def _rounded(number: float) -> str:
    """Return a number to a tenth of a pixel."""
    return f"{number:.1f}".removesuffix(".0")


def _tidy_graph(graph: Element, paths: Sequence[list[str]], lighter: Sequence[int]) -> None:
    elements = list(graph.iter())
    for element in reversed(elements):  # children first: a group that loses all of them goes too
        _prune(element)
        _round_numbers(element)
    for element in elements:
        role = element.get("class", "")
        if "title" in role:
            element.set("x", str(MARGIN))
        elif role == "legends":
            _widen_legends(element)
        elif "series" in role and len(element):
            [number] = re.findall(r"serie-(\d+)", role)
            light = dict(enumerate(lighter)).get(int(number), 0)
            _join_paths(element, paths[int(number)], light)


def _prune(element: Element) -> None:
    """Take away the id, and the children that a still picture does not need."""
    element.attrib.pop("id", None)
    element[:] = [child for child in element if _is_drawn(child)]


def _is_drawn(element: Element) -> bool:
    if element.get("class") == "tooltip-box":
        return False
    shows_text = element.tag == "text" and bool(element.text)
    return shows_text or element.tag in ("path", "rect") or len(element) > 0


def _round_numbers(element: Element) -> None:
    """Round the numbers in all attributes to a tenth of a pixel."""
    for key, value in element.items():
        if "." in value:
            short = re.sub(r"-?\d+\.\d+", lambda number: _rounded(float(number[0])), value)
            element.set(key, short)


def _widen_legends(legends: Element) -> None:
    """Let two columns of legends take the whole width; pygal gives them that of the plot."""
    moved = re.sub(r"\d+", str(MARGIN), legends.get("transform", ""), count=1)
    legends.set("transform", moved)
    for i, (box, text) in enumerate(legends):
        left = i % 2 * LEGEND_COLUMN
        box.set("x", str(left))
        text.set("x", str(left + LEGEND_INDENT))


def _join_paths(series: Element, paths: list[str], lighter: int) -> None:
    """Join the paths of a line into one, those of its dots into another, and the first ones, which
    are lighter, into a third: each has strokes of its own."""
    light, paths = "".join(paths[:lighter]), paths[lighter:]
    line = "".join(path for path in paths if not path.endswith("h0"))
    dots = "".join(path for path in paths if path.endswith("h0"))
    drawn = ({"class": "github", "d": light}, {"d": line}, {"class": "dots", "d": dots})
    series[:] = [series.makeelement("path", path) for path in drawn if path["d"]]
