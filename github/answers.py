"""Reading GitHub's answers: pure functions from status, headers and body to values or errors.

Nothing here sends a request or knows httpx.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from core import clock
from core.names import is_full_name
from core.rate_limit import LIMITED
from core.repository import GitHubRepository, SearchAnswer
from github.errors import BadAnswer, Gone, RateLimited, Refused, Unreachable

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


class DescribedSearch(Struct):
    """A page of a search: {"total_count": 9, "incomplete_results": false, "items": [{…}, …]}."""

    items: list[DescribedRepository]
    incomplete_results: bool


Described = TypeVar("Described")


def redirect_of(status: int, headers: Mapping[str, str]) -> str | None:
    """The address to ask instead; None where the answer is no redirect."""
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
    if status != 200:  # 422 among them: what GitHub finds invalid once it finds invalid for ever
        message = body.get("message") if isinstance(body, dict) else None
        reason = one_line(message or "no reason given")
        raise Refused(f"/{path}: GitHub answered {status}: {reason}")
    if not isinstance(body, dict):
        kind = one_line(headers.get("content-type", "no content type"))
        raise BadAnswer(f"/{path}: expected a JSON object, got {len(content)} bytes of {kind}")
    return body


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
    found = _checked(body, DescribedSearch)
    return SearchAnswer(tuple(map(_repository, found.items)), found.incomplete_results)


def read_repository(body: object) -> GitHubRepository:
    """A repository that was asked for by name.

    Raises BadAnswer, naming the field, where one is not as GitHub describes it.
    """
    return _repository(_checked(body, DescribedRepository))


def _checked(body: object, described: type[Described]) -> Described:
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
