"""What a world of the fake GitHub has, and the made-up one: invented repositories."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import product
from math import exp, sin, tau
from random import Random
from typing import Protocol, runtime_checkable

from core import clock, lists
from core.lists import RankedList
from core.star_history import StarDays, day_of, end_of
from local.fake_github.star_days import ramp, standing


@dataclass(frozen=True, slots=True)
class FakeRepository:
    """A repository as it stands at one moment."""

    github_id: int
    full_name: str
    stars: int
    forks: int
    open_issues: int
    language: str | None
    description: str | None
    pushed_at: datetime
    created_at: datetime = datetime(2009, 1, 1, tzinfo=UTC)
    topics: tuple[str, ...] = ()
    fork: bool = False
    archived: bool = False

    @property
    def owner(self) -> str:
        return self.full_name.partition("/")[0]


class World(Protocol):
    """The repositories there are at a moment. Names match in any case."""

    def search(self, ranked: RankedList, floor: int, at: datetime) -> list[FakeRepository]:
        """All with more than `floor` of the list's count, in GitHub's order."""

    def by_name(self, full_name: str, at: datetime) -> FakeRepository | None: ...

    def by_id(self, github_id: int, at: datetime) -> FakeRepository | None: ...

    def renamed(self, full_name: str, at: datetime) -> int | None:
        """The id that bore this name before."""


@runtime_checkable
class WorldWithStarDays(World, Protocol):
    """A world that knows when its stars were given; of any other they are made up."""

    def star_days(self, repo: FakeRepository, at: datetime) -> StarDays:
        """The stars that stand, by the day of Los Angeles, from the day of creation to today."""


BORN = datetime(2026, 1, 1, tzinfo=UTC)

FORMERLY = "-next"  # each made-up repository once bore its name with this suffix

MOODS = """amber brisk cobalt dapper ember fabled gentle hazel ivory jolly kindled lunar mellow
    nimble opal pebbled quiet russet silver tidal umber velvet willow zephyr"""

THINGS = """anchor beacon cabin drifter engine ferry garden harbor island journal kettle lantern
    mirror needle orchard parcel quarry ribbon saddle tunnel umbrella violin wagon yard"""

GUILDS = ("HQ", "dev", "-labs", "-works", "-team", "Org", "-io", "kit")

TOPICS = """ai api android cli database docker education framework game hacktoberfest http linux
    llm machine-learning network react security testing tutorial web"""

PITCHES = (
    None,
    "A {mood} {thing} for {language}, small, fast and tested",
    'The {thing} that "just works"',
    "🚀 {language} meets the {thing}: build, ship, repeat",
    "⭐ Learn {language} by building a {thing} – it's fun 🎉",
    "An opinionated, batteries-included {thing} (work in progress)",
)


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A made-up repository: its figures when its world was born, and its course from then on."""

    born: FakeRepository
    pace: float  # stars a day
    phase: float  # days by which its rhythm leads
    cycle: float  # days from one burst of stars to the next
    burst: float  # stars that a burst brings, within a day
    wobble: float  # stars that come and go
    beat: float  # times a day that they do
    push_every: timedelta

    def steady(self, days: float) -> float:
        """Stars without the wobble: growth that is slower by night, and quickened by bursts."""
        lived = days + self.phase
        bursts, since = divmod(lived, self.cycle)
        growth = self.pace * (days + 0.12 * sin(tau * lived))
        return self.born.stars + growth + self.burst * (bursts + min(1.0, since))

    def stars(self, days: float) -> int:
        return max(0, int(self.steady(days) + self.wobble * sin(tau * self.beat * days)))

    @property
    def age(self) -> timedelta:
        """From its creation to its world's birth: more than its pace asks for, within reason."""
        return timedelta(days=min(6_400, max(400, int(1.5 * self.born.stars / self.pace))))

    def forks(self, days: float) -> int:
        return max(0, int(self.steady(days) * self.born.forks / self.born.stars))

    def at(self, days: float, moment: datetime) -> FakeRepository:
        return replace(
            self.born,
            stars=self.stars(days),
            forks=self.forks(days),
            open_issues=int(self.born.open_issues * (1 + 0.2 * sin(days / 5 + self.phase))),
            pushed_at=clock.floor(moment, self.push_every),
        )


class MadeUpWorld:
    """Invented repositories, whose figures follow from the seed and the moment alone."""

    def __init__(
        self,
        seed: int = 1,
        size_per_language: int = 130,
        languages: Iterable[str] = tuple(lists.LANGUAGES),
        born: datetime = BORN,
    ) -> None:
        self._born = born
        self._known: dict[datetime, dict[int, FakeRepository]] = {}  # by moment and id
        self._courses = [
            replace(course, born=replace(course.born, created_at=born - course.age))
            for course in _trajectories(Random(seed), size_per_language, [*languages, None])
        ]
        self._by_id = {course.born.github_id: course for course in self._courses}
        self._by_name = {course.born.full_name.casefold(): course for course in self._courses}
        self._by_slug: dict[str, list[Trajectory]] = {}
        for course in self._courses:
            slug = lists.slug_of(course.born.language or "")
            self._by_slug.setdefault(slug, []).append(course)

    def search(self, ranked: RankedList, floor: int, at: datetime) -> list[FakeRepository]:
        days = self._days(at)
        courses = self._by_slug.get(ranked.slug, []) if ranked.language else self._courses
        figure = Trajectory.stars if ranked.count == "stars" else Trajectory.forks
        found = [(n, course) for course in courses if (n := figure(course, days)) > floor]
        found.sort(key=lambda pair: -pair[0])
        return [self._at(course, at) for _, course in found]

    def by_name(self, full_name: str, at: datetime) -> FakeRepository | None:
        course = self._by_name.get(full_name.casefold())
        return self._at(course, at) if course else None

    def by_id(self, github_id: int, at: datetime) -> FakeRepository | None:
        course = self._by_id.get(github_id)
        return self._at(course, at) if course else None

    def _at(self, course: Trajectory, at: datetime) -> FakeRepository:
        """A repository at a moment, at which several lists may ask for it."""
        if at not in self._known:
            self._known = {at: {}}
        known = self._known.get(at, {})  # others may have asked for another moment since
        if course.born.github_id not in known:
            known[course.born.github_id] = course.at(self._days(at), at)
        return known[course.born.github_id]

    def renamed(self, full_name: str, at: datetime) -> int | None:
        name = full_name.casefold()
        course = self._by_name.get(name.removesuffix(FORMERLY)) if name.endswith(FORMERLY) else None
        return course.born.github_id if course else None

    def star_days(self, repo: FakeRepository, at: datetime) -> StarDays:
        """A made-up past up to the world's birth, and what it says itself from then on."""
        course, first, born = (
            self._by_id[repo.github_id],
            day_of(repo.created_at),
            day_of(self._born),
        )
        before, days = (born - first).days, (day_of(at) - first).days + 1
        begun = int(course.steady(self._days(end_of(born - clock.DAY))))
        power = min(3.0, course.pace * before / max(1, begun))  # in the end as steep as its course
        past = ramp(repo.github_id, first, before, begun, power)
        ends = (min(at, end_of(first + day * clock.DAY)) for day in range(before, days))
        since = (int(course.steady(self._days(end))) for end in ends)
        return standing(first, [*past, *since][:days], repo.stars)

    def _days(self, at: datetime) -> float:
        return (at - self._born) / clock.DAY


def _trajectories(random: Random, size: int, languages: list[str | None]) -> list[Trajectory]:
    """The courses of `size` repositories a language (None: in none), no two of one name."""
    courses: list[Trajectory] = []
    words = list(product(THINGS.split(), GUILDS, MOODS.split(), THINGS.split()))
    names = random.sample(words, size * len(languages))
    for name, (language, rank) in zip(names, product(languages, range(1, size + 1)), strict=True):
        # A list's floor is half of what its hundredth repository has.
        hundredth = 2 * (lists.LANGUAGES.get(language, 1_000) if language else 12_000)
        stars = int(hundredth * (100 / rank) ** 0.52 * exp(random.gauss(0, 0.05)))
        course = _trajectory(random, _newborn(random, len(courses), name, language, stars))
        if rank % 20 == 0:  # rivals: only their wobbles tell this one from the one before it
            born = replace(course.born, stars=courses[-1].born.stars)
            course = replace(courses[-1], born=born, beat=course.beat)
        courses.append(course)
    return courses


def _newborn(
    random: Random, index: int, name: tuple[str, ...], language: str | None, stars: int
) -> FakeRepository:
    owner, guild, mood, thing = name
    pitch = random.choice(PITCHES)
    return FakeRepository(
        github_id=10_000_019 + 9_973 * index,
        full_name=f"{owner}{guild}/{mood}-{thing}",
        stars=stars,
        forks=int(stars * min(0.7, exp(random.gauss(-1.8, 0.6)))),
        open_issues=int(exp(random.uniform(0, 7))),
        language=language,
        description=pitch and pitch.format(mood=mood, thing=thing, language=language or "anything"),
        pushed_at=BORN,
        topics=topics_of(index),
        archived=index % 40 == 13,
    )


@lru_cache(maxsize=16_384)
def topics_of(number: int) -> tuple[str, ...]:
    """None to four topics, by the repository's number."""
    random = Random(number)
    return tuple(sorted(random.sample(TOPICS.split(), random.randint(0, 4))))


def _trajectory(random: Random, born: FakeRepository) -> Trajectory:
    cycle = random.uniform(20, 200)
    return Trajectory(
        born,
        pace=born.stars * 0.0003 * exp(random.gauss(0, 0.8)),
        phase=random.uniform(0, cycle),
        cycle=cycle,
        burst=born.stars * 0.03 * random.random() ** 4,
        wobble=min(4.0, born.stars / 500) * random.random(),
        beat=random.uniform(24, 96),
        push_every=timedelta(seconds=int(exp(random.uniform(7, 17)))),
    )
