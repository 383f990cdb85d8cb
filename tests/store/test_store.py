import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, text

from core import clock
from core.clock import DAY, HOUR
from core.encoding import encoded
from core.lists import RankedList
from core.plausibility import KnownMember
from core.rate_limit import Allowance
from core.windows import Baselines, Counts, Profile, RankedRepository, Snapshot
from models import FAILED, GOOD, MISSED, SUSPECT, Document, Poll, Reading
from store import baselines, rate_limits, repositories
from store.database import Database
from store.documents import document, is_published
from store.documents import publish as publish_documents
from store.polls import (
    PollContext,
    PollRecord,
    first_and_last_good,
    poll_context,
    polls_since,
    record_gap,
)
from store.repositories import FoundRepository
from store.snapshots import snapshot
from tests.support.stored import FORKS, GO, MINUTE, NOON, PYTHON, STARS, put, readings, repo

STEP = 10 * MINUTE


def slot(number: int) -> datetime:
    return NOON + number * STEP


def gap(
    database: Database,
    outcome: str = FAILED,
    why: str = "no answer",
    *,
    at: datetime = NOON,
    noted_at: datetime = NOON + MINUTE,
) -> None:
    with database.write() as session:
        record_gap(session, STARS, at, outcome, noted_at, why)


def rows(database: Database, sql: str) -> list[tuple[Any, ...]]:
    with database.read() as session:
        return [tuple(row) for row in session.execute(text(sql))]


def polls(database: Database) -> list[tuple[Any, ...]]:
    columns = (Poll.slot, Poll.outcome, Poll.fetched_at, Poll.rows, Poll.error)
    with database.read() as session:
        return [tuple(row) for row in session.execute(select(*columns).order_by(Poll.slot))]


def placements(database: Database) -> list[tuple[Any, ...]]:
    return rows(
        database,
        "SELECT rank, full_name, stars, forks, open_issues, kept FROM placement "
        "JOIN repository ON repository.id = repository_id ORDER BY list_id, slot, rank",
    )


def bearer(database: Database, full_name: str) -> str | None:
    """The current name of the repository that a name finds."""
    with database.read() as session:
        found = repositories.repository(session, full_name)
    return found.standing.profile.full_name if found else None


class TestAPoll:
    def test_is_kept_with_its_places_and_their_counts_in_order(self, database: Database) -> None:
        stored = put(database, repo(1), repo(2, open_issues=7), kept=[repo(3)])

        assert stored
        assert polls(database) == [(NOON, GOOD, NOON + MINUTE, 3, None)]
        assert placements(database) == [
            (1, "Quiet/Harbor-1", 999, 1, 3, 0),
            (2, "Quiet/Harbor-2", 998, 2, 7, 0),
            (3, "Quiet/Harbor-3", 997, 3, 3, 1),
        ]

    @pytest.mark.parametrize("doubt", [None, "incomplete"])
    def test_that_is_good_is_the_last_word_of_its_slot(
        self, database: Database, doubt: str | None
    ) -> None:
        put(database, repo(1))
        tables = ("poll", "placement", "reading", "repository")
        before = [rows(database, f"SELECT * FROM {table}") for table in tables]

        stored = put(database, repo(1, stars=5), repo(2), fetched_at=slot(1), doubt=doubt)

        assert not stored
        assert [rows(database, f"SELECT * FROM {table}") for table in tables] == before

    def test_that_is_good_replaces_a_suspect_one_of_its_slot(self, database: Database) -> None:
        put(database, repo(1), repo(2), doubt="3 repositories vanished at once")

        stored = put(database, repo(3), fetched_at=NOON + 2 * MINUTE)

        assert stored
        assert polls(database) == [(NOON, GOOD, NOON + 2 * MINUTE, 1, None)]
        assert placements(database) == [(1, "Quiet/Harbor-3", 997, 3, 3, 0)]

    def test_that_is_suspect_replaces_another_suspect_one(self, database: Database) -> None:
        put(database, repo(1), doubt="one")

        put(database, repo(2), doubt="other", fetched_at=NOON + 2 * MINUTE)

        assert polls(database) == [(NOON, SUSPECT, NOON + 2 * MINUTE, 1, "other")]
        assert placements(database) == [(1, "Quiet/Harbor-2", 998, 2, 3, 0)]

    def test_that_is_good_replaces_a_failed_one(self, database: Database) -> None:
        gap(database, FAILED, "no answer")

        put(database, repo(1), fetched_at=NOON + 2 * MINUTE)

        assert polls(database) == [(NOON, GOOD, NOON + 2 * MINUTE, 1, None)]

    def test_of_an_empty_list_is_a_good_one(self, database: Database) -> None:
        stored = put(database)

        assert stored
        assert polls(database) == [(NOON, GOOD, NOON + MINUTE, 0, None)]

    def test_replaces_none_of_another_slot_or_list(self, database: Database) -> None:
        put(database, repo(1), doubt="incomplete")
        put(database, repo(2), doubt="incomplete", ranked=PYTHON)

        put(database, repo(3), at=slot(1))

        names = [row[1] for row in placements(database)]
        assert names == ["Quiet/Harbor-1", "Quiet/Harbor-3", "Quiet/Harbor-2"]


class TestAGap:
    def test_is_kept_with_its_reason(self, database: Database) -> None:
        gap(database, FAILED, "no answer")

        assert polls(database) == [(NOON, FAILED, NOON + MINUTE, 0, "no answer")]

    def test_says_what_failed_last(self, database: Database) -> None:
        gap(database, FAILED, "no answer")

        gap(database, FAILED, "slow down", noted_at=NOON + 2 * MINUTE)

        assert polls(database) == [(NOON, FAILED, NOON + 2 * MINUTE, 0, "slow down")]

    @pytest.mark.parametrize("doubt", [None, "incomplete"])
    def test_takes_nothing_away_that_came_before(
        self, database: Database, doubt: str | None
    ) -> None:
        put(database, repo(1), doubt=doubt)
        before = polls(database)

        gap(database, FAILED, "no answer", noted_at=NOON + 2 * MINUTE)

        assert polls(database) == before
        assert len(placements(database)) == 1

    def test_keeps_the_reason_of_the_failure_when_the_slot_is_over(
        self, database: Database
    ) -> None:
        gap(database, FAILED, "api.github.com cannot be reached")

        gap(database, MISSED, "no poll succeeded within the slot", noted_at=slot(1))

        assert [row[4] for row in polls(database)] == ["api.github.com cannot be reached"]


class TestReadings:
    def test_are_the_counts_of_good_places_that_were_not_kept(self, database: Database) -> None:
        put(database, repo(1), kept=[repo(2)])
        put(database, repo(1, stars=5), at=slot(1), doubt="incomplete")

        assert readings(database) == [(1, NOON, 999, 1)]

    def test_of_a_suspect_answer_come_with_the_good_one_of_its_slot(
        self, database: Database
    ) -> None:
        put(database, repo(1, stars=5), doubt="incomplete")

        put(database, repo(1, stars=6))

        assert readings(database) == [(1, NOON, 6, 1)]

    @pytest.mark.parametrize("order", [(STARS, GO, PYTHON), (PYTHON, GO, STARS)])
    def test_of_several_lists_in_a_slot_are_those_fetched_last(
        self, database: Database, order: tuple[RankedList, ...]
    ) -> None:
        fetched = {STARS: (NOON + MINUTE, 10), GO: (NOON + 3 * MINUTE, 30), PYTHON: (NOON, 20)}

        for ranked in order:
            fetched_at, stars = fetched[ranked]
            put(database, repo(1, stars=stars), ranked=ranked, fetched_at=fetched_at)

        assert readings(database) == [(1, NOON, 30, 1)]

    @pytest.mark.parametrize(
        ("winner", "other"), [(STARS, FORKS), (STARS, GO), (FORKS, GO), (GO, PYTHON)]
    )
    @pytest.mark.parametrize("winner_first", [True, False])
    def test_fetched_at_one_moment_are_those_of_stars_then_forks_then_the_first_slug(
        self, database: Database, winner: RankedList, other: RankedList, winner_first: bool
    ) -> None:
        for ranked in (winner, other) if winner_first else (other, winner):
            put(database, repo(1, stars=10 if ranked is winner else 20), ranked=ranked)

        assert readings(database) == [(1, NOON, 10, 1)]

    def test_are_settled_for_each_repository_and_slot_alone(self, database: Database) -> None:
        put(database, repo(1), repo(2), fetched_at=NOON + MINUTE)
        put(database, repo(1), at=slot(1))

        put(database, repo(2, stars=5), repo(3), ranked=PYTHON, fetched_at=NOON + 2 * MINUTE)

        assert readings(database) == [
            (1, slot(0), 999, 1),
            (1, slot(1), 999, 1),
            (2, slot(0), 5, 2),
            (3, slot(0), 997, 3),
        ]

    def test_give_way_to_a_live_one_where_they_are_of_no_list(self, database: Database) -> None:
        put(database, repo(1), at=slot(-1))
        with database.write() as session:
            session.add(
                Reading(repository_id=1, slot=NOON, stars=1, forks=1, open_issues=1, list_id=None)
            )

        put(database, repo(1))

        assert readings(database) == [(1, slot(-1), 999, 1), (1, NOON, 999, 1)]


class TestIdentity:
    """GitHub's id is what a repository is; names come and go."""

    def test_a_rename_keeps_the_history_and_the_old_name_still_finds_it(
        self, database: Database
    ) -> None:
        put(database, repo(1, full_name="Old/Name"))

        put(database, repo(1, full_name="New/Home"), at=slot(1))

        assert [row[:2] for row in readings(database)] == [(1, slot(0)), (1, slot(1))]
        found = {name: bearer(database, name) for name in ("old/name", "NEW/HOME")}
        assert found == {"old/name": "New/Home", "NEW/HOME": "New/Home"}

    def test_a_new_spelling_of_a_name_is_shown(self, database: Database) -> None:
        put(database, repo(1, full_name="quiet/harbor"))

        put(database, repo(1, full_name="Quiet/HARBOR"), at=slot(1))

        assert bearer(database, "quiet/harbor") == "Quiet/HARBOR"

    def test_a_profile_is_what_github_said_last(self, database: Database) -> None:
        put(database, repo(1), at=slot(1))
        newer = {"description": None, "language": "Rust", "pushed_at": slot(1)}

        put(database, repo(1, **newer), at=slot(2))
        put(database, repo(1, description="Older"), at=slot(0))

        with database.read() as session:
            found = repositories.repository(session, "Quiet/Harbor-1")
        assert found is not None
        assert found.standing.profile == Profile(
            1, "Quiet/Harbor-1", "Rust", None, "https://github.com/Quiet/Harbor-1", slot(1)
        )

    @pytest.mark.parametrize("late", [False, True])
    def test_a_name_finds_the_repository_that_bears_it_now(
        self, database: Database, late: bool
    ) -> None:
        put(database, repo(1, full_name="a/name"), at=slot(0))
        answers = [(repo(2, full_name="a/name"), slot(2)), (repo(1, full_name="a/moved"), slot(3))]

        for repository, at in reversed(answers) if late else answers:
            put(database, repository, at=at)

        found = {name: bearer(database, name) for name in ("a/name", "a/moved")}
        assert found == {"a/name": "a/name", "a/moved": "a/moved"}
        assert rows(database, "SELECT name, repository_id FROM repository_name ORDER BY 1") == [
            ("a/moved", 1),
            ("a/name", 2),
        ]

    def test_a_late_answer_of_who_bore_a_name_before_does_not_take_it_back(
        self, database: Database
    ) -> None:
        put(database, repo(2, full_name="a/name"), at=slot(2))

        put(database, repo(1, full_name="a/name"), at=slot(0))

        names = rows(
            database,
            "SELECT name, github_id FROM repository_name "
            "JOIN repository ON repository.id = repository_id",
        )
        assert names == [("a/name", 2)]

    def test_two_that_swap_their_names_are_found_by_their_own(self, database: Database) -> None:
        put(database, repo(1, full_name="a/one"), repo(2, full_name="a/two"))

        put(database, repo(1, full_name="a/two"), repo(2, full_name="a/one"), at=slot(1))

        assert rows(database, "SELECT name, repository_id FROM repository_name ORDER BY 1") == [
            ("a/one", 2),
            ("a/two", 1),
        ]

    def test_an_older_answer_that_comes_late_does_not_rename_back(self, database: Database) -> None:
        put(database, repo(1, full_name="old/name"), at=slot(0))
        put(database, repo(1, full_name="new/name"), at=slot(2))

        put(database, repo(1, full_name="old/name"), at=slot(1))

        assert bearer(database, "old/name") == "new/name"
        assert bearer(database, "new/name") == "new/name"

    def test_an_old_name_that_is_first_seen_late_finds_its_repository_too(
        self, database: Database
    ) -> None:
        put(database, repo(1, full_name="new/name"), at=slot(1))

        put(database, repo(1, full_name="old/name"), at=slot(0))

        assert bearer(database, "old/name") == "new/name"

    def test_a_kept_place_says_nothing_new_of_its_repository(self, database: Database) -> None:
        put(database, repo(1, full_name="old/name"))
        put(database, repo(1, full_name="new/name"), ranked=PYTHON, at=slot(1))

        put(database, kept=[repo(1, full_name="old/name")], at=slot(1), fetched_at=slot(2))

        assert bearer(database, "old/name") == "new/name"


def before(database: Database, at: datetime) -> PollContext:
    with database.read() as session:
        return poll_context(session, STARS, at)


class TestBeforeAPoll:
    def test_nothing_is_known_of_a_new_list(self, database: Database) -> None:
        put(database, repo(1), ranked=PYTHON, at=slot(-1))

        assert before(database, NOON) == PollContext(done=False, last_good=[], suspects=[])

    def test_the_last_good_list_is_known_in_order_with_its_own_counts(
        self, database: Database
    ) -> None:
        put(database, repo(9), at=slot(-2))
        put(database, repo(2), repo(1), at=slot(-1))
        put(database, repo(1, stars=7), ranked=PYTHON, at=slot(-1), fetched_at=NOON)
        gap(database)
        put(database, repo(8), at=slot(1))

        found = before(database, slot(1))

        assert found.last_good == [KnownMember(repo(2)), KnownMember(repo(1))]

    @pytest.mark.parametrize(
        ("doubt", "done"), [(None, True), ("incomplete", False)], ids=["good", "suspect"]
    )
    def test_the_slot_is_done_once_it_has_a_good_poll(
        self, database: Database, doubt: str | None, done: bool
    ) -> None:
        put(database, repo(1), doubt=doubt)

        found = before(database, NOON)

        assert found == PollContext(done=done, last_good=[], suspects=[])

    def test_the_slot_is_not_done_by_a_failure(self, database: Database) -> None:
        gap(database)

        assert not before(database, NOON).done

    @pytest.mark.parametrize(
        ("kept", "kept_for"),
        [
            ([False], 0),
            ([True], 1),
            ([True, False], 0),
            ([False, True], 1),
            ([True, True], 2),
            ([False, True, True], 2),
        ],
    )
    def test_it_is_known_for_how_many_good_polls_a_place_was_kept(
        self, database: Database, kept: list[bool], kept_for: int
    ) -> None:
        for number, flag in enumerate(kept):
            put(
                database,
                *[] if flag else [repo(1)],
                kept=[repo(1)] if flag else [],
                at=slot(number),
            )
        gap(database, at=slot(len(kept)))

        found = before(database, slot(len(kept) + 1))

        assert found.last_good == [KnownMember(repo(1), kept_for)]

    @pytest.mark.parametrize(
        ("outcomes", "suspects"),
        [
            ([SUSPECT], [{1}]),
            ([SUSPECT, SUSPECT], [{2}, {1}]),
            ([SUSPECT, SUSPECT, SUSPECT], [{3}, {2}]),
            ([SUSPECT, GOOD], []),
            ([SUSPECT, GOOD, SUSPECT], [{3}]),
            ([SUSPECT, FAILED, SUSPECT, FAILED], [{3}, {1}]),
        ],
    )
    def test_the_suspect_answers_since_the_last_good_one_are_known_newest_first(
        self, database: Database, outcomes: list[str], suspects: list[set[int]]
    ) -> None:
        for number, outcome in enumerate(outcomes):
            if outcome == FAILED:
                gap(database, at=slot(number))
            else:
                doubt = "incomplete" if outcome == SUSPECT else None
                put(database, repo(number + 1), at=slot(number), doubt=doubt)

        found = before(database, slot(len(outcomes)))

        assert found.suspects == [frozenset(ids) for ids in suspects]


def profile(number: int) -> Profile:
    github = repo(number)
    return Profile(
        number, github.full_name, "Python", "Boats, moored", github.html_url, github.pushed_at
    )


class TestSnapshot:
    def test_there_is_none_before_a_good_poll(self, database: Database) -> None:
        put(database, repo(1), doubt="incomplete")
        put(database, repo(1), ranked=PYTHON)

        with database.read() as session:
            assert snapshot(session, STARS) is None
            assert snapshot(session, FORKS) is None

    def test_is_the_last_good_poll_with_what_gains_are_told_against(
        self, database: Database
    ) -> None:
        put(database, repo(1), repo(2), at=NOON - HOUR)
        put(database, repo(2, stars=2_000), kept=[repo(1)])

        with database.read() as session:
            found = snapshot(session, STARS)

        hour_ago = NOON - HOUR
        assert found == Snapshot(
            STARS,
            as_of=NOON,
            fetched_at=NOON + MINUTE,
            suspect=False,
            standings=[
                RankedRepository(1, profile(2), Counts(NOON, 2_000, 2, 3)),
                RankedRepository(2, profile(1), Counts(NOON, 999, 1, 3)),
            ],
            history=Baselines(
                baselines={
                    ("1h", 1): Counts(hour_ago, 999, 1, 3),
                    ("1h", 2): Counts(hour_ago, 998, 2, 3),
                },
                ranks={("1h", 1): 1, ("1h", 2): 2},
            ),
        )

    @pytest.mark.parametrize(
        ("suspect_at", "suspect"), [(slot(-1), False), (slot(1), True)], ids=["older", "newer"]
    )
    def test_is_suspect_while_a_suspect_poll_is_newer(
        self, database: Database, suspect_at: datetime, suspect: bool
    ) -> None:
        put(database, repo(1))
        put(database, repo(2), at=suspect_at, doubt="incomplete")

        with database.read() as session:
            found = snapshot(session, STARS)

        assert found is not None
        names = [it.profile.full_name for it in found.standings]
        assert (found.as_of, names, found.suspect) == (NOON, ["Quiet/Harbor-1"], suspect)


def history(database: Database, *ids: int, as_of: datetime = NOON) -> Baselines:
    with database.read() as session:
        return baselines.baselines_of(session, 1, ids, as_of)


class TestHistory:
    AS_OF = datetime(2026, 3, 1, 12, 20, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("window", "start"),
        [
            ("1h", AS_OF - HOUR),
            ("24h", AS_OF - DAY),
            ("7d", datetime(2026, 2, 22, 12, tzinfo=UTC)),
            ("30d", datetime(2026, 1, 30, 12, tzinfo=UTC)),
            ("365d", datetime(2025, 3, 1, tzinfo=UTC)),
        ],
    )
    def test_a_baseline_is_the_latest_reading_at_or_before_the_windows_start(
        self, database: Database, window: str, start: datetime
    ) -> None:
        put(database, repo(1, stars=1), repo(2, stars=1), at=start - STEP)
        put(database, repo(1, stars=2), at=start)
        put(database, repo(1, stars=3), repo(2, stars=3), at=start + STEP)

        found = history(database, 1, 2, as_of=self.AS_OF)

        mine = {key[1]: counts for key, counts in found.baselines.items() if key[0] == window}
        assert mine == {1: Counts(start, 2, 1, 3), 2: Counts(start - STEP, 1, 2, 3)}

    def test_is_of_the_repositories_asked_for_only(self, database: Database) -> None:
        put(database, repo(1), repo(2), at=NOON - HOUR)

        found = history(database, 2)

        assert found == Baselines({("1h", 2): Counts(NOON - HOUR, 998, 2, 3)}, {("1h", 2): 2})

    def test_has_ranks_of_good_polls_of_this_list_only(self, database: Database) -> None:
        hour, day = NOON - HOUR, NOON - DAY
        put(database, repo(1), repo(2), at=hour)
        put(database, repo(2), repo(1), at=hour, ranked=PYTHON)
        put(database, repo(1), repo(2), at=day, doubt="incomplete")
        put(database, repo(1), repo(2), at=day, ranked=PYTHON)

        found = history(database, 1, 2)

        assert found.ranks == {("1h", 1): 1, ("1h", 2): 2}
        assert {key for key in found.baselines if key[1] == 1} == {("1h", 1), ("24h", 1)}

    @pytest.mark.parametrize(("before", "known"), [(MINUTE, True), (HOUR + MINUTE, False)])
    def test_has_the_rank_of_the_last_good_poll_where_the_list_has_none_at_the_reading(
        self, database: Database, before: timedelta, known: bool
    ) -> None:
        put(database, repo(1), repo(2), at=NOON - HOUR - before)
        put(database, repo(1), at=NOON - HOUR, ranked=PYTHON)

        found = history(database, 1)

        assert found.ranks.get(("1h", 1)) == (1 if known else None)

    @pytest.mark.sqlite
    def test_reads_each_baseline_and_rank_with_a_seek(self, database: Database) -> None:
        asked: list[tuple[str, Any]] = []
        put(database, repo(1), at=NOON - HOUR)

        def note(connection: Any, cursor: Any, sql: str, parameters: Any, *rest: Any) -> None:
            asked.append((sql, parameters))

        event.listen(database.engine, "before_cursor_execute", note)
        history(database, 1)
        event.remove(database.engine, "before_cursor_execute", note)

        with database.engine.connect() as connection:
            plan = [
                row[3]
                for sql, parameters in asked
                if sql.startswith("SELECT")
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters)
            ]
        reads = [step for step in plan if step.startswith(("SCAN", "SEARCH"))]
        assert [step for step in reads if step.startswith("SCAN")] == []
        assert "SEARCH reading_1 USING PRIMARY KEY (repository_id=? AND slot<?)" in reads
        assert "SEARCH reading USING PRIMARY KEY (repository_id=? AND slot=?)" in reads


def snapshot_of(database: Database, ranked: RankedList = STARS) -> Snapshot:
    with database.read() as session:
        found = snapshot(session, ranked)
    assert found is not None
    return found


def publish(
    database: Database,
    documents: Mapping[str, Mapping[str, Any]],
    *snapshots: Snapshot,
    built_at: datetime = NOON,
) -> bool:
    with database.write() as session:
        dated = {name: encoded(body, NOON) for name, body in documents.items()}
        return publish_documents(session, dated, snapshots, built_at, built_at + STEP)


def published(database: Database) -> dict[str, Any]:
    with database.read() as session:
        return {it.name: json.loads(it.body) for it in session.scalars(select(Document))}


class TestPublish:
    def test_a_document_is_ready_to_send(self, database: Database) -> None:
        publish(database, {"lists/stars": {"title": "Stérne ⭐", "items": [1, None]}})

        with database.read() as session:
            found = document(session, "lists/stars")
        assert found is not None
        assert found.body == '{"title":"Stérne ⭐","items":[1,null]}\n'.encode()
        assert gzip.decompress(found.gzipped) == found.body
        assert found.gzipped[4:8] == bytes(4)  # no time of day: one ETag, the same bytes
        assert len(found.etag) == 32
        assert (found.as_of, found.built_at, found.next_build_at) == (NOON, NOON, NOON + STEP)

    def test_the_etag_follows_the_body(self, database: Database) -> None:
        publish(database, {"a": {"stars": 1}, "b": {"stars": 1}, "c": {"stars": 2}})

        tags = dict(rows(database, "SELECT name, etag FROM document"))
        assert tags["a"] == tags["b"] != tags["c"]

    def test_replaces_all_documents_at_once(self, database: Database) -> None:
        publish(database, {"a": {"build": 1}, "b": {"build": 1}})

        with database.read() as session:
            first = document(session, "a")
            replaced = publish(
                database, {"a": {"build": 2}, "b": {"build": 2}}, built_at=NOON + MINUTE
            )
            second = document(session, "b")
            assert first is not None and second is not None
            seen = [json.loads(first.body), json.loads(second.body)]

        assert replaced
        assert seen == [{"build": 1}, {"build": 1}]
        assert published(database) == {"a": {"build": 2}, "b": {"build": 2}}

    def test_refuses_a_build_that_is_older_than_what_is_out(self, database: Database) -> None:
        put(database, repo(1))
        stars = snapshot_of(database)
        publish(database, {"a": {"build": 2}}, stars)
        before = rows(database, "SELECT * FROM document, standing")

        replaced = publish(database, {"a": {"build": 1}, "b": {}}, built_at=NOON - MINUTE)

        assert not replaced
        assert rows(database, "SELECT * FROM document, standing") == before

    def test_the_same_build_twice_is_the_same(self, database: Database) -> None:
        put(database, repo(1))
        stars = snapshot_of(database)
        publish(database, {"a": {"build": 1}}, stars)
        before = rows(database, "SELECT * FROM document, standing")

        replaced = publish(database, {"a": {"build": 1}}, stars)

        assert replaced
        assert rows(database, "SELECT * FROM document, standing") == before

    def test_the_documents_of_a_removed_list_go_and_so_do_its_standings(
        self, database: Database
    ) -> None:
        put(database, repo(1), repo(2))
        put(database, repo(2), ranked=PYTHON)
        stars, python = snapshot_of(database), snapshot_of(database, PYTHON)
        publish(database, {"lists/stars": {}, "lists/python": {}}, stars, python)
        before = rows(database, "SELECT repository_id, list_id, rank FROM standing ORDER BY 2, 3")

        publish(database, {"lists/stars": {}}, stars, built_at=NOON + MINUTE)

        standings = rows(database, "SELECT repository_id, list_id, rank FROM standing")
        assert before == [(1, 1, 1), (2, 1, 2), (2, 2, 1)]
        assert standings == [(1, 1, 1), (2, 1, 2)]
        assert published(database) == {"lists/stars": {}}

    def test_what_is_not_published_is_not_there(self, database: Database) -> None:
        publish(database, {"lists/stars": {}})

        with database.read() as session:
            assert is_published(session, "lists/stars")
            assert not is_published(session, "lists/forks")
            assert document(session, "lists/forks") is None


class TestARepository:
    @pytest.mark.parametrize("name", ["Quiet/Harbor-1", "quiet/harbor-1", "QUIET/HARBOR-1"])
    def test_is_found_by_its_name_in_any_case(self, database: Database, name: str) -> None:
        put(database, repo(1))

        assert bearer(database, name) == "Quiet/Harbor-1"

    def test_has_its_newest_counts_and_its_ranks_in_the_order_of_the_lists(
        self, database: Database
    ) -> None:
        put(database, repo(2), repo(1, stars=900), at=NOON - HOUR)
        for ranked in (PYTHON, GO, FORKS, STARS):
            put(database, repo(1), ranked=ranked)
        snapshots = [snapshot_of(database, ranked) for ranked in (PYTHON, GO, FORKS, STARS)]
        publish(database, {"lists": {}}, *snapshots)
        put(database, repo(1, stars=5_000), ranked=PYTHON, at=slot(1))

        with database.read() as session:
            found = repositories.repository(session, "quiet/harbor-1")

        assert found == FoundRepository(
            RankedRepository(1, profile_of(database, 1), Counts(slot(1), 5_000, 1, 3)),
            Baselines(
                {("1h", database_id(database, 1)): Counts(NOON - HOUR, 900, 1, 3)},
                {("1h", database_id(database, 1)): 2},
            ),
            {"stars": 1, "forks": 1, "go": 1, "python": 1},
        )
        assert list(found.ranks) == ["stars", "forks", "go", "python"]

    def test_that_is_on_no_list_any_more_has_its_last_counts_and_no_rank(
        self, database: Database
    ) -> None:
        put(database, repo(1), at=slot(-1))
        put(database, repo(2))
        publish(database, {"lists": {}}, snapshot_of(database))

        with database.read() as session:
            found = repositories.repository(session, "Quiet/Harbor-1")

        assert found is not None
        assert found.standing == RankedRepository(None, profile(1), Counts(slot(-1), 999, 1, 3))
        assert found.ranks == {}

    def test_that_nobody_saw_or_only_a_suspect_answer_had_is_unknown(
        self, database: Database
    ) -> None:
        put(database, repo(1), doubt="incomplete")

        with database.read() as session:
            assert repositories.repository(session, "Quiet/Harbor-1") is None
            assert repositories.repository(session, "no/body") is None


def database_id(database: Database, github_id: int) -> int:
    found: int = rows(database, f"SELECT id FROM repository WHERE github_id = {github_id}")[0][0]
    return found


def profile_of(database: Database, github_id: int) -> Profile:
    return replace(profile(github_id), id=database_id(database, github_id))


class TestAnAllowance:
    def test_forbids_nothing_before_there_is_one(self, database: Database) -> None:
        with database.read() as session:
            found = rate_limits.allowance(session, "search")

        assert found == Allowance(next_at=clock.EPOCH, blocked_until=clock.EPOCH)

    def test_is_kept_whole_for_each_resource(self, database: Database) -> None:
        search = Allowance(NOON, slot(1), 2, limit=30, remaining=0, reset_at=slot(2))
        core = Allowance(slot(3), slot(4))
        with database.write() as session:
            rate_limits.save_allowance(
                session, "search", Allowance(slot(9), slot(9), 9, 9, 9, slot(9))
            )
            rate_limits.save_allowance(session, "core", core)

        with database.write() as session:
            rate_limits.save_allowance(session, "search", search)

        with Database(str(database.engine.url)) as another, another.read() as session:
            found = [rate_limits.allowance(session, name) for name in ("search", "core")]
        assert found == [search, core]


class TestForTheStatus:
    def test_the_first_poll_of_any_kind_and_the_newest_good_one_are_found(
        self, database: Database
    ) -> None:
        gap(database, at=slot(0))
        put(database, repo(1), at=slot(1))
        put(database, repo(1), at=slot(2))
        put(database, repo(1), at=slot(3), doubt="incomplete")
        put(database, repo(1), at=slot(9), ranked=PYTHON)

        with database.read() as session:
            found = first_and_last_good(session, STARS)
            none = first_and_last_good(session, FORKS)

        assert found == (slot(0), PollRecord(slot(2), GOOD, slot(2) + MINUTE, None))
        assert none == (None, None)

    def test_polls_since_a_slot_come_oldest_first(self, database: Database) -> None:
        put(database, repo(1), at=slot(2), doubt="incomplete")
        put(database, repo(1), at=slot(0))
        put(database, repo(1), at=slot(1))
        put(database, repo(1), at=slot(1), ranked=PYTHON)

        with database.read() as session:
            found = polls_since(session, STARS, slot(1))

        assert found == [
            PollRecord(slot(1), GOOD, slot(1) + MINUTE, None),
            PollRecord(slot(2), SUSPECT, slot(2) + MINUTE, "incomplete"),
        ]
