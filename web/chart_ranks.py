"""A repository's rank on a list over time as SVG pictures. Pure, as web/chart_svg.py."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from core.clock import DAY
from core.series import Points, split_at_gaps
from web import axes, chart_svg, svg
from web.chart_style import STYLE_SHEETS, Theme
from web.text import printable, shorten

Ranks = Sequence[tuple[datetime, int | None]]  # of each good poll; None: not on the list


def draw(
    ranks_by_name: Mapping[str, Ranks],
    title: str,
    step: timedelta,
    theme: Theme,
    waits: Mapping[str, str] = chart_svg.NONE_WAIT,
) -> bytes:
    """The SVG of a line a repository, rank 1 at the top, each with at most one rank in a step. A
    step without a poll is a gap, as are polls that did not find it on the list. `waits`: by names,
    how far those are whose ranks nobody could know yet."""
    lines = {printable(name): ranks for name, ranks in ranks_by_name.items()}
    names = ", ".join(lines)
    known = [rank for ranks in lines.values() for _, rank in ranks if rank is not None]
    if not known:
        return chart_svg.notice(f"{names} was never seen on the list {title}", theme)
    slots = [at for ranks in lines.values() for at, _ in ranks]
    first, last = min(slots), max(slots)
    when = f"{last.day} {last:%B %Y}" + (f", {last:%H:%M} UTC" if step < DAY else "")
    head = f"Rank on {title}", f"as of {when}"
    if len(lines) == 1:
        name = shorten(names, chart_svg.MOST_TITLE_LETTERS)
        head = name, f"{_now(lines[names], 'rank ')} on {title}, {when}"
    return svg.chart(
        f"Rank of {names} on {title}",
        " ".join(_describe(name, title, ranks) for name, ranks in lines.items()),
        STYLE_SHEETS[theme],
        head,
        chart_svg.plane((first, last), (min(known), max(known)), step, scale="rank"),
        [
            svg.Line(name, (not ranks and waits.get(name)) or _now(ranks), _drawn(ranks, step))
            for name, ranks in lines.items()
        ],
    )


def _now(ranks: Ranks, word: str = "") -> str:
    newest = ranks[-1][1] if ranks else None
    return "not listed" if newest is None else f"{word}{newest}"


def _parts(ranks: Ranks, step: timedelta) -> Iterator[Points]:
    for listed, polls in groupby(ranks, lambda poll: poll[1] is not None):
        if listed:
            yield from split_at_gaps([(at, rank) for at, rank in polls if rank], step)


def _drawn(ranks: Ranks, step: timedelta) -> list[list[svg.Point]]:
    """Unbroken ranks, and the newest as a dot, unless it is one already."""
    height, parts = axes.heights("rank"), list(_parts(ranks, step))
    newest = [(at, rank) for at, rank in ranks[-1:] if rank is not None]
    if newest and len(parts[-1]) > 1:
        parts.append(newest)
    return [[(at.timestamp(), height(rank)) for at, rank in part] for part in parts]


def _describe(name: str, title: str, ranks: Ranks) -> str:
    """Return the ranks of a repository in words, for a screen reader."""
    known = [(at, rank) for at, rank in ranks if rank is not None]
    if not known:
        return f"{name} was never seen on {title}."
    (start, before), (end, now) = known[0], known[-1]
    best = min(rank for _, rank in known)
    return (
        f"Rank of {name} on {title} from {start:%Y-%m-%d} to {end:%Y-%m-%d}: "
        f"from {before} to {now}, {best} at best."
    )
