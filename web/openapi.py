"""The API's description (OpenAPI 3.1), made from what the views declare and from the types of the
documents that they give."""

import re
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from itertools import groupby
from typing import Any

import msgspec
from flask import Flask

from web.csv_tables import TABLES
from web.http_headers import Problem
from web.openapi_examples import EXAMPLES
from web.parameters import HTML, JSON, PROBLEM, SVG, Endpoint, Parameter

Object = dict[str, Any]  # of JSON

INFO = {
    "title": "Starboard",
    "version": "1.0.0",
    "summary": "GitHub's star leaderboards and their history.",
    "description": "Times are UTC, in RFC 3339. All is read-only and open to other sites.",
    "contact": {"name": "Who runs this server"},
}

TAGS = {  # blueprint → what its endpoints are for
    "api": "Lists, repositories, events and the status, as JSON.",
    "badges": "Badges, as pictures and as what shields.io makes one of.",
    "charts": "Star histories as pictures, for a README.",
    "feeds": "What changed, for feed readers.",
    "following": "Repositories that somebody follows, and their star histories.",
    "ranks": "The rank of a repository over time.",
    "several": "Several repositories at once.",
    "site": "How the service is, for those who run it, and this description.",
}

TEXT = {"type": "string"}

PATH = {  # parameter of a path → an example, what it is
    "slug": ("stars", "A list, as /api/v1/lists names it, in any case."),
    "owner": ("octocat", "The owner of a repository, in any case."),
    "name": ("hello-world", "The name of a repository, in any case."),
}

ERRORS = {  # status → component, what it means, an example
    400: ("BadRequest", "A parameter makes no sense.", "limit='0': expected a number from 1 …"),
    404: ("NotFound", "It is not there.", "no list named 'pyhton'; did you mean 'python'?"),
    412: ("PreconditionFailed", "`If-Match` names another version.", "it is another one"),
    403: ("Forbidden", "The setting FOLLOW does not name who asks.", "this server lets only …"),
    413: ("TooLarge", "The body is too long.", "The data value transmitted exceeds …"),
    429: ("TooMany", "There is no room.", "this server follows as many as it may …"),
    503: ("Unavailable", "There is no data yet, or no database.", "no data yet: the first poll …"),
}
ERRORS_OF_READS = (400, 404, 412, 503)
ERRORS_OF_LIVE = (400, 503)
ERRORS_OF_WISHES = {403: "Forbidden", 404: "NotFound", 429: "TooMany"}
OF_WISHES = {"202": {"description": "It is under way: ask for what `Location` names."}}

HEADERS = {
    "ETag": "Strong; the gzipped body has its own, which ends in -gzip.",
    "Cache-Control": "For how long it holds: of documents, up to the next build.",
    "Last-Modified": "When it was built.",
    "Link": "Where the next page is, if there is one.",
    "Starboard-As-Of": "The slot of the newest data of the build that it is from.",
    "Starboard-Notice": "`unknown repository`: nobody saw it, or one of them; the picture says so.",
}
HEADERS_OF_ALL = [name for name in HEADERS if name != "Starboard-Notice"]


def describe(app: Flask, server: str) -> Object:
    """The description of all endpoints that an app has, pages apart. `server`: its URL, or path."""
    operations = sorted(_operations(app), key=lambda each: each[:2])
    types = list(dict.fromkeys([Problem, *(view.endpoint.gives for *_, view in operations)]))
    schemas, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    schema_of = dict(zip(types, schemas, strict=True))
    return {
        "openapi": "3.1.0",
        "info": INFO,
        "servers": [{"url": server}],
        "security": [],
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "paths": {
            path: {
                method: _operation(path, method, tag, view, schema_of[view.endpoint.gives])
                for _, method, tag, view in of_path
            }
            for path, of_path in groupby(operations, key=lambda each: each[0])
        },
        "components": {
            "schemas": components,
            "headers": {
                name: {"description": about, "schema": TEXT} for name, about in HEADERS.items()
            },
            "responses": {
                name: _content(about, PROBLEM, schema_of[Problem], _problem(status, detail))
                for status, (name, about, detail) in ERRORS.items()
            },
        },
    }


def _operations(app: Flask) -> Iterator[tuple[str, str, str, Any]]:
    """The views that declare what they give, each with its path in OpenAPI's form, its method and
    its tag; pages, which are for people, left out."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if hasattr(view, "endpoint") and view.endpoint.content_type != HTML:
            path = re.sub(r"<(\w+)>", r"{\1}", rule.rule)
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield path, method.lower(), rule.endpoint.partition(".")[0], view


def _operation(
    path: str, method: str, tag: str, view: Callable[..., Any], schema: Object
) -> Object:
    declared: Endpoint = view.endpoint  # type: ignore[attr-defined]  # `_views` has no others
    in_path = re.findall(r"{(\w+)}", path)
    about = view.__doc__ or ""
    responses = _responses(declared, about, TEXT if declared.gives is bytes else schema)
    if method == "put":
        responses |= {status: responses["200"] | about for status, about in OF_WISHES.items()}
    if method != "get":
        responses |= {
            str(status): _reference("responses", name) for status, name in ERRORS_OF_WISHES.items()
        }
    elif "name" in in_path:
        responses["301"] = {"description": "It has another name now: `Location` leads there."}
    sent = {}
    if declared.body is not None:
        sent = {"requestBody": {"required": True, "content": {JSON: {"schema": declared.body}}}}
        responses["413"] = _reference("responses", ERRORS[413][0])
    return {
        **sent,
        "operationId": view.__name__,
        "tags": [tag],
        "summary": about.partition(".")[0],
        "description": about,
        "parameters": [
            *(_path_parameter(name) for name in in_path),
            *(_query_parameter(parameter) for parameter in declared.parameters),
        ],
        "responses": dict(sorted(responses.items())),
    }


def _responses(declared: Endpoint, about: str, schema: Object) -> Object:
    """The responses of a view by their status."""
    errors = ERRORS_OF_LIVE if declared.live else ERRORS_OF_READS
    ok: Object = {"description": about}
    good = "204"
    if declared.gives is not None:
        ok, good = (
            _content(about, declared.content_type, schema, EXAMPLES.get(declared.gives)),
            "200",
        )
    if declared.gives in TABLES:
        ok["content"]["text/csv"] = {"schema": TEXT}
    responses: Object = {good: ok} | {
        str(status): _reference("responses", ERRORS[status][0]) for status in errors
    }
    if not declared.live:
        ok["headers"] = {name: _reference("headers", name) for name in HEADERS_OF_ALL}
        responses["304"] = {
            "description": "It is what `If-None-Match` or `If-Modified-Since` tells of."
        }
    if declared.content_type == SVG:
        ok["headers"]["Starboard-Notice"] = _reference("headers", "Starboard-Notice")
    return responses


def _path_parameter(name: str) -> Object:
    example, about = PATH[name]
    return {
        "in": "path",
        "name": name,
        "description": about,
        "required": True,
        "schema": TEXT,
        "example": example,
    }


def _query_parameter(parameter: Parameter) -> Object:
    convert = int if parameter.schema["type"] == "integer" else str
    schema = dict(parameter.schema)
    if parameter.default is not None:
        schema["default"] = convert(parameter.default)
    return {
        "in": "query",
        "name": parameter.name,
        "description": parameter.about,
        "required": parameter.required,
        "schema": schema,
        "example": convert(parameter.example),
    }


def _content(
    about: str, content_type: str, schema: Mapping[str, Any], example: Any = None
) -> Object:
    media = {"schema": schema} | ({} if example is None else {"example": example})
    return {"description": about, "content": {content_type: media}}


def _problem(status: int, detail: str) -> Problem:
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": "/api/v1/…",
    }


def _reference(kind: str, name: str) -> Object:
    return {"$ref": f"#/components/{kind}/{name}"}
