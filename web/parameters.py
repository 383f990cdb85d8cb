"""The parameters of queries as data: read and checked for the views, and described for those who
read /openapi.json."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

from flask import request
from werkzeug.exceptions import BadRequest, NotFound

from core import clock
from core.lists import RankedList
from core.windows import WINDOWS
from web import current
from web.csv_tables import TABLES, want_table

JSON = "application/json"
HTML = "text/html; charset=utf-8"
PROBLEM = "application/problem+json"
SVG = "image/svg+xml"
ATOM = "application/atom+xml; charset=utf-8"

# Newsletters, networks and caches add parameters of their own to the addresses of what people see.
SHARED = (HTML, SVG)
TRACKING = re.compile(r"utm_\w+|ref|fbclid|gclid|mc_[ce]id|v|sanitize")

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter `name` of a query, which a view takes as `into`.

    `read` converts a text to the parameter's value, or raises ValueError with what would be right.
    A parameter that is absent is read from `default`; where that is None, so is the value.
    """

    name: str
    about: str
    read: Callable[[str], Any]
    schema: dict[str, Any] = field(hash=False)
    example: str
    default: str | None = None
    required: bool = False
    into: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The description of a view in /openapi.json: the type of its reply, and its parameters."""

    gives: Any
    parameters: tuple[Parameter, ...]
    content_type: str
    live: bool
    body: dict[str, Any] | None = None  # the JSON Schema of what is sent


def endpoint(
    gives: Any,
    *parameters: Parameter,
    content_type: str = JSON,
    live: bool = False,
    lenient: bool = False,
    body: dict[str, Any] | None = None,
) -> Callable[[View], View]:
    """Have a view's parameters read and checked; any other one is a bad request, unless the view is
    `lenient`. `gives` is the type of the reply, which comes as CSV, too, where that has a table; a
    `live` reply is of the moment, never cached."""
    if gives in TABLES:
        parameters = (*parameters, FORMAT)

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(**path: str) -> Any:
            if lenient:
                return view(**path)
            shared = content_type in SHARED
            arguments = _arguments(parameters, ignored=TRACKING if shared else None)
            want_table(gives if arguments.pop("format", None) == "csv" else None)
            return view(**path, **arguments)

        checked.endpoint = Endpoint(gives, parameters, content_type, live, body)  # type: ignore[attr-defined]
        return checked  # type: ignore[return-value]

    return decorate


def _arguments(
    parameters: Iterable[Parameter], ignored: re.Pattern[str] | None = None
) -> dict[str, Any]:
    """Return the values of the current request's query, as a view takes them; raises BadRequest."""
    known = {parameter.name: parameter for parameter in parameters}
    for name, values in request.args.lists():
        if name not in known and ignored is not None and ignored.fullmatch(name):
            continue
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise BadRequest(f"{request.path} has no parameter {name!r:.60}; {takes}")
        if len(values) > 1:
            raise BadRequest(f"{request.path} takes one {name!r}, not {len(values)}")
    return {each.into or each.name: _argument(each) for each in known.values()}


def _argument(parameter: Parameter) -> Any:
    text = request.args.get(parameter.name, "" if parameter.required else parameter.default)
    try:
        return None if text is None else parameter.read(text)
    except ValueError as error:
        raise BadRequest(f"{parameter.name}={text!r:.60}: {error}") from None


def choice(name: str, about: str, choices: Iterable[str], default: str | None = None) -> Parameter:
    """Return a parameter that is one of a few words."""
    words = list(choices)

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"expected one of {', '.join(words)}")
        return text

    schema = {"type": "string", "enum": words}
    return Parameter(name, about, read, schema, default or words[0], default)


def number(name: str, about: str, default: int, *, lowest: int, highest: int) -> Parameter:
    """Return a parameter that is a whole number from `lowest` to `highest`."""

    def read(text: str) -> int:
        # Not msgspec nor int() alone: the one takes 1e3, the other other scripts' digits.
        if not re.fullmatch(r"\d{1,19}", text, re.ASCII) or not lowest <= int(text) <= highest:
            raise ValueError(f"expected a number from {lowest} to {highest}")
        return int(text)

    schema = {"type": "integer", "minimum": lowest, "maximum": highest}
    return Parameter(name, about, read, schema, str(default), str(default))


def text(name: str, about: str, example: str, into: str = "") -> Parameter:
    """Return a parameter that is any text."""
    return Parameter(name, about, str, {"type": "string"}, example, into=into)


def moment(name: str, about: str, into: str = "") -> Parameter:
    """Return a parameter that is a time, or a date, which is its midnight."""

    def read(text: str) -> datetime:
        try:
            return clock.parse(text)
        except ValueError as error:
            hint = "expected a time such as 2026-11-23T20:20:00Z or 2026-11-23"
            raise ValueError(f"{error}; {hint}") from None

    schema = {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}
    return Parameter(name, about, read, schema, "2026-11-23", into=into)


def list_named(slug: str) -> RankedList:
    """Return the list of a slug, in any case; raises NotFound, with what may have been meant."""
    try:
        return current.settings().ranked(slug)
    except LookupError as error:
        raise NotFound(error.args[0]) from None


def a_list(about: str, default: str | None = None) -> Parameter:
    """Return the parameter `list`, which a view takes as `ranked`."""
    return Parameter("list", about, list_named, {"type": "string"}, "stars", default, into="ranked")


AT = moment("at", "The list as it stood then; without it, as it stands.")
WINDOW = choice("window", "The span of time of the gains.", [each.name for each in WINDOWS], "24h")
FORMAT = choice("format", "JSON, or its rows as a table in CSV.", ("json", "csv"), "json")
