"""The part of GitHub's GraphQL schema that the fake GitHub knows, and its values.

Loaded by a first query: graphql-core takes a fifth of a second.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from flask import g
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    Visitor,
    build_schema,
    execute_sync,
    parse,
    validate,
    visit,
)

from core import clock
from local.fake_github import node_ids
from local.fake_github.state import fake
from local.fake_github.worlds import FakeRepository

MOST_NODES = 100

SDL = """
scalar DateTime
scalar URI

interface Node { id: ID! }

type Query {
  node(id: ID!): Node
  nodes(ids: [ID!]!): [Node]!
  rateLimit: RateLimit
  repository(owner: String!, name: String!): Repository
}

type RateLimit { cost: Int! limit: Int! remaining: Int! resetAt: DateTime! used: Int! }

type Language implements Node { id: ID! name: String! }

enum IssueState { CLOSED OPEN }
enum PullRequestState { CLOSED MERGED OPEN }

type IssueConnection { totalCount: Int! }
type PullRequestConnection { totalCount: Int! }

type Repository implements Node {
  createdAt: DateTime!
  databaseId: Int
  description: String
  forkCount: Int!
  id: ID!
  isArchived: Boolean!
  isDisabled: Boolean!
  isFork: Boolean!
  isPrivate: Boolean!
  issues(states: [IssueState!]): IssueConnection!
  nameWithOwner: String!
  primaryLanguage: Language
  pullRequests(states: [PullRequestState!]): PullRequestConnection!
  pushedAt: DateTime
  stargazerCount: Int!
  url: URI!
}
"""

SCHEMA = build_schema(SDL)

# How GraphQL refuses a node for what REST refuses a repository for (faults.WITHHELD).
REFUSALS: dict[str, tuple[str | None, str]] = {
    "forbidden to tokens": (
        "FORBIDDEN",
        "The 'acme' organization forbids access via a fine-grained personal access tokens if the "
        "token's lifetime is greater than 90 days.",
    ),
    "not accessible": ("FORBIDDEN", "Resource not accessible by integration"),
    "single sign-on": ("FORBIDDEN", "Resource protected by organization SAML enforcement."),
    "no repository": ("INTERNAL", "Something went wrong while executing your query."),
}


@lru_cache(maxsize=64)
def parsed(query: str) -> DocumentNode:
    """A query that the schema allows. Raises GraphQLError for any other."""
    document = parse(query)
    for error in validate(SCHEMA, document):
        raise error
    return document


@lru_cache(maxsize=64)
def connections(query: str) -> int:
    """The connections that a query asks for, each of them once a node."""
    found = 0

    class Count(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            nonlocal found
            found += node.name.value in ("issues", "pullRequests")

    visit(parsed(query), Count())
    return found


def cost(query: str, variables: Mapping[str, Any]) -> int:
    """The points that a query takes: one for every hundred requests it stands for, and at least
    one.

    https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
    """
    nodes = max((len(value) for value in variables.values() if isinstance(value, list)), default=1)
    return max(1, round(connections(query) * nodes / 100))


def answer(query: str, variables: dict[str, Any], points: int) -> ExecutionResult:
    """Execute a query that costs so many points."""
    root = {
        "node": lambda info, id: _node(id),
        "nodes": _nodes,
        "repository": _named,
        "rateLimit": lambda info: _rate_limit(points),
    }
    return execute_sync(SCHEMA, parsed(query), root, variable_values=variables)


def failed(kind: str | None, message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"type": kind})


def _nodes(info: object, ids: list[str]) -> list[dict[str, Any] | GraphQLError]:
    if len(ids) > MOST_NODES:
        given = f"you provided {len(ids)}"
        raise failed("ARGUMENT_LIMIT", f"You may not provide more than 100 node ids; {given}.")
    g.too_slow = len(ids) > fake().faults.most_nodes
    return [_tried(node_id) for node_id in ids]


def _tried(node_id: str) -> dict[str, Any] | GraphQLError:
    try:
        return _node(node_id)
    except GraphQLError as error:
        return error  # stands beside the other nodes


def _node(node_id: str) -> dict[str, Any]:
    github_id = node_ids.repository_of(node_id)
    repo = None if github_id is None else fake().world.by_id(github_id, g.at)
    missing = f"Could not resolve to a node with the global id of '{node_id}'"
    return _allowed(repo, missing)


def _named(info: object, owner: str, name: str) -> dict[str, Any]:
    """A repository by its name of today: an old one is not found."""
    repo = fake().world.by_name(f"{owner}/{name}", g.at)
    return _allowed(repo, f"Could not resolve to a Repository with the name '{owner}/{name}'.")


def _allowed(repo: FakeRepository | None, missing: str) -> dict[str, Any]:
    if repo is None:
        raise failed("NOT_FOUND", missing)
    withheld = fake().faults.withheld.get(repo.full_name.lower())
    if withheld == "always fails":
        g.too_slow = True  # and with it the whole query fails
    elif withheld:
        raise failed(*REFUSALS.get(withheld, ("NOT_FOUND", missing)))
    return _repository(repo)


def _repository(repo: FakeRepository) -> dict[str, Any]:
    language, pulls = repo.language, repo.open_issues // 4
    return {
        "__typename": "Repository",
        "id": node_ids.encode("R", repo.github_id),
        "databaseId": repo.github_id,
        "nameWithOwner": repo.full_name,
        "stargazerCount": repo.stars,
        "forkCount": repo.forks,
        "description": repo.description,
        "createdAt": clock.rfc3339(repo.created_at),
        "pushedAt": clock.rfc3339(repo.pushed_at),
        "url": f"https://github.com/{repo.full_name}",
        "primaryLanguage": language and {"id": f"MDg6TGFuZ3VhZ2U{len(language)}", "name": language},
        "isArchived": repo.archived,
        "isFork": repo.fork,
        **dict.fromkeys(("isPrivate", "isDisabled"), False),
        # REST counts both together.
        "issues": lambda info, states=None: _total(repo.open_issues - pulls, states),
        "pullRequests": lambda info, states=None: _total(pulls, states),
    }


def _total(number_open: int, states: list[str] | None) -> dict[str, int]:
    """The open ones, and as many again that are closed."""
    return {"totalCount": number_open * len({*states} if states is not None else {1, 2})}


def _rate_limit(points: int) -> dict[str, object]:
    window = fake().meter.report("graphql", g.caller, g.at)
    return {**window, "cost": points, "resetAt": clock.at(window["reset"])}
