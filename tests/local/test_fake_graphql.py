"""The fake GitHub's GraphQL: a hundred repositories a request, as GitHub has it."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from flask.testing import FlaskClient
from graphql import GraphQLSchema, build_schema, parse, validate
from werkzeug.test import TestResponse

from core import lists
from core.clock import DAY, HOUR, rfc3339
from local.fake_github import graphql_schema, node_ids
from local.fake_github.api import create_fake_github
from local.fake_github.faults import ANYWHERE, FAULTS, FaultInjector
from local.fake_github.graphql_faults import GRAPHQL_FAULTS
from local.fake_github.limits import Quota
from local.fake_github.worlds import BORN, FakeRepository, MadeUpWorld
from tests.support.common import SHARED

NOW = BORN + 90 * DAY
WORLD = MadeUpWorld(size_per_language=30, languages=["C++", "Go", "Rust"])
REPOS = WORLD.search(lists.KNOWN["stars"], -1, NOW)
IDS = [node_ids.encode("R", each.github_id) for each in REPOS]
TOKEN = {"Authorization": "Bearer right"}

QUERY = """
query($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on Repository {
      id databaseId nameWithOwner stargazerCount forkCount isArchived isDisabled isFork isPrivate
      primaryLanguage { name } description pushedAt createdAt url
    }
  }
  rateLimit { cost remaining resetAt limit used }
}
"""
OPEN = """query($ids: [ID!]!) { nodes(ids: $ids) { ... on Repository {
  nameWithOwner issues(states: OPEN) { totalCount } pullRequests(states: OPEN) { totalCount }
} } rateLimit { cost } }"""


def client_of(**options: Any) -> FlaskClient:
    options = {"clock": lambda: NOW, "token": "right", **options}
    return create_fake_github(WORLD, **options).test_client()


def ask(
    client: FlaskClient,
    ids: list[str],
    query: str = QUERY,
    path: str = "/graphql",
    headers: Mapping[str, str] = TOKEN,
) -> TestResponse:
    body = {"query": query, "variables": {"ids": ids}}
    return client.post(path, json=body, headers=headers)


def rate(answer: TestResponse) -> tuple[str, ...]:
    """Resource, limit, remaining and used, as the headers say."""
    names = ("Resource", "Limit", "Remaining", "Used")
    return tuple(answer.headers[f"X-RateLimit-{name}"] for name in names)


def node(repo: FakeRepository, **changes: Any) -> dict[str, Any]:
    return {
        "id": node_ids.encode("R", repo.github_id),
        "databaseId": repo.github_id,
        "nameWithOwner": repo.full_name,
        "stargazerCount": repo.stars,
        "forkCount": repo.forks,
        "isArchived": repo.archived,
        **dict.fromkeys(("isDisabled", "isFork", "isPrivate"), False),
        "primaryLanguage": repo.language and {"name": repo.language},
        "description": repo.description,
        "pushedAt": rfc3339(repo.pushed_at),
        "createdAt": rfc3339(repo.created_at),
        "url": f"https://github.com/{repo.full_name}",
        **changes,
    }


@pytest.mark.parametrize("path", ["/graphql", "/api/graphql"])
def test_a_hundred_repositories_cost_one_point_of_5000(path: str) -> None:
    answer = ask(client_of(), IDS[:100], path=path)

    assert answer.status_code == 200
    assert answer.json == {
        "data": {
            "nodes": [node(each) for each in REPOS[:100]],
            "rateLimit": {
                "cost": 1,
                "limit": 5_000,
                "remaining": 4_999,
                "used": 1,
                "resetAt": rfc3339(NOW + HOUR),
            },
        }
    }
    assert rate(answer) == ("graphql", "5000", "4999", "1")


def test_counts_of_what_is_open_cost_more_and_add_up_to_rests() -> None:
    client = client_of()

    answer = ask(client, IDS[:100], OPEN)

    totals = [
        each["issues"]["totalCount"] + each["pullRequests"]["totalCount"]
        for each in answer.json["data"]["nodes"]
    ]
    assert totals == [each.open_issues for each in REPOS[:100]]
    assert answer.json["data"]["rateLimit"] == {"cost": 2}
    assert rate(answer) == ("graphql", "5000", "4998", "2")
    resources = client.get("/rate_limit", headers=TOKEN).json["resources"]
    assert resources["graphql"]["used"] == 2
    assert resources["core"]["used"] == 0


def test_rest_gives_the_node_id_to_ask_by() -> None:
    client = client_of()

    told = client.get(f"/repos/{REPOS[0].full_name}", headers=TOKEN).json["node_id"]

    assert told == IDS[0]
    assert told.startswith("R_kgDO")
    assert ask(client, [told]).json["data"]["nodes"] == [node(REPOS[0])]


def test_more_than_a_hundred_are_refused_whole() -> None:
    answer = ask(client_of(), [*IDS, *IDS][:101])

    (error,) = answer.json["errors"]
    assert (answer.status_code, answer.json["data"]) == (200, None)
    assert (error["type"], error["path"]) == ("ARGUMENT_LIMIT", ["nodes"])


@pytest.mark.parametrize(
    "unknown", ["R_kgDOAAAAAQ", "O_kgDOAJiWkw", "MDEwOlJl", "R_kgDO*", "é", ""]
)
def test_one_that_is_not_there_is_null_beside_the_others(unknown: str) -> None:
    answer = ask(client_of(), [IDS[0], unknown, IDS[1]])

    (error,) = answer.json["errors"]
    assert answer.json["data"]["nodes"] == [node(REPOS[0]), None, node(REPOS[1])]
    assert error == {
        "type": "NOT_FOUND",
        "path": ["nodes", 1],
        "locations": [{"line": 3, "column": 3}],
        "message": f"Could not resolve to a node with the global id of '{unknown}'",
    }


@pytest.mark.parametrize(
    ("withheld", "kind"),
    [
        ("not found", "NOT_FOUND"),
        ("blocked", "NOT_FOUND"),
        ("single sign-on", "FORBIDDEN"),
        ("forbidden to tokens", "FORBIDDEN"),
        ("no repository", "INTERNAL"),
    ],
)
def test_what_rest_withholds_graphql_withholds(withheld: str, kind: str | None) -> None:
    faults = FaultInjector()
    faults.withheld[REPOS[0].full_name.lower()] = withheld

    answer = ask(client_of(faults=faults), IDS[:2])

    (error,) = answer.json["errors"]
    assert (error.get("type"), error["path"]) == (kind, ["nodes", 0])
    assert answer.json["data"]["nodes"] == [None, node(REPOS[1])]


def test_a_renamed_repository_is_not_found_by_its_old_name() -> None:
    query = "query($o: String!, $n: String!) { repository(owner: $o, name: $n) { id } }"
    owner, name = REPOS[0].full_name.split("/")
    client, answers = client_of(), []

    for asked in (name, f"{name}-next"):
        body = {"query": query, "variables": {"o": owner, "n": asked}}
        answers.append(client.post("/graphql", json=body, headers=TOKEN).json)

    assert WORLD.renamed(f"{owner}/{name}-next", NOW) == REPOS[0].github_id
    assert answers[0] == {"data": {"repository": {"id": IDS[0]}}}
    assert answers[1]["data"] == {"repository": None}
    assert answers[1]["errors"][0]["type"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "This endpoint requires you to be authenticated."),
        ({"Authorization": "Bearer wrong"}, "Bad credentials"),
    ],
)
def test_without_a_good_token_there_is_nothing(headers: dict[str, str], message: str) -> None:
    answer = ask(client_of(), IDS[:1], headers=headers)

    assert (answer.status_code, answer.json["message"]) == (401, message)
    assert rate(answer) == ("graphql", "0", "0", "0")


def test_when_the_points_are_used_up_it_says_so_with_status_200() -> None:
    client = client_of(limits={"graphql": Quota(0, 3, HOUR)})

    answers = [ask(client, IDS[:100], query) for query in (QUERY, OPEN, QUERY)]

    assert [rate(answer)[2] for answer in answers] == ["2", "0", "0"]
    assert answers[2].status_code == 200
    assert "data" not in answers[2].json
    assert [error["type"] for error in answers[2].json["errors"]] == ["RATE_LIMIT"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"query": "{ nodes(ids: []) { stars } }"}, "Cannot query field 'stars' on type 'Node'."),
        ({"query": "{"}, "Syntax Error: Expected Name, found <EOF>."),
        (
            {"query": QUERY},
            "Variable '$ids' has invalid value: "
            "Expected a value of non-null type '[ID!]!' to be provided.",
        ),
        ({}, "A query attribute must be specified and must be a string."),
    ],
)
def test_what_is_no_query_is_told(body: dict[str, Any], message: str) -> None:
    answer = client_of().post("/graphql", json=body, headers=TOKEN)

    assert answer.status_code == 200
    assert answer.json["errors"][0]["message"] == message


def test_below_the_rest_api_of_an_enterprise_server_there_is_none() -> None:
    assert ask(client_of(), IDS[:1], path="/api/v3/graphql").status_code == 404
    assert client_of().post("/graphql", data="{", headers=TOKEN).status_code == 400


# What goes wrong


def failures(kind: str) -> list[TestResponse]:
    """Some answers damaged in one way, each differently."""
    faults = FaultInjector(rate=1, kinds=[kind])
    client = client_of(faults=faults)
    answers = [ask(client, IDS[:50]) for _ in range(8)]
    assert faults.done == [kind] * 8
    assert [rate(answer)[3] for answer in answers][-1] == "8" or kind == "bad token"
    return answers


def kinds_told(answer: TestResponse) -> list[str | None]:
    return [error.get("type") for error in answer.json["errors"]]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("points used up", "RATE_LIMIT"),
        ("points used up, older", "RATE_LIMITED"),
        ("internal", "INTERNAL"),
        ("untyped error", None),
    ],
)
def test_a_query_may_fail_whole_with_status_200(kind: str, told: str | None) -> None:
    for answer in failures(kind):
        assert (answer.status_code, kinds_told(answer)) == (200, [told])
        assert answer.json.get("data") is None
        assert (rate(answer)[2] == "0") is kind.startswith("points used up")


def test_a_secondary_limit_may_come_with_status_200_and_plenty_left() -> None:
    for answer in failures("secondary limit as 200"):
        assert answer.status_code == 200
        assert "secondary rate limit" in answer.text
        assert "data" not in answer.json
        assert int(rate(answer)[2]) > 4_000


def test_a_node_that_is_there_may_be_told_missing_beside_the_others() -> None:
    for answer in failures("node not found"):
        nodes = answer.json["data"]["nodes"]
        ((_, index),) = [error["path"] for error in answer.json["errors"]]
        assert kinds_told(answer) == ["NOT_FOUND"]
        assert nodes == [*map(node, REPOS[:index]), None, *map(node, REPOS[index + 1 : 50])]


def test_short_of_resources_any_nodes_are_null_without_a_word_on_them() -> None:
    answers = failures("resource limits exceeded")

    left = [sum(map(bool, answer.json["data"]["nodes"])) for answer in answers]
    assert len(set(left)) > 1
    assert max(left) < 50
    assert {answer.status_code for answer in answers} == {200}
    assert [kinds_told(answer) for answer in answers] == [["RESOURCE_LIMITS_EXCEEDED"]] * 8


@pytest.mark.parametrize("kind", ["null field", "nodes misordered", "node missing"])
def test_nodes_may_be_damaged_without_an_error(kind: str) -> None:
    good = [node(each) for each in REPOS[:50]]
    for answer in failures(kind):
        nodes = answer.json["data"]["nodes"]
        assert nodes != good
        assert "errors" not in answer.json
        assert len(nodes) == (49 if kind == "node missing" else 50)
        assert sum(each not in good for each in nodes) == (kind == "null field")


def test_a_token_may_be_bad_from_one_moment_to_the_next_and_no_limit_is_spent_then() -> None:
    for answer in failures("bad token"):
        assert answer.status_code == 401
        assert rate(answer) == ("graphql", "0", "0", "0")


def test_after_ten_seconds_there_is_nothing_but_the_points_are_taken() -> None:
    faults = FaultInjector()
    client = client_of(faults=faults)
    faults.most_nodes = 50
    faults.planned = [None, None, None, "too slow"]
    faults.withheld[REPOS[3].full_name.lower()] = "always fails"

    asked = (IDS[4:55], IDS[4:54], IDS[:5], IDS[4:5])
    answers = [ask(client, ids) for ids in asked]

    assert [answer.status_code in (502, 504) for answer in answers] == [True, False, True, True]
    assert [rate(answer)[3] for answer in answers] == ["1", "2", "3", "4"]


def test_at_random_each_api_has_its_own_failures_and_those_of_what_lies_between() -> None:
    faults = FaultInjector(rate=1)
    client = client_of(faults=faults, limits={"graphql": Quota(0, 9_999, HOUR)})

    for _ in range(500):
        ask(client, IDS[:2])
    of_graphql = set(faults.done)
    faults.done.clear()
    for _ in range(500):
        client.get(f"/repos/{REPOS[0].full_name}", headers=TOKEN)

    assert of_graphql == (ANYWHERE.keys() | GRAPHQL_FAULTS.keys()) - {"bad token"}
    assert set(faults.done) == FAULTS.keys()


# GitHub's own schema


@cache
def github() -> GraphQLSchema:
    file = SHARED / "github-api" / "schema.graphql"
    if not file.exists():
        pytest.skip(f"GitHub's own schema is not here: {file}")
    # By graphql-core's rules it is not quite valid.
    return build_schema(file.read_text(encoding="utf-8"), assume_valid=True, no_location=True)


def fields(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Each field of each type, and each of its arguments, with the type that it has."""
    for kind in schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        yield kind.name, type(kind).__name__
        for name, field in getattr(kind, "fields", {}).items():
            yield f"{kind.name}.{name}", str(field.type)
            for argument, given in getattr(field, "args", {}).items():
                yield f"{kind.name}.{name}({argument})", str(given.type)
        for value in getattr(kind, "values", {}):
            yield f"{kind.name}.{value}", "value"


def test_the_fakes_schema_is_a_part_of_githubs() -> None:
    theirs = dict(fields(github()))

    wrong = {
        name: (kind, theirs.get(name))
        for name, kind in fields(graphql_schema.SCHEMA)
        if theirs.get(name) != kind
    }

    assert not wrong
    for query in (QUERY, OPEN):
        assert not validate(github(), parse(query))
