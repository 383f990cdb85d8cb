"""What the entries of LISTS stand for, and how those are refused that stand for nothing."""

import re
from datetime import timedelta
from typing import Any

import pytest

from core import list_names, lists
from core.list_names import FOLLOWED, NoListError
from core.lists import KNOWN, RankedList

FILES = {
    "mine.txt": "# mine\nquiet/harbor  # a comment\n\nhttps://github.com/Loud/Motor/tree/x\nQuiet/HARBOR\n",
    "lists/mine": "loud/motor",
    "empty.txt": "# none\n",
    "wrong.txt": "quiet/harbor\nquiet\n",
    "long.txt": "\n".join(f"quiet/harbor-{number}" for number in range(1_001)),
}


def read(path: str) -> str:
    if path == "binary":
        return b"\xff".decode()
    if path in FILES:
        return FILES[path]
    raise FileNotFoundError(2, "No such file or directory", path)


def collection(name: str, *names: str) -> RankedList:
    return RankedList(f"collection-{name.lower()}", name, names=names)


NEW = {"newer_than": timedelta(days=30)}
NAMED: list[tuple[str, Any]] = [
    ("python", KNOWN["python"]),
    ("Vim-Script", KNOWN["vim-script"]),
    ("language:C++", KNOWN["cpp"]),
    ("language:vim script", KNOWN["vim-script"]),
    ("language:Zig", RankedList("zig", "Zig", language="Zig")),
    ("language:F#", RankedList("fsharp", "F#", language="F#")),
    ("language:Jupyter Notebook", lists.language("Jupyter Notebook")),
    ("topic:llm", RankedList("topic-llm", "Topic llm", topic="llm", floor=10)),
    ("Topic:Machine-Learning", list_names.named("topic:machine-learning")),
    ("owner:apache", RankedList("owner-apache", "apache", owner="apache")),
    ("owner:Octocat_Acme", RankedList("owner-octocat-acme", "Octocat_Acme", owner="Octocat_Acme")),
    ("new:30d", RankedList("new-30d", "New within 30 days", floor=30, **NEW)),
    ("new:030D", list_names.named("new:30d")),
    ("followed", FOLLOWED),
    ("collection:Web=quiet/harbor+loud/motor", collection("Web", "quiet/harbor", "loud/motor")),
    ("collection:Web=quiet/harbor", collection("Web", "quiet/harbor")),
    ("collection:Web=mine.txt", collection("Web", "quiet/harbor", "Loud/Motor")),
    ("collection:Web=lists/mine", collection("Web", "loud/motor")),  # a file, as there is one
]


@pytest.mark.parametrize(("entry", "ranked"), NAMED)
def test_a_list_is_named_by_slug_or_by_kind(entry: str, ranked: RankedList) -> None:
    assert list_names.named(entry, read) == ranked
    assert re.fullmatch(r"[a-z0-9-]+", ranked.slug)


FORMS = (
    "expected slugs (stars, forks, actionscript, …), language:NAME, topic:NAME, owner:NAME, "
    "new:30d, followed or collection:NAME=owner/a+owner/b"
)
LANGUAGE = "expected a language as GitHub spells it, such as language:Zig"
TOPIC = "expected a topic of letters, digits and hyphens, such as topic:llm"
OWNER = "expected a name that GitHub allows its users, such as owner:apache"
DAYS = "expected 1 to 3650 days, such as new:30d"
COLLECTION = "expected collection:NAME=owner/a+owner/b, or a file in place of the names"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("pyhton", "did you mean 'python'?"),
        ("Objective-D", "did you mean 'objective-c'?"),
        ("folowed", "did you mean 'followed'?"),
        ("zig", FORMS),
        ("topics:llm", FORMS),
        ("language:", LANGUAGE),
        ("language: Zig", LANGUAGE),
        ("language:stars", "'stars' is a list of all languages"),
        ('language:C" stars:>1', LANGUAGE),  # would end the quotes
        ("language:C\\", LANGUAGE),
        ("topic:", TOPIC),
        ("topic:large language models", TOPIC),
        ("topic:llm stars:>1", TOPIC),
        ("owner:", OWNER),
        ("owner:-apache", OWNER),
        ("owner:apache/kafka", OWNER),
        ("new:", DAYS),
        ("new:0d", DAYS),
        ("new:30", DAYS),
        ("new:3651d", DAYS),
        ("new:-1d", DAYS),
        ("collection:", COLLECTION),
        ("collection:web", COLLECTION),
        ("collection:web=", COLLECTION),
        ("collection:=a/b", COLLECTION),
        ("collection:../x=a/b", COLLECTION),
        (
            "collection:web=quiet/harbor+loud",
            "'loud' is no owner/name, "
            "and there is no file of that name (No such file or directory)",
        ),
        (
            "collection:web=./gone.txt",
            "'./gone.txt' is no owner/name, "
            "and there is no file of that name (No such file or directory)",
        ),
        ("collection:web=wrong.txt", "line 2 of the file, 'quiet', is no owner/name"),
        ("collection:web=empty.txt", "the file empty.txt has no owner/name in it"),
        ("collection:web=binary", "the file binary is no text in UTF-8"),
        ("collection:web=long.txt", "1,001 repositories; expected at most 1,000"),
    ],
)
def test_an_entry_that_stands_for_no_list_is_refused_with_what_would_be_right(
    entry: str, expected: str
) -> None:
    with pytest.raises(NoListError) as refused:
        list_names.parse(f"stars,{entry}", read)

    assert refused.value.args == (entry, expected)


@pytest.mark.parametrize(
    "entries",
    [
        "topic:llm,language:topic llm",
        "owner:octocat_acme,owner:octocat-acme",
        "collection:web=a/b,collection:WEB=a/b+c/d",
    ],
)
def test_two_lists_of_one_slug_are_refused(entries: str) -> None:
    with pytest.raises(NoListError, match="stands for another list here"):
        list_names.parse(entries, read)


def test_lists_are_taken_once_and_in_order() -> None:
    chosen = list_names.parse(" topic:LLM, forks,,topic:llm ,stars", read)

    assert [ranked.slug for ranked in chosen] == ["stars", "forks", "topic-llm"]


def test_what_is_watched_and_in_collections_is_followed_by_the_settings() -> None:
    chosen = list_names.parse("followed,collection:web=quiet/harbor+loud/motor", read)

    complete, names = list_names.with_followed(chosen, ["Loud/Motor", "still/sea"])

    assert names == ("Loud/Motor", "still/sea", "quiet/harbor")
    assert [(ranked.slug, ranked.names) for ranked in complete] == [
        ("collection-web", ("quiet/harbor", "loud/motor")),
        ("followed", names),
    ]
