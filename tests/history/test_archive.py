"""Days of the archive, read file by file: lists, odd text, bad rows and bad files."""

import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from history import archive
from history.archive import COLUMNS, BadFile, Day
from tests.support.archive import REAL, line, text_of, write_day, write_text

HEADER = ",".join(COLUMNS)


def ranked(day: Day, slug: str = "stars") -> list[tuple[str, int]]:
    """Who is on a list, and with which count, in order."""
    return [(row.name, row.counted) for row in day.lists.get(slug, [])]


def rejected(day: Day) -> list[tuple[int, str]]:
    return [(it.line, it.reason) for it in day.rejected]


def repeats(day: Day) -> list[tuple[int, str]]:
    return [(it.line, it.reason) for it in day.repeats]


def adds_up(day: Day) -> bool:
    others = len(day.repeats) + len(day.rejected)
    return day.read == sum(map(len, day.lists.values())) + others


class TestADay:
    def test_is_dated_at_its_midnight_and_holds_who_is_on_which_list(self, tmp_path: Path) -> None:
        path = write_day(
            tmp_path,
            line("Quiet/Harbor", 100),
            line("Loud/engine", 90, rank=2),
            line("Loud/engine", 90, item="top-100-forks", forks=50),
            line("Quiet/Harbor", 100, item="CPP"),
        )

        day = archive.read_day(path)

        assert day.slot == datetime(2025, 1, 8, tzinfo=UTC)
        assert {slug: ranked(day, slug) for slug in day.lists} == {
            "stars": [("quiet/harbor", 100), ("loud/engine", 90)],
            "forks": [("loud/engine", 50)],
            "cpp": [("quiet/harbor", 100)],
        }
        assert (day.read, day.rejected) == (4, [])

    @pytest.mark.parametrize(
        ("day", "open_issues"), [("2018-12-18", 13), ("2021-08-19", 13), ("2021-08-20", None)]
    )
    def test_has_each_row_with_its_counts_and_its_line(
        self, tmp_path: Path, day: str, open_issues: int | None
    ) -> None:
        """From 2021-08-20 on its `issues` leave out pull requests, which GitHub's do not."""
        path = write_day(tmp_path, line(stars=11, forks=12, issues=13), day=date.fromisoformat(day))

        (row,) = archive.read_day(path).lists["stars"]

        assert row == ("quiet/harbor", 11, 11, 12, open_issues, 2)

    @pytest.mark.parametrize(
        ("item", "slug"),
        [
            ("top-100-stars", "stars"),
            ("top-100-forks", "forks"),
            ("CPP", "cpp"),
            ("CSharp", "csharp"),
            ("Vim-script", "vim-script"),
            ("Objective-C", "objective-c"),
        ],
    )
    def test_names_lists_in_the_archives_spelling(
        self, tmp_path: Path, item: str, slug: str
    ) -> None:
        day = archive.read_day(write_day(tmp_path, line(item=item)))

        assert list(day.lists) == [slug]

    def test_may_have_lists_of_further_languages(self, tmp_path: Path) -> None:
        path = write_day(tmp_path, line(item="Zig"))

        assert list(archive.read_day(path, {"zig"}).lists) == ["zig"]
        assert rejected(archive.read_day(path)) == [(2, "no list named 'Zig'")]

    @pytest.mark.parametrize("item", ["top-100-stars", "top-100-forks"])
    def test_sorts_a_list_by_its_count_and_leaves_ties_as_they_are(
        self, tmp_path: Path, item: str
    ) -> None:
        counts = [(5, 1), (9, 2), (5, 2), (9, 1), (5, 1)]
        lines = [
            line(f"o/r{number}", stars, forks=forks, item=item)
            for number, (stars, forks) in enumerate(counts)
        ]

        day = archive.read_day(write_day(tmp_path, *lines))

        in_order = {"stars": [1, 3, 0, 2, 4], "forks": [1, 2, 0, 3, 4]}
        slug = item.removeprefix("top-100-")
        assert [name for name, _ in ranked(day, slug)] == [f"o/r{it}" for it in in_order[slug]]

    def test_may_have_sixty_rows_a_list(self, tmp_path: Path) -> None:
        path = write_day(tmp_path, *(line(f"o/r{number}", 1_000 - number) for number in range(60)))

        day = archive.read_day(path)

        assert (len(day.lists["stars"]), day.read, day.rejected) == (60, 60, [])

    def test_has_of_a_repetition_on_a_list_the_first_row(self, tmp_path: Path) -> None:
        path = write_day(
            tmp_path,
            line("Quiet/Harbor", 90),
            line("quiet/HARBOR", 95),
            line("Quiet/Harbor", 90, item="Go"),
        )

        day = archive.read_day(path)

        assert ranked(day) == [("quiet/harbor", 90)]
        assert ranked(day, "go") == [("quiet/harbor", 90)]
        assert repeats(day) == [(3, "repeats quiet/harbor of line 2")]
        assert rejected(day) == []
        assert adds_up(day)

    def test_rejects_what_has_no_place_in_a_hundred(self, tmp_path: Path) -> None:
        lines = [line(f"o/r{number}", number) for number in range(102)]

        day = archive.read_day(write_day(tmp_path, *lines))

        assert len(day.lists["stars"]) == 100
        assert rejected(day) == [(3, "rank 101 of a top 100"), (2, "rank 102 of a top 100")]
        assert adds_up(day)

    def test_says_nothing_of_repositories_whose_rows_are_rejected(self, tmp_path: Path) -> None:
        lines = [line(f"o/r{number}", 1_000 - number) for number in range(101)]

        day = archive.read_day(write_day(tmp_path, *lines))

        assert "o/r99" in day.fields
        assert "o/r100" not in day.fields


class TestText:
    @pytest.mark.parametrize(
        ("description", "read"),
        [
            ("in\ntwo lines", "in\ntwo lines"),
            ("in\r\ntwo lines", "in\r\ntwo lines"),
            ('"quoted", twice', '"quoted", twice'),
            ("ships 🚢⛵", "ships 🚢⛵"),
            ("nothing\0ness", "nothingness"),
            ("\udcff\udcfe", "\ufffd\ufffd"),
            ("", None),
        ],
    )
    def test_of_a_description_may_be_anything(
        self, tmp_path: Path, description: str, read: str | None
    ) -> None:
        path = write_day(tmp_path, line(description=description), line("o/next", 9))

        day = archive.read_day(path)

        assert archive.profile(day.fields["quiet/harbor"])["description"] == read
        assert [name for name, _ in ranked(day)] == ["quiet/harbor", "o/next"]
        assert day.rejected == []

    @pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    def test_may_come_gzipped_or_from_windows(
        self, tmp_path: Path, suffix: str, end: str, mark: str
    ) -> None:
        text = mark + text_of([line(), line("o/next", "x")], end=end)

        day = archive.read_day(write_text(tmp_path, text, suffix=suffix))

        assert ranked(day) == [("quiet/harbor", 100)]
        assert rejected(day) == [(3, "stars is 'x', expected a whole number")]

    def test_names_the_line_on_which_a_row_begins(self, tmp_path: Path) -> None:
        path = write_day(tmp_path, line(description="one\ntwo\nthree"), line("o/next", "?"))

        assert rejected(archive.read_day(path)) == [(5, "stars is '?', expected a whole number")]

    def test_may_have_its_columns_in_another_order_and_further_ones(self, tmp_path: Path) -> None:
        text = text_of([[*reversed(line()), "more"]], header=[*reversed(COLUMNS), "further"])

        day = archive.read_day(write_text(tmp_path, text))

        assert ranked(day) == [("quiet/harbor", 100)]
        assert archive.profile(day.fields["quiet/harbor"])["description"] == "Boats, moored"

    def test_may_have_empty_lines(self, tmp_path: Path) -> None:
        text = text_of([line()]) + "\n\n" + text_of([line("o/next", 9)]).partition("\n")[2]

        day = archive.read_day(write_text(tmp_path, text))

        assert (len(ranked(day)), day.read, day.rejected) == (2, 2, [])


def with_an_open_quote(*others: list[object]) -> str:
    """A day whose first row has a quote that nothing closes."""
    broken = ",".join(map(str, line("o/broken")[:-1])) + ',"never closed'
    return "\n".join([HEADER, broken, text_of(others).partition("\n")[2]])


class TestARow:
    @pytest.mark.parametrize(
        ("column", "value", "reason"),
        [
            ("stars", "-1", "stars is '-1', expected a whole number"),
            ("stars", "1.5", "stars is '1.5', expected a whole number"),
            ("stars", "1e3", "stars is '1e3', expected a whole number"),
            ("stars", "", "stars is '', expected a whole number"),
            ("stars", " 1", "stars is ' 1', expected a whole number"),
            ("stars", "1_000", "stars is '1_000', expected a whole number"),
            ("stars", "٣", "stars is '٣', expected a whole number"),
            ("stars", "²", "stars is '²', expected a whole number"),
            ("stars", 2**31, "a count of 2147483648 is too large"),
            ("forks", "-1", "forks is '-1', expected a whole number"),
            ("issues", "many", "issues is 'many', expected a whole number"),
            ("issues", 2**31, "a count of 2147483648 is too large"),
            ("rank", "first", "rank is 'first', expected a whole number"),
            ("item", "Klingon", "no list named 'Klingon'"),
            ("item", "", "no list named ''"),
            ("repo_name", "..", "'Quiet/..' is not owner/name"),
            ("repo_name", ".", "'Quiet/.' is not owner/name"),
            ("repo_name", "../../etc", "'Quiet/../../etc' is not owner/name"),
            ("repo_name", "b/c", "'Quiet/b/c' is not owner/name"),
            ("repo_name", "a b", "'Quiet/a b' is not owner/name"),
            ("repo_name", "a\nb", "'Quiet/a\\nb' is not owner/name"),
            ("repo_name", "a\0b", "'Quiet/a\\x00b' is not owner/name"),
            ("repo_name", "a?b", "'Quiet/a?b' is not owner/name"),
            ("repo_name", "", "'Quiet/' is not owner/name"),
            ("username", "..", "'../Harbor' is not owner/name"),
            ("username", "a/b", "'a/b/Harbor' is not owner/name"),
            ("username", "", "'/Harbor' is not owner/name"),
        ],
    )
    def test_that_makes_no_sense_is_rejected_with_its_reason(
        self, tmp_path: Path, column: str, value: object, reason: str
    ) -> None:
        bad, good = line(**{column: value}), line("o/next", 9)

        day = archive.read_day(write_day(tmp_path, bad, good))

        assert rejected(day) == [(2, reason)]
        assert ranked(day) == [("o/next", 9)]
        assert list(day.fields) == ["o/next"]
        assert day.read == 2

    def test_of_a_count_with_thousands_of_digits_is_rejected(self, tmp_path: Path) -> None:
        day = archive.read_day(write_day(tmp_path, line(stars="9" * 5_000), line("o/next", 9)))

        assert [number for number, _ in rejected(day)] == [2]
        assert ranked(day) == [("o/next", 9)]

    def test_of_too_many_or_too_few_fields_is_rejected(self, tmp_path: Path) -> None:
        day = archive.read_day(write_day(tmp_path, line()[:-1], [*line(), ""], ["?"], line()))

        reasons = [(2, "10 fields"), (3, "12 fields"), (4, "1 fields")]
        assert rejected(day) == [(at, f"{what}, expected 11") for at, what in reasons]
        assert ranked(day) == [("quiet/harbor", 100)]

    def test_with_a_huge_field_is_rejected_alone(self, tmp_path: Path) -> None:
        path = write_day(tmp_path, line(description="x" * 200_000), line("o/next", 9))

        day = archive.read_day(path)

        assert rejected(day) == [(2, "field larger than field limit (131072)")]
        assert ranked(day) == [("o/next", 9)]

    def test_with_an_unbalanced_quote_is_rejected_and_takes_no_others_in(
        self, tmp_path: Path
    ) -> None:
        others = [line(f"o/r{number}", 9, description="plain") for number in range(3)]

        day = archive.read_day(write_text(tmp_path, with_an_open_quote(*others)))

        assert [number for number, _ in rejected(day)][:1] == [2]
        assert "o/broken" not in day.fields
        assert adds_up(day)

    def test_with_an_unbalanced_quote_is_followed_by_rows_that_count(self, tmp_path: Path) -> None:
        others = [line("o/r1", description='a, "b"'), line("o/r2")]

        day = archive.read_day(write_text(tmp_path, with_an_open_quote(*others)))

        assert [number for number, _ in rejected(day)] == [2]
        assert "o/r2" in [name for name, _ in ranked(day)]
        assert adds_up(day)


class TestAProfile:
    def test_is_what_a_row_says_besides_counts(self) -> None:
        assert archive.profile([str(it) for it in line()]) == dict(
            full_name="Quiet/Harbor",
            language="Go",
            description="Boats, moored",
            html_url="https://github.com/Quiet/Harbor",
            pushed_at=datetime(2025, 1, 7, 15, 52, 22, tzinfo=UTC),
        )

    @pytest.mark.parametrize(
        ("column", "value", "attribute"),
        [
            ("language", "", "language"),
            ("language", "\0", "language"),
            ("description", "", "description"),
            ("last_commit", "", "pushed_at"),
            ("last_commit", "yesterday", "pushed_at"),
            ("last_commit", "2025-02-30T00:00:00Z", "pushed_at"),
            ("last_commit", "2025-01-07T15:52:22", "pushed_at"),
            ("last_commit", "0001-01-01T00:00:00+23:59", "pushed_at"),
        ],
    )
    def test_leaves_out_what_makes_no_sense(self, column: str, value: str, attribute: str) -> None:
        fields = [str(it) for it in line(**{column: value})]

        assert archive.profile(fields)[attribute] is None

    def test_links_to_github_whatever_the_row_says(self) -> None:
        fields = [str(it) for it in line(repo_url="javascript:alert(1)")]

        assert archive.profile(fields)["html_url"] == "https://github.com/Quiet/Harbor"


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[40:60] = bytes(20)
    path.write_bytes(data)


def not_gzipped(path: Path) -> None:
    path.write_text(text_of([line()]))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def without_a_header(path: Path) -> None:
    path.write_text(text_of([line()]).partition("\n")[2])


def without_a_column(path: Path) -> None:
    path.write_text(text_of([line()[:-1]], COLUMNS[:-1]))


def one_huge_line(path: Path) -> None:
    path.write_text("x" * 200_000)


def only_nuls(path: Path) -> None:
    path.write_bytes(bytes(200_000))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


class TestABadFile:
    @pytest.mark.parametrize(
        ("spoil", "suffix", "reason"),
        [
            (truncated, ".csv.gz", "it cannot be read: "),
            (damaged, ".csv.gz", "it cannot be read: "),
            (not_gzipped, ".csv.gz", "it cannot be read: Not a gzipped file"),
            (empty, ".csv.gz", "it has no column "),
            (empty, ".csv", "it has no column "),
            (without_a_header, ".csv", "it has no column "),
            (without_a_column, ".csv", "it has no column description"),
            (one_huge_line, ".csv", "it "),
            (only_nuls, ".csv", "it "),
            (a_folder, ".csv", "it cannot be read: Is a directory"),
            (a_folder, ".csv.gz", "it cannot be read: Is a directory"),
            (a_dangling_link, ".csv", "it cannot be read: No such file or directory"),
        ],
    )
    def test_is_told_with_what_is_wrong(
        self, tmp_path: Path, spoil: Callable[[Path], None], suffix: str, reason: str
    ) -> None:
        lines = [line(f"o/r{number}", 999 - number) for number in range(60)]
        path = write_day(tmp_path, *lines, suffix=suffix)
        spoil(path)

        with pytest.raises(BadFile) as error:
            archive.read_day(path)

        assert str(error.value).startswith(reason)
        assert "\n" not in str(error.value)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_may_be_one_that_we_may_not_read(self, tmp_path: Path) -> None:
        path = write_day(tmp_path, line())
        path.chmod(0)

        with pytest.raises(BadFile, match="it cannot be read: Permission denied"):
            archive.read_day(path)

    @pytest.mark.parametrize(
        "name",
        [
            "ranking.csv",
            "github-ranking-2025-01-08.txt",
            "github-ranking-2025-01-08.csv.bz2",
            "github-ranking-2025-1-8.csv",
            "github-ranking-2025-02-30.csv",
            "github-ranking-0000-01-01.csv",
            "github-ranking-２０２５-01-08.csv",
            "my-github-ranking-2025-01-08.csv",
        ],
    )
    def test_is_one_whose_name_is_no_day(self, tmp_path: Path, name: str) -> None:
        path = write_day(tmp_path, line()).rename(tmp_path / name)

        with pytest.raises(BadFile, match="its name is not github-ranking-YYYY-MM-DD.csv"):
            archive.read_day(path)


class TestFiles:
    def test_are_those_of_days_in_folders_and_below(self, tmp_path: Path) -> None:
        days = [write_day(tmp_path / "a", line()), write_day(tmp_path / "a" / "b", line())]
        days.append(write_day(tmp_path, line(), suffix=".csv.gz"))
        (tmp_path / "README.csv").touch()

        assert sorted(archive.files_in([tmp_path])) == sorted(days)

    def test_are_taken_by_their_word_whatever_their_name(self, tmp_path: Path) -> None:
        odd = tmp_path / "odd.txt"
        odd.touch()

        assert list(archive.files_in([odd])) == [odd]


@pytest.fixture(scope="module")
def real() -> Path:
    if not REAL.exists():
        pytest.skip("no slice of the real archive beside the checkout")
    return REAL


class TestTheRealArchive:
    def test_has_no_rows_to_reject_but_repetitions(self, real: Path) -> None:
        days = [archive.read_day(path) for path in archive.files_in([real])]

        assert [it for day in days for it in day.rejected] == []
        assert sum(len(day.repeats) for day in days) > 0
        assert all(adds_up(day) for day in days)
        assert len(days) > 50

    @pytest.mark.parametrize(
        ("name", "lists", "rows"),
        [("2018-12-18", 27, 100), ("2025-01-08", 36, 100)],
    )
    def test_has_ever_more_lists(self, real: Path, name: str, lists: int, rows: int) -> None:
        day = archive.read_day(real / f"github-ranking-{name}.csv")

        assert len(day.lists) == lists
        assert len(day.lists["stars"]) == rows

    def test_is_in_order_once_read(self, real: Path) -> None:
        days: list[Any] = [archive.read_day(path) for path in archive.files_in([real])]

        for rows in (rows for day in days for rows in day.lists.values()):
            counts = [row.counted for row in rows]
            assert counts == sorted(counts, reverse=True)
