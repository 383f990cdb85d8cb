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
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import FrameType
from typing import Any, TypeVar

import structlog
from redis import Redis, RedisError, WatchError
from rq import Queue
from rq.job import Job, JobStatus
from rq.scheduler import RQScheduler
from rq_scheduler import Scheduler

import jobs
import queues
import settings as configuration
from core import clock
from monitoring import logs
from queues import DEFAULT, FAILURE_TTL, LOW, PREFIX, RESULT_TTL, RETRY
from settings import AGGREGATE_OFFSET, SPREAD, Settings

INTERVAL = 2  # seconds between looks; the lock of a killed scheduler lasts 10 s longer

KEY = Scheduler.scheduled_jobs_key

RESCUE_EVERY = 15  # seconds between looks for jobs that no queue has

PENDING = (JobStatus.QUEUED, JobStatus.STARTED)

Item = TypeVar("Item")

log = structlog.get_logger("starboard")


@dataclass(frozen=True, slots=True)
class Entry:
    """Work that comes up `offset` behind each multiple of `every`."""

    name: str
    run: Callable[..., Any]
    every: timedelta
    offset: timedelta
    timeout: int  # seconds
    args: tuple[str, ...] = ()
    takes_slot: bool = False
    at_front: bool = False
    queue: str = queues.QUEUES[0]

    @property
    def id(self) -> str:
        """The id of the rq-scheduler entry: the same at every start."""
        return f"{PREFIX}{self.name}"

    def job(self, now: datetime, connection: Redis) -> Job:
        """The job of a tick at `now`: fresh, named after its slot."""
        slot = clock.floor(now, self.every)
        return Job.create(
            self.run,
            args=(*self.args, slot) if self.takes_slot else self.args,
            id=f"{self.name}-{slot:%Y%m%dT%H%MZ}",
            description=f"{self.name} for {clock.rfc3339(slot)}",
            connection=connection,
            origin=self.queue,
            timeout=self.timeout,
            retry=RETRY,
            result_ttl=RESULT_TTL,
            failure_ttl=FAILURE_TTL,
        )


def schedule(settings: Settings) -> list[Entry]:
    """The entries: a poll for each list, spread over the interval, the aggregation, and batches
    that can wait."""
    polls = [
        Entry(
            f"poll-{it.slug}", jobs.poll, settings.poll_every, at, 180, (it.slug,), takes_slot=True
        )
        for it, at in _spread(settings.lists, settings)
    ]
    watches = [
        Entry(
            f"watch-{_as_id(it)}", jobs.watch, settings.poll_every, at, 180, (it,), takes_slot=True
        )
        for it, at in _spread(settings.watch, settings)
    ]
    aggregation = Entry(
        name="aggregate",
        run=jobs.aggregate,
        every=settings.aggregate_every,
        offset=AGGREGATE_OFFSET,
        timeout=120,
        at_front=True,  # it takes a second, and readers wait for it; polls wait for GitHub
    )
    identification = Entry(
        "identify", jobs.identify, timedelta(minutes=10), timedelta(minutes=5), 600, queue=LOW
    )
    night = Entry("thin", jobs.thin, clock.DAY, timedelta(hours=3), timeout=3600, queue=LOW)
    return [*polls, *watches, aggregation, identification, night]


def _spread(items: Sequence[Item], settings: Settings) -> Iterator[tuple[Item, timedelta]]:
    """Items, each with an offset: evenly over the interval, in whole seconds."""
    step = settings.poll_every * SPREAD / max(1, len(items))
    for number, item in enumerate(items):
        yield item, timedelta(seconds=int(number * step.total_seconds()))


def _as_id(name: str) -> str:
    """A name as a part of an id, in which RQ allows letters, digits, `_` and `-`."""
    return re.sub(r"[^a-z0-9-]", lambda char: f"_{ord(char[0]):x}", name.lower())


class SafeScheduler(Scheduler):  # type: ignore[misc]  # rq-scheduler publishes no types
    """rq-scheduler with atomic ticks, a schedule that heals, and a loop that outlives errors."""

    def __init__(self, entries: list[Entry], connection: Redis) -> None:
        super().__init__(queue_name=DEFAULT, connection=connection, interval=INTERVAL)
        self.entries = {entry.id: entry for entry in entries}
        self.retries: Any = RQScheduler(  # Any: its methods are not typed
            queues.QUEUES, connection, interval=INTERVAL, logging_level="WARNING"
        )
        self.queues = [Queue(name, connection=connection) for name in queues.QUEUES]
        self.missing: set[str] = set()  # jobs that no queue had at the last look
        self.looked_at = -math.inf
        self.stopping = threading.Event()

    def reconcile(self, *, due_now: bool = False) -> None:
        """Make Redis hold this schedule: add what is missing, drop our entries of the past.

        `due_now`: let everything run at once. A poll whose slot is done does nothing.
        """
        now = clock.now()
        keys = self.connection.zrange(KEY, 0, -1)
        present = {key.decode(errors="replace") for key in keys}
        for number, entry in enumerate(self.entries.values()):
            if due_now or entry.id not in present:
                self._put(entry, now + timedelta(milliseconds=number))
        ours = {key for key in present if key.startswith(PREFIX)}
        for entry_id in ours - self.entries.keys():
            self.cancel(entry_id)
            self.connection.delete(Job.key_for(entry_id))

    def _put(self, entry: Entry, at: datetime) -> None:
        """Add an entry, as rq-scheduler keeps it: a job that says what, a score that says when."""
        kept = self._create_job(
            entry.run,
            args=entry.args,
            id=entry.id,
            description=entry.name,
            commit=False,
            result_ttl=-1,
        )
        with self.connection.pipeline() as pipe:
            kept.save(pipeline=pipe)
            pipe.zadd(KEY, {entry.id: at.timestamp()}, lt=True)
            pipe.execute()

    def enqueue_jobs(self) -> None:
        """Run what is due, each entry by itself: one that fails stops no other."""
        self.reconcile()
        for key in self.connection.zrangebyscore(KEY, 0, time.time()):
            try:
                entry = self.entries.get(key.decode())
                if entry is not None:
                    self._tick(entry)
                else:  # somebody else's, added through rq-scheduler's own interface
                    self.enqueue_job(Job.fetch(key.decode(), connection=self.connection))
            except RedisError:
                raise
            except Exception as error:
                self.connection.zadd(KEY, {key: time.time() + 60}, xx=True)
                log.error("schedule", entry=repr(key), outcome="put off", why=repr(error))

    def _tick(self, entry: Entry) -> None:
        """Queue the job of an entry that is due and set its next time, or do neither."""
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
        """Queue the retries whose time has come, unless an `rq worker --with-scheduler` does it:
        RQ's own lock says who."""
        self.retries.acquire_locks()
        self.retries.enqueue_scheduled_jobs()

    def rescue(self) -> None:
        """Queue again what a worker took off a queue and died before it began: RQ goes on calling
        that queued, and no queue has it. Seen so twice, it is not just on its way."""
        if time.monotonic() < self.looked_at + RESCUE_EVERY:
            return
        self.looked_at = time.monotonic()
        prefix = Job.redis_job_namespace_prefix
        keys = list(self.connection.scan_iter(f"{prefix}*", count=1000, _type="hash"))
        with self.connection.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hmget(key, "status", "origin")
            states = pipe.execute()
        missing = set()
        for queue in self.queues:
            queued = [JobStatus.QUEUED.encode(), queue.name.encode()]
            ids = {
                key.decode().removeprefix(prefix)
                for key, state in zip(keys, states, strict=True)
                if state == queued
            } - set(queue.job_ids)
            for job_id in ids & self.missing:
                queue.push_job_id(job_id)
                log.warning("schedule", job=job_id, outcome="queued again", why="it was lost")
            missing |= ids - self.missing
        self.missing = missing

    def run(self, burst: bool = False) -> None:
        """Keep the schedule until told to stop, whatever becomes of Redis meanwhile."""
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
    settings = configuration.or_exit()
    logs.configure(settings)
    connection = queues.connect(settings.redis_url, timeout=2, retries=1)
    scheduler = SafeScheduler(schedule(settings), connection)

    def stop(signum: int, frame: FrameType | None) -> None:
        scheduler.stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("scheduler", outcome="started", entries=len(scheduler.entries))
    scheduler.run()
    log.info("scheduler", outcome="stopped")


if __name__ == "__main__":
    main()
