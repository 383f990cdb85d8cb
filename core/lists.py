"""The top-100s that there are, as data, and the query that asks GitHub's search for each."""

import difflib
import re
from dataclasses import dataclass
from typing import Literal

SIZE = 100  # repositories on a list: one page of GitHub's search

Count = Literal["stars", "forks"]


@dataclass(frozen=True, slots=True)
class RankedList:
    """A top-100 of GitHub.

    `count` is what it ranks by; `language`, as GitHub spells it, is None for a list over all
    repositories. `floor` is a count safely under that of rank 100, for a first narrow query.
    """

    slug: str
    title: str
    count: Count = "stars"
    language: str | None = None
    floor: int = 0

    def query(self, floor: int) -> str:
        """The search query for repositories with more than `floor` of the list's count."""
        # Not encoded yet: a URL drops a bare `+` or `&` of it in silence, as in `language:C++`.
        language = f'language:"{self.language}" ' if self.language else ""
        return f"{language}{self.count}:>{floor}"

    def includes(self, language: str | None) -> bool:
        """Whether the query asks for repositories of that language."""
        return self.language is None or (language or "").casefold() == self.language.casefold()

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

LANGUAGE = re.compile(r"[A-Za-z0-9][^\"\\]{0,59}", re.ASCII)


def named(name: str) -> RankedList:
    """The list that an entry of the setting LISTS asks for: by a slug, or as `language:NAME`.

    Raises LookupError, with what would be right, for a name that stands for no list.
    """
    prefix, _, spelled = name.partition(":")
    if prefix == "language" and LANGUAGE.fullmatch(spelled):
        wanted = language(spelled)
        known = KNOWN.get(wanted.slug, wanted)
        if known.language is not None:
            return known
    elif name.lower() in KNOWN:
        return KNOWN[name.lower()]
    close = difflib.get_close_matches(slug_of(name), KNOWN, 1)
    raise LookupError(
        f"did you mean {close[0]!r}?"
        if close
        else f"expected slugs ({', '.join(list(KNOWN)[:3])}, …) or language:NAME"
    )
