"""Ranks over time as pictures."""

import re
from datetime import UTC, datetime
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from core.clock import DAY
from web.chart_ranks import Ranks, draw

SVG = "{http://www.w3.org/2000/svg}"
END = datetime(2026, 11, 24, tzinfo=UTC)


def ranks(*of_days: int | None) -> Ranks:
    return [(END - (len(of_days) - 1 - day) * DAY, rank) for day, rank in enumerate(of_days)]


def texts(root: Element, role: str = "") -> list[str]:
    groups = [it for it in root.iter(f"{SVG}g") if role in it.get("class", "").split()]
    return [(it.text or "").replace("\N{EN SPACE}", " ") for it in (groups[0] if role else root).iter(f"{SVG}text")]  # fmt: skip  # noqa: E501


def test_the_best_rank_is_the_highest_and_days_off_the_list_are_a_gap() -> None:
    root = ElementTree.fromstring(draw({"o/r": ranks(4, 3, None, 1, 2)}, "Go", DAY, "light"))

    line = next(it for it in root.iter() if "series" in it.get("class", "").split())[0]
    left, right = line.attrib["d"].split("M")[1:]
    heights = [float(y) for _, y in re.findall(r"([\d.]+) ([\d.]+)", f"{left} {right}")]
    fourth, third, first, second = heights
    assert first < second < third < fourth
    assert second - first == pytest.approx(fourth - third, abs=0.2)
    assert sorted(map(int, texts(root, "y"))) == [1, 2, 3, 4]
    assert texts(root)[-2:] == ["o/r", "rank 2 on Go, 24 November 2026"]
    assert root.findtext(f"{SVG}desc") == (
        "Rank of o/r on Go from 2026-11-20 to 2026-11-24: from 4 to 2, 1 at best."
    )


def test_several_have_a_legend_and_one_that_was_never_listed_says_so() -> None:
    lines = {"a/first": ranks(1, 1), "b/gone": ranks(2, None), "c/never": ranks(None, None)}

    root = ElementTree.fromstring(draw(lines, "Go", DAY, "dark"))
    nobody = draw({"c/never": ranks(None, None)}, "Go", DAY, "dark").decode()

    assert texts(root, "legends") == ["a/first 1", "b/gone not listed", "c/never not listed"]
    assert "c/never was never seen on the list" in nobody
