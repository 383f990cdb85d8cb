"""GitHub's limits as they are kept."""

from core import clock
from core.rate_limit import Allowance
from store import rate_limits
from store.database import Database
from tests.support.stored import NOON, slot


class TestAnAllowance:
    def test_forbids_nothing_before_there_is_one(self, database: Database) -> None:
        with database.read() as session:
            found = rate_limits.allowance(session, "search")

        assert found == Allowance(next_at=clock.EPOCH, blocked_until=clock.EPOCH)

    def test_is_kept_whole_for_each_resource(self, database: Database) -> None:
        search = Allowance(NOON, slot(1), 2, limit=30, remaining=0, reset_at=slot(2))
        core = Allowance(slot(3), slot(4))
        with database.write() as session:
            rate_limits.save_allowance(
                session, "search", Allowance(slot(9), slot(9), 9, 9, 9, slot(9))
            )
            rate_limits.save_allowance(session, "core", core)

        with database.write() as session:
            rate_limits.save_allowance(session, "search", search)

        with Database(str(database.engine.url)) as another, another.read() as session:
            found = [rate_limits.allowance(session, name) for name in ("search", "core")]
        assert found == [search, core]
