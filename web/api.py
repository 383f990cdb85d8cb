"""The JSON API: views that fetch what is stored. They compute nothing."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from flask import Blueprint, Response
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from core import clock, leaderboards, retention, schemas
from core.changes import Changes
from core.clock import DAY, HOUR, MINUTE
from core.leaderboards import MOVERS_BY, movers_name
from core.lists import RankedList
from core.windows import Profile
from monitoring.checks import ToldStatus, told_status
from store import series
from store.events import events_of
from store.series import Chosen
from web import current, responses
from web.csv_tables import table_wanted
from web.following import gone, told, wished
from web.kept_series import Kept, kept_series
from web.parameters import AT, WINDOW, a_list, choice, endpoint, list_named, moment, number
from web.refreshing import looked_at
from web.responses import (
    build,
    computed,
    document,
    known_repository,
    live_json,
    moved,
    status_now,
    unknown,
    with_next,
)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a series, and the longest span for which it is chosen."""

    length: timedelta
    longest: timedelta


STEPS = {
    "10m": Step(timedelta(minutes=10), retention.HOURLY.age),
    "1h": Step(HOUR, retention.DAILY.age),
    "1d": Step(DAY, timedelta.max),
}

EVENTS_OF = a_list("Events of this list alone.")
TOTALS_OF = a_list("The list that the totals are over.", "stars")
AFTER = number("after", "The cursor `next` of the page before.", 0, lowest=0, highest=2**63 - 1)
EVENTS = number("limit", "How many at most.", 100, lowest=1, highest=1000)
FROM = moment("from", "The start; without it, the first point.", into="start")
TO = moment("to", "The end, which is out; without it, that of the newest slot.", into="end")
SOURCE = choice(
    "source",
    "Readings, or the days of GitHub's star history; by default those before the first reading.",
    ("reading", "github"),
)
BY = choice(
    "by",
    "The largest gains, or the largest in percent of those that had at least 100 before.",
    MOVERS_BY,
    "gain",
)
CHANGED_OVER = replace(WINDOW, about="The span of time that the changes are over.")
STEP = choice("step", "Of each step the last; by default what fits the span.", STEPS)
POINTS = number("limit", "How many at most.", 10_000, lowest=1, highest=10_000)

api = Blueprint("api", __name__, url_prefix="/api/v1")


@api.get("")
@endpoint(dict[str, str], live=True)
def api_index() -> Response:
    """An index of the API."""
    return live_json(
        {
            "name": "Starboard",
            "description": "/openapi.json",
            "lists": "/api/v1/lists",
            "list": "/api/v1/lists/{slug}",
            "at": "/api/v1/lists/{slug}?at={time}",
            "movers": "/api/v1/lists/{slug}/movers?window={window}&by={by}",
            "changes": "/api/v1/lists/{slug}/changes?window={window}",
            "events": "/api/v1/events?list={slug}&after={cursor}",
            "languages": "/api/v1/languages?list={slug}",
            "owners": "/api/v1/owners?list={slug}",
            "repository": "/api/v1/repos/{owner}/{name}",
            "repositories": "/api/v1/repos?repos={owner}/{name},{owner}/{name}",
            "history": "/api/v1/repos/{owner}/{name}/history?from={time}&to={time}&step={step}",
            "ranks": "/api/v1/repos/{owner}/{name}/ranks?list={slug}",
            "follows": "/api/v1/follows",
            "status": "/api/v1/status",
            "chart": "/charts/{owner}/{name}.svg",
            "comparison": "/charts.svg?repos={owner}/{name},{owner}/{name}",
            "badge": "/badges/{owner}/{name}.json",
            "feed": "/feeds/{slug}.atom",
        }
    )


@api.get("/lists")
@endpoint(schemas.ListIndex)
def list_index() -> Response:
    """The lists."""
    return document("lists")


@api.get("/lists/<slug>")
@endpoint(schemas.Leaderboard, AT)
def leaderboard(slug: str, at: datetime | None) -> Response:
    """One leaderboard, as it stands, or as it stood at a moment."""
    ranked = list_named(slug)
    if at is None:
        return document(f"lists/{ranked.slug}", ranked)
    with current.database().read() as session:
        snapshot = responses.snapshot_at(session, ranked, at)
        by = build(session)
    return computed(leaderboards.leaderboard(snapshot, by.built_at, by.next_build_at))


@api.get("/lists/<slug>/movers")
@endpoint(schemas.Movers, WINDOW, BY)
def movers(slug: str, window: str, by: str) -> Response:
    """The largest gains of a list's count over a window, as they are or in percent."""
    ranked = list_named(slug)
    return document(movers_name(ranked.slug, window, by), ranked)


@api.get("/lists/<slug>/changes")
@endpoint(Changes, CHANGED_OVER)
def changes(slug: str, window: str) -> Response:
    """Who entered a list and who left it over a window: the list now against the list then."""
    ranked = list_named(slug)
    return document(f"changes/{ranked.slug}/{window}", ranked)


@api.get("/events")
@endpoint(schemas.EventPage, EVENTS_OF, AFTER, EVENTS)
def events(ranked: RankedList | None, after: int, limit: int) -> Response:
    """The changes on lists, oldest first; `after` takes the cursor `next` of the page before."""
    with current.database().read() as session:
        page = events_of(session, limit, after=after, ranked=ranked)
    items = [event.item for event in page]
    following = items[-1]["cursor"] if items else after
    response = computed({"items": items, "next": following})
    return with_next(response, after=following) if len(items) == limit else response


@api.get("/languages")
@endpoint(schemas.LanguageTotals, TOTALS_OF)
def languages(ranked: RankedList) -> Response:
    """Totals by language over a list."""
    return document(f"languages/{ranked.slug}", ranked)


@api.get("/owners")
@endpoint(schemas.OwnerTotals, TOTALS_OF)
def owners(ranked: RankedList) -> Response:
    """Totals by owner over a list."""
    return document(f"owners/{ranked.slug}", ranked)


@api.get("/repos/<owner>/<name>")
@endpoint(schemas.RepositoryDocument)
def repository(owner: str, name: str) -> AnyResponse:
    """A repository: figures, gains, ranks on every list. An old name leads to the new one."""
    full_name = f"{owner}/{name}"
    with current.database().read() as session:
        facts = known_repository(session, full_name)
        wish = wished(session, full_name) if facts is None else None
        missing = gone(session, full_name) if facts is None else None
    if facts is None:
        if wish is None:
            raise missing or unknown(full_name)
        return told(wish)
    if facts["history"]["state"] in ("queued", "partial"):
        return live_json(facts)  # somebody waits for it to change
    return moved(owner, name, facts["full_name"]) or computed(facts)


@api.get("/repos/<owner>/<name>/history")
@endpoint(schemas.Series, FROM, TO, STEP, SOURCE, POINTS)
def history(
    owner: str,
    name: str,
    start: datetime | None,
    end: datetime | None,
    step: str | None,
    source: schemas.Source | None,
    limit: int,
) -> AnyResponse:
    """A repository's readings over [from, to), of each step the last, and before the first of them
    each day of GitHub's star history."""
    profile = responses.profile(owner, name)
    looked_at(profile.id)
    asked = Asked(profile, start, end, step, source, limit)
    with current.database().read() as session:
        made_from = series.made_from(session, profile.id, clock.now())
        key = (asked, table_wanted(), made_from)
        kept = kept_series().get(key, partial(_history, session, asked))
    response = responses.cacheable_briefly(kept.response())
    if kept.following:
        with_next(response, **kept.following)
    return moved(owner, name, profile.full_name) or response


class Asked(NamedTuple):
    """What is asked for of a series; None: what fits."""

    profile: Profile
    start: datetime | None
    end: datetime | None
    step: str | None
    source: schemas.Source | None
    limit: int


def _history(session: Session, asked: Asked) -> Kept:
    profile, start, end, step, source, limit = asked
    chosen = series.chosen(session, {profile.id: source})[profile.id]
    lasts = end is not None or (start is None and chosen.newest is not None)
    end = end or _end(chosen, start)
    if start is None:
        start = min(chosen.start or end, end)
    elif start >= end:
        raise BadRequest(
            f"from={clock.rfc3339(start)}: expected a time before {clock.rfc3339(end)}"
        )
    finest = next(name for name, each in STEPS.items() if end - start <= each.longest)
    step = step or (finest if chosen.sampled_since else "1d")
    points = series.between(session, chosen, start, end, STEPS[step].length)
    told = {
        "full_name": profile.full_name,
        "step": step,
        "from": clock.rfc3339(start),
        "to": clock.rfc3339(end),
        "points": points[:limit],
    }
    more = {"from": points[limit]["at"], "step": step} if len(points) > limit else None
    return Kept.of(responses.made(told), lasts, more)


def _end(chosen: Chosen, start: datetime | None) -> datetime:
    """Return the end of the newest slot, so that a series is the same until there is another point;
    the end of the current minute where that is not after the start."""
    end = chosen.newest + current.settings().poll_every if chosen.newest else None
    if end is None or (start is not None and start >= end):
        return clock.ceil(clock.now(), MINUTE)
    return end


@api.get("/status")
@endpoint(ToldStatus, live=True)
def live_status() -> Response:
    """Live: what is wrong, how fresh each list is, and what queues and workers do."""
    return live_json(told_status(status_now(), current.settings(), clock.now()))
