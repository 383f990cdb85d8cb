"""Replies that views share: stored documents, readings of the moment, redirects and 404s."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Response, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, NotFound, ServiceUnavailable
from werkzeug.wrappers import Response as AnyResponse

from core import clock, encoding, leaderboards, schemas
from core.clock import DAY
from core.lists import RankedList
from core.names import is_full_name
from core.windows import Profile, Snapshot
from models import Document
from monitoring import status
from store import documents, follows, repositories, snapshots
from store.database import Database
from store.history_status import NOTHING, history_status
from store.polls import polls_since
from web import current, http_headers
from web.cache import cached_until_next_build
from web.csv_tables import CSV, as_csv, disposition, table_wanted
from web.parameters import JSON
from web.permission import may_ask
from web.replies import Build, Reply, conditional

RETRY_AFTER = 30  # seconds; a first poll and build take less


def status_now() -> status.Status:
    """Return how the service is at this second."""
    return current.live_status().now()


def document(name: str, ranked: RankedList | None = None) -> Response:
    """Return a stored document, as it is, or as the table that is wanted; 503 before there is
    one."""
    return _document(name, ranked, table_wanted())


@cached_until_next_build()
def _document(name: str, ranked: RankedList | None, table: Any) -> Reply:
    with current.database().read() as session:
        row, build = stored(session, name, ranked)
    if table is None:
        return Reply(row.body, row.gzipped, row.etag, JSON, build)
    body = as_csv(table, json.loads(row.body))
    return Reply.of(body, CSV, build, disposition=disposition(name))


def stored(session: Session, name: str, ranked: RankedList | None = None) -> tuple[Document, Build]:
    """Return a document and the build that it is of; 503 before there is one."""
    row = documents.document(session, name)
    if row is None:
        raise nothing_yet(session, ranked)
    return row, _build_of(row.built_at, row.next_build_at, row.as_of)


def snapshot_at(session: Session, ranked: RankedList, at: datetime) -> Snapshot:
    """Return a list as it stood at a moment; 404 before the first poll of it, and 400 for a moment
    that is still to come."""
    if at > clock.now():
        raise BadRequest(f"at={request.args['at']!r} lies in the future")
    found = snapshots.snapshot(session, ranked, at)
    if found is None:
        raise NotFound(f"nothing is known of {ranked.slug!r} from before {clock.rfc3339(at)}")
    return found


def repository_of(
    session: Session, full_name: str, *, until: datetime | None = None
) -> schemas.RepositoryDocument:
    """Return the document of a repository by a name that it has or had, as it was at `until`, or
    is; 404 where nobody saw it."""
    found = known_repository(session, full_name, until=until)
    if found is None:
        raise unknown(full_name)
    return found


def known_repository(
    session: Session, full_name: str, *, until: datetime | None = None
) -> schemas.RepositoryDocument | None:
    """Return the same, and None where nobody saw it. One that was seen first after `until` is as it
    was then."""
    latest = clock.now() + clock.TOLERANCE  # a clock that ran ahead may have left later ones
    found = until and repositories.repository(session, full_name, until)
    found = found or repositories.repository(session, full_name, latest)
    if found is None:
        return None
    wish = follows.follow_of(session, full_name)
    return leaderboards.repository(
        found.standing,
        found.history,
        found.ranks,
        history_status(session, found.standing.profile.id, wish),
        followed=(wish is not None and wish.followed_since is not None)
        or current.is_watched(found.standing.profile.full_name),
    )


def repositories_of(
    session: Session, full_names: Sequence[str], *, until: datetime | None = None
) -> list[schemas.RepositoryDocument]:
    """Return the documents of several, without a look at who is followed and how much of their star
    histories is here; 404 where one of them was never seen."""
    latest = clock.now() + clock.TOLERANCE  # a clock that ran ahead may have left later ones
    known = repositories.found_repositories(session, full_names, until or latest)
    for name in full_names:
        if name not in known:
            raise unknown(name)
    found = [known[name] for name in full_names]
    return [
        leaderboards.repository(it.standing, it.history, it.ranks, NOTHING, followed=False)
        for it in found
    ]


def newest_build(database: Database) -> object:
    """Return what changes with each build; None before there is one."""
    with database.read() as session:
        return documents.newest_build(session)


def build(session: Session) -> Build:
    """Return the build that is out; before there is one, what one would be now."""
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


def nothing_yet(session: Session, ranked: RankedList | None) -> ServiceUnavailable:
    """Return 503 with the reason why there is no first document."""
    why = "no data yet: the first poll has not come in"
    if ranked is not None:
        polls = polls_since(session, ranked, clock.now() - DAY)
        if polls and polls[-1].error:
            why = f"no data yet: the last poll of {ranked.slug!r}: {polls[-1].error}"
    return ServiceUnavailable(why, retry_after=RETRY_AFTER)


def profile(owner: str, name: str) -> Profile:
    """Return the profile of a repository by a name that it has or had; 404 where nobody saw it."""
    with current.database().read() as session:
        found = repositories.profile(session, f"{owner}/{name}")
    if found is None:
        raise unknown(f"{owner}/{name}")
    return found


def unknown(full_name: str) -> NotFound:
    """Return 404, which names the way out to somebody who may follow."""
    way = f"; PUT /api/v1/repos/{full_name} follows it"
    way = way if request.blueprint == "api" and is_full_name(full_name) and may_ask() else ""
    return NotFound(f"no repository named {full_name!r:.120} was on any list{way}")


def moved(owner: str, name: str, full_name: str) -> AnyResponse | None:
    """Return a redirect from a name that a repository had to the one it has; None where that is
    the name asked for, in any case."""
    if full_name.lower() == f"{owner}/{name}".lower():
        return None
    new_owner, _, new_name = full_name.partition("/")
    assert request.endpoint is not None
    arguments: dict[str, Any] = request.args.to_dict()
    url = url_for(request.endpoint, owner=new_owner, name=new_name, **arguments)
    response = redirect(url, 301)
    response.cache_control.public = True
    every = current.settings().aggregate_every  # until somebody else may have taken the old name
    response.cache_control.max_age = int(every.total_seconds())
    response.vary.update(current.vary(http_headers.LINKS))
    return response


def computed(document: Mapping[str, Any]) -> Response:
    """Return a document that was made for this request."""
    return cacheable_briefly(made(document))


def made(document: Mapping[str, Any]) -> Response:
    """Return a document as it is wanted, as JSON or as a table."""
    table = table_wanted()
    if table is None:
        return Response(encoding.encode(document), mimetype=JSON)
    response = Response(as_csv(table, document), content_type=CSV)
    name = "-".join([request.path, *request.args.getlist("at")])  # days are saved side by side
    response.headers["Content-Disposition"] = disposition(name)
    return response


def cacheable_briefly(response: Response) -> Response:
    """Let caches have a response for a minute, which readers hardly notice."""
    response.add_etag()
    response.cache_control.public = True
    response.cache_control.max_age = 60
    return conditional(response)


def live_json(document: Mapping[str, Any]) -> Response:
    """Return a document that holds for this moment alone."""
    response = made(document)
    response.cache_control.no_store = True
    return response


def with_next(response: Response, **changes: object) -> Response:
    """Add a link to the next page (RFC 8288): the same query with some changes."""
    query = urlencode(request.args.to_dict() | changes)
    response.headers["Link"] = f'<{request.script_root}{request.path}?{query}>; rel="next"'
    response.vary.update(current.vary(http_headers.LINKS))
    return response
