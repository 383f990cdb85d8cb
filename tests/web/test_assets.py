"""Static files: kept for ever under names that change with them."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.pages import by_the_front
from web import assets, chart_style

pytestmark = pytest.mark.usefixtures("now")


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


def test_robots_and_the_icon_are_where_everybody_asks(client: FlaskClient) -> None:
    robots = client.get("/robots.txt", headers={"X-Forwarded-Prefix": "/stars"})

    assert "User-agent: *\nDisallow: /stars/api/\n" in robots.text
    assert client.get("/favicon.ico").content_type.startswith("image/svg+xml")
