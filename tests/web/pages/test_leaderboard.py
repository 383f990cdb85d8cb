"""The leaderboard's page."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from store.database import Database
from tests.support.common import MakeApp
from tests.support.github import STEP, StubGitHub, answer, poll, repo
from tests.support.pages import BROWSER, Reader, by_the_front, read, rows
from tests.support.served import BUILT, PYTHON, STARS, database_of, publish
from tests.support.stored import statements

pytestmark = pytest.mark.usefixtures("now")


@by_the_front
class TestLeaderboard:
    def test_has_places_names_counts_and_gains(self, full: FlaskClient) -> None:
        assert rows(full.get("/?window=1h").text) == [
            "1 ▲up 1 Loud/Motor Python 50,000 +200 +0.40 % 3",
            "2 ▼down 1 Quiet/Harbor PythonBoats, moored 49,900 0 +0.00 % 1",
            "3 new Fresh/Face GoBoats, moored 1,000 – 4",
        ]

    @pytest.mark.parametrize("order", ["gain", "percent"])
    def test_by_gain_is_in_the_order_of_the_movers(self, full: FlaskClient, order: str) -> None:
        url = f"/api/v1/lists/stars/movers?window=1h&by={order}"
        names = [it["full_name"] for it in _json(full, url)]

        shown = read(full.get(f"/?order={order}&window=1h")).all("input", "value")

        assert [it for it in shown if "/" in it] == [*names, "Fresh/Face"]

    def test_names_the_moment_that_gains_are_told_from_and_the_csv_of_their_order(
        self, full: FlaskClient
    ) -> None:
        page = read(full.get("/?window=1h&order=percent"))

        assert "1h gain of stars since 1 Mar 11:00 Gain in %percent 30 days" in page.text
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
        assert ("1 of 3 matches" in page) == (len(names) == 1)

    def test_shows_no_control_characters_that_are_looked_for(self, full: FlaskClient) -> None:
        page = full.get("/", query_string={"q": "a\0b\7"}).text

        assert "Nothing here has “a\ufffdb\ufffd”" in page
        assert "\0" not in page and "\7" not in page

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

    def test_has_a_line_of_what_each_of_30_days_brought(
        self, full: FlaskClient, database: Database
    ) -> None:
        assert read(full.get("/")).all("path", "d") == []  # one day alone brought nothing yet
        counts = {-288: (10, 900), -144: (40, 1_000)}
        for slot, (motor, face) in counts.items():
            before = [repo(2, stars=50_000 - motor), repo(4, stars=face)]
            poll(database, StubGitHub(answer(before)), slot)
        publish(full, BUILT + STEP)

        page = read(full.get("/"))

        assert page.all("path", "d") == ["M28 60h0l1 -60", "M28 0h0l1 60"]

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


@by_the_front
class TestGains:
    def test_of_a_row_say_since_when_where_the_head_says_otherwise(
        self, client: FlaskClient, database: Database
    ) -> None:
        """The baseline is the last reading at or before the start, so each may have its own."""
        for slot, ids in ((-7, (1, 2, 3)), (-6, (1, 2)), (0, (1, 2, 3))):
            poll(database, StubGitHub(answer([repo(each) for each in ids])), slot)
        publish(client, BUILT)

        page = client.get("/?window=1h").text

        assert "gain of stars since 1 Mar 11:00" in read(client.get("/?window=1h")).text
        assert ["since 1 Mar 10:50" in row for row in rows(page)] == [False, False, True]

    def test_are_those_of_each_repositorys_own_page(
        self, client: FlaskClient, database: Database
    ) -> None:
        """For the same `as_of`, whichever list it was found on, and whatever baseline each has."""
        for number in (-1008, -144, -7, -6, 0):
            for late, ranked in enumerate((STARS, PYTHON), 1):
                ids = range(1 + (number == -6), 30 if ranked == STARS else 20)
                found = [repo(each, stars=40_000 + number * each - 50 * each) for each in ids]
                poll(database, StubGitHub(answer(found)), number, ranked=ranked, late=late)
        publish(client, BUILT)

        for slug in ("stars", "python"):
            board = client.get(f"/api/v1/lists/{slug}").json
            assert board and len(board["items"]) in (29, 19)
            for item in board["items"]:
                own = client.get(f"/api/v1/repos/{item['full_name']}").json
                assert own and own["as_of"] == board["as_of"]
                ranks = ("rank", "gains") if slug == "python" else ()  # those of the list Stars
                same = [name for name in item if name not in ranks]
                assert {it: own[it] for it in same} == {it: item[it] for it in same}
                assert _without_ranks(own["gains"]) == _without_ranks(item["gains"])

    @pytest.mark.parametrize("order", ["gain", "percent"])
    def test_of_who_entered_are_more_than_what_the_last_had(
        self, client: FlaskClient, database: Database, order: str
    ) -> None:
        """GitHub's hundred had 1,000 stars each and more: who was not among them had no more."""
        old = [repo(each, stars=1_000 + 10 * each) for each in range(1, 101)]
        risen = [repo(each, stars=1_040 + 10 * each) for each in range(2, 101)]
        new = repo(200, full_name="Fresh/Face", stars=1_045, language="Go")
        poll(database, StubGitHub(answer(old[::-1])), -6)
        poll(database, StubGitHub(answer([*risen[::-1], new])), 0)
        publish(client, BUILT)

        shown = rows(client.get(f"/?window=1h&order={order}").text)

        assert len(shown) == 100
        [[place, row]] = [[n, row] for n, row in enumerate(shown) if "Fresh/Face" in row]
        assert "1,045 new, more than 35" in row
        assert place == (99 if order == "gain" else 14)  # 40 is the gain of each other


@by_the_front
class TestAnEarlierList:
    def test_says_which_poll_it_is_of_and_leads_to_itself(self, full: FlaskClient) -> None:
        page = read(full.get("/?window=1h&at=2026-03-01T11:59:00Z"))

        assert "by stars, by the last good poll until then, of 1 Mar 2026, 11:00 UTC" in page.text
        assert "Brief/Fame" in page.all("input", "value")  # which left since
        links = page.all("a", "href")
        assert "/?list=stars&window=1h&at=2026-03-01T11%3A00%3A00Z" in links
        assert "/api/v1/lists/stars?at=2026-03-01T11:59:00Z&format=csv" in links
        assert "/?list=stars&window=1h" in links  # as it stands now
        assert not [it for _, it in page.tags if it.get("id") == "fresh"]  # it is never renewed
        assert "Link to this moment" in page.text

    def test_of_now_has_what_changed_and_the_same_rows(self, full: FlaskClient) -> None:
        now = full.get("/?window=1h").text
        then = full.get("/?window=1h&at=2026-03-01T12:00:00Z").text

        assert rows(then) == rows(now)
        assert "Fresh/Face at rank 3" in Reader(then).text
        assert "Loud/Motor overtook Quiet/Harbor" in Reader(then).text

    @pytest.mark.parametrize(("at", "status"), [("2026-02-28", 404), ("2027-01-01", 400)])
    def test_is_asked_for_within_what_is_known(
        self, full: FlaskClient, at: str, status: int
    ) -> None:
        assert full.get(f"/?at={at}", headers=BROWSER).status_code == status
        dates = {it.get("min") for tag, it in read(full.get("/")).tags if it.get("type") == "date"}
        assert dates == {"2026-03-02"}  # whose midnight has a poll behind it


def _without_ranks(gains: Any) -> Any:
    return {name: gain and {**gain, "rank": None} for name, gain in gains.items()}


def _json(client: FlaskClient, path: str) -> Any:
    response = client.get(path)
    assert response.json is not None
    return response.json["items"]
