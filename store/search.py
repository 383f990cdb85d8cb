"""Looking for repositories by a part of a name that they have or had."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, SQLColumnExpression, case, func, literal, select
from sqlalchemy.orm import Session

from core import clock
from core.windows import Profile
from models import RepositoryName
from store.repositories import newest_counts, profiles

MOST_WORDS = 5  # that are looked for
MOST_LETTERS = 300  # SQLite refuses a pattern of 50,000 bytes
FEWEST_LETTERS = 2  # one alone is in every other name
MOST_CANDIDATES = 50  # of which the counts are read


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
    words = text[:MOST_LETTERS].lower().split()[:MOST_WORDS]
    if len("".join(words)) < FEWEST_LETTERS:
        return [], 0
    names, count = _names(session, words)
    if not names:
        return [], 0
    until = clock.now() + clock.TOLERANCE  # a clock that ran ahead may have left later readings
    known = profiles(session, names)
    counts = newest_counts(session, [each.id for each in known.values()], until)
    distinct: dict[int, tuple[int, Found]] = {}
    distance = _distance_from(words)
    for name in sorted(known, key=distance):
        each = known[name]
        if each.id in counts:
            found = Found(each, counts[each.id].stars)
            distinct.setdefault(each.id, (distance(name), found))
    ordered = sorted(distinct.values(), key=lambda it: (it[0], -it[1].stars))
    return [each for _, each in ordered[:most]], count


def _names(session: Session, words: Sequence[str]) -> tuple[Sequence[str], int | None]:
    """Return names that have all words, and how many there are. Where those are many, which shows
    soon, only those names are sorted of which the owner or the rest begins with the last word."""
    name, last = RepositoryName.name, words[-1]
    has_all = [_has(name, word) for word in words]
    connection = session.connection()
    some = connection.scalars(select(name).where(*has_all).limit(MOST_CANDIDATES + 1)).all()
    if len(some) <= MOST_CANDIDATES:
        return some, len(some)
    nearest = case(
        (name == "/".join(words), 0),
        (name.endswith(f"/{last}", autoescape=True), 1),
        (_has(name, f"/{last}"), 2),
        (name.startswith(words[0], autoescape=True), 3),
        else_=4,
    )
    begins = connection.scalars(
        select(name)
        .where(_has(literal("/") + name, f"/{last}"), *has_all[:-1])
        .order_by(nearest, func.length(name), name)
        .limit(MOST_CANDIDATES)
    ).all()
    return list(dict.fromkeys((*begins, *some)))[:MOST_CANDIDATES], None


def _has(text: SQLColumnExpression[str], part: str) -> ColumnElement[bool]:
    return text.contains(part, autoescape=True)


def _distance_from(words: Sequence[str]) -> Callable[[str], int]:
    """Return how far names that have all words are from what they say."""
    whole, last, first = "/".join(words), f"/{words[-1]}", words[0]

    def distance(name: str) -> int:
        if name == whole:
            return 0
        if last in name:
            return 1 if name.endswith(last) else 2
        return 3 if name.startswith(first) else 4

    return distance
