"""The history of a repository over the API."""

import gzip
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from core import clock
from tests.support.github import StubGitHub, answer, poll, repo
from tests.support.served import HISTORY, MINUTE, NOW, PYTHON, database_of, points, problem
from tests.support.stored import put_days, statements

pytestmark = pytest.mark.usefixtures("now")


class TestHistory:
    @pytest.fixture
    def full(self, full: FlaskClient) -> FlaskClient:
        """Readings at 11:00, 11:10, 11:30 and 12:00."""
        for number in (-5, -3):
            motor = repo(2, full_name="Loud/Motor", stars=49_950 + number)
            poll(database_of(full), StubGitHub(answer([motor])), number, ranked=PYTHON)
        return full

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", ["11:00", "11:10", "11:30", "12:00"]),
            ("step=10m", ["11:00", "11:10", "11:30", "12:00"]),
            ("step=1h", ["11:00", "12:00"]),
            ("step=1d", ["12:00"]),
            ("from=2026-03-01T11:10:00Z&to=2026-03-01T12:00:00Z", ["11:10", "11:30"]),
            ("from=2026-03-01T11:10:01Z&to=2026-03-01T12:00:01Z", ["11:30", "12:00"]),
            ("from=2026-03-01T11:10:00Z&to=2026-03-01T12:00:00Z&step=1h", ["11:30"]),
            ("to=2026-03-01T11:30:00Z&step=10m", ["11:00", "11:10"]),
            ("from=2020-01-01&to=2026-03-01", []),
            ("from=2026-03-01&to=2030-01-01", ["12:00"]),
        ],
    )
    def test_is_of_each_step_from_the_first_moment_up_to_the_last_which_is_out(
        self, full: FlaskClient, query: str, expected: list[str]
    ) -> None:
        assert points(full, query) == expected

    @pytest.mark.parametrize(
        ("start", "step"),
        [
            ("2026-02-27T12:00:00Z", "10m"),
            ("2026-02-27T11:59:59Z", "1h"),
            ("2025-12-01T12:00:00Z", "1h"),
            ("2025-12-01T11:59:59Z", "1d"),
            ("1970-01-01", "1d"),
        ],
    )
    def test_has_the_finest_step_that_fits_its_span(
        self, full: FlaskClient, start: str, step: str
    ) -> None:
        response = full.get(f"{HISTORY}?from={start}&to=2026-03-01T12:00:00Z")

        assert response.json is not None
        assert response.json["step"] == step

    def test_of_a_name_of_the_past_leads_to_the_new_one_with_all_it_asks(
        self, full: FlaskClient
    ) -> None:
        query = "from=2026-03-01T11:00:00%2B00:00&to=2026-03-02&step=1h"

        response = full.get(f"/api/v1/repos/loud/engine/history?{query}")

        assert response.status_code == 301
        followed = full.get(response.location)
        assert followed.json == full.get(f"{HISTORY}?{query}").json
        assert response.location.startswith("/api/v1/repos/Loud/Motor/history?")

    @pytest.mark.parametrize("query", ["", "?format=csv", "?limit=2"])
    def test_is_made_once_for_as_long_as_it_would_be_the_same(
        self, full: FlaskClient, query: str
    ) -> None:
        database, url = database_of(full), f"{HISTORY}{query}"
        first = full.get(url)
        with statements(database) as told:
            again = full.get(url)
            zipped = full.get(url, headers={"Accept-Encoding": "gzip"})
        once = [sql for sql in told if "document" not in sql]

        assert (again.data, again.headers["ETag"]) == (first.data, first.headers["ETag"])
        assert again.headers.get("Link") == first.headers.get("Link")
        if "Content-Encoding" in zipped.headers:
            zipped.data = gzip.decompress(zipped.data)
        assert zipped.data == first.data
        assert len(once) == 4, once

        changed = [first.data]
        for change in ("reading SET stars = 49900", "reading SET open_issues = NULL"):
            with database.write() as session:
                session.execute(text(f"UPDATE {change} WHERE slot = 1772362800"))
            changed.append(full.get(url).data)
        put_days(database, 2, 7, 8, last=date(2026, 2, 27))
        changed.append(full.get(url).data)
        assert len(set(changed)) == 4

    def test_up_to_now_is_of_each_minute(
        self, full: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ends = []
        for minutes in (5, 6):
            monkeypatch.setattr(clock, "now", lambda at=NOW + minutes * MINUTE: at)
            response = full.get(f"{HISTORY}?from=2026-03-01T12:10:30Z")
            assert response.json is not None
            ends.append(response.json["to"])

        assert len(set(ends)) == 2, ends

    def test_of_nobody_is_not_there(self, full: FlaskClient) -> None:
        response = full.get("/api/v1/repos/no/body/history")

        assert problem(response) == (404, "no repository named 'no/body' was on any list")

    def test_begins_at_the_moment_and_not_at_its_second(self, full: FlaskClient) -> None:
        span = "from=2026-03-01T11:10:00.500Z&to=2026-03-01T12:00:00Z"

        assert points(full, span) == ["11:30"]

    @pytest.mark.parametrize("end", ["9999-12-31T23:59:59Z", "9999-12-31T00:00:01Z"])
    def test_may_reach_to_the_end_of_time(self, full: FlaskClient, end: str) -> None:
        assert full.get(f"{HISTORY}?from=2026-03-01&to={end}").status_code == 200

    def test_up_to_a_moment_before_the_first_reading_has_no_points(self, full: FlaskClient) -> None:
        assert points(full, "to=2026-02-01") == []

    def test_of_no_time_says_what_would_be_right(self, full: FlaskClient) -> None:
        response = full.get(f"{HISTORY}?from=2026-03-01&to=2026-03-01")

        status, detail = problem(response)
        assert status == 400
        assert "expected" in detail


class TestHistoryOfTwoSources:
    """Readings at 11:00 and 12:00 of 1 March, and GitHub's days from 26 February on."""

    @pytest.fixture
    def both(self, full: FlaskClient) -> FlaskClient:
        put_days(database_of(full), 2, 10, 20, 30, 5, last=date(2026, 3, 1))
        return full

    def told(self, client: FlaskClient, query: str = "", path: str = HISTORY) -> Any:
        document = client.get(f"{path}?{query}").json
        assert document is not None
        points = [
            (it["source"], it["at"], it["stars"], it["forks"], it["open_issues"])
            for it in document["points"]
            if it["stars"]  # the first week begins with days of none
        ]
        return document, points

    DAYS = (
        ("github", "2026-02-27T08:00:00Z", 10, None, None),
        ("github", "2026-02-28T08:00:00Z", 30, None, None),
        ("github", "2026-03-01T08:00:00Z", 60, None, None),
    )
    READINGS = (
        ("reading", "2026-03-01T11:00:00Z", 49_800, 2, 3),
        ("reading", "2026-03-01T12:00:00Z", 50_000, 3, 3),
    )

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", [*DAYS, *READINGS]),
            ("source=github", [*DAYS]),
            ("source=reading", [*READINGS]),
            ("step=1h", [*DAYS, *READINGS]),
            ("step=1d", [*DAYS, READINGS[1]]),
            ("from=2026-02-28&to=2026-03-01T11:30:00Z", [*DAYS[1:], READINGS[0]]),
            ("to=2026-03-01T08:00:00Z", [*DAYS[:2]]),
        ],
    )
    def test_has_days_of_github_before_the_first_reading_and_says_which_is_which(
        self, both: FlaskClient, query: str, expected: list[Any]
    ) -> None:
        assert self.told(both, query)[1] == expected

    @pytest.mark.parametrize(
        ("source", "start", "end", "step"),
        [
            ("reading", "2026-03-01T00:00:00Z", "2026-03-01T12:10:00Z", "10m"),
            ("github", "2026-02-23T08:00:00Z", "2026-03-01T08:10:00Z", "1d"),
        ],
    )
    def test_begins_and_ends_with_what_is_chosen(
        self, both: FlaskClient, source: str, start: str, end: str, step: str
    ) -> None:
        document, _ = self.told(both, f"source={source}")

        assert (document["from"], document["to"], document["step"]) == (start, end, step)

    def test_goes_on_page_by_page_across_both(self, both: FlaskClient) -> None:
        found, path = [], f"{HISTORY}?limit=4&from=2026-02-26"
        while path:
            response = both.get(path)
            assert response.json is not None
            found += [it["at"] for it in response.json["points"]]
            link = response.headers.get("Link")
            path = link[1 : link.index(">")] if link else ""

        assert found == [it[1] for it in ZERO + [*self.DAYS, *self.READINGS]]

    def test_leaves_out_days_that_were_not_over_when_they_were_read(
        self, full: FlaskClient
    ) -> None:
        put_days(database_of(full), 2, 10, 20, 0, 0, last=date(2026, 3, 3))

        assert self.told(full, "source=github")[1] == [
            ("github", "2026-03-01T08:00:00Z", 10, None, None)
        ]

    def test_counts_back_from_the_newest_reading_while_older_days_are_not_read(
        self, full: FlaskClient
    ) -> None:
        put_days(database_of(full), 2, 10, 20, 30, 5, last=date(2026, 3, 1), pages=9)

        stars = [it[2] for it in self.told(full, "source=github")[1]]
        assert stars[-3:] == [50_000 - 55, 50_000 - 35, 50_000 - 5]

    def test_of_no_such_source_says_which_there_are(self, both: FlaskClient) -> None:
        status, detail = problem(both.get(f"{HISTORY}?source=clickhouse"))

        assert (status, "expected one of reading, github" in detail) == (400, True)


ZERO = [("github", "2026-02-26T08:00:00Z", 0, None, None)]
