"""A leaderboard's page, its rows and its news made once a build: anybody may look for anything, and
what is looked for decides which rows show."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import Response, render_template, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session

from core import changes, clock, leaderboards
from core.board_order import least_gains, ordered
from core.lists import RankedList
from core.windows import WINDOWS, Window
from store import documents, readings
from store.earlier_lists import first_known, lists_then
from store.events import events_of
from store.list_ids import list_id_of
from store.polls import first_and_last_good
from web import current, responses
from web.cache import once_a_build
from web.rendering import KINDS, page
from web.replies import Build, Reply
from web.sparklines import SPARK_DAYS, spark

NEWS = 1000  # events that are looked through for those of a window
END_OF_ROW = "</tr>"  # nobody's text has one: they are escaped
BY_NAME = {window.name: window for window in WINDOWS}


@dataclass(frozen=True, slots=True)
class Board:
    """The parts of a leaderboard's page that are the same whatever is looked for."""

    build: Build
    board: Mapping[str, Any]
    items: Sequence[Mapping[str, Any]]
    rows: Sequence[str]  # as HTML
    news: str
    since: datetime | None  # the moment that most of the gains are told from, if there are any
    first_day: datetime | None  # the first midnight with a poll behind it; None: of no poll yet

    @property
    def size(self) -> int:
        """Characters of the HTML, and about as many of what it is made from."""
        return 2 * (sum(map(len, self.rows)) + len(self.news))


def leaderboard_page(ranked: RankedList, window: str, order: str, q: str) -> Reply:
    """Return the page; with a text `q`, of the rows only those that have it show."""
    asked = (ranked, window, order)
    made = once_a_build(board_of, *asked) if q else board_of(*asked)  # without, the page is cached
    return made_page(made, ranked, window, order, q)


def earlier_page(ranked: RankedList, window: str, order: str, q: str, at: datetime) -> Response:
    """Return the page of a list as it stood at a moment."""
    with current.database().read() as session:
        found = responses.snapshot_at(session, ranked, at)
        build = replace(responses.build(session), as_of=found.as_of)
        board = leaderboards.leaderboard(found, build.built_at, build.next_build_at)
        ids = [standing.profile.id for standing in found.standings]
        then = _then(session, ranked, BY_NAME[window], found.as_of)
        changed = then and changes.changes(board, ids, window, then, {})
        made = _made(session, ranked, BY_NAME[window], order, board, build, then, changed)
    return made_page(made, ranked, window, order, q, at=clock.rfc3339(at)).response()


def made_page(
    made: Board,
    ranked: RankedList,
    window: str,
    order: str,
    q: str,
    *,
    at: str = "",
    template: str = "leaderboard.html",
    **values: Any,
) -> Reply:
    query = {"list": ranked.slug, "window": window, "order": order, "q": q, "at": at}
    return page(
        template,
        made.build,
        url_for("pages.leaderboard"),
        query,
        ranked=ranked,
        board=made.board,
        rows=[
            (Markup(row), _matches(item, q))
            for row, item in zip(made.rows, made.items, strict=True)
        ],
        news=Markup(made.news),
        since=made.since,
        first_day=made.first_day,
        **values,
    )


def board_of(ranked: RankedList, window: str, order: str) -> Board:
    """Return the board that the newest build has."""
    with current.database().read() as session:
        document, build = responses.stored(session, f"lists/{ranked.slug}", ranked)
        board = json.loads(document.body)
        changed = documents.document(session, f"changes/{ranked.slug}/{window}")
        then = _then(session, ranked, BY_NAME[window], clock.parse(board["as_of"]))
        return _made(
            session,
            ranked,
            BY_NAME[window],
            order,
            board,
            build,
            then,
            json.loads(changed.body) if changed else None,
        )


def _then(
    session: Session, ranked: RankedList, window: Window, as_of: datetime
) -> changes.ListThen | None:
    list_id = list_id_of(session, ranked.slug)
    if list_id is None:
        return None
    return lists_then(session, list_id, ranked.count, as_of, [window])[window.name]


def _made(
    session: Session,
    ranked: RankedList,
    window: Window,
    order: str,
    board: Any,
    build: Build,
    then: changes.ListThen | None,
    changed: Any,
) -> Board:
    as_of, name = clock.parse(board["as_of"]), window.name
    entered = {entry["full_name"] for entry in (changed and changed["entered"]) or ()}
    least = least_gains(ranked, board["items"], name, entered, then)
    items = ordered(ranked, board["items"], name, order, least)
    since = _told_from(items, name)
    counts = readings.daily(session, ranked, as_of, SPARK_DAYS + 1)
    rows = render_template(
        "board_rows.html",
        ranked=ranked,
        window=name,
        items=items,
        entered=entered,
        least=least,
        since=since,
        fixed={each.lower() for each in ranked.names or ()},  # by the settings, so they stay
        sparks={rank: spark(values) for rank, values in counts.items()},
    )
    first = first_known(session, ranked)
    news = _news(session, ranked, window, as_of, changed)
    each = [row.strip() for row in rows.split(END_OF_ROW)[:-1]]
    first_day = clock.ceil(first, clock.DAY) if first else None
    return Board(build, board, items, each, news, since, first_day)


def _news(
    session: Session,
    ranked: RankedList,
    window: Window,
    as_of: datetime,
    changed: Any,
) -> str:
    """Return what changed on a list in a window, as HTML."""
    start = window.start(as_of)
    live, _ = first_and_last_good(session, ranked)  # imported polls tell no events
    events = events_of(session, NEWS, ranked=ranked, newest_first=True, until=as_of)
    lately = [event for event in events if event.slot >= start]
    since = min([live or start, *(event.slot for event in lately)])
    return render_template(
        "board_news.html",
        ranked=ranked,
        news={kind: [event for event in lately if event.kind == kind] for kind in KINDS},
        changes=changed,
        window=window.name,
        since=max(start, since, events[-1].slot if len(events) == NEWS else start),
    ).strip()


def _told_from(items: Sequence[Mapping[str, Any]], window: str) -> datetime | None:
    """Return the moment that most gains of a window are told from; None where there is no gain."""
    told = Counter(gain["since"] for item in items if (gain := item["gains"][window]))
    return clock.parse(told.most_common(1)[0][0]) if told else None


def _matches(item: Mapping[str, Any], text: str) -> bool:
    """Return whether an item's name, description or language has all words of a text."""
    fields = (item["full_name"], item["description"] or "", item["language"] or "")
    inside = " ".join(fields).lower()
    return all(word in inside for word in text.lower().split())
