"""The readings and ranks that gains are told against."""

from datetime import UTC, datetime, timedelta

import pytest

from core.clock import DAY, HOUR
from core.windows import Baselines, Counts
from store import baselines
from store.database import Database
from tests.support.stored import MINUTE, NOON, PYTHON, STEP, plans, put, repo, statements


def history(database: Database, *ids: int, as_of: datetime = NOON) -> Baselines:
    with database.read() as session:
        return baselines.baselines_of(session, 1, ids, as_of)


class TestHistory:
    AS_OF = datetime(2026, 3, 1, 12, 20, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("window", "start"),
        [
            ("1h", AS_OF - HOUR),
            ("24h", AS_OF - DAY),
            ("7d", datetime(2026, 2, 22, 12, tzinfo=UTC)),
            ("30d", datetime(2026, 1, 30, 12, tzinfo=UTC)),
            ("365d", datetime(2025, 3, 1, tzinfo=UTC)),
        ],
    )
    def test_a_baseline_is_the_latest_reading_at_or_before_the_windows_start(
        self, database: Database, window: str, start: datetime
    ) -> None:
        put(database, repo(1, stars=1), repo(2, stars=1), at=start - STEP)
        put(database, repo(1, stars=2), at=start)
        put(database, repo(1, stars=3), repo(2, stars=3), at=start + STEP)

        found = history(database, 1, 2, as_of=self.AS_OF)

        mine = {key[1]: counts for key, counts in found.baselines.items() if key[0] == window}
        assert mine == {1: Counts(start, 2, 1, 3), 2: Counts(start - STEP, 1, 2, 3)}

    def test_is_of_the_repositories_asked_for_only(self, database: Database) -> None:
        put(database, repo(1), repo(2), at=NOON - HOUR)

        found = history(database, 2)

        assert found == Baselines({("1h", 2): Counts(NOON - HOUR, 998, 2, 3)}, {("1h", 2): 2})

    def test_has_ranks_of_good_polls_of_this_list_only(self, database: Database) -> None:
        hour, day = NOON - HOUR, NOON - DAY
        put(database, repo(1), repo(2), at=hour)
        put(database, repo(2), repo(1), at=hour, ranked=PYTHON)
        put(database, repo(1), repo(2), at=day, doubt="incomplete")
        put(database, repo(1), repo(2), at=day, ranked=PYTHON)

        found = history(database, 1, 2)

        assert found.ranks == {("1h", 1): 1, ("1h", 2): 2}
        assert {key for key in found.baselines if key[1] == 1} == {("1h", 1), ("24h", 1)}

    @pytest.mark.parametrize(("before", "known"), [(MINUTE, True), (HOUR + MINUTE, False)])
    def test_has_the_rank_of_the_last_good_poll_where_the_list_has_none_at_the_reading(
        self, database: Database, before: timedelta, known: bool
    ) -> None:
        put(database, repo(1), repo(2), at=NOON - HOUR - before)
        put(database, repo(1), at=NOON - HOUR, ranked=PYTHON)

        found = history(database, 1)

        assert found.ranks.get(("1h", 1)) == (1 if known else None)

    @pytest.mark.sqlite
    def test_reads_each_baseline_and_rank_with_a_seek(self, database: Database) -> None:
        put(database, repo(1), at=NOON - HOUR)

        with plans(database) as plan:
            history(database, 1)

        reads = [step for step in plan if step.startswith(("SCAN", "SEARCH"))]
        assert [step for step in reads if step.startswith("SCAN")] == []
        assert "SEARCH reading_1 USING PRIMARY KEY (repository_id=? AND slot<?)" in reads
        assert "SEARCH reading USING PRIMARY KEY (repository_id=? AND slot=?)" in reads


def test_of_several_each_at_a_moment_of_its_own_are_the_same_in_three_statements(
    database: Database,
) -> None:
    for hours in (0, 1, 2, 24, 25, 24 * 7, 24 * 7 + 3, 24 * 31, 24 * 366):
        at = NOON - hours * HOUR
        members = [repo(1, stars=hours), repo(2), repo(3)][hours % 3 :]
        put(database, *members, at=at)
        put(database, *reversed(members), at=at - STEP, doubt="incomplete" if hours % 2 else None)
    moments = {1: NOON - HOUR, 2: NOON, 3: NOON - DAY, 4: NOON}

    with database.read() as session:
        session.connection()
        with statements(database) as told:
            found = baselines.baselines_at(session, 1, moments)
        each = [baselines.baselines_of(session, 1, [it], at) for it, at in moments.items()]

    assert len(told) == 3
    assert found.baselines == {key: it for one in each for key, it in one.baselines.items()}
    assert found.ranks == {key: it for one in each for key, it in one.ranks.items()}
    assert len(found.baselines) > 8
    assert len(found.ranks) > 4
