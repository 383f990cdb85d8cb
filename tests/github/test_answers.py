"""What is read from GitHub's answers, and which of them are refused."""

from dataclasses import replace
from typing import Any

import pytest

from core import lists
from core.repository import SearchAnswer
from github.answers import read_repository, read_search
from github.errors import BadAnswer
from tests.support.github import HARBOR, NOON, found, item

STARS, FORKS, CPP = (lists.KNOWN[slug] for slug in ("stars", "forks", "cpp"))


def test_a_search_answer_keeps_githubs_order_doubles_and_all() -> None:
    body = found(item(), item(id=9), item(), incomplete=True).json()

    assert read_search(body) == SearchAnswer(
        (HARBOR, replace(HARBOR, github_id=9), HARBOR), incomplete=True
    )


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"incomplete_results": False},
        {"items": []},
        {"items": {}, "incomplete_results": False},
        {"items": [], "incomplete_results": None},
        {"items": [], "incomplete_results": 0},
        {"items": [None], "incomplete_results": False},
        {"items": [item(), {}], "incomplete_results": False},
    ],
)
def test_a_search_answer_that_lacks_anything_is_bad(body: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer):
        read_search(body)


NULLS = {"language": None, "description": None, "pushed_at": None}


@pytest.mark.parametrize("nulls", [NULLS, {}])
def test_language_description_and_push_may_be_null_or_missing(nulls: dict[str, None]) -> None:
    bare = {name: value for name, value in item().items() if name not in NULLS}

    repository = read_repository(bare | nulls)

    assert repository == replace(HARBOR, language=None, description=None, pushed_at=None)


@pytest.mark.parametrize(
    ("changes", "read"),
    [
        ({"id": 2**53, "stargazers_count": 2**31 - 1}, {"github_id": 2**53, "stars": 2**31 - 1}),
        ({"forks_count": 0, "open_issues_count": 0}, {"forks": 0, "open_issues": 0}),
        ({"description": "a\0b 🚀 \ud800"}, {"description": "ab 🚀 ?"}),
        ({"description": ""}, {"description": ""}),
        ({"html_url": "http://ghe.test/q/h"}, {"html_url": "http://ghe.test/q/h"}),
        ({"full_name": "qu\0iet/harbor"}, {"full_name": "quiet/harbor"}),
        ({"language": "\udfff"}, {"language": "?"}),
        (
            {"pushed_at": "2026-03-01T14:00:00.5+02:00"},
            {"pushed_at": NOON.replace(microsecond=500_000)},
        ),
    ],
)
def test_what_can_be_read_and_stored_is_read(changes: dict[str, Any], read: dict[str, Any]) -> None:
    assert read_repository(item(**changes)) == replace(HARBOR, **read)


COUNTS = ("stargazers_count", "forks_count", "open_issues_count")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in ("id", *COUNTS) for value in (None, True, -1, 5.0, "5", [5])),
        *((name, 2**31) for name in COUNTS),
        ("id", 2**53 + 1),
        ("stargazers_count", float("nan")),
        *((name, value) for name in ("full_name", "html_url") for value in (None, 5)),
        *(
            (name, value)
            for name in ("language", "description")
            for value in (5, True, ["C"], {"C": 1})
        ),
        ("pushed_at", 5),
    ],
)
def test_a_field_that_is_not_of_the_type_that_github_describes_is_named(
    name: str, value: object
) -> None:
    with pytest.raises(BadAnswer, match=rf" - at `\$\.{name}`$"):
        read_repository(item(**{name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in ("full_name", "html_url") for value in ("", "\0")),
        *(("full_name", value) for value in ("quiet", "quiet/", "/harbor", "quiet/harbor/x")),
        *(
            ("full_name", value)
            for value in ("quiet/..", "../harbor", "qui et/harbor", "quiet/h\n")
        ),
        ("full_name", f"quiet/{'x' * 195}"),
        *(("html_url", value) for value in ("javascript:alert(1)", "/quiet/harbor")),
        *(("pushed_at", value) for value in ("yesterday", "2026-03-01T12:00:00")),
    ],
)
def test_a_field_that_is_not_what_github_describes_is_named(name: str, value: object) -> None:
    with pytest.raises(BadAnswer, match=rf"^{name} is "):
        read_repository(item(**{name: value}))


@pytest.mark.parametrize("name", ["id", *COUNTS])
def test_half_a_surrogate_pair_in_place_of_a_number_is_a_bad_answer_too(name: str) -> None:
    with pytest.raises(BadAnswer, match="^GitHub's answer is not as described: "):
        read_repository(item(**{name: "\ud800"}))


@pytest.mark.parametrize("name", ["id", "full_name", "html_url", *COUNTS])
def test_a_field_that_must_be_there_is_named_where_it_is_missing(name: str) -> None:
    lacking = item()
    del lacking[name]

    with pytest.raises(BadAnswer, match=rf"Object missing required field `{name}`$"):
        read_repository(lacking)


def test_an_error_quotes_no_more_than_the_start_of_a_value() -> None:
    with pytest.raises(BadAnswer) as refused:
        read_repository(item(id="x" * 10_000))

    assert len(str(refused.value)) < 100


@pytest.mark.parametrize("thing", [None, [], "quiet/harbor", 7])
def test_a_repository_that_is_no_object_is_bad(thing: object) -> None:
    with pytest.raises(BadAnswer, match=r"Expected `object`, got `\w+`$"):
        read_repository(thing)


@pytest.mark.parametrize(("ranked", "count"), [(STARS, 500), (CPP, 500), (FORKS, 40)])
def test_a_repository_counts_what_its_list_ranks_by(ranked: lists.RankedList, count: int) -> None:
    assert HARBOR.count(ranked) == count
