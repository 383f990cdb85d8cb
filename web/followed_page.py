"""The page of what is followed: its list, and what can be done there. Who may follow depends on who
asks, and what is followed changes at once, so no cache keeps it; its rows are made once a build."""

from dataclasses import replace
from typing import NamedTuple

from flask import Response, render_template
from sqlalchemy.orm import Session
from werkzeug.exceptions import ServiceUnavailable

from core import clock
from core.lists import SIZE, RankedList
from models import Follow
from store import follows, repositories
from store.follow_lists import followed_page as page_of_follows
from store.sampling import number_sampled
from web import current, responses
from web.board import Board, board_of, made_page
from web.cache import once_a_build
from web.parameters import HTML
from web.permission import asks_by_form, may_ask

MOST_WAITING = 20  # names that are told


class Followed(NamedTuple):
    """What is followed at this moment, beside the list of the newest build."""

    number: int
    has_room: bool  # its list, for all that are followed
    waiting: list[Follow]  # not on the list yet or, where that is full, without a reading yet
    troubled: list[Follow]
    unknown: list[Follow]  # GitHub has none of the name
    groups: list[RankedList]
    may_follow: bool


def followed_page(ranked: RankedList, window: str, order: str, q: str) -> Response:
    """Return the page; while nothing of the list is followed, one that says how to begin."""
    made: Board | None
    try:
        made = once_a_build(board_of, ranked, window, order)
    except ServiceUnavailable:
        made = None
    with current.database().read() as session:
        build = responses.build(session)
        made = _still_followed(session, ranked, made) if made else None
        followed = _followed(session, ranked, made)
    if made is None or not made.items:
        html = render_template(
            "nothing_followed.html", ranked=ranked, build=build, followed=followed
        )
        response = Response(html, content_type=HTML)
    else:
        response = made_page(made, ranked, window, order, q, followed=followed).response()
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _still_followed(session: Session, ranked: RankedList, made: Board) -> Board:
    """Return a board without those that are not followed any more."""
    ids = follows.followed_ids(session, ranked.names or ())
    known = repositories.profiles(session, [item["full_name"] for item in made.items])
    stay = [
        (row, item)
        for row, item in zip(made.rows, made.items, strict=True)
        if (profile := known.get(item["full_name"])) and profile.id in ids
    ]
    return replace(
        made,
        board={**made.board, "count": len(stay)},
        rows=[row for row, _ in stay],
        items=[item for _, item in stay],
    )


def _followed(session: Session, ranked: RankedList, made: Board | None) -> Followed:
    now = clock.now()
    ranked_now = {item["full_name"].lower() for item in made.items} if made else set()
    has_room = len(ranked_now) < SIZE
    waiting = page_of_follows(session, now, SIZE, state=None if has_room else "waiting")
    troubled = [row for row, _ in page_of_follows(session, now, SIZE, state="trouble")]
    told = ranked_now | {row.full_name.lower() for row in troubled}
    return Followed(
        number_sampled(session, ranked.names or ()),
        has_room,
        [row for row, _ in waiting if row.full_name.lower() not in told][:MOST_WAITING],
        troubled[:MOST_WAITING],
        follows.unknown_to_github(session),
        [each for each in current.settings().lists if each.names and not each.followed],
        may_ask() and asks_by_form(),
    )
