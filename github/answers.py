"""Reading GitHub's answers: pure functions from status, headers and body to values or errors.

What an answer means is decided here and nowhere else. Nothing here sends a request or knows httpx.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from core import clock
from core.names import is_full_name
from core.rate_limit import http_date, is_limit
from core.repository import GitHubRepository, SearchAnswer
from github.errors import (
    BadAnswer,
    Failing,
    GitHubError,
    Gone,
    RateLimited,
    Refused,
    TokenRefused,
)

REDIRECTS = (301, 302, 307, 308)
GONE = (404, 410, 451)  # deleted, made private, taken down

Id = Annotated[int, Meta(ge=0, le=2**53)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]  # as far as SQL's integers go


class DescribedRepository(Struct):
    """A repository in GitHub's own field names, as far as they are of use here.

    {"id": 1, "full_name": "o/n", "stargazers_count": 5, …}
    """

    id: Id
    full_name: str
    stargazers_count: Count
    forks_count: Count
    open_issues_count: Count
    html_url: str
    language: str | None = None
    description: str | None = None
    pushed_at: str | None = None
    created_at: str | None = None
    topics: list[str] | None = None


class DescribedSearch(Struct):
    """A page of a search: {"total_count": 9, "incomplete_results": false, "items": [{…}, …]}."""

    items: list[DescribedRepository]
    incomplete_results: bool


Described = TypeVar("Described")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a request for `path`. `body` is the value of its JSON, None where it has none;
    `headers` find their values whatever the case of a name."""

    path: str
    status: int
    headers: Mapping[str, str]
    length: int  # of the body, in bytes
    body: Any

    @property
    def message(self) -> str | None:
        """GitHub's explanation, as long as it likes; None where there is none."""
        message = self.body.get("message") if isinstance(self.body, dict) else None
        return message if isinstance(message, str) else None

    @property
    def limited(self) -> bool:
        """Whether GitHub asks to slow down: the only trouble that concerns other requests, too."""
        return is_limit(self.status, self.headers, self.message)

    @property
    def error(self) -> GitHubError | None:
        """The trouble that the answer tells of; None where it gives what was asked for."""
        if self.status in (200, 304):
            return None
        said = f"/{self.path}: GitHub answered {self.status}"
        if self.limited:
            return RateLimited(f"{said}, slow down")
        reason = f"{said}: {one_line(self.message or 'no reason given')}"
        if self.status in GONE:
            return Gone(said)
        if self.status == 403 and "block" in self.body:  # for breaking GitHub's rules, as a rule
            return Gone(reason)
        if self.status >= 500:
            return Failing(said)
        # 422 among them: what GitHub finds invalid once it finds invalid for ever.
        return TokenRefused(reason) if self.status == 401 else Refused(reason)

    @property
    def location(self) -> str | None:
        """The address to ask instead; None where the answer is no redirect."""
        return self.headers.get("location") if self.status in REDIRECTS else None

    @property
    def answered_at(self) -> datetime | None:
        """The moment by GitHub's own clock, to the second; None where it does not say."""
        return http_date(self.headers.get("date"))

    def json_object(self) -> dict[str, Any]:
        """The JSON object of a good answer. Raises GitHubError for any other."""
        body: dict[str, Any] = self._good(dict, "object")
        return body

    def json_array(self) -> list[Any]:
        """The JSON array of a good answer. Raises GitHubError for any other."""
        body: list[Any] = self._good(list, "array")
        return body

    def _good(self, kind: type, name: str) -> Any:
        if self.error:
            raise self.error
        if not isinstance(self.body, kind):
            content = one_line(self.headers.get("content-type", "no content type"))
            got = f"{self.length} bytes of {content}"
            raise BadAnswer(f"/{self.path}: expected a JSON {name}, got {got}")
        return self.body


def read_answer(path: str, status: int, headers: Mapping[str, str], content: bytes) -> Answer:
    return Answer(path, status, headers, len(content), _json(content))


def one_line(message: object) -> str:
    """The beginning of a text that is not ours, fit to be a part of a line of the log."""
    printable = (char if char.isprintable() else " " for char in str(message)[:200])
    return " ".join("".join(printable).split())


def _json(content: bytes) -> Any:
    """The value that a body stands for; None where it is no JSON."""
    try:
        # Not msgspec's decoder: it refuses a whole page for one half of a surrogate pair, which
        # a description that was cut in the middle of an emoji ends with.
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def read_search(body: object) -> SearchAnswer:
    """The repositories of a search, in GitHub's order.

    Raises BadAnswer where anything in the body is not as GitHub describes it.
    """
    found = checked(body, DescribedSearch)
    return SearchAnswer(tuple(map(_repository, found.items)), found.incomplete_results)


def read_repository(body: object) -> GitHubRepository:
    """A repository that was asked for by name.

    Raises BadAnswer, naming the field, where one is not as GitHub describes it.
    """
    return _repository(checked(body, DescribedRepository))


def checked(body: object, described: type[Described]) -> Described:
    """A part of an answer as described. Raises BadAnswer, naming the field, where it is not."""
    try:
        return msgspec.convert(body, described)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        # The latter for half of a surrogate pair where no text is expected at all.
        raise BadAnswer(f"GitHub's answer is not as described: {error}") from error


def _repository(found: DescribedRepository) -> GitHubRepository:
    full_name, html_url = _storable(found.full_name), _storable(found.html_url)
    if not is_full_name(full_name):
        raise BadAnswer(f"full_name is {full_name!r:.50}, expected owner/name")
    if not html_url.startswith(("https://", "http://")):  # pages link to it
        raise BadAnswer(f"html_url is {html_url!r:.50}, expected a web address")
    return GitHubRepository(
        github_id=found.id,
        full_name=full_name,
        stars=found.stargazers_count,
        forks=found.forks_count,
        open_issues=found.open_issues_count,
        language=found.language and _storable(found.language),
        description=found.description and _storable(found.description),
        html_url=html_url,
        pushed_at=_moment(_storable(found.pushed_at or "")),
        created_at=_moment(_storable(found.created_at or "")),
        topics=None if found.topics is None else tuple(found.topics),
    )


def _storable(text: str) -> str:
    """A text without what a database refuses: Postgres takes no NUL, and UTF-8 has no half of a
    surrogate pair."""
    return text.replace("\0", "").encode(errors="replace").decode()


def _moment(text: str) -> datetime | None:
    try:
        return clock.parse(text) if text else None
    except ValueError:
        raise BadAnswer(f"pushed_at is {text!r:.50}, expected a moment or null") from None
