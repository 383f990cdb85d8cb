"""What GraphQL was seen to answer instead: mostly with status 200, and with the points taken."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from flask import Response, g

from local.fake_github import errors
from local.fake_github.damage import Fault, instead

NULLABLE = ("id", "databaseId", "nameWithOwner", "stargazerCount", "forkCount")

SECONDARY = "You have exceeded a secondary rate limit. Please wait before you try again."

WENT_WRONG = "Something went wrong while executing your query. Please include `57A4:0` in a report."


def _no_data(kind: str | None, message: str) -> Fault:
    """A failure of the whole query, with or without a word on its data."""

    def answer(response: Response, random: Random) -> Response:
        error = {"type": kind, "message": message} if kind else {"message": message}
        nothing = random.choice(({}, {"data": None}))
        return instead(response, 200, json.dumps({**nothing, "errors": [error]}))

    return answer


def _used_up(kind: str) -> Fault:
    """The points, as another client with the same token used them up."""

    def answer(response: Response, random: Random) -> Response:
        response.headers["X-RateLimit-Remaining"] = "0"
        response.headers["X-RateLimit-Reset"] = str(int(g.at.timestamp()) + random.randint(1, 60))
        return _no_data(kind, "API rate limit exceeded")(response, random)

    return answer


def _secondary(response: Response, random: Random) -> Response:
    """A limit whose message stands among the errors, or alone; the points are plenty."""
    if random.random() < 0.5:
        response.headers["Retry-After"] = str(random.randint(1, 90))
    told = random.choice(({"message": SECONDARY}, {"errors": [{"message": SECONDARY}]}))
    return instead(response, 200, json.dumps(told))


def _too_slow(response: Response, random: Random) -> Response:
    return instead(response, random.choice((502, 504)), errors.too_slow().get_data())


def _bad_token(response: Response, random: Random) -> Response:
    """No limit is spent, though nothing remains."""
    for name in ("Limit", "Remaining", "Used"):
        response.headers[f"X-RateLimit-{name}"] = "0"
    return instead(response, 401, json.dumps({"message": "Bad credentials", "status": "401"}))


def _on_nodes(change: Callable[[dict[str, Any], str, Random], None]) -> Fault:
    """Damage to an answer with nodes, of which `change` gets the body and the member they are."""

    def answer(response: Response, random: Random) -> Response:
        body = response.get_json(silent=True) or {}
        data = (isinstance(body, dict) and body.get("data")) or {}
        lists = [name for name, value in data.items() if value and isinstance(value, list)]
        if response.status_code == 200 and lists:
            change(body, lists[0], random)
            response.set_data(json.dumps(body))
        return response

    return answer


def _not_found(body: dict[str, Any], name: str, random: Random) -> None:
    index = random.randrange(len(body["data"][name]))
    body["data"][name][index] = None
    message = "Could not resolve to a node with the global id of 'R_kgDOAAAAAQ'"
    error = {"type": "NOT_FOUND", "path": [name, index], "message": message}
    body.setdefault("errors", []).append(error)


def _resources(body: dict[str, Any], name: str, random: Random) -> None:
    """Some data, and not a word on which of it is missing."""
    nodes = body["data"][name]
    for index in random.sample(range(len(nodes)), random.randint(1, len(nodes))):
        nodes[index] = None
    message = "Resource limits for this query exceeded."
    body["errors"] = [{"type": "RESOURCE_LIMITS_EXCEEDED", "message": message}]


def _null_field(body: dict[str, Any], name: str, random: Random) -> None:
    for node in filter(None, random.sample(body["data"][name], 1)):
        node[random.choice([field for field in NULLABLE if field in node] or ["id"])] = None


def _misordered(body: dict[str, Any], name: str, random: Random) -> None:
    random.shuffle(body["data"][name])


def _missing(body: dict[str, Any], name: str, random: Random) -> None:
    nodes = body["data"][name]
    nodes.pop(random.randrange(len(nodes)))


GRAPHQL_FAULTS: dict[str, Fault] = {
    "node not found": _on_nodes(_not_found),
    "points used up": _used_up("RATE_LIMIT"),
    "points used up, older": _used_up("RATE_LIMITED"),
    "secondary limit as 200": _secondary,
    "resource limits exceeded": _on_nodes(_resources),
    "internal": _no_data("INTERNAL", WENT_WRONG),
    "untyped error": _no_data(None, WENT_WRONG),
    "too slow": _too_slow,
    "null field": _on_nodes(_null_field),
    "nodes misordered": _on_nodes(_misordered),
    "node missing": _on_nodes(_missing),
    "bad token": _bad_token,
}
