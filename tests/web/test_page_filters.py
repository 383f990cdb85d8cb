"""How pages say spans of time."""

import pytest

from core import words
from core.clock import MINUTE

pytestmark = pytest.mark.usefixtures("now")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (119, "1 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_800, "2 d"),
    ],
)
def test_a_duration_is_told_in_its_largest_unit(seconds: int, text: str) -> None:
    assert words.duration(seconds) == text


def test_an_interval_is_told_as_people_say_it() -> None:
    told = [words.interval(minutes * MINUTE) for minutes in (1, 15, 60, 120)]

    assert told == ["minute", "15 min", "hour", "2 h"]
