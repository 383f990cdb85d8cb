"""Imported days in the database, beside live polls, and whom their names turn out to be."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from core import clock, lists
from core.clock import DAY, HOUR
from core.repository import GitHubRepository, SearchAnswer
from github import polling
from github.errors import Unreachable
from history import archive, importer
from models import FAILED, GOOD, IMPORTED, MISSED
from monitoring import status
from settings import Settings
from store import builds, identities, polls
from store.database import Database
from store.identities import names_asked
from store.imports import LASTING, end_import, is_import_under_way
from tests.support.archive import REAL, line, write_day, write_text
from tests.support.common import MakeSettings
from tests.support.github import StubGitHub
from tests.support.imported import MIDNIGHT, board, bring, contents, count, history_of, sums
from tests.support.stored import put, readings, repo, rows

FIRST, SECOND = date(2026, 2, 27), date(2026, 2, 28)
NOON = MIDNIGHT + 12 * HOUR
STARS, FORKS, PYTHON = (lists.KNOWN[slug] for slug in ("stars", "forks", "python"))
MINUTE = timedelta(minutes=1)


def github_id_of(database: Database, full_name: str) -> int | None:
    (found,) = rows(
        database,
        "SELECT github_id FROM repository JOIN repository_name ON repository.id = repository_id "
        f"WHERE name = '{full_name.lower()}'",
    )
    github_id: int | None = found[0]
    return github_id


def merge_all(database: Database) -> int:
    merged = 0
    while identities.merge_next(database):
        merged += 1
    return merged


class TestAnImport:
    def test_is_polls_at_midnight_with_places_and_readings(
        self, database: Database, tmp_path: Path
    ) -> None:
        path = write_day(
            tmp_path,
            line("Quiet/Harbor", 100),
            line("Loud/engine", 200, forks=9),
            line("Loud/engine", 200, item="top-100-forks", forks=9),
            day=SECOND,
        )

        tally = bring(database, path)

        slot = int(MIDNIGHT.timestamp())
        assert sums(tally) == (3, 3, 0, 0)
        assert contents(database)["polls"] == [
            ("forks", slot, IMPORTED, 1000 * slot, 1, None),
            ("stars", slot, IMPORTED, 1000 * slot, 2, None),
        ]
        assert board(database) == [(1, "Loud/engine"), (2, "Quiet/Harbor")]
        assert contents(database)["readings"] == [
            ("loud/engine", slot, 200, 9, None, None),
            ("quiet/harbor", slot, 100, 7, None, None),
        ]

    def test_done_again_brings_nothing_new(self, database: Database, tmp_path: Path) -> None:
        paths = [write_day(tmp_path, line(), line("o/r", 9), day=it) for it in (FIRST, SECOND)]
        bring(database, *paths)
        before = contents(database)

        again = bring(database, *paths)

        assert sums(again) == (4, 0, 4, 0)
        assert contents(database) == before

    def test_is_the_same_in_whatever_portions_and_order(
        self, make_settings: MakeSettings, database: Database, tmp_path: Path
    ) -> None:
        paths = [
            write_day(
                tmp_path,
                *(
                    line(f"o/r{(7 * it + ago) % 50}", 100 - it, language=f"L{ago}")
                    for it in range(9)
                ),
                day=SECOND - timedelta(days=ago),
            )
            for ago in range(6)
        ]
        bring(database, *paths)
        at_once = contents(database)
        for table in ("reading", "placement", "poll", "repository_name", "repository"):
            with database.write() as session:
                session.execute(text(f"DELETE FROM {table}"))

        for path in (paths[3], paths[0], paths[5], paths[1], paths[4], paths[2]):
            bring(database, path)

        assert contents(database) == at_once

    def test_takes_bad_rows_and_files_out_and_names_them(
        self, database: Database, tmp_path: Path
    ) -> None:
        good = write_day(tmp_path, line(), line("../..", 1), line(), day=FIRST)
        bad = write_text(tmp_path, "", SECOND)

        tally = bring(database, bad, good)

        assert sums(tally) == (3, 1, 0, 1)
        assert [(it.file, it.line) for it in tally.rejected] == [(str(good), 3)]
        assert [(it.file, it.line) for it in tally.repeats] == [(str(good), 4)]
        assert [name for name, _ in tally.bad] == [str(bad)]
        assert tally.files == 2
        assert count(database, "repository") == 1

    def test_of_no_good_file_at_all_is_empty(self, database: Database, tmp_path: Path) -> None:
        tally = bring(database, write_text(tmp_path, ""))

        assert (sums(tally), len(tally.bad)) == ((0, 0, 0, 0), 1)

    def test_of_a_row_without_a_place_leaves_no_repository(
        self, database: Database, tmp_path: Path
    ) -> None:
        path = write_day(tmp_path, *(line(f"o/r{it}", 1_000 - it) for it in range(101)))

        tally = bring(database, path)

        assert sums(tally) == (101, 100, 0, 1)
        assert count(database, "repository") == 100

    def test_run_dry_tells_the_same_and_stores_nothing(
        self, database: Database, tmp_path: Path
    ) -> None:
        path = write_day(tmp_path, line(), line(stars="?"), day=SECOND)

        dry = bring(database, path, dry_run=True)

        tables = ("poll", "placement", "reading", "repository", "repository_name", "list")
        assert [count(database, table) for table in tables] == [0] * 6
        assert dry == bring(database, path)

    @pytest.mark.parametrize("day", [date(1, 1, 1), date(1969, 12, 31), date(9999, 12, 31)])
    def test_of_an_unlikely_day_does_not_stop_the_others(
        self, database: Database, tmp_path: Path, day: date
    ) -> None:
        odd = write_day(tmp_path, line(), day=day)
        good = write_day(tmp_path, line("o/r"), day=SECOND)

        tally = bring(database, odd, good)

        assert sums(tally)[0] >= 1
        assert board(database) == [(1, "o/r")]

    @pytest.mark.parametrize(
        "row",
        [
            line(f"{'o' * 100}/{'r' * 100}"),
            line(f"{'o' * 100}/{'r' * 99}"),
            line(description="x" * 100_000),
            line(description="\0🚢\n"),
            line(language="y" * 100_000),
            line(stars=2**31 - 1, forks=2**31 - 1, issues=2**31 - 1),
            line(last_commit="0001-01-01T00:00:00Z"),
            line(last_commit="9999-12-31T23:59:59Z"),
        ],
        ids=[
            "name too long",
            "long name",
            "text",
            "characters",
            "language",
            "counts",
            "then",
            "late",
        ],
    )
    def test_of_an_extreme_row_does_not_stop_the_others(
        self, database: Database, tmp_path: Path, row: list[object]
    ) -> None:
        path = write_day(tmp_path, row, line("o/next", 1), day=SECOND)

        tally = bring(database, path)

        assert sums(tally)[0] == 2
        assert "o/next" in [name for _, name in board(database)]


class TestTheSameDayTwice:
    def test_is_stored_once(self, database: Database, tmp_path: Path) -> None:
        plain = write_day(tmp_path, line("Quiet/Harbor"), day=SECOND)
        zipped = write_day(tmp_path, line("Loud/engine"), day=SECOND, suffix=".csv.gz")

        tally = bring(database, plain, zipped)

        assert sums(tally) == (2, 1, 1, 0)
        assert board(database) == [(1, "Quiet/Harbor")]

    def test_gives_the_lists_that_only_the_second_file_has(
        self, database: Database, tmp_path: Path
    ) -> None:
        plain = write_day(tmp_path, line(), day=SECOND)
        zipped = write_day(
            tmp_path, line(), line("o/r", item="Python"), day=SECOND, suffix=".csv.gz"
        )

        tally = bring(database, plain, zipped)

        assert sums(tally) == (3, 2, 1, 0)
        assert board(database, "python") == [(1, "o/r")]


class TestRepositories:
    def test_are_told_of_by_the_newest_day(self, database: Database, tmp_path: Path) -> None:
        old = write_day(tmp_path, line("quiet/harbor", language=""), day=FIRST)
        new = write_day(tmp_path, line("Quiet/Harbor", language="Go"), day=SECOND)

        bring(database, new)
        bring(database, old)

        assert rows(database, "SELECT full_name, language FROM repository") == [
            ("Quiet/Harbor", "Go")
        ]

    def test_that_are_one_by_now_have_one_place(self, database: Database, tmp_path: Path) -> None:
        put(database, repo(1, full_name="Quiet/Harbor"))
        put(database, repo(1, full_name="Quiet/Port"), at=NOON + 3 * DAY)
        path = write_day(
            tmp_path, line("Quiet/Harbor", 90), line("Quiet/Port", 80), line("o/r", 70), day=FIRST
        )

        tally = bring(database, path)

        why = "quiet/port is now quiet/harbor, which is on the list, too"
        assert sums(tally) == (3, 2, 0, 0)
        assert [(it.line, it.reason) for it in tally.repeats] == [(3, why)]
        assert board(database, at=MIDNIGHT - DAY) == [(1, "Quiet/Port"), (2, "o/r")]

    def test_known_live_stay_as_github_told(self, database: Database, tmp_path: Path) -> None:
        put(database, repo(1, full_name="Quiet/Harbor", description="of now"), at=NOON - 9 * DAY)

        bring(database, write_day(tmp_path, line("quiet/harbor"), day=SECOND))

        assert rows(database, "SELECT full_name, description, github_id FROM repository") == [
            ("Quiet/Harbor", "of now", 1)
        ]


class TestLivePolls:
    @pytest.mark.parametrize(
        ("at", "covered"),
        [
            (MIDNIGHT - MINUTE, 0),
            (MIDNIGHT, 2),
            (NOON, 2),
            (MIDNIGHT + DAY - 10 * MINUTE, 2),
            (MIDNIGHT + DAY, 0),
        ],
    )
    def test_of_a_day_win(
        self, database: Database, tmp_path: Path, at: datetime, covered: int
    ) -> None:
        put(database, repo(1), at=at)
        path = write_day(tmp_path, line(), line("o/r", 9), line(item="Python"), day=SECOND)

        tally = bring(database, path)

        assert sums(tally) == (3, 3 - covered, covered, 0)
        assert tally.covered == covered
        assert board(database, "python") == [(1, "Quiet/Harbor")]

    def test_leave_no_one_behind_who_is_on_no_list(
        self, database: Database, tmp_path: Path
    ) -> None:
        put(database, repo(1), at=NOON)

        bring(database, write_day(tmp_path, line("o/stranger"), day=SECOND))

        assert rows(database, "SELECT full_name FROM repository") == [("Quiet/Harbor-1",)]

    @pytest.mark.parametrize("outcome", [FAILED, MISSED])
    def test_that_gave_nothing_at_midnight_let_a_day_in_once(
        self, database: Database, tmp_path: Path, outcome: str
    ) -> None:
        with database.write() as session:
            polls.record_gap(session, STARS, MIDNIGHT, outcome, MIDNIGHT, "no answer")
        path = write_day(tmp_path, line(), day=SECOND)

        first, again = bring(database, path), bring(database, path)

        assert (sums(first)[1], sums(again)[1]) in {(1, 0), (0, 0)}
        if first.stored:
            assert board(database) == [(1, "Quiet/Harbor")]
            assert [row[2] for row in contents(database)["polls"]] == [IMPORTED]

    def test_that_were_doubted_at_midnight_mix_with_no_imported_rows(
        self, database: Database, tmp_path: Path
    ) -> None:
        put(database, repo(1), at=MIDNIGHT, doubt="shrunk")
        path = write_day(tmp_path, line(), line("o/r", 9), day=SECOND)

        first, again = bring(database, path), bring(database, path)

        assert board(database) in (
            [(1, "Quiet/Harbor-1")],
            [(1, "Quiet/Harbor"), (2, "o/r")],
        )
        assert sums(first)[1] in {0, 2}
        assert sums(again)[1] == 0

    def test_at_a_slot_that_was_imported_replace_it(
        self, database: Database, tmp_path: Path
    ) -> None:
        bring(database, write_day(tmp_path, line("Quiet/Harbor-1", 5), line("o/r"), day=SECOND))

        stored = put(database, repo(1, stars=700), at=MIDNIGHT)

        assert stored
        assert board(database) == [(1, "Quiet/Harbor-1")]
        assert history_of(database, "quiet/harbor-1") == [(MIDNIGHT, 700)]

    def test_keep_their_readings(self, database: Database, tmp_path: Path) -> None:
        put(database, repo(1, stars=700), at=MIDNIGHT)

        bring(database, write_day(tmp_path, line("Quiet/Harbor-1", 5, item="Go"), day=SECOND))

        assert history_of(database, "quiet/harbor-1") == [(MIDNIGHT, 700)]

    def test_are_the_only_ones_expected_and_received(
        self, database: Database, tmp_path: Path
    ) -> None:
        put(database, repo(1), at=NOON)
        paths = [write_day(tmp_path, line(), day=it) for it in (FIRST, SECOND, date(2026, 3, 1))]
        every, now = 10 * MINUTE, MIDNIGHT + DAY + HOUR
        with database.read() as session:
            before = status.list_status(session, STARS, every, now)

        assert sums(bring(database, *paths))[1] == 2

        with database.read() as session:
            assert status.list_status(session, STARS, every, now) == before

    def test_tell_no_events_of_what_was_imported(self, database: Database, tmp_path: Path) -> None:
        bring(database, write_day(tmp_path, line("o/gone", 99_999), line("o/r"), day=FIRST))

        put(database, repo(1), at=NOON)
        bring(database, write_day(tmp_path, line("o/other"), day=date(2026, 3, 1)))

        assert count(database, "event") == 0


class TestTheFirstLivePoll:
    @pytest.mark.parametrize("full_name", ["Quiet/Harbor", "quiet/HARBOR"])
    def test_makes_an_imported_name_who_github_says(
        self, database: Database, tmp_path: Path, full_name: str
    ) -> None:
        bring(database, write_day(tmp_path, line("Quiet/Harbor", 5), day=FIRST))
        ours = rows(database, "SELECT id FROM repository")

        put(database, repo(7, full_name=full_name, stars=50), at=NOON)

        assert rows(database, "SELECT id, github_id, full_name FROM repository") == [
            (ours[0][0], 7, full_name)
        ]
        assert history_of(database, "quiet/harbor") == [(MIDNIGHT - DAY, 5), (NOON, 50)]

    def test_does_so_once(self, database: Database, tmp_path: Path) -> None:
        bring(database, write_day(tmp_path, line("Quiet/Harbor", 5), day=FIRST))
        put(database, repo(7, full_name="Quiet/Harbor"), at=NOON)

        put(database, repo(8, full_name="Quiet/Harbor"), at=NOON + DAY)

        assert rows(database, "SELECT github_id FROM repository ORDER BY 1") == [(7,), (8,)]

    def test_goes_on_with_what_is_imported_later(self, database: Database, tmp_path: Path) -> None:
        put(database, repo(7, full_name="Quiet/Harbor", stars=50), at=NOON)

        bring(database, write_day(tmp_path, line("quiet/HARBOR", 5), day=FIRST))

        assert history_of(database, "quiet/harbor") == [(MIDNIGHT - DAY, 5), (NOON, 50)]
        assert count(database, "repository") == 1

    def test_under_a_name_that_was_imported_merges_the_histories_of_one_known_already(
        self, database: Database, tmp_path: Path
    ) -> None:
        put(database, repo(7, full_name="New/Name", stars=50), at=NOON)
        bring(database, write_day(tmp_path, line("Old/Name", 5), day=FIRST))
        put(database, repo(7, full_name="Old/Name", stars=60), at=NOON + DAY)

        assert merge_all(database) == 1

        both = [(MIDNIGHT - DAY, 5), (NOON, 50), (NOON + DAY, 60)]
        assert history_of(database, "old/name") == history_of(database, "new/name") == both
        assert rows(database, "SELECT github_id, same_as_id FROM repository") == [(7, None)]
        assert board(database, at=MIDNIGHT - DAY) == [(1, "Old/Name")]


class TestAMerge:
    def test_keeps_what_the_other_has_for_a_slot(self, database: Database, tmp_path: Path) -> None:
        put(database, repo(7, full_name="New/Name"), at=NOON)
        path = write_day(tmp_path, line("New/Name", 6), line("Old/Name", 5), day=FIRST)
        bring(database, path)
        identify(database, {"Old/Name": repo(7, full_name="New/Name")})

        merge_all(database)

        assert history_of(database, "old/name")[0] == (MIDNIGHT - DAY, 6)
        assert [name for _, name in board(database, at=MIDNIGHT - DAY)] == ["New/Name"]
        assert sums(bring(database, path))[1] == 0

    def test_of_several_follows_each(self, database: Database, tmp_path: Path) -> None:
        put(database, repo(7, full_name="C/c", stars=50), at=NOON)
        bring(database, write_day(tmp_path, line("A/a", 4), day=date(2026, 2, 20)))
        bring(database, write_day(tmp_path, line("B/b", 5), line("A/a", 1, item="Go"), day=FIRST))
        now = repo(7, full_name="C/c")

        identify(database, {"A/a": now, "B/b": now})
        merged = merge_all(database)

        assert merged == 2
        assert [stars for _, stars in history_of(database, "a/a")] == [4, 1, 50] or [
            stars for _, stars in history_of(database, "a/a")
        ] == [4, 5, 50]
        assert count(database, "repository") == 1


def identify(
    database: Database,
    known: dict[str, GitHubRepository | Exception],
    settings: Settings | None = None,
) -> list[str]:
    """Ask a GitHub that knows some repositories; gives the names that it was asked for."""
    github: Any = StubGitHub(SearchAnswer((), False), known)
    settings = settings or Settings(lists=(STARS,), github_token="t")
    polling.identify_some(database, github, settings, lambda: False, lambda: NOON + 9 * DAY)
    return github.asked  # type: ignore[no-any-return]


def progress(database: Database) -> tuple[int, int]:
    with database.read() as session:
        return names_asked(session)


class TestIdentification:
    @pytest.fixture(autouse=True)
    def polled(self, database: Database) -> None:
        put(database, repo(1, full_name="Live/one"), at=NOON)

    def test_asks_once_for_each_name_that_no_live_list_shows_most_starred_first(
        self, database: Database, tmp_path: Path
    ) -> None:
        old = [line("Old/gone", 900), line("Quiet/Harbor", 1_000)]
        bring(database, write_day(tmp_path, *old, day=date(2026, 2, 20)))
        path = write_day(tmp_path, line("Quiet/Harbor", 80), line("live/ONE", 9), day=FIRST)
        bring(database, path)
        known: dict[str, GitHubRepository | Exception] = {
            "Quiet/Harbor": repo(7, full_name="Quiet/Harbor")
        }

        before = progress(database)
        asked = [identify(database, known), identify(database, known)]

        assert asked == [["Old/gone", "Quiet/Harbor"], []]
        assert github_id_of(database, "quiet/harbor") == 7
        assert (before, progress(database)) == ((0, 2), (2, 2))

    def test_of_a_chain_of_renames_makes_one_history(
        self, database: Database, tmp_path: Path
    ) -> None:
        for number, name in enumerate(("First/name", "Second/name", "Live/one")):
            day = FIRST - (3 - number) * DAY
            bring(database, write_day(tmp_path, line(name, 5 + number), day=day))
        one = repo(1, full_name="Live/one", created_at=NOON - 999 * DAY)

        asked = identify(database, {"First/name": one, "Second/name": one})
        merge_all(database)

        assert asked == ["Second/name", "First/name"]
        stars = [stars for _, stars in history_of(database, "first/name")]
        assert stars[:3] == [5, 6, 7]
        assert history_of(database, "live/one") == history_of(database, "first/name")
        assert progress(database) == (2, 2)

    def test_a_repository_made_later_took_the_name_and_is_another(
        self, database: Database, tmp_path: Path
    ) -> None:
        bring(database, write_day(tmp_path, line("Taken/one", 5), line("Taken/two", 4), day=FIRST))
        history = history_of(database, "taken/one")
        later = NOON + DAY
        other = repo(8, full_name="Taken/one", created_at=later)

        asked = [identify(database, {"Taken/one": other}), identify(database, {})]
        unknown = github_id_of(database, "taken/one")
        two = repo(9, full_name="Taken/two", created_at=later)
        put(database, replace(other, stars=70), two, at=NOON + 10 * DAY)
        merge_all(database)

        assert asked == [["Taken/one", "Taken/two"], []]
        assert unknown is None
        assert [len(history_of(database, each)) for each in ("taken/one", "taken/two")] == [1, 1]
        assert history_of(database, "taken/one") != history
        assert progress(database) == (2, 2)

    def test_a_name_that_was_taken_before_its_old_days_are_imported_keeps_them_apart(
        self, database: Database, tmp_path: Path
    ) -> None:
        made = MIDNIGHT - 5 * DAY
        bearer = repo(8, full_name="Taken/one", created_at=made)
        put(database, repo(1, full_name="Live/one"), bearer, at=NOON + DAY)
        live = history_of(database, "taken/one")
        for number, ago in enumerate((9, 8, 7)):  # each a transaction of its own
            day = (MIDNIGHT - ago * DAY).date()
            bring(database, write_day(tmp_path, line("taken/One", 50 + number), day=day))
        apart = history_of(database, "taken/one")
        asked = identify(database, {"taken/One": bearer})
        merge_all(database)
        young = (MIDNIGHT - 2 * DAY).date()
        bring(database, write_day(tmp_path, line("Taken/one", 70), day=young))

        assert apart == live
        assert asked == ["taken/One"]
        found = rows(database, "SELECT repository_id, stars FROM reading ORDER BY slot")[:3]
        assert len({row for row, _ in found}) == 1  # it is one, whom the name does not find
        assert [stars for _, stars in found] == [50, 51, 52]
        assert [stars for _, stars in history_of(database, "taken/one")] == [70, live[0][1]]

    def test_ends_when_its_time_is_over_and_goes_on_where_it_was(
        self, database: Database, tmp_path: Path
    ) -> None:
        names = [f"o/r{number}" for number in range(4)]
        lines = [line(name, 99 - number) for number, name in enumerate(names)]
        bring(database, write_day(tmp_path, *lines, day=FIRST))
        github: Any = StubGitHub(SearchAnswer((), False), {})
        settings = Settings(lists=(STARS,), github_token="t")

        def ask(most: int) -> dict[str, Any]:
            is_over = lambda: len(github.asked) >= most  # noqa: E731
            return polling.identify_some(database, github, settings, is_over, lambda: NOON + DAY)

        results = [ask(2), ask(9)]

        assert results == [{"asked": 2, "more": True}, {"asked": 2, "more": False}]
        assert github.asked == names

    def test_waits_for_a_live_poll_of_every_list(self, database: Database, tmp_path: Path) -> None:
        bring(database, write_day(tmp_path, line("Quiet/Harbor"), day=FIRST))
        both = Settings(lists=(STARS, PYTHON), github_token="t")

        assert identify(database, {}, both) == []

    def test_asks_few_without_a_token(self, database: Database, tmp_path: Path) -> None:
        lines = [line(f"o/r{number}", 99 - number) for number in range(9)]
        bring(database, write_day(tmp_path, *lines, day=FIRST))

        assert len(identify(database, {}, Settings(lists=(STARS,)))) == 3

    def test_takes_nobody_for_an_answer(self, database: Database, tmp_path: Path) -> None:
        bring(database, write_day(tmp_path, line("Quiet/Harbor", 5), day=FIRST))

        asked = [identify(database, {}), identify(database, {})]

        assert asked == [["Quiet/Harbor"], []]
        assert history_of(database, "quiet/harbor") == [(MIDNIGHT - DAY, 5)]

    def test_asks_again_where_github_gave_no_answer(
        self, database: Database, tmp_path: Path
    ) -> None:
        bring(database, write_day(tmp_path, line("Quiet/Harbor", 5), day=FIRST))

        asked = [identify(database, {"Quiet/Harbor": Unreachable("no")}), identify(database, {})]

        assert asked == [["Quiet/Harbor"], ["Quiet/Harbor"]]

    def test_lets_a_history_follow_to_a_repository_known_live(
        self, database: Database, tmp_path: Path
    ) -> None:
        bring(database, write_day(tmp_path, line("Old/one", 5), day=FIRST))
        identify(database, {"Old/one": repo(1, full_name="Live/one")})

        merge_all(database)

        assert history_of(database, "live/one")[0] == (MIDNIGHT - DAY, 5)
        assert history_of(database, "old/one") == history_of(database, "live/one")

    def test_lets_a_history_follow_to_a_new_name(self, database: Database, tmp_path: Path) -> None:
        bring(database, write_day(tmp_path, line("Old/two", 5), day=FIRST))

        identify(database, {"Old/two": repo(2, full_name="New/two")})

        assert history_of(database, "new/two") == [(MIDNIGHT - DAY, 5)]
        assert github_id_of(database, "old/two") == github_id_of(database, "new/two") == 2

    def test_lets_a_history_follow_to_a_name_that_was_imported_too(
        self, database: Database, tmp_path: Path
    ) -> None:
        bring(database, write_day(tmp_path, line("New/two", 6), day=date(2026, 2, 20)))
        bring(database, write_day(tmp_path, line("Old/two", 5), day=FIRST))
        identify(database, {"Old/two": repo(2, full_name="New/two")})

        merge_all(database)

        assert [stars for _, stars in history_of(database, "new/two")] == [6, 5]
        assert history_of(database, "old/two") == history_of(database, "new/two")

    def test_and_a_name_that_passes_to_somebody_else_meanwhile_lose_nobody(
        self, database: Database, tmp_path: Path
    ) -> None:
        bring(database, write_day(tmp_path, line("Old/one", 5), day=FIRST))
        identify(database, {"Old/one": repo(1, full_name="Live/one")})
        put(database, repo(2, full_name="Old/one", stars=70), at=NOON + 10 * DAY)

        merge_all(database)

        assert history_of(database, "live/one")[0] == (MIDNIGHT - DAY, 5)
        assert github_id_of(database, "old/one") == 2


class TestTheRealArchive:
    def test_adds_up_and_is_there_once(self, database: Database) -> None:
        if not REAL.exists():
            pytest.skip("no slice of the real archive beside the checkout")
        paths = sorted(archive.files_in([REAL]))[:6]

        first, again = bring(database, *paths), bring(database, *paths)

        read, stored, _, rejected = sums(first)
        assert sums(again) == (read, 0, stored, rejected)
        assert (rejected, first.repeats) == (0, again.repeats)
        assert count(database, "placement") == stored
        assert len(readings(database)) > 1_000


def test_every_imported_poll_has_as_many_places_as_it_says(
    database: Database, tmp_path: Path
) -> None:
    lines = [line(f"o/r{number % 7}", number) for number in range(20)]

    bring(database, write_day(tmp_path, *lines, day=SECOND))

    (said,) = rows(database, "SELECT rows FROM poll")
    assert [rank for rank, _ in board(database)] == [*range(1, said[0] + 1)]
    assert GOOD not in [row[2] for row in contents(database)["polls"]]


class TestABuildAmidAnImport:
    def test_is_put_off_until_the_import_ends(
        self, database: Database, settings: Settings, tmp_path: Path
    ) -> None:
        put(database, repo(1, full_name="Live/one"), at=NOON)
        path = write_day(tmp_path, line("Quiet/Harbor"), day=FIRST)

        importer.import_files(database, [path], lists.KNOWN)
        amid = builds.aggregate_lists(database, settings, clock.now())
        with database.write() as session:
            end_import(session)
        after = builds.aggregate_lists(database, settings, clock.now())

        assert amid == {"outcome": "put off until the import ends"}
        assert after["outcome"] == "published"

    def test_is_not_put_off_for_long_by_an_import_that_was_killed(
        self, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        importer.import_files(
            database, [write_day(tmp_path, line("Quiet/Harbor"), day=FIRST)], lists.KNOWN
        )

        with database.read() as session:
            assert is_import_under_way(session, clock.now())
            assert not is_import_under_way(session, clock.now() + LASTING)
            assert not is_import_under_way(session, clock.now() - DAY)  # noted by a clock ahead
