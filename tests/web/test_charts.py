"""Charts of readings and of the days of GitHub's star history, over the routes that serve them."""

from datetime import date, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from core import clock
from core.clock import DAY
from core.star_history import Week
from models import Follow
from store import follows, star_histories
from tests.support.common import MakeApp
from tests.support.github import StubGitHub, answer, poll, repo
from tests.support.served import BUILT, MINUTE, NOON, PYTHON, database_of, publish
from tests.support.stored import put, put_days
from web import chart_svg
from web.chart_style import Theme
from web.chart_svg import Line

pytestmark = pytest.mark.usefixtures("now")

CHART = "/charts/Loud/Motor.svg"
EIGHT = NOON - timedelta(hours=4)  # midnight in Los Angeles


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


def want(client: FlaskClient, full_name: str = "Loud/Motor") -> None:
    with database_of(client).write() as session:
        follows.ask(session, full_name, clock.now(), follow=False)


def read_page_2(client: FlaskClient) -> None:
    with database_of(client).write() as session:
        row = star_histories.star_history(session, 2)
        assert row is not None
        known = star_histories.days(row)
        assert known is not None
        week = Week(known.first - 7 * DAY, (1, 1, 1, 1, 1, 1, 1))
        star_histories.store_page(session, 2, 2, [week], row.pages, None, BUILT)


class TestDaysOfGitHub:
    def test_are_drawn_before_the_first_reading(self, full: FlaskClient, drawn: list[Any]) -> None:
        put_days(database_of(full), 2, *range(1, 7 * 8 + 1), last=date(2026, 2, 28))

        response = full.get(CHART)

        [([line], _)] = drawn
        assert [at for at, _ in line.github] == [EIGHT - it * DAY for it in range(55, -1, -1)]
        assert [stars for _, stars in line.github][-2:] == [1540, 1596]
        assert [stars for _, stars in line.points] == [49_800, 50_000][-len(line.points) :]
        assert line.sampled_since == NOON - 60 * MINUTE
        assert "Before 1 Mar 2026: GitHub's star history, in stars that stand today" in (
            response.text.replace("&#x27;", "'")
        )

    def test_are_a_chart_where_there_is_no_reading(
        self, full: FlaskClient, drawn: list[Any]
    ) -> None:
        with database_of(full).write() as session:
            session.connection().exec_driver_sql("DELETE FROM reading WHERE repository_id = 2")
        put_days(database_of(full), 2, 10, 20, 30, last=date(2026, 2, 28))

        assert "60 stars on 1 March 2026" in full.get(CHART).text
        [([line], step)] = drawn
        assert (len(line.points), len(line.github), step) == (0, 7, DAY)

    @pytest.mark.parametrize(("span", "first"), [("7d", 6), ("30d", 29), ("all", 699)])
    def test_lie_within_the_span_that_is_asked_for(
        self, full: FlaskClient, drawn: list[Any], span: str, first: int
    ) -> None:
        put_days(database_of(full), 2, *(700 * [1]), last=date(2026, 2, 28))

        full.get(f"{CHART}?span={span}")

        [([line], _)] = drawn
        assert line.github[0][0] >= EIGHT - (first + 1) * DAY
        assert line.github[-1][0] == EIGHT

    @pytest.mark.parametrize("years", [1, 4, 15])
    def test_are_thinned_to_what_can_be_seen(
        self, full: FlaskClient, drawn: list[Any], years: int
    ) -> None:
        put_days(database_of(full), 2, *(years * 365 * [3]), last=date(2026, 2, 28))

        response = full.get(CHART)

        [([line], step)] = drawn
        assert len(line.both) <= chart_svg.MOST_STEPS + 1
        assert line.github[-1][1] <= years * 365 * 3
        assert line.github[-1][0] > EIGHT - 2 * step
        assert len(response.data) < 40_000

    def test_are_the_stars_of_each_day_where_those_are_asked_for(self, full: FlaskClient) -> None:
        put_days(database_of(full), 2, 10, 20, 300, last=date(2026, 2, 28))

        response = full.get(f"{CHART}?show=daily")

        root = ElementTree.fromstring(response.data)
        desc = root.findtext("{http://www.w3.org/2000/svg}desc")
        assert desc == (
            "Stars a day of Loud/Motor from 2026-02-22 to 2026-02-28: "
            "47.1 in the mean, 300 on 2026-02-28."
        )
        assert "stars a day until 28 February 2026" in response.text

    def test_have_neither_another_scale_nor_ages_but_all_stars_have(
        self, full: FlaskClient, drawn: list[Any]
    ) -> None:
        refused = full.get(f"{CHART}?show=daily&scale=log")
        assert refused.status_code == 400
        assert "show=daily has neither scale=log nor align=age" in refused.text

        put_days(database_of(full), 2, *[1] * 40, last=date(2026, 2, 27), read_at=NOON)
        aged = full.get("/charts.svg?repos=loud/motor,quiet/harbor&scale=log&align=age&span=7d")

        ElementTree.fromstring(aged.data)
        assert "by age" in aged.text
        [([motor, harbor], _)] = drawn
        assert [len(motor.both), len(harbor.both)] == [7, 2]  # the first week of each
        assert motor.both[0][0] < harbor.both[0][0] - 30 * DAY

    def test_that_are_read_in_part_are_told_so_by_age(self, full: FlaskClient) -> None:
        put_days(database_of(full), 1, *(7 * [1]), last=date(2026, 2, 28))
        put_days(database_of(full), 2, *(7 * [1]), last=date(2026, 2, 28), pages=11)

        aged = full.get("/charts.svg?repos=loud/motor,quiet/harbor&align=age").text

        assert "Loud/Motor\N{EN SPACE}50k*<" in aged
        assert "Quiet/Harbor\N{EN SPACE}49.9k<" in aged
        assert " · * known in part<" in aged

    def test_of_one_that_left_all_lists_end_when_it_was_last_seen(
        self, full: FlaskClient, drawn: list[Any]
    ) -> None:
        for days in (40, 30):
            gone = repo(7, full_name="Long/Gone", stars=100 - days)
            put(database_of(full), gone, at=NOON - days * DAY, ranked=PYTHON)

        full.get("/charts/Long/Gone.svg?span=7d")

        [([line], _)] = drawn
        assert line.points == [(NOON - 30 * DAY, 70)]

    def test_that_nobody_read_are_missed_in_words(self, full: FlaskClient) -> None:
        response = full.get(f"{CHART}?show=daily")

        assert response.status_code == 200
        assert "No days of GitHub" in response.text
        assert "star history of Loud/Motor are known yet" in response.text

    def test_lead_up_to_readings_that_no_build_knows_yet(
        self, full: FlaskClient, drawn: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clock, "now", lambda: NOON + 12 * MINUTE)
        later = answer([repo(9, full_name="New/Comer", stars=61)])
        poll(database_of(full), StubGitHub(later), 1)
        put_days(database_of(full), 3, 10, 20, 30, last=date(2026, 2, 28))

        full.get("/charts.svg?repos=new/comer,loud/motor")

        [([new, known], _)] = drawn
        assert (new.points, new.github[-1]) == ([(NOON + 10 * MINUTE, 61)], (EIGHT, 60))
        assert known.points[-1][0] == NOON


@pytest.mark.parametrize("make_app", ["by the front"], indirect=True)
class TestACachedChart:
    def test_was_modified_when_more_pages_were_read(self, full: FlaskClient) -> None:
        since = {"If-Modified-Since": full.get(CHART).headers["Last-Modified"]}
        assert full.get(CHART, headers=since).status_code == 304

        read_at = BUILT + MINUTE
        put_days(database_of(full), 2, 1, last=date(2026, 2, 28), pages=2, read_at=read_at)

        assert full.get(CHART, headers=since).status_code == 200

    def test_is_another_one_once_more_pages_are_read(
        self, full: FlaskClient, drawn: list[Any]
    ) -> None:
        before = full.get(CHART).data
        put_days(database_of(full), 2, *(7 * [1]), last=date(2026, 2, 28), pages=2)
        amid = [full.get(CHART).data for _ in range(3)]
        read_page_2(full)
        after = [full.get(CHART).data for _ in range(3)]

        assert len({before, *amid, *after}) == 3
        assert len(drawn) == 3

    def test_of_all_pages_is_sent_again_without_a_look(
        self, full: FlaskClient, drawn: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put_days(database_of(full), 2, *(7 * [1]), last=date(2026, 2, 28))
        before = full.get(CHART).data
        monkeypatch.delattr("web.charts.repositories")

        assert full.get(CHART).data == before

    def test_is_asked_for_soon_while_somebody_waits_for_the_rest(
        self, full: FlaskClient, drawn: list[Any]
    ) -> None:
        put_days(database_of(full), 2, *(7 * [1]), last=date(2026, 2, 28), pages=14)
        want(full)

        for _ in range(3):
            response = full.get(CHART)

            assert response.headers["Cache-Control"] == "public, max-age=3"
            assert response.headers["Starboard-Notice"] == "collecting"
            assert "page 1 of 14" in response.text
        assert len(drawn) == 1

        publish(full, BUILT + MINUTE)
        with database_of(full).write() as session:
            row = star_histories.star_history(session, 2)
            assert row is not None
            row.pages = 1
        whole = full.get(CHART)
        assert "stale-if-error" in whole.headers["Cache-Control"]
        assert "Starboard-Notice" not in whole.headers


class TestARepositoryThatNobodySaw:
    """Its history is asked for, and it is not followed."""

    @pytest.fixture
    def site(self, full: FlaskClient, make_app: MakeApp) -> FlaskClient:
        return make_app(follow="anyone").test_client()

    def wishes(self, client: FlaskClient) -> list[tuple[str, bool]]:
        with database_of(client).read() as session:
            rows = session.scalars(select(Follow).order_by(Follow.name))
            return [(row.full_name, row.followed_since is not None) for row in rows]

    def test_is_asked_for_once_and_a_picture_says_so(self, site: FlaskClient) -> None:
        for _ in range(2):
            response = site.get("/charts/no/body.svg")

            assert (response.status_code, response.content_type) == (200, "image/svg+xml")
            assert "Collecting the star history of no/body" in response.text
            assert response.headers["Cache-Control"] == "public, max-age=3"
            assert response.headers["Starboard-Notice"] == "collecting"
        assert self.wishes(site) == [("no/body", False)]

    def test_is_counted_by_pages_once_it_has_some(self, site: FlaskClient) -> None:
        site.get("/charts/no/body.svg")
        with database_of(site).write() as session:
            wish = session.get_one(Follow, "no/body")
            wish.repository_id = 2
        put_days(database_of(site), 2, *(7 * [1]), last=date(2026, 2, 28), pages=14)

        text = site.get("/charts/no/body.svg").text
        assert "Collecting the star history of no/body, page 1 of 14" in text

    def test_is_not_asked_for_where_one_may_not(self, full: FlaskClient) -> None:
        response = full.get("/charts/no/body.svg")

        assert response.headers["Starboard-Notice"] == "unknown repository"
        assert response.headers["Cache-Control"] == "public, max-age=60"
        assert self.wishes(full) == []

    def test_is_not_asked_for_by_a_page_of_another_site(
        self, full: FlaskClient, make_app: MakeApp
    ) -> None:
        site = make_app(follow="local").test_client()
        elsewhere = {"Sec-Fetch-Site": "cross-site"}

        site.get("http://127.0.0.1:8000/charts/no/body.svg", headers=elsewhere)
        assert self.wishes(site) == []
        site.get("http://127.0.0.1:8000/charts/no/body.svg")
        assert self.wishes(site) == [("no/body", False)]

    def test_is_unknown_once_github_said_that_there_is_none(self, site: FlaskClient) -> None:
        site.get("/charts/no/body.svg")
        with database_of(site).write() as session:
            session.get_one(Follow, "no/body").gone_at = clock.now()

        response = site.get("/charts/no/body.svg")

        assert "No repository named no/body was on any list" in response.text
        assert response.headers["Starboard-Notice"] == "unknown repository"

    def test_hears_that_too_many_wait(
        self, site: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(follows, "MOST_WAITING", 1)
        site.get("/charts/no/body.svg")

        response = site.get("/charts/one/more.svg")

        assert (response.status_code, "Too many wait" in response.text) == (200, True)
        assert response.headers["Starboard-Notice"] == "too many wait"
        assert response.headers["Cache-Control"] == "public, max-age=60"
        assert self.wishes(site) == [("no/body", False)]

    def test_is_asked_for_in_a_comparison_alone(self, site: FlaskClient) -> None:
        response = site.get("/charts.svg?repos=no/body,a/b")

        assert "Collecting the star history of no/body and a/b" in response.text
        assert response.headers["Cache-Control"] == "public, max-age=3"
        assert self.wishes(site) == [("a/b", False), ("no/body", False)]

    def test_is_asked_for_beside_another_and_hides_it_not(self, site: FlaskClient) -> None:
        for _ in range(2):
            response = site.get("/charts.svg?repos=no/body,Loud/Motor")

            assert "no/body\N{EN SPACE}collecting" in response.text
            assert "Loud/Motor\N{EN SPACE}50k" in response.text
            assert response.headers["Cache-Control"] == "public, max-age=3"
            assert response.headers["Starboard-Notice"] == "collecting"
        assert self.wishes(site) == [("no/body", False)]

    @pytest.mark.parametrize(
        ("show", "figure", "unknown"),
        [("daily", "1 a day", "no days"), ("rank", "1", "not listed")],
    )
    def test_is_in_the_legend_whatever_is_shown_of_the_others(
        self, site: FlaskClient, full: FlaskClient, show: str, figure: str, unknown: str
    ) -> None:
        put_days(database_of(full), 2, *(7 * [1]), last=date(2026, 2, 28))
        path = f"/charts.svg?repos=no/body,Loud/Motor&show={show}"

        refused, asked = full.get(path).text, site.get(path).text

        assert f"no/body\N{EN SPACE}{unknown}<" in refused
        assert "no/body\N{EN SPACE}collecting<" in asked
        assert f"Loud/Motor\N{EN SPACE}{figure}<" in asked

    def test_that_waits_for_its_days_is_collected_where_those_are_shown(
        self, full: FlaskClient
    ) -> None:
        want(full)
        assert "Collecting the star history of Loud/Motor" in full.get(f"{CHART}?show=daily").text

        put_days(database_of(full), 1, *(7 * [1]), last=date(2026, 2, 28))
        beside = full.get("/charts.svg?repos=Loud/Motor,Quiet/Harbor&show=daily").text
        assert "Loud/Motor\N{EN SPACE}collecting<" in beside

    def test_that_is_wanted_and_has_no_page_yet_is_collected(self, full: FlaskClient) -> None:
        with database_of(full).write() as session:
            session.connection().exec_driver_sql("DELETE FROM reading WHERE repository_id = 2")
        want(full)

        response = full.get(CHART)

        assert "Collecting the star history of Loud/Motor" in response.text
        assert response.headers["Cache-Control"] == "public, max-age=3"
