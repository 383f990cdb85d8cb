"""The search, and following what it does not find."""

from datetime import date

import pytest
from flask.testing import FlaskClient
from redis import Redis
from rq import Worker
from sqlalchemy import select

from core import clock
from models import Follow
from store import star_histories, troubles
from store.database import Database
from store.search import search
from tests.support.common import MakeApp
from tests.support.pages import BROWSER, Reader, by_the_front, read
from tests.support.served import BUILT, NOW, database_of, publish
from tests.support.stored import NOON, put, put_days, repo

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def harbors(database: Database) -> Database:
    names = ("quiet/harbor", "Loud/Harbor", "harbor/master", "big/safe-harbor", "no/100%_sure")
    put(database, *(repo(i, full_name=it, stars=100 * i) for i, it in enumerate(names, 1)))
    return database


@pytest.fixture
def site(harbors: Database, make_app: MakeApp) -> FlaskClient:
    client = make_app(follow="local").test_client()
    publish(client, BUILT)
    return client


@pytest.mark.parametrize(
    ("text", "names", "count"),
    [
        ("HARBOR", ["Loud/Harbor", "quiet/harbor", "big/safe-harbor", "harbor/master"], 4),
        ("harbor quiet", ["quiet/harbor"], 1),
        ("100%_", ["no/100%_sure"], 1),
        ("%_", ["no/100%_sure"], 1),
        ("h", [], 0),
        ("pier", [], 0),
        (" ", [], 0),
    ],
)
def test_finds_the_closest_names_first(
    harbors: Database, text: str, names: list[str], count: int
) -> None:
    with harbors.read() as session:
        found, total = search(session, text, 10)

    assert [it.profile.full_name for it in found][:2] == names[:2]
    assert {it.profile.full_name for it in found} == set(names)
    assert total == count


def test_finds_the_closest_of_too_many_to_count(database: Database) -> None:
    names = ("quiet/harbor", "Loud/Harbor", "harbor/master")
    names += tuple(f"a{i}/the-harbors" for i in range(60))
    put(database, *(repo(i, full_name=it, stars=100 * i) for i, it in enumerate(names, 1)))

    with database.read() as session:
        found, total = search(session, "harbor", 50)

    assert [it.profile.full_name for it in found[:3]] == [
        "Loud/Harbor",
        "quiet/harbor",
        "harbor/master",
    ]
    assert (len(found), total) == (50, None)


@by_the_front
class TestSearch:
    @pytest.mark.parametrize(
        "text",
        [
            "loud/harbor",
            "https://github.com/LOUD/harbor/tree/main?x#y",
            "git@github.com:loud/harbor.git",
            "@loud/harbor",
        ],
    )
    def test_leads_from_a_name_or_an_address_to_its_page(
        self, site: FlaskClient, text: str
    ) -> None:
        response = site.get("/search", query_string={"q": text})

        assert (response.status_code, response.location) == (303, "/repos/Loud/Harbor")

    def test_stands_on_every_page_and_tells_what_it_finds(self, site: FlaskClient) -> None:
        assert 'action="/search"' in site.get("/languages").text

        text = read(site.get("/search?q=harbor")).text

        assert "4 known names have “harbor”" in text
        assert "Follow" not in text

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("https://github.com/Quiet", ["/repos/quiet/harbor"]),
            ("github.com/Loud/", ["/repos/Loud/Harbor"]),
            ("@quiet", ["/repos/quiet/harbor"]),
            ("https://gitlab.com/quiet", []),
            ("https://gitlab.com/quiet/harbor", []),
        ],
    )
    def test_finds_what_an_address_is_of(
        self, site: FlaskClient, text: str, found: list[str]
    ) -> None:
        page = read(site.get("/search", query_string={"q": text}, headers=BROWSER))

        links = [it for it in page.all("a", "href") if it.startswith("/repos/")]
        assert list(dict.fromkeys(links)) == found
        assert 'action="/follow"' not in page.text

    def test_offers_to_follow_what_is_not_known(self, site: FlaskClient) -> None:
        for path in ("/search?q=new/boat", "/repos/new/boat"):
            page = site.get(path, headers=BROWSER).text
            assert 'action="/follow"' in page
            assert 'value="new/boat"' in page

        api = site.get("/api/v1/repos/new/boat")
        assert api.json is not None
        assert api.json["detail"].endswith("; PUT /api/v1/repos/new/boat follows it")

    def test_says_what_github_has_none_of_and_asks_again_after_an_hour(
        self, site: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site.post("/follow", data={"repository": "new/boat"})
        with database_of(site).write() as session:
            session.scalars(select(Follow)).one().gone_at = NOW

        at_once = read(site.get("/search?q=new/boat"))
        monkeypatch.setattr(clock, "now", lambda: NOW + clock.HOUR)
        later = read(site.get("/search?q=new/boat"))

        told = "GitHub has no repository named new/boat: it was asked on 1 Mar 2026, 12:07 UTC."
        assert told in at_once.text and told in later.text
        assert "not known here yet" not in at_once.text
        assert "/follow" not in at_once.all("form", "action")
        assert "/follow" in later.all("form", "action")

    def test_offers_nothing_to_those_who_may_not(
        self, harbors: Database, make_app: MakeApp
    ) -> None:
        client = make_app(follow="nobody").test_client()

        for path in ("/search?q=new/boat", "/repos/new/boat"):
            assert 'action="/follow"' not in client.get(path, headers=BROWSER).text
        assert "PUT" not in client.get("/api/v1/repos/new/boat").text


@by_the_front
class TestARepositoryThatIsAskedFor:
    def test_fills_as_it_comes_though_its_page_was_sent_before(self, site: FlaskClient) -> None:
        before = site.get("/repos/Loud/Harbor")
        assert "Unfollow" not in before.text
        followed = site.post("/follow", data={"repository": "loud/harbor"})
        assert followed.location == "/repos/loud/harbor"

        first = site.get("/repos/Loud/Harbor")
        assert "Collecting: it is next." in read(first).text
        assert first.headers["Cache-Control"] == "private, no-cache"
        put_days(database_of(site), 2, 1, 2, 3, last=date(2026, 2, 27), pages=14, read_at=NOON)
        amid = site.get("/repos/Loud/Harbor")
        assert "Collecting, page 1 of 14." in read(amid).text
        assert 'data-renew="1"' in amid.text
        unchanged = site.get("/repos/Loud/Harbor", headers={"If-None-Match": amid.headers["ETag"]})
        assert unchanged.status_code == 304
        with database_of(site).write() as session:
            star_histories.star_history(session, 2).pages = 1  # type: ignore[union-attr]
            session.scalars(select(Follow)).one().done_at = NOW

        last = site.get("/repos/Loud/Harbor")
        assert "Collecting" not in last.text
        assert 'data-renew="1"' not in last.text
        assert "Unfollow" in last.text

    def test_has_a_page_before_anything_is_known(self, site: FlaskClient) -> None:
        site.post("/follow", data={"repository": "new/boat"})

        page = site.get("/repos/new/boat", headers=BROWSER)

        assert "Collecting: it is next." in read(page).text
        assert '<noscript><meta http-equiv="refresh"' in page.text
        with database_of(site).write() as session:
            subject = troubles.of_history("new/boat")
            troubles.note_failing(session, subject, "GitHub answered 502", clock.now(), clock.HOUR)
        failing = site.get("/repos/new/boat", headers=BROWSER)
        assert "GitHub failed to tell it: GitHub answered 502." in read(failing).text
        with database_of(site).write() as session:
            session.scalars(select(Follow)).one().gone_at = clock.now()
        gone = site.get("/repos/new/boat", headers=BROWSER)
        assert gone.status_code == 404
        assert "GitHub has no repository named 'new/boat'" in Reader(gone.text).text
        assert 'action="/follow"' not in gone.text

    def test_says_so_where_no_worker_is_there_to_read_it(
        self, harbors: Database, make_app: MakeApp, redis: Redis, valkey_url: str
    ) -> None:
        client = make_app(follow="local", redis_url=valkey_url).test_client()
        client.application.extensions["status"].kept_for = 0
        publish(client, BUILT)
        told = "No worker has given a sign of life: see the status."

        for path in ("/repos/new/boat", "/repos/Loud/Harbor"):
            client.post("/follow", data={"repository": path.removeprefix("/repos/")})
            assert told in read(client.get(path)).text
        Worker(["default"], connection=redis).register_birth()

        assert told not in read(client.get("/repos/new/boat")).text

    def test_marks_gains_that_github_tells(self, site: FlaskClient) -> None:
        put_days(database_of(site), 2, *[5] * 60, last=date(2026, 2, 27), read_at=NOON)

        text = read(site.get("/repos/Loud/Harbor")).text

        assert "* by GitHub's star history: days that ended" in text
