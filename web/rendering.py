"""HTML from templates: what all pages have in common, and errors as pages."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import render_template, request

from core import events
from core.names import is_full_name
from core.windows import WINDOWS
from web import current, http_headers
from web.charts import SPAN, SPANS
from web.parameters import HTML, PROBLEM
from web.permission import asks_by_form, may_ask
from web.replies import Build, Reply

PAGES = "pages"  # the blueprint's name
MEANT = re.compile(r"did you mean '([a-z0-9-]+)'\?$")
SHOWN_NEWS = 12  # events of a kind
DEFAULTS = {
    "window": "7d",
    "order": "rank",
    "span": SPAN.default,
    "show": "total",
    "scale": "linear",
    "align": "date",
}  # of the queries of pages
WORDS = {
    "1h": "1 hour",
    "24h": "24 hours",
    "7d": "7 days",
    "30d": "30 days",
    "365d": "365 days",
    "1y": "1 year",
    "all": "all time",
    "total": "all stars",
    "daily": "stars of each day",
    "rank": "rank on a list",
    "linear": "counts as they are",
    "log": "counts by powers of ten",
    "date": "by date",
    "age": "by age, each from its first day",
}
KINDS = {"overtook": "Overtook", "milestone": "Milestones", "spike": "Spikes"}  # of events


def page(
    template: str,
    build: Build,
    path: str,
    query: Mapping[str, str],
    *,
    links: tuple[str, ...] = http_headers.LINKS,
    **values: Any,
) -> Reply:
    """A page that holds until the next build: nothing in it depends on the moment, nor, its links
    apart, on how it was asked for. `path` and `query` are its own URL; its template takes the
    query's, too."""

    def url_with(**changes: str | None) -> str:
        """Return the page's URL with other parameters; None leaves one out, its default too."""
        changed = {**query, **changes}.items()
        chosen = {name: text for name, text in changed if text and text != DEFAULTS.get(name)}
        return f"{path}?{urlencode(chosen, safe='/,')}" if chosen else path

    html = render_template(template, build=build, url_with=url_with, **query, **values)
    return Reply.of(html.encode("utf-8", "replace"), HTML, build, current.vary(links))


def is_page_wanted() -> bool:
    """Return whether an error is to be shown as a page: to a browser that asks for a page."""
    is_form = request.path in ("/follow", "/unfollow")
    if (request.blueprint not in (PAGES, None) and not is_form) or request.path.startswith(
        http_headers.OPEN
    ):
        return False
    best = request.accept_mimetypes.best_match([PROBLEM, "text/html"])
    return best == "text/html"


def problem_page(problem: http_headers.Problem, retry_after: object) -> str:
    """Return an error as HTML."""
    named = request.view_args or {}
    sought = f"{named['owner']}/{named['name']}" if {"owner", "name"} <= named.keys() else None
    unknown = problem["status"] == 404 and sought is not None and is_full_name(sought)
    unknown = unknown and not problem["detail"].startswith("GitHub has no")
    return render_template(
        "problem.html",
        problem=problem,
        retry_after=retry_after,
        meant=_meant(problem["detail"]),
        sought=sought,
        follows=sought if unknown and asks_by_form() and may_ask() else None,
    )


def _meant(detail: str) -> tuple[str, str] | None:
    """Return the list that may have been meant, and where it is: this page of that list."""
    meant = MEANT.search(detail)
    if meant is None or "list" not in request.args:
        return None
    query = urlencode({**request.args, "list": meant[1]}, safe="/,")
    return meant[1], f"{request.script_root}{request.path}?{query}"


def context() -> dict[str, Any]:
    """Return the variables that all templates have."""
    settings = current.settings()
    public = urlsplit(settings.public_url or "")
    return {
        "origin": f"{public.scheme}://{public.netloc}" if public.netloc else "",
        "headline": events.headline,
        "kinds": KINDS,
        "lists": settings.lists,
        "most_news": SHOWN_NEWS,
        "poll_every": settings.poll_every,
        "owner_slugs": {each.owner.lower(): each.slug for each in settings.lists if each.owner},
        "slugs": {ranked.language: ranked.slug for ranked in settings.lists if ranked.language},
        "spans": list(SPANS),
        "titles": {ranked.slug: ranked.title for ranked in settings.lists},
        "windows": [window.name for window in WINDOWS],
        "words": WORDS,
    }
