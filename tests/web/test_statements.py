"""What anybody may ask for costs a handful of SQL statements, whatever the number of lists."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from core import lists
from monitoring import status
from store.database import Database
from tests.support.common import MakeApp
from tests.support.served import BUILT, publish
from tests.support.stored import NOON, plans, put, repo, statements

pytestmark = [
    pytest.mark.usefixtures("now"),
    pytest.mark.parametrize("make_app", ["by Flask"], indirect=True),
]

ALL = tuple(lists.KNOWN.values())
TEN = [f"Quiet/Harbor-{number}" for number in range(1, 11)]


@pytest.fixture
def busy(database: Database, make_app: MakeApp) -> FlaskClient:
    """A client of an app with all lists, each of other repositories, of which some left."""
    for number, ranked in enumerate(ALL):
        for hours in (25, 2, 1, 0):
            here = [repo(it) for it in range(1, 12 - hours // 2)]
            there = [repo(it) for it in (100 * number + 50, 100 * number + 51)]
            put(database, *there, *here, at=NOON - timedelta(hours=hours), ranked=ranked)
    client = make_app(lists=ALL, watch=("a/b", "c/d", "e/f")).test_client()
    publish(client, BUILT)
    return client


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/api/v1/status", 8),
        ("/status", 8),
        ("/metrics", 8),
        (f"/compare?repos={','.join(TEN)}&window=1h", 11),
        (f"/compare?repos={','.join(TEN[:9])},No/Body", 11),
        ("/api/v1/repos/Quiet/Harbor-1", 15),
        ("/api/v1/lists", 2),
    ],
)
def test_a_handful(busy: FlaskClient, path: str, most: int) -> None:
    busy.get(path)
    with statements(busy.application.extensions["database"]) as told:
        response = busy.get(path)

    assert response.status_code == 200
    assert 0 < len(told) <= most, "\n".join(told)


def test_the_status_is_made_once_a_second(
    busy: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [100.0]
    monkeypatch.setattr(status.time, "monotonic", lambda: seconds[0])
    busy.application.extensions["status"].kept_for = status.KEPT
    with statements(busy.application.extensions["database"]) as told:
        for path in ("/api/v1/status", "/status", "/metrics", "/api/v1/status"):
            assert busy.get(path).status_code == 200
        once = len(told)
        seconds[0] += status.KEPT
        busy.get("/metrics")

    assert 0 < once <= 8
    assert len(told) == 2 * once


GROWING = ("poll", "placement", "reading")  # tables with rows of seven years
PAGES = (
    *("/", "/?list=python&order=percent", "/?at=2026-03-01T11:30:00Z", "/status", "/metrics"),
    *("/repos/Quiet/Harbor-1", "/charts/Quiet/Harbor-1.svg?show=rank", "/compare"),
    *("/api/v1/repos/Quiet/Harbor-1", "/api/v1/repos/Quiet/Harbor-1/history"),
    *(f"/charts.svg?repos={','.join(TEN)}", "/api/v1/lists/stars?at=2026-03-01T11:30:00Z"),
    *("/search?q=harbor", "/feeds/stars.atom"),
)


@pytest.mark.sqlite
def test_neither_pages_nor_builds_read_all_of_a_table_that_grows(busy: FlaskClient) -> None:
    with plans(busy.application.extensions["database"]) as told:
        for minutes in (1, 2):  # of all lists, and of none that changed
            publish(busy, BUILT + timedelta(minutes=minutes))
        for path in PAGES:
            assert busy.get(path).status_code == 200, path

    assert told
    assert [step for step in told if step.startswith(_SCANS)] == []


_SCANS = tuple(f"SCAN {table}" for table in GROWING)  # and its aliases, poll_1 and so on
