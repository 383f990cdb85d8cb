"""Repositories' ranks over time, as charts draw them, and as small lines of 30 days."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from core import clock
from core.clock import DAY, SECOND
from core.lists import RankedList
from core.schemas import ListRank
from core.series import is_daily
from store import ranks as stored
from web import chart_svg, current
from web.chart_ranks import Ranks
from web.sparklines import SPARK_DAYS, line

MOST_LISTS = 6  # that have a line


class RankLine(NamedTuple):
    """The path of a line that rises where the repository climbs; its best and worst rank."""

    path: str
    best: int
    worst: int


def rank_lines(
    session: Session, repository_id: int, places: Sequence[ListRank], as_of: datetime
) -> Mapping[str, RankLine]:
    """Return a line for each list, by its slug, of the last rank in each day until `as_of`."""
    lines = {}
    on = {place["list"] for place in places[:MOST_LISTS]}
    for ranked in (each for each in current.settings().lists if each.slug in on):
        first = clock.ceil(as_of, DAY) - (SPARK_DAYS + 1) * DAY
        slots = stored.slots(session, ranked, first + SECOND, as_of + SECOND, DAY)
        points = stored.ranks(session, ranked, repository_id, slots)
        days: list[int | None] = [None] * (SPARK_DAYS + 1)
        for slot, point in zip(slots, points, strict=True):
            days[SPARK_DAYS - (clock.ceil(as_of, DAY) - clock.ceil(slot, DAY)) // DAY] = point[
                "rank"
            ]
        known = [rank for rank in days if rank is not None]
        if known:
            path = line([None if rank is None else -rank for rank in days])
            lines[ranked.slug] = RankLine(path, min(known), max(known))
    return lines


def ranks_of(
    session: Session,
    repository_ids: Mapping[str, int],
    ranked: RankedList,
    end: datetime,
    span: timedelta | None,
) -> tuple[dict[str, Ranks], timedelta]:
    """Return the ranks of repositories, by their names, on a list in the last `span` before `end`,
    and the step that fits them."""
    first, last = stored.polled(session, ranked, end)
    start = max(first, last - (span or last - first))
    step = chart_svg.step(last - start, current.settings().poll_every, len(repository_ids))
    slots = stored.slots(session, ranked, start, min(last + SECOND, end), step)
    if step < DAY and is_daily([(slot, 0) for slot in slots]):
        step = DAY
    return {
        name: [
            (slot, point["rank"])
            for slot, point in zip(slots, stored.ranks(session, ranked, number, slots), strict=True)
        ]
        for name, number in repository_ids.items()
    }, step
