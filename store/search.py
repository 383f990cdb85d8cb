"""Looking for repositories by a part of a name that they have or had."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, SQLColumnExpression, literal, select
from sqlalchemy.orm import Session

from core import clock
from core.windows import Profile
from models import RepositoryName
from store.repositories import newest_counts, profiles

MOST_WORDS = 5  # that are looked for
FEWEST_LETTERS = 2  # one alone is in every other name
MOST_CANDIDATES = 50  # of which the counts are read
MOST_SORTED = 1_000  # names, where more have the words


class Found(NamedTuple):
    """A repository, and its newest count."""

    profile: Profile
    stars: int


def search(session: Session, text: str, most: int) -> tuple[Sequence[Found], int | None]:
    """Return repositories whose names have all words of a text, and how many names do, None where
    those are too many to count: those first that are named so, then those whose names begin so,
    each with the most stars first.

    It reads the names alone, once, and the counts of fifty at most.
    """
    words = text.lower().split()[:MOST_WORDS]
    if len("".join(words)) < FEWEST_LETTERS:
        return [], 0
    names, count = _names(session, words)
    if not names:
        return [], 0
    until = clock.now() + clock.TOLERANCE  # a clock that ran ahead may have left later readings
    known = profiles(session, names)
    counts = newest_counts(session, [each.id for each in known.values()], until)
    distinct: dict[int, tuple[int, Found]] = {}
    for name in sorted(known, key=lambda name: _distance(name, words)):
        each = known[name]
        if each.id in counts:
            found = Found(each, counts[each.id].stars)
            distinct.setdefault(each.id, (_distance(name, words), found))
    ordered = sorted(distinct.values(), key=lambda it: (it[0], -it[1].stars))
    return [each for _, each in ordered[:most]], count


def _names(session: Session, words: Sequence[str]) -> tuple[Sequence[str], int | None]:
    """Return names that have all words, and how many there are. Where those are many, which shows
    soon, only those names are sorted of which the owner or the rest begins with the last word."""
    name, last = RepositoryName.name, words[-1]
    has_all = [_has(name, word) for word in words]
    some = session.scalars(select(name).where(*has_all).limit(MOST_CANDIDATES + 1)).all()
    if len(some) <= MOST_CANDIDATES:
        return some, len(some)
    begins = session.scalars(
        select(name).where(_has(literal("/") + name, f"/{last}"), *has_all[:-1]).limit(MOST_SORTED)
    ).all()
    begins = sorted(begins, key=lambda name: (_distance(name, words), len(name), name))
    return list(dict.fromkeys((*begins, *some)))[:MOST_CANDIDATES], None


def _has(text: SQLColumnExpression[str], part: str) -> ColumnElement[bool]:
    return text.contains(part, autoescape=True)


def _distance(name: str, words: Sequence[str]) -> int:
    """Return how far a name that has all words is from what they say."""
    last = f"/{words[-1]}"
    nearer = (name == "/".join(words), name.endswith(last), last in name, name.startswith(words[0]))
    return next((distance for distance, holds in enumerate(nearer) if holds), len(nearer))
