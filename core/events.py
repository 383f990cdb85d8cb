"""What changed between two consecutive good polls of a list. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from core.lists import RankedList
from core.plausibility import Member
from core.repository import GitHubRepository
from core.schemas import EventKind

TOP = 20  # places among which overtaking is news


@dataclass(frozen=True, slots=True)
class Change:
    """`detail`: of `entered` {"rank"}, of `left` {"rank"} as it was, of `overtook` {"rank",
    "overtaken"}, of `milestone` {"stars"}."""

    kind: EventKind
    repository: GitHubRepository
    detail: dict[str, Any]


def headline(kind: str, full_name: str, detail: Mapping[str, Any]) -> str:
    """A change, as stored, in words; on which list it happened goes without saying."""
    match kind:
        case "entered":
            return f"{full_name} entered at place {detail['rank']}"
        case "left":
            return f"{full_name} left from place {detail['rank']}"
        case "overtook":
            return f"{full_name} overtook {detail['overtaken']} for place {detail['rank']}"
        case _:
            return f"{full_name} reached {detail['stars']:,} stars"


def milestones(before: int, now: int) -> Iterator[int]:
    """The multiples of 10,000 below 100,000, and of 50,000 from there on, that were reached."""
    for step, low, high in ((10_000, 0, 99_999), (50_000, 99_999, now)):
        first = max(before, low) // step * step + step
        yield from range(first, min(now, high) + 1, step)


def changes(
    before: Sequence[Member], now: Sequence[Member], ranked: RankedList
) -> Iterator[Change]:
    """The changes from one poll of a list to the next, places in order. Counts of those that were
    kept are old, so nothing is told from them."""
    then = {place.repository.github_id: (rank, place) for rank, place in enumerate(before, 1)}
    here = {place.repository.github_id for place in now}
    for rank, place in enumerate(now, 1):
        if place.repository.github_id not in then:
            yield Change("entered", place.repository, {"rank": rank})
    for rank, place in enumerate(before, 1):
        if place.repository.github_id not in here:
            yield Change("left", place.repository, {"rank": rank})
    both = [  # of both polls, with what GitHub said now
        (rank, place.repository, *then[place.repository.github_id])
        for rank, place in enumerate(now, 1)
        if place.repository.github_id in then and not place.kept
    ]
    among = [
        (rank, repository, earlier.repository)
        for rank, repository, earlier_rank, earlier in both
        if max(rank, earlier_rank) <= TOP and not earlier.kept
    ]
    for (rank, one, one_then), (_, other, other_then) in product(among, among):
        was_behind = one_then.count(ranked) <= other_then.count(ranked)
        if was_behind and one.count(ranked) > other.count(ranked):
            yield Change("overtook", one, {"rank": rank, "overtaken": other.full_name})
    for _, repository, _, earlier in both:
        for stars in milestones(earlier.repository.stars, repository.stars):
            yield Change("milestone", repository, {"stars": stars})
