"""A repository's page."""

import json
import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from core.clock import HOUR, MINUTE
from tests.support.github import repo
from tests.support.pages import Reader, by_the_front, read
from tests.support.served import BUILT, NOON, database_of, publish
from tests.support.stored import PYTHON, put

pytestmark = pytest.mark.usefixtures("now")


@by_the_front
class TestRepositories:
    def test_have_figures_gains_places_and_events(self, full: FlaskClient) -> None:
        text = read(full.get("/repos/loud/motor")).text

        assert "Stars 50,000 Rank by stars 1 Forks 3 Open issues 3" in text
        assert "1 hour +200 +0.40 % +1 ▲up 1 1 Mar 2026, 11:00" in text
        assert "Ranks Stars 1 in 30 days, as CSV 1" in text
        assert "overtook Quiet/Harbor for rank 1 on Stars 1 Mar 2026, 12:00" in text
        assert "reached 50,000 stars on Stars 1 Mar 2026, 12:00" in text

    def test_on_no_list_tell_no_movement_and_how_old_their_gains_are(
        self, full: FlaskClient
    ) -> None:
        page = full.get("/repos/brief/fame").text

        assert "On no list now." in page
        assert '<span class="move new">' not in page
        assert "up to 1 Mar 2026, 11:00 UTC, when it was last seen" in Reader(page).text
        assert "up to" not in full.get("/repos/loud/motor").text

    def test_are_led_to_from_a_name_of_the_past(self, full: FlaskClient) -> None:
        response = full.get("/repos/Loud/ENGINE?span=7d")

        assert (response.status_code, response.location) == (301, "/repos/Loud/Motor?span=7d")

    @pytest.mark.parametrize(
        ("span", "query"),
        [
            ("7d", {"from": "2026-02-22T12:00:01Z"}),
            ("30d", {"from": "2026-01-30T12:00:01Z"}),
            ("1y", {"from": "2025-03-01T12:00:01Z"}),
            ("all", {}),
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
        assert history.request.args.to_dict() == {"to": "2026-03-01T12:00:01Z", **query}

    def test_show_their_chart_as_a_picture_until_scripts_have_drawn(
        self, full: FlaskClient
    ) -> None:
        page = full.get("/repos/Loud/Motor").text

        assert re.search(r'">\n<img src="/charts/Loud/Motor.svg" alt="[^"]+" width', page)

    def test_show_the_stars_of_each_day_and_the_ranks_of_30_days(self, full: FlaskClient) -> None:
        text = full.get("/repos/Loud/Motor?show=daily&span=30d").text

        assert '<img src="/charts/Loud/Motor.svg?show=daily&amp;span=30d"' in text
        assert "data-lines" not in text
        assert '<path d="M30 60h0"/>' in text  # a rank on one day
        assert 'href="/api/v1/repos/Loud/Motor/ranks?list=stars&amp;format=csv"' in text

    def test_tell_the_rank_of_each_day_wherever_its_midnight_is(self, full: FlaskClient) -> None:
        for hours in (13, 40):
            put(database_of(full), repo(2), repo(1), at=NOON - hours * HOUR)
        publish(full, BUILT + MINUTE)

        text = full.get("/repos/Loud/Motor").text

        assert '<path d="M28 60h0l1 0l1 0"/>' in text

    def test_say_how_to_show_them_elsewhere(self, full: FlaskClient) -> None:
        page = full.get("/repos/Loud/Motor", base_url="https://stars.example").text

        page = unescape(page)
        chart = "https://stars.example/charts/Loud/Motor.svg"
        link = "https://stars.example/repos/Loud/Motor"
        assert f'<source media="(prefers-color-scheme: dark)" srcset="{chart}?theme=dark">' in page
        assert f'<img alt="Star history of Loud/Motor" src="{chart}?theme=light">' in page
        badge = "https://stars.example/badges/Loud/Motor.svg"
        assert f"[![Stars of Loud/Motor]({badge})]({link})" in page
        assert f"![Rank of Loud/Motor]({badge}?show=rank)" in page
        assert f"![Stars gained in 7 days of Loud/Motor]({badge}?show=gain&window=7d)" in page
        assert "GitHub cannot fetch" not in page
        for host in ("localhost", "127.0.0.1:8000", "[::1]", "192.168.1.7", "my.local"):
            here = full.get("/repos/Loud/Motor", base_url=f"http://{host}").text
            assert f"GitHub cannot fetch pictures from http://{host}" in here

    def test_offer_a_badge_of_the_rank_that_they_have(self, full: FlaskClient) -> None:
        database = database_of(full)
        put(database, repo(77, full_name="Only/Python"), ranked=PYTHON)
        publish(full, BUILT + MINUTE)

        page = unescape(full.get("/repos/Only/Python").text)

        assert "/badges/Only/Python.svg?show=rank&list=python)" in page

    def test_that_are_on_no_list_say_so_and_when_they_were_seen(self, full: FlaskClient) -> None:
        text = read(full.get("/repos/brief/fame")).text

        assert "last seen 1 Mar 2026, 11:00 UTC" in text
        assert "last seen" not in read(full.get("/repos/loud/motor")).text

        assert "Rank by stars not listed" in text
        assert "On no list now." in text


@by_the_front
class TestRanks:
    @pytest.fixture
    def ranked(self, full: FlaskClient) -> FlaskClient:
        for hours in (13, 40):
            put(database_of(full), repo(1), repo(2), at=NOON - hours * HOUR)
        publish(full, BUILT + MINUTE)
        return full

    def test_are_answered_by_the_list_that_they_name(self, ranked: FlaskClient) -> None:
        picture = ranked.get("/charts/loud/motor.svg?show=rank&list=stars")

        assert "rank 1 on Stars, 1 March 2026" in picture.text
        assert "from 2 to 1, 1 at best." in picture.text
        assert ranked.get("/charts/loud/motor.svg?show=rank").data == picture.data
        assert "never seen on the list Python" in (
            ranked.get("/charts/loud/motor.svg?show=rank&list=python").text
        )
        assert ranked.get("/charts/loud/motor.svg?show=rank&list=pyhton").status_code == 404
        refused = ranked.get("/charts/loud/motor.svg?show=rank&scale=log")
        assert "show=rank has neither scale=log nor align=age" in refused.text

    def test_of_the_page_show_the_picture_and_its_table(self, ranked: FlaskClient) -> None:
        text = ranked.get("/repos/Loud/Motor?show=rank&list=python&span=30d").text

        path = "/charts/Loud/Motor.svg?show=rank&amp;list=python&amp;span=30d"
        assert f'<img src="{path}" alt="Rank of Loud/Motor on Python"' in text
        assert "/ranks?list=python&amp;format=csv" in text
        assert '<option value="python" selected>' in text
        assert '<link rel="canonical" href="/repos/Loud/Motor">' in text
