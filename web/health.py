"""The state of the service, for those who run it: health, readiness, metrics; and /openapi.json."""

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, current_app, request
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import ServiceUnavailable

from core import encoding
from monitoring import metrics
from store.database import SchemaError
from web import current, http_headers, openapi
from web.cache import cached_until_next_build
from web.parameters import JSON, endpoint
from web.replies import Reply
from web.responses import RETRY_AFTER, build, live_json, status_now

site = Blueprint("site", __name__)


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
        current.database().check_schema()
    except SchemaError as error:
        raise ServiceUnavailable(str(error), retry_after=RETRY_AFTER) from error
    return live_json({"status": "ok"})


@site.get("/metrics")
@endpoint(bytes, content_type=metrics.CONTENT_TYPE, live=True)
def prometheus() -> Response:
    """Metrics for Prometheus. Without a database there are those of the requests."""
    live = None
    with suppress(DBAPIError), current.gate().held():
        live = status_now()
    response = Response(metrics.exposition(live), content_type=metrics.CONTENT_TYPE)
    response.cache_control.no_store = True
    return response


@site.get("/openapi.json")
@endpoint(dict[str, Any], content_type=JSON)
@cached_until_next_build()
def description() -> Reply:
    """This description."""
    with current.database().read() as session:
        newest = build(session)
    server = current.settings().public_url or request.script_root or "/"
    described = openapi.describe(current_app, server)
    return Reply.of(encoding.encode(described), JSON, newest, current.vary(http_headers.LINKS))
