"""Reading a page of an owner's repositories."""

import re
from dataclasses import dataclass

from msgspec import Struct

from github.answers import Answer, checked, read_repository
from github.errors import BadAnswer
from store.follow_owners import Owned

OWNED_A_PAGE = 100  # the most that GitHub gives

NEXT = re.compile(r'<([^<>\s]{1,1000})>\s*;\s*rel="next"', re.ASCII)
PAGE = re.compile(r"[?&]page=([1-9]\d{0,5})(?:&|$)", re.ASCII)


class Kind(Struct):
    """What a repository is, in GitHub's own field names."""

    fork: bool = False
    archived: bool = False
    private: bool = False


@dataclass(frozen=True, slots=True)
class OwnerPage:
    """A page of an owner's public repositories, and the path of the next; None behind the last."""

    repositories: tuple[Owned, ...]
    next: str | None


def read_owner_page(answer: Answer, base_url: str) -> OwnerPage:
    """Raises GitHubError where the answer is not good, or not as GitHub describes it."""
    owned = [(read_repository(body), checked(body, Kind)) for body in answer.json_array()]
    return OwnerPage(
        tuple(Owned(it, kind.fork, kind.archived) for it, kind in owned if not kind.private),
        _next(answer, base_url),
    )


def _next(answer: Answer, base_url: str) -> str | None:
    """The path of the next page, which is on this server, and further on."""
    found = NEXT.search(answer.headers.get("link", ""))
    if found is None:
        return None
    server = f"{base_url.rstrip('/')}/"
    if not found[1].startswith(server):  # it would get the token
        raise BadAnswer(f"/{answer.path}: its next page is on another server, {found[1]:.100}")
    if _number(found[1]) <= _number(answer.path):  # or it would be read for ever
        raise BadAnswer(f"/{answer.path}: its next page is {found[1]:.200}")
    return found[1].removeprefix(server)


def _number(url: str) -> int:
    found = PAGE.search(url)
    return int(found[1]) if found else 1
