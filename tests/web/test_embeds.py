"""Charts, badges and feeds: what other pages show, over the routes that serve it."""

import re
from datetime import UTC, date, datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from core.clock import DAY
from history.thinning import thin
from tests.support.common import MakeApp
from tests.support.github import StubGitHub, answer, poll, repo
from tests.support.served import BUILT, MINUTE, NOON, NOW, PYTHON, database_of, problem, publish
from tests.support.stored import put, put_days
from web import chart_svg
from web.chart_style import Theme
from web.chart_svg import Line

pytestmark = pytest.mark.usefixtures("now")

CHART = "/charts/Loud/Motor.svg"
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[Line], Any]]:
    """What was drawn, each time."""
    calls: list[tuple[list[Line], Any]] = []
    draw = chart_svg.draw

    def noted(lines: list[Line], step: Any, theme: Theme, *look: Any) -> bytes:
        calls.append((list(lines), step))
        return draw(lines, step, theme, *look)

    monkeypatch.setattr(chart_svg, "draw", noted)
    return calls


class TestACharts:
    def test_line_is_the_history_of_the_repository(
        self, full: FlaskClient, drawn: list[Any]
    ) -> None:
        response = full.get(CHART)

        [(lines, step)] = drawn
        assert lines == [
            Line(
                "Loud/Motor",
                [
                    (datetime(2026, 3, 1, 11, tzinfo=UTC), 49_800),
                    (datetime(2026, 3, 1, 12, tzinfo=UTC), 50_000),
                ],
                partly=True,
            )
        ]
        assert step == 10 * MINUTE
        assert (response.status_code, response.content_type) == (200, "image/svg+xml")
        ElementTree.fromstring(response.data)

    def test_picture_holds_until_the_next_build(self, full: FlaskClient) -> None:
        response = full.get(CHART)

        again = full.get(CHART, headers={"If-None-Match": response.headers["ETag"]})
        assert again.status_code == 304
        assert response.headers["Cache-Control"].startswith("public, max-age=510, ")

    @pytest.mark.parametrize("make_app", ["by the front"], indirect=True)
    def test_picture_is_drawn_once_a_build(self, full: FlaskClient, drawn: list[Any]) -> None:
        for _ in range(3):
            full.get(CHART)
        publish(full, BUILT + MINUTE)
        for _ in range(3):
            full.get(CHART)

        assert len(drawn) == 2

    @pytest.mark.parametrize("make_app", ["by the front"], indirect=True)
    def test_picture_is_drawn_once_however_it_is_asked_for(
        self, full: FlaskClient, drawn: list[Any]
    ) -> None:
        for path in (
            CHART,
            CHART.lower(),
            f"{CHART}?",
            f"{CHART}?theme=auto",
            f"{CHART}?theme=%61uto",
        ):
            assert full.get(path).status_code == 200

        assert len(drawn) == 1

    def test_picture_shows_what_the_build_knew_in_every_process(
        self, full: FlaskClient, make_app: MakeApp
    ) -> None:
        before = full.get(CHART).data
        later = answer([repo(2, full_name="Loud/Motor", stars=50_100), repo(1)])
        poll(database_of(full), StubGitHub(later), 1)

        other = make_app().test_client()
        assert other.get(CHART).data == before
        assert other.get("/badges/Loud/Motor.json").json == full.get("/badges/Loud/Motor.json").json

    def test_span_may_be_shorter_than_the_history(
        self, full: FlaskClient, drawn: list[Any]
    ) -> None:
        github = StubGitHub(answer([repo(2, full_name="Loud/Motor"), repo(1)]))
        poll(database_of(full), github, -144 * 20)
        for span in ("7d", "30d", "all"):
            full.get(f"{CHART}?span={span}")

        assert [len(lines[0].points) for lines, _ in drawn] == [2, 3, 3]

    @pytest.mark.parametrize("theme", ["light", "dark", "auto"])
    def test_theme_is_that_which_was_asked_for(self, full: FlaskClient, theme: Theme) -> None:
        svg = full.get(f"{CHART}?theme={theme}").data

        assert (b"prefers-color-scheme" in svg) == (theme == "auto")

    @pytest.mark.parametrize(
        "path",
        ["/charts/no/body.svg", "/charts.svg?repos=no/body", "/charts.svg?repos=no/body,a/b"],
    )
    def test_repository_that_nobody_saw_is_a_picture_that_says_so(
        self, full: FlaskClient, path: str
    ) -> None:
        response = full.get(path)

        assert (response.status_code, response.content_type) == (200, "image/svg+xml")
        assert "No repository named no/body" in response.text
        assert response.headers["Cache-Control"] == "public, max-age=60"
        assert response.headers["Starboard-Notice"] == "unknown repository"
        assert (
            "prefers-color-scheme"
            not in full.get(f"{path}{'&' if '?' in path else '?'}theme=dark").text
        )

    def test_repository_that_nobody_saw_does_not_hide_another(
        self, full: FlaskClient, drawn: list[Any]
    ) -> None:
        for _ in range(2):
            response = full.get("/charts.svg?repos=no/body,Loud/Motor")

            [*_, (lines, _)] = drawn
            assert [(it.name, len(it.points)) for it in lines] == [
                ("Loud/Motor", 2),
                ("no/body", 0),
            ]
            assert response.status_code == 200
            assert "no/body\N{EN SPACE}no readings" in response.text
            assert response.headers["Starboard-Notice"] == "unknown repository"
            assert response.headers["Cache-Control"] == "public, max-age=60"
        assert "Starboard-Notice" not in full.get("/charts.svg?repos=Loud/Motor").headers

    @pytest.mark.parametrize("path", [CHART, "/charts/no/body.svg", "/charts.svg?repos=a/b"])
    def test_picture_says_how_large_it_is(self, full: FlaskClient, path: str) -> None:
        root = ElementTree.fromstring(full.get(path).data).attrib

        assert root["viewBox"] == f"0 0 {root['width']} {root['height']}"
        assert int(root["width"]) == 800

    def test_name_of_the_past_leads_to_the_new_one(self, full: FlaskClient) -> None:
        response = full.get("/charts/loud/engine.svg?theme=dark")

        assert response.status_code == 301
        assert response.headers["Location"] == f"{CHART}?theme=dark"
        assert response.headers["Cache-Control"] == "public, max-age=900"

    def test_repositories_are_compared_each_once(self, full: FlaskClient, drawn: list[Any]) -> None:
        full.get("/charts.svg?repos=quiet/harbor,Loud/Motor, loud/ENGINE ,quiet/harbor")

        [(lines, _)] = drawn
        assert [line.name for line in lines] == ["Quiet/Harbor", "Loud/Motor"]

    @pytest.mark.parametrize(
        "repos", ["", "a", "a/b,", "a/b/c", "a/..", "<a>/b", ",".join(f"a/b{n}" for n in range(11))]
    )
    def test_comparison_of_anything_else_says_what_would_be_right(
        self, full: FlaskClient, repos: str
    ) -> None:
        status, detail = problem(full.get("/charts.svg", query_string={"repos": repos}))

        assert status == 400
        assert detail.endswith("expected 1 to 10 repositories, as owner/name,owner/name")

    def test_days_of_an_archive_are_joined_though_hours_are_kept_here(
        self, full: FlaskClient, drawn: list[Any]
    ) -> None:
        for day in range(2, 30):
            github = StubGitHub(answer([repo(1, full_name="Old/Days", stars=40_000 + day)]))
            poll(database_of(full), github, -144 * day)

        full.get("/charts/Quiet/Harbor.svg")

        [*_, (_, step)] = drawn
        assert step == 144 * 10 * MINUTE


class TestABadge:
    def test_of_what_nobody_fetched_for_a_day_says_of_when_it_is(self, full: FlaskClient) -> None:
        put(database_of(full), repo(7, full_name="Old/Boat", stars=41_234), at=BUILT - 3 * DAY)

        response = full.get("/badges/Old/Boat.json")

        assert response.json is not None
        assert (response.json["message"], response.json["color"]) == (
            "41.2k on 26 Feb 2026",
            "lightgrey",
        )
        assert response.headers["Starboard-As-Of"] == "2026-02-26T12:05:00Z"

    @pytest.mark.parametrize(
        ("query", "label", "message", "color"),
        [
            ("", "stars", "50k", "blue"),
            ("show=stars", "stars", "50k", "blue"),
            ("show=rank", "Stars rank", "#1", "blue"),
            ("show=rank&list=python", "Python rank", "–", "lightgrey"),
            ("show=gain&window=1h", "stars in 1h", "+200", "blue"),
            ("show=gain&window=7d", "stars in 7d", "–", "lightgrey"),
        ],
    )
    def test_tells_what_it_was_asked_for(
        self,
        full: FlaskClient,
        query: str,
        label: str,
        message: str,
        color: str,
    ) -> None:
        assert full.get(f"/badges/Loud/Motor.json?{query}").json == {
            "schemaVersion": 1,
            "label": label,
            "message": message,
            "color": color,
            "cacheSeconds": 900,
        }

        picture = full.get(f"/badges/Loud/Motor.svg?{query}")
        assert picture.content_type == "image/svg+xml"
        root = ElementTree.fromstring(picture.data)
        assert root.get("aria-label") == f"{label}: {message}"
        assert [it.text for it in root.iter() if it.tag.endswith("text")] == [label, message]

    def test_says_when_a_gain_is_by_githubs_days(self, full: FlaskClient) -> None:
        put_days(database_of(full), 2, *[5] * 60, last=date(2026, 2, 27), read_at=NOON)

        picture = full.get("/badges/Loud/Motor.svg?show=gain&window=30d").text

        assert re.search(r">\+\d+ until 28 Feb, by GitHub</text>", picture)

    def test_of_a_name_of_the_past_is_at_the_new_one(self, full: FlaskClient) -> None:
        response = full.get("/badges/loud/engine.json?show=rank")

        assert response.status_code == 301
        assert response.headers["Location"] == "/badges/Loud/Motor.json?show=rank"

    def test_of_nobody_is_not_there(self, full: FlaskClient) -> None:
        assert problem(full.get("/badges/no/body.json"))[0] == 404

    def test_of_an_installation_without_the_list_stars_are_of_its_first(
        self, full: FlaskClient, make_app: MakeApp
    ) -> None:
        other = make_app(lists=(PYTHON,)).test_client()

        badge = other.get("/badges/Loud/Motor.json?show=rank").json

        assert badge is not None
        assert badge["label"] == "Python rank"


def entries(feed: bytes) -> list[dict[str, str | None]]:
    root = ElementTree.fromstring(feed)
    return [
        {
            child.tag.removeprefix(ATOM): child.text or child.get("href") or child.get("term")
            for child in entry
        }
        for entry in root.findall(f"{ATOM}entry")
    ]


class TestAFeed:
    def test_has_the_newest_events_first(self, full: FlaskClient) -> None:
        response = full.get("/feeds/stars.atom", base_url="https://stars.test")
        ids = [it["id"] for it in entries(response.data)]

        assert response.content_type == "application/atom+xml; charset=utf-8"
        assert entries(response.data) == [
            {
                "title": "Loud/Motor reached 50,000 stars",
                "link": "https://stars.test/repos/Loud/Motor",
                "updated": "2026-03-01T12:00:00+00:00",
                "id": ids[0],
                "category": "milestone",
            },
            {
                "title": "Loud/Motor overtook Quiet/Harbor for rank 1",
                "link": "https://stars.test/repos/Loud/Motor",
                "updated": "2026-03-01T12:00:00+00:00",
                "id": ids[1],
                "category": "overtook",
            },
        ]

    def test_gives_an_entry_the_same_id_wherever_it_is_read(self, full: FlaskClient) -> None:
        feeds = [
            full.get("/feeds/stars.atom", base_url=url).data
            for url in ("https://stars.test", "http://[::1]:8000", "http://127.0.0.1")
        ]

        ids = [[it["id"] for it in entries(feed)] for feed in feeds]
        assert ids[0] == ids[1] == ids[2]
        assert len(set(ids[0])) == 2
        assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", it or "") for it in ids[0])

    def test_keeps_its_own_id_and_those_of_its_entries_for_ever(self, full: FlaskClient) -> None:
        def ids() -> list[str]:
            root = ElementTree.fromstring(full.get("/feeds/stars.atom").data)
            return [it.text or "" for it in root.iter(f"{ATOM}id")]

        before = ids()
        thinned = thin(database_of(full), NOW + 100 * DAY)
        poll(database_of(full), StubGitHub(answer([repo(1)])), 144 * 100)

        assert thinned["polls"] > 0
        assert ids()[0] == before[0]
        assert set(before) <= set(ids())
        python = ElementTree.fromstring(full.get("/feeds/python.atom").data)
        assert python.findtext(f"{ATOM}id") not in before

    def test_has_all_that_atom_requires(self, full: FlaskClient) -> None:
        root = ElementTree.fromstring(full.get("/feeds/python.atom").data)

        assert root.tag == f"{ATOM}feed"
        assert {it.tag.removeprefix(ATOM) for it in root} >= {"id", "title", "updated", "author"}
        assert root.findtext(f"{ATOM}author/{ATOM}name") == "Starboard"
        links = {it.get("rel"): it.get("href") for it in root.findall(f"{ATOM}link")}
        assert links["self"] == "http://localhost/feeds/python.atom"

    def test_without_events_is_the_same_each_time(self, full: FlaskClient) -> None:
        one, other = (full.get("/feeds/python.atom") for _ in range(2))

        assert one.headers["ETag"] == other.headers["ETag"]
        assert entries(one.data) == []

    @pytest.mark.parametrize("header", ["If-None-Match", "If-Modified-Since"])
    def test_is_not_sent_again_to_those_that_have_it(self, full: FlaskClient, header: str) -> None:
        first = full.get("/feeds/stars.atom")
        value = first.headers["ETag" if header == "If-None-Match" else "Last-Modified"]

        assert full.get("/feeds/stars.atom", headers={header: value}).status_code == 304

    def test_of_no_list_is_a_problem(self, full: FlaskClient) -> None:
        assert problem(full.get("/feeds/pyhton.atom"))[0] == 404
