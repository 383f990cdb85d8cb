"""The API's description (OpenAPI 3.1), made from what the views declare and from the typed
documents that they give. The code that makes documents also makes their examples."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Flask

from core import leaderboards, lists
from core.clock import DAY, MINUTE
from core.schemas import (
    EventPage,
    LanguageTotals,
    Leaderboard,
    ListIndex,
    Movers,
    OwnerTotals,
    RepositoryDocument,
    Series,
)
from core.windows import Baselines, Counts, Profile, RankedRepository, Snapshot
from monitoring.status import Status
from web import badges
from web.http_headers import Problem
from web.parameters import HTML, PROBLEM, SVG, Endpoint, Parameter

VERSION = "1.0.0"  # of the API

REF = "#/components/{kind}/{name}"

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

PATH = {
    "slug": ("stars", "A list, as /api/v1/lists names it, in any case."),
    "owner": ("octocat", "The owner of a repository, in any case."),
    "name": ("hello-world", "The name of a repository, in any case."),
}

ERRORS = {  # status → component, what it means, an example
    400: (
        "BadRequest",
        "A parameter makes no sense.",
        "limit='0': expected a number from 1 …",
    ),
    404: ("NotFound", "It is not there.", "no list named 'pyhton'; did you mean 'python'?"),
    412: (
        "PreconditionFailed",
        "`If-Match` names another version.",
        "it is another one",
    ),
    503: ("Unavailable", "There is no data yet, or no database.", "no data yet: the first poll …"),
}

HEADERS = {
    "ETag": "Strong; the gzipped body has its own, which ends in -gzip.",
    "Cache-Control": "For how long it holds: of documents, up to the next build.",
    "Last-Modified": "When it was built.",
    "Link": "Where the next page is, if there is one.",
    "Starboard-Age": "Seconds since the slot of the newest data in it.",
    "Starboard-Stale": "`?1` once that is older than two polls and a build.",
}


def describe(app: Flask) -> dict[str, Any]:
    """The description of all endpoints that an app has, pages apart."""
    found = {
        re.sub(r"<(\w+)>", r"{\1}", rule.rule): (view, view.endpoint)
        for rule in app.url_map.iter_rules()
        if hasattr(view := app.view_functions[rule.endpoint], "endpoint")
        and view.endpoint.content_type != HTML  # pages are for people
    }
    types = list(dict.fromkeys([Problem, *(it.gives for _, it in found.values())]))
    schemas, components = msgspec.json.schema_components(
        types, ref_template=REF.format(kind="schemas", name="{name}")
    )
    schema_of = dict(zip(types, schemas, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Starboard",
            "version": VERSION,
            "summary": "GitHub's star leaderboards and their history.",
            "description": "Times are UTC, in RFC 3339. All is read-only and open to other sites.",
        },
        "paths": {
            path: {"get": _operation(path, view, it, schema_of[it.gives])}
            for path, (view, it) in sorted(found.items())
        },
        "components": {
            "schemas": components,
            "headers": {
                name: {"description": about, "schema": {"type": "string"}}
                for name, about in HEADERS.items()
            },
            "responses": {
                name: _content(about, PROBLEM, schema_of[Problem], _problem(status, detail))
                for status, (name, about, detail) in ERRORS.items()
            },
        },
    }


def _operation(
    path: str, view: Callable[..., Any], declared: Endpoint, schema: dict[str, Any]
) -> dict[str, Any]:
    in_path = re.findall(r"{(\w+)}", path)
    text = {"type": "string"}
    schema = text if declared.gives is bytes else schema
    example = EXAMPLES.get(declared.gives)
    about = view.__doc__ or ""
    ok = _content(about, declared.content_type, schema, example)
    responses: dict[str, Any] = {"200": ok}
    expected = [400, 503] if declared.live else [400, 404, 412, 503]
    for status in expected:
        responses[str(status)] = {"$ref": REF.format(kind="responses", name=ERRORS[status][0])}
    if not declared.live:
        ok["headers"] = {name: {"$ref": REF.format(kind="headers", name=name)} for name in HEADERS}
        responses["304"] = {
            "description": "It is what `If-None-Match` or `If-Modified-Since` tells of."
        }
    if "name" in in_path:
        responses["301"] = {"description": "It has another name now: `Location` leads there."}
    if declared.content_type == SVG:
        shown = {"schema": text}
        responses["404"] = {
            "description": "Nobody saw that repository: a picture says so.",
            "content": {SVG: shown, PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return {
        "operationId": view.__name__,
        "summary": about.partition(".")[0],
        "parameters": [
            *(_parameter("path", name, *PATH[name], text, True) for name in in_path),
            *(
                _parameter("query", it.name, it.example, it.about, _schema(it), it.required)
                for it in declared.parameters
            ),
        ],
        "responses": dict(sorted(responses.items())),
    }


def _schema(parameter: Parameter) -> dict[str, Any]:
    """A parameter's schema, with its default where it has one."""
    known, default = parameter.schema, parameter.default
    if default is None:
        return known
    return known | {"default": int(default) if known["type"] == "integer" else default}


def _parameter(
    place: str,
    name: str,
    example: str,
    about: str,
    schema: Mapping[str, Any],
    required: bool,
) -> dict[str, Any]:
    return {
        "in": place,
        "name": name,
        "description": about,
        "required": required,
        "schema": schema,
        "example": int(example) if schema["type"] == "integer" else example,
    }


def _content(
    about: str, content_type: str, schema: Mapping[str, Any], example: Any = None
) -> dict[str, Any]:
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


def _examples() -> dict[Any, Any]:
    """A reply of each type, as the code that makes the replies makes it."""
    profile = Profile(
        id=1,
        full_name="octocat/hello-world",
        language="Python",
        description="My first repository",
        html_url="https://github.com/octocat/hello-world",
        pushed_at=NOON,
    )
    now, then = Counts(NOON, 312_480, 41_022, 87), Counts(NOON - DAY, 312_168, 41_013, 90)
    standing = RankedRepository(3, profile, now)
    history = Baselines({("24h", 1): then}, {("24h", 1): 4})
    stars, built_at = lists.KNOWN["stars"], NOON + timedelta(minutes=15, seconds=30)
    snapshot = Snapshot(stars, NOON, NOON + timedelta(seconds=20), False, [standing], history)
    board = leaderboards.leaderboard(snapshot, built_at, built_at + timedelta(minutes=15))
    repository = leaderboards.repository(standing, history, {"stars": 3, "python": 1})
    at = board["as_of"]
    series: Series = {
        "full_name": profile.full_name,
        "step": "1d",
        "from": "2026-11-23T00:00:00Z",
        "to": "2026-11-24T00:00:00Z",
        "points": [{"at": at, "stars": now.stars, "forks": now.forks, "open_issues": 87}],
    }
    page: EventPage = {
        "items": [
            {
                "cursor": 41,
                "at": at,
                "list": "stars",
                "kind": "overtook",
                "full_name": profile.full_name,
                "detail": {"rank": 3, "overtaken": "octocat/spoon-knife"},
            }
        ],
        "next": 41,
    }
    live: Status = {
        "lists": [
            {
                "slug": "stars",
                "as_of": at,
                "age_seconds": 312,
                "expected": 144,
                "received": 143,
                "gaps": [
                    {"from": "2026-11-23T03:10:00Z", "to": "2026-11-23T03:20:00Z", "slots": 1}
                ],
                "last_error": None,
            }
        ],
        "watched": [],
        "build": {"built_at": at, "age_seconds": 12, "next_build_at": board["next_build_at"]},
        "queues": [{"name": "default", "queued": 0, "started": 1, "scheduled": 0, "failed": 0}],
        "workers": None,
        "next_runs": [{"name": "aggregate", "at": board["next_build_at"]}],
        "jobs": [{"job": "poll", "outcome": "good", "count": 5_143}],
        "github": [],
    }
    return {
        dict[str, str]: {"status": "ok"},
        ListIndex: leaderboards.list_index([stars], {"stars": board}),
        Leaderboard: board,
        Movers: leaderboards.movers(board, "24h", "stars"),
        LanguageTotals: leaderboards.languages(board),
        OwnerTotals: leaderboards.owners(board),
        RepositoryDocument: repository,
        badges.Badge: badges.badge_of(repository, "gain", stars, "24h", 15 * MINUTE),
        Series: series,
        EventPage: page,
        Status: live,
    }


EXAMPLES = _examples()
