"""Where readers find this server: links lead there, and caches know what they depend on."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import create_engine

from settings import SettingsError, from_environment
from tests.support.common import MakeApp
from tests.support.pages import PAGES, Reader
from tests.support.served import EVENTS, HISTORY, fill

pytestmark = pytest.mark.usefixtures("now")

CANONICAL = "https://x.test/stars/"  # what a page says of its own address
EVIL = {"Host": "evil.test", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/evil"}
WITH_LINKS = [*PAGES, "/feeds/stars.atom", "/openapi.json", f"{EVENTS}?limit=1"]


@pytest.fixture
def make_client(make_app: MakeApp) -> Any:
    def make(**changes: Any) -> FlaskClient:
        app = make_app(**changes)
        settings = app.extensions["settings"]
        if settings.database_url.startswith("postgres"):
            engine = create_engine(settings.database_url)
            with engine.begin() as connection:
                connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            engine.dispose()
        fill(settings)
        return app.test_client()

    return make


def links(text: str) -> list[str]:
    """All that a reply leads to on this server."""
    reader = Reader(text)
    found = [
        it for name in ("href", "src", "action") for tag in TAGS for it in reader.all(tag, name)
    ]
    found += [it for it in reader.all("div", "data-picture") if it]
    found += re.findall(r'"url": "([^"]*)"', text.replace("&#34;", '"'))
    return [it for it in found if it and not it.startswith(("#", "https://github.com"))]


TAGS = ("a", "link", "script", "img", "form")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    ("public_url", "headers", "asked"),
    [
        (None, {"X-Forwarded-Prefix": "/stars"}, "{}"),
        (None, {"X-Forwarded-Prefix": "/stars/"}, "/stars{}"),
        ("https://x.test/stars", {}, "{}"),
        ("https://x.test/stars", {"X-Forwarded-Prefix": "/evil"}, "/stars{}"),
    ],
)
def test_links_of_pages_begin_with_the_path_there(
    make_client: Any, path: str, public_url: str | None, headers: dict[str, str], asked: str
) -> None:
    client = make_client(public_url=public_url)

    for _ in range(2):
        response = client.get(asked.format(path), headers=headers)
        if response.status_code == 301:
            assert response.headers["Location"].startswith("/stars/")
            response = client.get(response.headers["Location"], headers=headers)
        found = links(response.text)
        assert response.status_code == 200
        assert len(found) > 8
        assert [it for it in found if not it.startswith(("/stars/", CANONICAL))] == []
    static = next(it for it in found if "/static/site." in it)
    assert client.get(static, headers=headers).status_code == 200


@pytest.mark.parametrize("path", WITH_LINKS)
def test_no_request_decides_where_a_public_url_leads(make_client: Any, path: str) -> None:
    client = make_client(public_url="https://stars.test:8443/a")

    response = client.get(path, headers=EVIL, follow_redirects=True)

    assert response.status_code == 200
    assert "evil" not in response.text + str(response.headers)
    assert "Host" not in response.headers.get("Vary", "")
    assert "Forwarded" not in response.headers.get("Vary", "")


def test_full_links_lead_to_the_public_url(make_client: Any) -> None:
    client = make_client(public_url="https://stars.test/a")

    assert "https://stars.test/a/repos/Loud/Motor" in client.get("/feeds/stars.atom").text
    assert (
        "https://stars.test/a/charts/Loud/Motor.svg?theme=dark"
        in client.get("/repos/Loud/Motor").text
    )
    assert client.get("/openapi.json").json["servers"] == [{"url": "https://stars.test/a"}]


@pytest.mark.parametrize("path", [it for it in WITH_LINKS if it != "/status"])  # never cached
@pytest.mark.parametrize("header", EVIL)
def test_a_cache_is_told_what_links_depend_on(full: FlaskClient, path: str, header: str) -> None:
    plain = full.get(path)
    other = full.get(path, headers={header: EVIL[header]})
    told = {it.strip() for it in plain.headers.get("Vary", "").split(",")}

    differ = (plain.data, plain.headers.get("Link"), plain.headers.get("Location")) != (
        *(other.data, other.headers.get("Link"), other.headers.get("Location")),
    )
    assert differ == (header in told)
    if plain.headers.get("ETag"):
        again = full.get(path, headers={"If-None-Match": plain.headers["ETag"]})
        assert again.headers.get("Vary") == plain.headers.get("Vary")


@pytest.mark.parametrize(
    "prefix",
    [
        *("//evil.test", "/a//b", "/a b", "https://evil.test", '/"><script>', "/" + "a" * 200),
        *("/..", "/a/../b", "/.", "/a/./b"),
    ],
)
def test_a_prefix_that_is_no_path_is_none(full: FlaskClient, prefix: str) -> None:
    assert full.get("/", headers={"X-Forwarded-Prefix": prefix}).data == full.get("/").data


def test_a_reply_of_one_prefix_is_not_taken_for_that_of_another(full: FlaskClient) -> None:
    bodies = [full.get("/", headers={"X-Forwarded-Prefix": it}).text for it in ("/a", "/b", "/a")]

    assert bodies[0] == bodies[2] != bodies[1]
    assert 'href="/b/languages"' in bodies[1]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://stars.test", "https://stars.test"),
        ("http://10.0.0.1:8000/", "http://10.0.0.1:8000"),
        ("https://stars.test/a/b/", "https://stars.test/a/b"),
    ],
)
def test_a_public_url_may_have_a_path(url: str, expected: str) -> None:
    assert from_environment({"PUBLIC_URL": url}).public_url == expected


@pytest.mark.parametrize(
    "url",
    ["stars.test", "ftp://stars.test", "https://", "https://u:p@stars.test", "https://a.test/?b=c"]
    + ["https://a.test/#b", "https://a.test/a b", "https://a.test:x", 'https://a.test/"'],
)
def test_a_public_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="^PUBLIC_URL=.*: expected "):
        from_environment({"PUBLIC_URL": url})


def test_a_series_goes_on_where_the_reader_is(full: FlaskClient) -> None:
    response = full.get(f"{HISTORY}?limit=1", headers={"X-Forwarded-Prefix": "/stars"})

    assert response.headers["Link"].startswith(f"</stars{HISTORY}?")
