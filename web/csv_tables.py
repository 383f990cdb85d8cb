"""Documents as CSV (RFC 4180): which of them are tables, their columns, and what a cell looks like.

The columns are those of the document's type: figures first, then what lies deeper, such as
`gain_24h_stars`.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_type_hints, is_typeddict

from flask import g

from core import schemas
from core.changes import Changes
from core.follow_schemas import FollowPage
from core.windows import WINDOWS
from monitoring.checks import ToldStatus

CSV = "text/csv; charset=utf-8; header=present"
API = "/api/v1/"

TABLES = {  # type of a document → where it has its rows
    schemas.ListIndex: ("items",),
    schemas.Leaderboard: ("items",),
    schemas.Movers: ("items",),
    Changes: ("entered", "left"),
    schemas.LanguageTotals: ("items",),
    schemas.OwnerTotals: ("items",),
    schemas.EventPage: ("items",),
    FollowPage: ("items",),
    schemas.Repositories: ("items",),
    schemas.Series: ("points",),
    schemas.RankSeries: ("points",),
    ToldStatus: ("lists",),
}
DETAILS = ("rank", "overtaken", "stars")  # of an event

FORMULA = re.compile(r"[=+\-@\t\r]")  # with which a spreadsheet lets a formula begin

Path = tuple[str, ...]  # of keys, to a value in a row's JSON


def table_wanted() -> Any:
    """Return the type of the document that the current request wants as CSV; None: as JSON."""
    return g.get("table")


def want_table(kind: Any) -> None:
    """Have the current request's document of that type sent as CSV; None: as JSON."""
    g.table = kind


def disposition(name: str) -> str:
    """Return the header that names the file which a reader saves a document as."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name.removeprefix(API))
    return f'attachment; filename="{plain}.csv"'


def as_csv(kind: Any, document: Mapping[str, Any]) -> bytes:
    """Return a document of a type as CSV, with a header row."""
    paths = columns(kind)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(map(title, paths))
    writer.writerows([_cell(value(row, path)) for path in paths] for row in rows(kind, document))
    return out.getvalue().encode()


def rows(kind: Any, document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a document; where it has them in several places, with which as `change`."""
    several = len(TABLES[kind]) > 1
    for place in TABLES[kind]:
        for row in document[place] or ():
            yield {"change": place, **row} if several else row


@cache
def columns(kind: Any) -> tuple[Path, ...]:
    """Return the columns of a type of documents, as paths in its rows."""
    hints, places = get_type_hints(kind), TABLES[kind]
    paths = [path for place in places for path in _paths(_row(hints[place]))]
    named = [("change",), *paths] if len(places) > 1 else paths
    return tuple(sorted(dict.fromkeys(named), key=lambda path: len(path) > 1))


def _row(hint: Any) -> Any:
    """Return the type of the rows of a list, which may be null."""
    inner = hint.__args__[0]
    return inner if is_typeddict(inner) else inner.__args__[0]


def title(path: Path) -> str:
    """Return the name of a column: `gain_24h_stars` of gains → 24h → stars."""
    return "_".join("gain" if part == "gains" else part for part in path)


def value(row: Mapping[str, Any], path: Path) -> Any:
    """Return what a row has at a path; None where it does not go so deep."""
    found: Any = row
    for part in path:
        found = None if found is None else found.get(part)
    return found


def _paths(kind: Any) -> Iterator[Path]:
    for name, hint in get_type_hints(kind).items():
        deeper = [(name, *path) for path in _deeper(name, hint)]
        yield from deeper or [(name,)]


def _deeper(name: str, hint: Any) -> Iterator[Path]:
    """Yield the paths within a value; none within a figure or a text."""
    if is_typeddict(hint):
        yield from _paths(hint)
    elif name == "gains":
        kinds = getattr(hint.__args__[1], "__args__", hint.__args__[1:])  # a gain may be null
        for window in WINDOWS:
            yield from ((window.name, *path) for path in _paths(kinds[0]))
    elif name == "detail":
        yield from ((each,) for each in DETAILS)


def _cell(value: Any) -> Any:
    """Return a value as a cell: null as nothing; a text that a spreadsheet would take for a formula
    behind a `'`, numbers as they are; a list as JSON."""
    if isinstance(value, list):
        return json.dumps(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and FORMULA.match(value):
        return f"'{value}"
    return value
