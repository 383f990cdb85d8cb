import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis import ConnectionError, Redis
from rq import Queue
from rq.job import Job
from rq.scheduler import RQScheduler
from rq_scheduler import Scheduler

import broker
import clock
import jobs
import lists
import scheduler
from scheduler import KEY, Entry, SafeScheduler, schedule
from support import ROOT, MakeSettings

MINUTE = timedelta(minutes=1)


def entry(**changes: object) -> Entry:
    base = Entry("tick", jobs.aggregate, every=MINUTE, offset=timedelta(0), timeout=60)
    return replace(base, **changes)  # type: ignore[arg-type]


def make_due(redis: Redis, *entries: Entry) -> None:
    redis.zadd(KEY, {each.id: time.time() - 1 for each in entries})


def queued(redis: Redis) -> list[str]:
    return Queue("default", connection=redis).job_ids


class TestSchedule:
    def test_polls_are_spread_over_the_interval_in_the_order_of_the_lists(
        self, make_settings: MakeSettings
    ) -> None:
        settings = make_settings(lists=tuple(lists.KNOWN.values()))

        *polls, aggregation = schedule(settings)

        offsets = [poll.offset for poll in polls]
        assert [poll.name for poll in polls] == [f"poll-{slug}" for slug in lists.KNOWN]
        assert offsets[0] == timedelta(0)
        assert offsets[-1] < settings.poll_every
        steps = {later - earlier for earlier, later in zip(offsets, offsets[1:], strict=False)}
        assert steps <= {timedelta(seconds=13), timedelta(seconds=14)}
        assert (aggregation.name, aggregation.every) == ("aggregate", settings.aggregate_every)

    def test_a_tick_is_a_fresh_job_named_after_its_slot_that_is_retried(
        self, redis: Redis, make_settings: MakeSettings
    ) -> None:
        poll = schedule(make_settings())[0]

        job = poll.job(datetime(2026, 11, 23, 20, 27, 13, tzinfo=UTC), redis)

        assert job.id == "poll-stars-20261123T2020Z"
        assert job.func_name == "jobs.poll"
        assert job.args == ("stars", datetime(2026, 11, 23, 20, 20, tzinfo=UTC))
        assert (job.retries_left, job.retry_intervals) == (3, [10, 30, 90])
        assert job.timeout == 180


class TestReconcile:
    def test_doing_it_twice_changes_nothing(self, redis: Redis) -> None:
        keeper = SafeScheduler([entry(), entry(name="tock")], redis)
        keeper.reconcile()
        before = redis.zrange(KEY, 0, -1, withscores=True)

        keeper.reconcile()

        assert redis.zrange(KEY, 0, -1, withscores=True) == before
        assert len(before) == 2

    def test_a_wiped_redis_gets_its_schedule_back_on_the_next_loop(self, redis: Redis) -> None:
        keeper = SafeScheduler([entry()], redis)
        keeper.reconcile()
        redis.flushall()

        keeper.enqueue_jobs()

        assert redis.zscore(KEY, "schedule-tick") is not None
        assert len(queued(redis)) == 1

    def test_entries_of_lists_that_are_gone_go_and_those_of_others_stay(self, redis: Redis) -> None:
        Scheduler(connection=redis).schedule(datetime(2100, 1, 1), print, id="somebody-elses")
        SafeScheduler([entry(), entry(name="poll-old")], redis).reconcile()

        SafeScheduler([entry()], redis).reconcile()

        assert set(redis.zrange(KEY, 0, -1)) == {b"schedule-tick", b"somebody-elses"}

    def test_stock_rq_scheduler_reads_the_entries(self, redis: Redis) -> None:
        SafeScheduler([entry()], redis).reconcile()

        entries = list(Scheduler(connection=redis).get_jobs())

        assert [each.id for each in entries] == ["schedule-tick"]

    def test_at_start_everything_is_due_at_once(self, redis: Redis) -> None:
        keeper = SafeScheduler([entry()], redis)
        redis.zadd(KEY, {"schedule-tick": time.time() + 500})

        keeper.run(burst=True)

        assert len(queued(redis)) == 1


class TestTick:
    def test_queues_the_job_and_sets_the_next_time_on_the_grid(self, redis: Redis) -> None:
        keeper = SafeScheduler([entry(offset=timedelta(seconds=7))], redis)
        make_due(redis, entry())
        before = clock.now()

        keeper.enqueue_jobs()

        score = redis.zscore(KEY, "schedule-tick")
        assert score is not None
        assert score % 60 == 7
        assert before.timestamp() < score <= before.timestamp() + 61
        assert len(queued(redis)) == 1

    def test_a_job_that_is_still_pending_is_not_queued_again(self, redis: Redis) -> None:
        keeper = SafeScheduler([entry(every=timedelta(hours=1))], redis)
        make_due(redis, entry())
        keeper.enqueue_jobs()
        make_due(redis, entry())

        keeper.enqueue_jobs()

        assert len(queued(redis)) == 1

    def test_a_failed_job_of_the_slot_is_queued_afresh_and_no_longer_counts_as_failed(
        self, redis: Redis
    ) -> None:
        hourly = entry(every=timedelta(hours=1))
        keeper = SafeScheduler([hourly], redis)
        make_due(redis, hourly)
        keeper.enqueue_jobs()
        job = Job.fetch(queued(redis)[0], connection=redis)
        Queue("default", connection=redis).empty()
        job.save()
        job.set_status(scheduler.JobStatus.FAILED)
        job.failed_job_registry.add(job, ttl=1000)
        make_due(redis, hourly)

        keeper.enqueue_jobs()

        assert queued(redis) == [job.id]
        assert job.failed_job_registry.get_job_ids() == []

    def test_a_retry_that_waits_does_not_keep_the_first_poll_after_a_start_from_coming_at_once(
        self, redis: Redis
    ) -> None:
        hourly = entry(every=timedelta(hours=1))
        job = hourly.job(clock.now(), redis)
        queue = Queue("default", connection=redis)
        queue.schedule_job(job, clock.now() + timedelta(seconds=90))

        SafeScheduler([hourly], redis).run(burst=True)

        assert queue.job_ids == [job.id]
        assert queue.scheduled_job_registry.get_job_ids() == []

    def test_two_schedulers_at_once_queue_a_tick_once(self, redis: Redis) -> None:
        one, two = SafeScheduler([entry()], redis), SafeScheduler([entry()], redis)
        make_due(redis, entry())

        one.enqueue_jobs()
        two.enqueue_jobs()

        assert len(queued(redis)) == 1

    def test_the_aggregation_goes_before_waiting_polls(
        self, redis: Redis, make_settings: MakeSettings
    ) -> None:
        poll, aggregation = schedule(make_settings())
        keeper = SafeScheduler([poll, aggregation], redis)
        make_due(redis, poll)
        keeper.enqueue_jobs()
        make_due(redis, aggregation)

        keeper.enqueue_jobs()

        assert [job_id.partition("-")[0] for job_id in queued(redis)] == ["aggregate", "poll"]

    def test_an_entry_that_cannot_be_decoded_stops_no_other(self, redis: Redis) -> None:
        keeper = SafeScheduler([entry()], redis)
        redis.zadd(KEY, {"broken": 1, b"\xff\xfe": 2})
        redis.hset("rq:job:broken", mapping={"created_at": "never", "data": "junk"})
        make_due(redis, entry())

        keeper.enqueue_jobs()

        assert len(queued(redis)) == 1

    def test_somebody_elses_entry_runs_as_rq_scheduler_would_run_it(self, redis: Redis) -> None:
        Scheduler(connection=redis).schedule(
            datetime(2020, 1, 1), print, interval=60, id="somebody-elses"
        )

        SafeScheduler([], redis).enqueue_jobs()

        assert queued(redis) == ["somebody-elses"]


KILLED = """
import os, random, signal, sys, threading
from datetime import timedelta
from redis import Redis
sys.path.insert(0, {root!r})
import jobs
from scheduler import KEY, Entry, SafeScheduler

class Numbered(Entry):
    def job(self, now, connection):  # named after the moment it was due: run twice, it shows
        job = super().job(now, connection)
        job.id = "tick-%d" % (connection.zscore(KEY, self.id) * 1000)
        return job

entry = Numbered("tick", jobs.aggregate, timedelta(milliseconds=1), timedelta(0), 60)
keeper = SafeScheduler([entry], Redis.from_url({url!r}))
threading.Timer(random.uniform(0.02, 0.1), os.kill, (os.getpid(), signal.SIGKILL)).start()
while True:
    keeper._tick(entry)
"""


def test_killed_at_random_inside_a_tick_no_entry_is_lost_and_no_job_is_queued_twice(
    redis: Redis, valkey_url: str
) -> None:
    redis.zadd(KEY, {"schedule-tick": 1})
    program = KILLED.format(root=str(ROOT), url=valkey_url)
    kills = 10

    codes = [
        subprocess.run([sys.executable, "-c", program], check=False).returncode
        for _ in range(kills)
    ]

    assert codes == [-signal.SIGKILL] * kills
    assert redis.zscore(KEY, "schedule-tick") is not None
    ids = queued(redis)
    assert len(ids) > kills
    assert len(ids) == len(set(ids))


class TestRetries:
    def test_a_retry_whose_time_has_come_is_queued(self, redis: Redis) -> None:
        queue = Queue("default", connection=redis)
        job = queue.enqueue_at(datetime(2020, 1, 1, tzinfo=UTC), print)

        SafeScheduler([], redis).run(burst=True)

        assert queue.job_ids == [job.id]

    def test_a_stock_worker_that_serves_them_already_is_left_to_it(self, redis: Redis) -> None:
        stock = RQScheduler(["default", "low"], redis)
        stock.acquire_locks()
        queue = Queue("default", connection=redis)
        queue.enqueue_at(datetime(2020, 1, 1, tzinfo=UTC), print)

        SafeScheduler([], redis).run(burst=True)

        assert queue.job_ids == []


class TestRun:
    def test_a_redis_that_cannot_be_reached_does_not_end_it(self) -> None:
        unreachable = broker.connect("redis://127.0.0.1:1/0", timeout=1, retries=0)
        keeper = SafeScheduler([entry()], unreachable)

        keeper.run(burst=True)

        with pytest.raises(ConnectionError):
            unreachable.ping()

    def test_the_lock_of_a_killed_scheduler_is_gone_within_20_seconds(self, redis: Redis) -> None:
        keeper = SafeScheduler([entry()], redis)

        keeper.acquire_lock()

        assert 0 < redis.ttl(Scheduler.scheduler_lock_key) < 20

    def test_ids_that_lists_give_are_ids_that_rq_allows(
        self, redis: Redis, make_settings: MakeSettings
    ) -> None:
        odd = ("C++", "F#", "Objective-C++", "Jupyter Notebook", "Vim Script", "1C Enterprise")
        settings = make_settings(lists=tuple(lists.language(name) for name in odd))

        ids = [each.job(clock.now(), redis).id for each in schedule(settings)]

        assert ids[0].startswith("poll-cpp-")
