"""Hours in which nothing happened are merged, and no answer tells."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from sqlalchemy import delete, func, select

from core.clock import DAY, HOUR
from core.plausibility import Member
from history import merging, thinning
from models import Progress, Reading
from store import readings, repositories
from store.baselines import baselines_at, baselines_of
from store.database import Database, insert_rows
from store.repositories import store_repositories
from tests.support.stored import repo

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + 100 * DAY
STEP = timedelta(minutes=10)
QUIET = strategies.tuples(
    strategies.integers(0, 2),  # the stars
    strategies.integers(1, 60),  # how often they are read
    strategies.sampled_from([STEP, HOUR, HOUR, HOUR]),  # and how far apart
    strategies.sampled_from([timedelta(), STEP, 3 * HOUR]),  # the gap behind them
)


def put(database: Database, stretches: Any, phase: timedelta) -> None:
    rows, at = [], START + phase
    for stars, times, apart, gap in stretches:
        for _ in range(times):
            rows.append((1, int(at.timestamp()), stars, 0, None))
            at += apart
        at += gap
    with database.write() as session:
        session.execute(delete(Reading))
        session.execute(delete(Progress))
        columns = ("repository_id", "slot", "stars", "forks", "open_issues")
        insert_rows(session, Reading, columns, rows)


def told(database: Database, now: datetime) -> Any:
    """What readers see of the repository at a resolution that thinning leaves."""
    with database.read() as session:
        moments = [now - number * 7 * HOUR for number in (0, 5, 23)]
        newest = repositories.found_repositories(session, [repo(1).full_name])
        return (
            [baselines_of(session, None, [1], at) for at in moments],
            [baselines_at(session, None, {1: at}) for at in moments],
            [
                readings.series(session, 1, now - age, now - end, step)
                for step, age in ((HOUR, 90 * DAY), (DAY, 200 * DAY), (DAY, 6 * DAY))
                for end in (timedelta(), 3 * DAY + STEP)
            ],
            [it.standing.counts for it in newest.values()],
        )


@pytest.fixture
def known(database: Database) -> Database:
    with database.write() as session:
        store_repositories(session, [Member(repo(1))], START)
    return database


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stretches=strategies.lists(QUIET, min_size=1, max_size=4),
    phase=strategies.sampled_from([timedelta(), 2 * STEP]),
    nights=strategies.lists(strategies.integers(2, 100), min_size=1, max_size=2),
)
def test_readings_that_stand_for_several_are_told_like_those_several(
    known: Database, stretches: Any, phase: timedelta, nights: list[int]
) -> None:
    found = []
    for merges in (False, True):
        put(known, stretches, phase)
        with pytest.MonkeyPatch.context() as patch:
            if not merges:
                patch.setattr(thinning, "merge_quiet", lambda *_: 0)
            for night in sorted(nights):
                thinning.thin(known, START + night * DAY + 3 * HOUR)
        found.append(told(known, START + max(nights) * DAY + 3 * HOUR))

    assert found[1] == found[0]


def test_a_year_of_a_quiet_repository_is_one_row(known: Database) -> None:
    put(known, [(5, 365 * 24, HOUR, timedelta())], 2 * STEP)

    thinning.thin(known, START + 367 * DAY)

    with known.read() as session:
        [row] = session.scalars(select(Reading)).all()
        assert row.last_slot - row.slot == 365 * DAY - HOUR


def test_a_gap_stays_one(known: Database) -> None:
    put(known, [(5, 24, HOUR, HOUR), (5, 24, HOUR, timedelta())], timedelta())

    thinning.thin(known, START + 10 * DAY)

    with known.read() as session:
        spans = [(it.slot, it.last_slot) for it in session.scalars(select(Reading))]
    assert spans == [
        (START, START + 23 * HOUR),
        (START + 25 * HOUR, START + 48 * HOUR),
    ]


def test_what_a_list_told_is_never_merged(known: Database) -> None:
    put(known, [(5, 48, HOUR, timedelta())], timedelta())
    with known.write() as session:
        list_id = readings.list_id_of(session, "stars")
        assert list_id is None
        session.connection().exec_driver_sql("INSERT INTO list (id, slug) VALUES (1, 'stars')")
        session.connection().exec_driver_sql("UPDATE reading SET list_id = 1")

    assert merging.merge_quiet(known, [1], START - HOUR, NOW) == 0


def test_a_day_of_the_archive_within_them_is_told_once(known: Database) -> None:
    put(known, [(5, 80, HOUR, timedelta())], timedelta())
    thinning.thin(known, START + 10 * DAY)
    with known.write() as session:
        row = (1, int((START + DAY).timestamp()), 4, 0, None)
        columns = ("repository_id", "slot", "stars", "forks", "open_issues")
        insert_rows(session, Reading, columns, [row])
        readings.drop_covered(session, Reading.repository_id == 1)

    with known.read() as session:
        assert session.scalar(select(func.count()).select_from(Reading)) == 1
