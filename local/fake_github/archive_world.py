"""The world of an archive: the days of its files, as GitHub might have shown them."""

import csv
import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from core import clock
from core.lists import RankedList
from local.fake_github.worlds import FakeRepository


class ArchiveWorld:
    """The days of an archive of daily top-100s; `day_at` says which of them a moment shows.

    A day without a file shows the latest before it. The archive has no ids: they are made up
    from the names, so that a name has the same one every day, and nothing is ever renamed.
    """

    def __init__(self, folder: Path | list[Path], day_at: Callable[[datetime], date]) -> None:
        folders = folder if isinstance(folder, list) else [folder]
        files = [
            file for folder in folders for file in folder.glob("github-ranking-????-??-??.csv")
        ]
        if not files:
            raise FileNotFoundError(f"no github-ranking-YYYY-MM-DD.csv in {folder}")
        self._files = {date.fromisoformat(file.stem[-10:]): file for file in files}
        self._days = sorted(self._files)
        self._day_at = day_at
        self._names: dict[int, str] = {}
        self._read = lru_cache(maxsize=8)(self._parse)

    def search(self, ranked: RankedList, floor: int, at: datetime) -> list[FakeRepository]:
        rows = self._lists(at).get(ranked.slug, [])
        return [repo for repo in rows if getattr(repo, ranked.count) > floor]

    def by_name(self, full_name: str, at: datetime) -> FakeRepository | None:
        name = full_name.casefold()
        return next((repo for repo in self._repos(at) if repo.full_name.casefold() == name), None)

    def by_id(self, github_id: int, at: datetime) -> FakeRepository | None:
        return next((repo for repo in self._repos(at) if repo.github_id == github_id), None)

    def renamed(self, full_name: str, at: datetime) -> int | None:
        return None

    def _repos(self, at: datetime) -> Iterator[FakeRepository]:
        return (repo for rows in self._lists(at).values() for repo in rows)

    def _lists(self, at: datetime) -> dict[str, list[FakeRepository]]:
        files = bisect_right(self._days, self._day_at(at))
        return self._read(self._days[files - 1]) if files else {}

    def _parse(self, day: date) -> dict[str, list[FakeRepository]]:
        """The rows of each list, in the file's order; the lists in the order that settles ties."""
        rows: dict[str, list[FakeRepository]] = {}
        with self._files[day].open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                slug = row["item"].lower().removeprefix("top-100-")
                rows.setdefault(slug, []).append(self._repo(row))
        return {slug: rows[slug] for slug in sorted(rows, key=lambda s: RankedList(s, s).order)}

    def _repo(self, row: dict[str, str]) -> FakeRepository:
        full_name = f"{row['username']}/{row['repo_name']}"
        return FakeRepository(
            self._id(full_name.casefold()),
            full_name,
            int(row["stars"]),
            int(row["forks"]),
            int(row["issues"]),
            row["language"] or None,
            row["description"] or None,
            clock.parse(row["last_commit"]),
        )

    def _id(self, name: str) -> int:
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % (2**31 - 1)
        while self._names.setdefault(number, name) != name:  # another name has it already
            number += 1
        return number
