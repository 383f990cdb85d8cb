"""What holds for every page."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from core import clock
from core.clock import DAY
from tests.support.common import MakeApp
from tests.support.pages import BROWSER, PAGES, POLICY, by_the_front, read
from tests.support.served import MINUTE, NOON, NOW, publish

pytestmark = pytest.mark.usefixtures("now")


# What anybody types, what is live, and what grows as soon as somebody follows it
OF_THE_MOMENT = (
    "/?q=motor",
    "/status",
    "/repos/loud/motor",
    "/repos/Loud/Motor?span=7d",
    "/repos/Loud/Motor?show=daily",
    "/compare?repos=loud/motor,quiet/harbor&window=1h&span=1y",
    "/compare?repos=loud/motor,quiet/harbor&scale=log&align=age",
)


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

    @pytest.mark.parametrize("path", [it for it in PAGES if it not in OF_THE_MOMENT])
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
        assert front._cache.by_request == {}
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

        assert "updated 1 Mar, 12:00 UTC" in page.text
        assert "Next 12:15 UTC, then every 15 min" in page.text
        assert ("p", "2026-03-01T12:35:00Z") in [
            (tag, it.get("data-stale-at")) for tag, it in page.tags
        ]
        assert 'class="fresh"' in full.get("/").text

    def test_say_that_their_data_was_stale_already_when_they_were_made(
        self, full: FlaskClient
    ) -> None:
        publish(full, NOON + 36 * MINUTE)

        assert 'class="fresh stale"' in full.get("/").text

    def test_name_the_address_and_the_words_to_share_them_by(
        self, full: FlaskClient, make_app: MakeApp
    ) -> None:
        at_home = read(full.get("/repos/Loud/Motor?span=7d"))
        public = make_app(public_url="https://stars.example/board").test_client()
        shared = read(public.get("/?list=stars&order=gain"))

        assert ("link", {"rel": "canonical", "href": "/repos/Loud/Motor"}) in at_home.tags
        named = {it.get("property") or it.get("name"): it.get("content") for _, it in shared.tags}
        assert named["og:url"] == "https://stars.example/board/?list=stars"
        assert named["og:title"] == "Stars"
        assert named["description"] == named["og:description"]
        pictures = {
            page: [
                it["content"]
                for _, it in read(public.get(page)).tags
                if it.get("property") == "og:image"
            ]
            for page in ("/repos/Loud/Motor", "/compare?repos=loud/motor,quiet/harbor", "/status")
        }
        assert pictures == {
            "/repos/Loud/Motor": ["https://stars.example/board/charts/Loud/Motor.svg?theme=light"],
            "/compare?repos=loud/motor,quiet/harbor": [
                "https://stars.example/board/charts.svg?repos=Loud/Motor,Quiet/Harbor&theme=light"
            ],
            "/status": [],
        }
        status = ("link", {"rel": "canonical", "href": "https://stars.example/board/status"})
        assert status in read(public.get("/status")).tags
        assert "the list Stars by stars" in (named["description"] or "")
