"""Asking GitHub for a hundred repositories at once, by GraphQL: the query, and what an answer says
of each. Pure: nothing here sends anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from core.repository import GitHubRepository
from core.sampling import Sampled
from github.answers import (
    Answer,
    Count,
    Id,
    checked,
    one_line,
    repository_of,
)
from github.errors import BadAnswer

# Of plain fields alone: connections, such as of open issues, may take GitHub too long.
QUERY = """
query Sample($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on Repository {
      id databaseId nameWithOwner stargazerCount forkCount
      url description pushedAt primaryLanguage { name }
    }
  }
}
"""

GONE = "NOT_FOUND"
WITHHELD = ("FORBIDDEN", "UNAUTHORIZED")


class DescribedLanguage(Struct):
    name: str


class DescribedNode(Struct):
    """A repository in the words of GitHub's GraphQL."""

    id: str
    databaseId: Id
    nameWithOwner: str
    stargazerCount: Count
    forkCount: Count
    url: str
    description: str | None = None
    pushedAt: str | None = None
    primaryLanguage: DescribedLanguage | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of asking for repositories, by the name each was asked for. `left`: those of which
    the answer says nothing that counts."""

    found: dict[str, GitHubRepository] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)  # with GitHub's words
    withheld: dict[str, str] = field(default_factory=dict)
    left: list[Sampled] = field(default_factory=list)
    why: str = ""  # of those left


def request(asked: Sequence[Sampled]) -> dict[str, Any]:
    """The body of the request for repositories."""
    return {"query": QUERY, "variables": {"ids": [each.node_id for each in asked]}}


def interpret(answer: Answer, asked: Sequence[Sampled]) -> Batch:
    """What an answer says, node by node. Raises GitHubError where it says nothing of any."""
    body = answer.json_object()
    nodes = _nodes(body)
    if nodes is None or len(nodes) != len(asked):
        raise BadAnswer(
            f"/{answer.path}: {_first_message(body) or 'no list of what was asked for'}"
        )
    told, found = _told(body), Batch()
    why = _first_message(body)
    for number, (each, node) in enumerate(zip(asked, nodes, strict=True)):
        kind, message = told.get(number, (None, ""))
        if node is not None:
            try:
                found.found[each.full_name] = _repository(node, each)
                continue
            except BadAnswer as error:
                why = why or str(error)
        if node is None and kind == GONE:
            found.gone[each.full_name] = message
        elif node is None and kind in WITHHELD:
            found.withheld[each.full_name] = message
        else:
            found.left.append(each)
    return Batch(found.found, found.gone, found.withheld, found.left, why or "no reason given")


def _repository(node: Any, asked: Sampled) -> GitHubRepository:
    described = checked(node, DescribedNode)
    if described.databaseId != asked.github_id:
        raise BadAnswer(f"{asked.full_name} came as the repository {described.databaseId}")
    language = described.primaryLanguage
    return repository_of(
        github_id=described.databaseId,
        full_name=described.nameWithOwner,
        stars=described.stargazerCount,
        forks=described.forkCount,
        open_issues=None,
        html_url=described.url,
        language=language.name if language else None,
        description=described.description,
        pushed_at=described.pushedAt,
        node_id=described.id,
    )


def _nodes(body: Mapping[str, Any]) -> list[Any] | None:
    data = body.get("data")
    nodes = data.get("nodes") if isinstance(data, dict) else None
    return nodes if isinstance(nodes, list) else None


def _told(body: Mapping[str, Any]) -> dict[int, tuple[str | None, str]]:
    """The kind and the message of the errors that are of one node, by its place."""
    told: dict[int, tuple[str | None, str]] = {}
    for error in _errors(body):
        path = error.get("path")
        if isinstance(path, list) and len(path) == 2 and type(path[1]) is int:
            told[path[1]] = (error.get("type"), one_line(error.get("message")))
    return told


def _first_message(body: Mapping[str, Any]) -> str:
    return next((one_line(error.get("message")) for error in _errors(body)), "")


def _errors(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    errors = body.get("errors")
    return [it for it in errors if isinstance(it, dict)] if isinstance(errors, list) else []
