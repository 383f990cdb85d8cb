"""The changes of a list over a window: the list now against the list then, whatever was between."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypedDict

from msgspec import Meta

from core import clock
from core.schemas import Gains, Item, Leaderboard, ListRank, Time


class Entered(TypedDict):
    """A repository that is on the list now and was not then."""

    full_name: str
    rank: int
    stars: int
    forks: int
    gains: Gains


class Left(TypedDict):
    """A repository that was on the list then and is not now; `ranks`: where it is now."""

    full_name: str
    rank_then: int
    count_then: Annotated[int, Meta(description="Of what the list counts.")]
    ranks: list[ListRank]


class Changes(TypedDict):
    """The list as of `as_of` against the list as of `since`, the last poll at or before the
    window's start, by the rule of gains. Where there is none, so that nobody can tell, `since`,
    `entered` and `left` are null, and `known_since` is the first poll after."""

    list: str
    window: str
    since: Time | None
    known_since: Annotated[Time, Meta(description="From when on the list is known.")]
    as_of: Time
    entered: list[Entered] | None
    left: list[Left] | None


@dataclass(frozen=True, slots=True)
class Place:
    """A repository's place on a list then. `full_name` is the one it has now."""

    repository_id: int
    full_name: str
    rank: int
    count: int


@dataclass(frozen=True, slots=True)
class ListThen:
    """A list as its last good or imported poll had it at or before a window's start. `slot` is None
    where none is near enough; `known_since` is it, or else that of the first poll after."""

    slot: datetime | None
    known_since: datetime
    places: Sequence[Place]


def changes(
    board: Leaderboard,
    ids: Iterable[int],
    window: str,
    then: ListThen,
    ranks: Mapping[int, list[ListRank]],
) -> Changes:
    """Return who entered a list and who left it. `ids`: those of the list's items, in order;
    `ranks`: of each repository now, over all lists."""
    now = dict(zip(ids, board["items"], strict=True))
    before = {place.repository_id for place in then.places}
    known = then.slot is not None
    left = [place for place in then.places if place.repository_id not in now]
    return {
        "list": board["list"],
        "window": window,
        "since": clock.rfc3339(then.slot) if then.slot else None,
        "known_since": clock.rfc3339(then.known_since),
        "as_of": board["as_of"],
        "entered": [_entered(now[each]) for each in now if each not in before] if known else None,
        "left": [_left(place, ranks.get(place.repository_id, [])) for place in left]
        if known
        else None,
    }


def _entered(item: Item) -> Entered:
    return {
        "full_name": item["full_name"],
        "rank": item["rank"],
        "stars": item["stars"],
        "forks": item["forks"],
        "gains": item["gains"],
    }


def _left(place: Place, ranks: list[ListRank]) -> Left:
    return {
        "full_name": place.full_name,
        "rank_then": place.rank,
        "count_then": place.count,
        "ranks": ranks,
    }
