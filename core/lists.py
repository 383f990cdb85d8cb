"""The top-100s that there are, as data, and the query that asks GitHub's search for each."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from core import clock

SIZE = 100  # repositories on a list: one page of GitHub's search

Count = Literal["stars", "forks"]


@dataclass(frozen=True, slots=True)
class RankedList:
    """A top-100: of what GitHub's search finds, or of repositories that are followed.

    `count` is what it ranks by. `language`, as GitHub spells it, `topic`, `owner` and `newer_than`
    narrow the search; each is None where it does not. `floor` is a count safely under that of rank
    100, for a first narrow query. `names` are the repositories of a list that is not searched for;
    with `followed`, those that somebody follows besides.
    """

    slug: str
    title: str
    count: Count = "stars"
    language: str | None = None
    floor: int = 0
    topic: str | None = None  # in lower case
    owner: str | None = None
    newer_than: timedelta | None = None  # whole days within which its repositories were made
    since: datetime | None = None  # the moment from which on they were: see `at`
    names: tuple[str, ...] | None = None
    followed: bool = False

    @property
    def is_searched(self) -> bool:
        """Whether GitHub's search gives the list; others are ranked by the newest readings."""
        return self.names is None and not self.followed

    def at(self, slot: datetime) -> "RankedList":
        """The list as it is asked for in a slot: from which day on its repositories were made.

        A day, not a moment, so that it is the same query all day.
        """
        if self.newer_than is None:
            return self
        return replace(self, since=clock.floor(slot - self.newer_than, clock.DAY))

    def query(self, floor: int) -> str:
        """The search query for repositories with more than `floor` of the list's count."""
        # Not encoded yet: a URL drops a bare `+` or `&` of it in silence, as in `language:C++`.
        qualifiers = (
            self.language and f'language:"{self.language}"',
            self.topic and f"topic:{self.topic}",
            self.owner and f"user:{self.owner}",
            f"created:>={self.since:%Y-%m-%d}" if self.since else None,
            f"{self.count}:>{floor}",
        )
        return " ".join(filter(None, qualifiers))

    @property
    def members(self) -> str:
        """What all of its repositories have in common, in words that follow "repositories are"."""
        common = (
            self.language and f"of the language {self.language}",
            self.topic and f"of the topic {self.topic}",
            self.owner and f"of the owner {self.owner}",
            f"made since {self.since:%Y-%m-%d}" if self.since else None,
        )
        return " and ".join(filter(None, common))

    @property
    def order(self) -> tuple[bool, bool, str]:
        """Sort key of lists, see `order_of`."""
        return order_of(self.slug)


def order_of(slug: str) -> tuple[bool, bool, str]:
    """Sort key of slugs: `stars`, `forks`, then the others in order. It also settles ties."""
    return (slug != "stars", slug != "forks", slug)


def slug_of(language: str) -> str:
    """The slug of a language: in lower case, `+` as `p`, `#` as `sharp`, all else but letters and
    digits as `-`."""
    spelled = language.lower().replace("+", "p").replace("#", "sharp")
    return re.sub(r"[^a-z0-9]", "-", spelled)


def language(name: str, floor: int = 0) -> RankedList:
    """The list of one language, named as GitHub spells it."""
    return RankedList(slug_of(name), name, language=name, floor=floor)


# A floor is about half of what the hundredth repository had early in 2025. Counts of leaders
# grow; should one fall under its floor all the same, the client asks again without it.
LANGUAGES = {
    "ActionScript": 60,
    "C": 6_000,
    "C#": 4_500,
    "C++": 9_000,
    "Clojure": 600,
    "CoffeeScript": 400,
    "CSS": 2_400,
    "Dart": 1_500,
    "DM": 5,
    "Elixir": 600,
    "Go": 11_000,
    "Groovy": 200,
    "Haskell": 500,
    "HTML": 4_500,
    "Java": 9_000,
    "JavaScript": 15_000,
    "Julia": 250,
    "Kotlin": 2_800,
    "Lua": 1_500,
    "MATLAB": 250,
    "Objective-C": 3_000,
    "Perl": 400,
    "PHP": 4_300,
    "PowerShell": 800,
    "Python": 18_000,
    "R": 450,
    "Ruby": 2_800,
    "Rust": 7_000,
    "Scala": 800,
    "Shell": 4_500,
    "Swift": 3_500,
    "TeX": 700,
    "TypeScript": 16_000,
    "Vim Script": 1_000,
}

KNOWN = {
    ranked.slug: ranked
    for ranked in (
        RankedList("stars", "Stars", floor=40_000),
        RankedList("forks", "Forks", count="forks", floor=12_000),
        *(language(name, floor) for name, floor in LANGUAGES.items()),
    )
}
