"""Rules that decide whether an answer of GitHub's for a list is believed, given what was asked and
what was known.

GitHub's search leaves repositories out at random, repeats them, misorders pages, and may ignore a
part of the query. These rules keep a leaderboard from telling that as news.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from core import lists
from core.lists import RankedList
from core.repository import GitHubRepository, SearchAnswer

MOST_ASKED = 5  # vanished repositories that a poll asks for one by one
MOST_NEW = 0.5  # the share of a list that may be new at once
NARROWER = 0.9  # the share of the last rank's count that a query asks for
AGREEING = 3  # polls in a row that make a change believed


@dataclass(frozen=True, slots=True)
class Member:
    """A repository on a list, with its counts of the moment.

    `carried_over`: GitHub left it out and it could not be asked for, so its counts are old.
    """

    repository: GitHubRepository
    carried_over: bool = False


@dataclass(frozen=True, slots=True)
class KnownMember:
    """A repository of the last good list; `carried_over_for` is the number of good polls in a row,
    up to that one, that carried it over."""

    repository: GitHubRepository
    carried_over_for: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision on an answer.

    `found` are its repositories in order, `threshold` the count above which one is on the list for
    certain, and `missing` the known members that are to be asked for one by one. `doubt` says why
    the answer is not to be published; None where it is. `ranked`: what members are held against.
    """

    found: list[GitHubRepository]
    threshold: int
    missing: list[KnownMember]
    doubt: str | None
    ranked: RankedList


def judge(
    answer: SearchAnswer,
    last_good: Sequence[KnownMember],
    suspects: Sequence[frozenset[int]],
    ranked: RankedList,
) -> Verdict:
    """Decide whether to believe an answer, and which repositories to ask for besides.

    `suspects` has the GitHub ids of each suspect answer right before this one, newest first.
    """
    if _has_another_name(ranked, last_good):
        ranked = replace(ranked, language=None)
    everything = ranking(answer.repositories, ranked)
    needed = threshold(answer, ranked)
    if agrees(everything, suspects):
        return Verdict(everything, needed, [], None, ranked)
    known = {member.repository.github_id for member in last_good}
    new = [each for each in everything if each.github_id not in known]
    strangers = [each for each in new if not each.belongs_to(ranked)]
    missing = vanished(answer, last_good, ranked)
    doubt = _doubt(answer, last_good, missing, new, strangers, ranked)
    if doubt:
        return Verdict(everything, needed, [], doubt, ranked)
    found = [each for each in everything if each not in strangers]
    return Verdict(found, needed, missing, None, ranked)


def _has_another_name(ranked: RankedList, last_good: Iterable[KnownMember]) -> bool:
    """Whether GitHub knows the language of a list by another name than the list: it was believed
    with repositories of that."""
    others = [known for known in last_good if not known.repository.is_of_language(ranked)]
    return len(others) > MOST_ASKED


def _doubt(
    answer: SearchAnswer,
    last_good: Collection[KnownMember],
    missing: Collection[KnownMember],
    new: Collection[GitHubRepository],
    strangers: Collection[GitHubRepository],
    ranked: RankedList,
) -> str | None:
    """The reason not to publish an answer; None where there is none.

    `strangers` are those of the `new` that were not asked for. A known member may turn into one:
    GitHub finds the language of a repository anew at times.
    """
    if answer.incomplete:
        return "GitHub says that its answer is incomplete"
    if len(strangers) > MOST_ASKED:
        return f"{len(strangers)} repositories are not {ranked.members}"
    if len(missing) > MOST_ASKED:
        return f"{len(missing)} repositories vanished at once"
    surprising = len(new) - len(outgrown(last_good, ranked))  # others take the places of those
    if last_good and surprising > max(MOST_ASKED, MOST_NEW * len(last_good)):
        return f"{len(new)} repositories are new at once"
    if not last_good and _is_unsorted(answer, ranked):
        return f"GitHub's answer is not in the order of {ranked.count}"
    return None


def _is_unsorted(answer: SearchAnswer, ranked: RankedList) -> bool:
    """Whether an answer is in another order than that asked for, and so likely not of the top."""
    counts = [repository.count(ranked) for repository in answer.repositories]
    rises = sum(later > earlier for earlier, later in pairwise(counts))
    return rises > MOST_ASKED


def ranking(repositories: Iterable[GitHubRepository], ranked: RankedList) -> list[GitHubRepository]:
    """An answer's repositories: each once (the first wins), stably by the list's count."""
    unique: dict[int, GitHubRepository] = {}
    for repository in repositories:
        unique.setdefault(repository.github_id, repository)
    in_order = sorted(
        unique.values(), key=lambda repository: repository.count(ranked), reverse=True
    )
    return in_order[: lists.SIZE]


def threshold(answer: SearchAnswer, ranked: RankedList) -> int:
    """The count above which a repository is on the list for certain: the least of a full page; -1
    where the page has room for more."""
    if len(answer.repositories) < lists.SIZE:
        return -1
    return min(repository.count(ranked) for repository in answer.repositories)


def vanished(
    answer: SearchAnswer, last_good: Iterable[KnownMember], ranked: RankedList
) -> list[KnownMember]:
    """Members of the last good list that an answer lacks although their count was enough for it,
    and although they belong to it still."""
    here = {repository.github_id for repository in answer.repositories}
    needed = threshold(answer, ranked)
    return [
        known
        for known in last_good
        if known.repository.github_id not in here
        and known.repository.count(ranked) > needed
        and not known.repository.has_outgrown(ranked)
    ]


def outgrown(last_good: Iterable[KnownMember], ranked: RankedList) -> list[KnownMember]:
    """Members of the last good list that a list of new repositories has no place for any more."""
    return [known for known in last_good if known.repository.has_outgrown(ranked)]


def search_floor(last_good: Sequence[KnownMember], ranked: RankedList) -> int:
    """A count safely under that of the list's rank 100, to ask GitHub narrowly: of a broad query
    its search leaves out even those at the top."""
    if not last_good or outgrown(last_good, ranked):
        return ranked.floor
    if len(last_good) < lists.SIZE - MOST_ASKED:
        return 0  # a list that is not full has no rank 100
    return int(min(known.repository.count(ranked) for known in last_good) * NARROWER)


def agrees(found: Sequence[GitHubRepository], suspects: Sequence[frozenset[int]]) -> bool:
    """Whether an answer is of the same repositories as enough suspect ones right before it, so
    that it is to be believed, however surprising. An empty one never is.

    `suspects` as for `judge`.
    """
    here = frozenset(repository.github_id for repository in found)
    before = suspects[: AGREEING - 1]
    return bool(here) and len(before) == AGREEING - 1 and all(ids == here for ids in before)


def is_restored(
    known: KnownMember, repository: GitHubRepository, ranked: RankedList, needed: int
) -> bool:
    """Whether what GitHub gave under a missing member's name puts that member back on the list:
    another repository may bear the name by now."""
    same = repository.github_id == known.repository.github_id
    return same and repository.count(ranked) > needed and repository.belongs_to(ranked)


def may_be_carried_over(known: KnownMember) -> bool:
    """Whether a member that cannot be asked for keeps its place once more, or has been left out
    for so many polls that it is believed gone."""
    return known.carried_over_for < AGREEING - 1


def members(
    found: Sequence[GitHubRepository],
    restored: Iterable[GitHubRepository],
    carried_over: Collection[GitHubRepository],
    ranked: RankedList,
) -> list[Member]:
    """The list: what the answer has, with those restored that GitHub left out and gave when asked,
    and those carried over that could not be asked for."""
    old = {repository.github_id for repository in carried_over}
    everyone = ranking([*found, *restored, *carried_over], ranked)
    return [Member(repository, repository.github_id in old) for repository in everyone]
