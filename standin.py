"""A stand-in for GitHub's REST API, with the worlds it can show, for tests and for the demo."""

import argparse
import csv
import hashlib
import re
import shlex
import threading
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import count, product
from math import exp, sin, tau
from pathlib import Path
from random import Random
from typing import Protocol, cast
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, abort, current_app, g, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import WSGIRequestHandler, make_server

import clock
import lists
from lists import Count, RankedList
from mischief import Mischief


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository as it stands at one moment."""

    github_id: int
    full_name: str
    stars: int
    forks: int
    open_issues: int
    language: str | None
    description: str | None
    pushed_at: datetime


class World(Protocol):
    """The repositories there are at a moment. Names match in any case."""

    def search(self, ranked: RankedList, floor: int, at: datetime) -> list[Repo]:
        """All with more than `floor` of the list's count, in GitHub's order."""

    def by_name(self, full_name: str, at: datetime) -> Repo | None: ...

    def by_id(self, github_id: int, at: datetime) -> Repo | None: ...

    def renamed(self, full_name: str, at: datetime) -> int | None:
        """The id that bore this name before."""


BORN = datetime(2026, 1, 1, tzinfo=UTC)
FORMERLY = "-next"  # each made-up repository once bore its name with this suffix
MOODS = """amber brisk cobalt dapper ember fabled gentle hazel ivory jolly kindled lunar mellow
    nimble opal pebbled quiet russet silver tidal umber velvet willow zephyr"""
THINGS = """anchor beacon cabin drifter engine ferry garden harbor island journal kettle lantern
    mirror needle orchard parcel quarry ribbon saddle tunnel umbrella violin wagon yard"""
GUILDS = ("HQ", "dev", "-labs", "-works", "-team", "Org", "-io", "kit")
PITCHES = (
    None,
    "A {mood} {thing} for {language}, small, fast and tested",
    'The {thing} that "just works"',
    "🚀 {language} meets the {thing}: build, ship, repeat",
    "⭐ Learn {language} by building a {thing} – it's fun 🎉",
    "An opinionated, batteries-included {thing} (work in progress)",
)


@dataclass(frozen=True, slots=True)
class Course:
    """What a made-up repository was when its world was born, and how it fares from then on."""

    born: Repo
    pace: float  # stars a day
    phase: float  # days by which its rhythm leads
    cycle: float  # days from one burst of stars to the next
    burst: float  # stars that a burst brings, within a day
    wobble: float  # stars that come and go
    beat: float  # times a day that they do
    push_every: timedelta

    def steady(self, days: float) -> float:
        """Stars without the wobble: growth that is slower by night, and quickened by bursts."""
        lived = days + self.phase
        bursts, since = divmod(lived, self.cycle)
        growth = self.pace * (days + 0.12 * sin(tau * lived))
        return self.born.stars + growth + self.burst * (bursts + min(1.0, since))

    def stars(self, days: float) -> int:
        return max(0, int(self.steady(days) + self.wobble * sin(tau * self.beat * days)))

    def forks(self, days: float) -> int:
        return max(0, int(self.steady(days) * self.born.forks / self.born.stars))

    def at(self, days: float, moment: datetime) -> Repo:
        return replace(
            self.born,
            stars=self.stars(days),
            forks=self.forks(days),
            open_issues=int(self.born.open_issues * (1 + 0.2 * sin(days / 5 + self.phase))),
            pushed_at=clock.floor(moment, self.push_every),
        )


class MadeUpWorld:
    """Invented repositories, whose figures follow from the seed and the moment alone."""

    def __init__(
        self,
        seed: int = 1,
        size_per_language: int = 130,
        languages: Iterable[str] = tuple(lists.LANGUAGES),
        born: datetime = BORN,
    ) -> None:
        self._born = born
        self._courses = _courses(Random(seed), size_per_language, [*languages, None])
        self._by_id = {course.born.github_id: course for course in self._courses}
        self._by_name = {course.born.full_name.casefold(): course for course in self._courses}
        self._by_slug: dict[str, list[Course]] = {}
        for course in self._courses:
            slug = lists.slug_of(course.born.language or "")
            self._by_slug.setdefault(slug, []).append(course)

    def search(self, ranked: RankedList, floor: int, at: datetime) -> list[Repo]:
        days = self._days(at)
        courses = self._by_slug.get(ranked.slug, []) if ranked.language else self._courses
        figure = Course.stars if ranked.count == "stars" else Course.forks
        found = [(n, course) for course in courses if (n := figure(course, days)) > floor]
        found.sort(key=lambda pair: -pair[0])
        return [course.at(days, at) for _, course in found]

    def by_name(self, full_name: str, at: datetime) -> Repo | None:
        course = self._by_name.get(full_name.casefold())
        return course.at(self._days(at), at) if course else None

    def by_id(self, github_id: int, at: datetime) -> Repo | None:
        course = self._by_id.get(github_id)
        return course.at(self._days(at), at) if course else None

    def renamed(self, full_name: str, at: datetime) -> int | None:
        name = full_name.casefold()
        course = self._by_name.get(name.removesuffix(FORMERLY)) if name.endswith(FORMERLY) else None
        return course.born.github_id if course else None

    def _days(self, at: datetime) -> float:
        return (at - self._born) / clock.DAY


def _courses(random: Random, size: int, languages: list[str | None]) -> list[Course]:
    """The courses of `size` repositories a language (None: in none), no two of one name."""
    courses: list[Course] = []
    words = list(product(THINGS.split(), GUILDS, MOODS.split(), THINGS.split()))
    names = random.sample(words, size * len(languages))
    for name, (language, place) in zip(names, product(languages, range(1, size + 1)), strict=True):
        # A list's floor is half of what its hundredth place has.
        hundredth = 2 * (lists.LANGUAGES.get(language, 1_000) if language else 12_000)
        stars = int(hundredth * (100 / place) ** 0.52 * exp(random.gauss(0, 0.05)))
        course = _course(random, _newborn(random, len(courses), name, language, stars))
        if place % 20 == 0:  # rivals: only their wobbles tell this one from the one before it
            born = replace(course.born, stars=courses[-1].born.stars)
            course = replace(courses[-1], born=born, beat=course.beat)
        courses.append(course)
    return courses


def _newborn(
    random: Random, index: int, name: tuple[str, ...], language: str | None, stars: int
) -> Repo:
    owner, guild, mood, thing = name
    pitch = random.choice(PITCHES)
    return Repo(
        github_id=10_000_019 + 9_973 * index,
        full_name=f"{owner}{guild}/{mood}-{thing}",
        stars=stars,
        forks=int(stars * min(0.7, exp(random.gauss(-1.8, 0.6)))),
        open_issues=int(exp(random.uniform(0, 7))),
        language=language,
        description=pitch and pitch.format(mood=mood, thing=thing, language=language or "anything"),
        pushed_at=BORN,
    )


def _course(random: Random, born: Repo) -> Course:
    cycle = random.uniform(20, 200)
    return Course(
        born,
        pace=born.stars * 0.0003 * exp(random.gauss(0, 0.8)),
        phase=random.uniform(0, cycle),
        cycle=cycle,
        burst=born.stars * 0.03 * random.random() ** 4,
        wobble=min(4.0, born.stars / 500) * random.random(),
        beat=random.uniform(24, 96),
        push_every=timedelta(seconds=int(exp(random.uniform(7, 17)))),
    )


class ArchiveWorld:
    """The days of an archive of daily top-100s; `day_at` says which of them a moment shows.

    A day without a file shows the latest before it. The archive has no ids: they are made up
    from the names, so that a name has the same one every day, and nothing is ever renamed.
    """

    def __init__(self, folder: Path | list[Path], day_at: Callable[[datetime], date]) -> None:
        folders = folder if isinstance(folder, list) else [folder]
        files = [file for place in folders for file in place.glob("github-ranking-????-??-??.csv")]
        if not files:
            raise FileNotFoundError(f"no github-ranking-YYYY-MM-DD.csv in {folder}")
        self._files = {date.fromisoformat(file.stem[-10:]): file for file in files}
        self._days = sorted(self._files)
        self._day_at = day_at
        self._names: dict[int, str] = {}
        self._read = lru_cache(maxsize=8)(self._parse)

    def search(self, ranked: RankedList, floor: int, at: datetime) -> list[Repo]:
        rows = self._lists(at).get(ranked.slug, [])
        return [repo for repo in rows if getattr(repo, ranked.count) > floor]

    def by_name(self, full_name: str, at: datetime) -> Repo | None:
        name = full_name.casefold()
        return next((repo for repo in self._repos(at) if repo.full_name.casefold() == name), None)

    def by_id(self, github_id: int, at: datetime) -> Repo | None:
        return next((repo for repo in self._repos(at) if repo.github_id == github_id), None)

    def renamed(self, full_name: str, at: datetime) -> int | None:
        return None

    def _repos(self, at: datetime) -> Iterator[Repo]:
        return (repo for rows in self._lists(at).values() for repo in rows)

    def _lists(self, at: datetime) -> dict[str, list[Repo]]:
        files = bisect_right(self._days, self._day_at(at))
        return self._read(self._days[files - 1]) if files else {}

    def _parse(self, day: date) -> dict[str, list[Repo]]:
        """The rows of each list, in the file's order; the lists in the order that settles ties."""
        rows: dict[str, list[Repo]] = {}
        with self._files[day].open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                slug = row["item"].lower().removeprefix("top-100-")
                rows.setdefault(slug, []).append(self._repo(row))
        return {slug: rows[slug] for slug in sorted(rows, key=lambda s: RankedList(s, s).order)}

    def _repo(self, row: dict[str, str]) -> Repo:
        full_name = f"{row['username']}/{row['repo_name']}"
        return Repo(
            self._id(full_name.casefold()),
            full_name,
            int(row["stars"]),
            int(row["forks"]),
            int(row["issues"]),
            row["language"] or None,
            row["description"] or None,
            clock.parse(row["last_commit"]),
        )

    def _id(self, name: str) -> int:
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % (2**31 - 1)
        while self._names.setdefault(number, name) != name:  # another name has it already
            number += 1
        return number


@dataclass(frozen=True, slots=True)
class Limit:
    """How many requests GitHub allows in a window, without and with a token."""

    anonymous: int
    authorized: int
    window: timedelta


class Meter:
    """What has been used of GitHub's windows: one a resource and caller, opened by a first request.

    A caller is an Authorization header; all without one count as one address.
    """

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        self.limits = limits
        self._windows: dict[tuple[str, str | None], tuple[int, int]] = {}  # used, reset
        self._lock = threading.Lock()

    def report(self, resource: str, caller: str | None, at: datetime) -> dict[str, int]:
        """The window that is open, or else the one that a request now would open.

        As at GitHub a window begins and ends with a whole second.
        """
        limit = self.limits[resource]
        allowed = limit.authorized if caller else limit.anonymous
        used, reset = self._windows.get((resource, caller), (0, 0))
        if at.timestamp() >= reset:
            used, reset = 0, int((at + limit.window).timestamp())
        return {"limit": allowed, "used": used, "remaining": allowed - used, "reset": reset}

    def count(self, resource: str, caller: str | None, at: datetime, requests: int = 1) -> bool:
        """Count requests (-1 takes one back); false, uncounted, where the limit forbids it."""
        with self._lock:
            window = self.report(resource, caller, at)
            used = window["used"] + requests
            allowed = 0 <= used <= window["limit"]
            if allowed:
                self._windows[resource, caller] = used, window["reset"]
            return allowed


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
class Standin:
    """What the views share, kept at `app.extensions["standin"]`."""

    world: World
    clock: Callable[[], datetime]
    meter: Meter
    token: str | None
    mischief: Mischief
    log: list[Record] = field(default_factory=list)
    request_ids: Iterator[int] = field(default_factory=count)


LIMITS = {"core": Limit(60, 5_000, clock.HOUR), "search": Limit(10, 30, timedelta(minutes=1))}
REACHABLE = 1_000  # results that GitHub gives of a search, however many it counts
NAMELESS = """Request forbidden by administrative rules. Please make sure your request has a \
User-Agent header (https://docs.github.com/rest/overview/resources-in-the-rest-api\
#user-agent-required). Check https://developer.github.com for other possible causes.
"""
GOOD_NEWS = """(But here's the good news: Authenticated requests get a higher rate limit. \
Check out the documentation for more details.)"""

github = Blueprint("github", __name__)


def create_standin(
    world: World,
    *,
    clock: Callable[[], datetime] = clock.now,
    limits: Mapping[str, Limit] | None = None,
    token: str | None = None,
    mischief: Mischief | None = None,
) -> Flask:
    """GitHub's REST API over `world`, with LIMITS or `limits`, and no token valid but `token`.

    It does no mischief but that which is asked for.
    """
    app = Flask(__name__)
    app.register_blueprint(github)
    meter = Meter({**LIMITS, **(limits or {})})
    app.extensions["standin"] = Standin(world, clock, meter, token, mischief or Mischief())
    # An Enterprise server has the same API under a prefix, which its URLs then have too.
    enterprise = DispatcherMiddleware(app.wsgi_app, {"/api/v3": app.wsgi_app})
    app.wsgi_app = enterprise  # type: ignore[method-assign]
    return app


def _standin() -> Standin:
    return cast(Standin, current_app.extensions["standin"])


@github.before_app_request
def admit() -> Response | None:
    """Turn away the nameless, those with a wrong token, and those whose window is used up."""
    standin = _standin()
    g.at = standin.clock()
    g.caller = request.headers.get("Authorization")
    g.resource = "search" if request.path.startswith("/search/") else "core"
    if not request.headers.get("User-Agent"):
        return Response(NAMELESS, 403, mimetype="text/html")
    if g.caller and standin.token not in (None, g.caller.split()[-1]):
        return _error(401, "Bad credentials")
    uncounted = request.endpoint in ("github.rate_limit", "github.log")
    if uncounted or standin.meter.count(g.resource, g.caller, g.at):
        return None
    whose = "user ID 1." if g.caller else f"{request.remote_addr}. {GOOD_NEWS}"
    doc = "rest/overview/resources-in-the-rest-api#rate-limiting"
    return _error(403, f"API rate limit exceeded for {whose}", doc)


@github.after_app_request
def send(response: Response) -> Response:
    """Give an answer its headers and record it. Every answer passes here, errors too."""
    standin = _standin()
    if response.status_code == 304 and g.caller:
        standin.meter.count(g.resource, g.caller, g.at, requests=-1)
    for name, value in standin.meter.report(g.resource, g.caller, g.at).items():
        response.headers[f"X-RateLimit-{name.title()}"] = str(value)
    version = request.headers.get("X-GitHub-Api-Version", "2022-11-28")
    response.headers["X-RateLimit-Resource"] = g.resource
    response.headers["X-GitHub-Api-Version-Selected"] = version
    response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
    response.headers["X-GitHub-Request-Id"] = f"57A4:{next(standin.request_ids):06X}"
    if response.mimetype == "application/json":
        response.content_type = "application/json; charset=utf-8"
    if request.endpoint == "github.log":
        return response
    response = standin.mischief(response)
    standin.log.append(_record(response.status_code))
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
    found = _standin().world.search(ranked, floors.pop(sort, -1), g.at)
    for figure, floor in floors.items():
        found = [repo for repo in found if getattr(repo, figure) > floor]
    shown = found[(page - 1) * size : page * size]
    items = [{**_document(repo), "score": 1.0} for repo in shown]
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
    repo = _standin().world.by_name(f"{owner}/{name}", g.at)
    if repo:
        return _conditional(repo)
    github_id = _standin().world.renamed(f"{owner}/{name}", g.at)
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
    return _conditional(_standin().world.by_id(github_id, g.at) or abort(404))


@github.get("/rate_limit")
def rate_limit() -> Response:
    """What the caller has left of each resource."""
    meter = _standin().meter
    resources = {name: meter.report(name, g.caller, g.at) for name in meter.limits}
    return jsonify(resources=resources, rate=resources["core"])


@github.get("/_log")
def log() -> Response:
    """The requests until now, this route's own apart. GitHub has no such thing."""
    records = _standin().log
    return jsonify([{**asdict(record), "at": clock.rfc3339(record.at)} for record in records])


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


def _conditional(repo: Repo) -> Response:
    """The full document of a repository, or 304 for a caller that has it."""
    more = {"network_count": repo.forks, "subscribers_count": repo.stars // 100}
    response = jsonify({**_document(repo), **more})
    response.add_etag(weak=True)
    response.make_conditional(request)
    del response.headers["Date"]  # the server writes it too
    return response


# Members that are URLs below the repository's or the owner's own, as GitHub's templates.
LINKS = """archive_url={archive_format}{/ref} assignees_url=assignees{/user}
    blobs_url=git/blobs{/sha} branches_url=branches{/branch} comments_url=comments{/number}
    collaborators_url=collaborators{/collaborator} commits_url=commits{/sha}
    compare_url=compare/{base}...{head} contents_url=contents/{+path}
    contributors_url=contributors deployments_url=deployments downloads_url=downloads
    events_url=events forks_url=forks git_commits_url=git/commits{/sha}
    git_refs_url=git/refs{/sha} git_tags_url=git/tags{/sha} hooks_url=hooks
    issue_comment_url=issues/comments{/number} issue_events_url=issues/events{/number}
    issues_url=issues{/number} keys_url=keys{/key_id} labels_url=labels{/name}
    languages_url=languages merges_url=merges milestones_url=milestones{/number}
    notifications_url=notifications{?since,all,participating} pulls_url=pulls{/number}
    releases_url=releases{/id} stargazers_url=stargazers statuses_url=statuses/{sha}
    subscribers_url=subscribers subscription_url=subscription tags_url=tags teams_url=teams
    trees_url=git/trees{/sha}"""
OWNER_LINKS = """followers_url=followers following_url=following{/other_user}
    gists_url=gists{/gist_id} starred_url=starred{/owner}{/repo} subscriptions_url=subscriptions
    organizations_url=orgs repos_url=repos events_url=events{/privacy}
    received_events_url=received_events"""
NO = ("private", "fork", "is_template", "has_pages", "archived", "disabled")
YES = ("has_issues", "has_projects", "has_wiki", "has_downloads", "has_discussions")


def _document(repo: Repo) -> dict[str, object]:
    """What GitHub says of a repository in a search."""
    owner, name = repo.full_name.split("/")
    url, site = f"{request.root_url}repos/{repo.full_name}", f"github.com/{repo.full_name}"
    return {
        "id": repo.github_id,
        "node_id": f"R_{repo.github_id:010x}",
        "name": name,
        "full_name": repo.full_name,
        "owner": _owner(owner),
        "html_url": f"https://{site}",
        "description": repo.description,
        "url": url,
        **_below(url, LINKS),
        "git_url": f"git://{site}.git",
        "ssh_url": f"git@github.com:{repo.full_name}.git",
        "clone_url": f"https://{site}.git",
        "svn_url": f"https://{site}",
        "created_at": "2009-01-01T00:00:00Z",
        "updated_at": clock.rfc3339(repo.pushed_at),
        "pushed_at": clock.rfc3339(repo.pushed_at),
        "size": 4_096,
        **dict.fromkeys(("stargazers_count", "watchers_count", "watchers"), repo.stars),
        **dict.fromkeys(("forks_count", "forks"), repo.forks),
        **dict.fromkeys(("open_issues_count", "open_issues"), repo.open_issues),
        "language": repo.language,
        **dict.fromkeys(("homepage", "mirror_url", "license")),
        **dict.fromkeys(NO, False),
        **dict.fromkeys(YES, True),
        "topics": [],
        "visibility": "public",
        "default_branch": "main",
    }


def _owner(login: str) -> dict[str, object]:
    number, url = zlib.crc32(login.encode()), f"{request.root_url}users/{login}"
    return {
        "login": login,
        "id": number,
        "node_id": f"O_{number:010x}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"https://github.com/{login}",
        **_below(url, OWNER_LINKS),
        "type": "Organization",
        "user_view_type": "public",
        "site_admin": False,
    }


def _below(url: str, links: str) -> dict[str, str]:
    pairs = (link.split("=") for link in links.split())
    return {member: f"{url}/{path}" for member, path in pairs}


class QuietHandler(WSGIRequestHandler):
    """Logs no requests: the stand-in keeps its own record."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@contextmanager
def serve(app: Flask, port: int = 0, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve on a thread while the context lasts, and yield the URL; port 0 means any free one."""
    server = make_server(host, port, app, threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://{host}:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main(arguments: list[str] | None = None) -> None:
    """Serve a world until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="standin.py", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=9000, help="default: %(default)s; 0: any free")
    parser.add_argument("--seed", type=int, default=1, help="of the made-up world, default: 1")
    parser.add_argument(
        "--archive", type=Path, metavar="FOLDER", help="serve its newest day instead"
    )
    parser.add_argument(
        "--day",
        type=date.fromisoformat,
        metavar="YYYY-MM-DD",
        help="of the archive, not the newest",
    )
    parser.add_argument("--token", help="the only valid one; without it any will do")
    parser.add_argument(
        "--mischief", type=float, default=0.0, metavar="SHARE", help="damage that share of answers"
    )
    args = parser.parse_args(arguments)
    if args.day and not args.archive:
        parser.error("--day needs --archive")
    try:
        world = _world(args.archive, args.day or date.max, args.seed)
    except FileNotFoundError as error:
        parser.error(str(error))
    mischief = Mischief(args.seed, args.mischief)
    app = create_standin(world, token=args.token, mischief=mischief)
    with suppress(KeyboardInterrupt), serve(app, args.port, args.host) as url:
        print(f"The stand-in GitHub listens on {url}", flush=True)
        threading.Event().wait()


def _world(archive: Path | None, day: date, seed: int) -> World:
    return ArchiveWorld(archive, lambda at: day) if archive else MadeUpWorld(seed)


if __name__ == "__main__":
    main()
