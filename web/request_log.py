"""…"""

import time
from urllib.parse import quote

import structlog
from flask import g, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from monitoring import metrics
from web import http_headers


def begin_request() -> None:
    g.request_id = http_headers.request_id(request.environ)
    g.started = time.perf_counter()
    structlog.contextvars.bind_contextvars(request_id=g.request_id, path=quote(request.path))
    request.environ[metrics.ROUTE] = request.url_rule and request.url_rule.rule
    if "\0" in request.path:
        raise NotFound("nothing has a name with a NUL in it")


def end_request(response: AnyResponse) -> AnyResponse:
    response.headers["X-Request-ID"] = g.request_id
    response.headers.extend(http_headers.of_every_reply(request.path, response.content_type or ""))
    if request.method == "OPTIONS" and request.path.startswith(http_headers.OPEN):
        response.headers.extend(http_headers.OF_PREFLIGHTS)
    took = time.perf_counter() - g.started
    route = request.environ[metrics.ROUTE]
    metrics.observe(route, request.method, response.status_code)(took)
    structlog.contextvars.clear_contextvars()
    return response
