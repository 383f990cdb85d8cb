"""httpx client of the GitHub REST API: a request in, typed values or a typed error out.

What an answer means is decided by pure functions over status, headers and body; `GitHub` only
sends. Every request first passes the budget, which waits or refuses.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import quote

import httpx

from core import lists
from core.lists import RankedList
from core.rate_limit import Resource
from core.repository import GitHubRepository, SearchAnswer
from github.answers import one_line, read_body, read_repository, read_search, redirect_of
from github.errors import BadAnswer, Gone, Refused, Unreachable
from settings import Settings

USER_AGENT = "starboard (a self-hosted follower of GitHub stars)"

API_VERSION = "2022-11-28"

TIMEOUT = httpx.Timeout(15, connect=5)

MOST_REDIRECTS = 3


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

    def repository(self, full_name: str) -> GitHubRepository:
        """One repository by a name it has or had. Raises Gone where there is none."""
        return read_repository(_body(self._get("core", f"repos/{quote(full_name)}")))

    def repository_unless(
        self, full_name: str, etag: str | None
    ) -> tuple[GitHubRepository | None, str | None]:
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
                reason = one_line(error) or type(error).__name__
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
