import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

import jobs
from core import clock
from core.clock import DAY
from monitoring.status import ListStatus
from store import readings
from store.database import Database
from tests.support.common import MakeApp, MakeSettings
from tests.support.github import StubGitHub, answer, poll, repo
from tests.support.jobs import give_up
from tests.support.served import BUILT, FORKS, MINUTE, NOON, NOW, PYTHON, STARS, publish
from web import (
    assets,
    chart_style,
    http_headers,
    page_filters,
    sparklines,
    status_page,
)

pytestmark = pytest.mark.usefixtures("now")
by_the_front = pytest.mark.parametrize("make_app", ["by the front"], indirect=True)

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
POLICY = dict(http_headers.OF_PAGES)["Content-Security-Policy"]
EVIL = '"><script>alert(1)</script>{{7*7}}\u202e<img src=x onerror=alert(1)>'
INLINE = ("a", "bdi", "span", "small", "wbr")
PAGES = (
    "/",
    "/?list=stars&window=1h",
    "/?order=gain&window=1h",
    "/?q=motor",
    "/repos/loud/motor",
    "/repos/Loud/Motor?span=7d",
    "/compare",
    "/compare?repos=loud/motor,quiet/harbor&window=1h&span=1y",
    "/languages",
    "/owners?list=stars&window=1h",
    "/status",
)


@pytest.fixture
def full(app: Flask, database: Database) -> FlaskClient:
    """A client, after an hour in which a lead, a name and a member of a list changed."""
    harbor, engine = repo(1, full_name="Quiet/Harbor"), repo(2, full_name="Loud/engine")
    gone = repo(3, full_name="Brief/Fame", stars=900)
    motor = repo(2, full_name="Loud/Motor", stars=50_000, forks=3, description=None)
    new = repo(4, full_name="Fresh/Face", stars=1_000, language="Go")
    poll(database, StubGitHub(answer([harbor, engine, gone])), -6)
    poll(database, StubGitHub(answer([motor, harbor, new])), 0)
    client = app.test_client()
    publish(client, BUILT)
    return client


class Reader(HTMLParser):
    """What a reader gets of a page: its text, and its tags with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in INLINE:
            self.texts.append(" ")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    def all(self, tag: str, attribute: str) -> list[str]:
        return [attributes.get(attribute, "") for name, attributes in self.tags if name == tag]


def read(response: TestResponse) -> Reader:
    assert response.status_code == 200, response.text
    return Reader(response.text)


def rows(page: str) -> list[str]:
    """The texts of the rows of a leaderboard that are shown, spaces evened."""
    found = re.findall(r"<tr>\n<td class=\"check\">(.*?)</tr>", page, re.DOTALL)
    return [Reader(it).text for it in found]


@by_the_front
class TestPages:
    @pytest.mark.parametrize("path", PAGES)
    def test_are_html_under_a_strict_policy_that_they_keep(
        self, full: FlaskClient, path: str
    ) -> None:
        response = full.get(path)

        assert response.content_type == "text/html; charset=utf-8"
        assert response.headers["Content-Security-Policy"] == POLICY
        page = read(response)
        assert not any("style" in attributes for _, attributes in page.tags)
        assert not any(name.startswith("on") for _, it in page.tags for name in it)
        assert all(source.startswith("/static/") for source in page.all("script", "src"))

    @pytest.mark.parametrize("path", PAGES)
    def test_use_files_that_are_there(self, full: FlaskClient, path: str) -> None:
        page = read(full.get(path))

        used = {it for it in page.all("link", "href") if it.startswith("/static/")}
        for url in used | set(page.all("script", "src")):
            assert full.get(url).status_code == 200

    @pytest.mark.parametrize("path", PAGES)
    def test_link_to_what_is_there(self, full: FlaskClient, path: str) -> None:
        page = read(full.get(path))

        urls = {it for it in page.all("a", "href") if it.startswith("/")}
        urls |= {it for it in page.all("img", "src")}
        statuses = {url: full.get(url, headers=BROWSER).status_code for url in urls}
        assert {url: it for url, it in statuses.items() if it != 200} == {
            url: 503 for url in urls if "list=python" in url
        }

    @pytest.mark.parametrize("path", [it for it in PAGES if it not in ("/?q=motor", "/status")])
    def test_are_sent_again_as_they_are_until_the_next_build(
        self, full: FlaskClient, path: str
    ) -> None:
        first = full.get(path)
        front: Any = full.application.wsgi_app
        front.app = None  # nothing behind the front answers from here on

        again = full.get(path)
        unchanged = full.get(path, headers={"If-None-Match": first.headers["ETag"]})

        assert again.data == first.data
        assert (unchanged.status_code, unchanged.data) == (304, b"")
        assert again.headers["Cache-Control"].startswith("public, max-age=510, ")

    @pytest.mark.parametrize("path", ["/?q=motor", "/compare?repos=a/nobody"])
    def test_of_what_anybody_types_are_not_kept(self, full: FlaskClient, path: str) -> None:
        first = full.get(path)

        front: Any = full.application.wsgi_app
        assert front._shelf.by_request == {}
        assert "ETag" in first.headers

    @pytest.mark.parametrize("path", PAGES[:-1])
    def test_say_nothing_that_depends_on_the_moment(
        self, full: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = full.get(path).data
        full.application.wsgi_app = full.application.wsgi_app.app  # type: ignore[attr-defined]
        monkeypatch.setattr(clock, "now", lambda: NOW + 3 * DAY)

        assert full.get(path).data == first

    def test_say_how_fresh_their_data_is(self, full: FlaskClient) -> None:
        page = read(full.get("/"))

        assert "as of 1 Mar, 12:00 UTC" in page.text
        assert "Next build 12:15 UTC, then every 15 min" in page.text
        assert ("p", "2026-03-01T12:35:00Z") in [
            (tag, it.get("data-stale-at")) for tag, it in page.tags
        ]
        assert 'class="fresh"' in full.get("/").text

    def test_say_that_their_data_was_stale_already_when_they_were_made(
        self, full: FlaskClient
    ) -> None:
        publish(full, NOON + 36 * MINUTE)

        assert 'class="fresh stale"' in full.get("/").text


@by_the_front
class TestLeaderboard:
    def test_has_places_names_counts_and_gains(self, full: FlaskClient) -> None:
        assert rows(full.get("/?window=1h").text) == [
            "1 ▲up 1 Loud/Motor Python 50,000 +200 3",
            "2 ▼down 1 Quiet/Harbor PythonBoats, moored 49,900 0 1",
            "3 Fresh/Face GoBoats, moored 1,000 – 4",
        ]

    def test_by_gain_is_in_the_order_of_the_movers(self, full: FlaskClient) -> None:
        names = [it["full_name"] for it in _json(full, "/api/v1/lists/stars/movers?window=1h")]

        shown = read(full.get("/?order=gain&window=1h")).all("input", "value")

        assert [it for it in shown if "/" in it] == [*names, "Fresh/Face"]

    def test_tells_who_entered_left_and_overtook(self, full: FlaskClient) -> None:
        text = read(full.get("/?window=1h")).text

        assert "Entered 1 Fresh/Face entered at place 3 1 Mar, 12:00" in text
        assert "Left 1 Brief/Fame left from place 3 1 Mar, 12:00" in text
        assert "Overtook 1 Loud/Motor overtook Quiet/Harbor for place 1 1 Mar, 12:00" in text
        assert "Milestones 1 Loud/Motor reached 50,000 stars 1 Mar, 12:00" in text

    def test_tells_of_nobody_where_nobody_came_or_went(
        self, client: FlaskClient, database: Database
    ) -> None:
        poll(database, StubGitHub(answer([repo(1)])), 0)
        publish(client, BUILT)

        assert "Entered Nobody. Left Nobody." in read(client.get("/")).text

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
        publish(full, BUILT + MINUTE)

        assert "are not believed" in read(full.get("/")).text


def _json(client: FlaskClient, path: str) -> Any:
    response = client.get(path)
    assert response.json is not None
    return response.json["items"]


@by_the_front
class TestRepositories:
    def test_have_figures_gains_places_and_events(self, full: FlaskClient) -> None:
        text = read(full.get("/repos/loud/motor")).text

        assert "Stars 50,000 Rank by stars 1 Forks 3 Open issues 3" in text
        assert "1 hour +200 +1 ▲up 1 1 Mar 2026, 11:00" in text
        assert "Ranks Stars 1" in text
        assert "overtook Quiet/Harbor for place 1 on Stars 1 Mar 2026, 12:00" in text
        assert "reached 50,000 stars on Stars 1 Mar 2026, 12:00" in text

    def test_are_led_to_from_a_name_of_the_past(self, full: FlaskClient) -> None:
        response = full.get("/repos/Loud/ENGINE?span=7d")

        assert (response.status_code, response.location) == (301, "/repos/Loud/Motor?span=7d")

    @pytest.mark.parametrize(
        ("span", "query"),
        [
            ("7d", {"from": "2026-02-22T12:00:00Z"}),
            ("30d", {"from": "2026-01-30T12:00:00Z"}),
            ("1y", {"from": "2025-03-01T12:00:00Z", "step": "1d"}),
            ("all", {"step": "1d"}),
        ],
    )
    def test_name_the_history_that_their_chart_is_of(
        self, full: FlaskClient, span: str, query: dict[str, str]
    ) -> None:
        page = read(full.get(f"/repos/Loud/Motor?span={span}"))

        (lines,) = filter(None, (it.get("data-lines") for _, it in page.tags))
        (line,) = json.loads(lines)
        assert line["name"] == "Loud/Motor"
        history = full.get(line["url"])
        assert history.status_code == 200
        assert history.request.path == "/api/v1/repos/Loud/Motor/history"
        assert history.request.args.to_dict() == query

    def test_show_their_chart_as_a_picture_where_scripts_do_not_run(
        self, full: FlaskClient
    ) -> None:
        page = full.get("/repos/Loud/Motor").text

        assert re.search(r'<noscript><img src="/charts/Loud/Motor.svg" alt="[^"]+" width', page)

    def test_say_how_to_show_them_elsewhere(self, full: FlaskClient) -> None:
        page = full.get("/repos/Loud/Motor", base_url="https://stars.example").text

        chart = "https://stars.example/charts/Loud/Motor.svg"
        badge = "https%3A%2F%2Fstars.example%2Fbadges%2FLoud%2FMotor.json"
        link = "https://stars.example/repos/Loud/Motor"
        assert f"[![Star history of Loud/Motor]({chart})]({link})" in page
        assert f"[![Stars](https://img.shields.io/endpoint?url={badge})]({link})" in page

    def test_that_are_on_no_list_say_so_and_when_they_were_seen(self, full: FlaskClient) -> None:
        text = read(full.get("/repos/brief/fame")).text

        assert "last seen 1 Mar 2026, 11:00 UTC" in text
        assert "last seen" not in read(full.get("/repos/loud/motor")).text

        assert "Rank by stars not listed" in text
        assert "On no list now." in text


@by_the_front
class TestComparison:
    def test_has_a_line_for_each_repository(self, full: FlaskClient) -> None:
        page = read(full.get("/compare?repos=quiet/harbor,loud/motor&window=1h"))

        (lines,) = filter(None, (it.get("data-lines") for _, it in page.tags))
        assert [it["name"] for it in json.loads(lines)] == ["Quiet/Harbor", "Loud/Motor"]
        assert "/charts.svg?repos=Quiet/Harbor,Loud/Motor" in page.all("img", "src")
        assert "Quiet/Harbor 49,900 0 2 ▼down 1 1 3" in page.text

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

        assert "No repository named a/nobody was on any list." in text
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
class TestTotals:
    @pytest.mark.parametrize(
        ("path", "row", "widths"),
        [
            ("/languages?window=1h", "Python 99,900 +200 2", ["100.0", "1.0"]),
            ("/owners?window=1h", "Loud 50,000 +200 1", ["100.0", "99.8", "2.0"]),
        ],
    )
    def test_are_bars_with_their_figures(
        self, full: FlaskClient, path: str, row: str, widths: list[str]
    ) -> None:
        page = read(full.get(path))

        assert row in page.text
        assert page.all("rect", "width") == widths


@by_the_front
class TestStatus:
    def test_says_what_is_wrong_first(self, full: FlaskClient) -> None:
        text = read(full.get("/status")).text

        wrong = text.index("What is wrong Redis cannot be reached")
        assert wrong < text.index("Stars missed polls in the last 24 hours.")
        assert wrong < text.index("Polls of the last 24 hours")

    def test_calls_wrong_what_was_missed_in_the_last_hours(
        self, full: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = read(full.get("/status")).text
        monkeypatch.setattr(clock, "now", lambda: NOW + 2 * clock.HOUR)
        later = read(full.get("/status")).text

        assert "Stars missed polls in the last 2 h." in now
        assert "Stars missed polls in the last 2 h." not in later

    def test_is_of_the_moment(self, full: FlaskClient) -> None:
        assert full.get("/status").headers["Cache-Control"] == "no-store"

    def test_shows_what_was_missed_in_words_too(self, full: FlaskClient) -> None:
        page = full.get("/status").text

        assert 'aria-label="missed: 5 at 11:10"' in page
        assert 'aria-label="not polled yet"' in page

    def test_tells_queues_workers_and_what_was_given_up(
        self, database: Database, make_app: MakeApp, redis: Redis, valkey_url: str
    ) -> None:
        give_up(redis, "poll-stars")
        client = make_app(redis_url=valkey_url).test_client()

        text = read(client.get("/status")).text

        assert "No worker runs" in text
        assert "1 job was given up in the queue default." in text
        assert "Queue default 0 waiting, 1 failed" in text


@by_the_front
class TestErrors:
    @pytest.mark.parametrize(
        ("path", "status", "detail"),
        [
            ("/?list=pyhton", 404, "no list named 'pyhton'; did you mean 'python'?"),
            ("/?window=1w", 400, "window='1w': expected one of 1h, 24h, 7d, 30d, 365d"),
            ("/?widow=1h", 400, "/ has no parameter 'widow'; it takes list, window, order, q"),
            ("/repos/a/nobody", 404, "no repository named 'a/nobody' was on any list"),
            ("/nowhere", 404, "there is nothing here"),
            ("/?list=python", 503, "no data yet"),
        ],
    )
    def test_are_pages_for_those_who_read_pages_and_problems_for_others(
        self, full: FlaskClient, path: str, status: int, detail: str
    ) -> None:
        page = full.get(path, headers=BROWSER)
        problem = full.get(path)

        assert (page.status_code, problem.status_code) == (status, status)
        assert page.content_type == "text/html; charset=utf-8"
        assert detail in Reader(page.text).text
        assert page.headers["Content-Security-Policy"] == POLICY
        assert problem.content_type == "application/problem+json"
        assert detail in problem.text
        for it in (page, problem):
            assert "Accept" in it.headers["Vary"]
            assert it.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize(
        "path", ["/api/v1/nowhere", "/api/v1/lists/x", "/charts.svg", "/static/x"]
    )
    def test_of_the_api_are_problems_for_everybody(self, full: FlaskClient, path: str) -> None:
        assert full.get(path, headers=BROWSER).content_type == "application/problem+json"

    @pytest.mark.parametrize("accept", ["*/*", "application/json", "application/problem+json, */*"])
    def test_are_problems_for_those_who_do_not_ask_for_pages(
        self, full: FlaskClient, accept: str
    ) -> None:
        response = full.get("/?list=x", headers={"Accept": accept})

        assert response.content_type == "application/problem+json"

    def test_before_the_first_poll_say_when_to_come_again(self, client: FlaskClient) -> None:
        response = client.get("/", headers=BROWSER)

        assert (response.status_code, response.headers["Retry-After"]) == (503, "30")
        assert 'data-renew="30"' in response.text
        assert "Try again in 30 seconds" in Reader(response.text).text

    def test_of_the_database_are_pages_too(self, make_app: MakeApp) -> None:
        response = make_app().test_client().get("/", headers=BROWSER)

        assert response.status_code == 503
        assert "/readyz" in response.text


@by_the_front
class TestHostileNames:
    @pytest.fixture
    def hostile(self, client: FlaskClient, database: Database) -> FlaskClient:
        evil = repo(
            1,
            full_name=f"owner/{EVIL}",
            language=EVIL,
            description=EVIL,
            html_url=f"javascript:alert(1)//{EVIL}",
        )
        poll(database, StubGitHub(answer([evil, repo(2, full_name="no-slash")])), -6)
        poll(database, StubGitHub(answer([evil])), -5)
        poll(database, StubGitHub(answer([evil, repo(2, full_name="no-slash")])), 0)
        publish(client, BUILT)
        return client

    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/?q=%3Cscript%3E",
            "/languages",
            "/owners",
            "/status",
            "/repos/owner/%22%3E%3Cscript%3E",
            "/compare?repos=%3Cscript%3E",
            "/?list=%3Cscript%3E",
            "/%3Cscript%3Ealert(1)%3C/script%3E",
        ],
    )
    def test_stay_text(self, hostile: FlaskClient, path: str) -> None:
        page = hostile.get(path, headers=BROWSER)

        assert "<script>" not in page.text
        assert "<img" not in page.text
        assert "49" not in re.findall(r"\{\{.*?\}\}|49(?=\W)", page.text.replace("49,", ""))
        assert "\u202e" not in Reader(page.text).text

    def test_have_a_page_with_links_that_lead_to_github_or_nowhere(
        self, client: FlaskClient, database: Database
    ) -> None:
        evil = repo(1, full_name="a/b", description=EVIL, html_url="javascript:alert(1)")
        poll(database, StubGitHub(answer([evil])), 0)
        publish(client, BUILT)

        page = read(client.get("/repos/a/b"))

        assert not [it for it in page.all("a", "href") if it.startswith("javascript:")]


class TestSpark:
    @pytest.mark.parametrize(
        ("values", "path"),
        [
            ([], ""),
            ([None, None], ""),
            ([5], "M0 60h0"),
            ([0, 30, 60], "M0 60h0l1 -30l1 -30"),
            ([0, None, 60], "M0 60h0M2 0h0"),
            ([100, 90, 100], "M0 0h0l1 60l1 -60"),
            ([1_000_000, 1_000_500], "M0 60h0l1 -30"),  # half a thousandth
        ],
    )
    def test_is_a_path_with_gaps(self, values: list[int | None], path: str) -> None:
        assert sparklines.spark(values) == path


@by_the_front
class TestStrip:
    def test_is_a_day_of_what_was_received_and_missed(self, app: Flask) -> None:
        of: ListStatus = {
            "slug": "stars",
            "as_of": None,
            "age_seconds": None,
            "expected": 12,
            "received": 9,
            "gaps": [
                {"from": "2026-03-01T10:07:00Z", "to": "2026-03-01T10:17:00Z", "slots": 1},
                {"from": "2026-03-01T11:07:00Z", "to": "2026-03-01T11:27:00Z", "slots": 2},
            ],
            "last_error": None,
        }

        found = status_page.day_strip(of, 10 * MINUTE, NOW)

        assert found == [(1320, 120, "received"), (1320, 10, "missed"), (1380, 20, "missed")]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (119, "1 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_800, "2 d"),
    ],
)
def test_a_duration_is_told_in_its_largest_unit(seconds: int, text: str) -> None:
    assert page_filters.duration(seconds) == text


class TestAssets:
    @by_the_front
    @pytest.mark.parametrize("it", assets.ALL, ids=lambda it: it.name)
    def test_are_to_be_kept_for_ever_under_the_name_of_what_is_in_them(
        self, client: FlaskClient, it: assets.Asset
    ) -> None:
        response = client.get(f"/static/{it.hashed}")
        zipped = client.get(f"/static/{it.hashed}", headers={"Accept-Encoding": "gzip"})

        assert response.data == it.body
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert zipped.headers["Vary"] == "Accept-Encoding"
        assert len(zipped.data) == len(it.gzipped)

    def test_have_another_name_once_they_change(self, tmp_path: Any) -> None:
        (tmp_path / "a.css").write_text("a {}")
        (before,) = assets.load(tmp_path)
        (tmp_path / "a.css").write_text("b {}")

        (after,) = assets.load(tmp_path)

        assert before.name == after.name == "a.css"
        assert before.hashed != after.hashed

    def test_have_the_types_that_browsers_insist_on(self) -> None:
        types = {it.name.rpartition(".")[2]: it.content_type for it in assets.ALL}

        assert types == {
            "css": "text/css; charset=utf-8",
            "js": "text/javascript; charset=utf-8",
            "svg": "image/svg+xml; charset=utf-8",
        }

    def test_draw_lines_in_the_colours_of_the_charts(self) -> None:
        css = assets.BY_NAME["site.css"].body.decode()

        for theme in (chart_style.LIGHT, chart_style.DARK):
            for number, colour in re.findall(r"\.color-(\d)\{stroke:(#\w+)", theme):
                assert f"--line-{number}: {colour};" in css


class TestDaily:
    def test_is_of_each_day_the_last_reading_with_gaps(
        self, database: Database, make_settings: MakeSettings
    ) -> None:
        for slot, stars in ((-450, 10), (-432, 11), (-150, 20), (-145, 21), (-144, 22), (0, 30)):
            poll(database, StubGitHub(answer([repo(1, stars=stars)])), slot)
        jobs.aggregate_lists(database, make_settings(), BUILT)

        with database.read() as session:
            assert readings.daily(session, STARS, NOON, 5) == {1: [None, 11, None, 22, 30]}
            assert readings.daily(session, FORKS, NOON, 5) == {}
