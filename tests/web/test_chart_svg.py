"""Star history as pictures: honest about gaps, valid for any name, small, legible to everyone."""

import csv
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from core import clock
from core.clock import DAY, HOUR
from tests.support.common import SHARED
from web import chart_svg
from web.chart_style import DARK, LIGHT, Theme
from web.chart_svg import Line, draw, notice
from web.text import printable, shorten, shorten_apart

SVG = "{http://www.w3.org/2000/svg}"
MINUTE = timedelta(minutes=1)
LAST = datetime(2026, 11, 24, tzinfo=UTC)
THEMES: tuple[Theme, ...] = ("light", "dark", "auto")
SEVEN_YEARS = 7 * 365


def points(
    days: Sequence[int], step: timedelta = DAY, first: datetime = LAST - SEVEN_YEARS * DAY
) -> list[tuple[datetime, int]]:
    """Readings of some steps after `first`, 100 stars apart."""
    return [(first + it * step, 50_000 + 100 * it) for it in days]


def thinned(
    readings: Sequence[tuple[datetime, int]], step: timedelta
) -> list[tuple[datetime, int]]:
    return list({-((clock.EPOCH - at) // step): (at, stars) for at, stars in readings}.values())


def parse(svg: bytes) -> Element:
    return ElementTree.fromstring(svg)


def text(root: Element, tag: str) -> str:
    return root.findtext(f"{SVG}{tag}") or ""


def texts(root: Element) -> list[str]:
    return [it.text or "" for it in root.iter(f"{SVG}text")]


def paths(root: Element, role: str | None = None) -> list[str]:
    """The data of each line's path, or of its dots."""
    groups = [it for it in root.iter() if "series" in it.get("class", "")]
    return [it.attrib["d"] for group in groups for it in group if it.get("class") == role]


def segments(data: str) -> list[int]:
    """How many points each unbroken part of a path has."""
    return [len(re.findall(r"[\d.]+ [\d.]+", part)) for part in data.split("M")[1:]]


# What is drawn


@pytest.mark.parametrize(
    ("days", "unbroken", "alone"),
    [
        (range(10), [10], 1),
        ([*range(5), *range(6, 10)], [5, 4], 1),
        ([0, 1, 5, 6, 7, 20, 21], [2, 3, 2], 1),
        ([0, 1, 5, 9, 10], [2, 2], 2),
        ([0, 1, 5, 6, 9], [2, 2], 1),
        ([0, 2, 4], [], 3),
        ([7], [], 1),
    ],
)
def test_a_step_without_a_reading_breaks_the_line_and_a_reading_alone_is_a_dot_as_is_the_newest(
    days: Sequence[int], unbroken: list[int], alone: int
) -> None:
    root = parse(draw([Line("o/r", points(days))], DAY, "light"))

    assert [segments(it) for it in paths(root)] == ([unbroken] if unbroken else [])
    assert [it.count("h0") for it in paths(root, "dots")] == [alone]


def test_one_reading_alone_is_in_the_middle_between_labels() -> None:
    root = parse(draw([Line("o/r", [(LAST + HOUR, 1234)])], DAY, "light"))

    assert texts(root)[:5] == ["1,233", "1,234", "1,235", "24 Nov", "25 Nov"]
    (dot,) = paths(root, "dots")
    guide = next(it.attrib["d"] for it in root.iter() if "guide line" in it.get("class", ""))
    x, across = (float(re.findall(r"[\d.]+", it)[i]) for it, i in ((dot, 0), (guide, -1)))
    assert x == pytest.approx(across / 2, abs=0.1)


def test_readings_anywhere_in_neighbouring_steps_are_joined() -> None:
    readings = [(LAST + HOUR, 10), (LAST + 2 * DAY, 12), (LAST + 2 * DAY + HOUR, 13)]

    assert [segments(it) for it in paths(parse(draw([Line("o/r", readings)], DAY, "light")))] == [
        [3]
    ]


def test_the_line_goes_through_each_reading_and_nowhere_else() -> None:
    readings = [(LAST, 0), (LAST + DAY, 400), (LAST + 2 * DAY, 100)]

    (data,) = paths(parse(draw([Line("o/r", readings)], DAY, "light")))

    (x0, y0), (x1, y1), (x2, y2) = (map(float, it) for it in re.findall(r"([\d.]+) ([\d.]+)", data))
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert (y0 - y2) / (y0 - y1) == pytest.approx(1 / 4, abs=0.002)


def test_one_line_is_titled_by_its_name_its_newest_count_and_when_that_was() -> None:
    readings = points(range(9), 10 * MINUTE, LAST)

    root = parse(draw([Line("o/r", readings)], 10 * MINUTE, "light"))

    assert [(it.text, it.attrib["x"]) for it in root.iter(f"{SVG}text")][-2:] == [
        ("o/r", "16"),
        ("50,800 stars on 24 November 2026, 01:20 UTC", "16"),
    ]


def test_several_lines_have_a_legend_with_newest_counts_in_their_order() -> None:
    lines = [
        Line("a/small", [(LAST - DAY, 9), (LAST, 8)]),
        Line("b/large", [(LAST - DAY, 391_779), (LAST, 391_780)]),
        Line("c/ended", [(LAST - 400 * DAY, 12_345)]),
        Line("d/none", []),
    ]

    found = [it.replace("\N{EN SPACE}", " ") for it in texts(parse(draw(lines, DAY, "light")))]

    assert found[-6:] == [
        "Star history",
        "as of 24 November 2026",
        "a/small 8",
        "b/large 392k",
        "c/ended 12.3k in Oct 2025",
        "d/none no readings",
    ]


@pytest.mark.parametrize("github", [0, 30])
@pytest.mark.parametrize("count", range(2, 11))
def test_a_legend_of_any_length_is_inside_the_picture(count: int, github: int) -> None:
    days = [(LAST - 40 * DAY * SEVEN_YEARS / 365 + it * DAY, it) for it in range(github)]
    lines = [Line(f"o/{it}", points([it]), days) for it in range(count)]
    root = parse(draw(lines, DAY, "light"))

    legends = next(it for it in root.iter() if it.get("class") == "legends")
    _, top = map(int, re.findall(r"\d+", legends.attrib["transform"]))
    note = 30 if github else 0  # what stands below
    height = int(root.attrib["viewBox"].split()[3]) - note
    lowest = max(float(it.attrib["y"]) for it in legends.iter(f"{SVG}text"))
    assert len(legends) == count
    assert height - 40 < top + lowest < height - 8


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("torvalds/linux", "torvalds/linux"),
        ("kamranahmedse/developer-roadmap", "kamrana…/developer-roadmap"),
        ("EbookFoundation/free-programming-books", "EbookFoundati…amming-books"),
        ("o" * 200, "o" * 13 + "…" + "o" * 12),
    ],
)
def test_a_long_name_loses_the_end_of_its_owner_or_its_middle(name: str, short: str) -> None:
    assert shorten(name, 26) == short


def test_no_text_of_a_very_long_name_leaves_the_picture() -> None:
    names = [f"{'o' * 100}/{it}{'r' * 99}" for it in range(10)]

    alone = parse(draw([Line(names[0], points([1]))], DAY, "light"))
    together = parse(draw([Line(it, points([1])) for it in names], DAY, "light"))

    assert max(map(len, texts(alone))) <= 44
    legends = texts(together)[-10:]
    assert max(map(len, legends)) <= 56
    assert [it[-5:] for it in legends] == 10 * ["50.1k"]
    assert len(set(legends)) == 10


def test_names_that_have_no_room_in_two_columns_are_whole_in_one() -> None:
    long = ["EbookFoundation/free-programming-books", "garden-workshop/open-journal", "a/b"]

    def legends(names: Sequence[str]) -> tuple[list[str], set[str], str]:
        root = parse(draw([Line(it, points([1])) for it in names], DAY, "light"))
        groups = [it for it in root.iter() if it.get("class") == "legend"]
        said = [(it.findtext(f"{SVG}text") or "").split("\N{EN SPACE}")[0] for it in groups]
        return said, {it[0].attrib["x"] for it in groups}, root.attrib["height"]

    assert legends(long) == (long, {"0"}, "530")
    assert legends(["o/r", "x/y", "a/b"]) == (["o/r", "x/y", "a/b"], {"0", "392"}, "500")


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (
            ["garden-workers/journal", "garden-workshop/journal"],
            ["…den-workers/jou…", "…den-workshop/jo…"],
        ),
        (["a/" + 20 * "b", "a/" + 20 * "c"], ["a/bbbbbb…bbbbbbbb", "a/cccccc…cccccccc"]),
        (["one-owner/x", "one-owner/x"], ["one-owner/x", "one-owner/x"]),
        (
            [f"{30 * 'o'}/r{number}{30 * 's'}" for number in (1, 2)],
            [f"…oooooo/r{number}ssssss…" for number in (1, 2)],
        ),
    ],
)
def test_names_that_differ_are_shortened_to_texts_that_do(
    names: list[str], short: list[str]
) -> None:
    assert shorten_apart(names, [17, 17]) == short


def test_on_an_axis_of_powers_what_grows_tenfold_is_as_high_each_time() -> None:
    grown = [(LAST + i * DAY, 10**i) for i in range(6)]

    root = parse(draw([Line("it", grown)], DAY, "light", "log"))

    assert [it for it in texts(root) if it in ("1", "10", "100", "1k", "10k", "100k")] == [
        "1",
        "10",
        "100",
        "1k",
        "10k",
        "100k",
    ]
    heights = [float(y) for y in re.findall(r"[\d.]+ ([\d.]+)", paths(root)[0])]
    assert (
        max(
            map(
                abs,
                [
                    a - b - (heights[0] - heights[1])
                    for a, b in zip(heights, heights[1:], strict=False)
                ],
            )
        )
        < 1
    )


@pytest.mark.parametrize("stars", [0, 1, 2, 5, 7, 10, 100, 2_000, 500_000])
def test_on_an_axis_of_powers_one_count_alone_lies_between_two_labels(stars: int) -> None:
    root = parse(draw([Line("it", [(LAST, stars), (LAST + DAY, stars)])], DAY, "light", "log"))

    assert len({height for height in re.findall(r"[\d.]+ ([\d.]+)", paths(root)[0])}) == 1
    axis = next(it for it in root.iter() if it.get("class") == "axis y")
    assert len(axis.findall(f"{SVG}text")) >= 2


def test_aligned_by_age_each_line_begins_at_the_left() -> None:
    young, old = points(range(1_000, 1_400)), points(range(900))

    root = parse(draw([Line("young", young), Line("old", old)], DAY, "light", align="age"))

    left = [re.findall(r"[\d.]+", path)[0] for path in paths(root)]
    assert left[0] == left[1]
    assert "by age, from the first known day; counts at the end" in texts(root)
    assert [it for it in texts(root) if it.endswith(" y")] == ["1 y", "2 y"]


def test_aligned_by_age_the_legend_has_counts_and_no_dates() -> None:
    first_week = Line("old/cut", points(range(7)))
    lines = [first_week, Line("new/whole", points(range(2_500, 2_504)))]

    found = texts(parse(draw(lines, DAY, "light", align="age")))

    assert {"old/cut\N{EN SPACE}50.6k", "new/whole\N{EN SPACE}300k"} <= set(found)


def test_aligned_by_age_a_line_whose_beginning_is_not_known_is_marked() -> None:
    lines = [replace(BOTH, partly=True), Line("x/y", SAMPLED), Line("a/b", [], partly=True)]
    note = "GitHub's star history, in stars that stand today"

    by_age = texts(parse(draw(lines, DAY, "light", align="age")))
    by_date = texts(parse(draw(lines, DAY, "light")))

    assert by_age[-4] == "o/r\N{EN SPACE}40k*"
    assert by_age[-3:-1] == ["x/y\N{EN SPACE}40k", "a/b\N{EN SPACE}no readings"]
    assert by_age[-1] == f"Lighter: {note} · * known in part"
    assert by_date[-1] == f"Before 15 Nov 2026: {note}"
    assert texts(parse(draw(lines[1:], DAY, "light", align="age")))[-1] != "* known in part"


def test_without_any_reading_it_says_so() -> None:
    found = parse(draw([Line("o/r", []), Line("x/y", [])], DAY, "light"))

    assert texts(found) == ["Star history", "No readings of o/r, x/y yet"]
    assert texts(parse(draw([], DAY, "light"))) == ["Star history", "No readings of anything yet"]


def test_a_notice_is_small_and_wraps() -> None:
    short = parse(notice("no repository named 'x/y' was on any list", "auto"))
    long = parse(notice("no repository named " + "x" * 500, "auto"))

    assert texts(short) == ["Star history", "no repository named 'x/y' was on any list"]
    assert short.attrib["viewBox"] == "0 0 800 92"
    assert len(texts(long)) == 5
    assert max(map(len, texts(long))) <= 46


# What GitHub told of the time before

GITHUB = [(LAST - (40 - it) * DAY + 8 * HOUR, 30_000 + 100 * it) for it in range(30)]
SAMPLED = [(LAST - it * DAY, 40_000 - it) for it in range(9, -1, -1)]
BOTH = Line("o/r", SAMPLED, GITHUB, SAMPLED[0][0])


def test_days_of_github_are_lighter_and_no_bridge_leads_from_them_to_readings() -> None:
    root = parse(draw([BOTH], DAY, "light"))

    assert [segments(it) for it in paths(root, "github")] == [[30]]
    assert [segments(it) for it in paths(root)] == [[10]]
    assert [it.count("h0") for it in paths(root, "dots")] == [1]
    assert ".series .github{stroke-opacity:.5}" in text(root, "style")
    ends, starts = (re.findall(r"[\d.]+", paths(root, it)[0]) for it in ("github", None))
    assert float(ends[-2]) < float(starts[0])
    assert float(ends[-1]) > float(starts[1])  # down is more


def test_a_line_below_says_where_sampling_began() -> None:
    root = parse(draw([BOTH], DAY, "light"))

    (note,) = (it for it in root.iter() if it.get("class") == "note")
    below = "Before 15 Nov 2026: GitHub's star history, in stars that stand today"
    assert note.text == below
    height = float(root.attrib["height"])
    others = [float(it.attrib["y"]) for it in root.iter(f"{SVG}text") if it is not note]
    assert height - 30 < float(note.attrib["y"]) < height
    assert height == 470
    assert not [it for it in others if it > 440]
    progress = replace(BOTH, progress="page 3 of 14")
    assert texts(parse(draw([progress], DAY, "light")))[-1] == f"{below} · page 3 of 14"


@pytest.mark.parametrize(
    ("others", "note"),
    [
        ([], "Before 15 Nov 2026: GitHub's"),
        ([Line("x/y", SAMPLED)], "Before 15 Nov 2026: GitHub's"),
        ([Line("x/y", [], GITHUB)], "Lighter: GitHub's"),
        ([Line("x/y", SAMPLED, GITHUB, LAST)], "Lighter: GitHub's"),
    ],
)
def test_the_line_below_holds_for_all_lines(others: list[Line], note: str) -> None:
    assert texts(parse(draw([BOTH, *others], DAY, "light")))[-1].startswith(note)


def test_days_of_github_alone_are_a_chart_and_have_no_date_of_sampling() -> None:
    root = parse(draw([Line("o/r", [], GITHUB)], DAY, "light"))

    assert [segments(it) for it in paths(root, "github")] == [[30]]
    assert texts(root)[-3:] == [
        "o/r",
        "32,900 stars on 13 November 2026",
        "GitHub's star history, in stars that stand today",
    ]


def test_title_legend_axes_and_description_count_githubs_part_in() -> None:
    root = parse(draw([BOTH, Line("x/y", [], GITHUB)], DAY, "light"))

    found = [it.replace("\N{EN SPACE}", " ") for it in texts(root)]
    assert "as of 24 November 2026" in found
    assert found[-3:-1] == ["o/r 40k", "x/y 32.9k in Nov 2026"]
    assert "19 Oct" in found
    assert text(root, "desc") == (
        "Stars of o/r from 2026-10-15 to 2026-11-24: from 30,000 to 40,000."
        " It is GitHub's star history, in stars that stand today until 2026-11-13."
        " Stars of x/y from 2026-10-15 to 2026-11-13: from 30,000 to 32,900."
        " It is GitHub's star history, in stars that stand today."
    )


def test_a_line_keeps_its_colour_though_one_before_it_has_no_points() -> None:
    lines = [Line("a/none", []), Line("o/r", [], GITHUB), Line("b/none", [], progress="collecting")]
    root = parse(draw(lines, DAY, "light"))

    assert len(paths(root, "github")) == 1
    assert not paths(root)
    assert "b/none\N{EN SPACE}collecting" in texts(root)


# As XML, for everyone


@given(some.lists(some.text(max_size=200), min_size=1, max_size=3), some.sampled_from(THEMES))
@settings(max_examples=150)
def test_it_is_valid_xml_for_any_names(names: list[str], theme: Theme) -> None:
    root = parse(draw([Line(it, points(range(3))) for it in names], DAY, theme))

    assert text(root, "title") == f"Star history of {', '.join(map(printable, names))}"
    assert not parse(notice(names[0], theme)).findall(".//script")


@pytest.mark.parametrize("name", ["\0\x1b\r\n\x85", "\ud800", "\ufffe\uffff", "\u202e\u2028"])
def test_what_xml_forbids_and_what_would_turn_other_text_around_is_replaced(name: str) -> None:
    assert printable(f"a{name}b") == f"a{len(name) * chr(0xFFFD)}b"


def test_a_name_cannot_leave_its_place() -> None:
    name = "</style><script>alert(1)</script>]]>&amp;\"'<!--"

    root = parse(draw([Line(name, points(range(3)))], DAY, "auto"))

    assert text(root, "title") == f"Star history of {name}"
    assert {it.tag.removeprefix(SVG) for it in root.iter()} == set(
        "svg title desc style g rect path text".split()
    )


def test_it_is_an_image_with_a_title_and_a_description_that_a_screen_reader_finds_first() -> None:
    days = [*range(100), *range(120, 130), *range(140, 150)]

    root = parse(draw([Line("o/r", points(days)), Line("x/y", [])], DAY, "light"))

    assert [it.tag for it in root[:2]] == [f"{SVG}title", f"{SVG}desc"]
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"].split() == [it.attrib["id"] for it in root[:2]]
    assert [it.attrib["id"] for it in root.iter() if it.get("id")] == ["title", "desc"]
    assert text(root, "title") == "Star history of o/r, x/y"
    assert text(root, "desc") == (
        "Stars of o/r from 2019-11-26 to 2020-04-23: from 50,000 to 64,900."
        " No readings for 2 spans. No readings of x/y."
    )


@pytest.mark.parametrize("theme", THEMES)
def test_it_runs_nothing_and_loads_nothing(theme: Theme) -> None:
    for svg in (draw([Line("o/r", points(range(9)))], DAY, theme), notice("nothing", theme)):
        used = {name for it in parse(svg).iter() for name in it.attrib}

        known = "viewBox role aria-labelledby id class transform x y width height d"
        assert used <= set(known.split())
        found = svg.decode().replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"script|href|url\(|@import|@font-face|//|<\?xml-stylesheet", found)


def test_it_has_a_size_and_scales_to_another_that_it_is_given() -> None:
    root = parse(draw([Line("o/r", points(range(9)))], DAY, "light"))

    assert root.attrib["viewBox"] == "0 0 800 440"
    assert (root.attrib["width"], root.attrib["height"]) == ("800", "440")


def test_the_same_input_gives_the_same_bytes() -> None:
    lines = [Line("a/b", points(range(9))), Line("c/d", points(range(4)))]

    assert draw(lines, DAY, "auto") == draw(lines, DAY, "auto")


# Colours


def lightness(colour: str) -> list[float]:
    """Linear red, green and blue of a hexadecimal colour."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [it / 12.92 if it <= 0.04045 else ((it + 0.055) / 1.055) ** 2.4 for it in parts]


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio."""
    weights = (0.2126, 0.7152, 0.0722)
    both = [
        sum(w * it for w, it in zip(weights, lightness(colour), strict=True)) + 0.05
        for colour in (one, other)
    ]
    return max(both) / min(both)


def product(matrix: Sequence[Sequence[float]], vector: Sequence[float]) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def oklab(linear: Sequence[float]) -> list[float]:
    """Björn Ottosson's perceptual colour space."""
    cones = product(
        [(0.41222, 0.53633, 0.05145), (0.2119, 0.6807, 0.1074), (0.0883, 0.28172, 0.62998)],
        [max(it, 0) for it in linear],
    )
    return product(
        [(0.21045, 0.79362, -0.00407), (1.978, -2.42859, 0.4506), (0.0259, 0.78277, -0.80868)],
        [max(it, 0) ** (1 / 3) for it in cones],
    )


# Machado, Oliveira and Fernandes (2009), at full severity.
SIGHTS = {
    "everyone": [(1, 0, 0), (0, 1, 0), (0, 0, 1)],
    "without red": [(0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)],
    "without green": [(0.367, 0.861, -0.228), (0.28, 0.673, 0.047), (-0.012, 0.043, 0.969)],
    "without blue": [(1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)],
}


def colours(css: str) -> tuple[str, str, list[str]]:
    """A style sheet's page, text and lines."""
    (page,), text = re.findall(r"\.background\{fill:(.+?)\}", css), r"text\{fill:(.+?)\}"
    return page, re.findall(text, css)[0], re.findall(r"\.color-\d\{stroke:(.+?);", css)


@pytest.mark.parametrize("css", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_ten_lines_stand_out_from_the_page(css: str) -> None:
    page, text, lines = colours(css)

    assert contrast(page, text) >= 4.5
    assert len(lines) == 10
    assert min(contrast(page, it) for it in lines) >= 3


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("css", [LIGHT, DARK], ids=["light", "dark"])
def test_ten_lines_can_be_told_apart_with_any_sight(css: str, sight: str) -> None:
    seen = [oklab(product(SIGHTS[sight], lightness(it))) for it in colours(css)[2]]

    nearest = min(
        sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5
        for one, other in combinations(seen, 2)
    )
    assert nearest > 0.075  # what is just noticeable is 0.02


def test_themes_are_one_palette_or_both_where_the_reader_decides() -> None:
    styles = {
        it: text(parse(draw([Line("o/r", points([1, 2]))], DAY, it)), "style") for it in THEMES
    }

    assert (LIGHT in styles["light"], DARK in styles["light"]) == (True, False)
    assert (LIGHT in styles["dark"], DARK in styles["dark"]) == (False, True)
    dark = f"@media (prefers-color-scheme:dark){{{DARK}}}"
    assert styles["auto"].endswith(LIGHT + dark)


# Resolution, size and speed


@pytest.mark.parametrize(
    ("span", "finest", "lines", "expected"),
    [
        (timedelta(0), 10 * MINUTE, 1, 10 * MINUTE),
        (2 * DAY, 10 * MINUTE, 1, 10 * MINUTE),
        (2 * DAY, MINUTE, 1, 5 * MINUTE),
        (2 * DAY, 10 * MINUTE, 10, 20 * MINUTE),
        (2 * DAY + MINUTE, 10 * MINUTE, 1, HOUR),
        (30 * DAY, 10 * MINUTE, 1, 2 * HOUR),
        (90 * DAY, HOUR, 1, 4 * HOUR),
        (90 * DAY + HOUR, HOUR, 1, DAY),
        (365 * DAY, 10 * MINUTE, 1, DAY),
        (SEVEN_YEARS * DAY, 10 * MINUTE, 1, 4 * DAY),
        (SEVEN_YEARS * DAY, 10 * MINUTE, 10, 13 * DAY),
    ],
)
def test_a_step_is_as_coarse_as_what_is_kept_and_as_what_can_be_seen(
    span: timedelta, finest: timedelta, lines: int, expected: timedelta
) -> None:
    assert chart_svg.step(span, finest, lines) == expected


@given(some.integers(0, 60 * 24 * 5000), some.sampled_from([1, 5, 10, 60]), some.integers(1, 10))
def test_a_step_is_a_multiple_of_what_is_kept_with_at_most_700_of_them(
    minutes: int, finest: int, lines: int
) -> None:
    span = minutes * MINUTE

    found = chart_svg.step(span, finest * MINUTE, lines)

    kept = finest * MINUTE if span <= 2 * DAY else HOUR if span <= 90 * DAY else DAY
    assert found % kept == timedelta(0)
    assert span / found <= min(700, 2000 / lines)


def years(lines: int, missing: float) -> tuple[list[Line], timedelta]:
    """Seven years of days, some of which are missing at random, as they are drawn."""
    chance, step = random.Random(7), chart_svg.step(SEVEN_YEARS * DAY, 10 * MINUTE, lines)
    days = [[it for it in range(SEVEN_YEARS) if chance.random() >= missing] for _ in range(lines)]
    return [Line(f"{'o' * 39}/{'r' * 100}", thinned(points(it), step)) for it in days], step


@pytest.mark.parametrize("missing", [0, 0.1, 0.9, 0.98])
@pytest.mark.parametrize("lines", [1, 2, 3, 10])
def test_seven_years_are_under_40_kb(lines: int, missing: float) -> None:
    drawn, step = years(lines, missing)

    assert len(draw(drawn, step, "auto")) < 40_000


def test_seven_years_of_days_are_under_40_kb_even_if_each_is_drawn() -> None:
    days = [it for it in range(SEVEN_YEARS) if it % 9]

    assert len(draw([Line("o/r", points(days))], DAY, "auto")) < 40_000


def test_real_history_is_drawn_with_its_gaps() -> None:
    files = sorted((SHARED / "data/github-ranking").glob("*.csv"))
    if not files:
        pytest.skip("no slice of the real archive beside the checkout")
    readings = {}
    for file in files:
        at = datetime.fromisoformat(file.stem[-10:]).replace(tzinfo=UTC)
        with file.open(encoding="utf-8", newline="") as rows:
            for row in csv.DictReader(rows):
                if (row["username"], row["repo_name"]) == ("vinta", "awesome-python"):
                    readings[at] = int(row["stars"])

    root = parse(draw([Line("vinta/awesome-python", list(readings.items()))], DAY, "auto"))

    missing = sum(it - DAY not in readings for it in readings) - 1
    assert f"No readings for {missing} spans." in text(root, "desc")
    assert sum(it.count("M") for it in [*paths(root), *paths(root, "dots")]) - 1 == missing + 1
