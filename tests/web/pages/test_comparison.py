"""The page that compares repositories."""

import json
import re
from datetime import date
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from tests.support.common import MakeApp
from tests.support.pages import BROWSER, by_the_front, read
from tests.support.served import database_of
from tests.support.stored import put_days, statements

SVG = "{http://www.w3.org/2000/svg}"

DAY_BEFORE = date(2026, 2, 28)

pytestmark = pytest.mark.usefixtures("now")


@by_the_front
class TestComparison:
    def test_has_a_line_for_each_repository(self, full: FlaskClient) -> None:
        page = read(full.get("/compare?repos=quiet/harbor,loud/motor&window=1h"))

        (lines,) = filter(None, (it.get("data-lines") for _, it in page.tags))
        assert [it["name"] for it in json.loads(lines)] == ["Quiet/Harbor", "Loud/Motor"]
        assert "/charts.svg?repos=Quiet/Harbor,Loud/Motor" in page.all("img", "src")
        assert "Quiet/Harbor 49,900 0 2 ▼down 1 1 3" in page.text

    def test_by_age_or_by_powers_of_ten_is_so_with_and_without_scripts(
        self, full: FlaskClient
    ) -> None:
        path = "/compare?repos=Loud/Motor,Quiet/Harbor"
        page = read(full.get(f"{path}&align=age&scale=log&span=7d"))

        (box,) = (it for _, it in page.tags if "data-lines" in it)
        assert (box["data-scale"], box["data-align"]) == ("log", "age")
        assert [it["age"] for it in json.loads(box["data-lines"])] == 2 * [7 * 24 * 60 * 60]
        assert "from=" not in box["data-lines"]
        page = read(full.get(f"{path}&align=age&scale=log"))

        assert page.all("img", "src") == [
            "/charts.svg?repos=Loud/Motor,Quiet/Harbor&scale=log&align=age"
        ]
        assert f"{path}&scale=log" in page.all("a", "href")

    @pytest.mark.parametrize("order", ["quiet/harbor,loud/motor", "loud/motor,quiet/harbor"])
    def test_gives_a_repository_one_colour_with_and_without_scripts(
        self, full: FlaskClient, order: str
    ) -> None:
        page = read(full.get(f"/compare?repos={order}"))
        (picture,) = page.all("img", "src")
        svg = ElementTree.fromstring(full.get(picture).data)
        in_picture = [
            "".join(group.itertext()).split("\N{EN SPACE}")[0]
            for group in svg.iter(f"{SVG}g")
            if group.get("class") == "legend"
        ]

        (lines,) = filter(None, (it.get("data-lines") for _, it in page.tags))
        by_scripts = [it["name"] for it in json.loads(lines)]
        in_table = re.findall(
            r"line-(\d).*?/repos/([^\"]+)", full.get(f"/compare?repos={order}").text
        )
        assert in_picture == by_scripts == [it for it in in_picture if it]
        assert [name for _, name in sorted(set(in_table))] == by_scripts

    def test_keeps_as_much_room_as_its_picture_takes(self, full: FlaskClient) -> None:
        page = read(full.get("/compare?repos=loud/motor,quiet/harbor,fresh/face"))

        (picture,) = (it for tag, it in page.tags if tag == "img")
        svg = ElementTree.fromstring(full.get(picture["src"] or "").data)
        assert picture["height"] == svg.attrib["height"] == "500"

    @pytest.mark.parametrize(
        "pasted",
        [
            " loud/motor ",
            "https://github.com/Loud/Motor",
            "http://www.github.com/loud/motor/",
            "github.com/loud/motor.git",
            "https://github.com/loud/motor/issues?q=is%3Aopen#top",
            "https://github.com/loud/motor.git , quiet/harbor",
        ],
    )
    def test_takes_what_people_paste(self, full: FlaskClient, pasted: str) -> None:
        page = read(full.get("/compare", query_string={"repos": pasted}))
        picture = full.get("/charts.svg", query_string={"repos": pasted})

        assert "Loud/Motor 50,000" in page.text
        assert "Loud/Motor" in picture.text

    def test_takes_what_people_paste_into_the_form(self, full: FlaskClient) -> None:
        asked = ["Quiet/Harbor", " https://github.com/loud/motor "]
        response = full.get("/compare", query_string={"repos": asked}, follow_redirects=True)

        text = read(response).text
        assert "Quiet/Harbor 49,900" in text
        assert "Loud/Motor 50,000" in text

    @pytest.mark.parametrize("pasted", ["https://github.com/loud", "https://github.com/a/b/c d/é,"])
    def test_refuses_what_names_no_repository(self, full: FlaskClient, pasted: str) -> None:
        assert full.get("/compare", query_string={"repos": pasted}).status_code == 400

    def test_that_a_form_asks_for_has_an_address_to_share(self, full: FlaskClient) -> None:
        response = full.get("/compare?repos=quiet/harbor&window=1h&repos=&repos=loud/motor")

        assert response.status_code == 302
        assert response.location == "/compare?window=1h&repos=quiet/harbor,loud/motor"

    @pytest.mark.parametrize("name", ["endpoint", "_method", "_anchor", "_scheme", "x y"])
    def test_that_a_form_asks_for_with_more_is_told_so(self, full: FlaskClient, name: str) -> None:
        more = {name: "POST"}
        response = full.get("/compare", query_string={"repos": ["a/b", "c/d"], **more})

        assert response.status_code == 302
        assert response.location.startswith("/compare?")
        followed = full.get(response.location)
        assert followed.status_code == 400
        assert "has no parameter" in followed.text

    def test_of_none_asks_for_some(self, full: FlaskClient) -> None:
        assert "Add a repository by its name" in read(full.get("/compare")).text

    def test_says_who_is_unknown_and_shows_the_others(self, full: FlaskClient) -> None:
        text = read(full.get("/compare?repos=loud/motor,a/nobody")).text

        assert "Nothing is known of a/nobody yet: look for it, or follow it there." in text
        assert "Loud/Motor 50,000" in text

    def test_of_one_under_two_names_shows_it_once(self, full: FlaskClient) -> None:
        page = read(full.get("/compare?repos=loud/motor,loud/engine"))

        (lines,) = filter(None, (it.get("data-lines") for _, it in page.tags))
        assert [it["name"] for it in json.loads(lines)] == ["Loud/Motor"]

    def test_of_more_than_10_says_what_would_be_right(self, full: FlaskClient) -> None:
        names = ",".join(f"a/b{number}" for number in range(11))

        response = full.get(f"/compare?repos={names}", headers=BROWSER)

        assert response.status_code == 400
        assert "expected 1 to 10 repositories" in response.text


@by_the_front
class TestWhatOfGitHubsHistoryIsHere:
    BOTH = "/compare?repos=loud/motor,quiet/harbor"
    NOT_ALL = "GitHub's star history of these is not all here, so their lines may begin late:"

    def test_is_told_of_those_that_lack_some(self, full: FlaskClient) -> None:
        put_days(database_of(full), 1, 1, 2, last=DAY_BEFORE)
        put_days(database_of(full), 2, 1, 2, last=DAY_BEFORE, pages=11)

        response = full.get(self.BOTH)

        text = read(response).text
        assert f"{self.NOT_ALL} Loud/Motor 1 of 11 pages" in text
        assert "Quiet/Harbor 1" not in text
        assert "Follow one" not in text  # one may not
        assert response.headers["Cache-Control"] == "public, max-age=60"

    def test_is_not_told_where_it_is_all_here(self, full: FlaskClient) -> None:
        for number in (1, 2):
            put_days(database_of(full), number, 1, 2, last=DAY_BEFORE)

        response = full.get(self.BOTH)

        assert self.NOT_ALL not in read(response).text
        assert response.headers["Cache-Control"].startswith("public, max-age=510, ")
        with statements(database_of(full)) as told:
            assert full.get(self.BOTH).data == response.data
        assert len(told) <= 1  # whether there is a newer build

    def test_can_be_asked_for_and_is_then_collected(
        self, full: FlaskClient, make_app: MakeApp
    ) -> None:
        put_days(database_of(full), 1, 1, 2, last=DAY_BEFORE)
        site = make_app(follow="anyone").test_client()

        before = read(site.get(self.BOTH))
        assert f"{self.NOT_ALL} Loud/Motor nothing yet Follow Loud/Motor" in before.text
        assert "Follow one, and all of it is read." in before.text
        site.post("/follow", data={"repository": "Loud/Motor"})
        response = site.get(self.BOTH)
        after = read(response)

        assert f"{self.NOT_ALL} Loud/Motor collecting" in after.text
        assert "Follow one" not in after.text
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert [it["data-renew"] for _, it in after.tags if "data-renew" in it] == ["1"]
