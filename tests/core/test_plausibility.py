"""What GitHub's answers are taken for: news, or one of the search's whims."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from core import events, list_names, lists, plausibility
from core.lists import RankedList
from core.plausibility import KnownMember, Member, Verdict
from core.repository import GitHubRepository, SearchAnswer

STARS, FORKS, CPP = (lists.KNOWN[slug] for slug in ("stars", "forks", "cpp"))


def repo(github_id: int, stars: int = 100, **changes: Any) -> GitHubRepository:
    made = GitHubRepository(
        github_id=github_id,
        full_name=f"quiet/harbor-{github_id}",
        stars=stars,
        forks=1,
        open_issues=3,
        language="Python",
        description=None,
        html_url=f"https://github.com/quiet/harbor-{github_id}",
        pushed_at=None,
    )
    return replace(made, **changes)


def full_list(lowest: int = 101) -> list[GitHubRepository]:
    """100 repositories with the ids 1 to 100, the last with `lowest` stars."""
    return [repo(n, stars=lowest + 100 - n) for n in range(1, 101)]


def answer(*repositories: GitHubRepository, incomplete: bool = False) -> SearchAnswer:
    return SearchAnswer(repositories, incomplete)


def ids(repositories: Sequence[GitHubRepository]) -> list[int]:
    return [repository.github_id for repository in repositories]


# The order


def test_each_repository_is_ranked_once_and_the_first_wins() -> None:
    first, again = repo(1, stars=5), repo(1, stars=9, full_name="quiet/renamed")

    assert plausibility.ranking([first, repo(2, stars=7), again], STARS) == [
        repo(2, stars=7),
        first,
    ]


@pytest.mark.parametrize(
    ("ranked", "order"), [(STARS, [3, 1, 2]), (CPP, [3, 1, 2]), (FORKS, [1, 2, 3])]
)
def test_the_lists_count_ranks_and_githubs_order_settles_ties(
    ranked: RankedList, order: list[int]
) -> None:
    as_it_came = [repo(1, 5, forks=9), repo(2, 5, forks=9), repo(3, 6, forks=8)]

    assert ids(plausibility.ranking(as_it_came, ranked)) == order


def test_a_list_ends_after_100_places_counted_without_the_doubles() -> None:
    as_it_came = [repo(1, 500), *full_list(), repo(101, 100), repo(102, 300)]

    ranking = plausibility.ranking(as_it_came, STARS)

    assert ids(ranking) == [1, 102, *range(2, 100)]


@pytest.mark.parametrize(
    ("page", "ranked", "needed"),
    [
        (full_list(lowest=101), STARS, 101),
        (full_list(lowest=101)[::-1], STARS, 101),
        (full_list(lowest=101), FORKS, 1),
        ([repo(1), *full_list(lowest=101)[:99]], STARS, 100),  # full, though one is on it twice
        (full_list()[:99], STARS, -1),
        ([], STARS, -1),
    ],
)
def test_a_full_page_takes_more_than_its_least_count_and_a_short_one_takes_all(
    page: list[GitHubRepository], ranked: RankedList, needed: int
) -> None:
    assert plausibility.threshold(answer(*page), ranked) == needed


@pytest.mark.parametrize(
    ("last_good", "ranked", "floor"),
    [
        ([], STARS, STARS.floor),
        (full_list(lowest=101), STARS, 90),
        (full_list(lowest=101)[:95], STARS, 95),  # 5 may be gone from a full list
        (full_list(lowest=101)[:94], STARS, 0),
        ([repo(n, 999, forks=20) for n in range(100)], FORKS, 18),
        ([repo(n, 1) for n in range(100)], STARS, 0),
    ],
)
def test_the_next_question_is_narrow_where_the_last_good_list_was_full(
    last_good: list[GitHubRepository], ranked: RankedList, floor: int
) -> None:
    assert (
        plausibility.search_floor([KnownMember(repository) for repository in last_good], ranked)
        == floor
    )


# Who is missing


@pytest.mark.parametrize(
    ("last_good", "missing"),
    [
        ([KnownMember(repo(7, 999))], []),  # still there
        ([KnownMember(repo(200, 102))], [KnownMember(repo(200, 102))]),
        ([KnownMember(repo(200, 101))], []),  # as many as the last: may have been pushed off
        ([KnownMember(repo(200, 100))], []),
        (
            [
                KnownMember(repo(201, 300), carried_over_for=2),
                KnownMember(repo(1)),
                KnownMember(repo(202, 200)),
            ],
            [KnownMember(repo(201, 300), carried_over_for=2), KnownMember(repo(202, 200))],
        ),
    ],
)
def test_who_had_more_than_it_takes_and_is_gone_has_vanished(
    last_good: list[KnownMember], missing: list[KnownMember]
) -> None:
    assert plausibility.vanished(answer(*full_list(lowest=101)), iter(last_good), STARS) == missing


def test_from_a_list_that_is_not_full_whoever_is_gone_has_vanished() -> None:
    unstarred = KnownMember(repo(2, stars=0))

    assert plausibility.vanished(answer(repo(1)), [KnownMember(repo(1)), unstarred], STARS) == [
        unstarred
    ]


def test_vanishing_goes_by_the_lists_own_count() -> None:
    starred, forked = KnownMember(repo(201, 999, forks=1)), KnownMember(repo(202, 1, forks=2))

    assert plausibility.vanished(answer(*full_list()), [starred, forked], FORKS) == [forked]


@pytest.mark.parametrize(
    ("incomplete", "missing", "doubt"),
    [
        (False, 0, None),
        (False, 5, None),
        (False, 6, "6 repositories vanished at once"),
        (True, 0, "GitHub says that its answer is incomplete"),
        (True, 6, "GitHub says that its answer is incomplete"),
    ],
)
def test_an_incomplete_answer_or_six_gone_at_once_are_doubted(
    incomplete: bool, missing: int, doubt: str | None
) -> None:
    gone = [KnownMember(repo(n)) for n in range(2, 2 + missing)]

    page = answer(repo(1), incomplete=incomplete)
    assert plausibility.judge(page, [KnownMember(repo(1)), *gone], [], STARS).doubt == doubt


SAME, OTHER = frozenset({1, 2}), frozenset({1, 2, 3})


@pytest.mark.parametrize(
    ("suspects", "believed"),
    [
        ([SAME, SAME], True),
        ([SAME, SAME, OTHER], True),
        ([SAME], False),
        ([], False),
        ([SAME, OTHER], False),
        ([OTHER, SAME, SAME], False),
        ([frozenset({1}), SAME], False),
    ],
)
def test_three_polls_in_a_row_with_the_same_repositories_are_believed(
    suspects: list[frozenset[int]], believed: bool
) -> None:
    found = [repo(2, stars=7), repo(1, stars=5)]

    assert plausibility.agrees(found, suspects) is believed


# Back in their places


@pytest.mark.parametrize(
    ("repository", "ranked", "belongs"),
    [
        (repo(1, 101), STARS, True),
        (repo(1, 100), STARS, False),
        (repo(1, 101, language=None), STARS, True),
        (repo(1, 0, forks=101), FORKS, True),
        (repo(1, 999, forks=100), FORKS, False),
        (repo(1, 101, language="C++"), CPP, True),
        (repo(1, 101, language="c++"), CPP, True),
        (repo(1, 100, language="C++"), CPP, False),
        (repo(1, 101, language="C"), CPP, False),
        (repo(1, 101, language=None), CPP, False),
    ],
)
def test_a_repository_belongs_by_its_count_and_its_language(
    repository: GitHubRepository, ranked: RankedList, belongs: bool
) -> None:
    known = KnownMember(replace(repository, language="as it was"))

    assert plausibility.is_restored(known, repository, ranked, needed=100) is belongs


def test_restored_and_kept_repositories_stand_where_their_counts_put_them() -> None:
    found, restored, kept = [repo(1, 9), repo(2, 5)], [repo(3, 7)], [repo(4, 8), repo(5, 5)]

    places = plausibility.members(found, restored, kept, STARS)

    assert places == [
        Member(repo(1, 9)),
        Member(repo(4, 8), carried_over=True),
        Member(repo(3, 7)),
        Member(repo(2, 5)),
        Member(repo(5, 5), carried_over=True),
    ]


def test_whoever_comes_back_pushes_the_last_off_a_full_list() -> None:
    places = plausibility.members(full_list(lowest=101), [repo(101, 150)], [], STARS)

    assert len(places) == 100
    assert [place.repository.stars for place in places][-2:] == [103, 102]


# The verdict


def test_a_plain_answer_is_believed_as_it_is() -> None:
    page = full_list(lowest=101)

    verdict = plausibility.judge(answer(*page), [KnownMember(it) for it in page], [], STARS)

    assert verdict == Verdict(page, 101, missing=[], doubt=None, ranked=STARS)


def test_those_that_vanished_are_to_be_asked_for() -> None:
    page, lost = full_list(lowest=101), KnownMember(repo(200, 300), carried_over_for=1)

    verdict = plausibility.judge(answer(*page), [lost, *map(KnownMember, page)], [], STARS)

    assert verdict == Verdict(page, 101, missing=[lost], doubt=None, ranked=STARS)


@pytest.mark.parametrize("suspects", [[], [SAME, OTHER]])
def test_of_an_answer_in_doubt_nobody_is_asked_for(suspects: list[frozenset[int]]) -> None:
    found = [repo(2, stars=7), repo(1, stars=5)]

    verdict = plausibility.judge(
        answer(*found, incomplete=True), [KnownMember(repo(9))], suspects, STARS
    )

    doubt = "GitHub says that its answer is incomplete"
    assert verdict == Verdict(found, -1, missing=[], doubt=doubt, ranked=STARS)


def test_an_answer_that_suspect_ones_agree_with_is_believed_and_nobody_is_asked_for() -> None:
    found = [repo(2, stars=7), repo(1, stars=5)]

    verdict = plausibility.judge(
        answer(*found, incomplete=True), [KnownMember(repo(9))], [SAME, SAME], STARS
    )

    assert verdict == Verdict(found, -1, missing=[], doubt=None, ranked=STARS)


def known(*repositories: GitHubRepository) -> list[KnownMember]:
    return [KnownMember(repository) for repository in repositories]


def of_language(language: str, *ids: int, stars: int = 900) -> list[GitHubRepository]:
    return [repo(number, stars - number, language=language) for number in ids]


HERE = of_language("C++", *range(1, 101))


@pytest.mark.parametrize(
    ("page", "last_good", "doubt"),
    [
        # what was not asked for
        (of_language("Python", *range(201, 301), stars=400_000), HERE, "100 repositories are not"),
        (of_language("Python", *range(201, 301)), [], "100 repositories are not of the language"),
        ([*HERE[:94], *of_language("C", *range(201, 207))], HERE, "6 repositories are not of the"),
        ([*HERE[:95], *of_language("C", *range(201, 206))], HERE, None),
        (of_language("c++", *range(1, 101)), HERE, None),
        # most of it new
        (of_language("C++", *range(50, 150), stars=9_000), HERE, None),
        (of_language("C++", *range(52, 152), stars=9_000), HERE, "51 repositories are new at once"),
        (of_language("C++", *range(4, 10)), HERE[:3], "6 repositories are new at once"),
        (of_language("C++", *range(4, 9)), HERE[:3], None),
        # in another order, where there is nothing else to compare with
        (HERE[::-1], [], "GitHub's answer is not in the order of stars"),
        (HERE[::-1], HERE, None),
        ([*HERE[:2], HERE[9], *HERE[2:9], *HERE[10:]], [], None),
    ],
)
def test_an_answer_is_held_against_what_was_asked_and_what_was_known(
    page: list[GitHubRepository], last_good: list[GitHubRepository], doubt: str | None
) -> None:
    verdict = plausibility.judge(answer(*page), known(*last_good), [], CPP)

    assert (verdict.doubt is None) == (doubt is None)
    assert (verdict.doubt or "").startswith(doubt or "")


def test_a_few_that_were_not_asked_for_are_left_out() -> None:
    page = [*HERE[:98], *of_language("C", 201, 202)]

    assert plausibility.judge(answer(*page), known(*HERE[:98]), [], CPP).found == HERE[:98]


def test_a_language_that_github_knows_by_another_name_is_believed_once_it_is_confirmed() -> None:
    page = of_language("Cpp", *range(1, 101))
    same = frozenset(range(1, 101))

    assert plausibility.judge(answer(*page), [], [same], CPP).doubt
    assert plausibility.judge(answer(*page), [], [same, same], CPP).found == page
    risen = [*page[:99], repo(200, 900, language="Cpp")]
    verdict = plausibility.judge(answer(*risen), known(*page[:99]), [], CPP)
    assert (verdict.found, verdict.doubt) == (plausibility.ranking(risen, CPP), None)
    assert plausibility.is_restored(KnownMember(page[0]), page[0], verdict.ranked, needed=0)


@pytest.mark.parametrize(("polls", "may"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_member_is_carried_over_twice_at_most(polls: int, may: bool) -> None:
    assert plausibility.may_be_carried_over(KnownMember(repo(1), polls)) is may


@pytest.mark.parametrize(
    ("given", "restored"),
    [(repo(1, 101), True), (repo(1, 100), False), (repo(2, 101), False)],
    ids=["itself", "too few by now", "another one of that name"],
)
def test_a_member_is_restored_by_what_is_itself_and_belongs(
    given: GitHubRepository, restored: bool
) -> None:
    known = KnownMember(repo(1, 300))

    assert plausibility.is_restored(known, given, STARS, needed=100) is restored


# Topics, owners, new ones

SLOT = datetime(2026, 3, 31, 0, 10, tzinfo=UTC)
NEW = list_names.named("new:30d").at(SLOT)  # made since 1 March
YOUNG, OLD = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 2, 28, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("entry", "asked", "other", "doubt"),
    [
        ("topic:llm", {"topics": ("ai", "llm")}, {"topics": ("ai",)}, "of the topic llm"),
        ("owner:QUIET", {}, {"full_name": "loud/motor"}, "of the owner QUIET"),
        ("new:30d", {"created_at": YOUNG}, {"created_at": OLD}, "made since 2026-03-01"),
    ],
)
def test_an_answer_of_others_than_were_asked_for_is_suspect_and_a_few_are_left_out(
    entry: str, asked: dict[str, Any], other: dict[str, Any], doubt: str
) -> None:
    ranked = list_names.named(entry).at(SLOT)
    right = [replace(each, **asked) for each in full_list()[:50]]
    few, many = ([repo(number, **other) for number in range(200, 200 + n)] for n in (5, 6))

    believed = plausibility.judge(answer(*right, *few), [], [], ranked)
    suspect = plausibility.judge(answer(*right, *many), [], [], ranked)

    assert (believed.doubt, believed.found) == (None, right)
    assert suspect.doubt == f"6 repositories are not {doubt}"


def test_those_that_grew_old_may_all_leave_a_list_of_new_ones_and_others_take_their_places() -> (
    None
):
    old = [replace(each, created_at=OLD) for each in full_list()[:60]]
    stay = [replace(each, created_at=YOUNG) for each in full_list()[60:]]
    new = [repo(number, stars=50, created_at=YOUNG) for number in range(200, 260)]
    before = [KnownMember(each) for each in (*old, *stay)]

    verdict = plausibility.judge(answer(*stay, *new), before, [], NEW)

    assert (verdict.doubt, verdict.missing) == (None, [])
    assert plausibility.search_floor(before, NEW) == NEW.floor  # not by those that go
    lacking = plausibility.judge(answer(*stay[1:], *new), before, [], NEW)
    assert [known.repository for known in lacking.missing] == stay[:1]


def test_that_one_grew_old_is_no_news_nor_that_one_is_not_of_the_list_any_more() -> None:
    old, young = (repo(n, created_at=at) for n, at in ((1, OLD), (2, YOUNG)))
    before = [Member(old), Member(young)]

    by_age = [change.repository for change in events.changes(before, [], NEW)]
    by_choice = [change.repository for change in events.changes(before, [], STARS, {1})]

    assert (by_age, by_choice) == ([young], [old])
