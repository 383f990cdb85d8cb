"""How much of GitHub's star history of a repository is here, for those who wait for it."""

from sqlalchemy.orm import Session

from core import clock, star_history
from core.schemas import HistoryState, HistoryStatus
from models import Follow, StarHistory
from store import star_histories
from store.troubles import of_history, trouble_of

NOTHING: HistoryStatus = {
    "state": "none",
    "from": None,
    "pages_read": 0,
    "pages": None,
    "why": None,
}


def history_status(
    session: Session, repository_id: int | None, wish: Follow | None
) -> HistoryStatus:
    """The state of a repository's star history, read or wanted; of one that somebody waits for, why
    GitHub failed to tell it, where it did."""
    row = session.get(StarHistory, repository_id) if repository_id is not None else None
    status = status_of(row, wish)
    if wish is None or not wish.waits or status["why"]:
        return status
    return {**status, "why": trouble_of(session, of_history(wish.full_name), clock.now())}


def status_of(row: StarHistory | None, wish: Follow | None) -> HistoryStatus:
    """The same, of what is read of it."""
    waits = wish is not None and wish.waits
    if row is None:
        return {**NOTHING, "state": "queued"} if waits else NOTHING
    first = star_history.unpack_first(row.days) if row.days else None
    return {
        "state": _state(row, waits),
        "from": clock.rfc3339(star_history.end_of(first - clock.DAY)) if first else None,
        "pages_read": row.pages_read,
        "pages": row.pages,
        "why": row.unavailable,
    }


def _state(row: StarHistory, waits: bool) -> HistoryState:
    if row.unavailable is not None:
        return "unavailable"
    if star_histories.is_complete(row):
        return "complete"
    if row.pages_read:
        return "partial"
    return "queued" if waits else "none"
