"""Flask: routes, errors and commands. A request fetches what is stored; it computes nothing."""

import difflib
import re
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import click
import structlog
from flask import Blueprint, Flask, Response, current_app, g, redirect, request, url_for
from redis import Redis, RedisError
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import requeue_job
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
import jobs
import logs
import models
import settings as configuration
import status
import store
from github import GitHub, GitHubError
from lists import RankedList
from models import Database, SchemaError
from settings import Settings

STALE_IF_ERROR = timedelta(days=1)
RETRY_AFTER = 30  # seconds; a first poll and build take less
REQUEST_ID = re.compile(r"[\w.:-]{1,100}", re.ASCII)

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
    for command in (poll, aggregate, upgrade, failed_jobs):
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
            "owners": "/api/v1/owners?list={slug}",
            "repository": "/api/v1/repos/{owner}/{name}",
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
    """One leaderboard."""
    _no_arguments_but()
    return _document(f"lists/{_ranked(slug).slug}", _ranked(slug))


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
        raise NotFound(f"no repository named '{owner}/{name}' was on any list")
    full_name = found.standing.profile.full_name
    if full_name.lower() != f"{owner}/{name}".lower():
        new_owner, _, new_name = full_name.partition("/")
        return redirect(url_for("api.repository", owner=new_owner, name=new_name), 301)
    return _json(aggregates.repository(found.standing, found.history, found.ranks), cacheable=True)


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
        budget = status.github_status(session, settings.github_token is not None, now)
    # Redis may keep us waiting; no transaction should wait with us.
    return _json({"lists": polled, **_redis_status(), "github": budget})


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


def _ranked(slug: str) -> RankedList:
    known = {ranked.slug: ranked for ranked in _settings().lists}
    if slug.lower() in known:
        return known[slug.lower()]
    close = difflib.get_close_matches(slug.lower(), known, 1)
    hint = f"did you mean {close[0]!r}?" if close else "see /api/v1/lists"
    raise NotFound(f"no list named {slug!r}; {hint}")


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


# Commands


@click.command()
def upgrade() -> None:
    """Create the database's schema, or bring it up to date."""
    try:
        _database().upgrade()
    except (SchemaError, DBAPIError) as error:
        raise click.ClickException(models.reason(error)) from error
    click.echo("The schema is up to date.")


@click.command()
@click.option("--list", "slug", help="Poll this list only, by its slug.")
def poll(slug: str | None) -> None:
    """Poll GitHub once, now, in this process."""
    _require_schema()
    try:
        chosen = [_ranked(slug)] if slug else list(_settings().lists)
    except NotFound as error:
        raise click.BadParameter(str(error.description), param_hint="--list") from error
    every, database = _settings().poll_every, _database()
    gate = jobs.SqlGate(database, _settings(), patience={"search": every, "core": every / 10})
    failures = []
    with (
        GitHub(_settings(), gate) as github,
        click.progressbar(chosen, label="Polling", item_show_func=_slug) as bar,
    ):
        for ranked in bar:
            slot = clock.floor(clock.now(), every)
            try:
                result = jobs.poll_list(database, github, ranked, slot, every)
                if result["outcome"] == store.SUSPECT:
                    failures.append(f"{ranked.slug}: suspect, not shown: {result['why']}")
                elif result["outcome"] == store.MISSED:
                    failures.append(f"{ranked.slug}: the slot ended meanwhile; poll it again")
            except GitHubError as error:
                failures.append(f"{ranked.slug}: {error}")
            except DBAPIError as error:
                raise click.ClickException(models.reason(error)) from error
    for failure in failures:
        click.echo(failure, err=True)
    click.echo(f"Polled {len(chosen) - len(failures)} of {len(chosen)} lists.")
    if failures:
        raise SystemExit(1)


@click.command()
def aggregate() -> None:
    """Build all documents from what is stored, and publish them, in this process."""
    _require_schema()
    try:
        result = jobs.aggregate_lists(_database(), _settings(), clock.now())
    except DBAPIError as error:
        raise click.ClickException(models.reason(error)) from error
    if "documents" not in result:
        raise click.ClickException(f"{result['outcome']}: run `flask --app app poll` first")
    click.echo(f"{result['documents']} documents of {result['lists']} lists: {result['outcome']}.")


@click.command("jobs")
@click.option("--requeue", metavar="ID", multiple=True, help="Queue this one again; repeatable.")
@click.option("--requeue-all", is_flag=True, help="Queue all of them again.")
def failed_jobs(requeue: tuple[str, ...], requeue_all: bool) -> None:
    """List the jobs that were given up after their retries, or queue some of them again."""
    try:
        failed = status.failed_jobs(_redis())
        known = [job["id"] for job in failed]
        for job_id in requeue:
            if job_id not in known:
                raise click.BadParameter(f"no failed job {job_id!r}", param_hint="--requeue")
        again = known if requeue_all else dict.fromkeys(requeue)
        for job_id in again:
            with suppress(InvalidJobOperation, NoSuchJobError):  # somebody else was faster
                requeue_job(job_id, _redis())
                click.echo(f"queued again: {job_id}")
    except RedisError as error:
        raise click.ClickException(f"Redis cannot be reached: {error}") from error
    if again:
        return
    for job in failed:
        click.echo(f"{job['id']}  {job['queue']}  {job['at']}  {job['why']}")
    click.echo(f"{len(failed)} failed.")


def _slug(ranked: RankedList | None) -> str:
    return ranked.slug if ranked else ""


def _require_schema() -> None:
    try:
        _database().check_schema()
    except (SchemaError, DBAPIError) as error:
        raise click.ClickException(models.reason(error)) from error
