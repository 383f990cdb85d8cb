"""The import of the archive through RQ with two workers, against the best single process we know:
csv, and sqlite3's executemany into the same two tables, 25 days a transaction, sorted by key."""

import csv
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.running import with_descendants
from core import lists
from history import importer
from history.archive import PREFIX
from local import embedded
from store.database import Database

ROOT = Path(__file__).parents[1]
LAST_LINE = re.compile(r"([\d,]+) rows read .* ([\d,]+) stored")
PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -64000")


@dataclass(frozen=True, slots=True)
class Imported:
    """A database with the archive in it; how many times as fast it was as the script, and the most
    megabytes of a job: its own and what it shares with the worker, without files of the system's
    cache that it has mapped."""

    database: Path
    times: float
    memory: float


def import_archive(archive: Path, folder: Path, say: Callable[[str], object]) -> Imported:
    files = sorted(archive.iterdir())
    say(f"the script imports {len(files):,} days")
    alone = script(files, folder / "script.db")
    (folder / "script.db").unlink()
    say(f"it took {alone:.0f} s; now two workers")
    seconds, memory = through_rq(archive, folder / "all.db", folder / "import")
    say(f"they took {seconds:.0f} s")
    return Imported(folder / "all.db", alone / seconds, memory)


def script(files: list[Path], path: Path) -> float:
    """The best single process we know; gives seconds. It checks nothing and knows no renames."""
    with Database(f"sqlite:///{path}") as database:
        database.upgrade()
        database.checkpoint_wal()
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    ids: dict[str, int] = {}
    started = time.perf_counter()
    for start in range(0, len(files), importer.DAYS_AT_ONCE):
        readings: dict[tuple[int, int], tuple[int, ...]] = {}
        placements: list[tuple[int, ...]] = []
        for file in files[start : start + importer.DAYS_AT_ONCE]:
            _read(file, ids, readings, placements)
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT OR IGNORE INTO reading (repository_id, slot, stars, forks, open_issues)"
            " VALUES (?, ?, ?, ?, ?)",
            [readings[key] for key in sorted(readings)],
        )
        connection.executemany(
            "INSERT OR IGNORE INTO placement VALUES (?, ?, ?, ?, ?, ?, ?, ?)", sorted(placements)
        )
        connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return time.perf_counter() - started


LIST_IDS = {slug: number for number, slug in enumerate(lists.KNOWN, 1)}


def _read(
    file: Path,
    ids: dict[str, int],
    readings: dict[tuple[int, int], tuple[int, ...]],
    placements: list[tuple[int, ...]],
) -> None:
    day = datetime.fromisoformat(file.name[15:25]).replace(tzinfo=UTC)
    slot = int(day.timestamp())
    with open(file, newline="", encoding="utf-8") as text:
        rows = csv.reader(text)
        next(rows)
        for rank, item, name, stars, forks, _, _, owner, issues, _, _ in rows:
            list_id = LIST_IDS[item.lower().removeprefix(PREFIX)]
            number = ids.setdefault(f"{owner}/{name}".lower(), len(ids) + 1)
            counts = (int(stars), int(forks), int(issues))
            readings[number, slot] = (number, slot, *counts)
            placements.append((list_id, slot, int(rank), number, *counts, 0))


def through_rq(archive: Path, path: Path, var: Path) -> tuple[float, float]:
    """`flask --app app import-history` with two workers: seconds, and megabytes of a job."""
    url = f"sqlite:///{path}"
    with Database(url) as database:
        database.upgrade()
    with embedded.embedded_valkey(var) as redis_url:
        ours = {"DATABASE_URL": url, "REDIS_URL": redis_url, "LOG_LEVEL": "warning"}
        environment = os.environ | ours
        worker = [sys.executable, "worker.py"]
        workers = [subprocess.Popen(worker, cwd=ROOT, env=environment) for _ in range(2)]
        try:
            time.sleep(3)  # the workers' own start is not the import's
            started = time.perf_counter()
            importing = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "app", "import-history", str(archive)],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            memory = 0.0
            while importing.poll() is None:
                jobs = (pid for it in workers for pid in with_descendants(it.pid)[1:])
                memory = max(memory, *map(anonymous, jobs), 0.0)
                time.sleep(0.5)
            seconds = time.perf_counter() - started
        finally:
            for it in workers:
                it.terminate()
                it.wait()
    assert importing.stdout is not None
    said = importing.stdout.read()
    assert importing.returncode == 0 and LAST_LINE.search(said), said
    return seconds, memory


def anonymous(pid: int) -> float:
    """Megabytes of memory of a process, without files that it has mapped."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1000
    return 0.0
