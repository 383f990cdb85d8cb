"""The worlds that the fake GitHub can show: invented repositories, or days of an archive."""

import csv
import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import product
from math import exp, sin, tau
from pathlib import Path
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


class ArchiveWorld:
    """The days of an archive of daily top-100s; `day_at` says which of them a moment shows.

    A day without a file shows the latest before it. The archive has no ids: they are made up
    from the names, so that a name has the same one every day, and nothing is ever renamed.
    """

    def __init__(self, folder: Path | list[Path], day_at: Callable[[datetime], date]) -> None:
        folders = folder if isinstance(folder, list) else [folder]
        files = [
            file for folder in folders for file in folder.glob("github-ranking-????-??-??.csv")
        ]
        if not files:
            raise FileNotFoundError(f"no github-ranking-YYYY-MM-DD.csv in {folder}")
        self._files = {date.fromisoformat(file.stem[-10:]): file for file in files}
        self._days = sorted(self._files)
        self._day_at = day_at
        self._names: dict[int, str] = {}
        self._read = lru_cache(maxsize=8)(self._parse)

    def search(self, ranked: RankedList, floor: int, at: datetime) -> list[FakeRepository]:
        rows = self._lists(at).get(ranked.slug, [])
        return [repo for repo in rows if getattr(repo, ranked.count) > floor]

    def by_name(self, full_name: str, at: datetime) -> FakeRepository | None:
        name = full_name.casefold()
        return next((repo for repo in self._repos(at) if repo.full_name.casefold() == name), None)

    def by_id(self, github_id: int, at: datetime) -> FakeRepository | None:
        return next((repo for repo in self._repos(at) if repo.github_id == github_id), None)

    def renamed(self, full_name: str, at: datetime) -> int | None:
        return None

    def _repos(self, at: datetime) -> Iterator[FakeRepository]:
        return (repo for rows in self._lists(at).values() for repo in rows)

    def _lists(self, at: datetime) -> dict[str, list[FakeRepository]]:
        files = bisect_right(self._days, self._day_at(at))
        return self._read(self._days[files - 1]) if files else {}

    def _parse(self, day: date) -> dict[str, list[FakeRepository]]:
        """The rows of each list, in the file's order; the lists in the order that settles ties."""
        rows: dict[str, list[FakeRepository]] = {}
        with self._files[day].open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                slug = row["item"].lower().removeprefix("top-100-")
                rows.setdefault(slug, []).append(self._repo(row))
        return {slug: rows[slug] for slug in sorted(rows, key=lambda s: RankedList(s, s).order)}

    def _repo(self, row: dict[str, str]) -> FakeRepository:
        full_name = f"{row['username']}/{row['repo_name']}"
        return FakeRepository(
            self._id(full_name.casefold()),
            full_name,
            int(row["stars"]),
            int(row["forks"]),
            int(row["issues"]),
            row["language"] or None,
            row["description"] or None,
            clock.parse(row["last_commit"]),
        )

    def _id(self, name: str) -> int:
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % (2**31 - 1)
        while self._names.setdefault(number, name) != name:  # another name has it already
            number += 1
        return number
