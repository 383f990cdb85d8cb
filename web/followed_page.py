"""The page of what is followed: its list, and what can be done there. Who may follow depends on who
asks, and what is followed changes at once, so no cache keeps it; its rows are made once a build."""

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from flask import Response, render_template
from sqlalchemy.orm import Session
from werkzeug.exceptions import ServiceUnavailable

from core import clock
from core.follow_schemas import FollowState
from core.lists import RankedList
from models import Follow
from store import follows, repositories
from store.follow_lists import followed_page as page_of_follows
from store.sampling import number_sampled
from web import current, responses
from web.board import board_of, made_page
from web.cache import once_a_build
from web.parameters import HTML
from web.permission import asks_by_form, may_ask

MOST_WAITING = 20  # names that are told


class Followed(NamedTuple):
    """What is followed at this moment, beside the list of the newest build."""

    number: int
    waiting: list[Follow]  # without a reading yet
    troubled: list[Follow]
    groups: list[RankedList]
    may_follow: bool


def followed_page(ranked: RankedList, window: str, order: str, q: str) -> Response:
    """Return the page; before anything is ranked, one that says how to begin."""
    now = clock.now()
    try:
        made = once_a_build(board_of, ranked, window, order)
    except ServiceUnavailable:
        made = None
    with current.database().read() as session:
        ids = follows.followed_ids(session, ranked.names or ())
        waiting = _in_state(session, now, "waiting")
        troubled = _in_state(session, now, "trouble")
        build = responses.build(session)
        items = made.items if made else ()
        known = repositories.profiles(session, [item["full_name"] for item in items])
        number = number_sampled(session, ranked.names or ())
    followed = Followed(
        number,
        [row for row in waiting if row.name not in {item["full_name"].lower() for item in items}],
        troubled,
        [each for each in current.settings().lists if each.names and not each.followed],
        may_ask() and asks_by_form(),
    )
    if made is None or not items:
        values = {"ranked": ranked, "build": build, "followed": followed}
        response = Response(render_template("nothing_followed.html", **values), content_type=HTML)
    else:
        stay = [
            (row, item)
            for row, item in zip(made.rows, items, strict=True)
            if known[item["full_name"]].id in ids
        ]
        made = replace(made, rows=[row for row, _ in stay], items=[item for _, item in stay])
        response = made_page(made, ranked, window, order, q, followed=followed).response()
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _in_state(session: Session, now: datetime, state: FollowState) -> list[Follow]:
    return [row for row, _ in page_of_follows(session, now, MOST_WAITING, state=state)]
