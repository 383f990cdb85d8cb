"""What is told of GitHub's days is, to the star, what a computation from the moments of the stars
tells that shares nothing with ours: through both changes of daylight saving and a leap year."""

from bisect import bisect_left
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from core.clock import DAY, HOUR
from core.star_history import ToldDays, Week, joined, pack, points, until
from core.windows import WINDOWS

FIRST, LAST = datetime(2023, 2, 5, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC)
STARS = 60_000


def pacific(moment: datetime) -> date:
    """The day in Los Angeles by the law of 2005: from the second Sunday in March, 2 o'clock, to the
    first in November, 2 o'clock, clocks are seven hours behind, else eight."""

    def sunday(month: int, number: int) -> datetime:
        first = datetime(moment.year, month, 1, tzinfo=UTC)
        return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (number - 1))

    summer = sunday(3, 2) + 10 * HOUR <= moment < sunday(11, 1) + 9 * HOUR
    return (moment - (7 if summer else 8) * HOUR).date()


@pytest.fixture(scope="module")
def stars() -> list[datetime]:
    """The moments of stars, of which more lie about the changes and the leap day."""
    random = Random(13)
    near = [
        datetime(year, month, day, tzinfo=UTC)
        for year, month, day in (
            (2023, 3, 12),
            (2023, 11, 5),
            (2024, 2, 29),
            (2024, 3, 10),
            (2024, 11, 3),
            (2025, 3, 9),
        )
    ]
    some = [
        random.choice(near) + random.randrange(-48 * 60, 72 * 60) * HOUR / 60 for _ in near * 999
    ]
    span = (LAST - FIRST).total_seconds()
    rest = [FIRST + timedelta(seconds=random.randrange(int(span))) for _ in range(STARS)]
    return sorted(some + rest)


def weeks_of(stars: list[datetime]) -> list[Week]:
    """The weeks that GitHub tells, newest first."""
    counts = Counter(map(pacific, stars))
    sunday = pacific(stars[0])
    sunday -= timedelta(days=(sunday.weekday() + 1) % 7)
    weeks = []
    while sunday <= pacific(stars[-1]):
        weeks.append(Week(sunday, tuple(counts[sunday + n * DAY] for n in range(7))))
        sunday += timedelta(days=7)
    return weeks[::-1]


def test_points_and_gains_are_counts_of_moments(stars: list[datetime]) -> None:
    weeks, known = weeks_of(stars), None
    for begin in range(0, len(weeks), 30):
        known = joined(known, weeks[begin : begin + 30], newer_wins=False)
    assert known is not None

    found = points(until(known, LAST))

    assert len(found) > 1_000
    assert [count for _, count in found] == [bisect_left(stars, at) for at, _ in found]
    lengths = {later[0] - at[0] for at, later in zip(found, found[1:], strict=False)}
    assert lengths == {23 * HOUR, 24 * HOUR, 25 * HOUR}
    assert found[-1][1] == sum(pacific(star) < pacific(LAST) for star in stars)
    checked = 0
    for hours in range(0, 400 * 24, 31):  # windows that begin about every one of those days
        as_of = LAST - hours * HOUR
        past = ToldDays(pack(until(known, as_of)), as_of, whole=True)
        for window in WINDOWS[2:]:
            gain = past.gain(window.start(as_of), window.tolerance, as_of)
            assert gain is not None
            count, since, end = gain
            assert count == bisect_left(stars, end) - bisect_left(stars, since)
            checked += 1
    assert checked > 900
