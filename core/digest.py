"""The digest: what a week changed on some lists, as data and in words."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from core.schemas import EventItem, Mover

MOST_NAMED = 5  # of those that entered, left or rose, a list


class ListDigest(TypedDict):
    """`entered` and `left`: names of those that are there now and were not, and the other way
    round. `rose`: the largest gains of 7 days, {"full_name", "gain", "rank_gain"} each."""

    list: str
    title: str
    entered: list[str]
    left: list[str]
    rose: list[dict[str, Any]]


class Digest(TypedDict):
    week: str
    lists: list[ListDigest]


def week_of(moment: datetime) -> str:
    """The week of a moment as ISO 8601 writes it, such as `2026-W09`."""
    year, week, _ = moment.isocalendar()
    return f"{year}-W{week:02}"


def list_digest(
    slug: str, title: str, events: Iterable[EventItem], movers: Sequence[Mover]
) -> ListDigest:
    """What changed on a list, by its events of a week, oldest first, and its movers."""
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for event in events:
        if event["kind"] in ("entered", "left"):
            first.setdefault(event["full_name"], event["kind"])
            last[event["full_name"]] = event["kind"]
    # Who came and went, or went and came back, is where it was.
    lasting = [name for name in first if first[name] == last[name]]
    rose = [
        {name: mover[name] for name in ("full_name", "gain", "rank_gain")}
        for mover in movers[:MOST_NAMED]
        if mover["gain"] > 0
    ]
    return {
        "list": slug,
        "title": title,
        "entered": [name for name in lasting if first[name] == "entered"],
        "left": [name for name in lasting if first[name] == "left"],
        "rose": rose,
    }


def lines(digest: Mapping[str, Any]) -> list[str]:
    """A digest in words."""
    told = [line for each in digest["lists"] for line in _lines(each)]
    return told or ["Nothing changed on these lists."]


def _lines(of: Mapping[str, Any]) -> list[str]:
    rose = [f"{mover['full_name']} +{mover['gain']:,}" for mover in of["rose"]]
    told = {"rose fastest": rose, "entered": of["entered"], "left": of["left"]}
    found = [f"  {what}: {_named(names)}" for what, names in told.items() if names]
    return [f"{of['title']}:", *found] if found else []


def _named(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
