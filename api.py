"""The JSON API: views that fetch what is stored. They compute nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, NotFound, ServiceUnavailable
from werkzeug.wrappers import Response as AnyResponse

import aggregates
import clock
import context
import status
import store
from clock import DAY, HOUR, MINUTE
from jobs import AGGREGATE_OFFSET
from lists import RankedList
from models import Document
from parameters import JSON, WINDOW, a_list, choice, endpoint, moment, number, ranked
from replies import Build, Reply, conditional, kept

RETRY_AFTER = 30  # seconds; a first poll and build take less


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a series, and the longest span for which it is chosen."""

    length: timedelta
    longest: timedelta


STEPS = {
    "10m": Step(timedelta(minutes=10), 2 * DAY),
    "1h": Step(HOUR, 90 * DAY),
    "1d": Step(DAY, timedelta.max),
}
AT = moment("at", "The list as it stood then; without it, as it stands.")
EVENTS_OF = a_list("Events of this list alone.")
TOTALS_OF = a_list("The list that the totals are over.", "stars")
AFTER = number("after", "The cursor `next` of the page before.", 0, lowest=0, highest=2**63 - 1)
EVENTS = number("limit", "How many at most.", 100, lowest=1, highest=1000)
FROM = moment("from", "The start; without it, the first reading.", into="start")
TO = moment("to", "The end, which is out; without it, that of the newest slot.", into="end")
STEP = choice("step", "Of each step the last; by default what fits the span.", STEPS)
POINTS = number("limit", "How many at most.", 10_000, lowest=1, highest=10_000)

api = Blueprint("api", __name__, url_prefix="/api/v1")


@api.get("")
@endpoint(dict[str, str], live=True)
def api_index() -> Response:
    """What the API has."""
    return live_json(
        {
            "name": "Starboard",
            "description": "/openapi.json",
            "lists": "/api/v1/lists",
            "list": "/api/v1/lists/{slug}",
            "at": "/api/v1/lists/{slug}?at={time}",
            "movers": "/api/v1/lists/{slug}/movers?window={window}",
            "events": "/api/v1/events?list={slug}&after={cursor}",
            "languages": "/api/v1/languages?list={slug}",
            "owners": "/api/v1/owners?list={slug}",
            "repository": "/api/v1/repos/{owner}/{name}",
            "history": "/api/v1/repos/{owner}/{name}/history?from={time}&to={time}&step={step}",
            "status": "/api/v1/status",
            "chart": "/charts/{owner}/{name}.svg",
            "comparison": "/charts.svg?repos={owner}/{name},{owner}/{name}",
            "badge": "/badges/{owner}/{name}.json",
            "feed": "/feeds/{slug}.atom",
        }
    )


@api.get("/lists")
@endpoint(aggregates.ListIndex)
def list_index() -> Response:
    """The lists."""
    return document("lists")


@api.get("/lists/<slug>")
@endpoint(aggregates.Leaderboard, AT)
def leaderboard(slug: str, at: datetime | None) -> Response:
    """One leaderboard, as it stands, or as it stood at a moment."""
    of = ranked(slug)
    if at is None:
        return document(f"lists/{of.slug}", of)
    now = clock.now()
    if at > now:
        raise BadRequest(f"at={request.args['at']!r} lies in the future")
    with context.database().read() as session:
        snapshot = store.snapshot(session, of, at)
        by = build(session)
    if snapshot is None:
        raise NotFound(f"nothing is known of {of.slug!r} from before {clock.rfc3339(at)}")
    return computed(aggregates.leaderboard(snapshot, by.built_at, by.next_build_at))


@api.get("/lists/<slug>/movers")
@endpoint(aggregates.Movers, WINDOW)
def movers(slug: str, window: str) -> Response:
    """The largest gains of a list's count over a window."""
    of = ranked(slug)
    return document(f"movers/{of.slug}/{window}", of)


@api.get("/events")
@endpoint(aggregates.EventPage, EVENTS_OF, AFTER, EVENTS)
def events(of: RankedList | None, after: int, limit: int) -> Response:
    """What changed, oldest first; `after` takes the cursor `next` of the page before."""
    with context.database().read() as session:
        page = store.events_of(session, limit, after=after, ranked=of)
    items: list[aggregates.EventItem] = [
        {
            "cursor": it.cursor,
            "at": clock.rfc3339(it.slot),
            "list": it.slug,
            "kind": it.kind,
            "full_name": it.full_name,
            "detail": it.detail,
        }
        for it in page
    ]
    following = items[-1]["cursor"] if items else after
    response = computed({"items": items, "next": following})
    return with_next(response, after=following) if len(items) == limit else response


@api.get("/languages")
@endpoint(aggregates.LanguageTotals, TOTALS_OF)
def languages(of: RankedList) -> Response:
    """Totals by language over a list."""
    return document(f"languages/{of.slug}", of)


@api.get("/owners")
@endpoint(aggregates.OwnerTotals, TOTALS_OF)
def owners(of: RankedList) -> Response:
    """Totals by owner over a list."""
    return document(f"owners/{of.slug}", of)


@api.get("/repos/<owner>/<name>")
@endpoint(aggregates.RepositoryDocument)
def repository(owner: str, name: str) -> AnyResponse:
    """A repository: figures, gains, ranks on every list. An old name leads to the new one."""
    with context.database().read() as session:
        facts = repository_of(session, owner, name)
    return moved(owner, name, facts["full_name"]) or computed(facts)


@api.get("/repos/<owner>/<name>/history")
@endpoint(aggregates.Series, FROM, TO, STEP, POINTS)
def history(
    owner: str,
    name: str,
    start: datetime | None,
    end: datetime | None,
    step: str | None,
    limit: int,
) -> AnyResponse:
    """A repository's readings over [from, to), of each step the last."""
    with context.database().read() as session:
        profile = store.profile(session, f"{owner}/{name}")
        if profile is None:
            raise unknown(owner, name)
        end = end or _end(session, profile.id, start)
        if start is None:
            start = min(store.beginning(session, profile.id) or end, end)
        elif start >= end:
            raise BadRequest(
                f"from={clock.rfc3339(start)}: expected a time before {clock.rfc3339(end)}"
            )
        finest = next(name for name, each in STEPS.items() if end - start <= each.longest)
        step = step or finest
        points = store.series(session, profile.id, start, end, STEPS[step].length)
    response = computed(
        {
            "full_name": profile.full_name,
            "step": step,
            "from": clock.rfc3339(start),
            "to": clock.rfc3339(end),
            "points": points[:limit],
        }
    )
    if len(points) > limit:
        with_next(response, **{"from": points[limit]["at"], "step": step})
    return moved(owner, name, profile.full_name) or response


def _end(session: Session, repository_id: int, start: datetime | None) -> datetime:
    """The end of the newest reading's slot, so that a series is the same until there is another; or
    the current minute's, where that is before the start."""
    newest = store.newest_slot(session, repository_id)
    end = newest + context.settings().poll_every if newest else None
    if end is None or (start is not None and start >= end):
        return clock.ceil(clock.now(), MINUTE)
    return end


@api.get("/status")
@endpoint(status.Status, live=True)
def live_status() -> Response:
    """Live: how fresh each list is, and what queues and workers do."""
    return live_json(status_now())


def status_now() -> status.Status:
    return status.live(context.database(), context.redis(), context.settings(), clock.now())


# What views share


def document(name: str, of: RankedList | None = None) -> Response:
    """A stored document, as it is; 503 before there is one."""

    def make() -> Reply:
        with context.database().read() as session:
            row, by = stored(session, name, of)
        return Reply(row.body, row.gzipped, row.etag, JSON, by)

    return kept((name,), make)


def stored(session: Session, name: str, of: RankedList | None = None) -> tuple[Document, Build]:
    """A document and what it was made from; 503 before there is one."""
    row = store.document(session, name)
    if row is None:
        raise nothing_yet(session, of)
    return row, _build_of(row.built_at, row.next_build_at, row.as_of)


def repository_of(
    session: Session, owner: str, name: str, *, until: datetime | None = None
) -> aggregates.RepositoryDocument:
    """The document of a repository by a name that it has or had, as it was at `until`, or is; 404
    where nobody saw it."""
    found = store.repository(session, f"{owner}/{name}", until)
    if found is None:
        raise unknown(owner, name)
    return aggregates.repository(found.standing, found.history, found.ranks)


def build(session: Session) -> Build:
    """The build that is out; before there is one, what one would be now."""
    row = store.newest_build(session)
    if row is not None:
        return _build_of(row.built_at, row.next_build_at, row.as_of)
    now, every = clock.now(), context.settings().aggregate_every
    return _build_of(clock.floor(now, every), clock.next_tick(now, every, AGGREGATE_OFFSET), None)


def _build_of(built_at: datetime, next_build_at: datetime, as_of: datetime | None) -> Build:
    settings = context.settings()
    stale_after = 2 * settings.poll_every + settings.aggregate_every
    return Build(built_at, next_build_at, as_of, settings.aggregate_every, stale_after)


def nothing_yet(session: Session, of: RankedList | None) -> ServiceUnavailable:
    """What keeps a first document from being there."""
    why = "no data yet: the first poll has not come in"
    if of is not None:
        polls = store.polls_since(session, of, clock.now() - DAY)
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
    return kept_briefly(Response(store.encode(document), mimetype=JSON))


def kept_briefly(response: Response) -> Response:
    response.add_etag()
    response.cache_control.public = True
    response.cache_control.max_age = 60
    return conditional(response)


def live_json(document: Mapping[str, Any]) -> Response:
    """What holds for this moment alone."""
    response = Response(store.encode(document), mimetype=JSON)
    response.cache_control.no_store = True
    return response


def with_next(response: Response, **changes: object) -> Response:
    """Say where the next page is (RFC 8288)."""
    query = urlencode(request.args.to_dict() | changes)
    response.headers["Link"] = f'<{request.path}?{query}>; rel="next"'
    return response
