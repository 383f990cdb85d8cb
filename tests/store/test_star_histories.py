"""Star histories take little room."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core import lists
from core.star_history import pack
from local.fake_github.worlds import MadeUpWorld
from models import Repository, StarHistory
from settings import Settings
from store.database import connect

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MANY, KINDS = 10_000, 100


@pytest.mark.sqlite
def test_ten_thousand_take_fifty_megabytes_at_most(tmp_path: Path) -> None:
    world, file = MadeUpWorld(languages=["Python"]), tmp_path / "histories.db"
    busiest = world.search(lists.KNOWN["stars"], 0, AT)[:KINDS]  # those of most stars and days
    histories = [world.star_days(it, AT) for it in busiest]
    packed = [pack(it) for it in histories]

    with connect(Settings(database_url=f"sqlite:///{file}")) as database:
        database.upgrade()
        with database.write() as session:
            ids = range(1, MANY + 1)
            for id in ids:
                name = f"quiet/harbor-{id}"
                session.add(
                    Repository(id=id, full_name=name, html_url=f"https://x/{name}", seen_at=AT)
                )
            session.flush()
        before = size(file, database)
        with database.write() as session:
            for id in ids:
                row = StarHistory(repository_id=id, days=packed[id % KINDS], read_at=AT)
                row.pages_read = row.pages = 14
                session.add(row)
        megabytes = (size(file, database) - before) / 1e6

    days = sum(len(it.counts) for it in histories) / KINDS
    assert days > 1500  # or it would prove nothing
    assert megabytes < 50
    assert all(len(data) < 2 * len(it.counts) for data, it in zip(packed, histories, strict=True))
    print(f"{MANY} of {days:.0f} days each: {megabytes:.1f} MB")


def size(file: Path, database: object) -> int:
    database.checkpoint_wal()  # type: ignore[attr-defined]
    return file.stat().st_size
