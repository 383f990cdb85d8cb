"""The schedule as data, and the rq-scheduler process that keeps it.

Each tick of an entry is a job of its own, named after entry and slot. Pushing it and setting the
entry's next time is one MULTI/EXEC: killed at any moment, the scheduler neither loses an entry
nor runs a tick twice, and any number of schedulers may run at once. RQ's retries that wait are
served here too.
"""

import math
import re
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from types import FrameType
from typing import Any, TypeVar

import structlog
from redis import Redis, RedisError, WatchError
from rq.job import Job, JobStatus
from rq.scheduler import RQScheduler
from rq_scheduler import Scheduler

import queues
import settings as configuration
from core import clock
from core.clock import MINUTE, SECOND
from core.lists import RankedList
from monitoring import logs, signs_of_life
from queues import DEFAULT, ENTRY_PREFIX, LOW, Entry
from settings import SPREAD, Settings

# Seconds between looks. The lock of a killed scheduler blocks all others for 10 s longer, so with
# rq-scheduler's default, 60, nothing would be queued for 70 s.
INTERVAL = 2
RESCUE_EVERY = 15  # seconds between looks for orphaned jobs
SERVER_OF_RETRIES = "starboard"  # holds RQ's lock, whichever of our schedulers it is
PUT_OFF = 60  # seconds until an entry that failed is tried again

NO_REDIS = "Redis does not answer"
KEY = Scheduler.scheduled_jobs_key
PENDING = (JobStatus.QUEUED, JobStatus.STARTED)

Item = TypeVar("Item")

log = structlog.get_logger("starboard")


BATCHES = (  # whatever the settings say
    # Wishes that Redis did not hear of, or lost.
    Entry("history", "jobs.read_history", MINUTE, 40 * SECOND, timeout=120, at_front=True),
    Entry("identify", "jobs.identify", 10 * MINUTE, 5 * MINUTE, timeout=600, queue=LOW),
    Entry("owners", "jobs.follow_owners", 10 * MINUTE, 7 * MINUTE, timeout=60, queue=LOW),
    Entry("walk", "jobs.walk_histories", MINUTE, 50 * SECOND, timeout=60, queue=LOW),
    Entry("spikes", "jobs.spikes", clock.DAY, 20 * MINUTE, timeout=120, queue=LOW),  # of yesterday
    Entry("thin", "jobs.thin", clock.DAY, 3 * clock.HOUR, timeout=3600, queue=LOW),
)


def schedule(settings: Settings) -> list[Entry]:
    """Return the entries: polls and watches, each kind spread over the interval, the aggregation,
    and batches that can wait. With a token, what is watched is sampled with what is followed."""
    every = settings.poll_every
    polls = [
        Entry(f"poll-{ranked.slug}", "jobs.poll", every, offset, 180, (ranked.slug,), True)
        for ranked, offset in _offsets(settings)
    ]
    watches = [
        Entry(f"watch-{_as_id(name)}", "jobs.watch", every, offset, 180, (name,), True)
        for name, offset in _spread(() if settings.github_token else settings.watch, settings)
    ]
    aggregation = Entry(
        "aggregate",
        "jobs.aggregate",
        settings.aggregate_every,
        clock.build_offset(every),
        timeout=120,
        at_front=True,  # it takes a second, and readers wait for it; polls wait for GitHub
    )
    sampling = Entry(
        "sample", "jobs.sample", every, timedelta(), timeout=60, takes_slot=True, queue=LOW
    )
    notifying = Entry("notify", "jobs.notify", MINUTE, 20 * SECOND, timeout=60, queue=LOW)
    told = [notifying] if settings.notify else []
    return [*polls, *watches, aggregation, sampling, *BATCHES, *told]


def _offsets(settings: Settings) -> Iterator[tuple[RankedList, timedelta]]:
    """Yield each list with its offset; those that are made of readings once these are there."""
    yield from _spread(settings.searched, settings)
    for ranked in settings.lists:
        if not ranked.is_searched:
            yield ranked, settings.poll_every / 2


def _spread(items: Sequence[Item], settings: Settings) -> Iterator[tuple[Item, timedelta]]:
    """Yield each item with its offset: evenly over the interval, in whole seconds."""
    step = settings.poll_every * SPREAD / max(1, len(items))
    for number, item in enumerate(items):
        yield item, timedelta(seconds=int(number * step.total_seconds()))


def _as_id(name: str) -> str:
    """Return a name as part of an id, in which RQ allows letters, digits, `_` and `-`."""
    return re.sub(r"[^a-z0-9-]", lambda char: f"_{ord(char[0]):x}", name.lower())


class SafeScheduler(Scheduler):  # type: ignore[misc]  # rq-scheduler publishes no types
    """rq-scheduler with atomic ticks, a schedule that heals, and a loop that outlives errors.

    It has no fixed name: of two schedulers of one name the second would refuse to start.
    """

    def __init__(self, entries: list[Entry], connection: Redis) -> None:
        name = signs_of_life.scheduler_name()
        super().__init__(queue_name=DEFAULT, connection=connection, interval=INTERVAL, name=name)
        self.entries = {entry.id: entry for entry in entries}
        # RQ puts a failed job's retry aside until its time; rq-scheduler does not serve those, and
        # a worker that does forks a process that eats jobs (see worker.py).
        self.retries: Any = RQScheduler(  # Any: its methods are not typed
            queues.QUEUES,
            connection,
            interval=INTERVAL,
            logging_level="WARNING",
            # Its lock outlives a killed one by a minute, in which no retry and nothing that was put
            # back would run; of ours, rq-scheduler's own lock lets one at a time come here.
            name=SERVER_OF_RETRIES,
        )
        self.orphaned: set[tuple[str, str]] = set()  # queue and id of what the last look found
        self.looked_at = -math.inf
        self.stopping = threading.Event()

    def reconcile(self, *, due_now: bool = False) -> None:
        """Make Redis hold this schedule: add what is missing, drop entries that are ours no more,
        and let run what a clock put off that ran ahead.

        `due_now`: let everything run at once. A poll whose slot is done does nothing.
        """
        now = clock.now()
        scores = self.connection.zrange(KEY, 0, -1, withscores=True)
        present = {key.decode(errors="replace"): due_at for key, due_at in scores}
        for number, entry in enumerate(self.entries.values()):
            latest = now + entry.every + clock.TOLERANCE
            if due_now or present.get(entry.id, math.inf) > latest.timestamp():
                self._put(entry, now + timedelta(milliseconds=number))  # in the schedule's order
        ours = {key for key in present if key.startswith(ENTRY_PREFIX)}
        for entry_id in ours - self.entries.keys():
            self.cancel(entry_id)
            self.connection.delete(Job.key_for(entry_id))

    def _put(self, entry: Entry, at: datetime) -> None:
        """Add an entry as rq-scheduler keeps it: a job that says what, a score that says when."""
        template = self._create_job(
            entry.function,
            args=entry.args,
            id=entry.id,
            description=entry.name,
            commit=False,
            result_ttl=-1,  # where the job expires, rq-scheduler drops its entry without a word
        )
        with self.connection.pipeline() as pipe:
            template.save(pipeline=pipe)
            pipe.zadd(KEY, {entry.id: at.timestamp()}, lt=True)
            pipe.execute()

    def enqueue_jobs(self) -> None:
        """Queue what is due, each entry by itself: one that fails stops no other."""
        self.reconcile()  # at each look, so that a Redis that was wiped has its schedule back
        for key in self.connection.zrangebyscore(KEY, 0, time.time()):
            try:
                entry = self.entries.get(key.decode())
                if entry is not None:
                    self._tick(entry)
                else:  # somebody else's, added through rq-scheduler's own interface
                    self.enqueue_job(Job.fetch(key.decode(), connection=self.connection))
            except RedisError:
                raise
            except Exception as error:  # its job cannot be decoded, which would end rq-scheduler
                self.connection.zadd(KEY, {key: time.time() + PUT_OFF}, xx=True)
                log.error("schedule", entry=repr(key), outcome="put off", why=repr(error))

    def _tick(self, entry: Entry) -> None:
        """Queue the job of an entry that is due and set its next time, or do neither.

        rq-scheduler does one after the other: killed in between, it loses the entry for ever or
        runs it twice.
        """
        now = clock.now()
        job = entry.job(now, self.connection)
        following = clock.next_tick(now, entry.every, entry.offset)
        with self.connection.pipeline() as pipe:
            try:
                pipe.watch(KEY, job.key)
                due_at = pipe.zscore(KEY, entry.id)
                if due_at is None or due_at > now.timestamp():
                    return  # another scheduler was faster
                status = pipe.hget(job.key, "status")
                pending = status is not None and status.decode() in PENDING
                pipe.multi()
                if not pending:  # an earlier try of the slot may have failed, or wait for its retry
                    queue = self.get_queue_for_job(job)
                    pipe.delete(job.key)
                    queue.failed_job_registry.remove(job, pipeline=pipe)
                    queue.scheduled_job_registry.remove(job, pipeline=pipe)
                    queue.enqueue_job(job, pipeline=pipe, at_front=entry.at_front)
                pipe.zadd(KEY, {entry.id: following.timestamp()})
                pipe.execute()
            except WatchError:
                return  # another scheduler was faster
        outcome = "still pending" if pending else "queued"
        log.info("schedule", job=job.id, outcome=outcome, next=clock.rfc3339(following))

    def enqueue_retries(self) -> None:
        """Queue the retries whose time has come, unless an `rq worker --with-scheduler` holds the
        lock that RQ gives to one of them."""
        self.retries.acquire_locks()
        self.retries.enqueue_scheduled_jobs()

    def heartbeat(self) -> None:
        """Be seen for some seconds more; as rq-scheduler does it, one whom a Redis that was wiped
        forgot would never be seen again."""
        if not self.connection.expire(self.key, INTERVAL + 10):
            self.register_birth()

    def rescue(self) -> None:
        """Queue again the jobs that two looks in a row found orphaned: one that a single look
        finds may be about to begin."""
        if time.monotonic() < self.looked_at + RESCUE_EVERY:
            return
        self.looked_at = time.monotonic()
        found = queues.orphaned_jobs(self.connection)
        for queue, job_id in found & self.orphaned:
            if queues.put_back(self.connection, queue, job_id):
                log.warning("schedule", job=job_id, outcome="queued again", why="it was lost")
        self.orphaned = found - self.orphaned

    def run(self, burst: bool = False) -> None:
        """Keep the schedule until told to stop, whatever becomes of Redis meanwhile.

        rq-scheduler's own loop ends at the first error of Redis.
        """
        born = False
        while not self.stopping.is_set():
            try:
                if not born:
                    self.register_birth()
                    self.reconcile(due_now=True)
                    born = True
                self.heartbeat()
                if self.acquire_lock():
                    try:
                        self.enqueue_jobs()
                        self.enqueue_retries()
                        self.rescue()
                    finally:
                        self.remove_lock()
            except RedisError as error:
                log.error("schedule", outcome="Redis cannot be reached", why=str(error))
            if burst:
                break
            self.stopping.wait(self._interval)
        with suppress(RedisError):
            self.retries.release_locks()
            self.register_death()


def main() -> None:
    """Keep the schedule of the environment's settings until SIGTERM or Ctrl-C."""
    settings = configuration.or_exit()
    logs.configure(settings)
    connection = queues.connect(settings.redis_url, timeout=2, retries=1)
    scheduler = SafeScheduler(schedule(settings), connection)

    def stop(signum: int, frame: FrameType | None) -> None:
        scheduler.stopping.set()
        queues.leave_in_time(lambda: log.info("scheduler", outcome="stopped", why=NO_REDIS))

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("scheduler", outcome="started", entries=len(scheduler.entries))
    scheduler.run()
    log.info("scheduler", outcome="stopped")


if __name__ == "__main__":
    main()
