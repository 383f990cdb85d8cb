"""Badges: what they say of a repository, as pictures and as what shields.io makes one of."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, TypedDict

from flask import Blueprint
from msgspec import Meta
from werkzeug.wrappers import Response as AnyResponse

from core import clock, encoding
from core.lists import RankedList
from core.schemas import Gain, RepositoryDocument
from web import axes, badge_svg, current, parameters, responses
from web.cache import cached_until_next_build
from web.parameters import WINDOW, a_list, choice, endpoint
from web.replies import Reply


class Badge(TypedDict):
    """A badge as shields.io asks for it."""

    schemaVersion: Annotated[int, Meta(ge=1, le=1)]
    label: str
    message: str
    color: str
    cacheSeconds: int


BADGES = ("stars", "rank", "gain")  # what a badge can say
UNKNOWN = "–"
OLD = clock.DAY  # of a reading: a badge of it says of which day it is


def badge_of(
    document: RepositoryDocument, show: str, ranked: RankedList, window: str, every: timedelta
) -> Badge:
    """Return a badge of a repository's stars, its rank on a list, or its gain of stars over a
    window, to be asked for again after `every`."""
    ranks = {each["list"]: each["rank"] for each in document["ranks"]}
    rank, gain = ranks.get(ranked.slug), document["gains"][window]
    label, message = {
        "stars": ("stars", axes.rounded(document["stars"])),
        "rank": (f"{ranked.title} rank", f"#{rank}" if rank else UNKNOWN),
        "gain": (f"stars in {window}", _gained(gain) if gain else UNKNOWN),
    }[show]
    color = "lightgrey" if message == UNKNOWN else "blue"
    return {
        "schemaVersion": 1,
        "label": label,
        "message": message,
        "color": color,
        "cacheSeconds": int(every.total_seconds()),
    }


def _gained(gain: Gain) -> str:
    """Return a gain in words; one by GitHub's days says until which day those go, in UTC."""
    if gain["source"] == "reading":
        return f"{gain['stars']:+,}"
    until = clock.parse(gain["until"])
    return f"{gain['stars']:+,} until {until.day} {until:%b}, by GitHub"


SHOWN = choice("show", "What the badge tells.", BADGES, "stars")
RANK_ON = a_list("The list that a rank is on; without it the first list.")

badges = Blueprint("badges", __name__)


@badges.get("/badges/<owner>/<name>.json")
@endpoint(Badge, SHOWN, RANK_ON, WINDOW)
def badge(owner: str, name: str, **chosen: Any) -> AnyResponse:
    """A badge of shields.io: stars, the rank on a list, or the stars gained over a window."""
    return _response(owner, name, parameters.JSON, **chosen)


@badges.get("/badges/<owner>/<name>.svg")
@endpoint(bytes, SHOWN, RANK_ON, WINDOW, content_type=parameters.SVG)
def badge_picture(owner: str, name: str, **chosen: Any) -> AnyResponse:
    """The same badge as a picture."""
    return _response(owner, name, parameters.SVG, **chosen)


def _response(
    owner: str, name: str, kind: str, show: str, ranked: RankedList | None, window: str
) -> AnyResponse:
    full_name = responses.profile(owner, name).full_name
    ranked = ranked or current.settings().lists[0]
    return responses.moved(owner, name, full_name) or _badge(full_name, show, ranked, window, kind)


@cached_until_next_build()
def _badge(full_name: str, show: str, ranked: RankedList, window: str, kind: str) -> Reply:
    """A badge of what the newest build knew, so that all processes say the same."""
    with current.database().read() as session:
        build = responses.build(session)
        facts = responses.repository_of(session, full_name, until=build.as_of)
    badge = badge_of(facts, show, ranked, window, build.every)
    as_of = clock.parse(facts["as_of"])
    if build.as_of is not None and build.as_of - as_of > OLD and badge["message"] != UNKNOWN:
        badge["message"] += f" on {as_of.day} {as_of:%b %Y}"
        badge["color"] = "lightgrey"
    if kind == parameters.SVG:
        body = badge_svg.draw(badge["label"], badge["message"], badge["color"])
    else:
        body = encoding.encode(badge)
    return Reply.of(body, kind, replace(build, as_of=as_of))
