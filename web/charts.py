"""Star histories as pictures: which repositories, spans and steps are drawn for a request."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask import Blueprint, Response
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from core import clock, star_history
from core.clock import DAY, SECOND
from core.lists import RankedList
from core.names import FULL_NAME
from core.schemas import Source
from core.series import Points, is_daily, thinned
from core.windows import Profile
from models import Follow, StarHistory
from store import follows, readings, repositories, series, star_histories
from store.series import Chosen
from web import chart_daily, chart_notices, chart_ranks, chart_svg, current, parameters, responses
from web.cache import cached_until_next_build
from web.chart_notices import COLLECTING, Notice
from web.chart_style import Theme
from web.chart_svg import Align, Line, Scale
from web.parameters import SVG, choice, endpoint
from web.rank_lines import ranks_of
from web.refreshing import looked_at
from web.replies import Reply

MOST = 10  # repositories in a chart


class Subject(NamedTuple):
    """A repository to draw, and how far its star history is read: a chart of it is another one once
    more is. `wanted`: somebody waits for that; `settled`: nothing more is to come."""

    id: int
    full_name: str
    pages_read: int
    pages: int | None
    read_at: datetime | None
    complete: bool
    wanted: bool
    settled: bool

    @property
    def is_growing(self) -> bool:
        return self.wanted and not self.settled

    @property
    def notice(self) -> Notice:
        return Notice(COLLECTING, self.full_name, self.pages_read, self.pages)


def _names(text: str) -> tuple[str, ...]:
    """Return full names in lower case, each once; of a link to a repository its name."""
    names = dict.fromkeys(map(current.meant, text.lower().split(",")))
    if None in names or len(names) > MOST:
        raise ValueError(f"expected 1 to {MOST} repositories, as owner/name,owner/name")
    return tuple(filter(None, names))


THEME = choice("theme", "Of the page that shows it.", ("auto", "light", "dark"), "auto")

REPOSITORIES = parameters.Parameter(
    "repos",
    f"Up to {MOST} repositories to compare.",
    _names,
    {"type": "string", "pattern": f"^{FULL_NAME}(,{FULL_NAME}){{0,{MOST - 1}}}$"},
    "octocat/hello-world,octocat/spoon-knife",
    required=True,
    into="names",
)

SPANS = {"7d": 7 * DAY, "30d": 30 * DAY, "1y": 365 * DAY, "all": None}
SPAN = choice("span", "The span of time of the chart.", SPANS, "all")
SHOW = choice(
    "show", "All stars, those of each day, or its rank.", ("total", "daily", "rank"), "total"
)
RANKED = parameters.a_list("The list of show=rank; without it the first list.")

SCALE = choice("scale", "Of the axis of counts.", ("linear", "log"), "linear")
ALIGN = choice("align", "By date, or each by its age, from its first day.", ("date", "age"), "date")


class Look(NamedTuple):
    """How a chart is to look."""

    theme: Theme
    span: str
    show: str
    scale: Scale
    align: Align
    ranked: RankedList | None = None

    @classmethod
    def of(cls, *, ranked: RankedList | None, show: str, **chosen: Any) -> "Look":
        """Raises BadRequest for what does not go together."""
        look = cls(show=show, **chosen)
        if show != "total" and (look.scale, look.align) != ("linear", "date"):
            raise BadRequest(f"show={show} has neither scale=log nor align=age")
        if show != "rank":
            return look
        return look._replace(ranked=ranked or current.settings().lists[0])


LOOK = (THEME, SPAN, SHOW, SCALE, ALIGN, RANKED)

charts = Blueprint("charts", __name__)


@charts.get("/charts/<owner>/<name>.svg")
@endpoint(bytes, *LOOK, content_type=SVG)
def chart(owner: str, name: str, **chosen: Any) -> AnyResponse:
    """The star history of a repository, as a picture; of one not known yet it is asked for."""
    look = Look.of(**chosen)
    with current.database().read() as session:
        profile = repositories.profile(session, f"{owner}/{name}")
        [subject] = _subjects(session, [profile]) if profile else [None]
    if subject is None:
        return chart_notices.picture([chart_notices.sought(f"{owner}/{name}")], look.theme)
    moved = responses.moved(owner, name, subject.full_name)
    return moved or _response((subject,), look)


@charts.get("/charts.svg")
@endpoint(bytes, REPOSITORIES, *LOOK, content_type=SVG)
def comparison(names: Sequence[str], **chosen: Any) -> Response:
    """The star histories of several repositories in one picture; those not known yet are asked
    for."""
    look = Look.of(**chosen)
    with current.database().read() as session:
        profiles = repositories.profiles(session, names)
        known = _subjects(session, {it.id: it for it in profiles.values()}.values())
    unknown = tuple(chart_notices.sought(name) for name in names if name not in profiles)
    if not known:
        return chart_notices.picture(unknown, look.theme)
    return _response(known, look, unknown)


def _subjects(session: Session, profiles: Collection[Profile]) -> tuple[Subject, ...]:
    rows = star_histories.by_id(session, [each.id for each in profiles])
    wishes = follows.wishes_for(session, {each.id: each.full_name for each in profiles})
    return tuple(_subject(it, rows.get(it.id), wishes.get(it.id)) for it in profiles)


def _subject(profile: Profile, row: StarHistory | None, wish: Follow | None) -> Subject:
    wanted = wish is not None and wish.waits
    complete = row is not None and star_histories.is_complete(row)
    settled = complete or (row is not None and row.unavailable is not None)
    pages_read, pages, read_at = (
        (row.pages_read, row.pages, row.read_at) if row else (0, None, None)
    )
    so_far = (pages_read, pages, read_at, complete)
    return Subject(profile.id, profile.full_name, *so_far, wanted, settled)


def _response(
    chosen: tuple[Subject, ...],
    look: Look,
    unknown: tuple[Notice, ...] = (),
) -> Response:
    """Return a chart, of some repositories that are still unknown too, as what is there by now."""
    looked_at(*(each.id for each in chosen if each.read_at))
    settled = all(it.settled for it in chosen)
    response = _chart(chosen, look, unknown=unknown, settled=settled)
    waits = [it.notice for it in chosen if it.is_growing]
    return chart_notices.noticed(response, [*waits, *unknown])


@cached_until_next_build(unless="unknown", until="settled")  # anybody may ask for anything
def _chart(
    chosen: tuple[Subject, ...],
    look: Look,
    *,
    unknown: tuple[Notice, ...] = (),
    settled: bool,
) -> Reply:
    """A chart of what the newest build knew, so that all processes draw the same, and of days that
    GitHub told. Repositories that nobody saw have no line, but a place in the legend."""
    del settled  # the cache's
    with current.database().read() as session:
        build = responses.build(session)
        newest = max([build.built_at, *(it.read_at for it in chosen if it.read_at)])
        build = replace(build, built_at=newest)  # which tells when the chart was modified
        end = (build.as_of or clock.now()) + SECOND
        picture = _picture(session, chosen, look, end, unknown)
    return Reply.of(picture, SVG, build)


def _picture(
    session: Session,
    chosen: Sequence[Subject],
    look: Look,
    end: datetime,
    unknown: Sequence[Notice],
) -> bytes:
    """The picture of what is known before `end`, and in words of what is collected."""
    span, theme = SPANS[look.span], look.theme
    growing = [it.notice for it in chosen if it.is_growing]
    waits = {it.full_name: it.legend for it in (*growing, *unknown)}
    if look.ranked:
        ids = {it.full_name: it.id for it in chosen}
        ranks, step = ranks_of(session, ids, look.ranked, end, span)
        ranks |= {it.full_name: () for it in unknown}
        return chart_ranks.draw(ranks, look.ranked.title, step, theme, waits)
    if look.show == "daily":
        days, step = _days(session, chosen, end, span)
        if growing and not any(days.values()):
            return chart_svg.notice(chart_notices.text([*growing, *unknown]), theme)
        days |= {it.full_name: () for it in unknown}
        return chart_daily.draw(days, step, theme, waits)
    lines, step = _lines(session, chosen, end, span, look.align)
    if growing and not any(line.both for line in lines):
        return chart_svg.notice(chart_notices.text([*growing, *unknown]), theme)
    lines += [Line(it.full_name, [], progress=it.legend) for it in unknown]
    return chart_svg.draw(lines, step, theme, look.scale, look.align)


def _lines(
    session: Session,
    subjects: Sequence[Subject],
    end: datetime,
    span: timedelta | None,
    align: Align,
) -> tuple[list[Line], timedelta]:
    """Return a line for each repository, and the step that fits them. The span is the last one
    before the newest of them ends, or the first of each."""
    # A history that was not there yet when the request came is left to the next one.
    wanted: dict[int, Source | None] = {it.id: None if it.read_at else "reading" for it in subjects}
    sources = list(series.chosen(session, wanted).values())
    ends = [_end(source, end) for source in sources]
    starts = [source.start or end for source in sources]
    if align == "age":
        ends = [
            min(last, start + (span or last - start))
            for start, last in zip(starts, ends, strict=True)
        ]
    else:
        end, start = max(ends), min(starts)
        starts = [max(start, end - (span or end - start))] * len(subjects)
    longest = max(last - start for start, last in zip(starts, ends, strict=True))
    step = chart_svg.step(longest, current.settings().poll_every, len(subjects))

    def drawn() -> list[Line]:
        return [
            _line(session, subject, source, start, until, step)
            for subject, source, start, until in zip(subjects, sources, starts, ends, strict=True)
        ]

    lines = drawn()
    if step < DAY and all(is_daily(line.points or line.github) for line in lines):
        step = DAY
        lines = drawn()
    return lines, step


def _end(source: Chosen, end: datetime) -> datetime:
    """Return when what is known of a repository ends: by `end`, if it was sampled before that."""
    newest = (source.newest or end) + SECOND
    return min(end, newest) if source.sampled_since and source.sampled_since < end else newest


def _line(
    session: Session,
    subject: Subject,
    source: Chosen,
    start: datetime,
    end: datetime,
    step: timedelta,
) -> Line:
    """Return of each step in [start, end) the last reading, and before them the last day."""
    points = readings.stars(session, subject.id, start, end, step)
    days: Points = [(at, stars) for at, stars in source.github if start <= at < end]
    if step > DAY:
        first = clock.ceil(points[0][0], step) if points else end + step
        days = [day for day in thinned(days, step) if clock.ceil(day[0], step) < first]
    since = source.sampled_since if days else None
    progress = subject.notice.legend if subject.is_growing else ""
    return Line(subject.full_name, points, tuple(days), since, progress, not subject.complete)


def _days(
    session: Session, subjects: Sequence[Subject], end: datetime, span: timedelta | None
) -> tuple[dict[str, Points], timedelta]:
    """Return the stars of each day that GitHub tells of, by names, and the step that fits them."""
    rows = star_histories.by_id(session, [each.id for each in subjects])
    told = {each.full_name: series.told(rows.get(each.id)) for each in subjects}
    lines = {name: star_history.daily(days) if days else [] for name, days in told.items()}
    end = max([end, *(at for points in lines.values() for at, _ in points[-1:])])
    first = min([end, *(at - DAY for points in lines.values() for at, _ in points[:1])])
    start = max(first, end - (span or end - first))
    step = chart_svg.step(end - start, DAY, 2 * len(subjects))
    return {name: [day for day in points if day[0] > start] for name, points in lines.items()}, step
