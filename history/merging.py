"""Merging the hours of a repository that nothing happened to: of readings that nobody's list made,
an hour apart and with the same counts, the first stands for all."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import aliased

from core.clock import HOUR
from models import Reading, Repository, Slot
from store.database import Database

earlier = aliased(Reading)

# The reading before those of a span of time may stand for what follows, too.
_BEFORE = (
    select(func.max(earlier.slot))
    .where(earlier.repository_id == Repository.id, earlier.slot <= bindparam("since", type_=Slot))
    .correlate(Repository)
    .scalar_subquery()
)

_READINGS = (
    select(
        Reading.repository_id,
        Reading.stars,
        Reading.forks,
        Reading.open_issues,
        Reading.list_id,
        Reading.slot,
        Reading.seen_until,
    )
    .select_from(Repository)
    .join(Reading, Reading.repository_id == Repository.id)
    .where(Repository.id.in_(bindparam("ids", expanding=True)))
    .where(Reading.slot >= func.coalesce(_BEFORE, bindparam("since", type_=Slot)))
    .where(Reading.slot <= bindparam("until", type_=Slot))
    .order_by(Reading.repository_id, Reading.slot)
)

_KEY = (Reading.repository_id == bindparam("repository"), Reading.slot == bindparam("at"))


def merge_quiet(database: Database, ids: list[int], since: datetime, until: datetime) -> int:
    """Merge the hourly readings in (since, until] into those before them that they repeat, in one
    transaction; gives how many went."""
    with database.read() as session:
        what = {"ids": ids, "since": since, "until": until}
        merged, extended = _merged(session.connection().execute(_READINGS, what))
    if merged:
        with database.write() as session:
            connection = session.connection()
            connection.execute(delete(Reading).where(*_KEY), merged)
            new = update(Reading).where(*_KEY).values(seen_until=bindparam("last"))
            connection.execute(new, extended)
    return len(merged)


def _merged(rows: Iterable[Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The keys of readings that go, and of those that stand for them, with the last slot."""
    merged = []
    extended: dict[tuple[int, datetime], datetime] = {}
    what, first, last = None, None, None  # of the reading that the next one may repeat
    for *counts, list_id, slot, seen_until in rows:
        repository_id = counts[0]
        if list_id is None and counts == what and first and last and slot == last + HOUR:
            last = seen_until or slot
            merged.append({"repository": repository_id, "at": slot})
            extended[repository_id, first] = last
        else:
            what = counts if list_id is None else None
            first, last = slot, seen_until or slot
    keys = ({"repository": it, "at": at, "last": last} for (it, at), last in extended.items())
    return merged, list(keys)
