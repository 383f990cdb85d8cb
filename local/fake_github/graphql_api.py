"""The fake GitHub's GraphQL API: a hundred repositories a request, by their node ids."""

from typing import Any

from flask import Blueprint, Response, abort, g, jsonify, request

from local.fake_github import errors
from local.fake_github.state import fake

graphql = Blueprint("graphql", __name__)


@graphql.post("/graphql")
@graphql.post("/api/graphql")
def query() -> Response:
    """Execute a query. Whatever becomes of it, its points are used up."""
    if request.root_path:  # an Enterprise server has it beside /api/v3, not below
        abort(404)
    asked = request.get_json(silent=True)
    if not isinstance(asked, dict):
        return errors.error(400, "Problems parsing JSON", "graphql")
    text, variables = asked.get("query"), asked.get("variables") or {}
    if not isinstance(text, str):
        message = "A query attribute must be specified and must be a string."
        return jsonify(errors=[{"message": message}])
    return _executed(text, variables)


def _executed(text: str, variables: dict[str, Any]) -> Response:
    from graphql import GraphQLError

    from local.fake_github import graphql_schema

    try:
        points = graphql_schema.cost(text, variables)
    except GraphQLError as error:  # it is no query, or not one of the schema's
        return jsonify(errors=[_told(error)])
    # One point was taken at the door.
    if not fake().meter.count("graphql", g.caller, g.at, points - 1):
        return errors.points_used_up()
    result = graphql_schema.answer(text, variables, points)
    if g.get("too_slow"):
        return errors.too_slow()
    failures = {"errors": [_told(error) for error in result.errors]} if result.errors else {}
    return jsonify({"data": result.data, **failures})


def _told(error: Any) -> dict[str, Any]:
    """An error as GitHub tells it: with its kind, where it has one, beside the message."""
    told = dict(error.formatted)
    kind = told.pop("extensions", {}).get("type")
    return {"type": kind, **told} if kind else told
