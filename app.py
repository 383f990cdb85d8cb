"""Flask: routes and errors. A request fetches what is stored; it computes nothing."""

import re
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import structlog
from flask import Blueprint, Flask, Response, current_app, g, redirect, request, url_for
from redis import Redis, RedisError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    NotFound,
    PreconditionFailed,
    ServiceUnavailable,
)
from werkzeug.wrappers import Response as AnyResponse

import aggregates
import broker
import clock
import commands
import jobs
import logs
import models
import settings as configuration
import status
import store
from clock import DAY, HOUR
from lists import RankedList
from models import Database, SchemaError
from settings import Settings

STALE_IF_ERROR = timedelta(days=1)
RETRY_AFTER = 30  # seconds; a first poll and build take less
REQUEST_ID = re.compile(r"[\w.:-]{1,100}", re.ASCII)


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
WINDOWS = tuple(window.name for window in aggregates.WINDOWS)

log = structlog.get_logger("starboard")
site = Blueprint("site", __name__)
api = Blueprint("api", __name__, url_prefix="/api/v1")


def create_app(settings: Settings | None = None) -> Flask:
    """The web process and the commands; `settings` are the environment's unless given."""
    settings = settings or configuration.or_exit()
    logs.configure(settings)
    app = Flask(__name__)
    app.extensions["settings"] = settings
    app.extensions["database"] = models.connect(settings)
    app.extensions["redis"] = broker.connect(settings.redis_url, timeout=1, retries=0)
    app.register_blueprint(site)
    app.register_blueprint(api)
    app.register_error_handler(HTTPException, _problem)
    app.register_error_handler(DBAPIError, _database_problem)
    app.before_request(_begin)
    app.after_request(_end)
    for command in commands.ALL:
        app.cli.add_command(command)
    return app


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings


def _database() -> Database:
    database: Database = current_app.extensions["database"]
    return database


def _redis() -> "Redis":
    client: Redis = current_app.extensions["redis"]
    return client


# Routes


@site.get("/")
def index() -> AnyResponse:
    """Lead a reader to the API's index."""
    return redirect(url_for("api.api_index"))


@site.get("/healthz")
def healthz() -> Response:
    """The process is up."""
    return _json({"status": "ok"})


@site.get("/readyz")
def readyz() -> Response:
    """The database is reachable and its schema current."""
    try:
        _database().check_schema()
    except (SchemaError, DBAPIError) as error:
        raise ServiceUnavailable(models.reason(error), retry_after=RETRY_AFTER) from error
    return _json({"status": "ok"})


@api.get("")
def api_index() -> Response:
    """What the API has."""
    _no_arguments_but()
    return _json(
        {
            "name": "Starboard",
            "lists": "/api/v1/lists",
            "list": "/api/v1/lists/{slug}",
            "languages": "/api/v1/languages?list={slug}",
            "at": "/api/v1/lists/{slug}?at={time}",
            "movers": "/api/v1/lists/{slug}/movers?window={window}",
            "events": "/api/v1/events?list={slug}&after={cursor}",
            "owners": "/api/v1/owners?list={slug}",
            "repository": "/api/v1/repos/{owner}/{name}",
            "history": "/api/v1/repos/{owner}/{name}/history?from={time}&to={time}&step={step}",
            "status": "/api/v1/status",
        }
    )


@api.get("/lists")
def list_index() -> Response:
    """The lists."""
    _no_arguments_but()
    return _document("lists")


@api.get("/lists/<slug>")
def leaderboard(slug: str) -> Response:
    """One leaderboard, as it stands, or as it stood at a moment."""
    _no_arguments_but("at")
    ranked = _ranked(slug)
    at = _moment("at")
    if at is None:
        return _document(f"lists/{ranked.slug}", ranked)
    now = clock.now()
    if at > now:
        raise BadRequest(f"at={request.args['at']!r} lies in the future")
    with _database().read() as session:
        snapshot = store.snapshot(session, ranked, at)
    if snapshot is None:
        raise NotFound(f"nothing is known of {ranked.slug!r} from before {clock.rfc3339(at)}")
    next_build_at = clock.next_tick(now, _settings().aggregate_every, jobs.AGGREGATE_OFFSET)
    return _json(aggregates.leaderboard(snapshot, now, next_build_at), cacheable=True)


@api.get("/lists/<slug>/movers")
def movers(slug: str) -> Response:
    """The largest gains of a list's count over a window."""
    _no_arguments_but("window")
    ranked, window = _ranked(slug), _choice("window", WINDOWS, "24h")
    return _document(f"movers/{ranked.slug}/{window}", ranked)


@api.get("/events")
def events() -> Response:
    """What changed, oldest first; `after` takes the cursor `next` of the page before."""
    _no_arguments_but("list", "after", "limit")
    ranked = _ranked(request.args["list"]) if "list" in request.args else None
    after = _number("after", 0, lowest=0, highest=2**63 - 1)
    limit = _number("limit", 100, lowest=1, highest=1000)
    with _database().read() as session:
        page = store.events_after(session, after, limit, ranked)
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
    return _json({"items": items, "next": items[-1]["cursor"] if items else after}, cacheable=True)


@api.get("/languages")
def languages() -> Response:
    """Totals by language over a list."""
    return _totals("languages")


@api.get("/owners")
def owners() -> Response:
    """Totals by owner over a list."""
    return _totals("owners")


@api.get("/repos/<owner>/<name>")
def repository(owner: str, name: str) -> AnyResponse:
    """A repository: figures, gains, ranks on every list. An old name leads to the new one."""
    _no_arguments_but()
    with _database().read() as session:
        found = store.repository(session, f"{owner}/{name}")
    if found is None:
        raise _unknown(owner, name)
    moved = _moved(owner, name, found.standing.profile.full_name)
    document = aggregates.repository(found.standing, found.history, found.ranks)
    return moved or _json(document, cacheable=True)


@api.get("/repos/<owner>/<name>/history")
def history(owner: str, name: str) -> AnyResponse:
    """A repository's readings over [from, to), of each step the last."""
    _no_arguments_but("from", "to", "step")
    start, end = _moment("from"), _moment("to") or clock.now()
    with _database().read() as session:
        profile = store.profile(session, f"{owner}/{name}")
        if profile is None:
            raise _unknown(owner, name)
        if start is None:
            start = min(store.beginning(session, profile.id) or end, end)
        elif start >= end:
            raise BadRequest(
                f"from={clock.rfc3339(start)}: expected a time before {clock.rfc3339(end)}"
            )
        finest = next(name for name, step in STEPS.items() if end - start <= step.longest)
        step = _choice("step", STEPS, finest)
        points = store.series(session, profile.id, start, end, STEPS[step].length)
    document = {
        "full_name": profile.full_name,
        "step": step,
        "from": clock.rfc3339(start),
        "to": clock.rfc3339(end),
        "points": points,
    }
    return _moved(owner, name, profile.full_name) or _json(document, cacheable=True)


def _unknown(owner: str, name: str) -> NotFound:
    return NotFound(f"no repository named '{owner}/{name}' was on any list")


def _moved(owner: str, name: str, full_name: str) -> AnyResponse | None:
    """The way to the name that a repository has now, from one it had."""
    if full_name.lower() == f"{owner}/{name}".lower():
        return None
    new_owner, _, new_name = full_name.partition("/")
    assert request.endpoint is not None
    arguments: dict[str, Any] = request.args.to_dict()
    url = url_for(request.endpoint, owner=new_owner, name=new_name, **arguments)
    return redirect(url, 301)


@api.get("/status")
def live_status() -> Response:
    """Live: how fresh each list is, and what queues and workers do."""
    _no_arguments_but()
    now, settings = clock.now(), _settings()
    with _database().read() as session:
        polled = [
            status.list_status(session, ranked, settings.poll_every, now)
            for ranked in settings.lists
        ]
        watched = status.watched_status(session, settings.watch, now)
        budget = status.github_status(session, settings.github_token is not None, now)
    # Redis may keep us waiting; no transaction should wait with us.
    return _json({"lists": polled, "watched": watched, **_redis_status(), "github": budget})


def _redis_status() -> dict[str, Any]:
    try:
        return status.redis_status(_redis())
    except RedisError as error:
        log.warning("status", outcome="Redis cannot be reached", why=str(error))
        return dict.fromkeys(("queues", "workers", "next_runs"))


def _totals(kind: str) -> Response:
    _no_arguments_but("list")
    ranked = _ranked(request.args.get("list", "stars"))
    return _document(f"{kind}/{ranked.slug}", ranked)


# What routes share


def _no_arguments_but(*names: str) -> None:
    for name, values in request.args.lists():
        if name not in names:
            takes = f"it takes {', '.join(names)}" if names else "it takes none"
            raise BadRequest(f"{request.path} has no parameter {name!r}; {takes}")
        if len(values) > 1:
            raise BadRequest(f"{request.path} takes one {name!r}, not {len(values)}")


def _moment(name: str) -> datetime | None:
    """The moment that a parameter names; None without it."""
    text = request.args.get(name)
    try:
        return None if text is None else clock.parse(text)
    except ValueError as error:
        hint = "such as 2026-11-23T20:20:00Z or 2026-11-23"
        raise BadRequest(f"{name}: {error}; expected a time {hint}") from None


def _choice(name: str, choices: Iterable[str], default: str) -> str:
    chosen = request.args.get(name, default)
    if chosen not in choices:
        raise BadRequest(f"{name}={chosen!r:.60}: expected one of {', '.join(choices)}")
    return chosen


def _number(name: str, default: int, *, lowest: int, highest: int) -> int:
    text = request.args.get(name, str(default))
    if not re.fullmatch(r"\d{1,19}", text, re.ASCII) or not lowest <= int(text) <= highest:
        raise BadRequest(f"{name}={text!r:.60}: expected a number from {lowest} to {highest}")
    return int(text)


def _ranked(slug: str) -> RankedList:
    try:
        return _settings().ranked(slug)
    except LookupError as error:
        raise NotFound(error.args[0]) from None


def _document(name: str, ranked: RankedList | None = None) -> Response:
    """A stored document, as it is; 503 before there is one."""
    with _database().read() as session:
        document = store.document(session, name)
        if document is None:
            raise ServiceUnavailable(_why_nothing_yet(session, ranked), retry_after=RETRY_AFTER)
    zipped = request.accept_encodings["gzip"] > 0
    response = Response(document.gzipped if zipped else document.body, mimetype="application/json")
    if zipped:
        response.content_encoding = "gzip"
    tags = (document.etag, f"{document.etag}-gzip")
    response.set_etag(tags[zipped])
    response.last_modified = document.built_at
    response.vary.add("Accept-Encoding")
    left = max(document.next_build_at - clock.now(), timedelta(0))
    response.cache_control.public = True
    response.cache_control.max_age = int(left.total_seconds())
    response.headers["Cache-Control"] += (
        f", stale-while-revalidate={int(_settings().aggregate_every.total_seconds())}"
        f", stale-if-error={int(STALE_IF_ERROR.total_seconds())}"
    )
    if any(request.if_none_match.contains_weak(tag) for tag in tags):
        response.status_code = 304
        response.data = b""
        del response.headers["Content-Length"]
        return response
    return _conditional(response)


def _why_nothing_yet(session: Any, ranked: RankedList | None) -> str:
    """What keeps a first document from being there."""
    if ranked is not None:
        since = clock.now() - timedelta(days=1)
        polls = store.polls_since(session, ranked, since)
        if polls and polls[-1].error:
            return f"no data yet: the last poll of {ranked.slug!r}: {polls[-1].error}"
    return "no data yet: the first poll has not come in"


def _json(document: Mapping[str, Any], *, cacheable: bool = False) -> Response:
    response = Response(store.encode(document), mimetype="application/json")
    if cacheable:
        response.add_etag()
        response.cache_control.public = True
        response.cache_control.max_age = 60
        return _conditional(response)
    response.cache_control.no_store = True
    return response


def _conditional(response: Response) -> Response:
    """The response, or 304 for one who has it."""
    response.make_conditional(request)
    if response.status_code == 412:
        raise PreconditionFailed(f"{request.path} is not (any more) what was asked for")
    return response


# Errors and log lines


def _problem(error: HTTPException) -> AnyResponse:
    """Any error as RFC 9457 `application/problem+json`, with the headers that belong to it."""
    response = error.get_response()
    if response.status_code < 400:
        return response
    nowhere = error.description == NotFound.description
    response.data = store.encode(
        {
            "type": "about:blank",
            "title": error.name,
            "status": response.status_code,
            "detail": "there is nothing here; see /api/v1" if nowhere else error.description,
            "instance": quote(request.path),
        }
    )
    response.content_type = "application/problem+json"
    response.cache_control.no_store = True
    return response


def _database_problem(error: DBAPIError) -> AnyResponse:
    log.error("database", why=models.reason(error))
    detail = f"{models.reason(error)}; see /readyz"
    return _problem(ServiceUnavailable(detail, retry_after=RETRY_AFTER))


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    g.started = time.perf_counter()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    if "\0" in request.path:
        raise NotFound("nothing has a name with a NUL in it")


def _end(response: AnyResponse) -> AnyResponse:
    response.headers["X-Request-ID"] = g.request_id
    if request.path.startswith("/api/"):
        response.headers["Access-Control-Allow-Origin"] = "*"
    query = request.query_string.decode("ascii", "replace")[:200]
    log.info(
        "request",
        method=request.method,
        path=quote(request.path) + (query and f"?{query}"),
        status=response.status_code,
        ms=round(1000 * (time.perf_counter() - g.started), 1),
    )
    structlog.contextvars.clear_contextvars()
    return response
