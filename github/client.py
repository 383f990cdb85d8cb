"""The client of GitHub's REST API: a request in, typed values or a typed error out.

`GitHub` only sends; what an answer says is decided in `github.answers`. Each request, a redirect's
too, first passes the gate of the rate limit, which waits or refuses.
"""

from collections.abc import Mapping
from functools import cached_property
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
from github.proxies import proxy_of
from settings import Settings

USER_AGENT = "starboard (a self-hosted follower of GitHub stars)"  # GitHub refuses requests without
API_VERSION = "2022-11-28"
TIMEOUT = httpx.Timeout(15, connect=5)  # seconds
MOST_REDIRECTS = 3


class Gate(Protocol):
    """The rate limit, as the client sees it."""

    def acquire(self, resource: Resource) -> None:
        """Wait until a request may be sent. Raises NotYet where that takes too long."""

    def record(self, resource: Resource, status: int, headers: Mapping[str, str]) -> None:
        """Note what an answer says about the limit."""


class GitHub:
    """A client of one GitHub, which closes its connections at the end of a `with`."""

    def __init__(
        self,
        settings: Settings,
        gate: Gate,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._gate = gate
        self._transport = transport

    @cached_property
    def _proxy(self) -> httpx.Proxy | None:
        url = httpx.URL(self._settings.github_api_url)
        return None if self._transport else proxy_of(url)

    @cached_property
    def _http(self) -> httpx.Client:
        """Made for the first request, so that what keeps it from being made is a failure of that
        request: recorded, and shown in the status."""
        try:
            return httpx.Client(
                base_url=self._settings.github_api_url,
                headers=request_headers(self._settings.github_token),
                timeout=TIMEOUT,
                transport=self._transport,
                verify=httpx.create_ssl_context(),  # by SSL_CERT_FILE and SSL_CERT_DIR, if set
                proxy=self._proxy,
                trust_env=False,  # see github.proxies
            )
        except (ValueError, OSError, httpx.InvalidURL) as error:
            reason = one_line(error) or type(error).__name__
            raise Unreachable(f"GitHub cannot be asked: {reason}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if "_http" in self.__dict__:
            self._http.close()

    def search(self, ranked: RankedList, floor: int) -> SearchAnswer:
        """The first page of a list.

        GitHub's search leaves out even the top of a broad query, so it is asked for repositories
        with more than `floor` of the list's count; where those do not fill the page, once more for
        all.
        """
        answer = self._search(ranked, floor)
        if floor and len(answer.repositories) < lists.SIZE and not answer.incomplete:
            return self._search(ranked, 0)
        return answer

    def _search(self, ranked: RankedList, floor: int) -> SearchAnswer:
        params = {  # httpx encodes them
            "q": ranked.query(floor),
            "sort": ranked.count,
            "order": "desc",
            "per_page": str(lists.SIZE),
        }
        try:
            return read_search(self._body("search", "search/repositories", params=params))
        except Gone as error:
            where = self._http.base_url
            raise Refused(f"{where} has no search: is GITHUB_API_URL right?") from error

    def repository(self, full_name: str) -> GitHubRepository:
        """One repository by a name that it has or had. Raises Gone where there is none."""
        return read_repository(self._body("core", f"repos/{quote(full_name)}"))

    def repository_unless(
        self, full_name: str, etag: str | None
    ) -> tuple[GitHubRepository | None, str | None]:
        """One repository with its ETag; None in its place where it is as it was with the ETag
        given. That costs a token nothing of its limit."""
        path = f"repos/{quote(full_name)}"
        headers = {"If-None-Match": etag} if etag else {}
        response = self._get("core", path, headers=headers)
        if response.status_code == 304 and etag:
            return None, etag
        return read_repository(_body_of(response, path)), response.headers.get("etag")

    def _body(
        self, resource: Resource, path: str, *, params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        return _body_of(self._get(resource, path, params=params), path)

    def _get(
        self,
        resource: Resource,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer that a path leads to, over redirects.

        Raises NotYet, Unreachable or BadAnswer; what the answer says is not looked at.
        """
        # GitHub answers 301 for a repository that was renamed, and httpx follows nothing unless
        # told. It is not told: each hop counts against the limit, so each passes the gate.
        url = self._http.base_url.join(path)
        for _ in range(1 + MOST_REDIRECTS):
            response = self._send(resource, url, path, params, headers)
            location = redirect_of(response.status_code, response.headers)
            if location is None:
                return response
            url, params = url.join(location), None  # the location names those it wants
            if _server(url) != _server(self._http.base_url):  # it would get the token
                raise BadAnswer(f"/{path}: redirected to another server, {url.host}")
        raise BadAnswer(f"/{path}: redirected more than {MOST_REDIRECTS} times")

    def _send(
        self,
        resource: Resource,
        url: httpx.URL,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> httpx.Response:
        self._gate.acquire(resource)
        try:
            response = self._http.get(url, params=params, headers=headers)
        except (httpx.InvalidURL, UnicodeError) as error:
            # httpx reads a Location though it does not follow it, and raises where it cannot.
            raise BadAnswer(f"/{path}: redirected to nowhere: {error}") from error
        except httpx.HTTPError as error:
            reason = one_line(error) or type(error).__name__
            way = f" by the proxy {self._proxy.url}" if self._proxy else ""
            raise Unreachable(f"{url.host} cannot be reached{way}: {reason}") from error
        self._gate.record(resource, response.status_code, response.headers)
        return response


def _body_of(response: httpx.Response, path: str) -> dict[str, Any]:
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
