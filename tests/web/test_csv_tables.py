"""What an endpoint gives as CSV is what it gives as JSON, once pandas has read it back."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pandas
import pytest
from flask import Flask
from flask.testing import FlaskClient

from core import schemas
from core.changes import Changes
from core.follow_schemas import FollowPage
from monitoring.checks import ToldStatus
from store.database import Database
from tests.support.common import MakeApp
from tests.support.served import BUILT, publish
from tests.support.stored import NOON, PYTHON, put, repo
from web.csv_tables import CSV, TABLES, as_csv, columns, title, value

pytestmark = [
    pytest.mark.usefixtures("now"),
    pytest.mark.parametrize("make_app", ["by the front"], indirect=True),
]

TYPED = {  # endpoint → the type of its document
    "/api/v1/lists": schemas.ListIndex,
    "/api/v1/lists/stars": schemas.Leaderboard,
    "/api/v1/lists/stars?at=2026-03-01T11:30:00Z": schemas.Leaderboard,
    "/api/v1/lists/stars/movers?window=1h": schemas.Movers,
    "/api/v1/lists/stars/changes?window=1h": Changes,
    "/api/v1/languages": schemas.LanguageTotals,
    "/api/v1/owners": schemas.OwnerTotals,
    "/api/v1/events": schemas.EventPage,
    "/api/v1/follows": FollowPage,
    "/api/v1/repos/Quiet/Harbor-1/history": schemas.Series,
    "/api/v1/repos/Quiet/Harbor-1/ranks": schemas.RankSeries,
    "/api/v1/repos?repos=Quiet/Harbor-2,Quiet/Harbor-1": schemas.Repositories,
    "/api/v1/status": ToldStatus,
}
FORMULAS = ("=1+1", "+1", "-1,2", "@SUM(A1)", "\tx", '\r=HYPERLINK("x")')


def rows_of(document: Any, kind: Any) -> list[Any]:
    if kind is Changes:  # two tables in one
        return [{"change": it, **row} for it in ("entered", "left") for row in document[it]]
    [name] = TABLES[kind]
    rows: list[Any] = document[name]
    return rows


def guarded(text: Any) -> Any:
    if isinstance(text, list):  # in a cell
        return json.dumps(text)
    return f"'{text}" if isinstance(text, str) and text.startswith(tuple("=+-@\t\r")) else text


@pytest.fixture
def site(database: Database, make_app: MakeApp) -> Iterator[FlaskClient]:
    """A list of repositories whose descriptions somebody thought of who knows spreadsheets."""
    texts = (*FORMULAS, 'a "quoted" one', "NA", "null", "two\nlines", "1.0", "née, ✓", "'=1", None)
    now = [repo(it, description=text) for it, text in enumerate(texts, 1)]
    before = [repo(it, stars=2_000 + it, language=None) for it in range(len(texts), 0, -1)]
    gone = repo(99, stars=1)
    put(database, *before[1:], gone, at=NOON.replace(hour=11))
    put(database, *now)
    put(database, gone, ranked=PYTHON)
    client = make_app(follow="anyone").test_client()
    for name in ("Quiet/Harbor-1", "Quiet/Boat"):
        client.put(f"/api/v1/repos/{name}")
    publish(client, BUILT)
    yield client


def test_pandas_reads_back_what_the_json_says_whatever_the_endpoint(site: FlaskClient) -> None:
    for path, kind in TYPED.items():
        compare(site, path, kind)
    assert set(TYPED.values()) == set(TABLES)


def compare(site: FlaskClient, path: str, kind: Any) -> None:
    response = site.get(f"{path}{'&' if '?' in path else '?'}format=csv")
    document = site.get(path).json
    assert document is not None
    expected = [
        {title(it): guarded(value(row, it)) for it in columns(kind)}
        for row in rows_of(document, kind)
    ]

    texts = {name: str for row in expected for name, cell in row.items() if isinstance(cell, str)}
    table = pandas.read_csv(
        io.BytesIO(response.data),
        keep_default_na=False,
        na_values=[""],
        dtype=texts,
    )
    found = [
        {name: None if pandas.isna(cell) else cell for name, cell in row.items()}
        for row in table.to_dict("records")
    ]
    assert (response.status_code, response.content_type) == (200, CSV)
    assert expected
    assert found == expected


def test_nothing_that_the_json_says_of_a_row_is_left_out(site: FlaskClient) -> None:
    def leaves(value: Any, way: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
        if not isinstance(value, dict):
            return {way} if value is not None else set()
        return set().union(*(leaves(each, (*way, name)) for name, each in value.items()))

    for path, kind in TYPED.items():
        document = site.get(path).json
        assert document is not None
        known = set().union(*map(leaves, rows_of(document, kind)))
        assert known <= set(columns(kind))


def test_columns_are_named_after_what_they_hold_and_stay_where_nobody_has_a_value(
    app: Flask,
) -> None:
    header = next(csv.reader(io.StringIO(as_csv(schemas.Leaderboard, {"items": []}).decode())))

    assert header[:5] == ["full_name", "owner", "name", "stars", "forks"]
    assert {"rank", "gain_24h_stars", "gain_365d_until", "gain_7d_source"} < set(header)
    assert header.index("rank") < header.index("gain_1h_stars")
    assert as_csv(schemas.RankSeries, {"points": []}) == b"at,rank\r\n"


def test_it_is_cached_and_named_as_the_json_is(site: FlaskClient) -> None:
    path = "/api/v1/lists/stars/movers?window=1h"
    response, plain = site.get(f"{path}&format=csv"), site.get(path)
    again = site.get(f"{path}&format=csv", headers={"If-None-Match": response.headers["ETag"]})
    compressed = site.get(f"{path}&format=csv", headers={"Accept-Encoding": "gzip"})
    events = site.get("/api/v1/events?format=csv")

    assert (again.status_code, again.data) == (304, b"")
    assert response.headers["ETag"] != plain.headers["ETag"]
    for name in ("Cache-Control", "Last-Modified", "Starboard-As-Of", "Vary"):
        assert response.headers[name] == plain.headers[name]
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert compressed.headers["Content-Disposition"] == 'attachment; filename="movers-stars-1h.csv"'
    assert events.headers["Content-Disposition"] == 'attachment; filename="events.csv"'
    assert events.headers["ETag"]
    assert "Content-Disposition" not in plain.headers


def test_what_has_no_table_takes_no_format(site: FlaskClient) -> None:
    assert site.get("/api/v1/repos/Quiet/Harbor-1?format=csv").status_code == 400
    assert "json, csv" in site.get("/api/v1/lists?format=xml").json["detail"]  # type: ignore[index]


def test_the_next_page_is_csv_too(site: FlaskClient) -> None:
    assert "format=csv" in site.get("/api/v1/events?format=csv&limit=1").headers["Link"]
