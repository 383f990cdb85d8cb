"""The fake GitHub's REST API."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import cast
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, abort, current_app, g, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from core import lists
from core.clock import now, rfc3339
from core.lists import Count, RankedList
from local.fake_github.bodies import repository_body
from local.fake_github.faults import FaultInjector
from local.fake_github.limits import LIMITS, Meter, Quota
from local.fake_github.worlds import FakeRepository, World


@dataclass(frozen=True, slots=True)
class Record:
    """A request that came, and the status of its answer."""

    at: datetime
    method: str
    path: str
    query: str  # as it was encoded
    resource: str
    status: int


@dataclass(frozen=True)
class FakeGitHub:
    """The state that the views share, kept at `app.extensions["fake_github"]`."""

    world: World
    clock: Callable[[], datetime]
    meter: Meter
    token: str | None
    faults: FaultInjector
    log: list[Record] = field(default_factory=list)
    request_ids: Iterator[int] = field(default_factory=count)


REACHABLE = 1_000  # results that GitHub gives of a search, however many it counts

NAMELESS = """Request forbidden by administrative rules. Please make sure your request has a \
User-Agent header (https://docs.github.com/rest/overview/resources-in-the-rest-api\
#user-agent-required). Check https://developer.github.com for other possible causes.
"""

GOOD_NEWS = """(But here's the good news: Authenticated requests get a higher rate limit. \
Check out the documentation for more details.)"""

github = Blueprint("github", __name__)


def create_fake_github(
    world: World,
    *,
    clock: Callable[[], datetime] = now,
    limits: Mapping[str, Quota] | None = None,
    token: str | None = None,
    faults: FaultInjector | None = None,
) -> Flask:
    """GitHub's REST API over `world`, with LIMITS or `limits`, and no token valid but `token`.

    It does no faults but that which is asked for.
    """
    app = Flask(__name__)
    app.register_blueprint(github)
    meter = Meter({**LIMITS, **(limits or {})})
    app.extensions["fake_github"] = FakeGitHub(
        world, clock, meter, token, faults or FaultInjector()
    )
    # An Enterprise server has the same API under a prefix, which its URLs then have too.
    enterprise = DispatcherMiddleware(app.wsgi_app, {"/api/v3": app.wsgi_app})
    app.wsgi_app = enterprise  # type: ignore[method-assign]
    return app


def _fake() -> FakeGitHub:
    return cast(FakeGitHub, current_app.extensions["fake_github"])


@github.before_app_request
def admit() -> Response | None:
    """Turn away the nameless, those with a wrong token, and those whose window is used up."""
    fake_github = _fake()
    g.at = fake_github.clock()
    g.caller = request.headers.get("Authorization")
    g.resource = "search" if request.path.startswith("/search/") else "core"
    if not request.headers.get("User-Agent"):
        return Response(NAMELESS, 403, mimetype="text/html")
    if g.caller and fake_github.token not in (None, g.caller.split()[-1]):
        return _error(401, "Bad credentials")
    uncounted = request.endpoint in ("github.rate_limit", "github.log")
    if uncounted or fake_github.meter.count(g.resource, g.caller, g.at):
        return None
    whose = "user ID 1." if g.caller else f"{request.remote_addr}. {GOOD_NEWS}"
    doc = "rest/overview/resources-in-the-rest-api#rate-limiting"
    return _error(403, f"API rate limit exceeded for {whose}", doc)


@github.after_app_request
def send(response: Response) -> Response:
    """Give an answer its headers and record it. Every answer passes here, errors too."""
    fake_github = _fake()
    if response.status_code == 304 and g.caller:
        fake_github.meter.count(g.resource, g.caller, g.at, requests=-1)
    for name, value in fake_github.meter.report(g.resource, g.caller, g.at).items():
        response.headers[f"X-RateLimit-{name.title()}"] = str(value)
    version = request.headers.get("X-GitHub-Api-Version", "2022-11-28")
    response.headers["X-RateLimit-Resource"] = g.resource
    response.headers["X-GitHub-Api-Version-Selected"] = version
    response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
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
    page, size = _number("page", default=1), min(_number("per_page", default=30), 100)
    q = request.args.get("q", "").strip()
    if not q:
        return _invalid("q", "missing")
    if sort not in ("stars", "forks") or order != "desc":
        return _invalid("sort", "invalid", "only sort=stars or forks, order=desc")
    try:
        ranked, floors = parse_query(q, cast(Count, sort))
    except (LookupError, ValueError) as error:
        return _invalid("q", "invalid", str(error))
    if (page - 1) * size >= REACHABLE:
        return _error(422, "Only the first 1000 search results are available", "v3/search/")
    found = _fake().world.search(ranked, floors.pop(sort, -1), g.at)
    for figure, floor in floors.items():
        found = [repo for repo in found if getattr(repo, figure) > floor]
    shown = found[(page - 1) * size : page * size]
    items = [{**repository_body(repo), "score": 1.0} for repo in shown]
    response = jsonify(total_count=len(found), incomplete_results=False, items=items)
    response.headers.extend(_links(page, last=-(-min(len(found), REACHABLE) // size)))
    return response


def parse_query(q: str, sort: Count) -> tuple[RankedList, dict[str, int]]:
    """The list that `q` and `sort` name, and the floors by count.

    Raises ValueError or LookupError for all but `language:NAME`, `stars:>N` and `forks:>N`.
    """
    ranked, floors = lists.KNOWN[sort], dict[str, int]()
    for term in shlex.split(q):
        name, _, value = term.partition(":")
        name = name.lower()
        if name == "language" and not ranked.language:
            ranked = replace(lists.named(f"language:{value}"), count=sort)
        elif name in {"stars", "forks"} - floors.keys() and re.fullmatch(r">\d+", value):
            floors[name] = int(value[1:])
        else:
            raise ValueError(f"{term!r} is not one language:NAME, stars:>N or forks:>N")
    return ranked, floors


def _number(name: str, default: int) -> int:
    """A number in the query string; like GitHub, take no notice of one that makes no sense."""
    text = request.args.get(name, "")
    return int(text) if re.fullmatch(r"0*[1-9]\d{0,8}", text, re.ASCII) else default


def _links(page: int, last: int) -> dict[str, str]:
    """The Link header, where a search has pages besides this one."""
    back = {"prev": min(page - 1, last), "first": 1} if page > 1 and last else {}
    forth = {"next": page + 1, "last": last} if page < last else {}
    query = request.args.to_dict()
    links = (
        f'<{request.base_url}?{urlencode({**query, "page": number})}>; rel="{relation}"'
        for relation, number in (back | forth).items()
    )
    return {"Link": ", ".join(links)} if back or forth else {}


@github.get("/repos/<owner>/<name>")
def repository(owner: str, name: str) -> Response:
    """A repository by its name; from an old name, the way to its id."""
    repo = _fake().world.by_name(f"{owner}/{name}", g.at)
    if repo:
        return _conditional(repo)
    github_id = _fake().world.renamed(f"{owner}/{name}", g.at)
    if github_id is None:
        abort(404)
    url = f"{request.root_url}repositories/{github_id}"
    doc = "rest/guides/best-practices-for-using-the-rest-api#follow-redirects"
    response = _error(301, "Moved Permanently", doc, url=url)
    response.location = url
    return response


@github.get("/repositories/<int:github_id>")
def repository_by_id(github_id: int) -> Response:
    """A repository by its id."""
    return _conditional(_fake().world.by_id(github_id, g.at) or abort(404))


@github.get("/rate_limit")
def rate_limit() -> Response:
    """The requests that the caller has left of each resource."""
    meter = _fake().meter
    resources = {name: meter.report(name, g.caller, g.at) for name in meter.limits}
    return jsonify(resources=resources, rate=resources["core"])


@github.get("/_log")
def log() -> Response:
    """The requests until now, this route's own apart. GitHub has no such thing."""
    records = _fake().log
    return jsonify([{**asdict(record), "at": rfc3339(record.at)} for record in records])


@github.app_errorhandler(HTTPException)
def not_served(error: HTTPException) -> Response:
    """Any other error, in GitHub's shape."""
    return _error(error.code or 500, error.name)


def _error(status: int, message: str, doc: str = "rest", **more: object) -> Response:
    about = {"documentation_url": f"https://docs.github.com/{doc}", "status": str(status)}
    response = jsonify({"message": message, **more, **about})
    response.status_code = status
    return response


def _invalid(field: str, code: str, message: str = "") -> Response:
    error = {"message": message} if message else {}
    error |= {"resource": "Search", "field": field, "code": code}
    return _error(422, "Validation Failed", "v3/search/", errors=[error])


def _conditional(repo: FakeRepository) -> Response:
    """The full document of a repository, or 304 for a caller that has it."""
    more = {"network_count": repo.forks, "subscribers_count": repo.stars // 100}
    response = jsonify({**repository_body(repo), **more})
    response.add_etag(weak=True)
    response.make_conditional(request)
    del response.headers["Date"]  # the server writes it too
    return response
