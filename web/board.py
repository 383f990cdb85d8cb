"""A leaderboard's page, its rows and its news made once a build: anybody may look for anything, and
what is looked for decides which rows show."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import render_template, url_for
from markupsafe import Markup

from core import clock
from core.leaderboards import movers_name
from core.lists import RankedList
from core.windows import WINDOWS
from models import Document
from store import documents, readings
from store.events import events_of
from store.polls import first_and_last_good
from web import current, responses
from web.cache import once_a_build
from web.rendering import KINDS, page
from web.replies import Build, Reply
from web.sparklines import SPARK_DAYS, spark

NEWS = 1000  # events that are looked through for those of a window
END_OF_ROW = "</tr>"  # nobody's text has one: they are escaped


@dataclass(frozen=True, slots=True)
class Board:
    """The parts of a leaderboard's page that are the same whatever is looked for."""

    build: Build
    board: Mapping[str, Any]
    items: Sequence[Mapping[str, Any]]
    rows: Sequence[str]  # as HTML
    news: str
    since: datetime  # when the window of the gains begins

    @property
    def size(self) -> int:
        """Characters of the HTML, and about as many of what it is made from."""
        return 2 * (sum(map(len, self.rows)) + len(self.news))


def leaderboard_page(ranked: RankedList, window: str, order: str, q: str) -> Reply:
    """Return the page; with a text `q`, of the rows only those that have it show."""
    asked = (ranked, window, order)
    made = once_a_build(_board, *asked) if q else _board(*asked)  # without, the page is cached
    return page(
        "leaderboard.html",
        made.build,
        url_for("pages.leaderboard"),
        {"list": ranked.slug, "window": window, "order": order, "q": q},
        ranked=ranked,
        board=made.board,
        rows=[
            (Markup(row), _matches(item, q))
            for row, item in zip(made.rows, made.items, strict=True)
        ],
        news=Markup(made.news),
        since=made.since,
    )


def _board(ranked: RankedList, window: str, order: str) -> Board:
    with current.database().read() as session:
        document, build = responses.stored(session, f"lists/{ranked.slug}", ranked)
        board = json.loads(document.body)
        as_of, items = clock.parse(board["as_of"]), board["items"]
        if order != "rank":
            moved = documents.document(session, movers_name(ranked.slug, window, order))
            items = _by_gain(items, moved)
        counts = readings.daily(session, ranked, as_of, SPARK_DAYS)
        changed = documents.document(session, f"changes/{ranked.slug}/{window}")
        first, _ = first_and_last_good(session, ranked)
        events = events_of(session, NEWS, ranked=ranked, newest_first=True)
    start = next(each for each in WINDOWS if each.name == window).start(as_of)
    lately = [event for event in events if start <= event.slot <= as_of]
    rows = render_template(
        "board_rows.html",
        ranked=ranked,
        window=window,
        order=order,
        items=items,
        sparks={rank: spark(values) for rank, values in counts.items()},
    )
    news = render_template(
        "board_news.html",
        ranked=ranked,
        news={kind: [event for event in lately if event.kind == kind] for kind in KINDS},
        changes=json.loads(changed.body) if changed else None,
        window=window,
        since=max(start, first or start, events[-1].slot if len(events) == NEWS else start),
    )
    each = [row.strip() for row in rows.split(END_OF_ROW)[:-1]]
    return Board(build, board, items, each, news.strip(), start)


def _by_gain(items: Sequence[Any], movers: Document | None) -> list[Any]:
    """Return a list's items in the order of its movers; those without a gain last."""
    moved = json.loads(movers.body)["items"] if movers else []
    position = {item["full_name"]: number for number, item in enumerate(moved)}
    return sorted(items, key=lambda item: position.get(item["full_name"], len(position)))


def _matches(item: Mapping[str, Any], text: str) -> bool:
    """Return whether an item's name, description or language has all words of a text."""
    fields = (item["full_name"], item["description"] or "", item["language"] or "")
    inside = " ".join(fields).lower()
    return all(word in inside for word in text.lower().split())
