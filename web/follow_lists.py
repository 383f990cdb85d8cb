"""What is followed, as a table: told page by page, and added to by a list of names."""

import json
from collections.abc import Mapping, Sequence

from flask import Response, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, TooManyRequests

import queues
from core import clock, leaderboards
from core.follow_schemas import (
    FollowedOwner,
    FollowedRepository,
    FollowPage,
    FollowState,
    WishedList,
)
from core.names import all_of, parted, pasted_owner
from core.schemas import Gains
from core.windows import WINDOWS
from models import Follow, StarHistory
from store import follow_owners, follows, repositories, troubles
from store.follow_lists import follow_many, followed_page
from store.history_status import NOTHING, status_of
from web import current
from web.following import FULL_FOR, queue, queued
from web.following import following as following
from web.parameters import choice, endpoint, number, text
from web.permission import require_leave
from web.responses import live_json, with_next

LONGEST_BODY = 2_000_000  # bytes: ten thousand names and more
NAMED = 10  # wrong items that an error names
# The others are found in SQL by the schedule within a minute: hundreds of jobs at the front of the
# queue would keep the polls waiting.
QUEUED_AT_ONCE = 5

NO_GAINS: Gains = dict.fromkeys((window.name for window in WINDOWS), None)
STATES = ("waiting", "sampled", "trouble")

LIMIT = number("limit", "How many at most.", 100, lowest=1, highest=1000)
BEHIND = text("after", "The name behind which a page begins.", "octocat/hello-world")
WITHIN = text("q", "A text in the name, in any case.", "hello")
STATE = choice("state", "Those that are in this state alone.", STATES)

NO_OR_YES = ("false", "true")
FORKS = choice("forks", "Of owner/*: forks, too.", NO_OR_YES, "false")
ARCHIVED = choice("archived", "Of owner/*: what is archived, too.", NO_OR_YES, "false")
WHAT = "owner/name, or an address on GitHub; owner/* is all public repositories of an owner"
NAMES = {
    "type": "array",
    "items": {"type": "string", "description": WHAT},
    "example": ["octocat/hello-world", "https://github.com/octocat/spoon-knife", "github/*"],
}


@following.get("/api/v1/follows")
@endpoint(FollowPage, BEHIND, LIMIT, WITHIN, STATE, live=True)
def followed(after: str | None, limit: int, q: str | None, state: FollowState | None) -> Response:
    """All followed repositories: the newest reading, the gains, the state of the history and the
    trouble of each; owners of whom all are; and names that GitHub does not know."""
    now = clock.now()
    with current.database().read() as session:
        rows = followed_page(session, now, limit + 1, after=after or "", q=q or "", state=state)
        known = {row.subject: row.why for row in troubles.current_troubles(session, now)}
        items = _described(session, rows[:limit], known)
        owners = [] if after else _owners(session, known)
        unknown = [] if after else [row.full_name for row in follows.unknown_to_github(session)]
    more = rows[limit - 1][0].name if len(rows) > limit else None
    page: FollowPage = {"items": items, "owners": owners, "unknown": unknown, "next": more}
    response = live_json(page)
    return response if more is None else with_next(response, after=more)


@following.put("/api/v1/follows")
@endpoint(WishedList, FORKS, ARCHIVED, live=True, body=NAMES)
def follow_list(forks: str, archived: str) -> Response:
    """Follow all of a list of names, beside what is followed already; all or, where one of them is
    none or there is no room, nothing. 202 while histories, or owners, are still to be read."""
    require_leave()
    owners, names = parted(_names_sent(), current.github_host())
    most = current.settings().follow_most
    kinds = {"forks": forks == "true", "archived": archived == "true"}
    with current.database().write() as session:
        now = clock.now()
        fresh = {it: follow_owners.follow_owner(session, it, now, **kinds) for it in owners}
        asked = follow_many(session, names, now, most=most)
        too_many = any(fresh.values()) and follow_owners.number_asked_for(session) > most
        if asked is None or too_many:
            raise _full(len(owners) + len(names), most)
    queue_some(asked.new)
    if any(fresh.values()):
        queued("owners", queues.ask_for_owners)
    new = [all_of(owner) for owner, is_new in fresh.items() if is_new] + asked.new
    known = [all_of(owner) for owner, is_new in fresh.items() if not is_new] + asked.known
    response = live_json({"new": new, "known": known, "unknown": asked.gone})
    if new:
        response.status_code = 202
        response.location = url_for("following.followed")
    return response


def _full(number: int, most: int) -> TooManyRequests:
    return TooManyRequests(
        f"nothing was followed: with these {number} there would be more than this server "
        f"follows (FOLLOW_MOST={most}), or too many histories would wait to be read",
        retry_after=FULL_FOR,
    )


def queue_some(names: list[str]) -> bool:
    """Have workers begin to read the histories of wishes; False where Redis cannot be reached."""
    return all(queue(name.lower()) for name in names[:QUEUED_AT_ONCE])


def _names_sent() -> list[str]:
    """Return the names that the current request's body lists, each once."""
    request.max_content_length = LONGEST_BODY
    try:
        sent = json.loads(request.get_data())
    except (ValueError, RecursionError):
        sent = None
    if not isinstance(sent, list):
        raise BadRequest('expected a JSON list of names, such as ["octocat/hello-world"]')
    names = [_meant(each) if isinstance(each, str) else None for each in sent]
    wrong = [f"[{index}]={sent[index]!r:.120}" for index, name in enumerate(names) if name is None]
    if wrong:
        more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise BadRequest(
            f"{', '.join(wrong[:NAMED])}{more}: expected owner/name or its address on GitHub, or "
            "owner/*; nothing was followed"
        )
    return list({name.lower(): name for name in names if name}.values())


def _meant(text: str) -> str | None:
    owner = pasted_owner(text, current.github_host())
    return current.meant(text) if owner is None else all_of(owner)


def _owners(session: Session, known: Mapping[str, str]) -> list[FollowedOwner]:
    """Describe owners of whom all is followed. `known`: troubles by their subjects."""
    return [
        {
            "full_name": all_of(row.login),
            "followed_since": clock.rfc3339(row.asked_at) if row.asked_at else None,
            "forks": row.forks,
            "archived": row.archived,
            "repositories": number,
            "read_at": clock.rfc3339(row.refreshed_at) if row.refreshed_at else None,
            "trouble": known.get(all_of(row.name)),
        }
        for row, number in follow_owners.all_owners(session)
    ]


def _described(
    session: Session, rows: Sequence[tuple[Follow, StarHistory | None]], known: Mapping[str, str]
) -> list[FollowedRepository]:
    """Describe followed repositories, in a few statements however many they are. `known`: troubles
    by their subjects."""
    now = clock.now()
    names = [row.full_name for row, _ in rows]
    found = repositories.found_repositories(session, names, now + clock.TOLERANCE)
    items = []
    for row, history in rows:
        assert row.followed_since is not None  # or it would not be here
        it, in_trouble = found.get(row.full_name), row.full_name.lower() in known
        told = it and leaderboards.repository(
            it.standing, it.history, it.ranks, NOTHING, followed=True
        )
        item: FollowedRepository = {
            "full_name": row.full_name,
            "followed_since": clock.rfc3339(row.followed_since),
            "state": "trouble" if in_trouble else "sampled" if told else "waiting",
            "as_of": told["as_of"] if told else None,
            "stars": told["stars"] if told else None,
            "gains": told["gains"] if told else NO_GAINS,
            "history": status_of(history, row),
            "trouble": troubles.told_of(known, row.full_name),
        }
        items.append(item)
    return items
