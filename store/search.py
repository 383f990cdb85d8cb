"""Looking for repositories by a part of a name that they have or had."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from core import clock
from core.windows import Profile
from models import RepositoryName
from store.repositories import newest_counts, profiles

MOST_WORDS = 5  # that are looked for
MOST_CANDIDATES = 100  # of which the counts are read


class Found(NamedTuple):
    """A repository, and its newest count."""

    profile: Profile
    stars: int


def search(session: Session, text: str, most: int) -> tuple[Sequence[Found], int]:
    """Return repositories whose names have all words of a text, and how many names do: those first
    that are named so, then those whose names begin so, each with the most stars first.

    It reads the names alone, once, and the counts of a hundred at most.
    """
    words = text.lower().split()[:MOST_WORDS]
    if not words:
        return [], 0
    name, whole = RepositoryName.name, "/".join(words)
    has_all = [name.contains(word, autoescape=True) for word in words]
    closeness = case(
        (name == whole, 0),
        (name.endswith(f"/{words[-1]}", autoescape=True), 1),
        (name.contains(f"/{words[-1]}", autoescape=True), 2),
        (name.startswith(words[0], autoescape=True), 3),
        else_=4,
    )
    rows = session.execute(
        select(name, closeness, func.count().over())
        .where(*has_all)
        .order_by(closeness, func.length(name), name)
        .limit(MOST_CANDIDATES)
    ).all()
    close = {asked: distance for asked, distance, _ in rows}
    until = clock.now() + clock.TOLERANCE  # a clock that ran ahead may have left later readings
    known = profiles(session, list(close))
    counts = newest_counts(session, [each.id for each in known.values()], until)
    distinct: dict[int, tuple[int, Found]] = {}
    for asked, each in known.items():
        if each.id in counts:
            found = Found(each, counts[each.id].stars)
            distinct.setdefault(each.id, (close[asked], found))
    ordered = sorted(distinct.values(), key=lambda it: (it[0], -it[1].stars))
    return [each for _, each in ordered[:most]], rows[0][2] if rows else 0
