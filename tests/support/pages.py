"""Pages as tests read them: their text, their tags, and which there are."""

import re
from html.parser import HTMLParser

import pytest
from werkzeug.test import TestResponse

from web import http_headers

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
    "/repos/Loud/Motor?show=daily",
    "/compare",
    "/compare?repos=loud/motor,quiet/harbor&window=1h&span=1y",
    "/compare?repos=loud/motor,quiet/harbor&scale=log&align=age",
    "/languages",
    "/owners?list=stars&window=1h",
    "/status",
)


class Reader(HTMLParser):
    """A page as a reader gets it: its text, and its tags with their attributes."""

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
