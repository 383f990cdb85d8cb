"""A whole archive, imported and polled live, against an independent computation from its files:
leaderboards of any moment, histories and movers, before and after thinning, and events."""

import csv
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, TypeVar

import httpx
import pytest
from flask.testing import FlaskClient
from sqlalchemy import create_engine, make_url

import app as web
from core import clock, lists
from github import polling
from github.client import GitHub
from history import importer, thinning
from local.demo import OpenGate
from local.fake_github import api, limits
from local.fake_github.archive_world import ArchiveWorld
from settings import Settings
from store import builds
from store.database import Database, connect
from store.imports import end_import
from tests.support.simulation import Simulation

pytestmark = pytest.mark.both

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOURS = {"1h": 1, "24h": 24, "7d": 168, "30d": 720, "365d": 8760}
SLUGS = ("stars", "forks", "python")
FILES_AT_ONCE = 7

Value = TypeVar("Value")


# What it should be, computed from the files alone.


class Row(NamedTuple):
    name: str  # in lower case: who it is
    full_name: str
    stars: int
    forks: int
    issues: int | None
    language: str

    def count(self, slug: str) -> int:
        return self.forks if slug == "forks" else self.stars


Files = dict[date, dict[str, list[Row]]]  # day → slug → rows, in the order of the file


def read(folder: Path) -> Files:
    files: Files = {}
    for path in sorted(folder.glob("github-ranking-*.csv")):
        day: dict[str, list[Row]] = defaultdict(list)
        with open(path, newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                name = f"{row['username']}/{row['repo_name']}"
                stars, forks, issues = (int(row[it]) for it in ("stars", "forks", "issues"))
                slug = row["item"].lower().removeprefix("top-100-")
                day[slug].append(Row(name.lower(), name, stars, forks, issues, row["language"]))
        files[date.fromisoformat(path.stem[-10:])] = {it: day[it] for it in in_order(day)}
    return files


def in_order(slugs: Iterable[str]) -> list[str]:
    """The order that settles ties: `stars`, `forks`, then slugs in order."""
    return sorted(slugs, key=lambda slug: (slug != "stars", slug != "forks", slug))


def ranking(rows: Iterable[Row], slug: str) -> list[Row]:
    once: dict[str, Row] = {}
    for row in rows:
        once.setdefault(row.name, row)
    return sorted(once.values(), key=lambda row: -row.count(slug))[:100]


def latest(known: dict[datetime, Value], moment: datetime) -> tuple[datetime, Value] | None:
    slot = max((slot for slot in known if slot <= moment), default=None)
    return None if slot is None else (slot, known[slot])


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def down(moment: datetime, step: timedelta) -> datetime:
    return moment - (moment - datetime.min.replace(tzinfo=UTC)) % step


def up(moment: datetime, step: timedelta) -> datetime:
    return down(moment - timedelta(seconds=1), step) + step


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def milestones(before: int, now: int) -> list[int]:
    steps = [*range(10_000, 100_000, 10_000), *range(100_000, 1_000_000, 50_000)]
    return [stars for stars in steps if before < stars <= now]


class Past:
    """What is known after days were imported and polls came in."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.lists: dict[str, dict[datetime, list[Row]]] = defaultdict(dict)
        self.readings: dict[str, dict[datetime, Row]] = defaultdict(dict)
        self.names: dict[str, tuple[datetime, str]] = {}  # as it was spelled last
        self.good: dict[str, list[Row]] = {}  # each list as its last good live poll had it
        self.doubted: dict[str, list[set[str]]] = defaultdict(list)  # in the polls since then
        self.gone = self.restored = 0  # of those that vanished
        self.told: set[tuple[str, int]] = set()
        self.events: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def take_in(self, day: date) -> None:
        for slug, rows in self.files[day].items():
            ranked = ranking(rows, slug)
            if day >= date(2021, 8, 20):  # not counted as GitHub does
                ranked = [row._replace(issues=None) for row in ranked]
            self._store(slug, midnight(day), ranked, settled=True)

    def poll(self, slug: str, slot: datetime, day: date, *, settled: bool = True) -> None:
        """`settled`: all polls of a slot are of one moment; else the later one's counts win."""
        before, now = self.good.get(slug), self._believed(slug, self.files[day])
        if now is None:
            return
        if before is not None:
            self.events[slug] += self._changes(slug, slot, before, now)
        self.good[slug] = now
        self._store(slug, slot, now, settled)

    def _store(self, slug: str, slot: datetime, rows: list[Row], settled: bool) -> None:
        self.lists[slug][slot] = rows
        for row in rows:
            if not settled:
                self.readings[row.name][slot] = row
            self.readings[row.name].setdefault(slot, row)
            if row.name not in self.names or self.names[row.name][0] <= slot:
                self.names[row.name] = (slot, row.full_name)

    def _believed(self, slug: str, day: dict[str, list[Row]]) -> list[Row] | None:
        """The list by the rules against phantom exits; None where it is suspect."""
        page = day[slug][:100]
        here = {row.name for row in page}
        needed = min(row.count(slug) for row in page) if len(page) == 100 else -1
        before = self.good.get(slug, [])
        missing = [it for it in before if it.name not in here and it.count(slug) > needed]
        doubted = self.doubted[slug]
        if doubted[-2:] == [here, here]:
            missing = []
        if len(missing) > 5:
            doubted.append(here)
            return None
        doubted.clear()
        everywhere = [row for rows in day.values() for row in rows]
        asked = [next((it for it in everywhere if it.name == row.name), None) for row in missing]
        restored = [it for it in asked if it and it.count(slug) > needed and self._is_of(slug, it)]
        self.gone += len(missing) - len(restored)
        self.restored += len(restored)
        return ranking([*page, *restored], slug)

    @staticmethod
    def _is_of(slug: str, row: Row) -> bool:
        language = lists.KNOWN[slug].language
        return language is None or language.lower() == row.language.lower()

    def _changes(
        self, slug: str, slot: datetime, before: list[Row], now: list[Row]
    ) -> Iterator[dict[str, Any]]:
        def event(kind: str, row: Row, **detail: Any) -> dict[str, Any]:
            return {"at": text(slot), "kind": kind, "name": row.name, "detail": detail}

        then = {row.name: (rank, row) for rank, row in enumerate(before, 1)}
        here = {row.name: (rank, row) for rank, row in enumerate(now, 1)}
        for name in here.keys() - then.keys():
            yield event("entered", here[name][1], rank=here[name][0])
        for name in then.keys() - here.keys():
            yield event("left", then[name][1], rank=then[name][0])
        top = [row for row in now[:20] if row.name in {it.name for it in before[:20]}]
        for one in top:
            for other in top:
                behind = then[one.name][1].count(slug) <= then[other.name][1].count(slug)
                if behind and one.count(slug) > other.count(slug):
                    rank = here[one.name][0]
                    yield event("overtook", one, rank=rank, overtaken=other.full_name)
        for name in here.keys() & then.keys():
            row = here[name][1]
            most = max(it.stars for at, it in self.readings[name].items() if at < slot)
            for stars in milestones(then[name][1].stars, row.stars):
                if most < stars and (name, stars) not in self.told:
                    self.told.add((name, stars))
                    yield event("milestone", row, stars=stars)

    def thinned(self) -> "Past":
        """What is left once all is older than 90 days: of each day (d−1, d] the last."""

        def thin(known: dict[datetime, Value]) -> dict[datetime, Value]:
            days = {up(slot, DAY): slot for slot in sorted(known)}
            return {slot: known[slot] for slot in days.values()}

        left = Past(self.files)
        left.names = self.names
        left.lists |= {slug: thin(known) for slug, known in self.lists.items()}
        left.readings |= {name: thin(known) for name, known in self.readings.items()}
        return left

    # As the API gives it

    def board(self, slug: str, at: datetime) -> dict[str, Any] | None:
        known = latest(self.lists[slug], at)
        if known is None:
            return None
        slot, rows = known
        items = [
            {
                "rank": rank,
                "full_name": self.names[row.name][1],
                "stars": row.stars,
                "forks": row.forks,
                "open_issues": row.issues,
                "gains": {it: self.gain(slug, slot, rank, row, it) for it in HOURS},
            }
            for rank, row in enumerate(rows, 1)
        ]
        return {"as_of": text(slot), "items": items}

    def gain(
        self, slug: str, slot: datetime, rank: int, row: Row, window: str
    ) -> dict[str, Any] | None:
        length = HOURS[window] * HOUR
        step = {"7d": HOUR, "30d": HOUR, "365d": DAY}.get(window, timedelta(seconds=1))
        start = down(slot - length, step)
        known = latest(self.readings[row.name], start)
        if known is None or known[0] < start - min(length / 4, 7 * DAY):
            return None
        since, then = known
        listed = latest(self.lists[slug], since)
        ranks = {it.name: rank for rank, it in enumerate(listed[1], 1)} if listed else {}
        return {
            "stars": row.stars - then.stars,
            "forks": row.forks - then.forks,
            "rank": ranks[row.name] - rank if row.name in ranks else None,
            "since": text(since),
            "source": "reading",
        }

    def movers(self, slug: str, window: str) -> dict[str, Any]:
        board = self.board(slug, max(self.lists[slug]))
        assert board is not None
        items = [
            {
                **{name: item[name] for name in ("full_name", "rank", "stars", "forks")},
                "gain": gain["forks" if slug == "forks" else "stars"],
                "percent": _percent(item, gain, "forks" if slug == "forks" else "stars"),
                "rank_gain": gain["rank"],
                "since": gain["since"],
                "source": "reading",
            }
            for item in board["items"]
            if (gain := item["gains"][window])
        ]
        items.sort(key=lambda it: (-it["gain"], it["rank"]))
        return {"as_of": board["as_of"], "items": items}

    def changes(self, slug: str, window: str) -> dict[str, Any]:
        """The newest list against the one at the window's start, of which the files may tell."""
        board = self.board(slug, max(self.lists[slug]))
        assert board is not None
        as_of, length = max(self.lists[slug]), HOURS[window] * HOUR
        step = {"7d": HOUR, "30d": HOUR, "365d": DAY}.get(window, timedelta(seconds=1))
        start = down(as_of - length, step)
        known = latest(self.lists[slug], start)
        if known is None or known[0] < start - min(length / 4, 7 * DAY):
            first = min(slot for slot in self.lists[slug] if slot > start)
            return {"since": None, "known_since": text(first), "entered": None, "left": None}
        since, then = known
        names = {row.name for row in then}
        columns = ("full_name", "rank", "stars", "forks", "gains")
        here = {item["full_name"].lower() for item in board["items"]}
        now = {it: ranked[max(ranked)] for it, ranked in self.lists.items()}
        return {
            "since": text(since),
            "known_since": text(since),
            "entered": [
                {it: item[it] for it in columns}
                for item in board["items"]
                if item["full_name"].lower() not in names
            ],
            "left": [
                {
                    "full_name": self.names[row.name][1],
                    "rank_then": rank,
                    "count_then": row.count(slug),
                    "ranks": [
                        {"list": it, "rank": place}
                        for it in lists.KNOWN
                        for place, other in enumerate(now.get(it, ()), 1)
                        if other.name == row.name
                    ],
                }
                for rank, row in enumerate(then, 1)
                if row.name not in here
            ],
        }

    def history(self, name: str, start: datetime | None, end: datetime) -> list[dict[str, Any]]:
        known = self.readings[name]
        last = {up(slot, DAY): slot for slot in sorted(known) if slot < end}.values()
        return [
            {
                "at": text(slot),
                "stars": known[slot].stars,
                "forks": known[slot].forks,
                "open_issues": known[slot].issues,
                "source": "reading",
            }
            for slot in last
            if start is None or start <= slot
        ]


def _percent(item: dict[str, Any], gain: dict[str, Any], count: str) -> float | None:
    before = item[count] - gain[count]
    return round(100 * gain[count] / before, 2) if before else None


# What it is, asked of an installation before and after thinning


@dataclass
class Installation:
    """One with the archive in it. The newest two days came live, the rest was imported."""

    past: Past
    live: list[datetime]
    answers: dict[bool, dict[str, Any]]  # by whether it was thinned; path → what came

    def known(self, thinned: bool) -> Past:
        return self.past.thinned() if thinned else self.past

    @property
    def slugs(self) -> list[str]:
        return [slug for slug in (*SLUGS, "cpp") if slug in self.past.lists]

    @property
    def days(self) -> list[date]:
        """With those that have no file, and one more at either end."""
        first, last = min(self.past.files) - DAY, max(self.past.files) + DAY
        return [first + number * DAY for number in range((last - first).days + 1)]

    def boards(self) -> dict[str, tuple[str, datetime]]:
        moments = {midnight(day) for day in self.days}
        moments |= {midnight(day) + 12 * HOUR for day in self.days[::4]}
        moments |= {slot + it for slot in self.live for it in (0 * HOUR, -HOUR / 60)}
        return {
            f"/api/v1/lists/{slug}?at={text(at)}": (slug, at)
            for slug in self.slugs
            for at in moments
        }

    def histories(self) -> dict[str, tuple[str, datetime | None, datetime]]:
        """Of many, over all there is, over parts of it, and from and to odd moments."""
        days = [midnight(day) for day in self.days]
        inner, odd = (days[9], days[-9]), (days[5] + 7 * HOUR, days[-2] + 14 * HOUR)
        found = dict[str, tuple[str, datetime | None, datetime]]()
        for name in islice(sorted(self.past.readings), 0, None, 25):
            path = f"/api/v1/repos/{self.past.names[name][1]}/history?step=1d"
            found[path] = (name, None, datetime.max.replace(tzinfo=UTC))
            for start, end in (inner, odd, (days[-4], days[-2])):
                found[f"{path}&from={text(start)}&to={text(end)}"] = (name, start, end)
        return found

    def all_movers(self) -> dict[str, tuple[str, str]]:
        return {
            f"/api/v1/lists/{slug}/movers?window={window}": (slug, window)
            for slug in self.slugs
            for window in HOURS
        }

    def all_changes(self) -> dict[str, tuple[str, str]]:
        return {
            path.replace("movers", "changes"): asked for path, asked in self.all_movers().items()
        }

    def ask(self, client: FlaskClient) -> dict[str, Any]:
        paths = (*self.boards(), *self.histories(), *self.all_movers(), *self.all_changes())
        answers = {path: client.get(path) for path in paths}
        return {
            path: response.json if response.status_code == 200 else response.status_code
            for path, response in answers.items()
        }


@pytest.fixture(scope="module")
def new_database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Names a database that lasts longer than a test."""

    def make(name: str) -> str:
        if not request.config.getoption("--postgres"):
            return f"sqlite:///{tmp_path_factory.mktemp(name)}/starboard.db"
        url = make_url(request.getfixturevalue("postgres_url"))
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return url.set(database=name).render_as_string(hide_password=False)

    return make


@pytest.fixture(scope="module")
def installation(archive: Path, new_database_url: Callable[[str], str]) -> Installation:
    files = read(archive)
    slugs = next(iter(files.values()))
    settings = Settings(
        database_url=new_database_url("imported"),
        redis_url="redis://127.0.0.1:1/0",  # nobody listens there
        github_api_url="http://github.test",
        lists=tuple(ranked for ranked in lists.KNOWN.values() if ranked.slug in slugs),
        log_level="error",
    )
    *imported, before, newest = files
    live = [midnight(before) + timedelta(minutes=it) for it in (0, 10, 380, 830)]
    live += [midnight(newest) + timedelta(minutes=it) for it in (0, 30, 180, 1380)]
    # All lists have a poll on both days; for the rest some will do.
    polled = {slot: list(slugs) if slot == down(slot, DAY) else list(SLUGS) for slot in live}
    past = Past(files)
    for day in imported:
        past.take_in(day)
    for slot, chosen in polled.items():
        for slug in chosen:
            past.poll(slug, slot, slot.date())

    paths = sorted(archive.iterdir())
    Random(1).shuffle(paths)
    half = len(paths) // 2
    with connect(settings) as database, serving(settings) as client:
        database.upgrade()
        # The newest two files come last: their days have live polls, which win.
        held_back = {path for path in paths if path.stem[-10:] >= str(before)}
        import_all(database, settings, [it for it in paths[:half] if it not in held_back])
        poll_all(database, settings, archive, polled)
        import_all(database, settings, [*paths[half:], *held_back])
        found = Installation(past, live, {})
        builds.aggregate_lists(database, settings, live[-1] + HOUR)
        found.answers[False] = found.ask(client)
        later = live[-1] + 100 * DAY
        assert thinning.thin(database, later)["readings"] > 0
        builds.aggregate_lists(database, settings, later)
        found.answers[True] = found.ask(client)
    return found


@contextmanager
def serving(settings: Settings) -> Iterator[FlaskClient]:
    handlers = list(logging.root.handlers)
    app = web.create_app(settings)
    try:
        yield app.test_client()
    finally:
        app.extensions["database"].dispose()
        app.extensions["redis"].close()
        logging.root.handlers[:] = handlers


def import_all(database: Database, settings: Settings, paths: list[Path]) -> None:
    for start in range(0, len(paths), FILES_AT_ONCE):
        batch = paths[start : start + FILES_AT_ONCE]
        tally = importer.import_files(database, batch, settings.slugs)
        assert tally.bad == []
        others = len(tally.repeats) + len(tally.rejected)
        assert tally.read == tally.stored + tally.already + others
    with database.write() as session:
        end_import(session)


def poll_all(
    database: Database, settings: Settings, archive: Path, polled: dict[datetime, list[str]]
) -> None:
    """Poll lists (slot → slugs), those of a slot all at one moment."""
    moment = min(polled)

    def now() -> datetime:
        return moment

    unlimited = limits.Quota(10**9, 10**9, DAY)
    github = api.create_fake_github(
        ArchiveWorld(archive, datetime.date),
        clock=now,
        limits={"search": unlimited, "core": unlimited},
    )
    with GitHub(settings, OpenGate(), httpx.WSGITransport(github)) as client:
        for moment, slugs in polled.items():
            for ranked in map(settings.ranked, slugs):
                polling.poll_list(database, client, ranked, moment, settings.poll_every, now)


def shown(board: Any) -> Any:
    """Of a leaderboard what the files say something about that is not of their newest day."""
    if not isinstance(board, dict):
        return None if board == 404 else board
    facts = ("rank", "full_name", "stars", "forks", "open_issues", "gains")
    items = [{name: item[name] for name in facts} for item in board["items"]]
    return {"as_of": board["as_of"], "items": items}


@pytest.mark.parametrize("thinned", [False, True], ids=["whole", "thinned"])
def test_a_list_at_any_moment_is_its_latest_day_with_the_gains_that_the_files_give(
    installation: Installation, thinned: bool
) -> None:
    past, answers = installation.known(thinned), installation.answers[thinned]
    boards = installation.boards()

    gains = 0
    for path, (slug, at) in boards.items():
        board = shown(answers[path])
        assert board == past.board(slug, at), path
        gains += sum(it["gains"]["30d"] is not None for it in board["items"]) if board else 0

    assert {answers[path] for path, (_, at) in boards.items() if answers[path] == 404} == {404}
    assert gains > 1_000


@pytest.mark.parametrize("thinned", [False, True], ids=["whole", "thinned"])
def test_a_history_by_day_is_the_last_reading_of_each_day_in_the_files(
    installation: Installation, thinned: bool
) -> None:
    past, answers = installation.known(thinned), installation.answers[thinned]

    for path, (name, start, end) in installation.histories().items():
        assert answers[path]["points"] == past.history(name, start, end), path


@pytest.mark.parametrize("thinned", [False, True], ids=["whole", "thinned"])
def test_movers_of_every_window_are_those_that_the_files_give(
    installation: Installation, thinned: bool
) -> None:
    past, answers = installation.known(thinned), installation.answers[thinned]

    for path, (slug, window) in installation.all_movers().items():
        movers = {name: answers[path][name] for name in ("as_of", "items")}
        assert movers == past.movers(slug, window), path


@pytest.mark.parametrize("thinned", [False, True], ids=["whole", "thinned"])
def test_changes_over_every_window_are_those_that_the_files_give(
    installation: Installation, thinned: bool
) -> None:
    past, answers = installation.known(thinned), installation.answers[thinned]

    told = {"entered": 0, "left": 0, None: 0}
    for path, (slug, window) in installation.all_changes().items():
        expected = past.changes(slug, window)
        found = {name: answers[path][name] for name in expected}
        assert found == expected, path
        for kind in ("entered", "left"):
            told[kind if found[kind] is not None else None] += len(found[kind] or [None])

    assert min(told.values()) > 10


def test_thinning_changes_no_history_by_day_and_no_list_of_a_midnight(
    installation: Installation,
) -> None:
    """But for gains over an hour, whose baselines it takes away."""
    whole, thinned = installation.answers[False], installation.answers[True]

    for path, (_, _, end) in installation.histories().items():
        # Of a day that the end cuts the last reading before it is told, which thinning takes away.
        one, other = (
            [point for point in answers[path]["points"] if up(clock.parse(point["at"]), DAY) < end]
            for answers in (whole, thinned)
        )
        assert one == other
    for path, (_, at) in installation.boards().items():
        if at == down(at, DAY) and at <= midnight(max(installation.past.files)):
            one, other = shown(whole[path]), shown(thinned[path])
            for item in [*one["items"], *other["items"]] if one else []:
                del item["gains"]["1h"]
            assert one == other, path


def test_events_of_a_replayed_archive_are_those_that_its_consecutive_days_give(
    archive: Path, new_database_url: Callable[[str], str]
) -> None:
    past = replay(archive, new_database_url("replayed"))

    for slug in SLUGS:
        assert len(past.lists[slug]) == len(past.files)
        assert {it["kind"] for it in past.events[slug]} >= {"overtook", "milestone"}


def test_repositories_that_searches_leave_out_are_asked_for_or_make_the_poll_suspect(
    archive: Path, new_database_url: Callable[[str], str], tmp_path: Path
) -> None:
    """Lists and events are still those of the files, by the rules against phantom exits."""
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for number, file in enumerate(sorted(archive.glob("*.csv"))[-10:]):
        omit_some(file, damaged / file.name, few=number == 2, many=number in (4, 6, 7, 8))

    past = replay(damaged, new_database_url("damaged"))

    assert past.restored > 0 and past.gone > 0
    assert len(past.lists["forks"]) == len(past.lists["python"]) == 10
    assert len(past.lists["stars"]) in (7, 6)  # by whether the third in a row agrees


def omit_some(file: Path, to: Path, *, few: bool, many: bool) -> None:
    """Copy a day without some of the list `stars`: one that is on another list, too, and one that
    is not; or many."""
    with open(file, newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    stars, others = (
        [row["repo_url"] for row in rows if (row["item"] == "top-100-stars") is it]
        for it in (True, False)
    )
    twice = [url for url in stars if url in others]
    once = [url for url in stars if url not in others]
    omitted = {*twice[:1], *once[:1]} if few else {*stars[10:18]} if many else set()
    with open(to, "w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, rows[0])
        writer.writeheader()
        for row in rows:
            if row["item"] != "top-100-stars" or row["repo_url"] not in omitted:
                writer.writerow(row)


def replay(folder: Path, database_url: str) -> Past:
    """Show each day for a slot, poll all lists, and hold what comes of it against the files."""
    files = read(folder)
    settings = Settings(
        database_url=database_url,
        redis_url="redis://127.0.0.1:1/0",  # nobody listens there
        github_api_url="http://github.test",
        github_token="any",  # asks for several of the vanished within a poll
        lists=tuple(lists.KNOWN[slug] for slug in SLUGS),
        log_level="error",
    )
    start = datetime(2025, 6, 1, tzinfo=UTC)
    slots = {start + number * settings.poll_every: day for number, day in enumerate(files)}
    past = Past(files)
    world = ArchiveWorld(folder, lambda at: slots[down(at, settings.poll_every)])
    with connect(settings) as database, serving(settings) as client:
        database.upgrade()
        simulation = Simulation(database, settings, world, start)
        for slot, day in slots.items():
            simulation.poll_all(slot)
            for slug in SLUGS:
                past.poll(slug, slot, day, settled=False)
        good = {slug: {slot for it, slot in simulation.stored if it == slug} for slug in SLUGS}
        assert good == {slug: set(past.lists[slug]) for slug in SLUGS}
        for slug in SLUGS:
            for slot in slots:
                board = client.get(f"/api/v1/lists/{slug}?at={text(slot)}").json
                assert shown(board) == past.board(slug, slot), (slug, slot)
        compare_events(client, past)
    return past


def compare_events(client: FlaskClient, past: Past) -> None:
    together = pages(client, None)
    for slug in SLUGS:
        expected = [
            {
                "at": it["at"],
                "list": slug,
                "kind": it["kind"],
                "full_name": past.names[it["name"]][1],
                "detail": it["detail"],
            }
            for it in past.events[slug]
        ]
        found = pages(client, slug)
        assert sorted(found, key=repr) == sorted(expected, key=repr)
        assert [it["at"] for it in found] == sorted(it["at"] for it in expected)
        assert found == [it for it in together if it["list"] == slug]
    assert {it["list"] for it in together} <= {*SLUGS}


def pages(client: FlaskClient, slug: str | None) -> list[dict[str, Any]]:
    """All events, page by page, without their cursors, which only grow."""
    items: list[dict[str, Any]] = []
    after, chosen = 0, f"&list={slug}" if slug else ""
    while True:
        answer: Any = client.get(f"/api/v1/events?after={after}{chosen}").json
        if not answer["items"]:
            break
        items += answer["items"]
        assert answer["next"] == items[-1]["cursor"] > after
        after = answer["next"]
    cursors = [item.pop("cursor") for item in items]
    assert cursors == sorted(set(cursors))
    return items
