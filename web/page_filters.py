"""Filters of the templates: how numbers, moments and spans of time are written."""

from datetime import datetime

from markupsafe import Markup, escape

from core import clock, leaderboards
from core.words import duration, interval
from web import axes
from web.text import printable


def number(count: int | None) -> str:
    """A count with commas, such as `12,345`; a dash where it is not known."""
    return "\N{EN DASH}" if count is None else f"{count:,}"


def counted(count: int, one: str, several: str = "") -> str:
    """A count of things, `1 list` or `1,200 lists`; `several`: the word for more than one, where an
    `s` does not make it."""
    return f"{number(count)} {one if count == 1 else several or f'{one}s'}"


def signed(count: int) -> str:
    """A difference with its sign, `+12,345` or `−1`; 0 has none."""
    return f"{count:+,}".replace("-", "\N{MINUS SIGN}") if count else "0"


def percent(gained: int, now: int) -> str:
    """A gain as a part of what there was before it, `+1.25 %`; empty where that was too little for
    one to say something."""
    before = now - gained
    if before < leaderboards.ENOUGH:
        return ""
    return f"{100 * gained / before:+,.2f}".replace("-", "\N{MINUS SIGN}") + "\N{NO-BREAK SPACE}%"


def coded(text: str) -> Markup:
    """A text in which what stands between backticks is code."""
    parts = enumerate(text.split("`"))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in parts
    )


def moment(at: datetime | str) -> datetime:
    """A moment, read where it is the RFC 3339 of a document."""
    return clock.parse(at) if isinstance(at, str) else at


FILTERS = (
    *(number, counted, signed, percent, coded, moment, duration, interval),
    *(clock.rfc3339, axes.rounded, printable),
)
