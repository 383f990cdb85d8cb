"""Spikes: found in the readings of all that stands on a list, and stored as events."""

from collections import defaultdict
from datetime import datetime

from sqlalchemy import BigInteger, column, func, select, true, type_coerce, values
from sqlalchemy.orm import Session

from core import clock, lists, spikes
from core.clock import DAY, SECOND
from core.spikes import Spike
from models import Event, Reading, Standing
from store.baselines import earlier_reading
from store.database import Database
from store.list_ids import list_id_of
from store.repositories import standings


def tell_spikes(database: Database, now: datetime) -> int:
    """Store an event for each repository with a spike on the last whole day, UTC, once. Returns
    how many are new."""
    end = clock.floor(now, DAY)
    with database.read() as session:
        found = spikes_of(session, end)
    if not found:
        return 0
    with database.write() as session:
        told = _told(session, end)
        homes = _lists_of_each(session)
        new = [each for each in found if each not in told and homes[each]]
        for repository_id in new:
            spike = found[repository_id]
            first = min(homes[repository_id], key=lists.order_of)
            list_id = list_id_of(session, first)
            row = Event(slot=end, list_id=list_id, repository_id=repository_id, kind="spike")
            row.detail = {"day": f"{end - DAY:%Y-%m-%d}", "gain": spike.gain, "usual": spike.usual}
            session.add(row)
            session.flush()  # one by one: ids in their order
    return len(new)


def spikes_of(session: Session, end: datetime) -> dict[int, Spike]:
    """Return the spikes of the day that ends at a midnight, by our ids of repositories."""
    found: dict[int, Spike] = {}
    for repository_id, days in _days_of_stars(session, end).items():
        complete = [slot for slot, _ in days[-2:]]
        if len(complete) < 2 or complete[1] <= end - DAY:
            continue  # not read on the day itself
        if spike := spikes.spike(days):
            found[repository_id] = spike
    return dict(sorted(found.items(), key=lambda item: -item[1].gain))


def lists_of(session: Session, repository_id: int) -> list[str]:
    """Return the slugs of the lists that a repository stands on."""
    on_lists = standings(session, Standing.repository_id == repository_id)
    return [slug for _, slug, _ in on_lists]


def _told(session: Session, end: datetime) -> set[int]:
    told = select(Event.repository_id).where(Event.kind == "spike", Event.slot == end)
    return set(session.scalars(told))


def _lists_of_each(session: Session) -> dict[int, list[str]]:
    """Return the slugs of each repository's lists: a spike is told on the first."""
    homes = defaultdict(list)
    for repository_id, slug, _ in standings(session):
        homes[repository_id].append(slug)
    return homes


def _days_of_stars(session: Session, end: datetime) -> dict[int, list[tuple[datetime, int]]]:
    """Return the last reading of each day up to `end`, slot and stars, oldest first, of whatever
    stands on a list. It takes a seek a repository and day."""
    ends = [int((end - number * DAY).timestamp()) for number in range(spikes.BEFORE + 2)]
    day = values(column("end", BigInteger), name="day").data([(moment,) for moment in ends]).cte()
    listed = select(Standing.repository_id).distinct().cte("listed")
    slot = type_coerce(earlier_reading.slot, BigInteger)
    last = (
        select(func.max(slot))
        .where(earlier_reading.repository_id == listed.c.repository_id)
        .where(slot <= day.c.end, slot > day.c.end - DAY // SECOND)
        .correlate(listed, day)
        .scalar_subquery()
    )
    rows = session.connection().execute(
        select(Reading.repository_id, Reading.slot, Reading.stars)
        .select_from(listed)
        .join(day, true())
        .join(Reading, (Reading.repository_id == listed.c.repository_id) & (Reading.slot == last))
    )
    found = defaultdict(list)
    for repository_id, at, stars in rows:
        found[repository_id].append((at, stars))
    for days in found.values():
        days.sort()
    return found
