"""Which lists there are, how they are named, and what GitHub is asked for them."""

import re
from datetime import UTC, datetime

import pytest

from core import list_names, lists
from core.lists import KNOWN, RankedList

SLUGS = [
    "stars",
    "forks",
    "actionscript",
    "c",
    "csharp",
    "cpp",
    "clojure",
    "coffeescript",
    "css",
    "dart",
    "dm",
    "elixir",
    "go",
    "groovy",
    "haskell",
    "html",
    "java",
    "javascript",
    "julia",
    "kotlin",
    "lua",
    "matlab",
    "objective-c",
    "perl",
    "php",
    "powershell",
    "python",
    "r",
    "ruby",
    "rust",
    "scala",
    "shell",
    "swift",
    "tex",
    "typescript",
    "vim-script",
]


def test_36_lists_are_known_under_the_names_of_the_archive() -> None:
    assert list(KNOWN) == SLUGS
    assert [known.slug for known in KNOWN.values()] == SLUGS
    assert len(SLUGS) == 36


@pytest.mark.parametrize(
    ("slug", "ranked"),
    [
        ("stars", RankedList("stars", "Stars", "stars", None, 40_000)),
        ("forks", RankedList("forks", "Forks", "forks", None, 12_000)),
        ("cpp", RankedList("cpp", "C++", "stars", "C++", 9_000)),
        ("vim-script", RankedList("vim-script", "Vim Script", "stars", "Vim Script", 1_000)),
    ],
)
def test_a_known_list_ranks_by_its_count_under_githubs_spelling(
    slug: str, ranked: RankedList
) -> None:
    assert KNOWN[slug] == ranked


@pytest.mark.parametrize(
    ("language", "slug"),
    [
        ("C++", "cpp"),
        ("Objective-C++", "objective-cpp"),
        ("F#", "fsharp"),
        ("Jupyter Notebook", "jupyter-notebook"),
        ("Ren'Py", "ren-py"),
        ("1C Enterprise", "1c-enterprise"),
        ("Common.Lisp_2/İ:é", "common-lisp-2-i---"),
    ],
)
def test_a_slug_is_safe_in_a_url_and_in_a_job_id(language: str, slug: str) -> None:
    assert lists.slug_of(language) == slug
    assert re.fullmatch(r"[a-z0-9-]+", slug)


@pytest.mark.parametrize(
    ("ranked", "floor", "query"),
    [
        (KNOWN["stars"], 40_000, "stars:>40000"),
        (KNOWN["forks"], 12_000, "forks:>12000"),
        (KNOWN["cpp"], 0, 'language:"C++" stars:>0'),
        (KNOWN["vim-script"], 1_000, 'language:"Vim Script" stars:>1000'),
    ],
)
def test_the_query_quotes_the_language_and_asks_for_more_than_the_floor(
    ranked: RankedList, floor: int, query: str
) -> None:
    assert ranked.query(floor) == query


@pytest.mark.parametrize(
    ("entry", "query"),
    [
        ("topic:llm", "topic:llm stars:>7"),
        ("owner:apache", "user:apache stars:>7"),
        ("new:30d", "created:>=2026-02-01 stars:>7"),
        ("new:1d", "created:>=2026-03-02 stars:>7"),
    ],
)
def test_topics_owners_and_the_day_from_which_on_one_was_made_are_asked_for(
    entry: str, query: str
) -> None:
    slot = datetime(2026, 3, 3, 23, 50, tzinfo=UTC)

    assert list_names.named(entry).at(slot).query(7) == query


def test_lists_come_in_the_order_stars_forks_then_slugs() -> None:
    chosen = [KNOWN[slug] for slug in ("python", "cpp", "forks", "c", "stars")]

    in_order = sorted(chosen, key=lambda ranked: ranked.order)

    assert [ranked.slug for ranked in in_order] == ["stars", "forks", "c", "cpp", "python"]
    assert KNOWN["c"].order == lists.order_of("c")
