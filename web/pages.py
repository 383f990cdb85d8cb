"""The pages: HTML for people, made of what the API gives. They compute nothing."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from core import clock
from core.lists import RankedList
from core.windows import WINDOWS
from monitoring.checks import names_of_lists, troubles
from store import repositories
from web import axes, charts, current, http_headers, rendering, responses, svg
from web.asked import Asked, kept_briefly, partly_read
from web.board import earlier_page, leaderboard_page
from web.cache import cached_until_next_build
from web.charts import ALIGN, SCALE, SHOW, SPAN
from web.followed_page import followed_page
from web.page_filters import FILTERS
from web.parameters import AT, HTML, Parameter, a_list, choice, endpoint
from web.rendering import DEFAULTS, page
from web.replies import Reply
from web.repository_page import history_lines, repository_page
from web.search_page import search_page
from web.status_page import day_strip, first_runs, slots
from web.text import printable

LONGEST_QUERY = 2_000  # characters that a redirect repeats


def _text(text: str) -> str:
    return printable(text.strip()[:100])


LIST = a_list("The list.")
PAGE_WINDOW = choice(
    "window", "The span of time of the gains.", [each.name for each in WINDOWS], DEFAULTS["window"]
)
ORDER = choice(
    "order",
    "Ranks, or the largest gains first, as they are or in percent.",
    ("rank", "gain", "percent"),
    DEFAULTS["order"],
)
ORDER_OF_TOTALS = choice(
    "order", "Most stars, or the largest gains, first.", ("rank", "gain"), "rank"
)
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

pages = Blueprint(rendering.PAGES, __name__)
pages.app_context_processor(rendering.context)
for template_filter in FILTERS:
    pages.add_app_template_filter(template_filter)


@pages.get("/")
@endpoint(bytes, LIST, PAGE_WINDOW, ORDER, FILTER, AT, content_type=HTML)
def leaderboard(
    ranked: RankedList | None, window: str, order: str, q: str, at: datetime | None
) -> Response:
    """The leaderboard of a list, with what changed on it, as it stands or as it stood."""
    ranked = ranked or current.settings().lists[0]
    if at is not None:
        return earlier_page(ranked, window, order, q, at)
    if ranked.followed:
        return followed_page(ranked, window, order, q)
    return _leaderboard(ranked=ranked, window=window, order=order, q=q)


_leaderboard = cached_until_next_build(unless="q")(leaderboard_page)  # anybody may type anything


@pages.get("/repos/<owner>/<name>")
@endpoint(bytes, SPAN, SHOW, SCALE, LIST, content_type=HTML)
def repository(owner: str, name: str, **query: Any) -> AnyResponse:
    """A repository: its star history, gains, ranks and events, and how to show them elsewhere."""
    return repository_page(owner, name, **query)


@pages.get("/search")
@endpoint(bytes, FILTER, content_type=HTML)
def search(q: str) -> AnyResponse:
    """The repositories whose names have a text; a name or an address leads to its page."""
    return search_page(q)


@pages.get("/compare")
def compare() -> AnyResponse:
    """A comparison. A form sends a parameter for each repository: that leads to the link that has
    them in one, which people share."""
    names = request.args.getlist("repos")
    if len(names) > 1:
        others = [(name, value) for name, value in request.args.items() if name != "repos"]
        together = ",".join(name.strip() for name in names if name.strip())
        query = urlencode([*others, ("repos", together)], safe="/,")
        if len(query) > LONGEST_QUERY:
            raise BadRequest(f"expected at most {charts.MOST} repositories, as owner/name")
        response = redirect(f"{url_for('.compare')}?{query}")
        response.vary.update(current.vary(http_headers.LINKS))
        return response
    found: Response = comparison()  # type: ignore[call-arg]  # `endpoint` gives it what it takes
    return found


@endpoint(bytes, REPOSITORIES, PAGE_WINDOW, SPAN, SCALE, ALIGN, content_type=HTML)
def comparison(names: Sequence[str], **query: str) -> Response:
    """Up to 10 repositories in one chart."""
    with current.database().read() as session:
        profiles = repositories.profiles(session, names)
        partly = partly_read(session, profiles.values())
    unknown = tuple(name for name in names if name not in profiles)
    found = tuple(dict.fromkeys(profile.full_name for profile in profiles.values()))
    told = [asked for _, asked in partly]
    settled = all(asked.settled for asked in told)
    response = _comparison(
        full_names=found, unknown=unknown, partly=partly, settled=settled, **query
    )
    return kept_briefly(response, *told)


@cached_until_next_build(unless="unknown", until="settled")  # anybody may ask for anything
def _comparison(
    full_names: tuple[str, ...],
    unknown: tuple[str, ...],
    *,
    partly: tuple[tuple[str, Asked], ...],
    settled: bool,
    **query: str,
) -> Reply:
    del settled  # the cache's
    with current.database().read() as session:
        build = responses.build(session)
        items = responses.repositories_of(session, full_names, until=build.as_of)
    return page(
        "compare.html",
        build,
        url_for(".compare"),
        {"repos": ",".join(full_names), **query},
        items=items,
        unknown=unknown,
        partly=partly,
        asked=next((asked for _, asked in partly if asked.waits), None),  # renews the page
        names=full_names,
        most=charts.MOST,
        height=svg.height_with([(it["full_name"], axes.rounded(it["stars"])) for it in items]),
        lines=history_lines(items, query["span"], by_age=query["align"] == "age"),
    )


@pages.get("/languages")
@endpoint(bytes, LIST, PAGE_WINDOW, ORDER_OF_TOTALS, content_type=HTML)
def languages(ranked: RankedList | None, window: str, order: str) -> Response:
    """The languages that a list is written in."""
    return _totals("languages", "language", ranked or current.settings().lists[0], window, order)


@pages.get("/owners")
@endpoint(bytes, LIST, PAGE_WINDOW, ORDER_OF_TOTALS, content_type=HTML)
def owners(ranked: RankedList | None, window: str, order: str) -> Response:
    """The owners of the repositories of a list."""
    return _totals("owners", "owner", ranked or current.settings().lists[0], window, order)


@cached_until_next_build()
def _totals(what: str, key: str, ranked: RankedList, window: str, order: str) -> Reply:
    with current.database().read() as session:
        document, build = responses.stored(session, f"{what}/{ranked.slug}", ranked)
    items = json.loads(document.body)["items"]
    counts = [item["gains"][window] if order == "gain" else item for item in items]
    largest = sorted(
        zip(items, counts, strict=True),
        key=lambda it: (not it[1]["repositories"], -it[1]["stars"]),
    )
    return page(
        "totals.html",
        build,
        url_for(f".{what}"),
        {"list": ranked.slug, "window": window, "order": order},
        what=what,
        key=key,
        of_one=key == "language" and ranked.language is not None,
        choices_of_list=[
            each
            for each in current.settings().lists
            if key != "language" or each.language is None or each == ranked
        ],
        ranked=ranked,
        items=[item for item, _ in largest],
        most=max([1, *(count["stars"] for count in counts)]),
    )


@pages.get("/status")
@endpoint(bytes, content_type=HTML)
def status() -> Response:
    """Live: what is wrong first, then each list's day, queues and workers."""
    live, settings, now = responses.status_now(), current.settings(), clock.now()
    html = render_template(
        "status.html",
        live=live,
        polled=sorted(live["lists"], key=lambda polled: polled["received"] == polled["expected"]),
        troubles=troubles(live, settings, now),
        missed=names_of_lists(
            [it for it in live["lists"] if slots(it["gaps"]) > slots(it["suspects"])], settings
        ),
        suspect=names_of_lists([it for it in live["lists"] if it["suspects"]], settings),
        suspects={it["slug"]: slots(it["suspects"]) for it in live["lists"]},
        now=now,
        next_runs=first_runs(live["next_runs"] or ()),
        strips={
            polled["slug"]: day_strip(polled, settings.poll_every, now) for polled in live["lists"]
        },
    )
    response = Response(html, content_type=HTML)
    response.cache_control.no_store = True
    return response
