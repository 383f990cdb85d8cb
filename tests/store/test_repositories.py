"""Repositories and their names: stored, renamed and found."""

from dataclasses import replace

import pytest

from core.clock import HOUR
from core.windows import Baselines, Counts, Profile, RankedRepository
from store import repositories
from store.database import Database
from store.repositories import FoundRepository
from tests.support.stored import (
    FORKS,
    GO,
    NOON,
    PYTHON,
    STARS,
    profile,
    publish,
    put,
    readings,
    repo,
    rows,
    slot,
    snapshot_of,
)


def bearer(database: Database, full_name: str) -> str | None:
    """The current name of the repository that a name finds."""
    with database.read() as session:
        found = repositories.repository(session, full_name)
    return found.standing.profile.full_name if found else None


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
