"""The tables as they are exported: names in place of numbers, GitHub's days unpacked, polls that
were not believed left out. docs/data.md describes them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, select, type_coerce
from sqlalchemy.orm import Session

from core import star_history
from core.clock import DAY
from models import GOOD, IMPORTED, Event, List, Placement, Poll, Reading, Repository, StarHistory

ROWS_AT_A_TIME = 12_288

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A table to export: its columns with their kinds, and where its rows come from. A kind is an
    Arrow type's name, or `moment`: milliseconds since 1970, in UTC."""

    columns: Mapping[str, str]
    rows: Select[*tuple[Any, ...]]
    convert: Callable[[Row], Iterator[Row]] | None = None  # the rows that a row becomes

    def batches(self, session: Session) -> Iterator[list[Row]]:
        """Yield the rows, so many at a time that memory does not grow with the table."""
        options = {"yield_per": ROWS_AT_A_TIME if self.convert is None else 100}
        found = session.connection().execute(self.rows, execution_options=options).partitions()
        if self.convert is None:
            yield from found  # type: ignore[misc]  # a Row is a tuple
            return
        batch: list[Row] = []
        for rows in found:
            batch += [made for row in rows for made in self.convert(row)]
            if len(batch) >= ROWS_AT_A_TIME:
                yield batch
                batch = []
        yield batch


def _seconds(slot: Any) -> ColumnElement[int]:
    return type_coerce(slot, BigInteger) * 1000


def _exact(moment: Any) -> ColumnElement[int]:
    return type_coerce(moment, BigInteger)


def _days(row: Row) -> Iterator[Row]:
    """Yield the days that had ended when GitHub was asked."""
    repository_id, full_name, packed, read_at = row
    days = star_history.until(star_history.unpack(packed), read_at)
    for number, stars in enumerate(days.counts):
        yield repository_id, full_name, days.first + number * DAY, stars


def _event(row: Row) -> Iterator[Row]:
    *columns, detail = row
    yield *columns, json.dumps(detail, ensure_ascii=False)


_WHO = {"repository_id": "int32", "full_name": "string"}
_COUNTS = {"stars": "int32", "forks": "int32", "open_issues": "int32"}

TABLES: Mapping[str, Table] = {
    "repositories": Table(
        {
            "repository_id": "int32",
            "github_id": "int64",
            **dict.fromkeys(("full_name", "language", "description", "html_url"), "string"),
            "pushed_at": "moment",
            "seen_at": "moment",
        },
        select(
            Repository.id,
            Repository.github_id,
            Repository.full_name,
            Repository.language,
            Repository.description,
            Repository.html_url,
            _exact(Repository.pushed_at),
            _exact(Repository.seen_at),
        ).order_by(Repository.id),
    ),
    "readings": Table(
        {**_WHO, "slot": "moment", **_COUNTS, "seen_until": "moment"},
        select(
            Reading.repository_id,
            Repository.full_name,
            _seconds(Reading.slot),
            Reading.stars,
            Reading.forks,
            Reading.open_issues,
            _seconds(Reading.seen_until),
        )
        .join(Repository, Repository.id == Reading.repository_id)
        .order_by(Reading.repository_id, Reading.slot),
    ),
    "placements": Table(
        {"list": "string", "slot": "moment", "rank": "int16", **_WHO, **_COUNTS, "carried": "bool"},
        select(
            List.slug,
            _seconds(Placement.slot),
            Placement.rank,
            Placement.repository_id,
            Repository.full_name,
            Placement.stars,
            Placement.forks,
            Placement.open_issues,
            Placement.carried_over,
        )
        .join(List, List.id == Placement.list_id)
        .join(Poll, (Poll.list_id == Placement.list_id) & (Poll.slot == Placement.slot))
        .join(Repository, Repository.id == Placement.repository_id)
        .where(Poll.outcome.in_((GOOD, IMPORTED)))
        .order_by(Placement.list_id, Placement.slot, Placement.rank),
    ),
    "polls": Table(
        {
            "list": "string",
            "slot": "moment",
            "outcome": "string",
            "fetched_at": "moment",
            "rows": "int16",
            "error": "string",
        },
        select(
            List.slug,
            _seconds(Poll.slot),
            Poll.outcome,
            _exact(Poll.fetched_at),
            Poll.rows,
            Poll.error,
        )
        .join(List, List.id == Poll.list_id)
        .order_by(Poll.list_id, Poll.slot),
    ),
    "events": Table(
        {
            "cursor": "int64",
            "slot": "moment",
            "list": "string",
            "kind": "string",
            **_WHO,
            "detail": "string",
        },
        select(
            Event.id,
            _seconds(Event.slot),
            List.slug,
            Event.kind,
            Event.repository_id,
            Repository.full_name,
            Event.detail,
        )
        .join(List, List.id == Event.list_id)
        .join(Repository, Repository.id == Event.repository_id)
        .order_by(Event.id),
        _event,
    ),
    "star_days": Table(
        {**_WHO, "day": "date32", "stars": "int32"},
        select(
            StarHistory.repository_id, Repository.full_name, StarHistory.days, StarHistory.read_at
        )
        .join(Repository, Repository.id == StarHistory.repository_id)
        .where(StarHistory.days.is_not(None))
        .order_by(StarHistory.repository_id),
        _days,
    ),
}
