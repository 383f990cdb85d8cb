"""A made-up world in which repositories are made every day, for lists of what is new."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from math import exp
from random import Random

from core import clock
from core.lists import RankedList
from core.star_history import StarDays, day_of
from local.fake_github.star_days import ramp, standing
from local.fake_github.worlds import (
    BORN,
    MOODS,
    THINGS,
    FakeRepository,
    MadeUpWorld,
    topics_of,
)

A_DAY = 5  # made each day since the world's birth
LIFE = 60  # days after which one is gone again, as most are
FIRST_ID = 900_000_000  # above all others'


class GrowingWorld(MadeUpWorld):
    """The made-up world, with young repositories besides, in no language."""

    def search(self, ranked: RankedList, floor: int, at: datetime) -> list[FakeRepository]:
        found = super().search(ranked, floor, at)
        if ranked.language:
            return found
        young = (repo for repo in young_ones(at) if getattr(repo, ranked.count) > floor)
        return sorted([*found, *young], key=lambda repo: -int(getattr(repo, ranked.count)))

    def by_name(self, full_name: str, at: datetime) -> FakeRepository | None:
        name = full_name.casefold()
        young = (repo for repo in young_ones(at) if repo.full_name.casefold() == name)
        return super().by_name(full_name, at) or next(young, None)

    def by_id(self, github_id: int, at: datetime) -> FakeRepository | None:
        if github_id < FIRST_ID:
            return super().by_id(github_id, at)
        return next((repo for repo in young_ones(at) if repo.github_id == github_id), None)

    def star_days(self, repo: FakeRepository, at: datetime) -> StarDays:
        if repo.github_id < FIRST_ID:
            return super().star_days(repo, at)
        first = day_of(repo.created_at)
        days = (day_of(at) - first).days + 1
        return standing(first, ramp(repo.github_id, first, days, repo.stars, power=1.2), repo.stars)


def young_ones(at: datetime) -> list[FakeRepository]:
    """All that are there at a moment, in order of age."""
    today = (at - BORN) // clock.DAY
    numbers = range(max(0, today - LIFE) * A_DAY, (today + 1) * A_DAY)
    return [_at(at, *_newborn(number)) for number in numbers if _newborn(number)[0].created_at < at]


@lru_cache(maxsize=1024)
def _newborn(number: int) -> tuple[FakeRepository, int]:
    """A repository as it is made, and the stars that it comes to in the end."""
    random = Random(number)
    mood, thing = random.choice(MOODS.split()), random.choice(THINGS.split())
    made_at = BORN + number // A_DAY * clock.DAY + timedelta(hours=random.uniform(0, 24))
    repo = FakeRepository(
        github_id=FIRST_ID + number,
        full_name=f"new-{thing}s/{mood}-{thing}-{number}",
        stars=0,
        forks=0,
        open_issues=random.randrange(30),
        language=None,
        description=f"A {mood} {thing}, brand new",
        pushed_at=made_at,
        created_at=made_at.replace(microsecond=0),
        topics=topics_of(number),
    )
    return repo, int(exp(random.gauss(6.5, 1)))


def _at(at: datetime, repo: FakeRepository, most: int) -> FakeRepository:
    days = (at - repo.created_at) / clock.DAY
    stars = int(most * days / (days + 7))
    return replace(repo, stars=stars, forks=stars // 8, pushed_at=clock.floor(at, clock.HOUR))
