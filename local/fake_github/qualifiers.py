"""The `q` of a search at the fake GitHub: what its qualifiers ask of a repository."""

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

from core import clock, lists
from core.lists import Count, RankedList
from local.fake_github.worlds import FakeRepository

Interval = tuple[float, float]  # from a first number, or second, until before another

LEAST, MOST = float("-inf"), float("inf")


@dataclass(frozen=True, slots=True)
class Query:
    """A search: the list of a language or of all, and what is asked of a repository besides, by
    qualifier."""

    ranked: RankedList
    conditions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def floor(self) -> int:
        """The count that all have more of."""
        lows = (interval(value)[0] for value in self.conditions.get(self.ranked.count, ()))
        return int(max(0, *lows, 0)) - 1

    def matches(self, repo: FakeRepository) -> bool:
        """Whether a repository is as the conditions say; without a word on them, no fork is."""
        conditions = {"fork": ("false",), **self.conditions}
        return all(QUALIFIERS[name].met(repo, given) for name, given in conditions.items())

    def unqualified(self) -> "Query":
        """The same without a language, an owner, a topic and a day."""
        kept = {
            name: given for name, given in self.conditions.items() if name in ("stars", "forks")
        }
        return Query(lists.KNOWN[self.ranked.count], kept)


def parse_query(q: str, sort: Count) -> Query:
    """The search that `q` and `sort` name. Raises ValueError for what is not known here."""
    language, conditions = "", dict[str, tuple[str, ...]]()
    for term in shlex.split(q):
        name, _, value = term.partition(":")
        name = "user" if name.lower() == "org" else name.lower()
        if name == "language" and value and not language:
            language = value
        elif name in QUALIFIERS and QUALIFIERS[name].allows(value, conditions.get(name, ())):
            conditions[name] = (*conditions.get(name, ()), value)
        else:
            raise ValueError(f"{term!r} is not one of language, org, {', '.join(QUALIFIERS)}")
    return Query(_ranked(language, sort), conditions)


def _ranked(language: str, sort: Count) -> RankedList:
    if not language:
        return lists.KNOWN[sort]
    asked = lists.language(language)
    known = lists.KNOWN.get(asked.slug, asked)
    return replace(known if known.language else asked, count=sort)


@lru_cache(maxsize=1024)
def interval(text: str) -> Interval:
    """What a range stands for: `5`, `>=5`, `5..9`, `*..9`, `>2026-10-27`.

    Raises ValueError for what is none. https://docs.github.com/en/search-github
    """
    low, dots, high = text.partition("..")
    if dots:
        return LEAST if low == "*" else _one(low)[0], MOST if high == "*" else _one(high)[1]
    value = text.lstrip("<>=")
    first, after = _one(value)
    return {
        "": (first, after),
        ">": (after, MOST),
        ">=": (first, MOST),
        "<": (LEAST, first),
        "<=": (LEAST, after),
    }.get(text.removesuffix(value)) or _one(text)


def _one(text: str) -> Interval:
    """A number, a day or a second."""
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return int(text), int(text) + 1
    begins = clock.parse(text).timestamp()
    return begins, begins + (clock.DAY.total_seconds() if len(text) == 10 else 1)


@dataclass(frozen=True, slots=True)
class Qualifier:
    """What values a qualifier takes, how many, and whether a repository is as they say."""

    values: Callable[[str], bool]
    met: Callable[[FakeRepository, tuple[str, ...]], bool]
    several: bool = False

    def allows(self, value: str, before: Iterable[str]) -> bool:
        return self.values(value) and (self.several or not before)


def _is_range(days: bool) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            return bool(interval(text)) and ("-" in text) is days
        except ValueError:
            return False

    return check


def _within(figure: Callable[[FakeRepository], float | datetime]) -> Qualifier:
    """A range of a count, or of a moment."""

    def met(repo: FakeRepository, given: tuple[str, ...]) -> bool:
        value = figure(repo)
        number = value.timestamp() if isinstance(value, datetime) else value
        low, after = interval(given[0])
        return low <= number < after

    days = figure(SAMPLE)
    return Qualifier(_is_range(isinstance(days, datetime)), met)


SAMPLE = FakeRepository(0, "a/b", 0, 0, 0, None, None, clock.EPOCH)

QUALIFIERS = {
    "stars": _within(lambda repo: repo.stars),
    "forks": _within(lambda repo: repo.forks),
    "created": _within(lambda repo: repo.created_at),
    "pushed": _within(lambda repo: repo.pushed_at),
    "topic": Qualifier(
        lambda value: bool(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,49}", value.lower())),
        lambda repo, given: {topic.lower() for topic in given} <= {*repo.topics},
        several=True,  # and it has all of them
    ),
    "user": Qualifier(
        lambda value: bool(re.fullmatch(r"[A-Za-z0-9-]{1,39}", value)),
        lambda repo, given: repo.owner.casefold() in map(str.casefold, given),
        several=True,  # and it is of one of them
    ),
    "fork": Qualifier(
        {"true", "false", "only"}.__contains__,
        lambda repo, given: given == ("true",) or repo.fork == (given == ("only",)),
    ),
    "archived": Qualifier(
        {"true", "false"}.__contains__, lambda repo, given: repo.archived == (given == ("true",))
    ),
}
