"""The retention rule, in stages."""

from datetime import timedelta

import pytest

from core.clock import DAY, HOUR, MINUTE
from core.retention import retained_step
from core.windows import WINDOWS, Window

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("age", "finest", "step"),
    [
        (HOUR, 10 * MINUTE, 10 * MINUTE),
        (2 * DAY, 10 * MINUTE, 10 * MINUTE),
        (2 * DAY + SECOND, 10 * MINUTE, HOUR),
        (90 * DAY, 10 * MINUTE, HOUR),
        (90 * DAY + SECOND, 10 * MINUTE, DAY),
        (9_000 * DAY, 10 * MINUTE, DAY),
        (90 * DAY, 2 * HOUR, 2 * HOUR),
        (90 * DAY + SECOND, 2 * HOUR, DAY),
    ],
)
def test_older_readings_are_retained_in_longer_steps(
    age: timedelta, finest: timedelta, step: timedelta
) -> None:
    assert retained_step(age, finest) == step


def test_windows_start_where_a_retained_step_ends() -> None:
    assert {window.name: window.rounding for window in WINDOWS} == {
        "1h": SECOND,
        "24h": SECOND,
        "7d": HOUR,
        "30d": HOUR,
        "365d": DAY,
    }


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.name)
def test_the_oldest_baseline_of_a_window_is_retained_in_the_same_step_as_its_start(
    window: Window,
) -> None:
    assert retained_step(2 * window.length, SECOND) == window.rounding
