"""…"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import Blueprint, Response
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from core import clock
from core.clock import DAY
from core.names import FULL_NAME, is_full_name
from core.windows import Profile
from store import readings, repositories
from web import chart_svg, current, parameters, responses
from web.cache import kept
from web.chart_svg import Line
from web.parameters import SVG, choice, endpoint
from web.replies import Reply

MOST = 10  # repositories in a chart

SECOND = timedelta(seconds=1)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",")))
    if not all(map(is_full_name, names)) or len(names) > MOST:
        raise ValueError(f"expected 1 to {MOST} repositories, as owner/name,owner/name")
    return names


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


charts = Blueprint("charts", __name__)


@charts.get("/charts/<owner>/<name>.svg")
@endpoint(bytes, THEME, SPAN, content_type=SVG)
def chart(owner: str, name: str, theme: chart_svg.Theme, span: str) -> AnyResponse:
    """The star history of a repository, as a picture."""
    with current.database().read() as session:
        profile = repositories.profile(session, f"{owner}/{name}")
    if profile is None:
        return _nobody(f"{owner}/{name}", theme)
    return responses.moved(owner, name, profile.full_name) or _chart([profile], theme, span)


@charts.get("/charts.svg")
@endpoint(bytes, REPOSITORIES, THEME, SPAN, content_type=SVG)
def comparison(names: Sequence[str], theme: chart_svg.Theme, span: str) -> Response:
    """The star histories of several repositories in one picture."""
    profiles: dict[int, Profile] = {}
    with current.database().read() as session:
        for name in names:
            profile = repositories.profile(session, name)
            if profile is None:
                return _nobody(name, theme)
            profiles.setdefault(profile.id, profile)
    return _chart(list(profiles.values()), theme, span)


def _chart(profiles: Sequence[Profile], theme: chart_svg.Theme, span: str) -> Response:
    """A chart of what the newest build knew, so that all processes draw the same."""

    def draw() -> Reply:
        with current.database().read() as session:
            build = responses.build(session)
            end = (build.as_of or clock.now()) + SECOND
            start = min(readings.first_day(session, it.id) or end for it in profiles)
            start = max(start, end - (SPANS[span] or end - start))
            step = chart_svg.step(end - start, current.settings().poll_every, len(profiles))
            lines = _lines(session, profiles, start, end, step)
            if step < DAY and all(chart_svg.is_daily(line.points) for line in lines):
                step = DAY
                lines = _lines(session, profiles, start, end, step)
        return Reply.of(chart_svg.draw(lines, step, theme), SVG, build)

    return kept(("chart", theme, span, *(it.id for it in profiles)), draw)


def _lines(
    session: Session, profiles: Sequence[Profile], start: datetime, end: datetime, step: timedelta
) -> list[Line]:
    return [
        Line(
            it.full_name,
            [
                (clock.parse(point["at"]), point["stars"])
                for point in readings.series(session, it.id, start, end, step)
            ],
        )
        for it in profiles
    ]


def _nobody(full_name: str, theme: chart_svg.Theme) -> Response:
    """A picture that says so: whoever looks at a page sees no other reply."""
    text = f"No repository named {full_name} was on any list"
    response = Response(chart_svg.notice(text, theme), 404, content_type=SVG)
    response.cache_control.public = True
    response.cache_control.max_age = 60
    return response
