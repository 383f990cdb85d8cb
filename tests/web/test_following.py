"""Asking for a repository over HTTP: who may, what is answered, and what is noted."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from core import clock
from core.star_history import Week, day_of
from models import Follow
from store import star_histories
from store.database import Database
from tests.support.common import MakeApp
from tests.support.served import BUILT, NO_GAINS, database_of, problem
from tests.support.stored import put, repo

pytestmark = pytest.mark.usefixtures("now")

BOAT = "/api/v1/repos/Quiet/Boat"


@pytest.fixture
def site(make_app: MakeApp, database: Database) -> FlaskClient:
    return make_app(follow="anyone").test_client()


def wishes(client: FlaskClient) -> list[tuple[str, bool]]:
    with database_of(client).read() as session:
        rows = session.scalars(select(Follow).order_by(Follow.turn_at, Follow.name))
        return [(row.full_name, row.followed_since is not None) for row in rows]


def read_it(client: FlaskClient, pages_read: int = 2, pages: int = 2) -> None:
    """Let GitHub's history of Quiet/Boat be read, as the job does."""
    with database_of(client).write() as session:
        row = session.get_one(Follow, "quiet/boat")
        put_in = repo(7, full_name="Quiet/Boat", stars=70)
    put(database_of(client), put_in, at=BUILT - timedelta(minutes=5))
    with database_of(client).write() as session:
        row = session.get_one(Follow, "quiet/boat")
        row.repository_id = 1
        sunday = day_of(clock.parse("2026-02-22T20:00:00Z"))
        for page in range(1, pages_read + 1):
            week = Week(sunday - timedelta(weeks=page - 1), (1, 2, 3, 4, 5, 6, 7))
            star_histories.store_page(session, 1, page, [week], pages, None, BUILT)
        if pages_read == pages:
            row.done_at = BUILT


def test_a_wish_is_noted_and_answered_at_once_though_redis_is_away(site: FlaskClient) -> None:
    response = site.put(BOAT)

    assert response.status_code == 202
    assert response.headers["Location"] == BOAT
    assert response.headers["Retry-After"] == "1"
    assert response.json == {
        "full_name": "Quiet/Boat",
        "followed": True,
        "history": {"state": "queued", "from": None, "pages_read": 0, "pages": None, "why": None},
        "position": 0,
    }
    assert wishes(site) == [("Quiet/Boat", True)]


def test_what_is_asked_for_again_is_one_wish_however_it_is_written(site: FlaskClient) -> None:
    for path in (BOAT, BOAT.lower(), BOAT.upper().replace("/API/V1/REPOS", "/api/v1/repos")):
        assert site.put(path).status_code == 202

    assert wishes(site) == [("Quiet/Boat", True)]


def test_who_waits_sees_how_far_it_is(site: FlaskClient) -> None:
    site.put("/api/v1/repos/a/before")
    site.put(BOAT)

    first = site.get(BOAT)
    read_it(site, pages_read=1)
    amid = site.get(BOAT)

    assert (first.status_code, first.json and first.json["position"]) == (202, 1)
    assert amid.json is not None
    assert (amid.status_code, amid.json["followed"]) == (200, True)
    assert amid.headers["Cache-Control"] == "no-store"
    history = amid.json["history"]
    assert (history["state"], history["pages_read"], history["pages"]) == ("partial", 1, 2)
    assert history["from"] == "2026-02-22T08:00:00Z"


def test_once_all_is_there_the_answer_is_200(site: FlaskClient) -> None:
    site.put(BOAT)
    read_it(site)

    response = site.put(BOAT)

    assert response.json is not None
    assert (response.status_code, response.json["history"]["state"]) == (200, "complete")
    assert response.json["position"] is None


def test_a_name_that_github_does_not_know_is_not_asked_for_again_for_an_hour(
    site: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put(BOAT)
    with database_of(site).write() as session:
        row = session.get_one(Follow, "quiet/boat")
        row.gone_at, row.followed_since = clock.now(), None

    assert problem(site.put(BOAT)) == (404, "GitHub has no repository named 'Quiet/Boat'")
    assert site.get(BOAT).status_code == 404

    later = clock.now() + clock.HOUR
    monkeypatch.setattr(clock, "now", lambda: later)
    assert site.put(BOAT).status_code == 202


def test_following_ends_and_what_was_stored_stays(site: FlaskClient) -> None:
    site.put(BOAT)
    read_it(site)

    assert site.delete(BOAT).status_code == 204
    assert site.delete(BOAT).status_code == 204

    told = site.get(BOAT).json
    assert told is not None
    assert (told["followed"], told["history"]["state"]) == (False, "complete")


def test_a_full_server_says_so_and_names_the_setting(make_app: MakeApp, database: Database) -> None:
    site = make_app(follow="anyone", follow_most=1).test_client()
    site.put(BOAT)

    response = site.put("/api/v1/repos/one/too-many")

    status, detail = problem(response)
    assert (status, "FOLLOW_MOST=1" in detail) == (429, True)
    assert response.headers["Retry-After"] == "60"
    assert site.put(BOAT).status_code == 202  # who is followed already stays so
    assert wishes(site) == [("Quiet/Boat", True)]


@pytest.mark.parametrize("name", ["quiet/..", "qu.iet/boat", "-/boat"])
def test_what_is_no_name_is_no_wish(site: FlaskClient, name: str) -> None:
    assert site.put(f"/api/v1/repos/{name}").status_code in (404, 405)
    assert wishes(site) == []


def test_what_is_followed_is_listed_page_by_page(site: FlaskClient) -> None:
    for name in ("b/b", "c/c", "a/a"):
        site.put(f"/api/v1/repos/{name}")

    first = site.get("/api/v1/follows?limit=2").json
    second = site.get(f"/api/v1/follows?limit=2&after={first and first['next']}").json

    assert first is not None and second is not None
    assert [it["full_name"] for it in first["items"]] == ["a/a", "b/b"]
    assert [it["full_name"] for it in second["items"]] == ["c/c"]
    assert (first["next"], second["next"]) == ("b/b", None)
    assert first["items"][0] == {
        "full_name": "a/a",
        "followed_since": "2026-03-01T12:07:00Z",
        "state": "waiting",
        "as_of": None,
        "stars": None,
        "gains": NO_GAINS,
        "history": {"state": "queued", "from": None, "pages_read": 0, "pages": None, "why": None},
        "trouble": None,
    }


@pytest.mark.parametrize(
    ("given", "page"),
    [
        ("Quiet/Boat", "/repos/Quiet/Boat"),
        ("  https://github.com/Quiet/Boat/tree/main?x=1 ", "/repos/Quiet/Boat"),
        ("github.com/Quiet/Boat.git", "/repos/Quiet/Boat"),
    ],
)
def test_a_form_takes_a_name_or_an_address_of_githubs(
    site: FlaskClient, given: str, page: str
) -> None:
    response = site.post("/follow", data={"repository": given})

    assert (response.status_code, response.headers["Location"]) == (303, page)
    assert wishes(site) == [("Quiet/Boat", True)]

    site.post("/unfollow", data={"repository": given})
    assert wishes(site) == [("Quiet/Boat", False)]


def test_a_form_says_what_it_expects(site: FlaskClient) -> None:
    assert problem(site.post("/follow", data={"repository": "boats"}))[1] == (
        "repository='boats': expected owner/name or its address on GitHub"
    )


# Who may

KEY = "a-key-of-sixteen-characters"
LOCAL: dict[str, Any] = {"base_url": "http://127.0.0.1:8000"}


@pytest.mark.parametrize(
    ("follow", "request_", "status"),
    [
        ("nobody", {}, 403),
        ("anyone", {}, 202),
        ("anyone", {"headers": {"Sec-Fetch-Site": "same-origin"}}, 202),
        ("anyone", {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
        ("anyone", {"headers": {"Sec-Fetch-Site": "same-site"}}, 403),
        ("anyone", {"headers": {"Origin": "https://evil.example"}}, 403),
        ("anyone", {"headers": {"Origin": "null"}}, 403),
        ("anyone", {"headers": {"Origin": "http://localhost"}}, 202),
        ("local", LOCAL, 202),
        ("local", {"base_url": "http://localhost:8000"}, 202),
        ("local", {"base_url": "http://[::1]:8000"}, 202),
        ("local", {"base_url": "http://evil.example"}, 403),
        ("local", LOCAL | {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}, 403),
        ("local", LOCAL | {"headers": {"X-Forwarded-For": "127.0.0.1"}}, 403),
        ("local", LOCAL | {"headers": {"Forwarded": "for=127.0.0.1"}}, 403),
        ("local", LOCAL | {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
        (KEY, {}, 403),
        (KEY, {"headers": {"Authorization": f"Bearer {KEY}"}}, 202),
        (KEY, {"headers": {"Authorization": f"bearer {KEY}"}}, 202),
        (KEY, {"headers": {"Authorization": "Bearer another"}}, 403),
        (KEY, {"headers": {"Authorization": KEY}}, 403),
    ],
)
def test_the_setting_follow_says_who_may_ask(
    make_app: MakeApp, database: Database, follow: str, request_: dict[str, Any], status: int
) -> None:
    site = make_app(follow=follow).test_client()

    response = site.put(BOAT, **request_)

    assert response.status_code == status
    assert wishes(site) == ([("Quiet/Boat", True)] if status == 202 else [])
    assert KEY not in response.text
