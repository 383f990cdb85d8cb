"""The page: HTML made of what the API gives, for people and once a build. It computes nothing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

import api
import charts
import clock
import context
import embeds
import events
import replies
import store
import ticks
from aggregates import WINDOWS
from clock import DAY, HOUR, MINUTE
from embeds import SPAN, SPANS
from lists import RankedList
from models import Document
from parameters import HTML, Parameter, choice, endpoint, ranked
from replies import Build, Reply, kept
from status import ListStatus, Status

SPARK_DAYS, SPARK_HEIGHT = 30, 60  # the height in units of the picture
LEAST_GROWTH = 1000  # a sparkline rises over its height where a count grew by this part of itself
NEWS = 1000  # events that are looked through for those of a window
SHOWN_NEWS = 12  # of a kind
LATELY = 2 * HOUR  # for which a missed poll counts as something that is wrong now
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
    embeds.REPOSITORIES.about,
    lambda text: embeds.REPOSITORIES.read(text) if text.strip() else (),
    embeds.REPOSITORIES.schema,
    embeds.REPOSITORIES.example,
    default="",
    into="names",
)

DEFAULTS = {it.name: it.default for it in (WINDOW, ORDER, SPAN)}

pages = Blueprint("pages", __name__)


@pages.get("/")
@endpoint(bytes, LIST, WINDOW, ORDER, FILTER, content_type=HTML)
def leaderboard(of: RankedList | None, window: str, order: str, q: str) -> Response:
    """The leaderboard of a list, with what changed on it."""
    of = of or context.settings().lists[0]

    def make() -> Reply:
        with context.database().read() as session:
            document, build = api.stored(session, f"lists/{of.slug}", of)
            board = json.loads(document.body)
            as_of, items = clock.parse(board["as_of"]), board["items"]
            if order == "gain":
                items = _by_gain(items, store.document(session, f"movers/{of.slug}/{window}"))
            counts = store.daily(session, of, as_of, SPARK_DAYS)
            news = store.events_of(session, NEWS, ranked=of, newest_first=True)
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
    with context.database().read() as session:
        profile = store.profile(session, f"{owner}/{name}")
    if profile is None:
        raise api.unknown(owner, name)
    site = replies.site(request.environ)

    def make() -> Reply:
        with context.database().read() as session:
            build = api.build(session)
            facts = api.repository_of(session, owner, name, until=build.as_of)
            news = store.events_of(session, NEWS, repository_id=profile.id, newest_first=True)
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

    found = api.moved(owner, name, profile.full_name)
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
    with context.database().read() as session:
        profiles = {it: store.profile(session, it) for it in names}
    unknown = [name for name, it in profiles.items() if it is None]
    found = {it.id: it.full_name for it in profiles.values() if it}

    def make() -> Reply:
        with context.database().read() as session:
            build = api.build(session)
            documents = [
                api.repository_of(session, *it.split("/", 1), until=build.as_of)
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
            most=embeds.MOST,
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
    of = of or context.settings().lists[0]

    def make() -> Reply:
        with context.database().read() as session:
            document, build = api.stored(session, f"{what}/{of.slug}", of)
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
    live, now = api.status_now(), clock.now()
    html = render_template(
        "status.html",
        live=live,
        polled=sorted(live["lists"], key=lambda it: it["received"] == it["expected"]),
        troubles=list(troubles(live, now)),
        missed=_names([it for it in live["lists"] if it["gaps"]]),
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
    among = request.blueprint in (pages.name, None) and not request.path.startswith(replies.OPEN)
    best = request.accept_mimetypes.best_match(["application/problem+json", "text/html"])
    return among and best == "text/html"


def problem(what: replies.Problem, retry_after: object) -> str:
    """An error as a page."""
    return render_template("problem.html", problem=what, retry_after=retry_after)


@pages.app_context_processor
def _of_all_pages() -> dict[str, Any]:
    settings = context.settings()
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


def snippets(site: str, full_name: str) -> dict[str, str]:
    """What shows a repository's chart and badge in a README, in Markdown."""
    path = quote(full_name)
    page, chart, badge = (f"{site}{it}" for it in (f"/repos/{path}", *_pictures(path)))
    shield = f"https://img.shields.io/endpoint?url={quote(badge, safe='')}"
    return {
        "Chart": f"[![Star history of {path}]({chart})]({page})",
        "Badge": f"[![Stars]({shield})]({page})",
    }


def _pictures(path: str) -> tuple[str, str]:
    return f"/charts/{path}.svg", f"/badges/{path}.json"


def spark(values: Sequence[int | None]) -> str:
    """The path of a line through daily counts, a unit a day, with gaps where there are none."""
    known = [it for it in values if it is not None]
    low = min(known, default=0)
    span = max(max(known, default=0) - low, low / LEAST_GROWTH, 1)
    path, before = "", None
    for day, value in enumerate(values):
        y = None if value is None else SPARK_HEIGHT - round(SPARK_HEIGHT * (value - low) / span)
        if y is not None:
            path += f"M{day} {y}h0" if before is None else f"l1 {y - before}"
        before = y
    return path


def strip(it: ListStatus, now: datetime) -> list[tuple[int, int, str]]:
    """A list's last 24 hours as spans of minutes since their start: (start, length, kind), first
    the one with polls, then those of it that were missed."""
    start = now - DAY
    every = context.settings().poll_every // MINUTE
    known = it["expected"] * every
    gaps = [
        (
            max(0, (clock.parse(gap["from"]) - start) // MINUTE),
            gap["slots"] * every,
            "missed",
        )
        for gap in it["gaps"]
    ]
    return [(max(0, 24 * 60 - known), min(known, 24 * 60), "received"), *gaps]


def troubles(live: Status, now: datetime) -> Iterable[str]:
    """What is wrong now, worst first."""
    build = live["build"]
    if build is None:
        yield "Nothing is published yet: the first poll and the first build are still to come."
    if live["workers"] is None:
        yield "Redis cannot be reached, so no job can run. What is stored is served all the same."
    elif not live["workers"]:
        yield "No worker runs, so nothing is polled and nothing is built."
    late = timedelta(seconds=build["age_seconds"]) if build else timedelta()
    settings = context.settings()
    if late > 2 * settings.aggregate_every:
        yield f"The last build is {duration(late)} old; one is due every {_every()}."
    old = [it for it in live["lists"] if _is_old(it, settings.poll_every)]
    if old:
        yield f"{_names(old)} had no good poll lately."
    missed = [it for it in live["lists"] if it not in old and _missed_lately(it, now)]
    if missed:
        yield f"{_names(missed)} missed polls in the last {duration(LATELY)}."
    for queue in live["queues"] or ():
        if queue["failed"]:
            were = "job was" if queue["failed"] == 1 else "jobs were"
            yield f"{queue['failed']} {were} given up in the queue {queue['name']}."
    for limit in live["github"]:
        if (then := clock.parse(limit["next_request_at"])) > now + settings.poll_every:
            yield f"GitHub is not asked ({limit['resource']}) before {then:%H:%M} UTC."
    for watched in live["watched"]:
        if watched["last_error"]:
            yield f"{watched['full_name']}, which is watched: {watched['last_error']}."


def _every() -> str:
    return duration(context.settings().aggregate_every)


def _missed_lately(it: ListStatus, now: datetime) -> bool:
    return any(clock.parse(gap["to"]) > now - LATELY for gap in it["gaps"])


def _is_old(it: ListStatus, every: timedelta) -> bool:
    age = it["age_seconds"]
    return it["expected"] > 1 and (age is None or timedelta(seconds=age) > 2 * every)


def _names(of: Sequence[ListStatus]) -> str:
    names = [context.settings().ranked(it["slug"]).title for it in of]
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} other lists"
    return " and ".join(", ".join(names).rsplit(", ", 1))


# How templates say things


@pages.app_template_filter()
def number(count: int) -> str:
    return f"{count:,}"


@pages.app_template_filter()
def signed(count: int) -> str:
    return f"{count:+,}".replace("-", "\N{MINUS SIGN}") if count else "0"


@pages.app_template_filter()
def moment(at: datetime | str) -> datetime:
    """A moment of a document, or one that is one already."""
    return clock.parse(at) if isinstance(at, str) else at


@pages.app_template_filter()
def duration(span: timedelta | float) -> str:
    """A span of time, such as `12 min`, in its largest unit."""
    span = span if isinstance(span, timedelta) else timedelta(seconds=span)
    for name, unit in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if span >= (2 * unit if unit > MINUTE else unit):
            return f"{span // unit} {name}"
    return f"{int(span.total_seconds())} s"


pages.add_app_template_filter(clock.rfc3339)
pages.add_app_template_filter(ticks.rounded)
pages.add_app_template_filter(charts.printable)
