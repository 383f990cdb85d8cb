"""The client of GitHub's APIs: a request in, typed values or a typed error out.

`GitHub` only sends; what an answer says is decided in `github.answers`. Each request, a redirect's
too, first passes the gate of the rate limit, which waits or refuses.
"""

import os
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, cached_property
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import quote

import httpx

from core import lists
from core.lists import RankedList
from core.rate_limit import Resource
from core.repository import GitHubRepository, SearchAnswer
from core.sampling import Sampled
from github import batches
from github.answers import Answer, one_line, read_answer, read_repository, read_search
from github.batches import Batch
from github.errors import BadAnswer, Gone, NotYet, Refused, Unreachable
from github.owner_pages import OWNED_A_PAGE, OwnerPage, read_owner_page
from github.proxies import proxy_of
from github.star_histories import WEEKS_A_PAGE, HistoryPage, read_history_page
from settings import Settings

USER_AGENT = "starboard (a self-hosted follower of GitHub stars)"  # GitHub refuses requests without
REQUEST_HEADERS = {  # that GitHub asks every client to send
    "User-Agent": USER_AGENT,
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
}
TIMEOUT = httpx.Timeout(15, connect=5)  # seconds
OF_GRAPHQL = httpx.Timeout(11, connect=5)  # GitHub itself ends a query after 10
MOST_REDIRECTS = 3

Way = tuple["Gate", dict[str, str]]


class Gate(Protocol):
    """The rate limit, as the client sees it."""

    def acquire(self, resource: Resource, *, going_on: bool = False) -> None:
        """Wait until a request may be sent. Raises NotYet where that takes too long.

        `going_on`: it goes on with one that was sent just now, whose answer would be lost.
        """

    def record(self, resource: Resource, answer: Answer) -> None:
        """Note what an answer says about the limit."""


class GitHub:
    """A client of one GitHub, which closes its connections at the end of a `with`.

    `anonymous` is the gate of requests without the token, which GitHub counts apart. They are sent
    where the token is refused; without such a gate, never.
    """

    def __init__(
        self,
        settings: Settings,
        gate: Gate,
        transport: httpx.BaseTransport | None = None,
        *,
        anonymous: Gate | None = None,
    ) -> None:
        token = settings.github_token
        self._ways = [(gate, {"Authorization": f"Bearer {token}"} if token else {})]
        if token and anonymous:
            self._ways.append((anonymous, {}))
        self._settings = settings
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
                headers=REQUEST_HEADERS,
                timeout=TIMEOUT,
                transport=self._transport,
                verify=_certificates(os.getenv("SSL_CERT_FILE"), os.getenv("SSL_CERT_DIR")),
                proxy=self._proxy,
                trust_env=False,  # see github.proxies
            )
        except (ValueError, OSError, httpx.InvalidURL) as error:
            reason = one_line(error) or type(error).__name__
            raise Unreachable(f"GitHub cannot be asked: {reason}") from error

    def prepare(self) -> None:
        """Load what a first request takes: 100 ms, and 4 MB that forked children then share."""
        with suppress(Unreachable):
            self._http.build_request("GET", "/")

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
            return self._search(ranked, 0, going_on=True)
        return answer

    def _search(self, ranked: RankedList, floor: int, *, going_on: bool = False) -> SearchAnswer:
        params = {  # httpx encodes them
            "q": ranked.query(floor),
            "sort": ranked.count,
            "order": "desc",
            "per_page": str(lists.SIZE),
        }
        try:
            answer = self._get("search", "search/repositories", params=params, going_on=going_on)
            return replace(read_search(answer.json_object()), answered_at=answer.answered_at)
        except Gone as error:
            where = self._http.base_url
            raise Refused(f"{where} has no search: is GITHUB_API_URL right?") from error

    def repository(self, full_name: str) -> GitHubRepository:
        """One repository by a name that it has or had. Raises Gone where there is none."""
        return read_repository(self._get("core", f"repos/{quote(full_name)}").json_object())

    def repository_unless(
        self, full_name: str, etag: str | None
    ) -> tuple[GitHubRepository | None, str | None]:
        """One repository with its ETag; None in its place where it is as it was with the ETag
        given. That costs a token nothing of its limit."""
        headers = {"If-None-Match": etag} if etag else {}
        answer = self._get("core", f"repos/{quote(full_name)}", headers=headers)
        if answer.status == 304 and etag:
            return None, etag
        return read_repository(answer.json_object()), answer.headers.get("etag")

    def star_history(self, path_of: str, page: int, etag: str | None = None) -> HistoryPage | None:
        """A page, from 1 on, of the star history of `repos/owner/name` or `repositories/ID`, newest
        weeks first; None where it is as it was with the ETag given, which costs a token nothing.
        Raises Gone where there is no such repository, or GitHub is an Enterprise server."""
        answer = self._get(
            "core",
            f"{quote(path_of)}/stargazers/history",
            params={"per_page": str(WEEKS_A_PAGE), "page": str(page)},
            headers={"If-None-Match": etag} if etag else {},
        )
        return None if answer.status == 304 and etag else read_history_page(answer)

    @property
    def authorized(self) -> bool:
        """Whether requests have a token, which GraphQL needs."""
        return bool(self._ways[0][1])

    def batch(self, asked: Sequence[Sampled]) -> Batch:
        """Up to a hundred repositories by their node ids. An Enterprise server has GraphQL beside
        the API, not below."""
        gate, authorization = self._ways[0]
        below = self._http.base_url
        url = below.join("../graphql" if below.path.endswith("/v3/") else "graphql")
        gate.acquire("graphql")
        answer = self._send(url, "graphql", None, authorization, batches.request(asked))
        gate.record("graphql", answer)
        return batches.interpret(answer, asked)

    def owned(self, owner: str, page: str | None = None) -> OwnerPage:
        """A page of an owner's repositories: the first, or one that such a page leads to. Raises
        Gone where there is no such owner."""
        path = page or f"users/{quote(owner)}/repos?per_page={OWNED_A_PAGE}"
        return read_owner_page(self._get("core", path), str(self._http.base_url))

    def _get(
        self,
        resource: Resource,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        going_on: bool = False,
    ) -> Answer:
        """The answer to a path. Raises NotYet, Unreachable or BadAnswer; any error that it tells
        of is the caller's to look at."""
        answer = self._follow(self._ways[0], resource, path, params, headers, going_on)
        withheld = isinstance(answer.error, Refused) and answer.status in (401, 403)
        if not withheld or len(self._ways) == 1:
            return answer
        if answer.status == 401:  # the token is of no use any more
            del self._ways[0]
            return self._follow(self._ways[0], resource, path, params, headers)
        # An organization may forbid a token for what anybody may read without one.
        try:
            public = self._follow(self._ways[1], resource, path, params, headers)
        except NotYet:
            return answer
        return answer if public.error else public

    def _follow(
        self,
        way: Way,
        resource: Resource,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        going_on: bool = False,
    ) -> Answer:
        """The answer that a path leads to, over redirects."""
        # GitHub answers 301 for a repository that was renamed, and httpx follows nothing unless
        # told. It is not told: each hop counts against the limit, so each passes the gate.
        gate, authorization = way
        url = self._http.base_url.join(path)
        for hop in range(1 + MOST_REDIRECTS):
            gate.acquire(resource, going_on=going_on or hop > 0)
            answer = self._send(url, path, params, {**(headers or {}), **authorization})
            gate.record(resource, answer)
            if answer.location is None:
                return answer
            url, params = url.join(answer.location), None  # the location names those it wants
            if _server(url) != _server(self._http.base_url):  # it would get the token
                raise BadAnswer(f"/{path}: redirected to another server, {url.host}")
        raise BadAnswer(f"/{path}: redirected more than {MOST_REDIRECTS} times")

    def _send(
        self,
        url: httpx.URL,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str],
        query: Mapping[str, Any] | None = None,
    ) -> Answer:
        try:
            if query is None:
                response = self._http.get(url, params=params, headers=headers)
            else:
                response = self._http.post(url, json=query, headers=headers, timeout=OF_GRAPHQL)
        except (httpx.InvalidURL, UnicodeError) as error:
            # httpx reads a Location though it does not follow it, and raises where it cannot.
            raise BadAnswer(f"/{path}: redirected to nowhere: {error}") from error
        except httpx.HTTPError as error:
            reason = one_line(error) or type(error).__name__
            way = f" by the proxy {self._proxy.url}" if self._proxy else ""
            raise Unreachable(f"{url.host} cannot be reached{way}: {reason}") from error
        return read_answer(path, response.status_code, response.headers, response.content)


def _server(url: httpx.URL) -> tuple[str, bytes, str, int | None]:
    return (url.scheme, url.userinfo, url.host, url.port)


@cache
def _certificates(file: str | None, folder: str | None) -> ssl.SSLContext:
    """The certificates that are trusted, by the environment's variables as they are now. Reading
    them takes 40 ms, more than all else of a client."""
    return httpx.create_ssl_context()
