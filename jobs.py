"""The jobs that RQ runs, each a recipe of a few lines.

RQ queues them by name: one that an older version queued runs only while these names stay. Jobs are
short and may run twice, late, or after a crash: a slot's first good poll wins, and an older build
never replaces a newer one. Exceptions escape, so that RQ sees a failure and tries again.
"""

import math
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import structlog
from rq import Retry, get_current_job
from rq.job import Job

import models
import queues
from core import clock, star_history
from core.lists import RankedList
from github.background_walk import walk_on
from github.errors import Final, NotYet
from github.history_walk import NOBODY_WAITS, take_turn
from github.owner_walk import walk_owners
from github.polling import identify_some, poll_list, watch_repository
from github.ranking import DONE_BEFORE, wait_for_readings
from github.sampling import sample as sample_due
from github.shared_limit import connect_to_github
from history import importer, thinning
from monitoring import notifying
from monitoring.job_runs import POSTPONED, logged_run
from monitoring.targets import targets_of
from settings import Settings, from_environment
from store import builds, follows, identities, intervals, outbox, polls
from store import follow_owners as owners
from store.database import Database, connect
from store.documents import is_published
from store.spikes import tell_spikes
from store.troubles import CLOCK, is_in_trouble

MOST_TIMES = 10**6  # that a job may ask RQ to be run again: until its slot ends, or its work

KEPT_FOR_OTHERS = 0.5  # of GitHub's hour, which asking for imported names leaves

BETWEEN_LOOKS = 5  # seconds, at what another worker reads
LONGEST_BATCH = 10  # seconds of a job that goes on in a next one

log = structlog.get_logger("starboard")


def prepare(settings: Settings) -> None:
    """Have SQLAlchemy prepare the statements that every poll reads with, and httpx to ask."""
    with connect(settings) as database, connect_to_github(database, settings) as github:
        github.prepare()
        with database.read() as session:
            intervals.changes(session)
            polls.poll_context(session, settings.lists[0], clock.EPOCH)
            is_published(session, "lists")


def poll(slug: str, slot: datetime) -> Retry | None:
    """Poll a list for a slot. Comes back later where the rate limit leaves no turn now."""
    settings = from_environment()
    ranked = next((ranked for ranked in settings.lists if ranked.slug == slug), None)
    with logged_run("poll", list=slug, slot=clock.rfc3339(slot)) as result:
        if ranked is None:
            result["outcome"] = "not in LISTS any more"
            return None
        with connect(settings) as database:
            intervals.note(database, slot, settings.poll_every)
            # What a list misses is asked for now or not at all, so nothing is kept from it.
            end = slot + settings.poll_every
            how = {"turn": f"poll-{slug}", "before": end, "urgent": True, "kept": 0}
            try:
                wait_for_readings(database, ranked, slot, settings.poll_every)
                with connect_to_github(database, settings, **how) as github:
                    result |= poll_list(database, github, ranked, slot, settings.poll_every)
            except NotYet as error:
                return _postponed(error, result)
            except Final as error:
                result |= _given_up(error)
            if result["outcome"] in (models.GOOD, DONE_BEFORE):
                _publish_first(database, settings, ranked)
    return None


def watch(name: str, slot: datetime) -> Retry | None:
    """Ask GitHub for a repository in WATCH, for a slot, wherever it ranks. Comes back later where
    the rate limit leaves no turn now."""
    settings = from_environment()
    with logged_run("watch", repository=name, slot=clock.rfc3339(slot)) as result:
        if name not in settings.watch:
            result["outcome"] = "not in WATCH any more"
            return None
        how = {"turn": f"watch-{name.lower()}", "before": slot + settings.poll_every}
        with connect(settings) as database, connect_to_github(database, settings, **how) as github:
            try:
                result |= watch_repository(database, github, name, slot, settings.poll_every)
            except NotYet as error:
                return _postponed(error, result)
            except Final as error:
                result |= _given_up(error)
    return None


def aggregate() -> None:
    """Compute all documents from what is stored, and publish them."""
    settings = from_environment()
    with logged_run("aggregate") as result, connect(settings) as database:
        result |= builds.aggregate_lists(database, settings, clock.now())
        database.checkpoint_wal()


def identify() -> Retry | None:
    """Ask GitHub for imported repositories that no list shows, and give the history under an old
    name to the repository that bore it. It goes on, in jobs of ten seconds, for a minute."""
    settings, is_over = from_environment(), _ten_seconds()
    with logged_run("identify") as result, connect(settings) as database:
        # On what others leave: polls, what is followed, and what somebody waits for go first.
        with connect_to_github(database, settings, kept=KEPT_FOR_OTHERS) as github:
            result |= identify_some(database, github, settings, is_over)
        result["merged"] = 0
        while identities.merge_next(database):
            result["merged"] += 1
        more = result.pop("more")
    return _again(more and _is_fresh(get_current_job()))


def sample(slot: datetime) -> Retry | None:
    """Fetch the counts of followed repositories for a slot, for ten seconds; then others have their
    turn, and it goes on behind them, or where the rate limit has a turn for it."""
    settings, is_over = from_environment(), _ten_seconds()
    how = {"turn": "sample", "before": slot + settings.poll_every}
    with logged_run("sample", slot=clock.rfc3339(slot)) as result, connect(settings) as database:
        with connect_to_github(database, settings, **how) as github:
            try:
                result |= sample_due(database, github, settings, slot, is_over)
            except NotYet as error:
                return _postponed(error, result)
        more = result.pop("more")
    return _again(more)


def read_history(name: str | None = None) -> Retry | None:
    """Read on in the star history whose turn it is. Without a name, for the wishes that Redis has
    not heard of or lost, it is run again for a minute; with one, until that wish is granted."""
    settings = from_environment()
    slot_of = partial(clock.floor, step=settings.poll_every)
    with logged_run("history") as result, connect(settings) as database:
        if name is None:
            with database.write() as session:
                today = star_history.day_of(clock.now())
                follows.reopen(session, star_history.end_of(today - clock.DAY))
        with connect_to_github(database, settings, turn="history", urgent=True) as github:
            try:
                result |= take_turn(database, github, slot_of)
            except NotYet as error:
                return _postponed(error, result)
        with database.read() as session:
            more = follows.is_unread(session, name) if name else follows.waiting(session) > 0
    if result["outcome"] == NOBODY_WAITS:  # what is unread, another worker reads
        return Retry(max=MOST_TIMES, interval=BETWEEN_LOOKS) if name and more else None
    # Behind whatever waits: polls have their turn between two of a long history.
    return _again(more and (name is not None or _is_fresh(get_current_job())))


def walk_histories() -> Retry | None:
    """Read on in the star histories of listed repositories, for which nobody waits, as far as
    GitHub's limit has requests to spare; after ten seconds others have their turn."""
    settings, is_over = from_environment(), _ten_seconds()
    with logged_run("walk") as result, connect(settings) as database:
        with connect_to_github(database, settings) as github:
            result |= walk_on(database, github, settings, is_over)
        more = result.pop("more")
    return _again(more and _is_fresh(get_current_job()))


def follow_owners(asked: bool = False) -> Retry | None:
    """Read on in the repositories of owners that are followed, for ten seconds: of those that were
    not read for a day, and new ones, for whom somebody may have `asked` and waits."""
    settings, is_over = from_environment(), _ten_seconds()
    slot_of = partial(clock.floor, step=settings.poll_every)
    with logged_run("owners") as result, connect(settings) as database:
        with database.write() as session:
            owners.keep_watched(session, settings.watch_owners)
        with connect_to_github(database, settings, turn="owners", urgent=asked) as github:
            try:
                result |= walk_owners(database, github, slot_of, is_over)
            except NotYet as error:
                return _postponed(error, result)
        more = result.pop("more")
    return _again(more)


def thin() -> None:
    """Thin out readings, polls and placements that have grown old."""
    with logged_run("thin") as result, connect(from_environment()) as database:
        with database.read() as session:
            wrong_clock = is_in_trouble(session, CLOCK, clock.now())
        if wrong_clock:  # it could take what is new for old, and what is thinned out is gone
            result["outcome"] = "put off: the clock is wrong"
            return
        result |= thinning.thin(database, clock.now())
        database.checkpoint_wal()


def spikes() -> None:
    """Tell which repositories gained far more stars on the last day than they usually do."""
    settings, now = from_environment(), clock.now()
    with logged_run("spikes") as result, connect(settings) as database:
        result["told"] = tell_spikes(database, now)
        if settings.notify is None:  # then no other job does
            with database.write() as session:
                outbox.forget(session, (), now)


def notify() -> Retry | None:
    """Tell the targets of NOTIFY what is new to them, for ten seconds; then others have their turn,
    and it goes on behind them."""
    settings, deadline = from_environment(), time.monotonic() + LONGEST_BATCH
    with logged_run("notify") as result, connect(settings) as database:
        chosen, now = targets_of(settings.notify), clock.now()
        with queues.connect(settings.redis_url, timeout=1, retries=0) as redis:
            notifying.watch_troubles(database, redis, settings, chosen, now)
        notifying.fill(database, settings, chosen, now)
        result |= notifying.drain(database, settings, chosen, lambda: deadline - time.monotonic())
        more = result.pop("more")
    return _again(more)


def import_files(paths: list[str]) -> dict[str, Any]:
    """Import files of the archive that this machine has. They come to the worker by name.

    Gives a history.importer.Tally as plain data: RQ pickles results, which name classes by their
    module, so that one of a class that has moved since could not be read any more.
    """
    settings = from_environment()
    with logged_run("import", files=len(paths)) as result, connect(settings) as database:
        tally = importer.import_files(database, map(Path, paths), settings.slugs)
        result |= {"outcome": "imported", "rows": tally.read, "stored": tally.stored}
        result |= {"repeats": len(tally.repeats), "rejected": len(tally.rejected)}
    plain: dict[str, Any] = msgspec.to_builtins(tally)
    return plain


def _ten_seconds() -> Callable[[], bool]:
    """Return the function that says whether a batch which begins now has to end."""
    deadline = time.monotonic() + LONGEST_BATCH
    return lambda: time.monotonic() > deadline


def _again(more: bool) -> Retry | None:
    """The return value of a batch, which RQ runs again behind whatever waits if it has `more`."""
    job = get_current_job()
    if job is not None:
        job.enqueue_at_front_on_retry = False  # RQ keeps what a postponement wanted
    return Retry(max=MOST_TIMES, interval=0) if more else None


def _is_fresh(job: Job | None) -> bool:
    """Whether a job was made within a minute, for which it goes on; then the schedule's next."""
    return job is not None and job.created_at > clock.now() - clock.MINUTE


def _postponed(error: NotYet, result: dict[str, Any]) -> Retry:
    """The job's return value that lets RQ run it again when its turn has come, ahead of others. A
    job that slept until then would keep its worker from all of them."""
    # The scheduler looks at whole seconds, every other one.
    seconds = max(1, math.ceil((error.until - clock.now()).total_seconds()))
    result |= {"outcome": POSTPONED, "seconds": seconds}
    # RQ counts these apart from the retries of failures, and fails a job that asks for one more.
    return Retry(max=MOST_TIMES, interval=seconds, enqueue_at_front=True)


def _given_up(error: Final) -> dict[str, Any]:
    """Return the outcome of a job that GitHub's answer ends: RQ would repeat one that raises, and
    nothing would change within the slot. The next slot asks again."""
    return {"outcome": models.FAILED, "why": str(error)}


def _publish_first(database: Database, settings: Settings, ranked: RankedList) -> None:
    """Build a list's documents at once after its first good poll: readers wait for them."""
    with database.read() as session:
        published = is_published(session, f"lists/{ranked.slug}")
    if not published:
        with logged_run("aggregate") as result:
            result |= builds.aggregate_lists(database, settings, clock.now())
