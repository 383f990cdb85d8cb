"""Around every request: its id, the context of its log lines, its time, and common headers."""

import time
from urllib.parse import quote

import structlog
from flask import g, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from monitoring import metrics
from monitoring.logs import LONGEST_PATH
from web import http_headers
from web.replies import zip_where_taken


def begin_request() -> None:
    """Give the request an id, and log lines its context."""
    g.request_id = http_headers.request_id(request.environ)
    g.started = time.perf_counter()
    structlog.contextvars.bind_contextvars(
        request_id=g.request_id, path=quote(request.path)[:LONGEST_PATH]
    )
    if "\0" in request.path:
        raise NotFound("nothing has a name with a NUL in it")


def end_request(response: AnyResponse) -> AnyResponse:
    """Add the headers that every reply has, zip what is not zipped yet, and count the request."""
    response = zip_where_taken(response)
    response.headers["X-Request-ID"] = g.request_id
    response.headers.extend(http_headers.of_every_reply(request.path, response.content_type or ""))
    if request.method == "OPTIONS" and request.path.startswith(http_headers.OPEN):
        response.headers.extend(http_headers.OF_PREFLIGHTS)
    route = request.url_rule.rule if request.url_rule else None
    observe = metrics.observe(route, request.method, response.status_code)
    observe(time.perf_counter() - g.started)
    structlog.contextvars.clear_contextvars()
    return response
