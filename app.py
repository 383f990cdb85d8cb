"""Flask: the app, its health, and what its replies have in common. What a request asks for is
fetched from what is stored; nothing is computed."""

import time
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import structlog
from flask import Blueprint, Flask, Response, current_app, g, request
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, ServiceUnavailable
from werkzeug.wrappers import Response as AnyResponse

import api
import assets
import broker
import commands
import context
import embeds
import logs
import metrics
import models
import openapi
import pages
import parameters
import replies
import settings as configuration
import store
from api import RETRY_AFTER, live_json
from models import SchemaError
from parameters import JSON, endpoint
from replies import Reply, kept
from settings import Settings

log = structlog.get_logger("starboard")
LONGEST = 500  # characters of a path that an error repeats

site = Blueprint("site", __name__)


def create_app(settings: Settings | None = None) -> Flask:
    """The web process and the commands; `settings` are the environment's unless given."""
    settings = settings or configuration.or_exit()
    logs.configure(settings)
    app = Flask(__name__, static_folder=None)  # assets.py serves the files
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.extensions["settings"] = settings
    database = app.extensions["database"] = models.connect(settings)
    app.extensions["redis"] = broker.connect(settings.redis_url, timeout=1, retries=0)
    for blueprint in (site, api.api, embeds.embeds, pages.pages, assets.assets):
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, _problem)
    app.register_error_handler(DBAPIError, _database_problem)
    app.before_request(_begin)
    app.after_request(_end)
    for command in commands.ALL:
        app.cli.add_command(command)
    app.wsgi_app = replies.Front(app.wsgi_app, lambda: _newest_build(database))  # type: ignore[method-assign]
    return app


def _newest_build(database: models.Database) -> object:
    with database.read() as session:
        return store.newest_build(session)


@site.get("/healthz")
@endpoint(dict[str, str], live=True, lenient=True)
def healthz() -> Response:
    """The process is up."""
    return live_json({"status": "ok"})


@site.get("/readyz")
@endpoint(dict[str, str], live=True, lenient=True)
def readyz() -> Response:
    """The database is reachable and its schema current."""
    try:
        context.database().check_schema()
    except (SchemaError, DBAPIError) as error:
        raise ServiceUnavailable(models.reason(error), retry_after=RETRY_AFTER) from error
    return live_json({"status": "ok"})


@site.get("/metrics")
@endpoint(bytes, content_type=metrics.CONTENT_TYPE, live=True)
def prometheus() -> Response:
    """Metrics for Prometheus. Without a database there are those of the requests."""
    live = None
    with suppress(DBAPIError):
        live = api.status_now()
    response = Response(metrics.exposition(live), content_type=metrics.CONTENT_TYPE)
    response.cache_control.no_store = True
    return response


@site.get("/openapi.json")
@endpoint(dict[str, Any], content_type=JSON)
def description() -> Response:
    """This description."""

    def make() -> Reply:
        with context.database().read() as session:
            build = api.build(session)
        return Reply.of(store.encode(openapi.describe(current_app)), JSON, build)

    return kept(("openapi.json",), make)


# Errors and log lines


def _problem(error: HTTPException) -> AnyResponse:
    """Any error as RFC 9457 `application/problem+json`, or as a page to those who read pages, with
    the headers that belong to it."""
    response = error.get_response()
    if response.status_code < 400:
        return response
    detail = str(error.description)
    if error.description == NotFound.description:
        detail = "there is nothing here; see /api/v1"
    elif isinstance(error, MethodNotAllowed):
        detail = f"{request.path} takes {', '.join(sorted(error.valid_methods or ()))}"
    problem: replies.Problem = {
        "type": "about:blank",
        "title": error.name,
        "status": response.status_code,
        "detail": detail,
        "instance": quote(request.path)[:LONGEST],
    }
    if pages.wanted():
        page = pages.problem(problem, response.headers.get("Retry-After"))
        response.data, response.content_type = page.encode(errors="replace"), parameters.HTML
    else:
        response.data, response.content_type = store.encode(problem), parameters.PROBLEM
    response.vary.add("Accept")
    response.cache_control.no_store = True
    return response


def _database_problem(error: DBAPIError) -> AnyResponse:
    log.error("database", why=models.reason(error))
    detail = f"{models.reason(error)}; see /readyz"
    return _problem(ServiceUnavailable(detail, retry_after=RETRY_AFTER))


def _begin() -> None:
    g.request_id = replies.request_id(request.environ)
    g.started = time.perf_counter()
    structlog.contextvars.bind_contextvars(request_id=g.request_id, path=quote(request.path))
    request.environ[metrics.ROUTE] = request.url_rule and request.url_rule.rule
    if "\0" in request.path:
        raise NotFound("nothing has a name with a NUL in it")


def _end(response: AnyResponse) -> AnyResponse:
    response.headers["X-Request-ID"] = g.request_id
    response.headers.extend(replies.of_every_reply(request.path, response.content_type or ""))
    if request.method == "OPTIONS" and request.path.startswith(replies.OPEN):
        response.headers.extend(replies.OF_PREFLIGHTS)
    took = time.perf_counter() - g.started
    route = request.environ[metrics.ROUTE]
    metrics.observe(route, request.method, response.status_code)(took)
    structlog.contextvars.clear_contextvars()
    return response
