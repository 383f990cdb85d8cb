"""Star histories as pictures: which repositories, spans and steps are drawn for a request."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import Blueprint, Response
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from core import clock
from core.clock import DAY
from core.names import FULL_NAME, is_full_name
from core.series import is_daily
from store import readings, repositories
from web import chart_svg, current, parameters, responses
from web.cache import cached_until_next_build
from web.chart_style import Theme
from web.chart_svg import Line
from web.parameters import SVG, choice, endpoint
from web.replies import Reply

Repositories = tuple[tuple[int, str], ...]  # their ids and full names

MOST = 10  # repositories in a chart
UNKNOWN, NOTICE_SECONDS = "unknown repository", 60
SECOND = timedelta(seconds=1)


LINK = re.compile(
    r"(?:https?://[^/]+/|(?:www\.)?github\.com/)([^/]+/[^/?#]+?)(?:\.git)?(?:[/?#].*)?"
)


def _name(text: str) -> str:
    link = LINK.fullmatch(text)
    return link[1] if link else text


def _names(text: str) -> tuple[str, ...]:
    """Return full names in lower case, each once; of a link to a repository its name."""
    names = tuple(dict.fromkeys(_name(part.strip().lower()) for part in text.split(",")))
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
def chart(owner: str, name: str, theme: Theme, span: str) -> AnyResponse:
    """The star history of a repository, as a picture."""
    with current.database().read() as session:
        profile = repositories.profile(session, f"{owner}/{name}")
    if profile is None:
        return _noticed(_notice(f"{owner}/{name}", theme))
    moved = responses.moved(owner, name, profile.full_name)
    return moved or _chart(((profile.id, profile.full_name),), theme, span)


@charts.get("/charts.svg")
@endpoint(bytes, REPOSITORIES, THEME, SPAN, content_type=SVG)
def comparison(names: Sequence[str], theme: Theme, span: str) -> Response:
    """The star histories of several repositories in one picture."""
    with current.database().read() as session:
        profiles = repositories.profiles(session, names)
    found = tuple({it.id: it.full_name for it in profiles.values()}.items())
    unknown = tuple(name for name in names if name not in profiles)
    if not found:
        return _noticed(_notice(" and ".join(unknown), theme))
    response = _chart(found, theme, span, unknown=unknown)
    return _noticed(response) if unknown else response


@cached_until_next_build(unless="unknown")  # anybody may ask for anything
def _chart(
    chosen: Repositories, theme: Theme, span: str, *, unknown: tuple[str, ...] = ()
) -> Reply:
    """A chart of what the newest build knew, so that all processes draw the same. Repositories that
    nobody saw have no line, but a place in the legend."""
    with current.database().read() as session:
        build = responses.build(session)
        end = (build.as_of or clock.now()) + SECOND
        start = min(readings.first_day(session, each) or end for each, _ in chosen)
        start = max(start, end - (SPANS[span] or end - start))
        step = chart_svg.step(end - start, current.settings().poll_every, len(chosen))
        lines = _lines(session, chosen, start, end, step)
        if step < DAY and all(is_daily(line.points) for line in lines):
            step = DAY
            lines = _lines(session, chosen, start, end, step)
    lines += [Line(name, []) for name in unknown]
    return Reply.of(chart_svg.draw(lines, step, theme), SVG, build)


def _lines(
    session: Session, chosen: Repositories, start: datetime, end: datetime, step: timedelta
) -> list[Line]:
    """Return a line for each repository, of each step in [start, end) the last reading."""
    return [
        Line(
            full_name,
            [
                (clock.parse(point["at"]), point["stars"])
                for point in readings.series(session, repository_id, start, end, step)
            ],
        )
        for repository_id, full_name in chosen
    ]


def _notice(full_name: str, theme: Theme) -> Response:
    text = f"No repository named {full_name} was on any list"
    return Response(chart_svg.notice(text, theme), content_type=SVG)


def _noticed(response: Response) -> Response:
    """Return a picture that says, or lacks, something as one that is soon asked for again. Its
    status is 200: where a page shows a picture, image proxies show no other."""
    response.headers["Starboard-Notice"] = UNKNOWN
    response.headers["Cache-Control"] = f"public, max-age={NOTICE_SECONDS}"
    return response
