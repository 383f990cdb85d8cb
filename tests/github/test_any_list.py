"""A list of each kind over days of a simulated GitHub: what it shows, and what it tells, against a
model that knows the world itself and none of our code."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import permutations
from random import Random
from typing import Any

from sqlalchemy import select

from core import list_names
from core.clock import DAY, HOUR
from core.lists import RankedList
from local.fake_github.worlds import FakeRepository
from models import Event, List, Placement, Poll, Repository
from store import follows
from store.database import Database
from store.watched import store_watched
from tests.support.common import MakeSettings
from tests.support.github import NOON, repo
from tests.support.simulation import Simulation

START = NOON - 12 * HOUR  # a midnight
EVERY = 6 * HOUR
SLOTS = 13  # over three midnights
SIZE = 180
ENDS = 22  # the id of one that comes to an end
DOWN = (9, 10)  # slots in which GitHub cannot be asked


@dataclass(frozen=True)
class Plant:
    """A repository, whose figures change from slot to slot and never within one."""

    id: int
    created_at: datetime
    pace: int
    base: int
    topics: tuple[str, ...]
    without_topic: int | None  # the slot from which on it has no topic
    moves: int | None  # the slot from which on another owner has it
    ends: int | None

    def stars(self, number: int) -> int:
        return SIZE * (self.base + self.pace * number) + self.id  # no two have the same

    def name(self, number: int) -> str:
        moved = self.moves is not None and number >= self.moves
        return f"{'still' if moved else ('quiet', 'loud', 'Calm')[self.id % 3]}/plant-{self.id}"

    def topics_at(self, number: int) -> tuple[str, ...]:
        gone = self.without_topic is not None and number >= self.without_topic
        return () if gone else self.topics

    def is_there(self, number: int) -> bool:
        is_made = self.created_at < START + number * EVERY
        return is_made and (self.ends is None or number < self.ends)


def plants() -> list[Plant]:
    random = Random(4)
    changes = iter(random.choices(range(2, 8), k=18))
    made = []
    for id in range(1, SIZE):
        kind = id % 20 if id < 120 else None
        made.append(
            Plant(
                id,
                START - timedelta(hours=random.uniform(-6 * SLOTS, 200)),
                pace=random.choice((0, 0, 1, 2, 4, 6)),
                base=random.randrange(1, 120),
                topics=("llm", "ai") if random.random() < 0.75 else ("ai",),
                without_topic=next(changes) if kind == 0 else None,
                moves=next(changes) if kind == 1 else None,
                ends=next(changes) if kind == 2 else None,
            )
        )
    return made


@dataclass
class Garden:
    """The world of the fake GitHub."""

    plants: list[Plant] = field(default_factory=plants)

    @staticmethod
    def number(at: datetime) -> int:
        return (at - START) // EVERY

    def _shown(self, plant: Plant, number: int) -> FakeRepository:
        return FakeRepository(
            github_id=plant.id,
            full_name=plant.name(number),
            stars=plant.stars(number),
            forks=plant.id,
            open_issues=1,
            language="Go",
            description=None,
            pushed_at=START,
            created_at=plant.created_at.replace(microsecond=0),
            topics=plant.topics_at(number),
        )

    def there(self, at: datetime) -> Iterator[FakeRepository]:
        number = self.number(at)
        return (self._shown(it, number) for it in self.plants if it.is_there(number))

    def search(self, ranked: RankedList, floor: int, at: datetime) -> list[FakeRepository]:
        found = [it for it in self.there(at) if it.stars > floor]
        return sorted(found, key=lambda it: -it.stars)

    def by_name(self, full_name: str, at: datetime) -> FakeRepository | None:
        wanted = full_name.lower()
        return next((it for it in self.there(at) if it.full_name.lower() == wanted), None)

    def by_id(self, github_id: int, at: datetime) -> FakeRepository | None:
        return next((it for it in self.there(at) if it.github_id == github_id), None)

    def renamed(self, full_name: str, at: datetime) -> int | None:
        bore = (it.id for it in self.plants if it.name(0).lower() == full_name.lower())
        return next((id for id in bore if self.by_id(id, at)), None)


# The model


@dataclass
class Model:
    """What lists show and tell, from the world itself."""

    plants: dict[int, Plant]
    belongs: dict[str, Callable[[Plant, int], bool]]  # of lists that are searched for, by slug
    named: dict[str, Callable[[int], set[int]]]  # of the others: the ids, by slot
    read: dict[int, int] = field(default_factory=dict)  # the slot of each newest reading
    boards: dict[str, dict[int, dict[int, int]]] = field(default_factory=dict)  # id → stars
    events: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    told: set[tuple[int, int]] = field(default_factory=set)

    def search(self, slug: str, number: int) -> None:
        there = [it for it in self.plants.values() if it.is_there(number)]
        chosen = [it for it in there if self.belongs[slug](it, number)]
        board = _top({it.id: it.stars(number) for it in chosen})
        self.read |= dict.fromkeys(board, number)
        # One that is not the list's any more was asked for by name, and so was read.
        before = self._before(slug, number)
        lowest = min(board.values()) if len(board) == 100 else -1
        for id, stars in before.items():
            quiet = slug == "new-2d" and not self.belongs[slug](self.plants[id], number)
            asked = id not in board and stars > lowest and not quiet
            if asked and self.plants[id].is_there(number):
                self.read[id] = number
        self._show(slug, number, board, lambda id: slug != "new-2d" or self._young(id, number))

    def _young(self, id: int, number: int) -> bool:
        return self.belongs["new-2d"](self.plants[id], number)

    def sample(self, number: int) -> None:
        for named in self.named.values():
            for id in named(number):
                if self.plants[id].is_there(number):
                    self.read[id] = number

    def rank(self, slug: str, number: int) -> None:
        named = {id for id in self.named[slug](number) if id in self.read}
        good = sorted(self.boards.get(slug, {}))
        if not named or (good and max(self.read[id] for id in named) < good[-1]):
            return  # nothing is known, or nothing new
        lost_before = good[-4] if len(good) >= 4 else -1
        there = [id for id in named if self.read[id] >= lost_before]
        board = _top({id: self.plants[id].stars(self.read[id]) for id in there})
        self._show(slug, number, board, named.__contains__)

    def _before(self, slug: str, number: int) -> dict[int, int]:
        boards = self.boards.get(slug, {})
        return boards[max(boards)] if boards else {}

    def _show(
        self, slug: str, number: int, board: dict[int, int], is_news: Callable[[int], bool]
    ) -> None:
        then = self._before(slug, number)
        first = slug not in self.boards
        self.boards.setdefault(slug, {})[number] = board
        told = self.events.setdefault(slug, [])
        if first:
            return
        rank, rank_then = _ranks(board), _ranks(then)
        told += [(number, "entered", id, {"rank": rank[id]}) for id in board if id not in then]
        told += [
            (number, "left", id, {"rank": rank_then[id]})
            for id in then
            if id not in board and is_news(id)
        ]
        top = [id for id in board if id in then and max(rank[id], rank_then[id]) <= 20]
        for one, other in permutations(top, 2):
            if then[one] <= then[other] and board[one] > board[other]:
                overtaken = self.plants[other].name(self.read[other])
                told.append((number, "overtook", one, {"rank": rank[one], "overtaken": overtaken}))
        for id in board:
            for stars in range(10_000, 100_001, 10_000):
                passed = id in then and then[id] < stars <= board[id]
                if passed and (id, stars) not in self.told:
                    self.told.add((id, stars))
                    told.append((number, "milestone", id, {"stars": stars}))


def _top(stars: dict[int, int]) -> dict[int, int]:
    return dict(sorted(stars.items(), key=lambda it: -it[1])[:100])


def _ranks(board: dict[int, int]) -> dict[int, int]:
    return {id: rank for rank, id in enumerate(board, 1)}


# What was done


def _boards(database: Database, slug: str) -> dict[int, dict[int, int]]:
    good = (
        select(Poll.slot)
        .join(List, List.id == Poll.list_id)
        .where(List.slug == slug, Poll.outcome == "good")
    )
    places = (
        select(Placement.slot, Repository.github_id, Placement.stars)
        .join(Repository, Repository.id == Placement.repository_id)
        .join(List, List.id == Placement.list_id)
        .where(List.slug == slug)
        .order_by(Placement.slot, Placement.rank)
    )
    with database.read() as session:
        boards: dict[int, dict[int, int]] = {
            Garden.number(slot): {} for slot in session.scalars(good)
        }
        for slot, github_id, stars in session.execute(places):
            boards.get(Garden.number(slot), {})[github_id or 0] = stars
    return boards


def _events(database: Database, slug: str) -> list[tuple[Any, ...]]:
    rows = (
        select(Event.slot, Event.kind, Repository.github_id, Event.detail)
        .join(List, List.id == Event.list_id)
        .join(Repository, Repository.id == Event.repository_id)
        .where(List.slug == slug)
        .order_by(Event.id)
    )
    with database.read() as session:
        return [(Garden.number(slot), *rest) for slot, *rest in session.execute(rows)]


def _sample(database: Database, garden: Garden, names: set[str], slot: datetime) -> None:
    """Store what the sampling of followed repositories does; of one that is gone, nothing."""
    with database.write() as session:
        for name in sorted(names):
            found = garden.by_name(name, slot)
            if found is None and (github_id := garden.renamed(name, slot)) is not None:
                found = garden.by_id(github_id, slot)  # GitHub leads there
            if found is not None:
                seen = repo(
                    found.github_id,
                    full_name=found.full_name,
                    stars=found.stars,
                    forks=found.forks,
                )
                store_watched(session, name, slot, slot, seen, None)


def test_a_list_of_each_kind_shows_and_tells_what_the_model_does(
    database: Database, make_settings: MakeSettings
) -> None:
    garden = Garden()
    known = {it.id: it for it in garden.plants}
    unborn = next(id for id in known if known[id].is_there(6) and not known[id].is_there(3))
    collected = [id for id in known if id % 4 == 1 and known[id].is_there(0)] + [ENDS, unborn]
    wished = [id for id in known if id % 5 == 2 and known[id].is_there(0)]
    late = next(id for id in known if id % 5 == 3 and known[id].is_there(0))
    entries = "topic:llm,owner:QUIET,new:2d,followed,collection:Mine="
    entries += "+".join(known[id].name(0) for id in collected)
    lists, watch = list_names.with_followed(list_names.parse(entries, list_names._no_file), ())
    settings = make_settings(
        lists=lists,
        watch=watch,
        poll_every=EVERY,
        github_token="t" * 20,
        github_api_url="http://github.test",
    )
    here = Simulation(database, settings, garden, START)

    def followed(number: int) -> set[int]:
        wishes = set(wished[1:] if number >= 5 else wished) | ({late} if number >= 3 else set())
        return {*collected, *wishes}

    model = Model(
        known,
        {
            "topic-llm": lambda it, number: "llm" in it.topics_at(number),
            "owner-quiet": lambda it, number: it.name(number).startswith("quiet/"),
            "new-2d": lambda it, number: (
                it.created_at.replace(microsecond=0) >= START + (number // 4 - 2) * DAY
            ),
        },
        {"followed": followed, "collection-mine": lambda number: set(collected)},
    )
    for number in range(SLOTS):
        slot = START + number * EVERY
        here.now = slot
        with database.write() as session:
            if number == 0:
                for id in wished:
                    follows.ask(session, known[id].name(0), slot, follow=True)
            if number == 3:
                follows.ask(session, known[late].name(number), slot, follow=True)
            if number == 5:
                follows.unfollow(session, known[wished[0]].name(0))
        if number not in DOWN:
            here.poll_all(slot, settings.searched)
            for ranked in settings.searched:
                model.search(ranked.slug, number)
            names = {known[id].name(3 if id == late else 0) for id in followed(number)}
            _sample(database, garden, names, slot)
            model.sample(number)
        for ranked in settings.lists:
            if not ranked.is_searched:
                here.poll(ranked, slot)
                model.rank(ranked.slug, number)

    for ranked in settings.lists:
        assert _boards(database, ranked.slug) == model.boards[ranked.slug], ranked.slug
        assert _events(database, ranked.slug) == model.events[ranked.slug], ranked.slug
    assert max(map(len, model.boards["topic-llm"].values())) == 100
    kinds = {slug: {event[1] for event in events} for slug, events in model.events.items()}
    assert kinds == dict.fromkeys(kinds, {"entered", "left", "overtook", "milestone"})
