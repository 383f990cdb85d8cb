"""…"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Response, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound, ServiceUnavailable
from werkzeug.wrappers import Response as AnyResponse

from core import clock, encoding, leaderboards, schemas
from core.clock import DAY
from core.lists import RankedList
from models import Document
from monitoring import status
from store import documents, repositories
from store.polls import polls_since
from web import current
from web.cache import kept
from web.parameters import JSON
from web.replies import Build, Reply, conditional

RETRY_AFTER = 30  # seconds; a first poll and build take less


def status_now() -> status.Status:
    return status.live(current.database(), current.redis(), current.settings(), clock.now())


# What views share


def document(name: str, of: RankedList | None = None) -> Response:
    """A stored document, as it is; 503 before there is one."""

    def make() -> Reply:
        with current.database().read() as session:
            row, by = stored(session, name, of)
        return Reply(row.body, row.gzipped, row.etag, JSON, by)

    return kept((name,), make)


def stored(session: Session, name: str, of: RankedList | None = None) -> tuple[Document, Build]:
    """A document and what it was made from; 503 before there is one."""
    row = documents.document(session, name)
    if row is None:
        raise nothing_yet(session, of)
    return row, _build_of(row.built_at, row.next_build_at, row.as_of)


def repository_of(
    session: Session, owner: str, name: str, *, until: datetime | None = None
) -> schemas.RepositoryDocument:
    """The document of a repository by a name that it has or had, as it was at `until`, or is; 404
    where nobody saw it."""
    found = repositories.repository(session, f"{owner}/{name}", until)
    if found is None:
        raise unknown(owner, name)
    return leaderboards.repository(found.standing, found.history, found.ranks)


def build(session: Session) -> Build:
    """The build that is out; before there is one, what one would be now."""
    row = documents.newest_build(session)
    if row is not None:
        return _build_of(row.built_at, row.next_build_at, row.as_of)
    now, settings = clock.now(), current.settings()
    last = clock.floor(now, settings.aggregate_every)
    return _build_of(last, settings.next_build_at(now), None)


def _build_of(built_at: datetime, next_build_at: datetime, as_of: datetime | None) -> Build:
    settings = current.settings()
    stale_after = 2 * settings.poll_every + settings.aggregate_every
    return Build(built_at, next_build_at, as_of, settings.aggregate_every, stale_after)


def nothing_yet(session: Session, of: RankedList | None) -> ServiceUnavailable:
    """What keeps a first document from being there."""
    why = "no data yet: the first poll has not come in"
    if of is not None:
        polls = polls_since(session, of, clock.now() - DAY)
        if polls and polls[-1].error:
            why = f"no data yet: the last poll of {of.slug!r}: {polls[-1].error}"
    return ServiceUnavailable(why, retry_after=RETRY_AFTER)


def unknown(owner: str, name: str) -> NotFound:
    return NotFound(f"no repository named {f'{owner}/{name}'!r:.120} was on any list")


def moved(owner: str, name: str, full_name: str) -> AnyResponse | None:
    """The way to the name that a repository has now, from one it had."""
    if full_name.lower() == f"{owner}/{name}".lower():
        return None
    new_owner, _, new_name = full_name.partition("/")
    assert request.endpoint is not None
    arguments: dict[str, Any] = request.args.to_dict()
    url = url_for(request.endpoint, owner=new_owner, name=new_name, **arguments)
    response = redirect(url, 301)
    response.cache_control.public = True
    response.cache_control.max_age = 3600  # somebody else may take the old name
    return response


def computed(document: Mapping[str, Any]) -> Response:
    """What was read just now, and may be kept for as long as a reader hardly notices."""
    return kept_briefly(Response(encoding.encode(document), mimetype=JSON))


def kept_briefly(response: Response) -> Response:
    response.add_etag()
    response.cache_control.public = True
    response.cache_control.max_age = 60
    return conditional(response)


def live_json(document: Mapping[str, Any]) -> Response:
    """What holds for this moment alone."""
    response = Response(encoding.encode(document), mimetype=JSON)
    response.cache_control.no_store = True
    return response


def with_next(response: Response, **changes: object) -> Response:
    """Say where the next page is (RFC 8288)."""
    query = urlencode(request.args.to_dict() | changes)
    response.headers["Link"] = f'<{request.path}?{query}>; rel="next"'
    return response
