"""A hostile GitHub, at random: whatever it does, no wrong number, no phantom exit, no entry that
was not there, and every gap declared: the documents are held against a model of the truth."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies

from core import lists
from core.lists import RankedList
from local.fake_github.faults import FAULTS, FaultInjector
from local.fake_github.worlds import FakeRepository
from monitoring.status import list_status
from settings import Settings
from store.database import Database, connect
from tests.support.simulation import Simulation

# Of the arithmetic, which is the same on Postgres; its SQL is tested there by others.
pytestmark = pytest.mark.sqlite

STARS = lists.KNOWN["stars"]
START = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
EVERY = timedelta(minutes=10)
HARMLESS = ("duplicates", "misordered", "few missing")  # the truth comes out all the same


@dataclass
class Truth:
    """A small GitHub of which everything is known: 108 repositories that grow at their own pace,
    are renamed and deleted. A World for the fake GitHub."""

    names: dict[int, str] = field(
        default_factory=lambda: {number: f"owner/repo-{number}" for number in range(1, 109)}
    )
    former: dict[str, int] = field(default_factory=dict)

    def rename(self, number: int) -> None:
        if number in self.names:
            self.former[self.names[number]] = number
            self.names[number] += "x"

    def delete(self, number: int) -> None:
        self.names.pop(number, None)

    def stars(self, number: int, at: datetime) -> int:
        slots = (at - START) // EVERY
        return 60_000 - 150 * number + slots * ((number * 7) % 40)

    def repo(self, number: int, at: datetime) -> FakeRepository:
        stars = self.stars(number, at)
        return FakeRepository(
            number, self.names[number], stars, stars // 9, number, "Go", None, START
        )

    def search(self, ranked: RankedList, floor: int, at: datetime) -> list[FakeRepository]:
        found = [self.repo(number, at) for number in self.names if self.stars(number, at) > floor]
        return sorted(found, key=lambda repo: -repo.stars)

    def by_name(self, full_name: str, at: datetime) -> FakeRepository | None:
        known = [number for number, name in self.names.items() if name == full_name]
        return self.repo(known[0], at) if known else None

    def by_id(self, github_id: int, at: datetime) -> FakeRepository | None:
        return self.repo(github_id, at) if github_id in self.names else None

    def renamed(self, full_name: str, at: datetime) -> int | None:
        number = self.former.get(full_name)
        return number if number in self.names else None

    def number(self, full_name: str) -> int:
        """Whose name it is or was."""
        return int(full_name.rpartition("-")[2].rstrip("x"))

    def top(self, at: datetime) -> list[int]:
        return [repo.github_id for repo in self.search(STARS, -1, at)[: lists.SIZE]]


kind = strategies.sampled_from(list(FAULTS))
kinds = strategies.one_of(
    strategies.just([]),
    kind.map(lambda it: [it]),
    strategies.lists(kind, min_size=2, max_size=4),
    # An answer that is not full is asked for once more; then those that vanished are, in vain.
    kind.map(lambda it: ["few missing", "few missing", it]),
    strategies.just(["few missing", "few missing"]),
)
changes = strategies.tuples(
    strategies.sampled_from(["rename", "delete"]), strategies.integers(1, 100)
)
slots = strategies.fixed_dictionaries(
    {
        "kinds": kinds,
        "change": strategies.none() | changes,
        "repeats": strategies.integers(1, 2),
        "skipped": strategies.sampled_from([False] * 7 + [True]),
        "aggregated": strategies.sampled_from([True] * 5 + [False]),
    }
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An empty database with its schema, to copy."""
    path = tmp_path_factory.mktemp("template") / "empty.db"
    with Database(f"sqlite:///{path}") as database:
        database.upgrade()
        database.checkpoint_wal()
    return path.read_bytes()


@pytest.fixture
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    return iter(lambda: tmp_path_factory.mktemp("example"), None)


def start(template: bytes, folder: Path, truth: Any, **changes: Any) -> Simulation:
    (folder / "starboard.db").write_bytes(template)
    configured = Settings(
        database_url=f"sqlite:///{folder}/starboard.db",
        github_api_url="http://github.test",
        lists=(STARS,),
    )
    return Simulation(connect(configured), configured, truth, START, **changes)


@settings(
    max_examples=12,
    phases=[Phase.generate],  # a failure is shown as it is: shrinking takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=strategies.lists(slots, min_size=4, max_size=8), seed=strategies.integers(0, 2**16))
def test_whatever_github_does_what_is_shown_is_true(
    plan: list[dict[str, Any]], seed: int, template: bytes, folders: Iterator[Path]
) -> None:
    truth = Truth()
    here = start(template, next(folders), truth, faults=FaultInjector(seed))
    shown: dict[int, int] = {}  # the last published list: number → stars
    tops: dict[datetime, set[int]] = {}  # who really was on the list at each slot

    with here.database:
        for place, step in enumerate(plan):
            slot = START + place * EVERY
            if step["change"]:
                kind, number = step["change"]
                getattr(truth, kind)(number)
            tops[slot] = set(truth.top(slot))
            here.faults.planned[:] = step["kinds"]
            here.faults.done.clear()
            if not step["skipped"]:
                for _ in range(step["repeats"]):
                    here.poll_all(slot)
            if step["aggregated"]:
                here.aggregate()
                shown = check(here, truth, shown, tops)
        here.faults.planned.clear()
        here.sleep(7200)  # whatever limit was met is over
        last = START + (here.now - START) // EVERY * EVERY + EVERY
        tops[last] = set(truth.top(last))
        here.poll_all(last)
        here.aggregate()
        check(here, truth, shown, tops)
        check_gaps(here, last)

    board = here.board("stars")
    assert board is not None
    assert [(it["full_name"], it["stars"]) for it in board["items"]] == [
        (truth.names[number], truth.stars(number, last)) for number in truth.top(last)
    ]


def check(
    here: Simulation, truth: Truth, before: dict[int, int], tops: dict[datetime, set[int]]
) -> dict[int, int]:
    """Hold what is published against the truth; gives it as number → stars."""
    good = [slot for (_, slot), outcome in here.outcomes.items() if outcome == "good"]
    board = here.board("stars")
    if not good:
        assert board is None
        return {}
    assert board is not None
    as_of = max(good)
    assert board["as_of"] == as_of.strftime("%Y-%m-%dT%H:%M:%SZ")
    received = {s: o for (_, s), o in here.outcomes.items() if o in ("good", "suspect")}
    assert board["suspect"] == (received[max(received)] == "suspect")
    now = {truth.number(item["full_name"]): item["stars"] for item in board["items"]}
    for number, stars in now.items():
        carried_over = number in here.carried_over(as_of)
        assert carried_over or stars == truth.stars(number, as_of), f"a wrong number: {number}"
        assert carried_over or number in tops[as_of], f"an entry that was not there: {number}"
        assert number in before or number in tops[as_of], f"a kept one that was not there: {number}"
    always = set.intersection(*(members for slot, members in tops.items() if slot <= as_of))
    assert not always & before.keys() - now.keys(), "a phantom exit"
    counts = [item["stars"] for item in board["items"]]
    assert counts == sorted(counts, reverse=True)
    assert len(now) == len(board["items"]) <= lists.SIZE
    return now


def check_gaps(here: Simulation, last: datetime) -> None:
    """What went wrong is told: every slot without a good poll is in a gap."""
    with here.database.read() as session:
        report = list_status(session, STARS, EVERY, here.now)
    good = sum(outcome == "good" for outcome in here.outcomes.values())
    assert report["received"] == good
    assert report["expected"] - good == sum(gap["slots"] for gap in report["gaps"])
