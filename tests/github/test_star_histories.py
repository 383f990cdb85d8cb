"""A page of a star history: what is asked for, and what of the answer is believed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from core import lists
from core.clock import DAY, HOUR
from core.rate_limit import Resource
from core.star_history import StarDays, Week, day_of, joined
from github.answers import Answer
from github.client import GitHub
from github.errors import BadAnswer, Failing, GitHubError, Gone, RateLimited
from github.star_histories import HistoryPage
from local.fake_github.api import create_fake_github
from local.fake_github.limits import Quota
from local.fake_github.worlds import FORMERLY, MadeUpWorld
from settings import Settings

NOON = datetime(2026, 10, 2, 12, tzinfo=UTC)
SUNDAY = 1_790_467_200  # 2026-09-27
URL = "https://api.github.com/repositories/7/stargazers/history?per_page=30"
LINK = f'<{URL}&page=2>; rel="next", <{URL}&page=13>; rel="last"'
PLENTY = {"core": Quota(10**6, 10**6, HOUR)}


class OpenGate:
    """A budget that lets everything pass, and counts it."""

    def __init__(self) -> None:
        self.passed: list[Resource] = []

    def acquire(self, resource: Resource, *, going_on: bool = False) -> None:
        self.passed.append(resource)

    def record(self, resource: Resource, answer: Answer) -> None: ...


def client(transport: httpx.BaseTransport, gate: OpenGate | None = None, **changes: Any) -> GitHub:
    settings = replace(Settings(github_api_url="http://github.test"), **changes)
    return GitHub(settings, gate or OpenGate(), transport)


def answering(*responses: httpx.Response) -> httpx.MockTransport:
    replies = iter(responses)
    return httpx.MockTransport(lambda request: next(replies))


def weeks(*changes: dict[str, Any]) -> httpx.Response:
    week = {"week": SUNDAY, "total": 17, "days": [3, 2, 1, 4, 0, 5, 2]}
    headers = {"ETag": 'W/"a"', "Link": LINK}
    return httpx.Response(200, json=[week | change for change in changes], headers=headers)


def read(response: httpx.Response) -> HistoryPage | None:
    with client(answering(response)) as github:
        return github.star_history("repos/quiet/harbor", 1)


@pytest.mark.parametrize("path", ["repos/quiet/harbor", "repositories/7"])
def test_a_page_is_asked_for_by_name_or_id(path: str) -> None:
    requests: list[httpx.Request] = []
    gate = OpenGate()

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return weeks()

    with client(httpx.MockTransport(answer), gate) as github:
        github.star_history(path, 1)
        github.star_history(path, 2, 'W/"a"')

    asked = f"http://github.test/{path}/stargazers/history?per_page=30&page="
    assert [str(request.url) for request in requests] == [f"{asked}1", f"{asked}2"]
    assert [it.headers.get("If-None-Match") for it in requests] == [None, 'W/"a"']
    assert gate.passed == ["core", "core"]


def test_a_page_gives_its_weeks_and_how_many_pages_there_are() -> None:
    found = read(weeks({}, {"week": SUNDAY - 604_800, "days": [0] * 7}))

    assert found == HistoryPage(
        (
            Week(date(2026, 9, 27), (3, 2, 1, 4, 0, 5, 2)),
            Week(date(2026, 9, 20), (0,) * 7),
        ),
        pages=13,
        etag='W/"a"',
    )


def test_past_the_end_there_are_no_weeks() -> None:
    assert read(httpx.Response(200, json=[])) == HistoryPage((), None, None)


@pytest.mark.parametrize(
    ("link", "pages"),
    [
        (LINK, 13),
        (f'<{URL}&page=1>; rel="first", <{URL}&page=12>; rel="prev"', None),
        (f'<{URL}&page=100>;rel="last"', 100),
        ('<https://github.test/h?page=4&per_page=30>; rel="last"', 4),
        ('<https://github.test/h?page=x>; rel="last"', None),
        ('<https://github.test/h?page=٣>; rel="last"', None),
        ('<https://github.test/h>; rel="last"', None),
        ("nonsense", None),
    ],
)
def test_the_last_page_is_read_from_the_links(link: str, pages: int | None) -> None:
    found = read(httpx.Response(200, json=[], headers={"Link": link.encode()}))

    assert found is not None
    assert found.pages == pages


@pytest.mark.parametrize(
    "change",
    [
        {"week": SUNDAY + 86_400},
        {"week": SUNDAY + 3_600},
        {"week": -604_800},
        {"week": 10**18},
        {"week": "2026-09-27"},
        {"week": None},
        {"days": [1] * 6},
        {"days": [1] * 8},
        {"days": [1, 1, 1, 1, 1, 1, -1]},
        {"days": [1, 1, 1, 1, 1, 1, 1.5]},
        {"days": [1, 1, 1, 1, 1, 1, 2**40]},
        {"days": None},
    ],
    ids=str,
)
def test_a_week_that_is_none_is_a_bad_answer(change: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer, match="not as described"):
        read(weeks({}, change))


@pytest.mark.parametrize("body", [b"{}", b"null", b'"ok"', b"[1]", b"[", b"<html>", b"[null]"])
def test_what_is_no_array_of_weeks_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        read(httpx.Response(200, content=body))


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (httpx.Response(404, json={"message": "Not Found"}), Gone),
        (httpx.Response(451, json={"message": "Unavailable"}), Gone),
        (httpx.Response(429, json={"message": "Too many requests"}), RateLimited),
        (httpx.Response(502, content=b""), Failing),
    ],
)
def test_an_error_is_what_its_status_says(
    response: httpx.Response, error: type[GitHubError]
) -> None:
    with pytest.raises(error):
        read(response)


def test_a_page_that_did_not_change_is_none() -> None:
    with client(answering(httpx.Response(304))) as github:
        assert github.star_history("repositories/7", 1, 'W/"a"') is None


def test_a_304_that_nobody_asked_for_is_a_bad_answer() -> None:
    with pytest.raises(BadAnswer):
        read(httpx.Response(304))


# Against the fake GitHub

WORLD = MadeUpWorld(size_per_language=3, languages=["Zig"])
REPO = WORLD.search(lists.KNOWN["stars"], 0, NOON)[0]


def fake(at: Callable[[], datetime] = lambda: NOON, **options: Any) -> httpx.WSGITransport:
    return httpx.WSGITransport(create_fake_github(WORLD, clock=at, limits=PLENTY, **options))


def test_the_pages_together_are_all_stars() -> None:
    days: StarDays | None = None
    with client(fake()) as github:
        first = github.star_history(f"repos/{REPO.full_name}", 1)
        assert first is not None and first.pages is not None and first.pages > 1
        for number in range(1, first.pages + 1):
            page = github.star_history(f"repositories/{REPO.github_id}", number)
            assert page is not None
            days = joined(days, page.weeks, newer_wins=False)
        assert page.pages is None
        past_the_end = github.star_history(f"repositories/{REPO.github_id}", first.pages + 1)

    assert past_the_end == HistoryPage((), None, past_the_end.etag if past_the_end else None)
    assert days is not None
    assert days.total == REPO.stars
    assert days.last - day_of(NOON) < 7 * DAY


def test_an_old_name_leads_to_the_same_page() -> None:
    with client(fake()) as github:
        by_old_name = github.star_history(f"repos/{REPO.full_name}{FORMERLY}", 2)
        by_name = github.star_history(f"repos/{REPO.full_name}", 2)

    assert by_old_name == by_name


def test_what_did_not_change_is_not_given_again_until_it_does() -> None:
    moments = [NOON]
    with client(fake(lambda: moments[-1]), github_token="right") as github:
        page = github.star_history(f"repositories/{REPO.github_id}", 1)
        assert page is not None
        again = github.star_history(f"repositories/{REPO.github_id}", 1, page.etag)
        moments.append(NOON + 6 * HOUR)
        later = github.star_history(f"repositories/{REPO.github_id}", 1, page.etag)

    assert again is None
    assert later is not None
    assert later.weeks != page.weeks


def test_an_enterprise_server_has_no_history_of_anything() -> None:
    with (
        client(fake(star_history=False), github_api_url="http://github.test/api/v3") as github,
        pytest.raises(Gone),
    ):
        github.star_history(f"repos/{REPO.full_name}", 1)
