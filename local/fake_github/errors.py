"""Refusals, in the words and the shape of GitHub's."""

from flask import Response, jsonify, request

NAMELESS = """Request forbidden by administrative rules. Please make sure your request has a \
User-Agent header (https://docs.github.com/rest/overview/resources-in-the-rest-api\
#user-agent-required). Check https://developer.github.com for other possible causes.
"""

GOOD_NEWS = """(But here's the good news: Authenticated requests get a higher rate limit. \
Check out the documentation for more details.)"""

NOBODY = """The listed users and repositories cannot be searched either because the resources do \
not exist or you do not have permission to view them."""


def error(status: int, message: str, doc: str = "rest", **more: object) -> Response:
    """Return an error: a message, where GitHub's documents tell of it, and further members."""
    about = {"documentation_url": f"https://docs.github.com/{doc}", "status": str(status)}
    response = jsonify({"message": message, **more, **about})
    response.status_code = status
    return response


def invalid(field: str, code: str, message: str = "") -> Response:
    """Return the refusal of a search for a parameter."""
    why = {"message": message} if message else {}
    why |= {"resource": "Search", "field": field, "code": code}
    return error(422, "Validation Failed", "v3/search/", errors=[why])


def nameless() -> Response:
    """Return the refusal of a request without a User-Agent, which is no JSON."""
    return Response(NAMELESS, 403, mimetype="text/html")


def exhausted(caller: str | None) -> Response:
    """Return the refusal of a caller whose window is used up."""
    whose = "user ID 1." if caller else f"{request.remote_addr}. {GOOD_NEWS}"
    doc = "rest/overview/resources-in-the-rest-api#rate-limiting"
    return error(403, f"API rate limit exceeded for {whose}", doc)


def points_used_up() -> Response:
    """Return the same of GraphQL, which says so in an answer of status 200."""
    message = "API rate limit already exceeded for user ID 1."
    return jsonify(
        errors=[{"type": "RATE_LIMIT", "code": "graphql_rate_limit", "message": message}]
    )


def too_slow() -> Response:
    """Return what GraphQL answers after ten seconds."""
    message = "We couldn't respond to your request in time. Sorry about that."
    response = jsonify(data=None, errors=[{"message": message}])
    response.status_code = 502
    return response
