"""Star histories: days of stars as GitHub told them, page by page."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import star_history as days_of
from core.clock import DAY
from core.star_history import StarDays, ToldDays, Week, day_of
from models import StarHistory

FULL_PAGE = 30  # weeks
UNAVAILABLE_FOR = 7 * DAY  # until GitHub is asked again for what it did not tell


def star_history(session: Session, repository_id: int) -> StarHistory | None:
    return session.get(StarHistory, repository_id)


def days(row: StarHistory | None) -> StarDays | None:
    return days_of.unpack(row.days) if row is not None and row.days else None


def by_id(session: Session, ids: Collection[int]) -> dict[int, StarHistory]:
    """The star histories of some repositories, by our ids of those that have one."""
    rows = session.scalars(select(StarHistory).where(StarHistory.repository_id.in_(ids)))
    return {row.repository_id: row for row in rows}


def told_by_id(session: Session, ids: Collection[int]) -> Mapping[int, ToldDays]:
    """The days of those repositories of which GitHub told any."""
    return {
        each: ToldDays(row.days, read_until(row), is_complete(row))
        for each, row in by_id(session, ids).items()
        if row.days
    }


def is_complete(row: StarHistory) -> bool:
    return row.pages is not None and row.pages_read >= row.pages


def read_until(row: StarHistory) -> datetime:
    """Return the moment up to which the days of a row are told: when they were read or, of those
    that GitHub tells no more, when the last of them ended."""
    if row.unavailable is None or not row.days:
        return row.read_at
    return min(row.read_at, days_of.end_of(days_of.unpack(row.days).last))


def store_page(
    session: Session,
    repository_id: int,
    page: int,
    weeks: Sequence[Week],
    pages: int | None,
    etag: str | None,
    now: datetime,
) -> StarHistory:
    """Add a page to what is known, unless it was added before. Pages come in order; where they
    shifted meanwhile, as a week began, the copy of the lower page stays.

    `pages`: how many there are, where GitHub says so. A page without weeks lies behind the last.
    """
    row = session.get(StarHistory, repository_id)
    if row is None:
        row = StarHistory(repository_id=repository_id, pages_read=0)
        session.add(row)
    if page != row.pages_read + 1:
        return row
    known = days_of.joined(days(row), weeks, newer_wins=False)
    row.days = days_of.pack(known) if known else None
    if page == 1 or day_of(row.read_at) == day_of(now):
        row.read_at = now  # else days have ended since of which page 1 did not tell
    row.pages_read, row.unavailable = page, None
    # A last page names no last one, as a single page does, which is not full.
    row.pages = pages or row.pages or (page if len(weeks) < FULL_PAGE else page + 1)
    if page == 1:
        row.etag = etag
    session.flush()
    return row


def refresh(
    session: Session, row: StarHistory, weeks: Sequence[Week], etag: str | None, now: datetime
) -> None:
    """Let page 1 replace what was known of its weeks. Where weeks are missing between the two, as
    nobody looked for long, all is read anew."""
    row.read_at, row.etag = now, etag
    try:
        known = days_of.joined(days(row), weeks, newer_wins=True)
    except ValueError:
        row.pages_read, row.pages, row.days = 0, None, None
        return
    row.days = days_of.pack(known) if known else None


def store_unavailable(session: Session, repository_id: int, why: str, now: datetime) -> None:
    row = session.get(StarHistory, repository_id)
    if row is None:
        row = StarHistory(repository_id=repository_id, pages_read=0)
        session.add(row)
    known = days(row)
    if known is not None:  # of days that had not ended nobody will tell any more
        row.days = days_of.pack(days_of.until(known, row.read_at))
    row.unavailable, row.read_at, row.etag = why, now, None
