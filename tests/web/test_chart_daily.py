"""The stars of each day as pictures."""

import random
import re
from datetime import UTC, datetime
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from core.clock import DAY
from web import chart_svg
from web.chart_daily import draw

SVG = "{http://www.w3.org/2000/svg}"
END = datetime(2026, 11, 24, 8, tzinfo=UTC)  # midnight in Los Angeles


def days(*stars: int) -> list[tuple[datetime, int]]:
    return [(END - (len(stars) - 1 - it) * DAY, stars[it]) for it in range(len(stars))]


def texts(root: Element) -> list[str]:
    return [(it.text or "").replace("\N{EN SPACE}", " ") for it in root.iter(f"{SVG}text")]


def outlines(root: Element) -> list[list[tuple[float, float]]]:
    groups = [it for it in root.iter() if "series" in it.get("class", "")]
    numbers = [re.findall(r"([\d.]+) ([\d.]+)", path.attrib["d"]) for it in groups for path in it]
    return [[(float(x), float(y)) for x, y in pairs] for pairs in numbers]


def test_a_day_is_a_bar_from_midnight_to_midnight_as_high_as_its_stars() -> None:
    root = ElementTree.fromstring(draw({"o/r": days(10, 40, 20)}, DAY, "light"))

    [[*corners]] = outlines(root)
    (left, ground), (_, first), (a, _), (_, second), (b, _), (_, third), (right, _), end = corners
    assert (a - left, b - a, right - b) == pytest.approx(3 * [(right - left) / 3], abs=0.2)
    heights = [ground - it for it in (first, second, third)]
    assert [it / heights[0] for it in heights] == pytest.approx([1, 4, 2], abs=0.02)
    assert end == (right, ground)
    assert texts(root)[-3:] == [
        "o/r",
        "stars a day until 23 November 2026",
        "GitHub's star history, in stars that stand today",
    ]
    assert "fill-opacity" in (root.findtext(f"{SVG}style") or "")


def test_a_bar_of_several_days_is_as_high_as_their_mean() -> None:
    root = ElementTree.fromstring(draw({"o/r": days(*(6 * [10, 30]))}, 2 * DAY, "light"))

    [corners] = outlines(root)
    assert len({y for _, y in corners[3:-3]}) == 1
    assert texts(root)[-1].endswith("; means of 2 days")


def test_several_are_outlines_with_their_means_in_the_order_asked_for() -> None:
    lines = {"a/small": days(1, 3), "b/none": [], "c/large": days(1000, 3000)}

    root = ElementTree.fromstring(draw(lines, DAY, "auto"))

    assert len(outlines(root)) == 2
    found = texts(root)
    assert found[-6:-4] == ["Stars a day", "until 23 November 2026"]
    assert found[-4:-1] == ["a/small 2 a day", "b/none no days", "c/large 2,000 a day"]
    assert "fill-opacity" not in (root.findtext(f"{SVG}style") or "")


def test_without_any_day_it_says_so() -> None:
    root = ElementTree.fromstring(draw({"o/r": []}, DAY, "light"))

    assert root.findtext(f"{SVG}desc") == "No days of GitHub's star history of o/r are known yet"


@pytest.mark.parametrize("lines", [1, 2, 10])
def test_years_are_under_40_kb(lines: int) -> None:
    chance, years = random.Random(7), 7 * 365
    step = chart_svg.step(years * DAY, DAY, 2 * lines)
    drawn = {
        f"o/{it}": days(*(chance.randrange(5000) for _ in range(years))) for it in range(lines)
    }

    assert len(draw(drawn, step, "auto")) < 40_000


def test_days_of_stars_none_are_flat() -> None:
    assert draw({"o/r": days(0, 0)}, DAY, "light").startswith(b"<")
