"""The page of what is followed."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from core import list_names
from models import Follow
from store.database import Database
from tests.support.common import MakeApp
from tests.support.github import StubGitHub, answer, poll, repo
from tests.support.pages import BROWSER, by_the_front, read, rows
from tests.support.served import BUILT, NOW, STARS, database_of, publish

pytestmark = pytest.mark.usefixtures("now")

FOLLOWED = replace(list_names.FOLLOWED, names=("Still/Sea",))
[PICKS] = list_names.parse("collection:Picks=Quiet/Harbor", list_names._no_file)
PAGE = "/?list=followed"


@pytest.fixture
def site(make_app: MakeApp, database: Database) -> FlaskClient:
    """A client of a server that follows one repository by its settings, whoever asks for others."""
    poll(database, StubGitHub(answer([repo(1), repo(2, full_name="Still/Sea")])), 0)
    return make_app(lists=(STARS, FOLLOWED, PICKS), follow="anyone").test_client()


@by_the_front
class TestFollowed:
    def test_says_how_to_begin_while_nothing_is(
        self, make_app: MakeApp, database: Database
    ) -> None:
        nothing = list_names.FOLLOWED
        for follow, way in (("anyone", "press Follow on its page"), ("nobody", "--app app follow")):
            client = make_app(lists=(STARS, nothing), follow=follow).test_client()

            page = read(client.get(PAGE))

            assert "Nothing is followed yet." in page.text and way in page.text
            assert ("a", {"href": PAGE, "aria-current": "page"}) in page.tags

    def test_is_the_one_item_of_the_menu_that_is_marked(
        self, site: FlaskClient, database: Database
    ) -> None:
        poll(database, StubGitHub(answer([])), ranked=FOLLOWED)
        publish(site, BUILT)

        for path, item in (
            (PAGE, PAGE),
            ("/owners?list=followed", "/owners"),
            ("/languages?list=followed", "/languages"),
        ):
            tags = read(site.get(path)).tags
            marked = [it["href"] for _, it in tags if it.get("aria-current") == "page"]
            assert [it for it in marked if "window" not in it] == [item]  # lists beside it aside

    def test_is_a_list_with_what_can_be_done_there(
        self, site: FlaskClient, database: Database
    ) -> None:
        for name in ("Quiet/Harbor-1", "New/Boat"):
            assert site.post("/follow", data={"repository": name}).status_code == 303
        poll(database, StubGitHub(answer([])), ranked=FOLLOWED)
        publish(site, BUILT)

        page = read(response := site.get(PAGE))

        assert [row[:16].split()[1] for row in rows(response.text)] == [
            "Quiet/Harbor-1",
            "Still/Sea",
        ]
        assert "2 repositories by stars" in page.text
        assert "On this list after its next poll and build: New/Boat." in page.text
        assert "Groups: Picks." in page.text
        assert "/feeds/followed.atom" in page.all("a", "href")
        assert PAGE in read(site.get("/")).all("a", "href")
        leave = [it["value"] for tag, it in page.tags if it.get("form") == "unfollow"]
        assert leave == ["Quiet/Harbor-1"]  # the settings name the other
        assert response.headers["Cache-Control"] == "private, no-cache"

    def test_says_from_when_on_those_are_listed_that_are_counted_already(
        self, site: FlaskClient, database: Database
    ) -> None:
        poll(database, StubGitHub(answer([])), ranked=FOLLOWED)
        publish(site, BUILT)

        site.post("/follow", data={"repository": "Quiet/Harbor-1"})

        text = read(site.get(PAGE)).text
        assert "On this list after its next poll and build: Quiet/Harbor-1." in text
        assert "a list has the first" not in text

    def test_tells_of_what_the_settings_follow(
        self, site: FlaskClient, make_app: MakeApp, database: Database
    ) -> None:
        publish(site, BUILT)
        client = make_app(watch=("Still/Sea",), follow="anyone").test_client()

        page = read(client.get("/repos/Still/Sea", headers=BROWSER))

        assert "followed, by the settings" in page.text
        assert "/follow" not in page.all("form", "action")
        assert client.get("/api/v1/repos/still/sea").json["followed"] is True  # type: ignore[index]
        assert "Follow" in read(client.get("/repos/Quiet/Harbor-1", headers=BROWSER)).text

    def test_names_what_github_has_none_of_until_it_is_let_go(self, site: FlaskClient) -> None:
        site.post("/follow", data={"repository": "No/Body"})
        with database_of(site).write() as session:
            row = session.get_one(Follow, "no/body")
            row.followed_since, row.gone_at = None, NOW

        before = read(site.get(PAGE)).text
        site.post("/unfollow", data={"repository": "No/Body", "back": "followed"})
        after = read(site.get(PAGE)).text

        assert "GitHub has no repository named No/Body" in before
        assert "No/Body" not in after

    def test_who_is_not_followed_any_more_is_gone_at_once(
        self, site: FlaskClient, database: Database
    ) -> None:
        site.post("/follow", data={"repository": "Quiet/Harbor-1"})
        poll(database, StubGitHub(answer([])), ranked=FOLLOWED)
        publish(site, BUILT)
        assert len(rows(site.get(PAGE).text)) == 2

        form = {"repository": "Quiet/Harbor-1", "back": "followed"}
        back = site.post("/unfollow", data=form, headers=BROWSER)

        assert (back.status_code, back.location) == (303, PAGE)
        [left] = rows(site.get(PAGE).text)
        assert "Still/Sea" in left

    def test_who_may_not_follow_is_not_offered_it(
        self, make_app: MakeApp, site: FlaskClient, database: Database
    ) -> None:
        poll(database, StubGitHub(answer([])), ranked=FOLLOWED)
        publish(site, BUILT)

        page = make_app(lists=(STARS, FOLLOWED), follow="nobody").test_client().get(PAGE)

        assert "Still/Sea" in page.text
        assert "form method" not in page.text and "may-end" not in page.text
