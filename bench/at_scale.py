"""Seven years of history: what the import takes, and what aggregation and reads take with it.

Against the best script we know for the same rows: csv and sqlite3's executemany into the same two
tables, 25 days a transaction, sorted by key. Times are of one run on one machine: read the ratios.
"""

import argparse
import csv
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import click
import httpx

from app import create_app
from bench import serving
from core import clock, lists
from core.clock import DAY
from github import polling
from github.client import GitHub
from history import importer
from history.archive import COLUMNS, FILE, PREFIX
from local import embedded
from local.demo import OpenGate
from local.fake_github import api, limits, worlds
from settings import Settings
from store import builds
from store.database import Database, connect
from store.imports import end_import

ROOT = Path(__file__).parents[1]
DAYS = 2522  # as many as the archive had in August 2026
DISTINCT = 50  # made-up days, repeated
FIRST = datetime(2018, 12, 18, tzinfo=UTC)
LAST_LINE = re.compile(r"([\d,]+) rows read .* ([\d,]+) stored")


def make_up(folder: Path) -> list[Path]:
    """Days of all 36 lists, as the archive has them."""
    folder.mkdir()
    world = worlds.MadeUpWorld(born=FIRST)
    with click.progressbar(range(DISTINCT), label="Making up an archive") as bar:
        return [_write_day(world, FIRST + number * DAY, folder) for number in bar]


def _write_day(world: worlds.MadeUpWorld, day: datetime, folder: Path) -> Path:
    path = folder / f"github-ranking-{day:%Y-%m-%d}.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for slug, ranked in lists.KNOWN.items():
            item = slug if ranked.language else f"{PREFIX}{slug}"
            for rank, it in enumerate(world.search(ranked, 0, day)[: lists.SIZE], 1):
                owner, _, name = it.full_name.partition("/")
                url = f"https://github.com/{it.full_name}"
                counts = (it.stars, it.forks)
                pushed_at = clock.rfc3339(it.pushed_at)
                about = (it.language, url, owner, it.open_issues, pushed_at, it.description)
                writer.writerow((rank, item, name, *counts, *about))
    return path


def repeat(days: list[Path], number: int, folder: Path) -> Path:
    """So many days, each a link to one of those there are."""
    folder.mkdir()
    for day in range(number):
        source = days[day % len(days)]
        (folder / f"github-ranking-{FIRST + day * DAY:%Y-%m-%d}.csv").symlink_to(source)
    return folder


def script(folder: Path, path: Path) -> tuple[int, float]:
    """The best single process we know; gives rows and seconds."""
    with Database(f"sqlite:///{path}") as database:
        database.upgrade()
        database.checkpoint_wal()
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -64000"):
        connection.execute(f"PRAGMA {pragma}")
    files = sorted(folder.iterdir())
    ids: dict[str, int] = {}
    list_ids = {slug: number for number, slug in enumerate(lists.KNOWN, 1)}
    total, started = 0, time.perf_counter()
    for start in range(0, len(files), importer.DAYS_AT_ONCE):
        readings, placements = {}, []
        for file in files[start : start + importer.DAYS_AT_ONCE]:
            day = datetime.fromisoformat(file.name[15:25]).replace(tzinfo=UTC)
            slot = int(day.timestamp())
            with open(file, newline="", encoding="utf-8") as text:
                rows = csv.reader(text)
                next(rows)
                for rank, item, name, stars, forks, _, _, owner, issues, _, _ in rows:
                    list_id = list_ids[item.lower().removeprefix(PREFIX)]
                    key = f"{owner}/{name}".lower()
                    number = ids.setdefault(key, len(ids) + 1)
                    counts = (int(stars), int(forks), int(issues))
                    readings[number, slot] = (number, slot, *counts)
                    placements.append((list_id, slot, int(rank), number, *counts, 0))
                    total += 1
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
    return total, time.perf_counter() - started


def through_rq(folder: Path, path: Path, var: Path) -> tuple[int, float, list[float], float]:
    """`flask --app app import-history` with two workers: rows, seconds, the rows a second of each
    quarter, and the most megabytes that a worker's child took."""
    url = f"sqlite:///{path}"
    with Database(url) as database:
        database.upgrade()
    with embedded.embedded_valkey(var) as redis_url:
        environment = os.environ | {
            "DATABASE_URL": url,
            "REDIS_URL": redis_url,
            "LOG_LEVEL": "warning",
        }
        workers = [
            subprocess.Popen([sys.executable, "worker.py"], cwd=ROOT, env=environment)
            for _ in range(2)
        ]
        try:
            time.sleep(3)  # the workers' own start is not the import's
            started = time.perf_counter()
            importing = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "app", "import-history", str(folder)],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            marks, memory = [], 0.0
            while importing.poll() is None:
                marks.append((time.perf_counter(), _days_imported(path)))
                memory = max(memory, *map(_children_memory, workers))
                time.sleep(1)
            seconds = time.perf_counter() - started
        finally:
            for worker in workers:
                worker.terminate()
                worker.wait()
    assert importing.stdout is not None
    said = importing.stdout.read()
    found = LAST_LINE.search(said)
    assert importing.returncode == 0 and found is not None, said
    rows = int(found[1].replace(",", ""))
    return rows, seconds, _quarters(marks, rows), memory


def _days_imported(path: Path) -> int:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM poll").fetchone()[0])
    finally:
        connection.close()


def _quarters(marks: list[tuple[float, int]], rows: int) -> list[float]:
    """Rows a second in each quarter of the import."""
    polls = marks[-1][1]
    moments = [next(at for at, n in marks if n >= polls * k / 4) for k in range(5)]
    return [rows / 4 / (end - start) for start, end in zip(moments, moments[1:], strict=False)]


def _children_memory(worker: "subprocess.Popen[bytes]") -> float:
    table = subprocess.run(
        ["ps", "--ppid", str(worker.pid), "-o", "rss="], capture_output=True, text=True
    ).stdout
    return max((int(line) / 1000 for line in table.split()), default=0.0)


def with_live_polls(path: Path, now: datetime) -> Settings:
    """Let all lists be polled now, so that there is something to aggregate."""
    settings = Settings(
        database_url=f"sqlite:///{path}", github_api_url="http://github.test", log_level="error"
    )
    unlimited = limits.Quota(10**9, 10**9, clock.HOUR)
    github = api.create_fake_github(
        worlds.MadeUpWorld(born=FIRST),
        clock=lambda: now,
        limits={"search": unlimited, "core": unlimited},
    )
    with (
        connect(settings) as database,
        GitHub(settings, OpenGate(), httpx.WSGITransport(github)) as client,
    ):
        slot = clock.floor(now, settings.poll_every)
        for ranked in settings.lists:
            polling.poll_list(database, client, ranked, slot, settings.poll_every, lambda: now)
    return settings


def times(work: Callable[[], Any], number: int) -> float:
    """The median of some runs after a first, in milliseconds."""
    work()
    taken = []
    for _ in range(number):
        started = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - started))
    return median(taken)


def reads(path: Path, days: int) -> dict[str, float]:
    """Milliseconds of one aggregation and of the reads that grow with history."""
    now = FIRST + days * DAY + timedelta(hours=1)
    settings = with_live_polls(path, now)
    client = create_app(settings).test_client()
    name = worlds.MadeUpWorld(born=FIRST).search(lists.KNOWN["stars"], 0, now)[0].full_name
    at, whole = clock.rfc3339(now - DAY), clock.rfc3339(now)
    recent = clock.rfc3339(now - 90 * DAY)

    def get(url: str) -> Callable[[], Any]:
        assert client.get(url).status_code == 200, url
        return lambda: client.get(url)

    with connect(settings) as database:
        moments = (now + timedelta(seconds=n) for n in range(1, 100))
        return {
            "aggregation": times(
                lambda: builds.aggregate_lists(database, settings, next(moments)), 7
            ),
            "history, all of it": times(get(f"/api/v1/repos/{name}/history?to={whole}"), 30),
            "history, last 90 days": times(
                get(f"/api/v1/repos/{name}/history?step=1d&from={recent}&to={whole}"), 30
            ),
            "?at= a day ago": times(get(f"/api/v1/lists/stars?at={at}"), 30),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--archive", type=Path, help="days to repeat; without it they are made up")
    parser.add_argument("--days", type=int, default=DAYS, help=f"default: {DAYS}")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="starboard-bench-"))
    try:
        _measure(folder, arguments.archive, arguments.days)
    finally:
        shutil.rmtree(folder)


def _measure(folder: Path, archive: Path | None, number: int) -> None:
    days = sorted(_days(archive)) if archive else make_up(folder / "days")
    everything = repeat(days, number, folder / "archive")
    raw = sum(path.stat().st_size for path in everything.iterdir())
    rows, alone = script(everything, folder / "script.db")
    print(f"the script: {rows:,} rows in {alone:.0f} s, {rows / alone:,.0f} a second")
    (folder / "script.db").unlink()
    rows, seconds, quarters, memory = through_rq(everything, folder / "all.db", folder / "var")
    print(
        f"import-history, 2 workers: {rows:,} rows in {seconds:.0f} s, {rows / seconds:,.0f} a"
        f" second: {alone / seconds:.2f} times as fast"
    )
    by_quarter = ", ".join(f"{it:,.0f}" for it in quarters)
    print(f"  rows a second by quarter: {by_quarter}; at most {memory:.0f} MB a job")
    with Database(f"sqlite:///{folder}/all.db") as database:
        database.checkpoint_wal()
        with database.read() as session:
            readings = session.connection().exec_driver_sql("SELECT count(*) FROM reading").scalar()
    size = (folder / "all.db").stat().st_size
    assert readings
    print(f"  {size / 1e6:.0f} MB, {size / raw:.2f} times the CSV's {raw / 1e6:.0f} MB;")
    print(f"  {size / readings:.0f} bytes a reading with its placements,")
    print(f"  {size / number * 365 / 1e6:.0f} MB a year of days")
    few = max(25, number // 100)
    with Database(f"sqlite:///{folder}/few.db") as database:
        database.upgrade()
        chosen = sorted(everything.iterdir())
        spread = {*range(-few + 10, 0), *range(-35, -30), *range(-370, -365)}  # all windows' starts
        importer.import_files(database, [chosen[it] for it in sorted(spread)], lists.KNOWN)
        with database.write() as session:
            end_import(session)
    one, all_ = reads(folder / "few.db", number), reads(folder / "all.db", number)
    for what, taken in all_.items():
        print(
            f"{what}: {taken:.1f} ms with {number} days behind it, {one[what]:.1f} ms with {few}:"
            f" {taken / one[what]:.2f} times"
        )
    with embedded.embedded_valkey(folder / "var") as redis_url:
        serving.measure(f"sqlite:///{folder}/all.db", redis_url)


def _days(archive: Path) -> Iterator[Path]:
    return (it.absolute() for it in archive.rglob("*.csv") if FILE.fullmatch(it.name))


if __name__ == "__main__":
    main()
