"""What is followed, as a table: told page by page, and added to by a list of names."""

import json

from flask import Response, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, TooManyRequests

from core import clock, leaderboards
from core.names import pasted_name
from core.schemas import FollowedRepository, FollowPage, FollowState, Gains, WishedList
from core.windows import WINDOWS
from models import Follow
from store import repositories, star_histories, troubles
from store.follow_lists import follow_many, followed_page
from store.history_status import NOTHING, status_of
from web import current
from web.following import FULL_FOR, queue
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

NAMES = {
    "type": "array",
    "items": {"type": "string", "description": "owner/name, or an address on GitHub"},
    "example": ["octocat/hello-world", "https://github.com/octocat/spoon-knife"],
}


@following.get("/api/v1/follows")
@endpoint(FollowPage, BEHIND, LIMIT, WITHIN, STATE, live=True)
def followed(after: str | None, limit: int, q: str | None, state: FollowState | None) -> Response:
    """All followed repositories: the newest reading, the gains, the state of the history and the
    trouble of each."""
    now = clock.now()
    with current.database().read() as session:
        rows = followed_page(session, now, limit + 1, after=after or "", q=q or "", state=state)
        items = _described(session, rows[:limit])
    more = rows[limit - 1].name if len(rows) > limit else None
    page: FollowPage = {"items": items, "next": more}
    response = live_json(page)
    return response if more is None else with_next(response, after=more)


@following.put("/api/v1/follows")
@endpoint(WishedList, live=True, body=NAMES)
def follow_list() -> Response:
    """Follow all of a list of names, beside what is followed already; all or, where one of them is
    none or there is no room, nothing. 202 while histories are still to be read."""
    require_leave()
    names, most = _names_sent(), current.settings().follow_most
    with current.database().write() as session:
        asked = follow_many(session, names, clock.now(), most=most)
    if asked is None:
        raise TooManyRequests(
            f"nothing was followed: with these {len(names)} there would be more than this server "
            f"follows (FOLLOW_MOST={most}), or too many histories would wait to be read",
            retry_after=FULL_FOR,
        )
    queue_some(asked.new)
    response = live_json({"new": asked.new, "known": asked.known, "unknown": asked.gone})
    if asked.new:
        response.status_code = 202
        response.location = url_for("following.followed")
    return response


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
    names = [pasted_name(each) if isinstance(each, str) else None for each in sent]
    wrong = [f"[{index}]={sent[index]!r:.120}" for index, name in enumerate(names) if name is None]
    if wrong:
        more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise BadRequest(
            f"{', '.join(wrong[:NAMED])}{more}: expected owner/name or its address on GitHub; "
            "nothing was followed"
        )
    return list({name.lower(): name for name in names if name}.values())


def _described(session: Session, rows: list[Follow]) -> list[FollowedRepository]:
    """Describe followed repositories, in a few statements however many they are."""
    now = clock.now()
    names = [row.full_name for row in rows]
    found = repositories.found_repositories(session, names, now + clock.TOLERANCE)
    known = {row.subject: row.why for row in troubles.current_troubles(session, now)}
    ids = [row.repository_id for row in rows]
    read = {each.repository_id: each for each in star_histories.of_many(session, ids)}
    items = []
    for row in rows:
        assert row.followed_since is not None  # or it would not be here
        it, why = found.get(row.full_name), known.get(row.full_name.lower())
        told = it and leaderboards.repository(
            it.standing, it.history, it.ranks, NOTHING, followed=True
        )
        item: FollowedRepository = {
            "full_name": row.full_name,
            "followed_since": clock.rfc3339(row.followed_since),
            "state": "trouble" if why else "sampled" if told else "waiting",
            "as_of": told["as_of"] if told else None,
            "stars": told["stars"] if told else None,
            "gains": told["gains"] if told else NO_GAINS,
            "history": status_of(read.get(row.repository_id or 0), row),
            "trouble": why,
        }
        items.append(item)
    return items
