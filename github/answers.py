"""…"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core import clock
from core.names import is_full_name
from core.rate_limit import LIMITED
from core.repository import GitHubRepository, SearchAnswer
from github.errors import BadAnswer, Gone, RateLimited, Refused, Unreachable

REDIRECTS = (301, 302, 307, 308)

GONE = (404, 410, 451)  # deleted, made private, taken down


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


def read_repository(item: Any) -> GitHubRepository:
    """A repository: {"id": 1, "full_name": "o/n", "stargazers_count": 5, …}.

    Raises BadAnswer, naming the field, where one is not as GitHub describes it.
    """
    if not isinstance(item, dict):
        raise BadAnswer(f"expected a repository, got {type(item).__name__}")
    full_name = _text(item, "full_name")
    if not is_full_name(full_name):
        raise BadAnswer(f"full_name is {full_name!r:.50}, expected owner/name")
    return GitHubRepository(
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
