"""What was asked for of repositories, and how far their star histories are, as pages tell it."""

from collections.abc import Iterable
from typing import NamedTuple

from flask import Response
from sqlalchemy.orm import Session

from core.schemas import HistoryState, HistoryStatus
from core.windows import Profile
from models import Follow
from store import follows, star_histories
from store.history_status import history_status, status_of
from web import current
from web.permission import asks_by_form, may_ask

SETTLED = ("complete", "unavailable")  # states of a history of which nothing more is to come


class Asked(NamedTuple):
    """What was asked for of a repository, and how far it is; a page is another one once it is."""

    state: HistoryState
    pages_read: int
    pages: int | None
    why: str | None
    followed: bool
    watched: bool  # by the settings: no button ends that
    waits: bool
    position: int | None
    may_follow: bool
    unheard: bool = False  # it waits, and no worker is known to be there

    @property
    def settled(self) -> bool:
        """Whether the page is the same for all, and until the next build."""
        return self.state in SETTLED and not self.waits and not asks_by_form()


def asked_of(
    session: Session, full_name: str, repository_id: int | None, wish: Follow | None
) -> Asked:
    """Return it of one repository, with its position among those that wait."""
    history = history_status(session, repository_id, wish)
    position = follows.position(session, wish) if wish and wish.waits else None
    return _asked(full_name, history, wish, position)


def partly_read(session: Session, profiles: Iterable[Profile]) -> tuple[tuple[str, Asked], ...]:
    """Return it, without positions, of those repositories whose star history is not all here, with
    their names."""
    names = {each.id: each.full_name for each in profiles}
    rows = star_histories.by_id(session, list(names))
    wishes = follows.wishes_for(session, names)
    each = (
        (name, _asked(name, status_of(rows.get(number), wishes.get(number)), wishes.get(number)))
        for number, name in names.items()
    )
    return tuple((name, asked) for name, asked in each if asked.state != "complete")


def _asked(
    full_name: str, history: HistoryStatus, wish: Follow | None, position: int | None = None
) -> Asked:
    return Asked(
        history["state"],
        history["pages_read"],
        history["pages"],
        history["why"],
        wish is not None and wish.followed_since is not None,
        current.is_watched(full_name),
        wish is not None and wish.waits,
        position,
        may_ask() and asks_by_form(),
    )


def kept_briefly(response: Response, *told: Asked) -> Response:
    """Let nobody keep a page past what is to come: all of it may change before the next build."""
    if any(asked.waits for asked in told) or (told and asks_by_form()):
        response.headers["Cache-Control"] = "private, no-cache"
    elif not all(asked.settled for asked in told):
        response.headers["Cache-Control"] = "public, max-age=60"
    return response
