"""Pictures of repositories that nobody saw yet: their histories are asked for, where one may, and
the pictures say what came of it."""

from collections.abc import Sequence
from typing import NamedTuple

from flask import Response
from werkzeug.exceptions import NotFound, TooManyRequests

from web import chart_svg, current
from web.chart_style import Theme
from web.following import ask_for, wished
from web.parameters import SVG
from web.permission import may_ask

COLLECTING, FULL, UNKNOWN = "collecting", "too many wait", "unknown repository"

SAYS = {  # in pictures; the first that holds is in the header
    COLLECTING: "Collecting the star history of {}",
    FULL: "Too many wait for a star history: ask for {} later",
    UNKNOWN: "No repository named {} was on any list",
}
SECONDS = {COLLECTING: 3, FULL: 60, UNKNOWN: 60}  # until it is to be asked for again


class Notice(NamedTuple):
    """The reason why a repository is not, or not all, in a picture, and how far it has come."""

    why: str
    full_name: str
    pages_read: int = 0
    pages: int | None = None

    @property
    def progress(self) -> str:
        return f"page {self.pages_read} of {self.pages}" if self.pages else ""

    @property
    def legend(self) -> str:
        return self.progress or (COLLECTING if self.why == COLLECTING else "")

    @property
    def subject(self) -> str:
        return f"{self.full_name}, {self.progress}" if self.progress else self.full_name


def sought(full_name: str) -> Notice:
    """Return what came of looking for a repository that nobody saw. It is asked for, unless that
    was done before, and not followed."""
    with current.database().read() as session:
        wish = wished(session, full_name)
    if wish is None:
        if not may_ask():
            return Notice(UNKNOWN, full_name)
        try:
            wish = ask_for(full_name, follow=False)
        except NotFound:
            return Notice(UNKNOWN, full_name)
        except TooManyRequests:
            return Notice(FULL, full_name)
    return Notice(COLLECTING, full_name, wish["history"]["pages_read"], wish["history"]["pages"])


def text(notices: Sequence[Notice]) -> str:
    """Say all reasons why there is no chart."""
    texts = [
        text.format(" and ".join(it.subject for it in notices if it.why == why))
        for why, text in SAYS.items()
        if any(it.why == why for it in notices)
    ]
    return ". ".join(texts)


def picture(notices: Sequence[Notice], theme: Theme) -> Response:
    """A picture that says why it shows no chart."""
    svg = chart_svg.notice(text(notices), theme)
    return noticed(Response(svg, content_type=SVG), notices)


def noticed(response: Response, notices: Sequence[Notice]) -> Response:
    """Return a picture that says, or lacks, something as one that is soon asked for again. Its
    status is 200: where a page shows a picture, image proxies show no other."""
    whys = {it.why for it in notices}
    if whys:
        response.headers["Starboard-Notice"] = next(why for why in SAYS if why in whys)
        seconds = min(SECONDS[why] for why in whys)
        response.headers["Cache-Control"] = f"public, max-age={seconds}"
    return response
