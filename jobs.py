"""What RQ runs. A job fetches and stores, or loads, aggregates and publishes.

Jobs are short and may run twice, late, or after a crash: a slot's first good poll wins, and an
older build never replaces a newer one. Exceptions escape, so that RQ sees a failure and retries.
"""

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from redis import RedisError
from rq import Retry, get_current_job
from rq.job import Job
from sqlalchemy.exc import DBAPIError

import aggregates
import answers
import clock
import imports
import models
import store
import thinning
from answers import Place
from budget import Allowance, Resource, limit_of
from github import GitHub, GitHubError, Gone, NotYet, Repository
from imports import Tally
from lists import RankedList
from models import Database
from settings import Settings, from_environment

AGGREGATE_OFFSET = timedelta(seconds=30)  # lets the polls at the start of a slot be in time
PATIENCE: dict[Resource, timedelta] = {
    "search": timedelta(seconds=30),  # what a worker waits for its turn before it does other work
    "core": timedelta(seconds=5),
}
QUEUES = ("default", "low")  # polls and aggregation; imports and batches
MOST_POSTPONEMENTS = 20
MOST_IDENTIFIED = {False: 3, True: 300}  # a run, by whether there is a token: spare budget only
DONE_BEFORE = "done before"
COUNTS = "starboard:jobs"  # the hash in Redis that counts what came of jobs
NAMES = ("poll", "aggregate", "watch", "identify", "thin", "import")  # as they are logged, counted

log = structlog.get_logger("starboard")

Clock = Callable[[], datetime]


def poll(slug: str, slot: datetime) -> Retry | None:
    """Poll a list for a slot. Comes back later where the rate limit leaves no turn now."""
    settings = from_environment()
    ranked = next((it for it in settings.lists if it.slug == slug), None)
    with _logged("poll", list=slug, slot=clock.rfc3339(slot)) as result:
        if ranked is None:
            result["outcome"] = "not in LISTS any more"
            return None
        with models.connect(settings) as database:
            try:
                with GitHub(settings, SqlGate(database, settings)) as github:
                    result |= poll_list(database, github, ranked, slot, settings.poll_every)
            except NotYet as error:
                return _postponed(error, result)
            if result["outcome"] in (store.GOOD, DONE_BEFORE):
                _publish_first(database, settings, ranked)
    return None


def _postponed(error: NotYet, result: dict[str, Any]) -> Retry:
    wait = max(error.until - clock.now(), timedelta(seconds=1))
    result |= {"outcome": "postponed", "seconds": round(wait.total_seconds())}
    return Retry(max=MOST_POSTPONEMENTS, interval=round(wait.total_seconds()) + 1)


def aggregate() -> None:
    """Compute all documents from what is stored, and publish them."""
    settings = from_environment()
    with _logged("aggregate") as result, models.connect(settings) as database:
        result |= aggregate_lists(database, settings, clock.now())
        database.tidy()


def watch(name: str, slot: datetime) -> Retry | None:
    """Ask GitHub for a repository in WATCH, wherever it ranks."""
    settings = from_environment()
    with (
        _logged("watch", repository=name, slot=clock.rfc3339(slot)) as result,
        models.connect(settings) as database,
        GitHub(settings, SqlGate(database, settings)) as github,
    ):
        if name not in settings.watch:
            result["outcome"] = "not in WATCH any more"
            return None
        try:
            result |= watch_repository(database, github, name, slot, settings.poll_every)
        except NotYet as error:
            return _postponed(error, result)
    return None


def identify() -> None:
    """Ask GitHub, a few at a time, who imported repositories are that no list shows, and let
    histories follow renames."""
    settings = from_environment()
    with _logged("identify") as result, models.connect(settings) as database:
        with GitHub(settings, SqlGate(database, settings)) as github:
            result["asked"] = identify_some(database, github, settings)
        result["merged"] = 0
        while store.merge_next(database):
            result["merged"] += 1


def thin() -> None:
    """Thin out readings, polls and placements that have grown old."""
    with _logged("thin") as result, models.connect(from_environment()) as database:
        result |= thinning.thin(database, clock.now())
        database.tidy()


def import_files(paths: list[str]) -> Tally:
    """Import files of the archive that this machine has. They come to the worker by name."""
    settings = from_environment()
    gc.disable()  # a million small objects that all stay until the end
    try:
        with _logged("import", files=len(paths)) as result, models.connect(settings) as database:
            tally = imports.import_files(database, map(Path, paths), settings.slugs)
            result |= {"outcome": "imported", "rows": tally.read, "stored": tally.stored}
    finally:
        gc.enable()
    return tally


def poll_list(
    database: Database,
    github: GitHub,
    ranked: RankedList,
    slot: datetime,
    every: timedelta,
    now: Clock = clock.now,
) -> dict[str, Any]:
    """Fetch a list and store it for a slot, unless that is done or the slot is over.

    Gives what came of it, for the log. Raises GitHubError where GitHub gave nothing.
    """
    with database.read() as session:
        before = store.before_poll(session, ranked, slot)
    if before.done:
        return {"outcome": DONE_BEFORE}
    if now() >= slot + every:
        return _missed(database, ranked, slot, now())
    try:
        answer = github.search(ranked, answers.floor(before.last_good, ranked))
    except NotYet:
        raise
    except GitHubError as error:
        with database.write() as session:
            store.record_gap(session, ranked, slot, store.FAILED, now(), str(error))
        raise
    fetched_at = now()
    if fetched_at >= slot + every:
        return _missed(database, ranked, slot, fetched_at)
    found = answers.ranking(answer.repositories, ranked)
    if answers.believed(found, before.suspects):
        missing, doubt = [], None
    else:
        missing = answers.vanished(answer, before.last_good, ranked)
        doubt = answers.doubt(answer, missing)
    if doubt:
        missing = []
    places = _with_missing(github, found, missing, answers.threshold(answer, ranked), ranked)
    with database.write() as session:
        stored = store.store_poll(session, ranked, slot, fetched_at, places, doubt)
    outcome = (store.SUSPECT if doubt else store.GOOD) if stored else DONE_BEFORE
    return {"outcome": outcome, "rows": len(places)} | ({"why": doubt} if doubt else {})


def watch_repository(
    database: Database,
    github: GitHub,
    name: str,
    slot: datetime,
    every: timedelta,
    now: Clock = clock.now,
) -> dict[str, Any]:
    """Fetch a watched repository and store it for a slot, unless that is done or the slot is over.

    Gives what came of it, for the log. Raises GitHubError where GitHub gave nothing.
    """
    with database.read() as session:
        known = store.watched(session, name)
        etag = known.etag if known else None
        done = known is not None and known.error is None and known.fetched_at >= slot
    if done:
        return {"outcome": DONE_BEFORE}
    if now() >= slot + every:
        return {"outcome": store.MISSED}
    try:
        answer, etag = github.repository_unless(name, etag)
    except NotYet:
        raise
    except GitHubError as error:
        with database.write() as session:
            store.store_unwatchable(session, name, now(), str(error))
        raise
    if now() >= slot + every:
        return {"outcome": store.MISSED}
    with database.write() as session:
        store.store_watched(session, name, slot, now(), answer, etag)
    return {"outcome": store.GOOD, "changed": answer is not None}


def identify_some(
    database: Database, github: GitHub, settings: Settings, now: Clock = clock.now
) -> int:
    """Ask for some imported repositories, once the lists have shown whom they show."""
    most = MOST_IDENTIFIED[settings.github_token is not None]
    with database.read() as session:
        for ranked in settings.lists:
            _, good = store.first_and_last_good(session, ranked)
            if good is None:
                return 0
        unknown = store.unidentified(session, most)
    for asked, (repository_id, full_name) in enumerate(unknown):
        try:
            answer = github.repository(full_name)
        except Gone:
            answer = None
        except GitHubError as error:
            log.warning("not asked", repository=full_name, why=str(error))
            return asked
        with database.write() as session:
            store.identify(session, repository_id, answer, now())
    return len(unknown)


def _missed(database: Database, ranked: RankedList, slot: datetime, at: datetime) -> dict[str, Any]:
    """What GitHub says now belongs to a later slot."""
    with database.write() as session:
        why = "no poll succeeded within the slot"
        store.record_gap(session, ranked, slot, store.MISSED, at, why)
    return {"outcome": store.MISSED}


def _with_missing(
    github: GitHub,
    found: Sequence[Repository],
    missing: Sequence[answers.Known],
    needed: int,
    ranked: RankedList,
) -> list[Place]:
    """Ask for each repository that the search left out, and give it its place if it has one.
    One that cannot be asked keeps its place, unless that has gone on for too long."""
    restored, kept = [], []
    for known in missing:
        try:
            repository = github.repository(known.repository.full_name)
        except Gone:
            continue
        except GitHubError as error:
            log.warning("not asked", repository=known.repository.full_name, why=str(error))
            if known.kept_for < answers.AGREEING - 1:
                kept.append(known.repository)
            continue
        if repository.github_id == known.repository.github_id and answers.belongs(
            repository, ranked, needed
        ):
            restored.append(repository)
    return answers.places(found, restored, kept, ranked)


def aggregate_lists(database: Database, settings: Settings, now: datetime) -> dict[str, Any]:
    """Build the documents of all lists as of `now` and publish them, unless newer ones are out.

    Gives what came of it, for the log.
    """
    with database.read() as session:
        snapshots = [
            snapshot
            for ranked in settings.lists
            if (snapshot := store.snapshot(session, ranked)) is not None
        ]
        first = not store.is_published(session, "lists")
    if first and not snapshots:
        return {"outcome": "no good poll yet"}
    next_build_at = clock.next_tick(now, settings.aggregate_every, AGGREGATE_OFFSET)
    documents: dict[str, tuple[Mapping[str, Any], datetime | None]] = {}
    boards = {}
    for each in snapshots:
        slug = each.ranked.slug
        board = boards[slug] = aggregates.leaderboard(each, now, next_build_at)
        documents[f"lists/{slug}"] = (board, each.as_of)
        documents[f"languages/{slug}"] = (aggregates.languages(board), each.as_of)
        documents[f"owners/{slug}"] = (aggregates.owners(board), each.as_of)
        for window in aggregates.WINDOWS:
            movers = aggregates.movers(board, window.name, each.ranked.count)
            documents[f"movers/{slug}/{window.name}"] = (movers, each.as_of)
    newest = max((each.as_of for each in snapshots), default=None)
    documents["lists"] = (aggregates.list_index(settings.lists, boards), newest)
    with database.write() as session:
        published = store.publish(session, documents, snapshots, now, next_build_at)
    outcome = "published" if published else "a newer build is out"
    return {"outcome": outcome, "lists": len(snapshots), "documents": len(documents)}


def _publish_first(database: Database, settings: Settings, ranked: RankedList) -> None:
    """Let a list's first documents follow its first good poll at once."""
    with database.read() as session:
        published = store.is_published(session, f"lists/{ranked.slug}")
    if not published:
        with _logged("aggregate") as result:
            result |= aggregate_lists(database, settings, clock.now())


@dataclass(frozen=True, slots=True)
class SqlGate:
    """The budget of all workers, kept in SQL: a github.Gate."""

    database: Database
    settings: Settings
    now: Clock = clock.now
    sleep: Callable[[float], None] = time.sleep
    patience: Mapping[Resource, timedelta] | None = None

    def pass_one(self, resource: Resource) -> None:
        limit = limit_of(resource, self.settings.github_token is not None)
        patience = (self.patience or PATIENCE)[resource]
        while True:
            with self.database.write() as session:
                known = store.allowance(session, resource)
                send_at = known.send_at(limit, self.now())
                if send_at - self.now() > patience:
                    raise NotYet(send_at)
                store.save_allowance(session, resource, known.reserved(limit, send_at))
            if send_at > self.now():
                self.sleep((send_at - self.now()).total_seconds())
            if self._known(resource).blocked_until <= self.now():
                return  # nobody was told to slow down in the meantime

    def answered(self, resource: Resource, status: int, headers: Mapping[str, str]) -> None:
        with self.database.write() as session:
            known = store.allowance(session, resource)
            after = known.answered(status, headers, self.now())
            store.save_allowance(session, resource, after)
            if after.strikes > known.strikes:  # a limit without a word may be one on everything
                for other in PATIENCE.keys() - {resource}:
                    spared = store.allowance(session, other)
                    until = max(spared.blocked_until, after.blocked_until)
                    store.save_allowance(session, other, replace(spared, blocked_until=until))

    def _known(self, resource: Resource) -> Allowance:
        with self.database.read() as session:
            return store.allowance(session, resource)


@contextmanager
def _logged(event: str, **what: object) -> Iterator[dict[str, Any]]:
    """Log one line for a job: what it was for, what came of it, and how long it took."""
    job = get_current_job()
    result: dict[str, Any] = dict(what) | ({"job": job.id} if job else {})
    started = time.perf_counter()
    try:
        yield result
    except (GitHubError, DBAPIError) as error:
        again = job.get_retry_interval() if job and job.should_retry else None
        why = models.reason(error) if isinstance(error, DBAPIError) else str(error)
        failure = {"outcome": "failed", "why": why, "again_in_s": again}
        log.error(event, **result | failure, **_since(started))
        _count(job, event, "failed")
        raise
    except Exception:
        log.exception(event, **result | {"outcome": "failed"}, **_since(started))
        _count(job, event, "failed")
        raise
    log.info(event, **result, **_since(started))
    _count(job, event, result.get("outcome", "done"))


def _count(job: Job | None, event: str, outcome: str) -> None:
    """Count for the metrics what came of a job; that they lack one is no failure."""
    if job is not None:
        with suppress(RedisError):
            job.connection.hincrby(COUNTS, f"{event} {outcome}", 1)


def _since(started: float) -> dict[str, int]:
    return {"ms": round(1000 * (time.perf_counter() - started))}
