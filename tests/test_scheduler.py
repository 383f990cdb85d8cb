"""The schedule and its process: ticks, healing, retries and orphans."""

import math
import multiprocessing
import signal
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from redis import ConnectionError, Redis
from rq import Queue
from rq.job import Job, JobStatus
from rq.scheduler import RQScheduler
from rq_scheduler import Scheduler

import jobs
import queues
from core import clock, lists
from core.notify_setting import Notify
from queues import Entry
from scheduler import KEY, SafeScheduler, schedule
from settings import from_environment
from tests.support.common import MakeSettings
from tests.support.killing import kill_often

MINUTE = timedelta(minutes=1)


def entry(**changes: object) -> Entry:
    base = Entry("tick", "jobs.aggregate", every=MINUTE, offset=timedelta(0), timeout=60)
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

        entries = {entry.name: entry for entry in schedule(settings)}
        polls = [entry for name, entry in entries.items() if name.startswith("poll-")]

        offsets = [poll.offset for poll in polls]
        assert [poll.name for poll in polls] == [f"poll-{slug}" for slug in lists.KNOWN]
        assert offsets[0] == timedelta(0)
        assert offsets[-1] < settings.poll_every
        steps = {later - earlier for earlier, later in zip(offsets, offsets[1:], strict=False)}
        assert steps <= {timedelta(seconds=13), timedelta(seconds=14)}
        assert entries["aggregate"].every == settings.aggregate_every
        low = {name for name, entry in entries.items() if entry.queue == "low"}
        assert low == {"sample", "identify", "owners", "walk", "spikes", "thin"}
        assert entries["sample"].every == settings.poll_every
        assert entries["history"].every == timedelta(minutes=1)
        assert entries["thin"].every == timedelta(days=1)

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

    def test_names_functions_that_there_are_in_jobs(self, make_settings: MakeSettings) -> None:
        entries = schedule(make_settings(watch=("o/r",), notify=Notify(urls="json://h.test")))

        functions = {entry.function for entry in entries}

        kinds = "poll watch aggregate identify sample read_history thin spikes notify".split()
        kinds += ["follow_owners", "walk_histories"]
        assert functions == {f"jobs.{kind}" for kind in kinds}
        assert all(callable(getattr(jobs, kind)) for kind in kinds)


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

    def test_what_a_clock_put_off_that_ran_ahead_runs_now(self, redis: Redis) -> None:
        keeper = SafeScheduler([entry(), entry(name="tock")], redis)
        keeper.reconcile()
        redis.zadd(KEY, {"schedule-tick": time.time() + 86_400, "schedule-tock": time.time() + 30})

        keeper.enqueue_jobs()

        assert [job_id.partition("-")[0] for job_id in queued(redis)] == ["tick"]
        assert redis.zscore(KEY, "schedule-tock") > time.time()

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
        job.set_status(JobStatus.FAILED)
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
        poll, aggregation, *_ = schedule(make_settings())
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


class Chained(Entry):
    """An entry whose jobs are named after the tick's own time and the next one's. Each job's name
    then begins where the one before ends, unless a tick was lost or run twice."""

    def job(self, now: datetime, connection: Redis) -> Job:
        job = super().job(now, connection)
        due_at = connection.zscore(KEY, self.id)
        following = clock.next_tick(now, self.every, self.offset)
        assert due_at is not None
        job.id = f"{due_at * 1000:.0f}-{following.timestamp() * 1000:.0f}"
        return job


CHAINED = Chained("tick", "jobs.aggregate", timedelta(milliseconds=1), timedelta(0), timeout=60)


def tick_on(url: str, begun: Callable[[], object]) -> None:
    with Redis.from_url(url) as connection:
        keeper = SafeScheduler([CHAINED], connection)
        keeper._tick(CHAINED)
        begun()
        while True:
            keeper._tick(CHAINED)


def kill_ticking(url: str, times: int) -> list[int]:
    """Kill a forked child in the midst of its ticks, again and again; gives how each ended."""
    return kill_often(partial(tick_on, url), times, longest=0.01)


def test_killed_200_times_inside_a_tick_no_entry_is_lost_and_no_tick_is_lost_or_queued_twice(
    redis: Redis, valkey_url: str
) -> None:
    redis.zadd(KEY, {CHAINED.id: 1})
    kills = 200
    spawn = multiprocessing.get_context("spawn")  # a process without threads, which may fork

    with ProcessPoolExecutor(1, spawn) as driver:
        statuses = driver.submit(kill_ticking, valkey_url, kills).result(timeout=300)

    assert statuses == [signal.SIGKILL] * kills
    score = redis.zscore(KEY, CHAINED.id)
    assert score is not None
    ticks = [job_id.split("-") for job_id in queued(redis)]
    assert len(ticks) > kills / 2
    assert [due for due, _ in ticks] == ["1000", *(following for _, following in ticks[:-1])]
    assert ticks[-1][1] == f"{score * 1000:.0f}"


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


def look_again(keeper: SafeScheduler) -> None:
    """Look for lost jobs as if the last look were long ago."""
    keeper.looked_at = -math.inf
    keeper.rescue()


def lost_job(redis: Redis, queue: str = "default") -> Job:
    """What a worker leaves that took a job off its queue and was killed before it began."""
    job = Queue(queue, connection=redis).enqueue(print)
    lose(redis, queue)
    return job


def lose(redis: Redis, queue: str = "default") -> None:
    redis.lmove(f"rq:queue:{queue}", f"rq:queue:{queue}:intermediate")


class TestRescue:
    @pytest.mark.parametrize("name", queues.QUEUES)
    def test_a_job_that_no_queue_has_is_queued_again_once_it_is_seen_so_twice(
        self, redis: Redis, name: str
    ) -> None:
        queue = Queue(name, connection=redis)
        job = lost_job(redis, name)
        keeper = SafeScheduler([], redis)

        look_again(keeper)
        after_one = queue.job_ids
        look_again(keeper)
        after_two = queue.job_ids

        assert (after_one, after_two) == ([], [job.id])

    def test_two_looks_at_nearly_the_same_moment_count_as_one(self, redis: Redis) -> None:
        lost_job(redis)
        keeper = SafeScheduler([], redis)

        keeper.rescue()
        keeper.rescue()

        assert queued(redis) == []

    def test_a_running_scheduler_looks(self, redis: Redis) -> None:
        job = lost_job(redis)
        keeper = SafeScheduler([], redis)

        look_again(keeper)
        keeper.looked_at = -math.inf
        keeper.run(burst=True)

        assert queued(redis) == [job.id]

    def test_what_was_queued_again_is_not_queued_once_more(self, redis: Redis) -> None:
        job = lost_job(redis)
        keeper = SafeScheduler([], redis)

        for _ in range(5):
            look_again(keeper)

        assert queued(redis) == [job.id]

    def test_what_is_lost_a_second_time_is_queued_a_second_time(self, redis: Redis) -> None:
        job = lost_job(redis)
        keeper = SafeScheduler([], redis)
        look_again(keeper)
        look_again(keeper)
        lose(redis)

        look_again(keeper)
        after_one = queued(redis)
        look_again(keeper)

        assert (after_one, queued(redis)) == ([], [job.id])

    def test_what_one_look_saw_on_its_way_and_the_next_one_started_is_left_alone(
        self, redis: Redis
    ) -> None:
        job = lost_job(redis)
        keeper = SafeScheduler([], redis)
        look_again(keeper)
        job.set_status(JobStatus.STARTED)

        look_again(keeper)
        look_again(keeper)

        assert queued(redis) == []

    def test_a_job_that_waits_in_its_queue_stays_there_once(self, redis: Redis) -> None:
        waiting = Queue("default", connection=redis).enqueue(print)
        keeper = SafeScheduler([], redis)

        for _ in range(3):
            look_again(keeper)

        assert queued(redis) == [waiting.id]

    @pytest.mark.parametrize(
        "status", [each for each in JobStatus if each is not JobStatus.QUEUED], ids=str
    )
    def test_a_job_that_is_not_to_be_on_a_queue_is_left_alone(
        self, redis: Redis, status: JobStatus
    ) -> None:
        lost_job(redis).set_status(status)
        keeper = SafeScheduler([], redis)

        for _ in range(3):
            look_again(keeper)

        assert queued(redis) == []

    def test_a_retry_that_waits_for_its_time_is_left_alone(self, redis: Redis) -> None:
        later = Queue("default", connection=redis).enqueue_in(timedelta(hours=1), print)
        keeper = SafeScheduler([], redis)

        for _ in range(3):
            look_again(keeper)

        assert queued(redis) == []
        assert later.get_status() == JobStatus.SCHEDULED

    def test_the_queues_of_others_are_left_alone(self, redis: Redis) -> None:
        lost_job(redis, "somebody-elses")
        keeper = SafeScheduler([], redis)

        for _ in range(3):
            look_again(keeper)

        assert Queue("somebody-elses", connection=redis).job_ids == []
        assert queued(redis) == []

    def test_what_an_operator_removed_is_left_alone(self, redis: Redis) -> None:
        queue = Queue("default", connection=redis)
        queue.remove(queue.enqueue(print))  # its status stays `queued`
        keeper = SafeScheduler([], redis)

        for _ in range(3):
            look_again(keeper)

        assert queued(redis) == []

    def test_a_job_of_another_application_with_queues_of_the_same_name_is_left_alone(
        self, redis: Redis
    ) -> None:
        fields = {"origin": "default", "status": "queued"}
        redis.hset("rq:job:theirs", mapping=fields)
        keeper = SafeScheduler([], redis)

        for _ in range(3):
            look_again(keeper)

        assert queued(redis) == []

    def test_a_job_that_was_taken_twice_and_lost_is_queued_once(self, redis: Redis) -> None:
        job = lost_job(redis)
        Queue("default", connection=redis).push_job_id(job.id)
        lose(redis)
        keeper = SafeScheduler([], redis)

        for _ in range(4):
            look_again(keeper)

        assert queued(redis) == [job.id]
        assert redis.llen("rq:queue:default:intermediate") == 0

    def test_a_job_that_was_taken_and_waits_again_is_not_queued_twice(self, redis: Redis) -> None:
        job = lost_job(redis)
        Queue("default", connection=redis).push_job_id(job.id)
        keeper = SafeScheduler([], redis)

        for _ in range(4):
            look_again(keeper)

        assert queued(redis) == [job.id]
        assert redis.llen("rq:queue:default:intermediate") == 0

    def test_two_schedulers_queue_a_lost_job_once(self, redis: Redis) -> None:
        job = lost_job(redis)
        one, two = SafeScheduler([], redis), SafeScheduler([], redis)

        for keeper in (one, two, one, two):
            look_again(keeper)

        assert queued(redis) == [job.id]


class TestRun:
    def test_a_redis_that_cannot_be_reached_does_not_end_it(self) -> None:
        unreachable = queues.connect("redis://127.0.0.1:1/0", timeout=1, retries=0)
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


def test_lists_made_of_readings_take_no_turn_at_githubs_search_and_come_amid_the_slot() -> None:
    configured = from_environment(
        {"LISTS": "stars,forks,followed,collection:Web=a/b", "GITHUB_TOKEN": "t" * 20}
    )

    offsets = {it.name: it.offset for it in schedule(configured) if it.function == "jobs.poll"}

    assert offsets == {
        "poll-stars": timedelta(),
        "poll-forks": timedelta(minutes=4),
        "poll-collection-web": timedelta(minutes=5),
        "poll-followed": timedelta(minutes=5),
    }
