"""What GitHub's answer for a list means, given what was known before. Pure.

GitHub's search leaves repositories out at random, repeats them and misorders pages. These rules
keep a leaderboard from showing that as news.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from core import lists
from core.lists import RankedList
from core.repository import GitHubRepository, SearchAnswer

MOST_ASKED = 5  # repositories that vanished and are asked for themselves, a poll

NARROWER = 0.9  # the share of the last place's count that a query asks for

AGREEING = 3  # polls in a row that make a change believed


@dataclass(frozen=True, slots=True)
class KnownMember:
    """A place of the last good poll. `kept_for` is how many good polls in a row, up to that one,
    showed it although GitHub had left it out and could not be asked."""

    repository: GitHubRepository
    kept_for: int = 0


@dataclass(frozen=True, slots=True)
class Member:
    """A place on a list. `kept`: GitHub left it out and could not be asked."""

    repository: GitHubRepository
    kept: bool = False


def ranking(repositories: Iterable[GitHubRepository], ranked: RankedList) -> list[GitHubRepository]:
    """An answer's repositories: each once (the first wins), stably by the list's count."""
    unique: dict[int, GitHubRepository] = {}
    for repository in repositories:
        unique.setdefault(repository.github_id, repository)
    in_order = sorted(unique.values(), key=lambda it: it.count(ranked), reverse=True)
    return in_order[: lists.SIZE]


def threshold(answer: SearchAnswer, ranked: RankedList) -> int:
    """The count that a repository must exceed to be on the list for certain: the least of a full
    page, since whoever has more must be on it; -1 where the page has room for all."""
    full = len(answer.repositories) >= lists.SIZE
    return min(it.count(ranked) for it in answer.repositories) if full else -1


def vanished(
    answer: SearchAnswer, last_good: Iterable[KnownMember], ranked: RankedList
) -> list[KnownMember]:
    """Who was on the last good list, is not on this one, and had more than it takes to be."""
    here = {repository.github_id for repository in answer.repositories}
    needed = threshold(answer, ranked)
    return [
        known
        for known in last_good
        if known.repository.github_id not in here and known.repository.count(ranked) > needed
    ]


def floor(last_good: Sequence[KnownMember], ranked: RankedList) -> int:
    """A count safely under the list's hundredth place, to ask GitHub narrowly."""
    if not last_good:
        return ranked.floor
    if len(last_good) < lists.SIZE - MOST_ASKED:
        return 0  # a list that is not full has no hundredth place
    return int(min(known.repository.count(ranked) for known in last_good) * NARROWER)


def believed(answer: Sequence[GitHubRepository], suspects: Sequence[frozenset[int]]) -> bool:
    """Whether an answer, however surprising, is the same as the suspect ones right before it.
    That there is nothing at all is never believed.

    `suspects`: the GitHub ids of each, newest first.
    """
    here = frozenset(repository.github_id for repository in answer)
    before = suspects[: AGREEING - 1]
    return bool(here) and len(before) == AGREEING - 1 and all(ids == here for ids in before)


def doubt(answer: SearchAnswer, missing: Collection[KnownMember]) -> str | None:
    """Why an answer is not to be published; None where it is."""
    if answer.incomplete:
        return "GitHub says that its answer is incomplete"
    if len(missing) > MOST_ASKED:
        return f"{len(missing)} repositories vanished at once"
    return None


def belongs(repository: GitHubRepository, ranked: RankedList, needed: int) -> bool:
    """Whether a repository that the search left out has a place on the list all the same."""
    language = (repository.language or "").casefold()
    return repository.count(ranked) > needed and (
        ranked.language is None or language == ranked.language.casefold()
    )


def members(
    answer: Sequence[GitHubRepository],
    restored: Iterable[GitHubRepository],
    kept: Collection[GitHubRepository],
    ranked: RankedList,
) -> list[Member]:
    """The list: the answer, with those restored that GitHub left out and confirmed when asked,
    and those kept that could not be asked."""
    kept_ids = {repository.github_id for repository in kept}
    everyone = ranking([*answer, *restored, *kept], ranked)
    return [Member(repository, repository.github_id in kept_ids) for repository in everyone]
