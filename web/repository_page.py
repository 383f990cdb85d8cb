"""A repository's page, which fills while its star history is read."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from flask import Response, render_template, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from core import clock
from core.clock import SECOND
from core.lists import RankedList
from core.schemas import RepositoryDocument
from store import follows, repositories
from store.events import events_of
from web import current, http_headers, responses
from web.asked import Asked, asked_of, kept_briefly
from web.board import NEWS
from web.cache import cached_until_next_build
from web.charts import SPANS
from web.following import gone
from web.parameters import HTML
from web.rank_lines import rank_lines
from web.refreshing import looked_at
from web.rendering import SHOWN_NEWS, page
from web.replies import Reply
from web.snippets import badges_of, is_out_of_reach, snippets


def repository_page(owner: str, name: str, ranked: RankedList | None, **query: str) -> AnyResponse:
    """Return the page of a repository by a name that it has or had. Of one that is still asked
    for, what is known by now; 404 where nobody asked."""
    full_name = f"{owner}/{name}"
    with current.database().read() as session:
        profile = repositories.profile(session, full_name)
        known = profile.full_name if profile else full_name
        wish = follows.follow_of(session, known)
        missing = gone(session, full_name) if profile is None else None
        asked = asked_of(session, known, profile.id if profile else None, wish)
    if asked.waits:
        asked = asked._replace(unheard=not responses.status_now()["workers"])
    if profile is None:
        if missing is not None:
            raise missing
        return _collecting(full_name, asked)
    moved = responses.moved(owner, name, profile.full_name)
    if moved:
        return moved
    looked_at(profile.id)
    try:
        response = _repository(
            profile.id,
            profile.full_name,
            current.site(),
            ranked=ranked,
            asked=asked,
            settled=asked.settled,
            **query,
        )
    except NotFound:  # no count of it was stored yet
        if not asked.waits:
            raise
        return _collecting(profile.full_name, asked)
    return kept_briefly(response, asked)


def _collecting(full_name: str, asked: Asked) -> Response:
    html = render_template("collecting.html", full_name=full_name, asked=asked)
    response = Response(html, content_type=HTML)
    response.cache_control.no_store = True
    return response


@cached_until_next_build(until="settled")
def _repository(
    repository_id: int,
    full_name: str,
    site: str,
    *,
    ranked: RankedList | None,
    asked: Asked,
    settled: bool,
    **query: str,
) -> Reply:
    del settled  # the cache's
    with current.database().read() as session:
        build = responses.build(session)
        facts = responses.repository_of(session, full_name, until=build.as_of)
        news = events_of(session, NEWS, repository_id=repository_id, newest_first=True)
        as_of = build.as_of or clock.now()
        lines = rank_lines(session, repository_id, facts["ranks"], as_of)
    slugs = [place["list"] for place in facts["ranks"]]
    first = current.settings().lists[0].slug
    rank_on = "" if first in slugs or not slugs else slugs[0]
    shown = ranked.slug if ranked else next(iter(slugs), first)
    return page(
        "repository.html",
        build,
        url_for("pages.repository", owner=facts["owner"], name=facts["name"]),
        {**query, "list": shown if query["show"] == "rank" else ""},
        links=http_headers.FULL_LINKS,
        repository=facts,
        asked=asked,
        rank_lines=lines,
        shown_list=shown,
        lines=history_lines([facts], query["span"]),
        news=[event for event in news if event.slot <= as_of][:SHOWN_NEWS],
        snippets=snippets(site, facts["full_name"], rank_on),
        badges={it: dict(parse_qsl(query[1:])) for it, _, query in badges_of(rank_on)},
        site=site,
        unreachable=is_out_of_reach(site),
    )


def history_lines(
    shown: Sequence[RepositoryDocument], span: str, *, by_age: bool = False
) -> list[dict[str, Any]]:
    """Return of each repository that a chart draws the name and the URL of its history: that which
    the build knew, as in the picture. By age all of it, of which the chart takes the beginning."""
    if not shown:
        return []
    length, end = SPANS[span], max(clock.parse(it["as_of"]) for it in shown)
    within = {"to": clock.rfc3339(end + SECOND)}
    if length is not None and not by_age:
        within["from"] = clock.rfc3339(end + SECOND - length)
    most = {"age": length.total_seconds()} if length is not None and by_age else {}
    return [
        {
            "name": it["full_name"],
            **most,
            "url": url_for("api.history", owner=it["owner"], name=it["name"], **within),  # type: ignore[arg-type]
        }
        for it in shown
    ]
