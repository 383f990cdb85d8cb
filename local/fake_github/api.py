"""The fake GitHub: its REST API, and what all of its answers have in common."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from math import ceil
from typing import cast

from flask import Blueprint, Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from core.clock import now, rfc3339
from core.lists import Count
from local.fake_github import errors, qualifiers, queries
from local.fake_github.bodies import repository_body
from local.fake_github.faults import FaultInjector
from local.fake_github.graphql_api import graphql
from local.fake_github.limits import LIMITS, Meter, Quota
from local.fake_github.owners import owned, owners
from local.fake_github.qualifiers import Query
from local.fake_github.star_history import stargazers
from local.fake_github.state import FakeGitHub, Record, conditional, fake, named, numbered
from local.fake_github.worlds import FakeRepository, World

github = Blueprint("github", __name__)


def create_fake_github(
    world: World,
    *,
    clock: Callable[[], datetime] = now,
    limits: Mapping[str, Quota] | None = None,
    token: str | None = None,
    faults: FaultInjector | None = None,
    star_history: bool = True,
) -> Flask:
    """GitHub's REST API over `world`, with LIMITS or `limits`, and no token valid but `token`.

    It does no faults but that which is asked for. Without `star_history` it is as an Enterprise
    server, which has no such endpoint: 404 for every repository.
    """
    app = Flask(__name__)
    app.register_blueprint(github)
    app.register_blueprint(graphql)
    app.register_blueprint(owners)
    if star_history:
        app.register_blueprint(stargazers)
    meter = Meter({**LIMITS, **(limits or {})})
    app.extensions["fake_github"] = FakeGitHub(
        world, clock, meter, token, faults or FaultInjector()
    )
    # An Enterprise server has the same API under a prefix, which its URLs then have too.
    enterprise = DispatcherMiddleware(app.wsgi_app, {"/api/v3": app.wsgi_app})
    app.wsgi_app = enterprise  # type: ignore[method-assign]
    return app


@github.before_app_request
def admit() -> Response | None:
    """Turn away the nameless, those with a wrong token, and those whose window is used up."""
    fake_github = fake()
    g.at = fake_github.clock()
    g.caller = request.headers.get("Authorization")
    g.resource = _resource(request.path)
    if not request.headers.get("User-Agent"):
        return errors.nameless()
    if g.caller and fake_github.token not in (None, g.caller.split()[-1]):
        g.caller = None  # its headers are those of somebody without a token
        return errors.error(401, "Bad credentials")
    if g.resource == "graphql" and not g.caller:
        return errors.error(401, "This endpoint requires you to be authenticated.", "graphql")
    uncounted = request.endpoint in ("github.rate_limit", "github.log")
    if uncounted or fake_github.meter.count(g.resource, g.caller, g.at):
        return None
    return errors.points_used_up() if g.resource == "graphql" else errors.exhausted(g.caller)


def _resource(path: str) -> str:
    if path.endswith("/graphql"):
        return "graphql"
    return "search" if path.startswith("/search/") else "core"


@github.after_app_request
def send(response: Response) -> Response:
    """Give an answer its headers and record it. Every answer passes here, errors too."""
    fake_github = fake()
    if response.status_code == 304 and g.caller:
        fake_github.meter.count(g.resource, g.caller, g.at, requests=-1)
    for name, value in fake_github.meter.report(g.resource, g.caller, g.at).items():
        response.headers[f"X-RateLimit-{name.title()}"] = str(value)
    version = request.headers.get("X-GitHub-Api-Version", "2022-11-28")
    response.headers["X-RateLimit-Resource"] = g.resource
    response.headers["X-GitHub-Api-Version-Selected"] = version
    response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
    response.date = g.at
    response.headers["X-GitHub-Request-Id"] = f"57A4:{next(fake_github.request_ids):06X}"
    if response.mimetype == "application/json":
        response.content_type = "application/json; charset=utf-8"
    if request.endpoint == "github.log":
        return response
    response = fake_github.faults(response)
    fake_github.log.append(_record(response.status_code))
    return response


def _record(status: int) -> Record:
    path, query = request.root_path + request.path, request.query_string.decode()
    return Record(g.at, request.method, path, query, g.resource, status)


@github.get("/search/repositories")
def search() -> Response:
    """A page of the repositories that `q` names."""
    sort, order = request.args.get("sort", "stars"), request.args.get("order", "desc")
    page, size = queries.number("page", default=1), min(queries.number("per_page", default=30), 100)
    q = request.args.get("q", "").strip()
    if not q:
        return errors.invalid("q", "missing")
    if sort not in ("stars", "forks") or order != "desc":
        return errors.invalid("sort", "invalid", "only sort=stars or forks, order=desc")
    try:
        query = qualifiers.parse_query(q, cast(Count, sort))
    except ValueError as error:
        return errors.invalid("q", "invalid", str(error))
    if (page - 1) * size >= queries.REACHABLE:
        return errors.error(422, "Only the first 1000 search results are available", "v3/search/")
    found = _found(query)
    asked = query.conditions.get("user", ())
    if asked and not found and not any(owned(owner) for owner in asked):
        return errors.invalid("q", "invalid", errors.NOBODY)
    g.unqualified = lambda: _page(_found(query.unqualified()), page, size)  # a fault answers so
    response = jsonify(_page(found, page, size))
    pages = ceil(min(len(found), queries.REACHABLE) / size)
    response.headers.extend(queries.links(page, pages))
    return response


def _found(query: Query) -> list[FakeRepository]:
    in_order = fake().world.search(query.ranked, query.floor, g.at)
    return [repo for repo in in_order if query.matches(repo)]


def _page(found: list[FakeRepository], page: int, size: int) -> dict[str, object]:
    shown = found[(page - 1) * size : page * size]
    items = [{**repository_body(repo), "score": 1.0} for repo in shown]
    return {"total_count": len(found), "incomplete_results": False, "items": items}


@github.get("/repos/<owner>/<name>")
def repository(owner: str, name: str) -> Response:
    """A repository by its name; from an old name, the way to its id."""
    return _document(named(owner, name))


@github.get("/repositories/<int:github_id>")
def repository_by_id(github_id: int) -> Response:
    """A repository by its id."""
    return _document(numbered(github_id))


@github.get("/rate_limit")
def rate_limit() -> Response:
    """The requests that the caller has left of each resource."""
    meter = fake().meter
    resources = {name: meter.report(name, g.caller, g.at) for name in meter.limits}
    return jsonify(resources=resources, rate=resources["core"])


@github.get("/_log")
def log() -> Response:
    """The requests until now, this route's own apart. GitHub has no such thing."""
    records = fake().log
    return jsonify([{**asdict(record), "at": rfc3339(record.at)} for record in records])


@github.app_errorhandler(HTTPException)
def not_served(error: HTTPException) -> Response:
    """Any other error, in GitHub's shape."""
    return errors.error(error.code or 500, error.name)


def _document(repo: FakeRepository) -> Response:
    """The full document of a repository."""
    more = {"network_count": repo.forks, "subscribers_count": repo.stars // 100}
    return conditional(jsonify({**repository_body(repo), **more}))
