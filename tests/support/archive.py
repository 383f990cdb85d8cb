"""Days of an archive, as tests write them."""

import csv
import gzip
import io
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from history.archive import COLUMNS
from tests.support.common import SHARED

DAY = date(2025, 1, 8)


REAL = SHARED / "data" / "github-ranking"


def line(full_name: str = "Quiet/Harbor", stars: object = 100, **changes: object) -> list[object]:
    """A row as the archive has it, on the list of stars unless told otherwise."""
    owner, _, name = full_name.partition("/")
    fields: dict[str, object] = {
        "rank": 1,
        "item": "top-100-stars",
        "repo_name": name,
        "stars": stars,
        "forks": 7,
        "language": "Go",
        "repo_url": f"https://github.com/{full_name}",
        "username": owner,
        "issues": 3,
        "last_commit": "2025-01-07T15:52:22Z",
        "description": "Boats, moored",
    }
    return list((fields | changes).values())


def text_of(lines: Iterable[list[object]], header: Iterable[str] = COLUMNS, end: str = "\n") -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator=end)
    writer.writerow(header)
    writer.writerows(lines)
    return file.getvalue()


def write_text(folder: Path, text: str, day: date = DAY, suffix: str = ".csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"github-ranking-{day}{suffix}"
    data = text.encode("utf-8", "surrogateescape")
    path.write_bytes(gzip.compress(data) if suffix.endswith(".gz") else data)
    return path


def write_day(folder: Path, *lines: list[object], day: date = DAY, suffix: str = ".csv") -> Path:
    return write_text(folder, text_of(lines), day, suffix)
