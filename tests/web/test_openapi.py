"""The description of the API is made from the code: it is complete, and its examples are true."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from flask import Flask
from flask.testing import FlaskClient
from referencing import Registry, Resource

from tests.support.served import SHAPES

pytestmark = [
    pytest.mark.usefixtures("now"),
    pytest.mark.parametrize("make_app", ["by Flask"], indirect=True),
]


def described(client: FlaskClient) -> Any:
    return client.get("/openapi.json").json


def check(description: Any, schema: Any, value: Any) -> None:
    """Hold a value against a schema within a description."""
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **description}
    registry: Any = Registry().with_resource("urn:api", Resource.from_contents(whole))
    absolute = {"$ref": "urn:api" + schema["$ref"]} if "$ref" in schema else schema
    jsonschema.Draft202012Validator(absolute, registry=registry).validate(value)


def test_every_route_is_described_but_the_pages(app: Flask, client: FlaskClient) -> None:
    rules = {
        re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] not in ("pages", "assets")
        and not rule.endpoint.endswith("_by_form")  # for people
    }

    assert set(described(client)["paths"]) == rules


def test_every_json_reply_has_an_example_that_fits_its_schema(client: FlaskClient) -> None:
    description = described(client)
    seen = []
    for path, operations in description["paths"].items():
        content = operations["get"]["responses"]["200"]["content"].get("application/json", {})
        if "$ref" in content.get("schema", {}):
            check(description, content["schema"], content["example"])
            seen.append(path)
    for response in description["components"]["responses"].values():
        [content] = response["content"].values()
        check(description, content["schema"], content["example"])

    assert len(seen) == 14


@pytest.mark.parametrize("path", SHAPES)
def test_every_reply_of_the_site_fits_its_schema(full: FlaskClient, path: str) -> None:
    description = described(full)
    patterns = {
        re.sub(r"{\w+}", "[^/]+", template): operations
        for template, operations in description["paths"].items()
    }
    [operation] = [
        operations["get"]
        for pattern, operations in patterns.items()
        if re.fullmatch(pattern, path.partition("?")[0])
    ]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]

    check(description, schema, full.get(path).json)


def test_a_wrong_reply_would_not_fit(client: FlaskClient) -> None:
    description = described(client)
    schema = {"$ref": "#/components/schemas/Movers"}

    with pytest.raises(jsonschema.ValidationError):
        check(description, schema, {"list": "stars", "window": 7})


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        ("/api/v1/lists/{slug}", "/api/v1/lists/stars?x=1", 400),
        ("/api/v1/lists/{slug}", "/api/v1/lists/nothing", 404),
        ("/api/v1/lists/{slug}", "/api/v1/lists/python", 503),
        ("/api/v1/repos/{owner}/{name}", "/api/v1/repos/loud/engine", 301),
        ("/charts/{owner}/{name}.svg", "/charts/no/body.svg?theme=pink", 400),
        ("/badges/{owner}/{name}.json", "/badges/no/body.json", 404),
        ("/api/v1/status", "/api/v1/status?x=1", 400),
    ],
)
def test_errors_are_described_with_what_they_look_like(
    full: FlaskClient, path: str, asked: str, status: int
) -> None:
    description = described(full)
    response = full.get(asked)

    assert response.status_code == status
    told = description["paths"][path]["get"]["responses"][str(status)]
    if "$ref" in told:
        told = description["components"]["responses"][told["$ref"].rpartition("/")[2]]
    if status != 301:
        content = told["content"][response.content_type]
        if response.json is not None:
            check(description, content["schema"], response.json)


def test_what_is_live_promises_no_304(client: FlaskClient) -> None:
    paths = described(client)["paths"]

    live = {path for path, it in paths.items() if "304" not in it["get"]["responses"]}
    of_the_moment = {"/api/v1/status", "/api/v1/follows", "/healthz", "/readyz", "/metrics"}
    assert live == {"/api/v1", *of_the_moment}
    for path in paths.keys() - live:
        assert "ETag" in paths[path]["get"]["responses"]["200"]["headers"]


def test_parameters_say_what_is_right(client: FlaskClient) -> None:
    operation = described(client)["paths"]["/api/v1/lists/{slug}/movers"]["get"]

    window = {it["name"]: it for it in operation["parameters"]}["window"]
    assert window["schema"] == {
        "type": "string",
        "enum": ["1h", "24h", "7d", "30d", "365d"],
        "default": "24h",
    }
    assert (window["in"], window["required"], window["example"]) == ("query", False, "24h")


def test_it_is_the_same_each_time(client: FlaskClient, make_app: Any) -> None:
    other = make_app().test_client()

    assert client.get("/openapi.json").data == other.get("/openapi.json").data


def references(value: Any) -> Iterator[str]:
    """All that a description refers to."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


def test_it_has_what_linters_ask_for(client: FlaskClient) -> None:
    """The rules of `redocly lint` and of `spectral lint`, which need Node."""
    description = described(client)
    operations = {path: it["get"] for path, it in description["paths"].items()}
    tags = {tag["name"]: tag["description"] for tag in description["tags"]}
    parts = {
        f"#/components/{kind}/{name}"
        for kind, named in description["components"].items()
        for name in named
    }

    assert description["servers"] == [{"url": "/"}]
    assert description["security"] == []
    assert {"title", "version", "description", "contact"} <= set(description["info"])
    assert set(references(description)) == parts, "unused, or unresolved"
    assert len({it["operationId"] for it in operations.values()}) == len(operations)
    assert set(tags) == {tag for it in operations.values() for tag in it["tags"]}
    for path, operation in operations.items():
        assert operation["summary"] and operation["description"]
        assert [tags[tag] for tag in operation["tags"]]
        assert any(status.startswith("2") for status in operation["responses"])
        assert any(status.startswith("4") for status in operation["responses"])
        in_path = [it["name"] for it in operation["parameters"] if it["in"] == "path"]
        assert sorted(in_path) == sorted(re.findall(r"{(\w+)}", path))
        assert not path.endswith("/") and "?" not in path
