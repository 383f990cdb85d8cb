"""How figures are written for people, on pages and in what is sent to them."""

from datetime import timedelta

from core.clock import DAY, HOUR, MINUTE


def duration(span: timedelta | float) -> str:
    """A span of time, a number being seconds, in its largest whole unit, such as `12 min`. Hours
    and days begin at two of them: `90 min`, `36 h`."""
    span = span if isinstance(span, timedelta) else timedelta(seconds=span)
    for name, unit in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if span >= (2 * unit if unit > MINUTE else unit):
            return f"{span // unit} {name}"
    return f"{int(span.total_seconds())} s"


def interval(span: timedelta) -> str:
    """How often something comes, after "every": `minute`, `hour`, or `15 min`."""
    return {MINUTE: "minute", HOUR: "hour"}.get(span) or duration(span)
