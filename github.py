"""httpx client of the GitHub REST API: a request in, typed values or a typed error out.

What an answer means is decided by pure functions over status, headers and body; `GitHub` only
sends. Every request first passes the budget, which waits or refuses.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import quote

import httpx

import clock
import lists
from budget import LIMITED, Resource
from lists import RankedList
from settings import Settings

USER_AGENT = "starboard (a self-hosted follower of GitHub stars)"
API_VERSION = "2022-11-28"
TIMEOUT = httpx.Timeout(15, connect=5)
REDIRECTS = (301, 302, 307, 308)
GONE = (404, 410, 451)  # deleted, made private, taken down
MOST_REDIRECTS = 3
FULL_NAME = re.compile(r"(?=.{3,200}$)(?!\.{1,2}/)[^/\s]+/(?!\.{1,2}$)[^/\s]+")


class GitHubError(Exception):
    """GitHub did not give what was asked for. The message is one line, fit for a log."""


class NotYet(GitHubError):
    """The budget lets nothing be sent before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"GitHub's rate limit allows the next request at {clock.rfc3339(until)}")
        self.until = until


class RateLimited(GitHubError):
    """GitHub asks to slow down; the budget knows until when."""


class Unreachable(GitHubError):
    """No answer, or one that says that GitHub itself is in trouble."""


class Refused(GitHubError):
    """An answer that no repetition will change: a bad token, an invalid query."""


class Gone(GitHubError):
    """There is no such repository for us (any more)."""


class BadAnswer(GitHubError):
    """An answer that is not what GitHub's API describes."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as GitHub describes it at one moment. Counts are whole and not negative."""

    github_id: int
    full_name: str
    stars: int
    forks: int
    open_issues: int
    language: str | None
    description: str | None
    html_url: str
    pushed_at: datetime | None

    def count(self, ranked: RankedList) -> int:
        return self.stars if ranked.count == "stars" else self.forks


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """Repositories in GitHub's order, as they came; `incomplete` is GitHub's own word."""

    repositories: tuple[Repository, ...]
    incomplete: bool


class Gate(Protocol):
    """The budget of all workers, as the client sees it."""

    def pass_one(self, resource: Resource) -> None:
        """Wait until a request may be sent. Raises NotYet where that takes too long."""

    def answered(self, resource: Resource, status: int, headers: Mapping[str, str]) -> None:
        """Take note of what an answer says about the limit."""


class GitHub:
    """A connection to GitHub; a context manager."""

    def __init__(
        self,
        settings: Settings,
        gate: Gate,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._gate = gate
        self._http = httpx.Client(
            base_url=settings.github_api_url,
            headers=request_headers(settings.github_token),
            timeout=TIMEOUT,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def search(self, ranked: RankedList, floor: int) -> SearchAnswer:
        """The top of a list, asked narrowly: with more than `floor` of what it counts.

        Where that gives less than a full list, it asks once more without the floor.
        """
        answer = self._search(ranked, floor)
        if floor and len(answer.repositories) < lists.SIZE and not answer.incomplete:
            return self._search(ranked, 0)
        return answer

    def _search(self, ranked: RankedList, floor: int) -> SearchAnswer:
        params = {
            "q": ranked.query(floor),
            "sort": ranked.count,
            "order": "desc",
            "per_page": str(lists.SIZE),
        }
        try:
            return read_search(_body(self._get("search", "search/repositories", params=params)))
        except Gone as error:
            where = self._http.base_url
            raise Refused(f"{where} has no search: is GITHUB_API_URL right?") from error

    def repository(self, full_name: str) -> Repository:
        """One repository by a name it has or had. Raises Gone where there is none."""
        return read_repository(_body(self._get("core", f"repos/{quote(full_name)}")))

    def repository_unless(
        self, full_name: str, etag: str | None
    ) -> tuple[Repository | None, str | None]:
        """The same with its ETag; None where it is as it was with the one given, which then is
        not counted against the limit of a token."""
        headers = {"If-None-Match": etag} if etag else {}
        response = self._get("core", f"repos/{quote(full_name)}", headers=headers)
        if response.status_code == 304 and etag:
            return None, etag
        return read_repository(_body(response)), response.headers.get("etag")

    def _get(
        self,
        resource: Resource,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        url = self._http.base_url.join(path)
        for _ in range(1 + MOST_REDIRECTS):
            self._gate.pass_one(resource)
            try:
                response = self._http.get(url, params=params, headers=headers)
            except (httpx.InvalidURL, UnicodeError) as error:  # httpx looks where redirects lead
                raise BadAnswer(f"/{path}: redirected to nowhere: {error}") from error
            except httpx.HTTPError as error:
                reason = _line(error) or type(error).__name__
                raise Unreachable(f"{url.host} cannot be reached: {reason}") from error
            self._gate.answered(resource, response.status_code, response.headers)
            location = redirect_of(response.status_code, response.headers)
            if location is None:
                response.extensions["path"] = path
                return response
            url, params = url.join(location), None
            if _server(url) != _server(self._http.base_url):
                raise BadAnswer(f"/{path}: redirected to another server, {url.host}")
        raise BadAnswer(f"/{path}: redirected more than {MOST_REDIRECTS} times")


def _body(response: httpx.Response) -> dict[str, Any]:
    path = response.extensions["path"]
    return read_body(response.status_code, response.headers, response.content, path)


def _server(url: httpx.URL) -> tuple[str, bytes, str, int | None]:
    return (url.scheme, url.userinfo, url.host, url.port)


def request_headers(token: str | None) -> dict[str, str]:
    """The headers that GitHub asks every client to send."""
    headers = {
        "User-Agent": USER_AGENT,
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": API_VERSION,
    }
    return headers | ({"Authorization": f"Bearer {token}"} if token else {})


def redirect_of(status: int, headers: Mapping[str, str]) -> str | None:
    """Where an answer sends us; None where it does not."""
    return headers.get("location") if status in REDIRECTS else None


def read_body(status: int, headers: Mapping[str, str], content: bytes, path: str) -> dict[str, Any]:
    """The JSON object of a good answer.

    Raises RateLimited, Gone, Refused, Unreachable or BadAnswer for any other.
    """
    if status in LIMITED:
        raise RateLimited(f"/{path}: GitHub answered {status}, slow down")
    if status in GONE:
        raise Gone(f"/{path}: GitHub answered {status}")
    if status >= 500:
        raise Unreachable(f"/{path}: GitHub answered {status}")
    body = _json(content)
    if status != 200:
        message = body.get("message") if isinstance(body, dict) else None
        raise Refused(f"/{path}: GitHub answered {status}: {_line(message or 'no reason given')}")
    if not isinstance(body, dict):
        kind = _line(headers.get("content-type", "no content type"))
        raise BadAnswer(f"/{path}: expected a JSON object, got {len(content)} bytes of {kind}")
    return body


def _line(message: object) -> str:
    """Somebody else's words, as part of a line of ours."""
    printable = (char if char.isprintable() else " " for char in str(message)[:200])
    return " ".join("".join(printable).split())


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def read_search(body: Mapping[str, Any]) -> SearchAnswer:
    """A search answer: {"total_count": 9, "incomplete_results": false, "items": [{…}, …]}.

    Raises BadAnswer where anything in it is not as GitHub describes it.
    """
    items, incomplete = body.get("items"), body.get("incomplete_results")
    if not isinstance(items, list) or not isinstance(incomplete, bool):
        raise BadAnswer("a search answer without `items` or `incomplete_results`")
    return SearchAnswer(tuple(read_repository(item) for item in items), incomplete)


def read_repository(item: Any) -> Repository:
    """A repository: {"id": 1, "full_name": "o/n", "stargazers_count": 5, …}.

    Raises BadAnswer, naming the field, where one is not as GitHub describes it.
    """
    if not isinstance(item, dict):
        raise BadAnswer(f"expected a repository, got {type(item).__name__}")
    full_name = _text(item, "full_name")
    if not FULL_NAME.fullmatch(full_name):
        raise BadAnswer(f"full_name is {full_name!r:.50}, expected owner/name")
    return Repository(
        github_id=_whole(item, "id"),
        full_name=full_name,
        stars=_whole(item, "stargazers_count"),
        forks=_whole(item, "forks_count"),
        open_issues=_whole(item, "open_issues_count"),
        language=_optional_text(item, "language"),
        description=_optional_text(item, "description"),
        html_url=_web_address(item, "html_url"),
        pushed_at=_optional_moment(item, "pushed_at"),
    )


def _whole(item: Mapping[str, Any], name: str) -> int:
    value = item.get(name)
    highest = 2**53 if name == "id" else 2**31 - 1
    if type(value) is not int or not 0 <= value <= highest:
        raise BadAnswer(f"{name} is {value!r:.50}, expected a whole number")
    return value


def _text(item: Mapping[str, Any], name: str) -> str:
    value = _optional_text(item, name)
    if not value:
        raise BadAnswer(f"{name} is {value!r}, expected text")
    return value


def _web_address(item: Mapping[str, Any], name: str) -> str:
    value = _text(item, name)
    if not value.startswith(("https://", "http://")):
        raise BadAnswer(f"{name} is {value!r:.50}, expected a web address")
    return value


def _optional_text(item: Mapping[str, Any], name: str) -> str | None:
    value = item.get(name)
    if value is not None and not isinstance(value, str):
        raise BadAnswer(f"{name} is {value!r:.50}, expected text or null")
    # Postgres stores no NUL, and UTF-8 no lone surrogate: neither is text.
    return value and value.replace("\0", "").encode(errors="replace").decode()


def _optional_moment(item: Mapping[str, Any], name: str) -> datetime | None:
    value = _optional_text(item, name)
    try:
        return clock.parse(value) if value else None
    except ValueError:
        raise BadAnswer(f"{name} is {value!r:.50}, expected a moment or null") from None
