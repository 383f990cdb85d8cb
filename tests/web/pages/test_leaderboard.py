"""The leaderboard's page."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from store.database import Database
from tests.support.common import MakeApp
from tests.support.github import STEP, StubGitHub, answer, poll, repo
from tests.support.pages import by_the_front, read, rows
from tests.support.served import BUILT, PYTHON, database_of, publish
from tests.support.stored import statements

pytestmark = pytest.mark.usefixtures("now")


@by_the_front
class TestLeaderboard:
    def test_has_places_names_counts_and_gains(self, full: FlaskClient) -> None:
        assert rows(full.get("/?window=1h").text) == [
            "1 ▲up 1 Loud/Motor Python 50,000 +200 3",
            "2 ▼down 1 Quiet/Harbor PythonBoats, moored 49,900 0 1",
            "3 Fresh/Face GoBoats, moored 1,000 – 4",
        ]

    @pytest.mark.parametrize("order", ["gain", "percent"])
    def test_by_gain_is_in_the_order_of_the_movers(self, full: FlaskClient, order: str) -> None:
        url = f"/api/v1/lists/stars/movers?window=1h&by={order}"
        names = [it["full_name"] for it in _json(full, url)]

        shown = read(full.get(f"/?order={order}&window=1h")).all("input", "value")

        assert [it for it in shown if "/" in it] == [*names, "Fresh/Face"]

    def test_names_the_window_and_tells_percent_in_that_order(self, full: FlaskClient) -> None:
        page = read(full.get("/?window=1h&order=percent"))

        assert "1h gain of stars since 1 Mar 11:00 30 days Percent" in page.text
        assert "50,000 +200 +0.40 %" in page.text
        assert "/api/v1/lists/stars/movers?window=1h&by=percent&format=csv" in page.all("a", "href")

    def test_tells_who_entered_left_and_overtook(self, full: FlaskClient) -> None:
        text = read(full.get("/?window=1h")).text

        assert "Against the list of 1 Mar 2026, 11:00 UTC Entered 1 Fresh/Face at rank 3" in text
        assert "Left 1 Brief/Fame from rank 3, with 900 stars" in text
        assert "Overtook 1 Loud/Motor overtook Quiet/Harbor for rank 1 1 Mar, 12:00" in text
        assert "Milestones 1 Loud/Motor reached 50,000 stars 1 Mar, 12:00" in text

    def test_tells_of_nobody_where_nobody_came_or_went(
        self, client: FlaskClient, database: Database
    ) -> None:
        poll(database, StubGitHub(answer([repo(1)])), -6)
        poll(database, StubGitHub(answer([repo(1)])), 0)
        publish(client, BUILT)

        assert "Entered None. Left None." in read(client.get("/?window=1h")).text
        unknown = "in 24 hours is not known: this list was watched from 1 Mar 2026, 11:00 UTC on"
        assert unknown in read(client.get("/?window=24h")).text

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("motor", ["Loud/Motor"]),
            ("LOUD", ["Loud/Motor"]),
            ("boats quiet", ["Quiet/Harbor"]),
            ("  go ", ["Fresh/Face"]),
            ("nobody", []),
            ("", ["Loud/Motor", "Quiet/Harbor", "Fresh/Face"]),
        ],
    )
    def test_shows_what_matches_all_words_of_the_filter(
        self, full: FlaskClient, text: str, names: list[str]
    ) -> None:
        page = full.get("/", query_string={"q": text}).text

        assert [name for row in rows(page) for name in re.findall(r"\w+/\w+", row)] == names
        assert page.count("<tr hidden>") == 3 - len(names)
        assert (f"{len(names)} of 3 match" in page) == bool(text.strip() and names)

    def test_makes_rows_and_news_once_a_build_whatever_is_looked_for(
        self, full: FlaskClient
    ) -> None:
        database = database_of(full)
        before = rows(full.get("/?q=motor").text)
        with statements(database) as told:
            looked_for = [full.get(f"/?q={text}").text for text in ("zzz", "harbor", "loud motor")]
        poll(database, StubGitHub(answer([repo(9, full_name="Loud/Motor-boat")])), 1)
        publish(full, BUILT + STEP)
        after = rows(full.get("/?q=motor").text)

        assert not [sql for sql in told if "document.built_at" not in sql]  # is there a build?
        assert [len(rows(page)) for page in looked_for] == [0, 1, 1]
        assert len(before) == 1 and "Motor-boat" in after[0]

    def test_keeps_list_window_and_filter_in_its_links(self, full: FlaskClient) -> None:
        links = read(full.get("/?list=stars&window=1h&q=a%26b")).all("a", "href")

        assert "/?list=stars&window=30d&q=a%26b" in links
        assert "/?list=stars&window=1h&order=gain&q=a%26b" in links

    def test_is_the_same_however_it_is_asked_for(self, full: FlaskClient) -> None:
        paths = ("/", "/?list=STARS", "/?order=rank&list=stars&window=7d", "/?q=")

        assert len({full.get(path).headers["ETag"] for path in paths}) == 1

    def test_has_a_line_of_30_days_for_each(self, full: FlaskClient) -> None:
        page = read(full.get("/"))

        assert page.all("path", "d") == ["M29 60h0"] * 3

    def test_of_the_first_list_is_at_the_root_though_stars_is_not_polled(
        self, database: Database, make_app: MakeApp
    ) -> None:
        client = make_app(lists=(PYTHON,)).test_client()
        poll(database, StubGitHub(answer([repo(1)])), ranked=PYTHON)
        publish(client, BUILT)

        assert "<h1>Python</h1>" in client.get("/").text

    def test_of_a_suspect_list_says_so(self, full: FlaskClient, database: Database) -> None:
        poll(database, StubGitHub(answer([repo(1)], incomplete=True)), 1)
        publish(full, BUILT + STEP)

        assert "are not believed" in read(full.get("/")).text


def _json(client: FlaskClient, path: str) -> Any:
    response = client.get(path)
    assert response.json is not None
    return response.json["items"]
