"""What is followed or watched is sampled in batches with a token, and one by one without."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from core import sampling
from core.clock import HOUR, MINUTE
from core.sampling import Sampled, due, interval
from github import batches
from models import Follow, Reading, Repository, Trouble, Watched
from scheduler import schedule
from store.database import Database
from tests.support.common import SHARED
from tests.support.sampling import START, Simulated, name_of, settings_of

EVERY = 10 * MINUTE
SCHEMA = SHARED / "github-api" / "schema.graphql"


def make(database: Database, tmp_path: Path, number: int = 4, **changes: Any) -> Simulated:
    settings = replace(settings_of(tmp_path), database_url=str(database.engine.url), **changes)
    return Simulated(database, settings, number, rate=0)


@pytest.fixture
def here(database: Database, tmp_path: Path) -> Simulated:
    return make(database, tmp_path)


def sampled(here: Simulated, number: int = 0) -> list[int]:
    """The repositories that have a reading of a slot."""
    with here.database.read() as session:
        chosen = select(Reading.repository_id).where(Reading.slot == START + number * EVERY)
        return list(session.scalars(chosen.order_by(Reading.repository_id)))


def told(here: Simulated) -> dict[str, str]:
    with here.database.read() as session:
        return {row.name: row.why for row in session.scalars(select(Trouble))}


def paths(here: Simulated) -> Counter[str]:
    return Counter(record.path for record in here.app.extensions["fake_github"].log)


@pytest.mark.skipif(not SCHEMA.exists(), reason="no copy of GitHub's schema beside the checkout")
def test_the_query_is_one_of_githubs_own_schema() -> None:
    from graphql import build_schema, parse, validate

    schema = build_schema(SCHEMA.read_text(), assume_valid=True)

    assert validate(schema, parse(batches.QUERY)) == []


def test_thousands_are_sampled_each_hour_though_a_fifth_of_the_answers_is_damaged(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole day of ten thousand is a bench: tests/support/sampling.py."""
    monkeypatch.setattr(sampling, "EACH_INTERVAL", 200)
    here = make(database, tmp_path, 300)
    here.faults.rate = 0.2

    figures = here.run(hours=3)

    assert figures["damaged answers"] > 5
    assert figures["wrong readings"] == 0
    assert figures["hours of a repository without a reading"] <= 2  # damaged alone in its last slot
    assert figures["most points an hour"] < 60


class TestABatch:
    def test_makes_readings_of_all_at_one_point(self, here: Simulated) -> None:
        here.sample(START)
        here.sample(START)

        assert sampled(here) == [1, 2, 3, 4]
        assert paths(here) == {"/graphql": 1}

    def test_leaves_out_whom_github_does_not_know(self, here: Simulated) -> None:
        here.world.number = 3

        here.sample(START)

        assert sampled(here) == [1, 2, 3]
        assert list(told(here)) == [name_of(4)]
        # It is asked for once more, as GitHub leaves out, and then by name.
        assert paths(here) == {"/graphql": 2, f"/repos/{name_of(4)}": 1}
        here.world.number = 4
        here.sample(START + EVERY)
        assert (sampled(here, 1), told(here)) == ([1, 2, 3, 4], {})

    def test_goes_on_with_another_one_that_took_the_name_of_one_that_is_gone(
        self, here: Simulated, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here.sample(START)
        here.world.number = 3
        known = here.world.by_id(3, START)
        assert known is not None
        again = replace(known, github_id=5, full_name=name_of(4))
        monkeypatch.setattr(here.world, "by_name", lambda *_: again)

        here.sample(START + EVERY)

        with here.database.read() as session:
            (new,) = session.scalars(select(Repository.id).where(Repository.github_id == 5))
            follow = session.get_one(Follow, name_of(4))
        assert sampled(here, 1) == [1, 2, 3, new]
        assert (told(here), follow.repository_id, follow.done_at) == ({}, new, None)

    def test_believes_no_single_word_that_one_is_gone(self, here: Simulated) -> None:
        here.faults.planned = ["node not found"]

        here.sample(START)

        assert (sampled(here), told(here)) == ([1, 2, 3, 4], {})

    def test_asks_by_rest_for_what_is_forbidden_to_the_token(self, here: Simulated) -> None:
        here.faults.withheld[name_of(2)] = "forbidden to tokens"

        here.sample(START)

        assert sampled(here) == [1, 2, 3, 4]
        assert paths(here) == {"/graphql": 1, f"/repos/{name_of(2)}": 2}

    @pytest.mark.parametrize(
        "kind", ["null field", "resource limits exceeded", "nodes misordered", "node missing"]
    )
    def test_of_which_a_part_is_damaged_is_asked_for_again(
        self, here: Simulated, kind: str
    ) -> None:
        here.faults.planned = [kind]

        here.sample(START)

        assert (sampled(here), here.check(0)["wrong readings"]) == ([1, 2, 3, 4], 0)
        assert told(here) == {}

    @pytest.mark.parametrize(
        "kind", ["points used up", "points used up, older", "secondary limit as 200"]
    )
    def test_that_meets_a_limit_waits_and_is_as_large_as_before(
        self, here: Simulated, kind: str
    ) -> None:
        here.faults.planned = [kind]

        here.sample(START)

        assert sampled(here) == [1, 2, 3, 4]
        assert paths(here) == {"/graphql": 2}
        assert (here.now - START) > timedelta(seconds=2)  # the two requests

    def test_that_takes_too_long_is_smaller_then_and_next_time(
        self, database: Database, tmp_path: Path
    ) -> None:
        here = make(database, tmp_path, 8)
        here.faults.most_nodes = 3

        here.sample(START)
        first = paths(here)["/graphql"]
        here.sample(START + EVERY)

        assert (sampled(here), sampled(here, 1)) == ([*range(1, 9)], [*range(1, 9)])
        assert first == 1 + 2 + 4
        assert paths(here)["/graphql"] - first <= 6

    def test_of_which_one_always_fails_gives_the_others(
        self, database: Database, tmp_path: Path
    ) -> None:
        here = make(database, tmp_path, 8)
        here.faults.withheld[name_of(3)] = "always fails"

        here.sample(START)

        assert sampled(here) == [1, 2, 4, 5, 6, 7, 8]
        assert list(told(here)) == [name_of(3)]

    def test_that_always_fails_ends_the_slot(self, here: Simulated) -> None:
        here.faults.rate, here.faults._of_graphql = 1, ["internal"]

        here.sample(START)

        assert sampled(here) == []
        assert paths(here)["/graphql"] <= 10

    def test_with_a_token_that_is_refused_is_a_trouble_of_the_token(self, here: Simulated) -> None:
        here.faults.planned = ["bad token"]

        with here.client() as github:
            here.once(github, START)

        assert list(told(here)) == ["GITHUB_TOKEN"]
        assert sampled(here) == []

    def test_goes_by_rest_where_github_has_no_graphql(
        self, database: Database, tmp_path: Path
    ) -> None:
        here = make(database, tmp_path, 2, github_api_url="http://github.test/api/v3")
        asked = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request.url.path)
            return httpx.Response(404, json={"message": "Not Found"})

        with here.client(httpx.MockTransport(answer)) as github:
            here.once(github, START)

        assert asked == ["/api/graphql", *(f"/api/v3/repos/{name_of(it)}" for it in (1, 2))]


def test_one_without_a_node_id_is_asked_for_by_rest_once(here: Simulated) -> None:
    with here.database.write() as session:
        session.get_one(Repository, 2).node_id = None

    for number in (0, 1):
        here.sample(START + number * EVERY)

    assert (sampled(here), sampled(here, 1)) == ([1, 2, 3, 4], [1, 2, 3, 4])
    assert paths(here) == {"/graphql": 2, f"/repos/{name_of(2)}": 1}


def test_what_is_watched_goes_with_it(database: Database, tmp_path: Path) -> None:
    here = make(database, tmp_path, 2, watch=("Quiet/Harbor-1", "quiet/harbor-5"))
    here.world.number = 5

    for number in (0, 1):
        here.sample(START + number * EVERY)

    with database.read() as session:
        names = set(session.scalars(select(Watched.name)))
    assert names == {name_of(1), name_of(2), name_of(5)}
    assert paths(here) == {"/graphql": 2, f"/repos/{name_of(5)}": 1}
    assert "jobs.watch" not in [entry.function for entry in schedule(here.settings)]


def test_a_dozen_that_always_fail_keep_nobody_from_being_sampled(
    database: Database, tmp_path: Path
) -> None:
    here = make(database, tmp_path, 40, watch=("quiet/harbor-41",))
    here.world.number = 41
    bad = range(1, 14)
    for number in bad:
        here.faults.withheld[name_of(number)] = "always fails"

    for number in range(6):
        here.sample(START + number * EVERY)
    late = [*range(14, 42)]
    found = sampled(here, 5)
    del here.faults.withheld[name_of(13)]
    for number in range(6, 16):
        here.sample(START + number * EVERY)

    with database.read() as session:
        read = set(session.scalars(select(Reading.repository_id)))
    assert found == late
    assert 13 in read  # whichever comes first of those that fail


# When


def known(number: int, **changes: Any) -> list[Sampled]:
    return [Sampled(name_of(it), **changes) for it in range(number)]


@pytest.mark.parametrize(
    ("number", "authorized", "expected"),
    [
        (1_000, True, EVERY),
        (1_001, True, HOUR),
        (10_000, True, HOUR),
        (10_001, True, 2 * HOUR),
        (6, False, EVERY),
        (7, False, 2 * EVERY),
        (100, False, 15 * EVERY),
    ],
)
def test_the_interval_grows_with_their_number(
    number: int, authorized: bool, expected: timedelta
) -> None:
    assert interval(number, EVERY, authorized) == expected


def test_each_has_one_slot_an_hour_and_they_are_spread() -> None:
    rows = {it.full_name: replace(it, fetched_at=START) for it in known(6_000)}
    sizes = []
    for number in range(6, 24):
        slot = START + number * EVERY
        turn = due(rows.values(), slot, EVERY, HOUR)
        sizes.append(len(turn))
        rows |= {it.full_name: replace(it, fetched_at=slot + MINUTE) for it in turn}

    assert sizes[0] == 6_000  # all of them are late
    assert sizes[12:] == sizes[6:12]
    assert sum(sizes[12:]) == 6_000
    assert min(sizes) > 850


def test_what_a_lost_slot_left_is_done_in_the_next() -> None:
    rows = known(600, fetched_at=START)

    assert len(due(rows, START + 11 * EVERY, EVERY, HOUR)) == 600


def test_what_a_clock_ahead_fetched_is_fetched_again() -> None:
    assert len(due(known(1, fetched_at=START + HOUR), START, EVERY, EVERY)) == 1
