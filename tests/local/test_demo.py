"""The past that the demo makes up."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from core import clock, lists
from core.clock import DAY, HOUR
from core.windows import WINDOWS
from local import demo
from local.fake_github.worlds import MadeUpWorld
from local.run import DEMO
from models import Document, List, Placement, Poll
from monitoring import status
from settings import Settings, from_environment
from store import builds, snapshots
from store.database import Database
from tests.support.common import MakeSettings

MINUTE = timedelta(minutes=1)
NOW = datetime(2026, 3, 10, 12, 34, 56, tzinfo=UTC)


def at(text: str) -> datetime:
    return clock.parse(f"{text}:00Z")


class TestPastSlots:
    def test_are_days_then_three_hours_then_ten_minutes_apart_up_to_the_current_slot(
        self,
    ) -> None:
        slots = demo.past_slots(NOW, MINUTE)

        days = [at("2026-02-03T12:00") + number * DAY for number in range(35)]
        threes = [at("2026-03-09T09:34") + number * 3 * HOUR for number in range(9)]
        tens = [at("2026-03-10T11:24") + number * 10 * MINUTE for number in range(7)]
        assert slots == sorted([*days, *threes, *tens])

    @pytest.mark.parametrize("days", [7, 30])
    def test_have_one_where_each_window_of_days_begins(self, days: int) -> None:
        window = next(it for it in WINDOWS if it.length == days * DAY)

        assert window.start(NOW) in demo.past_slots(NOW, MINUTE)

    @pytest.mark.parametrize("minutes", [1, 10, 60])
    def test_are_slots_of_the_interval_each_once_and_in_order(self, minutes: int) -> None:
        every = minutes * MINUTE

        slots = demo.past_slots(NOW, every)

        assert slots == sorted({clock.floor(slot, every) for slot in slots})
        assert slots[-1] < clock.floor(NOW, every)


class TestFill:
    @pytest.fixture
    def settings(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
        for name, value in {
            "DATABASE_URL": settings.database_url,
            "LISTS": "python,rust",
            "POLL_MINUTES": "10",
            "AGGREGATE_MINUTES": "15",
            "GITHUB_TOKEN": "",
            "DYNO": "",
        }.items():
            monkeypatch.setenv(name, value)
        return from_environment()

    def test_polls_all_lists_at_moments_gone_by(
        self, database: Database, settings: Settings
    ) -> None:
        slots = [at("2026-03-09T12:30"), at("2026-03-10T11:30"), at("2026-03-10T12:30")]

        demo.fill(slots)

        with database.read() as session:
            columns = (Poll.list_id, Poll.slot, Poll.outcome, Poll.fetched_at, Poll.rows)
            polls = [tuple(row) for row in session.execute(select(*columns))]
        assert sorted(polls) == [
            (list_id, slot, "good", slot, 100) for list_id in (1, 2) for slot in slots
        ]

    def test_stores_what_the_made_up_world_was_like_then(
        self, database: Database, settings: Settings
    ) -> None:
        slots = [at("2026-02-01T00:00"), at("2026-03-01T00:00")]

        demo.fill(slots)

        world = MadeUpWorld()
        with database.read() as session:
            first = select(Placement.stars).where(Placement.list_id == 1, Placement.rank == 1)
            stars = list(session.scalars(first.order_by(Placement.slot)))
        assert stars == [world.search(lists.KNOWN["python"], 0, it)[0].stars for it in slots]
        assert stars[0] < stars[1]

    def test_is_not_held_up_by_githubs_limits(
        self, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LISTS", ",".join(list(lists.KNOWN)[:11]))
        monkeypatch.setenv("POLL_MINUTES", "60")

        demo.fill([at("2026-03-10T12:00")])

        with database.read() as session:
            assert list(session.scalars(select(Poll.outcome))) == ["good"] * 11

    def test_gives_what_gains_are_told_against(
        self, database: Database, settings: Settings
    ) -> None:
        demo.fill([at("2026-03-09T12:30"), at("2026-03-10T11:30"), at("2026-03-10T12:30")])

        builds.aggregate_lists(database, settings, NOW)

        with database.read() as session:
            body = session.get_one(Document, "lists/python").body.decode()
        assert body.count('"since":"2026-03-10T11:30:00Z"') >= 90  # 1h
        assert body.count('"since":"2026-03-09T12:30:00Z"') >= 90  # 24h

    def test_fills_all_lists_of_the_demo(
        self, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("LISTS", "GITHUB_TOKEN"):
            monkeypatch.setenv(name, DEMO[name])
        slots = [at("2026-03-09T12:30"), at("2026-03-10T12:30")]

        demo.fill(slots)

        with database.read() as session:
            rows = select(List.slug, Poll.outcome, Poll.rows).join(Poll, Poll.list_id == List.id)
            found = {tuple(row) for row in session.execute(rows.where(Poll.slot == slots[1]))}
        full = ("stars", "forks", "python", "rust", "go", "topic-llm", "new-30d")
        assert found == {
            *((slug, "good", 100) for slug in full),
            ("owner-parcel-labs", "good", 40),
            ("followed", "good", 5),
            ("collection-picks", "good", 5),
        }

    def test_twice_is_as_good_as_once(self, database: Database, settings: Settings) -> None:
        slots = [at("2026-03-10T12:20"), at("2026-03-10T12:30")]
        demo.fill(slots)

        demo.fill(slots)

        with database.read() as session:
            assert len(session.scalars(select(Poll)).all()) == 4


def test_the_made_up_past_was_never_expected_and_the_current_slot_is_done(
    database: Database, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, earlier = make_settings(), NOW - 10 * MINUTE
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("LISTS", "stars")
    monkeypatch.setattr(demo, "past_slots", lambda now, every: [earlier])
    monkeypatch.setattr(clock, "now", lambda: NOW)
    demo.main()

    with database.read() as session:
        found = status.list_status(session, settings.lists[0], 10 * MINUTE, NOW)
        past = snapshots.snapshot(session, settings.lists[0], earlier)
        board = session.get(Document, "lists/stars")

    assert (found["expected"], found["received"], found["gaps"]) == (1, 1, [])
    assert past is not None
    assert len(past.standings) == lists.SIZE
    assert board is not None
    assert board.as_of == clock.floor(NOW, 10 * MINUTE)
