"""Days that ended since a history was read are asked for once somebody looks at it."""

from datetime import date, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from core import clock
from core.clock import DAY, HOUR
from models import Follow
from store import follows
from tests.support.common import MakeApp
from tests.support.served import database_of
from tests.support.stored import NOON, put_days

pytestmark = [
    pytest.mark.usefixtures("now"),
    pytest.mark.parametrize("make_app", ["by Flask"], indirect=True),
]

LOOKS = ("/charts/Loud/Motor.svg", "/repos/Loud/Motor", "/api/v1/repos/Loud/Motor/history")
DAY_ENDED = clock.parse("2026-03-01T08:00:00Z")  # in Los Angeles


def read_at(client: FlaskClient, moment: datetime, pages: int = 1) -> None:
    put_days(database_of(client), 2, 1, 2, 3, last=date(2026, 2, 28), pages=pages, read_at=moment)


def wish(client: FlaskClient) -> Follow | None:
    with database_of(client).read() as session:
        return session.scalar(select(Follow))


def asked_before(client: FlaskClient) -> None:
    with database_of(client).write() as session:
        row = follows.ask(session, "Loud/Motor", NOON - DAY, follow=False).row
        assert row is not None
        row.repository_id, row.done_at = 2, NOON - DAY


@pytest.fixture
def open_to_all(full: FlaskClient, make_app: MakeApp) -> FlaskClient:
    return make_app(follow="anyone").test_client()


@pytest.mark.parametrize("path", LOOKS)
@pytest.mark.parametrize("before", [True, False])
def test_whoever_may_ask_has_them_read(open_to_all: FlaskClient, path: str, before: bool) -> None:
    read_at(open_to_all, DAY_ENDED - HOUR)
    if before:
        asked_before(open_to_all)

    for _ in range(2):
        assert open_to_all.get(path).status_code == 200

    row = wish(open_to_all)
    assert row is not None
    assert (row.waits, row.followed_since, row.repository_id) == (True, None, 2)


def test_the_many_of_an_owner_that_is_followed_shut_nobody_out(
    open_to_all: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follows, "MOST_WAITING", 2)
    read_at(open_to_all, DAY_ENDED - HOUR)
    with database_of(open_to_all).write() as session:
        for number in range(2):
            row = follows.wish(f"many/{number}", NOON, follow=True)
            row.named, row.listed_by = None, "many"
            session.add(row)

    open_to_all.get(LOOKS[0])

    with database_of(open_to_all).read() as session:
        assert session.get(Follow, "loud/motor") is not None


def test_of_a_day_that_has_not_ended_nothing_is_asked(open_to_all: FlaskClient) -> None:
    read_at(open_to_all, DAY_ENDED + timedelta(minutes=1))

    for path in LOOKS:
        open_to_all.get(path)

    assert wish(open_to_all) is None


def test_of_what_is_partly_read_and_nobody_asked_for_nothing_is_asked(
    open_to_all: FlaskClient,
) -> None:
    read_at(open_to_all, DAY_ENDED - HOUR, pages=9)

    open_to_all.get(LOOKS[0])

    assert wish(open_to_all) is None


def test_who_may_not_ask_is_told_what_is_there(full: FlaskClient) -> None:
    read_at(full, DAY_ENDED - HOUR)

    for path in LOOKS:
        assert full.get(path).status_code == 200

    assert wish(full) is None


def test_while_the_database_takes_no_note_all_is_told(open_to_all: FlaskClient) -> None:
    read_at(open_to_all, DAY_ENDED - HOUR)

    with database_of(open_to_all).write() as session:
        session.connection()  # holds the lock
        assert open_to_all.get(LOOKS[2]).status_code == 200

    assert wish(open_to_all) is None
    open_to_all.get(LOOKS[2])
    assert wish(open_to_all) is not None
