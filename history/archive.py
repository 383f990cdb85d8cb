"""The public archive of daily top-100s (EvanLi/Github-Ranking), read file by file.

A file is a day: `github-ranking-YYYY-MM-DD.csv`, gzipped or not, with the columns
rank,item,repo_name,stars,forks,language,repo_url,username,issues,last_commit,description. `item` is
the list: `top-100-stars`, `top-100-forks`, or a language's slug in any case. It has no GitHub ids,
and its hour is not known: a day is dated at its midnight UTC.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from core import clock
from core.lists import KNOWN, SIZE
from core.names import is_full_name

if TYPE_CHECKING:
    from _csv import Reader as Records

FILE = re.compile(r"github-ranking-(\d{4}-\d\d-\d\d)\.csv(\.gz)?")

COLUMNS = """rank item repo_name stars forks language repo_url username issues last_commit
    description""".split()

PREFIX = "top-100-"

LARGEST = 2**31 - 1

BEGINNING = datetime(2008, 1, 1, tzinfo=UTC)

# GitHub's open_issues has the open pull requests in it, and so has the column `issues` before this
# day. From then on it has not: torvalds/linux falls from 324 to 0, and nothing tells how many.
ISSUES_WITHOUT_PULLS = datetime(2021, 8, 20, tzinfo=UTC)


class BadFile(Exception):
    """A file that is not a day of the archive. The message is one line."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that is not imported, by file and line, and why: bad, or a repeat."""

    file: str
    line: int
    reason: str


class Row(NamedTuple):
    """A member of a list, with its counts."""

    name: str  # owner/name in lower case: who it is
    counted: int  # what its list ranks by
    stars: int
    forks: int
    open_issues: int | None  # as GitHub counts them; None: the archive does not tell
    line: int


@dataclass(slots=True)
class Day:
    """The content of a file: the rows of each list, by slug, largest count first.

    `fields`: what it says of each repository, by name, in the order of COLUMNS. `repeats`: rows of
    a repository that is on the list already, as the archive has many; `rejected`: those that make
    no sense.
    """

    file: str
    slot: datetime
    read: int = 0
    lists: dict[str, list[Row]] = field(default_factory=dict)
    fields: dict[str, list[str]] = field(default_factory=dict)
    repeats: list[Rejection] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """The files of days among paths and in folders; a file is taken by its word, whatever its
    name, so that one that is no day gets named."""
    for path in paths:
        if path.is_dir():
            yield from (found for found in path.rglob("*.csv*") if FILE.fullmatch(found.name))
        else:
            yield path


def date_of(path: Path) -> datetime:
    """Midnight UTC of the day that a file is of. Raises BadFile."""
    named = FILE.fullmatch(path.name)
    try:
        day = clock.parse(named[1] if named else "")
    except ValueError:
        raise BadFile("its name is not github-ranking-YYYY-MM-DD.csv or .csv.gz") from None
    if not BEGINNING <= day <= clock.now():
        raise BadFile("its day lies before GitHub's beginning or in the future")
    return day


def read_day(path: Path, known: Collection[str] = KNOWN) -> Day:
    """Read a file. Rows that make no sense are rejected, each with its line and the reason.

    `known`: the slugs of the lists there are. Raises BadFile where there is nothing to read.
    """
    day = Day(str(path), date_of(path))
    try:
        with _open(path) as file:
            reader = csv.reader(file, strict=True)
            _fill(day, _read_records(reader, _read_header(reader), day), known)
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadFile(f"it cannot be read: {reason}") from error
    for slug, rows in day.lists.items():
        rows.sort(key=lambda row: -row.counted)
        day.lists[slug] = rows[:SIZE]
        day.rejected += (
            Rejection(day.file, row.line, f"rank {rank} of a top {SIZE}")
            for rank, row in enumerate(rows[SIZE:], SIZE + 1)
        )
    kept = {row.name for rows in day.lists.values() for row in rows}
    day.fields = {name: day.fields[name] for name in kept}
    return day


def _open(path: Path) -> IO[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    return opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="")


def _read_header(reader: "Records") -> list[str]:
    try:
        header = next(reader, [])
    except csv.Error as error:
        raise BadFile(f"it is no CSV file: {error}") from error
    if missing := set(COLUMNS) - set(header):
        raise BadFile(f"it has no column {', '.join(sorted(missing))}")
    return header


def _read_records(
    reader: "Records", header: list[str], day: Day
) -> Iterator[tuple[int, list[str]]]:
    """Yield the line that a record begins on and its fields in the order of COLUMNS. What is no
    record of the file's columns is rejected."""
    order = [header.index(column) for column in COLUMNS]
    in_order = order == [*range(len(header))]
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            day.rejected.append(Rejection(day.file, line, str(error)))
            continue
        if len(fields) == len(header):
            yield line, fields if in_order else [fields[column] for column in order]
        elif fields:  # not an empty line
            why = f"{len(fields)} fields, expected {len(header)}"
            day.rejected.append(Rejection(day.file, line, why))


def _fill(day: Day, records: Iterable[tuple[int, list[str]]], known: Collection[str]) -> None:
    """Fill the day's lists with records, each on the list it is of. What makes no sense there is
    rejected; of a repository that is on a list more than once the first record counts."""
    members: dict[str, dict[str, Row]] = {slug: {} for slug in known}  # by slug and name
    by_item: dict[str, tuple[dict[str, Row], bool]] = {}  # an item's members, and if forks rank it
    with_pulls = day.slot < ISSUES_WITHOUT_PULLS
    for line, fields in records:
        item = fields[1]
        try:
            if item not in by_item:
                slug = _slug(item, known)
                by_item[item] = members[slug], slug == "forks"
            others, by_forks = by_item[item]
            row = _row(fields, by_forks, with_pulls, line)
        except ValueError as error:
            day.rejected.append(Rejection(day.file, line, str(error)))
            continue
        first = others.setdefault(row.name, row)
        if first is row:
            day.fields[row.name] = fields
        else:
            why = f"repeats {row.name} of line {first.line}"
            day.repeats.append(Rejection(day.file, line, why))
    day.lists = {slug: [*rows.values()] for slug, rows in members.items() if rows}
    day.read = len(day.rejected) + len(day.repeats) + sum(map(len, day.lists.values()))


def _slug(item: str, known: Collection[str]) -> str:
    slug = item.lower().removeprefix(PREFIX)
    if slug not in known:
        raise ValueError(f"no list named {item!r:.60}")
    return slug


def _row(fields: list[str], by_forks: bool, with_pulls: bool, line: int) -> Row:
    rank, _, name, stars, forks, _, _, owner, issues, _, _ = fields
    key = _key(owner, name)
    digits = f"{rank}{stars}{forks}{issues}"
    if not (rank and stars and forks and issues and digits.isascii() and digits.isdigit()):
        _explain(rank=rank, stars=stars, forks=forks, issues=issues)
    counts = int(stars), int(forks), int(issues)
    if max(counts) > LARGEST:
        raise ValueError(f"a count of {max(counts)} is too large")
    open_issues = counts[2] if with_pulls else None
    return Row(key, counts[by_forks], counts[0], counts[1], open_issues, line)


def _explain(**columns: str) -> None:
    for column, text in columns.items():
        if not (text.isascii() and text.isdigit()):
            raise ValueError(f"{column} is {text!r:.30}, expected a whole number")


@lru_cache(maxsize=50_000)
def _key(owner: str, name: str) -> str:
    full_name = f"{owner}/{name}"
    if not is_full_name(full_name):
        raise ValueError(f"{full_name!r:.60} is not owner/name")
    return full_name.lower()


def profile(fields: list[str]) -> dict[str, Any]:
    """Return what a row says of a repository besides its counts, by column. What makes no sense in
    it is left out: nothing is computed from it."""
    _, _, name, _, _, language, _, owner, _, last_commit, description = fields
    try:
        pushed_at = clock.parse(last_commit)
    except ValueError:
        pushed_at = None
    return {
        "full_name": f"{owner}/{name}",
        "language": language.replace("\0", "") or None,
        "description": description.replace("\0", "") or None,
        "html_url": f"https://github.com/{owner}/{name}",
        "pushed_at": pushed_at,
    }
