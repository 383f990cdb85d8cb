"""A made-up world in which repositories go on being made, among them forks."""

from datetime import datetime, timedelta
from functools import lru_cache
from math import exp
from random import Random

from core.clock import DAY
from core.lists import RankedList
from core.star_history import StarDays, day_of, end_of
from local.fake_github.star_days import standing
from local.fake_github.worlds import (
    BORN,
    GUILDS,
    MOODS,
    THINGS,
    FakeRepository,
    MadeUpWorld,
    topics_of,
)

FIRST = BORN - 60 * DAY
EVERY = timedelta(hours=4)
MOST_STARS = 4_000  # too few for the list of any of these languages
LANGUAGES = ("Python", "TypeScript", "Rust", "Go", "JavaScript", None)
FIRST_ID, APART = 1_500_000_007, 11


class GrowingWorld(MadeUpWorld):
    """The made-up world, and six newcomers a day, which rise fast at first."""

    def search(self, ranked: RankedList, floor: int, at: datetime) -> list[FakeRepository]:
        found = super().search(ranked, floor, at)
        if floor >= MOST_STARS:
            return found
        asked = (ranked.language or "").casefold()
        found += [
            repo
            for repo in (newcomer(number, at) for number in range((at - FIRST) // EVERY + 1))
            if getattr(repo, ranked.count) > floor
            and (not asked or asked == (repo.language or "").casefold())
        ]
        return sorted(found, key=lambda repo: -int(getattr(repo, ranked.count)))

    def by_id(self, github_id: int, at: datetime) -> FakeRepository | None:
        number, rest = divmod(github_id - FIRST_ID, APART)
        if rest or not 0 <= number <= (at - FIRST) // EVERY:
            return super().by_id(github_id, at)
        return newcomer(number, at)

    def by_name(self, full_name: str, at: datetime) -> FakeRepository | None:
        number = full_name.rpartition("-")[2]
        if number.isdecimal():  # a newcomer's name ends with its number
            repo = self.by_id(FIRST_ID + APART * int(number), at)
            return repo if repo and repo.full_name.casefold() == full_name.casefold() else None
        return super().by_name(full_name, at)

    def star_days(self, repo: FakeRepository, at: datetime) -> StarDays:
        number, rest = divmod(repo.github_id - FIRST_ID, APART)
        if rest or number < 0:
            return super().star_days(repo, at)
        first = day_of(repo.created_at)
        days = (day_of(at) - first).days + 1
        ends = (min(at, end_of(first + day * DAY)) for day in range(days))
        return standing(first, [newcomer(number, end).stars for end in ends], repo.stars)


@lru_cache(maxsize=16_384)
def newcomer(number: int, at: datetime) -> FakeRepository:
    """A newcomer, as it stands at a moment after it was made."""
    name, language, most, created = _born(number)
    fork = number % 10 == 7
    stars = int((3 if fork else most) * (1 - exp(-((at - created) / DAY) / 20)))
    return FakeRepository(
        github_id=FIRST_ID + APART * number,
        full_name=name,
        stars=stars,
        forks=stars // 9,
        open_issues=stars // 20,
        language=language,
        description=None,
        pushed_at=max(created, at.replace(minute=0, second=0, microsecond=0)),
        created_at=created,
        topics=topics_of(number),
        fork=fork,
    )


@lru_cache(maxsize=65_536)
def _born(number: int) -> tuple[str, str | None, int, datetime]:
    """The name, language, most stars and beginning of a newcomer."""
    random = Random(number)
    owner = random.choice(THINGS.split()) + random.choice(GUILDS)
    name = f"{owner}/{random.choice(MOODS.split())}-{random.choice(THINGS.split())}-{number}"
    most = min(MOST_STARS, int(exp(random.gauss(5.5, 1.2))))
    return name, random.choice(LANGUAGES), most, FIRST + number * EVERY
