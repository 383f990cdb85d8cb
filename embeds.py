"""What people put elsewhere: charts and badges into a README, feeds into a reader."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from feedgenerator import Atom1Feed
from flask import Blueprint, Response, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

import aggregates
import api
import charts
import clock
import context
import events
import parameters
import replies
import settings
import store
from aggregates import Profile
from charts import Line
from clock import DAY
from lists import RankedList
from parameters import ATOM, SVG, WINDOW, a_list, choice, endpoint, ranked
from replies import Reply, kept

MOST = 10  # repositories in a chart
ENTRIES = 50  # in a feed
SECOND = timedelta(seconds=1)
NAME = r"[A-Za-z0-9][A-Za-z0-9-]{0,99}/(?!\.{1,2}(,|$))[A-Za-z0-9_.-]{1,100}"


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",")))
    if not all(map(settings.REPOSITORY.fullmatch, names)) or len(names) > MOST:
        raise ValueError(f"expected 1 to {MOST} repositories, as owner/name,owner/name")
    return names


THEME = choice("theme", "Of the page that shows it.", ("auto", "light", "dark"), "auto")
REPOSITORIES = parameters.Parameter(
    "repos",
    f"Up to {MOST} repositories to compare.",
    _names,
    {"type": "string", "pattern": f"^{NAME}(,{NAME}){{0,{MOST - 1}}}$"},
    "octocat/hello-world,octocat/spoon-knife",
    required=True,
    into="names",
)
SPANS = {"7d": 7 * DAY, "30d": 30 * DAY, "1y": 365 * DAY, "all": None}
SPAN = choice("span", "The span of time of the chart.", SPANS, "all")
SHOWN = choice("show", "What the badge tells.", aggregates.BADGES, "stars")
PLACE_ON = a_list("The list that a place is on.", "stars")

embeds = Blueprint("embeds", __name__)


@embeds.get("/charts/<owner>/<name>.svg")
@endpoint(bytes, THEME, SPAN, content_type=SVG)
def chart(owner: str, name: str, theme: charts.Theme, span: str) -> AnyResponse:
    """The star history of a repository, as a picture."""
    with context.database().read() as session:
        profile = store.profile(session, f"{owner}/{name}")
    if profile is None:
        return _nobody(f"{owner}/{name}", theme)
    return api.moved(owner, name, profile.full_name) or _chart([profile], theme, span)


@embeds.get("/charts.svg")
@endpoint(bytes, REPOSITORIES, THEME, SPAN, content_type=SVG)
def comparison(names: Sequence[str], theme: charts.Theme, span: str) -> Response:
    """The star histories of several repositories in one picture."""
    profiles: dict[int, Profile] = {}
    with context.database().read() as session:
        for name in names:
            profile = store.profile(session, name)
            if profile is None:
                return _nobody(name, theme)
            profiles.setdefault(profile.id, profile)
    return _chart(list(profiles.values()), theme, span)


def _chart(profiles: Sequence[Profile], theme: charts.Theme, span: str) -> Response:
    """A chart of what the newest build knew, so that all processes draw the same."""

    def draw() -> Reply:
        with context.database().read() as session:
            build = api.build(session)
            end = (build.as_of or clock.now()) + SECOND
            start = min(store.beginning(session, it.id) or end for it in profiles)
            start = max(start, end - (SPANS[span] or end - start))
            step = charts.step(end - start, context.settings().poll_every, len(profiles))
            lines = _lines(session, profiles, start, end, step)
            if step < DAY and all(charts.is_daily(line.points) for line in lines):
                step = DAY
                lines = _lines(session, profiles, start, end, step)
        return Reply.of(charts.draw(lines, step, theme), SVG, build)

    return kept(("chart", theme, span, *(it.id for it in profiles)), draw)


def _lines(
    session: Session, profiles: Sequence[Profile], start: datetime, end: datetime, step: timedelta
) -> list[Line]:
    return [
        Line(
            it.full_name,
            [
                (clock.parse(point["at"]), point["stars"])
                for point in store.series(session, it.id, start, end, step)
            ],
        )
        for it in profiles
    ]


def _nobody(full_name: str, theme: charts.Theme) -> Response:
    """A picture that says so: whoever looks at a page sees no other reply."""
    text = f"No repository named {full_name} was on any list"
    response = Response(charts.notice(text, theme), 404, content_type=SVG)
    response.cache_control.public = True
    response.cache_control.max_age = 60
    return response


@embeds.get("/badges/<owner>/<name>.json")
@endpoint(aggregates.Badge, SHOWN, PLACE_ON, WINDOW)
def badge(owner: str, name: str, show: str, of: RankedList, window: str) -> AnyResponse:
    """A badge of shields.io: stars, the place on a list, or the stars gained over a window."""

    with context.database().read() as session:
        profile = store.profile(session, f"{owner}/{name}")
    if profile is None:
        raise api.unknown(owner, name)

    def make() -> Reply:
        with context.database().read() as session:
            build = api.build(session)
            facts = api.repository_of(session, owner, name, until=build.as_of)
        made = aggregates.badge(facts, show, of, window, build.every)
        return Reply.of(store.encode(made), parameters.JSON, build)

    moved = api.moved(owner, name, profile.full_name)
    return moved or kept(("badge", profile.id, show, of.slug, window), make)


class _Feed(Atom1Feed):  # type: ignore[misc]  # feedgenerator publishes no types
    """A feed whose age is that of its newest entry, also where there is none yet."""

    def latest_post_date(self) -> datetime:
        newest: datetime = self.items[0]["updateddate"] if self.items else self.feed["since"]
        return newest


@embeds.get("/feeds/<slug>.atom")
@endpoint(bytes, content_type=ATOM)
def feed(slug: str) -> Response:
    """What changed on a list lately, newest first, for a feed reader."""
    of, site = ranked(slug), replies.site(request.environ)
    with context.database().read() as session:
        newest = store.events_of(session, ENTRIES, ranked=of, newest_first=True)
        since, _ = store.first_and_last_good(session, of)
    made = _Feed(
        title=f"Starboard: {of.title}",
        link=f"{site}/?list={of.slug}",
        feed_url=f"{site}/feeds/{of.slug}.atom",
        feed_guid=_id("feed", of.slug, since),
        description=f"What changes among GitHub's top repositories: {of.title}",
        author_name="Starboard",
        since=since or clock.EPOCH,
    )
    for it in newest:
        made.add_item(
            title=charts.printable(events.headline(it.kind, it.full_name, it.detail)),
            link=f"{site}/repos/{it.full_name}",
            description=None,
            unique_id=_id("event", of.slug, it.slot, it.cursor, it.kind),
            updateddate=it.slot,
            categories=[it.kind],
        )
    response = Response(made.writeString("utf-8"), content_type=ATOM)
    response.last_modified = made.latest_post_date()
    response.vary.add("X-Forwarded-Proto")
    return api.kept_briefly(response)


def _id(*what: object) -> str:
    """The id of something for ever, wherever this server is found."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"starboard:{':'.join(map(str, what))}").urn
