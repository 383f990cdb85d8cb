"""Errors as replies: RFC 9457 problems for programs, pages for people."""

from urllib.parse import quote

import structlog
from flask import request
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, ServiceUnavailable
from werkzeug.wrappers import Response as AnyResponse

from core import encoding
from store.database import error_line
from web import http_headers, parameters, rendering
from web.responses import RETRY_AFTER

log = structlog.get_logger("starboard")

LONGEST_PATH = 500  # characters that an error repeats
BUSY = ("database is locked", "statement timeout")  # what SQLite and Postgres say of their patience


def problem_response(error: HTTPException) -> AnyResponse:
    """Return an error as `application/problem+json`, or as a page to a reader of pages, with the
    headers that belong to it, such as `Allow` and `Retry-After`; a redirect as it is."""
    response = error.get_response()
    if response.status_code < 400:
        return response
    problem: http_headers.Problem = {
        "type": "about:blank",
        "title": error.name,
        "status": response.status_code,
        "detail": _detail(error),
        "instance": quote(request.path)[:LONGEST_PATH],
    }
    if rendering.is_page_wanted():
        page = rendering.problem_page(problem, response.headers.get("Retry-After"))
        response.data, response.content_type = page.encode(errors="replace"), parameters.HTML
    else:
        response.data, response.content_type = encoding.encode(problem), parameters.PROBLEM
    response.vary.add("Accept")
    response.cache_control.no_store = True
    return response


def _detail(error: HTTPException) -> str:
    if isinstance(error, MethodNotAllowed):
        return f"{request.path} takes {', '.join(sorted(error.valid_methods or ()))}"
    if error.description == NotFound.description:
        return "there is nothing here; see /api/v1"
    return str(error.description)


def database_problem(error: DBAPIError) -> AnyResponse:
    """Return 503 for a database that cannot be used. Why is for the log: it may tell where the
    database is."""
    log.error("database", why=error_line(error))
    where = "" if request.endpoint == "site.readyz" else "; see /readyz"
    busy = any(told in str(error.orig) for told in BUSY)
    detail = "the database is busy" if busy else "the database cannot be reached"
    return problem_response(ServiceUnavailable(f"{detail}{where}", retry_after=RETRY_AFTER))
