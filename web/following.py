"""Following repositories, and having their star histories read: a request notes the wish in SQL,
queues a job by name, and answers at once how far it is."""

from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from flask import Blueprint, Response, redirect, request, url_for
from redis import Redis, RedisError
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, NotFound, TooManyRequests
from werkzeug.wrappers import Response as AnyResponse

import queues
from core import clock
from core.names import is_full_name
from core.schemas import FollowDocument
from models import Follow
from store import follow_owners, follows
from store.history_status import history_status
from web import current
from web.parameters import endpoint
from web.permission import require_leave
from web.responses import live_json, unknown

ASK_AGAIN = 1  # second, after which somebody who waits looks again
ALL = "*"  # as a name: all repositories of an owner
FULL_FOR = 60  # seconds until somebody who found no room tries again

following = Blueprint("following", __name__)

log = structlog.get_logger("starboard")


@following.put("/api/v1/repos/<owner>/<name>")
@endpoint(FollowDocument, live=True)
def follow(owner: str, name: str) -> Response:
    """Follow a repository, and read its star history. 202 while that is under way: ask for what
    `Location` names until it is there."""
    require_leave()
    return told(ask_for(f"{owner}/{name}", follow=True))


@following.delete("/api/v1/repos/<owner>/<name>")
@endpoint(None, live=True)
def unfollow(owner: str, name: str) -> Response:
    """End following a repository, or by the name `*` all of an owner's that nobody named; what was
    stored stays."""
    require_leave()
    with current.database().write() as session:
        if name == ALL:
            watched = owner.lower() in map(str.lower, current.settings().watch_owners)
            follow_owners.unfollow_owner(session, owner, watched=watched)
        else:
            follows.unfollow(session, f"{owner}/{name}")
    return Response(status=204)


@following.post("/follow")
def follow_by_form() -> AnyResponse:
    """Follow what a form names, as owner/name or by an address of GitHub's; leads to its page."""
    require_leave()
    full_name = named_in_form()
    ask_for(full_name, follow=True)
    return redirect(_page_of(full_name), 303)


@following.post("/unfollow")
def unfollow_by_form() -> AnyResponse:
    """End following what a form names; leads to its page, or back to that of what is followed."""
    require_leave()
    full_name = named_in_form()
    with current.database().write() as session:
        follows.unfollow(session, full_name)
    if request.form.get("back") == "followed":
        return redirect(url_for("pages.leaderboard", list="followed"), 303)
    return redirect(_page_of(full_name), 303)


def ask_for(full_name: str, *, follow: bool) -> FollowDocument:
    """Note that somebody wants a repository's history, and follows it or not, and have it read.

    Raises NotFound where GitHub knows none of that name, TooManyRequests where there is no room.
    """
    if not is_full_name(full_name):
        raise NotFound(
            f"{full_name!r:.120} is no name of a repository, such as octocat/hello-world"
        )
    settings, database = current.settings(), current.database()
    with database.write() as session:
        asked = follows.ask(
            session, full_name, clock.now(), follow=follow, most=settings.follow_most
        )
        if asked.row is None:
            raise TooManyRequests(
                f"this server follows as many as it may (FOLLOW_MOST={settings.follow_most}), "
                "or too many histories wait to be read",
                retry_after=FULL_FOR,
            )
        if asked.row.gone_at is not None:
            raise NotFound(f"GitHub has no repository named {full_name!r:.120}")
        document, name = _document(session, asked.row), asked.row.name
    if asked.new:
        queue(name)
    return document


def queue(name: str) -> bool:
    """Have a worker read the history that a wish is for."""
    return queued("history", partial(queues.ask_for_history, name=name), repository=name)


def queued(event: str, ask: Callable[[Redis], None], **what: str) -> bool:
    """Ask a worker for what is noted in SQL; False where Redis cannot be reached: the schedule
    finds it there then."""
    try:
        ask(current.redis())
    except RedisError as error:
        log.warning(event, outcome="noted, not queued", **what, why=str(error))
        return False
    return True


def wished(session: Session, full_name: str) -> FollowDocument | None:
    """The state of what somebody asked for; None where nobody did, or GitHub knows no such name."""
    row = follows.follow_of(session, full_name)
    return None if row is None or row.gone_at is not None else _document(session, row)


def gone(session: Session, full_name: str) -> NotFound | None:
    """Return the reason why there is nothing of a name that nobody saw; None where somebody waits
    for it."""
    row = follows.follow_of(session, full_name)
    if row is None:
        return unknown(full_name)
    if row.gone_at is None:
        return None
    return NotFound(f"GitHub has no repository named {full_name!r:.120}")


def _document(session: Session, row: Follow) -> FollowDocument:
    return {
        "full_name": row.full_name,
        "followed": row.followed_since is not None,
        "history": history_status(session, row.repository_id, row),
        "position": follows.position(session, row) if row.waits else None,
    }


def told(document: FollowDocument) -> Response:
    """Return 200 with what is all there, else 202 and where to look again."""
    response = live_json(document)
    if document["history"]["state"] not in ("complete", "unavailable"):
        owner, _, name = document["full_name"].partition("/")
        response.status_code = 202
        response.location = url_for("api.repository", owner=owner, name=name)
        response.retry_after = ASK_AGAIN
    return response


def named_in_form() -> str:
    """Return the owner/name that the form's field `repository` has, or an address of GitHub's."""
    given = request.form.get("repository", "")
    full_name = current.meant(given)
    if full_name is None:
        raise BadRequest(f"repository={given!r:.120}: expected owner/name or its address on GitHub")
    return full_name


def _page_of(full_name: str) -> Any:
    owner, _, name = full_name.partition("/")
    return url_for("pages.repository", owner=owner, name=name)
