"""Reading a page of GitHub's star history."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from msgspec import Meta, Struct

from core import clock
from core.star_history import Week
from github.answers import Answer, Count, checked
from github.errors import BadAnswer

WEEKS_A_PAGE = 30  # the most that GitHub gives

LAST = re.compile(r'[?&]page=([1-9]\d{0,5})(?:&[^<>]*)?>\s*;\s*rel="last"', re.ASCII)

Seconds = Annotated[int, Meta(ge=0, le=2**32)]


class DescribedWeek(Struct):
    """A week in GitHub's own field names: {"week": 1790467200, "total": 5, "days": [3, 2, 0, …]}.

    `week` is its Sunday at midnight UTC, of which the date alone counts: the days are those of Los
    Angeles.
    """

    week: Seconds
    days: Annotated[list[Count], Meta(min_length=7, max_length=7)]


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of a star history, newest week first; no weeks past the end.

    `pages`: how many there are; None where the answer names no last page, as the last page's own
    and a single one's.
    """

    weeks: tuple[Week, ...]
    pages: int | None
    etag: str | None


def read_history_page(answer: Answer) -> HistoryPage:
    """Raises GitHubError where the answer is not good, or not as GitHub describes it."""
    weeks = checked(answer.json_array(), list[DescribedWeek])
    pages = _last_page(answer.headers.get("link", ""))
    return HistoryPage(tuple(map(_week, weeks)), pages, answer.headers.get("etag"))


def _week(described: DescribedWeek) -> Week:
    return Week(_sunday(described.week), tuple(described.days))


def _sunday(week: int) -> date:
    moment = clock.EPOCH + timedelta(seconds=week)
    if moment.isoweekday() != 7 or week % 86_400:
        raise BadAnswer(f"GitHub's answer is not as described: week {week} begins on no Sunday")
    return moment.date()


def _last_page(link: str) -> int | None:
    found = LAST.search(link)
    return int(found[1]) if found else None
