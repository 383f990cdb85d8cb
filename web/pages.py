"""The page: HTML made of what the API gives, for people and once a build. It computes nothing."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from core import clock, events
from core.clock import DAY
from core.lists import RankedList
from core.names import FULL_NAME
from core.windows import WINDOWS
from models import Document
from store import documents, readings, repositories
from store.events import events_of
from web import charts, current, http_headers, responses
from web.cache import kept
from web.charts import SPAN, SPANS
from web.page_filters import FILTERS
from web.parameters import HTML, Parameter, choice, endpoint, ranked
from web.replies import Build, Reply
from web.snippets import snippets
from web.sparklines import SPARK_DAYS, spark
from web.status_page import names_of_lists, strip, troubles

NEWS = 1000  # events that are looked through for those of a window

SHOWN_NEWS = 12  # of a kind

WORDS = {
    "1h": "1 hour",
    "24h": "24 hours",
    "7d": "7 days",
    "30d": "30 days",
    "365d": "365 days",
    "1y": "1 year",
    "all": "all time",
}

KINDS = {"entered": "Entered", "left": "Left", "overtook": "Overtook", "milestone": "Milestones"}

HEADINGS = {"stars": "Most starred", "forks": "Most forked"}


def _text(text: str) -> str:
    return text.strip()[:100]


LIST = Parameter("list", "The list.", ranked, {"type": "string"}, "stars", into="of")

WINDOW = choice("window", "The span of time of the gains.", [it.name for it in WINDOWS], "7d")

ORDER = choice("order", "Places, or the largest gains first.", ("rank", "gain"), "rank")

FILTER = Parameter("q", "Text to look for.", _text, {"type": "string"}, "framework", "")

REPOSITORIES = Parameter(
    "repos",
    charts.REPOSITORIES.about,
    lambda text: charts.REPOSITORIES.read(text) if text.strip() else (),
    charts.REPOSITORIES.schema,
    charts.REPOSITORIES.example,
    default="",
    into="names",
)

DEFAULTS = {it.name: it.default for it in (WINDOW, ORDER, SPAN)}

pages = Blueprint("pages", __name__)


@pages.get("/")
@endpoint(bytes, LIST, WINDOW, ORDER, FILTER, content_type=HTML)
def leaderboard(of: RankedList | None, window: str, order: str, q: str) -> Response:
    """The leaderboard of a list, with what changed on it."""
    of = of or current.settings().lists[0]

    def make() -> Reply:
        with current.database().read() as session:
            document, build = responses.stored(session, f"lists/{of.slug}", of)
            board = json.loads(document.body)
            as_of, items = clock.parse(board["as_of"]), board["items"]
            if order == "gain":
                items = _by_gain(items, documents.document(session, f"movers/{of.slug}/{window}"))
            counts = readings.daily(session, of, as_of, SPARK_DAYS)
            news = events_of(session, NEWS, ranked=of, newest_first=True)
        start = next(it for it in WINDOWS if it.name == window).start(as_of)
        lately = [it for it in news if start <= it.slot <= as_of]
        return _page(
            "leaderboard.html",
            build,
            url_for(".leaderboard"),
            {"list": of.slug, "window": window, "order": order, "q": q},
            of=of,
            window=window,
            order=order,
            q=q,
            board=board,
            items=items,
            shown={it["rank"] for it in items if _matches(it, q)},
            sparks={rank: spark(values) for rank, values in counts.items()},
            news={kind: [it for it in lately if it.kind == kind] for kind in KINDS},
            since=max(start, news[-1].slot) if len(news) == NEWS else start,
        )

    if q:  # anybody may type anything: not worth keeping
        return make().response()
    return kept(("leaderboard", of.slug, window, order), make)


@pages.get("/repos/<owner>/<name>")
@endpoint(bytes, SPAN, content_type=HTML)
def repository(owner: str, name: str, span: str) -> AnyResponse:
    """A repository: its star history, gains, places and events, and how to show it elsewhere."""
    with current.database().read() as session:
        profile = repositories.profile(session, f"{owner}/{name}")
    if profile is None:
        raise responses.unknown(owner, name)
    site = http_headers.site(request.environ)

    def make() -> Reply:
        with current.database().read() as session:
            build = responses.build(session)
            facts = responses.repository_of(session, owner, name, until=build.as_of)
            news = events_of(session, NEWS, repository_id=profile.id, newest_first=True)
        as_of = build.as_of or clock.now()
        return _page(
            "repository.html",
            build,
            url_for(".repository", owner=facts["owner"], name=facts["name"]),
            {"span": span},
            it=facts,
            span=span,
            lines=[_line(facts["full_name"], span, facts["as_of"])],
            news=[it for it in news if it.slot <= as_of][:SHOWN_NEWS],
            snippets=snippets(site, facts["full_name"]),
        )

    found = responses.moved(owner, name, profile.full_name)
    return found or kept(("repository", profile.id, span, site), make)


@pages.get("/compare")
def compare() -> AnyResponse:
    """What a form sends, a parameter a repository, leads to the link that people share."""
    names = [it for it in request.args.getlist("repos") if it.strip()]
    if len(request.args.getlist("repos")) > 1:
        others = [(name, it) for name, it in request.args.items() if name != "repos"]
        query = urlencode([*others, ("repos", ",".join(names))], safe="/,")
        return redirect(f"{url_for('.compare')}?{query}")
    found: Response = comparison()  # type: ignore[call-arg]  # `endpoint` gives it what it takes
    return found


@endpoint(bytes, REPOSITORIES, WINDOW, SPAN, content_type=HTML)
def comparison(names: Sequence[str], window: str, span: str) -> Response:
    """Up to 10 repositories in one chart."""
    with current.database().read() as session:
        profiles = {it: repositories.profile(session, it) for it in names}
    unknown = [name for name, it in profiles.items() if it is None]
    found = {it.id: it.full_name for it in profiles.values() if it}

    def make() -> Reply:
        with current.database().read() as session:
            build = responses.build(session)
            documents = [
                responses.repository_of(session, *it.split("/", 1), until=build.as_of)
                for it in found.values()
            ]
        full_names = [it["full_name"] for it in documents]
        return _page(
            "compare.html",
            build,
            url_for(".compare"),
            {"repos": ",".join(full_names), "window": window, "span": span},
            items=documents,
            unknown=unknown,
            names=full_names,
            window=window,
            span=span,
            most=charts.MOST,
            full_name=FULL_NAME,
            lines=[_line(it["full_name"], span, it["as_of"]) for it in documents],
        )

    if unknown:
        return make().response()
    return kept(("compare", window, span, *found), make)


@pages.get("/languages")
@endpoint(bytes, LIST, WINDOW, content_type=HTML)
def languages(of: RankedList | None, window: str) -> Response:
    """Which languages a list is written in."""
    return _totals("languages", "language", of, window)


@pages.get("/owners")
@endpoint(bytes, LIST, WINDOW, content_type=HTML)
def owners(of: RankedList | None, window: str) -> Response:
    """Who has the repositories of a list."""
    return _totals("owners", "owner", of, window)


def _totals(what: str, key: str, of: RankedList | None, window: str) -> Response:
    of = of or current.settings().lists[0]

    def make() -> Reply:
        with current.database().read() as session:
            document, build = responses.stored(session, f"{what}/{of.slug}", of)
        items = json.loads(document.body)["items"]
        return _page(
            "totals.html",
            build,
            url_for(f".{what}"),
            {"list": of.slug, "window": window},
            what=what,
            key=key,
            of=of,
            window=window,
            items=items,
            most=max((it["stars"] for it in items), default=1) or 1,
        )

    return kept(("totals", what, of.slug, window), make)


@pages.get("/status")
@endpoint(bytes, content_type=HTML)
def status() -> Response:
    """Live: what is wrong first, then each list's day, queues and workers."""
    live, now = responses.status_now(), clock.now()
    html = render_template(
        "status.html",
        live=live,
        polled=sorted(live["lists"], key=lambda it: it["received"] == it["expected"]),
        troubles=list(troubles(live, now)),
        missed=names_of_lists([it for it in live["lists"] if it["gaps"]]),
        now=now,
        strips={it["slug"]: strip(it, now) for it in live["lists"]},
    )
    response = Response(html, content_type=HTML)
    response.cache_control.no_store = True
    return response


# What pages share


def _page(template: str, build: Build, path: str, query: Mapping[str, str], **values: Any) -> Reply:
    """A page that holds until the next build: nothing in it depends on the moment, nor on how it
    was asked for. `path` and `query` are its own URL."""

    def url_with(**changes: str | None) -> str:
        """The page with other parameters; None leaves one out, as does what it has by default."""
        changed = {**query, **changes}.items()
        chosen = {name: it for name, it in changed if it and it != DEFAULTS.get(name)}
        return f"{path}?{urlencode(chosen, safe='/,')}" if chosen else path

    html = render_template(template, build=build, url_with=url_with, **values)
    return Reply.of(html.encode("utf-8", "replace"), HTML, build)


def wanted() -> bool:
    """Whether whoever asks is to be shown a page where something is wrong."""
    among = request.blueprint in (pages.name, None) and not request.path.startswith(
        http_headers.OPEN
    )
    best = request.accept_mimetypes.best_match(["application/problem+json", "text/html"])
    return among and best == "text/html"


def problem(what: http_headers.Problem, retry_after: object) -> str:
    """An error as a page."""
    return render_template("problem.html", problem=what, retry_after=retry_after)


@pages.app_context_processor
def _of_all_pages() -> dict[str, Any]:
    settings = current.settings()
    return {
        "headings": HEADINGS,
        "headline": events.headline,
        "kinds": KINDS,
        "lists": settings.lists,
        "most_news": SHOWN_NEWS,
        "poll_every": settings.poll_every,
        "slugs": {it.title: it.slug for it in settings.lists},
        "spans": list(SPANS),
        "titles": {it.slug: it.title for it in settings.lists},
        "windows": [it.name for it in WINDOWS],
        "words": WORDS,
    }


def _by_gain(items: Sequence[Any], movers: Document | None) -> list[Any]:
    """A list's items in the order of its movers; those without a gain last."""
    moved = json.loads(movers.body)["items"] if movers else []
    place = {it["full_name"]: i for i, it in enumerate(moved)}
    return sorted(items, key=lambda it: place.get(it["full_name"], len(place)))


def _matches(item: Mapping[str, Any], text: str) -> bool:
    """Whether an item's name, description or language has all words of a text."""
    fields = (item["full_name"], item["description"] or "", item["language"] or "")
    inside = " ".join(fields).lower()
    return all(word in inside for word in text.lower().split())


def _line(full_name: str, span: str, as_of: str) -> dict[str, str]:
    """Whose history a chart draws, and where it is."""
    owner, _, name = full_name.partition("/")
    length = SPANS[span]
    since = {} if length is None else {"from": clock.rfc3339(clock.parse(as_of) - length)}
    if length is None or length > 90 * DAY:
        since["step"] = "1d"
    return {
        "name": full_name,
        "url": url_for("api.history", owner=owner, name=name, **since),  # type: ignore[arg-type]
    }


for template_filter in FILTERS:
    pages.add_app_template_filter(template_filter)
