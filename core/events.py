"""The changes between two consecutive good polls of a list, and their words."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from core.lists import RankedList
from core.plausibility import Member
from core.repository import GitHubRepository
from core.schemas import EventKind

TOP = 20  # ranks among which overtaking is news


@dataclass(frozen=True, slots=True)
class Change:
    """News of a repository. `detail` has {"rank"} for `entered` and, as it was, for `left`;
    {"rank", "overtaken"} for `overtook`; {"stars"} for `milestone`."""

    kind: EventKind
    repository: GitHubRepository
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Stay:
    """A repository that both polls have."""

    rank: int
    repository: GitHubRepository
    earlier_rank: int
    earlier: Member


def headline(kind: str, full_name: str, detail: Mapping[str, Any]) -> str:
    """A change, as stored, in words; on which list it happened goes without saying."""
    match kind:
        case "entered":
            return f"{full_name} entered at rank {detail['rank']}"
        case "left":
            return f"{full_name} left from rank {detail['rank']}"
        case "overtook":
            return f"{full_name} overtook {detail['overtaken']} for rank {detail['rank']}"
        case "spike":
            gain, usual = detail["gain"], detail["usual"]
            return f"{full_name} gained {gain:,} stars on {detail['day']}; {usual:,} are usual"
        case _:
            return f"{full_name} reached {detail['stars']:,} stars"


def milestones(before: int, now: int) -> Iterator[int]:
    """The multiples of 10,000 below 100,000, and of 50,000 from there on, that were reached."""
    for step, low, high in ((10_000, 0, 99_999), (50_000, 99_999, now)):
        first = max(before, low) // step * step + step
        yield from range(first, min(now, high) + 1, step)


def changes(
    before: Sequence[Member],
    now: Sequence[Member],
    ranked: RankedList,
    belonging: Collection[int] | None = None,
) -> Iterator[Change]:
    """The changes from one poll of a list to the next: by kind, and by rank within each. Members
    that were carried over have old counts, so nothing is told from those.

    That one leaves is news only where it still belongs to the list: not where it is too old for a
    list of new ones, nor where it is not among the GitHub ids `belonging`, if those are given.
    """
    yield from _absent("entered", now, before)
    for left in _absent("left", before, now):
        belongs = belonging is None or left.repository.github_id in belonging
        if belongs and not left.repository.has_outgrown(ranked):
            yield left
    stays = _stays(before, now)
    yield from _overtakings(stays, ranked)
    for stay in stays:
        for stars in milestones(stay.earlier.repository.stars, stay.repository.stars):
            yield Change("milestone", stay.repository, {"stars": stars})


def _absent(kind: EventKind, here: Iterable[Member], there: Iterable[Member]) -> Iterator[Change]:
    """A change for each member that one poll has and the other lacks."""
    known = {member.repository.github_id for member in there}
    for rank, member in enumerate(here, 1):
        if member.repository.github_id not in known:
            yield Change(kind, member.repository, {"rank": rank})


def _stays(before: Iterable[Member], now: Iterable[Member]) -> list[_Stay]:
    then = {member.repository.github_id: (rank, member) for rank, member in enumerate(before, 1)}
    return [
        _Stay(rank, member.repository, *then[member.repository.github_id])
        for rank, member in enumerate(now, 1)
        if member.repository.github_id in then and not member.carried_over
    ]


def _overtakings(stays: Iterable[_Stay], ranked: RankedList) -> Iterator[Change]:
    top = [
        stay
        for stay in stays
        if max(stay.rank, stay.earlier_rank) <= TOP and not stay.earlier.carried_over
    ]
    for one, other in permutations(top, 2):
        was_behind = one.earlier.repository.count(ranked) <= other.earlier.repository.count(ranked)
        if was_behind and one.repository.count(ranked) > other.repository.count(ranked):
            detail = {"rank": one.rank, "overtaken": other.repository.full_name}
            yield Change("overtook", one.repository, detail)
