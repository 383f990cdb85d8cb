"""The table of `make bench`: its rows, and when a figure is reached. To measure takes minutes."""

from dataclasses import replace

import pytest

from bench.__main__ import ROWS


@pytest.mark.parametrize(
    ("at_least", "measured", "verdict"),
    [
        (True, 1.3, "reached"),
        (True, 1.29, "short"),
        (False, 1.3, "reached"),
        (False, 1.31, "short"),
    ],
)
def test_a_figure_is_reached_or_short(at_least: bool, measured: float, verdict: str) -> None:
    row = replace(ROWS[0], goal=1.3, at_least=at_least)

    assert row.line(measured).endswith(f" {verdict}")


def test_what_cannot_be_measured_here_is_neither() -> None:
    assert ROWS[0].line(None).rstrip().endswith("needs wrk")


def test_no_two_rows_have_one_name() -> None:
    assert len({(row.name, row.unit) for row in ROWS}) == len(ROWS)
