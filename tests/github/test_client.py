"""What is sent to GitHub, and the error that each answer means which is none."""

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from core import lists
from core.rate_limit import Resource
from github.answers import Answer, read_search
from github.client import GitHub
from github.errors import (
    BadAnswer,
    Failing,
    GitHubError,
    Gone,
    NotYet,
    RateLimited,
    Refused,
    TokenRefused,
    Unreachable,
)
from settings import Settings
from tests.support.github import HARBOR, NOON, found, item

TOKEN = "ghp_0123456789abcdef"
STARS, FORKS, CPP, VIM_SCRIPT = (
    lists.KNOWN[slug] for slug in ("stars", "forks", "cpp", "vim-script")
)


class Server:
    """Gives one reply after another, and remembers the requests."""

    def __init__(self, *replies: httpx.Response | Exception) -> None:
        self.replies = iter(replies)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = next(self.replies)
        if isinstance(reply, Exception):
            raise reply
        return reply

    @property
    def urls(self) -> list[str]:
        return [str(request.url) for request in self.requests]


class OpenGate:
    """A budget that lets everything pass, and remembers what did."""

    def __init__(self) -> None:
        self.seen: list[tuple[object, ...]] = []

    def acquire(self, resource: Resource, *, going_on: bool = False) -> None:
        self.seen.append(("pass", resource))

    def record(self, resource: Resource, answer: Answer) -> None:
        left = answer.headers.get("X-RateLimit-Remaining")
        self.seen.append(("answered", resource, answer.status, left))


class ShutGate(OpenGate):
    def acquire(self, resource: Resource, *, going_on: bool = False) -> None:
        raise NotYet(NOON)


def client(
    server: Server,
    gate: OpenGate | None = None,
    anonymous: OpenGate | None = None,
    **changes: Any,
) -> GitHub:
    settings = replace(Settings(github_api_url="http://github.test"), **changes)
    transport = httpx.MockTransport(server)
    return GitHub(settings, gate or OpenGate(), transport, anonymous=anonymous)


def moved(location: str, status: int = 301) -> httpx.Response:
    return httpx.Response(status, headers={"Location": location})


# What is sent


@pytest.mark.parametrize(
    ("base", "ranked", "url"),
    [
        (
            "https://api.github.com",
            STARS,
            "https://api.github.com/search/repositories"
            "?q=stars%3A%3E9&sort=stars&order=desc&per_page=100",
        ),
        (
            "https://github.test/api/v3",
            FORKS,
            "https://github.test/api/v3/search/repositories"
            "?q=forks%3A%3E9&sort=forks&order=desc&per_page=100",
        ),
        (
            "https://github.test/api/v3/",
            CPP,
            "https://github.test/api/v3/search/repositories"
            "?q=language%3A%22C%2B%2B%22+stars%3A%3E9&sort=stars&order=desc&per_page=100",
        ),
        (
            "http://github.test:8080",
            VIM_SCRIPT,
            "http://github.test:8080/search/repositories"
            "?q=language%3A%22Vim+Script%22+stars%3A%3E9&sort=stars&order=desc&per_page=100",
        ),
    ],
)
def test_a_search_asks_for_one_page_of_a_list(
    base: str, ranked: lists.RankedList, url: str
) -> None:
    server = Server(found(*[item()] * 100))

    with client(server, github_api_url=base) as github:
        github.search(ranked, 9)

    assert [(request.method, str(request.url)) for request in server.requests] == [("GET", url)]


@pytest.mark.parametrize(
    ("base", "full_name", "url"),
    [
        ("http://github.test", "quiet/harbor.js", "http://github.test/repos/quiet/harbor.js"),
        ("http://github.test", "q?/h#", "http://github.test/repos/q%3F/h%23"),
        ("https://a.test/api/v3", "quiet/harbor", "https://a.test/api/v3/repos/quiet/harbor"),
    ],
)
def test_a_repository_is_asked_for_by_its_name(base: str, full_name: str, url: str) -> None:
    server = Server(httpx.Response(200, json=item()))

    with client(server, github_api_url=base) as github:
        repository = github.repository(full_name)

    assert (repository, server.urls) == (HARBOR, [url])


@pytest.mark.parametrize(
    ("token", "authorization"), [(TOKEN, {"authorization": f"Bearer {TOKEN}"}), (None, {})]
)
def test_a_request_says_who_asks_in_which_version_and_waits_for_seconds(
    token: str | None, authorization: dict[str, str]
) -> None:
    server = Server(httpx.Response(200, json=item()))

    with client(server, github_token=token) as github:
        github.repository("quiet/harbor")

    (request,) = server.requests
    sent = {*request.headers} - {"host", "accept-encoding", "connection"}
    assert {name: request.headers[name] for name in sent} == {
        "user-agent": "starboard (a self-hosted follower of GitHub stars)",
        "accept": "application/vnd.github+json",
        "x-github-api-version": "2022-11-28",
        **authorization,
    }
    assert request.extensions["timeout"] == {"connect": 5, "read": 15, "write": 15, "pool": 15}


@pytest.mark.parametrize(
    ("first", "floor", "asked"),
    [
        (found(*[item()] * 99), 9, ["stars:>9", "stars:>0"]),
        (found(), 9, ["stars:>9", "stars:>0"]),
        (found(*[item()] * 100), 9, ["stars:>9"]),
        (found(item(), incomplete=True), 9, ["stars:>9"]),
        (found(item()), 0, ["stars:>0"]),
    ],
)
def test_less_than_a_full_list_is_asked_for_again_without_the_floor(
    first: httpx.Response, floor: int, asked: list[str]
) -> None:
    server, gate = Server(first, found(item(id=8), incomplete=True)), OpenGate()

    with client(server, gate) as github:
        answer = github.search(STARS, floor)

    assert [request.url.params["q"] for request in server.requests] == asked
    last = (found(item(id=8), incomplete=True) if len(asked) == 2 else first).json()
    assert answer == read_search(last)
    assert gate.seen == [("pass", "search"), ("answered", "search", 200, None)] * len(asked)


# The gate


def test_nothing_is_sent_where_the_gate_is_shut() -> None:
    server = Server()

    with (
        client(server, ShutGate()) as github,
        pytest.raises(NotYet, match=r"the next request at 2026-03-01T12:00:00Z$") as refused,
    ):
        github.search(STARS, 9)

    assert (refused.value.until, server.requests) == (NOON, [])


def test_the_gate_hears_every_answer_a_bad_one_too() -> None:
    gate = OpenGate()
    limited = httpx.Response(429, headers={"X-RateLimit-Remaining": "0"})

    with client(Server(limited), gate) as github, pytest.raises(RateLimited):
        github.repository("quiet/harbor")

    assert gate.seen == [("pass", "core"), ("answered", "core", 429, "0")]


# Conditional requests


def test_a_repository_comes_with_its_etag_and_none_where_it_is_as_it_was() -> None:
    server = Server(
        httpx.Response(200, json=item(), headers={"ETag": 'W/"a"'}), httpx.Response(304)
    )

    with client(server) as github:
        first = github.repository_unless("quiet/harbor", None)
        again = github.repository_unless("quiet/harbor", 'W/"a"')

    assert first == (HARBOR, 'W/"a"')
    assert again == (None, 'W/"a"')
    sent = [request.headers.get("if-none-match") for request in server.requests]
    assert sent == [None, 'W/"a"']


def test_an_answer_without_an_etag_leaves_none() -> None:
    with client(Server(httpx.Response(200, json=item()))) as github:
        assert github.repository_unless("quiet/harbor", '"a"') == (HARBOR, None)


def test_the_etag_goes_along_with_a_redirect() -> None:
    server = Server(moved("/repositories/7"), httpx.Response(304))

    with client(server) as github:
        answer = github.repository_unless("quiet/harbor", '"a"')

    assert answer == (None, '"a"')
    assert [request.headers["if-none-match"] for request in server.requests] == ['"a"', '"a"']


def test_a_conditional_request_that_fails_fails_as_any_other() -> None:
    with client(Server(httpx.Response(404))) as github, pytest.raises(Gone):
        github.repository_unless("quiet/harbor", '"a"')


# Redirects


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_renamed_repository_is_followed_and_each_hop_passes_the_gate(status: int) -> None:
    gate, server = (
        OpenGate(),
        Server(
            moved("http://github.test/repositories/7", status),
            moved("/repos/quiet/harbour", status),
            httpx.Response(200, json=item()),
        ),
    )

    with client(server, gate, github_token=TOKEN) as github:
        repository = github.repository("old/harbor")

    assert repository == HARBOR
    assert server.urls == [
        "http://github.test/repos/old/harbor",
        "http://github.test/repositories/7",
        "http://github.test/repos/quiet/harbour",
    ]
    assert gate.seen == [
        ("pass", "core"),
        ("answered", "core", status, None),
        ("pass", "core"),
        ("answered", "core", status, None),
        ("pass", "core"),
        ("answered", "core", 200, None),
    ]


def test_a_redirected_search_keeps_the_parameters_that_the_location_names() -> None:
    server = Server(moved("/search/repositories?q=stars%3A%3E5&page=1"), found())

    with client(server) as github:
        github.search(STARS, 0)

    assert server.urls[1] == "http://github.test/search/repositories?q=stars%3A%3E5&page=1"


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("http://elsewhere.test/repositories/7", "elsewhere.test"),
        ("//elsewhere.test/repositories/7", "elsewhere.test"),
        ("https://github.test/repositories/7", "github.test"),
        ("http://github.test:8080/repositories/7", "github.test"),
    ],
)
def test_a_redirect_to_another_server_is_not_followed(location: str, host: str) -> None:
    server = Server(moved(location))

    with client(server, github_token=TOKEN) as github, pytest.raises(BadAnswer) as refused:
        github.repository("quiet/harbor")

    assert str(refused.value) == f"/repos/quiet/harbor: redirected to another server, {host}"
    assert len(server.requests) == 1


def test_a_location_without_a_redirect_leads_nowhere() -> None:
    server = Server(moved("/repositories/7", status=404))

    with client(server) as github, pytest.raises(Gone):
        github.repository("quiet/harbor")

    assert len(server.requests) == 1


def test_redirects_that_lead_in_a_circle_end() -> None:
    server = Server(*[moved("/repos/quiet/harbor")] * 9)

    with client(server) as github, pytest.raises(BadAnswer, match="redirected more than 3 times"):
        github.repository("quiet/harbor")

    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "location",
    [
        "mailto:octocat@github.test",
        "http://github.test:port/",
        "http://[",
        "http://xn--/",
    ],
)
def test_a_redirect_to_nowhere_is_an_error_of_githubs(location: str) -> None:
    with client(Server(moved(location))) as github, pytest.raises(GitHubError):
        github.repository("quiet/harbor")


# Answers that are none


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (403, Refused, "/repos/quiet/harbor: GitHub answered 403: no such thing"),
        (429, RateLimited, "/repos/quiet/harbor: GitHub answered 429, slow down"),
        (404, Gone, "/repos/quiet/harbor: GitHub answered 404"),
        (410, Gone, "/repos/quiet/harbor: GitHub answered 410"),
        (451, Gone, "/repos/quiet/harbor: GitHub answered 451"),
        (500, Failing, "/repos/quiet/harbor: GitHub answered 500"),
        (502, Failing, "/repos/quiet/harbor: GitHub answered 502"),
        (503, Failing, "/repos/quiet/harbor: GitHub answered 503"),
        (400, Refused, "/repos/quiet/harbor: GitHub answered 400: no such thing"),
        (401, TokenRefused, "/repos/quiet/harbor: GitHub answered 401: no such thing"),
        (422, Refused, "/repos/quiet/harbor: GitHub answered 422: no such thing"),
        (301, Refused, "/repos/quiet/harbor: GitHub answered 301: no such thing"),
    ],
)
def test_each_status_has_its_error(status: int, error: type[GitHubError], message: str) -> None:
    server = Server(httpx.Response(status, json={"message": "no such thing"}))

    with client(server) as github, pytest.raises(GitHubError) as refused:
        github.repository("quiet/harbor")

    assert (type(refused.value), str(refused.value)) == (error, message)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no reason given"),
        (b"<html>", "no reason given"),
        (b'["no"]', "no reason given"),
        (b'{"message": null}', "no reason given"),
        (b'{"message": ["no"]}', "no reason given"),
        (json.dumps({"message": "no" * 500}).encode(), "no" * 100),
        (rb'{"message": " no\r\n\u001b[1mway\u0000 \ud800"}', "no [1mway"),
    ],
)
def test_githubs_reason_is_told_as_part_of_one_short_line(content: bytes, reason: str) -> None:
    server = Server(httpx.Response(400, content=content))

    with client(server) as github, pytest.raises(Refused) as refused:
        github.repository("quiet/harbor")

    assert str(refused.value) == f"/repos/quiet/harbor: GitHub answered 400: {reason}"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>It works</html>",
        json.dumps(item()).encode()[:-1],
        b"[]",
        b"null",
        b"\xff\xfe\xff",
        b"[" * 100_000,
        b'{"id": ' + b"9" * 5_000 + b"}",
    ],
)
def test_a_body_that_is_no_json_object_is_a_bad_answer(content: bytes) -> None:
    server = Server(httpx.Response(200, content=content, headers={"Content-Type": "text/html"}))

    with client(server) as github, pytest.raises(BadAnswer) as refused:
        github.repository("quiet/harbor")

    assert str(refused.value) == (
        f"/repos/quiet/harbor: expected a JSON object, got {len(content)} bytes of text/html"
    )


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (httpx.ConnectError("[Errno -2] Name or service not known"), "[Errno -2] Name or"),
        (httpx.ConnectTimeout(""), "ConnectTimeout"),
        (httpx.ReadTimeout("The read operation timed out"), "The read operation timed out"),
        (httpx.RemoteProtocolError("peer closed connection"), "peer closed connection"),
    ],
)
def test_no_answer_means_unreachable_and_the_host_is_named(failure: Exception, reason: str) -> None:
    gate = OpenGate()

    with client(Server(failure), gate) as github, pytest.raises(Unreachable) as refused:
        github.repository("quiet/harbor")

    assert str(refused.value).startswith(f"github.test cannot be reached: {reason}")
    assert refused.value.__cause__ is failure
    assert gate.seen == [("pass", "core")]


def test_a_body_that_cannot_be_unpacked_means_unreachable() -> None:
    zipped = {"Content-Encoding": "gzip"}

    def broken(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=zipped, stream=httpx.ByteStream(b"not gzip"))

    with (
        GitHub(Settings(), OpenGate(), httpx.MockTransport(broken)) as github,
        pytest.raises(Unreachable, match="^api.github.com cannot be reached: "),
    ):
        github.repository("quiet/harbor")


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(401, json={"message": "Bad credentials"}),
        httpx.Response(200, content=b""),
        moved("http://elsewhere.test"),
        httpx.ConnectError("refused"),
    ],
)
def test_no_error_tells_the_token(reply: httpx.Response | Exception) -> None:
    with client(Server(reply), github_token=TOKEN) as github, pytest.raises(GitHubError) as refused:
        github.repository("quiet/harbor")

    assert TOKEN not in repr((refused.value, refused.value.__cause__))


# A refusal that is no limit


BLOCKED = {"message": "Repository access blocked", "block": {"reason": "tos"}}
FORBIDS = {"message": "The 'acme' organization forbids access via a fine-grained token"}
BAD = {"message": "Bad credentials"}
LEFT = {"X-RateLimit-Remaining": "4996"}
HARBOR_SENT = httpx.Response(200, json=item())


def refusal(status: int, body: object) -> httpx.Response:
    return httpx.Response(status, json=body, headers=LEFT)


def authorizations(server: Server) -> list[str | None]:
    return [request.headers.get("Authorization") for request in server.requests]


WITH = f"Bearer {TOKEN}"


def test_a_repository_that_github_blocked_is_gone_and_asked_for_once() -> None:
    server = Server(refusal(403, BLOCKED))

    with (
        client(server, github_token=TOKEN, anonymous=OpenGate()) as github,
        pytest.raises(Gone, match="Repository access blocked"),
    ):
        github.repository("spam/banned")

    assert authorizations(server) == [WITH]


def test_what_a_token_may_not_read_is_asked_for_once_without_it() -> None:
    gate, anonymous = OpenGate(), OpenGate()
    server = Server(refusal(403, FORBIDS), HARBOR_SENT, HARBOR_SENT)

    with client(server, gate, github_token=TOKEN, anonymous=anonymous) as github:
        assert github.repository("quiet/harbor") == HARBOR
        github.repository("quiet/harbor")

    assert authorizations(server) == [WITH, None, WITH]
    assert [seen[0] for seen in anonymous.seen] == ["pass", "answered"]


@pytest.mark.parametrize(
    "second",
    [
        refusal(403, FORBIDS),
        refusal(404, {"message": "Not Found"}),
        httpx.Response(403, json={"message": "API rate limit exceeded"}),
        httpx.Response(502),
    ],
)
def test_where_that_fails_too_the_first_refusal_is_the_reason(second: httpx.Response) -> None:
    server = Server(refusal(403, FORBIDS), second)

    with (
        client(server, github_token=TOKEN, anonymous=OpenGate()) as github,
        pytest.raises(Refused, match="organization forbids"),
    ):
        github.repository("quiet/harbor")


def test_where_no_request_without_the_token_is_allowed_now_the_refusal_stands() -> None:
    server = Server(refusal(403, FORBIDS))

    with (
        client(server, github_token=TOKEN, anonymous=ShutGate()) as github,
        pytest.raises(Refused, match="organization forbids"),
    ):
        github.repository("quiet/harbor")


def test_without_a_token_that_githubs_knows_all_goes_on_without_one() -> None:
    server = Server(refusal(401, BAD), found(item()), HARBOR_SENT)

    with client(server, github_token=TOKEN, anonymous=OpenGate()) as github:
        assert github.search(STARS, 0).repositories == (HARBOR,)
        github.repository("quiet/harbor")

    assert authorizations(server) == [WITH, None, None]
