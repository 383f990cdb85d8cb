"""What is old is thinned out, and no answer at its resolution tells."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies
from sqlalchemy import select
from sqlalchemy.orm import Session

import app as web
import jobs
import models
from core import clock, lists
from core.clock import DAY, HOUR
from core.plausibility import Member
from core.windows import WINDOWS
from history import thinning
from models import Placement, Poll, Reading
from settings import Settings
from store import builds, list_ids
from store.database import Database, connect, insert_rows
from store.polls import record_gap, store_poll
from tests.support.common import MakeSettings
from tests.support.github import repo

NOW = datetime(2026, 3, 10, 12, 34, 56, tzinfo=UTC)
STEP = timedelta(minutes=10)
MINUTE = timedelta(minutes=1)
STARS, PYTHON = lists.KNOWN["stars"], lists.KNOWN["python"]
HOURLY, DAILY = clock.floor(NOW - 2 * DAY, HOUR), clock.floor(NOW - 90 * DAY, DAY)
CURRENT = clock.floor(NOW, STEP)


def at(text: str) -> datetime:
    return clock.parse(f"{text}:00Z")


def good(session: Session, slot: datetime, *ids: int, ranked: Any = STARS) -> None:
    """A poll of these repositories, whose counts tell the slot."""
    told = (slot - datetime(2020, 1, 1, tzinfo=UTC)) // STEP
    members = [repo(it, stars=2 * told + 7 * it % 13, forks=told % 9_973) for it in ids]
    members.sort(key=lambda it: -it.count(ranked))
    store_poll(session, ranked, slot, slot + MINUTE, [Member(it) for it in members], None)


def imported(session: Session, slot: datetime, *ids: int) -> None:
    """The same as the archive has it; a repository must have been seen."""
    seconds, list_id = int(slot.timestamp()), list_ids.list_id_or_new(session, "stars")
    rows = [(it, seconds, seconds // 60_000 + it, 3, 3) for it in sorted(ids)]
    columns = ("repository_id", "slot", "stars", "forks", "open_issues")
    poll = (list_id, seconds, "imported", 1000 * seconds, len(ids))
    insert_rows(session, Poll, ("list_id", "slot", "outcome", "fetched_at", "rows"), [poll])
    placements = [(list_id, rank, False, *row) for rank, row in enumerate(rows, 1)]
    insert_rows(session, Placement, ("list_id", "rank", "carried_over", *columns), placements)
    insert_rows(session, Reading, columns, rows)


def put(database: Database, outcome: str, *times: str) -> None:
    for time in times:
        with database.write() as session:
            if outcome == models.GOOD:
                good(session, at(time), 1)
            elif outcome == models.IMPORTED:
                imported(session, at(time), 1)
            elif outcome == models.SUSPECT:
                doubt = "incomplete"
                store_poll(session, STARS, at(time), at(time), [Member(repo())], doubt)
            else:
                record_gap(session, STARS, at(time), outcome, at(time), "why")


def slots(database: Database, table: Any) -> list[str]:
    with database.read() as session:
        found = session.scalars(select(table.slot).distinct().order_by(table.slot))
        return [f"{slot:%Y-%m-%dT%H:%M}" for slot in found]


def everything(database: Database) -> list[list[tuple[Any, ...]]]:
    with database.read() as session:
        return [
            [tuple(row) for row in session.execute(select(table.__table__))]
            for table in (Reading, Poll, Placement)
        ]


# What stays


class TestStays:
    def test_the_last_of_each_hour_up_to_its_end_after_two_days(self, database: Database) -> None:
        hour = ("2026-03-07T10:00", "2026-03-07T10:10", "2026-03-07T10:50", "2026-03-07T11:00")
        put(database, models.GOOD, *hour, "2026-03-07T11:10")

        gone = thinning.thin(database, NOW)

        left = ["2026-03-07T10:00", "2026-03-07T11:00", "2026-03-07T11:10"]
        assert gone == {"readings": 2, "polls": 2}
        assert [slots(database, it) for it in (Reading, Poll, Placement)] == [left] * 3

    def test_the_last_of_each_day_up_to_its_midnight_after_ninety(self, database: Database) -> None:
        day = ("2025-12-01T00:00", "2025-12-01T00:10", "2025-12-01T17:20", "2025-12-02T00:00")
        put(database, models.GOOD, *day, "2025-12-02T09:00", "2025-12-02T23:50")

        thinning.thin(database, NOW)

        left = ["2025-12-01T00:00", "2025-12-02T00:00", "2025-12-02T23:50"]
        assert [slots(database, it) for it in (Reading, Poll, Placement)] == [left] * 3

    @pytest.mark.parametrize(
        ("times", "left"),
        [
            (["2026-03-08T11:50", "2026-03-08T12:00"], ["2026-03-08T12:00"]),
            (["2026-03-08T12:10", "2026-03-08T12:20"], ["2026-03-08T12:10", "2026-03-08T12:20"]),
            (["2025-12-09T23:00", "2025-12-10T00:00"], ["2025-12-10T00:00"]),
            (["2025-12-10T01:00", "2025-12-10T02:00"], ["2025-12-10T01:00", "2025-12-10T02:00"]),
        ],
    )
    def test_everything_of_an_hour_or_a_day_that_is_not_over_by_then(
        self, database: Database, times: list[str], left: list[str]
    ) -> None:
        put(database, models.GOOD, *times)

        thinning.thin(database, NOW)

        assert slots(database, Reading) == slots(database, Poll) == left

    @pytest.mark.parametrize(
        ("outcomes", "left"),
        [
            ("good good suspect", 1),
            ("good failed missed", 0),
            ("suspect good failed", 1),
            ("suspect suspect failed", 2),
            ("failed suspect", 1),
        ],
    )
    def test_the_last_good_poll_or_else_the_last(
        self, database: Database, outcomes: str, left: int
    ) -> None:
        times = ["2026-03-07T10:10", "2026-03-07T10:20", "2026-03-07T10:30"]
        for outcome, time in zip(outcomes.split(), times, strict=False):
            put(database, outcome, time)

        thinning.thin(database, NOW)

        assert slots(database, Poll) == [times[left]]

    def test_an_imported_day_before_what_failed_later_on_it(self, database: Database) -> None:
        put(database, models.GOOD, "2026-03-10T12:00")
        put(database, models.FAILED, "2025-11-30T09:00", "2025-12-01T00:00")
        put(database, models.IMPORTED, "2025-11-30T00:00", "2025-11-29T00:00")

        thinning.thin(database, NOW)

        assert slots(database, Reading)[:2] == ["2025-11-29T00:00", "2025-11-30T00:00"]
        assert slots(database, Poll)[:3] == [
            "2025-11-29T00:00",
            "2025-11-30T00:00",
            "2025-12-01T00:00",
        ]

    def test_what_a_second_run_finds(self, database: Database) -> None:
        put(database, models.GOOD, "2026-03-07T10:10", "2026-03-07T10:20", "2025-01-02T03:00")
        thinning.thin(database, NOW)
        before = everything(database)

        gone = thinning.thin(database, NOW)

        assert gone == {"readings": 0, "polls": 0}
        assert everything(database) == before

    def test_a_list_of_its_own(self, database: Database) -> None:
        with database.write() as session:
            good(session, at("2026-03-07T10:10"), 1, ranked=PYTHON)
            good(session, at("2026-03-07T10:20"), 1, ranked=STARS)

        gone = thinning.thin(database, NOW)

        assert gone == {"readings": 1, "polls": 0}

    def test_more_repositories_than_one_transaction_takes(self, database: Database) -> None:
        with database.write() as session:
            for number in range(3):
                for time in ("2026-03-07T10:10", "2026-03-07T10:20"):
                    good(session, at(time), *range(100 * number, 100 * number + 90))
                    session.execute(models.Poll.__table__.delete())
                    session.execute(Placement.__table__.delete())

        assert thinning.thin(database, NOW)["readings"] == 270


def test_the_job_thins_as_of_now(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database, models.GOOD, "2026-03-07T10:10", "2026-03-07T10:20")
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setattr(clock, "now", lambda: NOW)

    jobs.thin()

    assert slots(database, Reading) == ["2026-03-07T10:20"]


# At random


class Stopped(Exception):
    """The process is killed here."""


@dataclass
class Killed:
    """A database whose process ends with some write, before or after it is committed."""

    database: Database
    writes: int
    committed: bool
    done: int = field(default=0)

    def read(self) -> Any:
        return self.database.read()

    @contextmanager
    def write(self, *what: str) -> Iterator[Session]:
        self.done += 1
        with self.database.write() as session:
            yield session
            if self.done == self.writes and not self.committed:
                raise Stopped
        if self.done == self.writes:
            raise Stopped


ages = strategies.sampled_from([0, 1, 2, 3, 7, 14, 30, 60, 89, 90, 91, 180, 365, 400, 730])
bursts = strategies.fixed_dictionaries(
    {
        "days": ages,
        "slots": strategies.integers(-150, 150),  # so far beside that age
        "polls": strategies.lists(
            strategies.tuples(
                strategies.integers(1, 5),  # slots later
                strategies.sampled_from(
                    [models.GOOD] * 6 + [models.SUSPECT, models.FAILED, models.IMPORTED]
                ),
                strategies.lists(strategies.integers(1, 4), min_size=1, unique=True),
                strategies.booleans(),  # Python's list, too
            ),
            min_size=3,
            max_size=9,
        ),
    }
)
spans = strategies.tuples(
    strategies.integers(0, 8),  # which burst
    strategies.integers(0, 25),  # slots after its start
    strategies.integers(0, 599),  # seconds
    strategies.integers(1, 300),  # hours or days long
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
def new_settings(template: bytes, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Settings with an empty database of their own, for one example each."""

    def make() -> Settings:
        path = tmp_path_factory.mktemp("example") / "starboard.db"
        path.write_bytes(template)
        return Settings(
            database_url=f"sqlite:///{path}",
            redis_url="redis://127.0.0.1:1/0",
            lists=(STARS, PYTHON),
            log_level="critical",
        )

    return make


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """An app sets up logging; what was there comes back."""
    before = list(logging.root.handlers)
    yield
    logging.root.handlers[:] = before


def fill(database: Database, plan: list[dict[str, Any]]) -> None:
    """Polls long ago, as planned, and the present with all."""
    chosen: dict[datetime, tuple[str, list[int], bool]] = {}
    for burst in plan:
        slot = CURRENT - burst["days"] * DAY + burst["slots"] * STEP
        for later, outcome, ids, both in burst["polls"]:
            slot += later * STEP
            if slot < CURRENT:
                chosen[slot] = outcome, ids, both
    with database.write() as session:
        good(session, CURRENT - 1_000 * DAY, 1, 2, 3, 4)
        for slot, (outcome, ids, both) in sorted(chosen.items()):
            if outcome == models.IMPORTED:
                imported(session, clock.floor(slot, DAY), *ids)
            elif outcome == models.FAILED:
                record_gap(session, STARS, slot, outcome, slot, "refused")
            elif outcome == models.SUSPECT:
                there = [Member(repo(it)) for it in ids]
                store_poll(session, STARS, slot, slot + MINUTE, there, "incomplete")
            else:
                good(session, slot, *ids)
                if both:
                    good(session, slot, *ids[:2], ranked=PYTHON)
        for ranked in (STARS, PYTHON):
            good(session, CURRENT, 1, 2, 3, 4, ranked=ranked)


def answers(configured: Settings, spans: list[tuple[datetime, int]]) -> dict[str, Any]:
    """What every endpoint gives that thinning must not change, by its URL."""
    site = web.create_app(configured)
    database, client = site.extensions["database"], site.test_client()
    urls = [f"/api/v1/{kind}?list=stars" for kind in ("languages", "owners")]
    urls += ["/api/v1/lists", "/api/v1/events?limit=1000"]
    for slug in ("stars", "python"):
        urls += [f"/api/v1/lists/{slug}"]
        urls += [f"/api/v1/lists/{slug}/movers?window={window.name}" for window in WINDOWS]
    histories = [f"/api/v1/repos/Quiet/Harbor-{it}" for it in range(1, 5)]
    urls += histories
    for chosen, length in spans:
        # An end amid a step takes what was last before it, which thinning does not keep.
        end = clock.floor(chosen, DAY if chosen < DAILY + DAY else HOUR) + timedelta(seconds=1)
        for step, start in (("1h", end - length * HOUR), ("1d", end - length * DAY)):
            if step == "1d" or start >= DAILY:
                query = f"from={start:%Y-%m-%dT%H:%M:%SZ}&to={end:%Y-%m-%dT%H:%M:%SZ}&step={step}"
                urls += [f"{history}/history?{query}" for history in histories]
        then = clock.floor(end, DAY if end < DAILY + DAY else HOUR)
        if then <= HOURLY:
            urls.append(f"/api/v1/lists/stars?at={then:%Y-%m-%dT%H:%M:%SZ}")
    with database:
        builds.aggregate_lists(database, configured, NOW)
        given = {}
        for url in urls:
            response = client.get(url)
            given[url] = (response.status_code, json.loads(response.data))
            if "?at=" in url and response.status_code == 200:
                for item in given[url][1]["items"]:
                    del item["gains"]  # of their own below
    site.extensions["redis"].close()
    return given


@settings(
    max_examples=15,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    plan=strategies.lists(bursts, min_size=4, max_size=9),
    chosen=strategies.lists(spans, min_size=4, max_size=8),
    nights=strategies.lists(strategies.integers(0, 60), max_size=3),
    kill=strategies.tuples(strategies.integers(1, 6), strategies.booleans()),
)
def test_thinning_changes_no_answer_and_leaves_one_a_step_however_often_it_is_killed(
    plan: list[dict[str, Any]],
    chosen: list[tuple[int, int, int, int]],
    nights: list[int],
    kill: tuple[int, bool],
    new_settings: Callable[[], Settings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    configured = new_settings()
    starts = [CURRENT - it["days"] * DAY + it["slots"] * STEP for it in plan]
    spans = [
        (starts[burst % len(starts)] + slots * STEP + timedelta(seconds=seconds), length)
        for burst, slots, seconds, length in chosen
    ]
    with connect(configured) as database:
        fill(database, plan)
        full = everything(database)
        before = answers(configured, spans)

        for days in sorted(nights, reverse=True):
            thinning.thin(database, NOW - days * DAY)
        with pytest.raises(Stopped):
            while True:
                thinning.thin(Killed(database, *kill), NOW)  # type: ignore[arg-type]
                kill = (kill[0] - 1, kill[1])  # it had fewer writes: sooner
        thinning.thin(database, NOW)

        assert everything(database) == [thinned(rows) for rows in full[:1]] + kept_polls(full)
        assert answers(configured, spans) == before


def step_of(slot: datetime) -> object:
    """The span of which one stays."""
    if slot > HOURLY:
        return slot
    return ("day", clock.ceil(slot, DAY)) if slot <= DAILY else ("hour", clock.ceil(slot, HOUR))


def thinned(readings: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    last = {(row[0], step_of(row[1])): row for row in sorted(readings, key=lambda it: it[:2])}
    return sorted(last.values(), key=lambda it: it[:2])


def kept_polls(full: list[list[tuple[Any, ...]]]) -> list[list[tuple[Any, ...]]]:
    """Polls and placements as they are to be: of each step the last good one, or else the last."""
    _, polls, placements = full
    best: dict[object, tuple[Any, ...]] = {}
    for poll in sorted(polls, key=lambda it: (it[2] in ("good", "imported"), it[1])):
        best[poll[0], step_of(poll[1])] = poll
    keys = {poll[:2] for poll in best.values()}
    return [sorted(best.values()), [row for row in placements if row[:2] in keys]]


def test_a_series_without_a_start_begins_where_it_did(
    database: Database, make_settings: MakeSettings
) -> None:
    put(database, models.GOOD, "2026-03-07T10:10", "2026-03-07T11:00")
    client = web.create_app(make_settings()).test_client()
    before = client.get("/api/v1/repos/quiet/harbor-1/history?step=1h&to=2026-03-08").json

    thinning.thin(database, NOW)

    assert client.get("/api/v1/repos/quiet/harbor-1/history?step=1h&to=2026-03-08").json == before
