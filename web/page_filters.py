"""How templates say numbers, moments and spans."""

from datetime import datetime, timedelta

from core import clock
from core.clock import DAY, HOUR, MINUTE
from web import axes, chart_svg


def number(count: int) -> str:
    return f"{count:,}"


def signed(count: int) -> str:
    return f"{count:+,}".replace("-", "\N{MINUS SIGN}") if count else "0"


def moment(at: datetime | str) -> datetime:
    """A moment of a document, or one that is one already."""
    return clock.parse(at) if isinstance(at, str) else at


def duration(span: timedelta | float) -> str:
    """A span of time, such as `12 min`, in its largest unit."""
    span = span if isinstance(span, timedelta) else timedelta(seconds=span)
    for name, unit in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if span >= (2 * unit if unit > MINUTE else unit):
            return f"{span // unit} {name}"
    return f"{int(span.total_seconds())} s"


FILTERS = (number, signed, moment, duration, clock.rfc3339, axes.rounded, chart_svg.printable)
