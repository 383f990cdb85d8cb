"""The digest: what a week changed on some lists, as data and in words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from core.changes import Changes, Entered, Left
from core.schemas import Mover

MOST_NAMED = 5  # of those that entered, left or rose, a list


class ListDigest(TypedDict):
    """`entered` and `left`: names of those that are on the list now and were not as of `since`, and
    the other way round, as the page tells them; null where nobody watched it then, but only from
    `known_since` on, which is null before the first build. `rose`: the largest gains of 7 days,
    {"full_name", "gain", "rank_gain"} each."""

    list: str
    title: str
    since: str | None
    known_since: str | None
    entered: list[str] | None
    left: list[str] | None
    rose: list[dict[str, Any]]


class Digest(TypedDict):
    week: str
    lists: list[ListDigest]


def week_of(moment: datetime) -> str:
    """The week of a moment as ISO 8601 writes it, such as `2026-W09`."""
    year, week, _ = moment.isocalendar()
    return f"{year}-W{week:02}"


def list_digest(
    slug: str, title: str, changes: Changes | None, movers: Sequence[Mover]
) -> ListDigest:
    """What changed on a list, by its documents of 7 days; None before there are any."""
    rose = [
        {name: mover[name] for name in ("full_name", "gain", "rank_gain")}
        for mover in movers[:MOST_NAMED]
        if mover["gain"] > 0
    ]
    return {
        "list": slug,
        "title": title,
        "since": changes and changes["since"],
        "known_since": changes and changes["known_since"],
        "entered": _names(changes and changes["entered"]),
        "left": _names(changes and changes["left"]),
        "rose": rose,
    }


def _names(rows: Sequence[Entered] | Sequence[Left] | None) -> list[str] | None:
    return None if rows is None else [row["full_name"] for row in rows]


def lines(digest: Mapping[str, Any]) -> list[str]:
    """A digest in words."""
    told = [line for each in digest["lists"] for line in _lines(each)]
    known = any(each["entered"] is not None for each in digest["lists"])
    return told or [f"Nothing {'changed on' if known else 'is known yet of'} these lists."]


def _lines(of: Mapping[str, Any]) -> list[str]:
    rose = [f"{mover['full_name']} +{mover['gain']:,}" for mover in of["rose"]]
    told = {"rose fastest": rose, "entered": of["entered"], "left": of["left"]}
    found = [f"  {what}: {_named(names)}" for what, names in told.items() if names]
    if of["entered"] is None and of["known_since"]:
        found.append(f"  who entered and left is not known: watched from {of['known_since']} on")
    return [f"{of['title']}:", *found] if found else []


def _named(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
