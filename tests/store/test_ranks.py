"""Ranks over time are read along the primary key of placements."""

from core.clock import DAY, HOUR
from store import ranks
from store.database import Database
from tests.support.stored import NOON, STARS, put, repo, statements


def test_it_reads_no_more_than_the_rows_of_its_slots(database: Database) -> None:
    """By the primary key (list, slot, rank): no index more, no scan of what others were polled."""
    for hours in range(30):
        put(database, repo(1), repo(2), at=NOON - hours * HOUR)
    with database.read() as session:
        slots = ranks.slots(session, STARS, NOON - DAY, NOON, HOUR)
        with statements(database) as told:
            found = ranks.ranks(session, STARS, 1, slots)
        sql = next(it for it in told if "placement" in it)
        connection = session.connection()
        if connection.dialect.name == "sqlite":
            values = (1, *(int(it.timestamp()) for it in slots), 1)
            plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all())
            assert "SEARCH placement USING PRIMARY KEY (list_id=? AND slot=?)" in plan
    assert len(found) == 24
