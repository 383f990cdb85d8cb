"""…"""

from urllib.parse import quote

import structlog
from flask import request
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, ServiceUnavailable
from werkzeug.wrappers import Response as AnyResponse

from core import encoding
from store.database import error_line
from web import http_headers, pages, parameters
from web.responses import RETRY_AFTER

log = structlog.get_logger("starboard")

LONGEST = 500  # characters of a path that an error repeats

# Errors and log lines


def problem_response(error: HTTPException) -> AnyResponse:
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
    problem: http_headers.Problem = {
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
        response.data, response.content_type = encoding.encode(problem), parameters.PROBLEM
    response.vary.add("Accept")
    response.cache_control.no_store = True
    return response


def database_problem(error: DBAPIError) -> AnyResponse:
    log.error("database", why=error_line(error))
    detail = f"{error_line(error)}; see /readyz"
    return problem_response(ServiceUnavailable(detail, retry_after=RETRY_AFTER))
