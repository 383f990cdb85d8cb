"""The status: polls of a day, gaps, ages, and what Redis tells."""

import os
import socket
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from redis import ConnectionError, Redis
from rq import Queue, Worker
from rq.job import Job
from rq.results import Result
from rq.worker import WorkerStatus
from rq_scheduler import Scheduler

import queues
from core import gaps, lists
from core.clock import DAY, HOUR
from core.plausibility import Member
from core.rate_limit import Allowance
from core.repository import GitHubRepository
from models import FAILED
from monitoring import redis_status, status
from monitoring.status import expected_span
from queues import JOB_COUNTS, Entry
from scheduler import SafeScheduler
from settings import Settings
from store import intervals, rate_limits
from store.database import Database
from store.polls import record_gap, store_poll
from tests.support.jobs import NOON, give_up

MINUTE = timedelta(minutes=1)
STEP = 10 * MINUTE
STARS = lists.KNOWN["stars"]


def slot(number: float) -> datetime:
    return NOON + number * STEP


class TestExpectedSlots:
    @pytest.mark.parametrize(
        ("first", "newest", "now", "expected"),
        [
            (None, None, slot(0.5), []),
            (slot(0), slot(0), slot(0.5), [0]),
            (slot(0), slot(0), slot(1), [0]),
            (slot(0), slot(0), slot(1.5), [0]),
            (slot(0), slot(1), slot(1), [0, 1]),
            (slot(0), slot(1), slot(1.5), [0, 1]),
            (slot(0), slot(1), slot(4.9), [0, 1, 2, 3]),
            (slot(-500), slot(0), slot(0.5), range(-143, 1)),
            (slot(-500), slot(0), slot(0), range(-143, 1)),
            (slot(-500), slot(-1), slot(0.5), range(-143, 0)),
            (slot(-500), None, slot(0.5), range(-143, 0)),
        ],
    )
    def test_are_those_of_24_hours_since_the_first_poll_and_the_current_once_it_was_polled(
        self,
        first: datetime | None,
        newest: datetime | None,
        now: datetime,
        expected: Iterable[int],
    ) -> None:
        found = gaps.expected(*expected_span(first, newest, STEP, now), (), STEP)

        assert found == [(slot(number), STEP) for number in expected]


def put(database: Database, *slots: datetime, doubt: str | None = None) -> None:
    harbor = GitHubRepository(1, "Quiet/Harbor", 9, 1, 0, None, None, "https://github.test", None)
    with database.write() as session:
        for at in slots:
            store_poll(session, STARS, at, at + MINUTE, [Member(harbor)], doubt)


def fail(database: Database, at: datetime, why: str) -> None:
    with database.write() as session:
        record_gap(session, STARS, at, FAILED, at + MINUTE, why)


def list_status(database: Database, now: datetime, every: timedelta = STEP) -> status.ListStatus:
    with database.read() as session:
        return status.list_status(session, STARS, every, now, intervals.changes(session))


class TestAList:
    def test_that_was_never_polled_is_expected_to_have_nothing(self, database: Database) -> None:
        assert list_status(database, NOON) == {
            "slug": "stars",
            "as_of": None,
            "age_seconds": None,
            "expected": 0,
            "received": 0,
            "gaps": [],
            "suspects": [],
            "last_error": None,
        }

    def test_that_only_failed_says_why(self, database: Database) -> None:
        fail(database, slot(0), "no way")

        assert list_status(database, slot(0.5)) == {
            "slug": "stars",
            "as_of": None,
            "age_seconds": None,
            "expected": 1,
            "received": 0,
            "gaps": [{"from": "2026-03-01T12:00:00Z", "to": "2026-03-01T12:10:00Z", "slots": 1}],
            "suspects": [],
            "last_error": "no way",
        }

    def test_tells_its_gaps_and_the_age_of_what_it_shows(self, database: Database) -> None:
        put(database, slot(0))
        fail(database, slot(1), "no way")
        put(database, slot(3))
        put(database, slot(5), doubt="GitHub says that its answer is incomplete")

        assert list_status(database, slot(5) + 3 * MINUTE) == {
            "slug": "stars",
            "as_of": "2026-03-01T12:30:00Z",
            "age_seconds": 22 * 60,
            "expected": 6,
            "received": 2,
            "gaps": [
                {"from": "2026-03-01T12:10:00Z", "to": "2026-03-01T12:30:00Z", "slots": 2},
                {"from": "2026-03-01T12:40:00Z", "to": "2026-03-01T13:00:00Z", "slots": 2},
            ],
            "suspects": [
                {"from": "2026-03-01T12:50:00Z", "to": "2026-03-01T13:00:00Z", "slots": 1}
            ],
            "last_error": "GitHub says that its answer is incomplete",
        }

    def test_that_is_well_again_has_no_error(self, database: Database) -> None:
        fail(database, slot(0), "no way")
        put(database, slot(1))

        assert list_status(database, slot(1.5))["last_error"] is None

    def test_that_is_older_than_a_day_still_shows_its_age(self, database: Database) -> None:
        put(database, slot(0))

        found = list_status(database, NOON + 2 * DAY)

        assert (found["as_of"], found["age_seconds"]) == ("2026-03-01T12:00:00Z", 2 * 86_400 - 60)
        assert (found["expected"], found["received"], len(found["gaps"])) == (143, 0, 1)

    def test_has_received_no_more_than_was_expected(self, database: Database) -> None:
        put(database, *(slot(number) for number in range(-144, 1)))

        found = list_status(database, NOON)

        assert (found["expected"], found["received"]) == (144, 144)

    def test_has_received_no_more_than_was_expected_after_polling_more_often(
        self, database: Database
    ) -> None:
        put(database, *(NOON + minutes * MINUTE for minutes in range(0, 60, 5)))

        found = list_status(database, NOON + HOUR, every=STEP)

        assert (found["expected"], found["received"]) == (6, 6)

    @pytest.mark.parametrize(("before", "after"), [(10, 15), (15, 10), (10, 5), (1, 60)])
    def test_misses_nothing_when_the_interval_changes(
        self, database: Database, before: int, after: int
    ) -> None:
        for every, hours in ((before, range(-6, 0)), (after, range(6))):
            for minutes in range(60 * hours.start, 60 * hours.stop, every):
                at = NOON + minutes * MINUTE
                intervals.note(database, at, every * MINUTE)
                put(database, at)

        found = list_status(database, NOON + 6 * HOUR, after * MINUTE)

        total = 6 * 60 // before + 6 * 60 // after
        assert (found["expected"], found["received"], found["gaps"]) == (total, total, [])


class TestGitHubsLimits:
    def test_are_unknown_before_github_said_anything(self, database: Database) -> None:
        with database.read() as session:
            found = status.github_status(session, False, NOON)

        unknown: dict[str, Any] = dict.fromkeys(("limit", "remaining", "reset_at"))
        assert found == [
            {"resource": name, **unknown, "next_request_at": "2026-03-01T12:00:00Z"}
            for name in ("search", "core")
        ]

    @pytest.mark.parametrize(
        ("authorized", "next_core"),
        [(False, "2026-03-01T12:08:45Z"), (True, "2026-03-01T12:18:45.750Z")],
    )
    def test_are_what_github_said_and_when_a_request_may_be_sent(
        self, database: Database, authorized: bool, next_core: str
    ) -> None:
        with database.write() as session:
            search = Allowance(slot(0), slot(1), 1, limit=30, remaining=0, reset_at=slot(1))
            rate_limits.save_allowance(session, "search", search)
            core = Allowance(NOON + timedelta(minutes=20), NOON)  # after a burst of requests
            rate_limits.save_allowance(session, "core", core)

        with database.read() as session:
            found = status.github_status(session, authorized, NOON)

        points = [it["resource"] for it in found[2:]]
        assert points == ["graphql"] * authorized  # which are for a token alone
        assert found[:2] == [
            {
                "resource": "search",
                "limit": 30,
                "remaining": 0,
                "reset_at": "2026-03-01T12:10:00Z",
                "next_request_at": "2026-03-01T12:10:00Z",
            },
            {
                "resource": "core",
                "limit": None,
                "remaining": None,
                "reset_at": None,
                "next_request_at": next_core,
            },
        ]


IDLE = {"queued": 0, "started": 0, "scheduled": 0, "failed": 0}


class TestRedis:
    def test_that_is_empty_has_idle_queues_and_nothing_else(self, redis: Redis) -> None:
        assert redis_status.redis_status(redis) == {
            "queues": [{"name": "default", **IDLE}, {"name": "low", **IDLE}],
            "workers": [],
            "next_runs": [],
            "jobs": [],
        }

    def test_tells_what_came_of_jobs(self, redis: Redis) -> None:
        for outcome in ("good", "failed", "good", "not in LISTS any more"):
            redis.hincrby(JOB_COUNTS, f"poll {outcome}", 1)

        assert redis_status.redis_status(redis)["jobs"] == [
            {"job": "poll", "outcome": "failed", "count": 1},
            {"job": "poll", "outcome": "good", "count": 2},
            {"job": "poll", "outcome": "not in LISTS any more", "count": 1},
        ]

    def test_that_is_out_of_reach_is_an_error(self) -> None:
        with pytest.raises(ConnectionError):
            redis_status.redis_status(queues.connect("redis://127.0.0.1:1/0", timeout=1, retries=0))

    def test_tells_jobs_by_where_they_are(self, redis: Redis) -> None:
        default, low = (Queue(name, connection=redis) for name in ("default", "low"))
        default.enqueue(print)
        default.enqueue(print)
        low.enqueue_in(HOUR, print)
        for _ in range(3):
            failed = Job.create(print, connection=redis, origin="low")
            low.failed_job_registry.add(failed, ttl=1000)

        found = redis_status.redis_status(redis)

        assert found["queues"] == [
            {"name": "default", **IDLE, "queued": 2},
            {"name": "low", **IDLE, "scheduled": 1, "failed": 3},
        ]

    @pytest.mark.parametrize(
        "name",
        [
            "one",
            "host:1",
        ],
    )
    def test_tells_workers_with_their_last_heartbeat(self, redis: Redis, name: str) -> None:
        worker = Worker(["default", "low"], connection=redis, name=name)
        worker.register_birth()
        worker.set_state(WorkerStatus.IDLE)
        redis.hset(worker.key, "last_heartbeat", "2026-03-01T12:00:00.000000Z")

        assert redis_status.redis_status(redis)["workers"] == [
            {
                "name": name,
                "hostname": socket.gethostname(),
                "pid": os.getpid(),
                "state": "idle",
                "queues": ["default", "low"],
                "last_heartbeat": "2026-03-01T12:00:00.000000Z",
            }
        ]

    def test_tells_no_worker_that_died(self, redis: Redis) -> None:
        worker = Worker(["default"], connection=redis, name="one")
        worker.register_birth()
        redis.delete(worker.key)  # as when its time to live is over; RQ tidies the set later

        assert redis_status.redis_status(redis)["workers"] == []

    def test_tells_when_what_runs_next(self, redis: Redis) -> None:
        entries = [
            Entry(name, print, STEP, timedelta(0), timeout=60) for name in ("aggregate", "poll-cpp")
        ]
        SafeScheduler(entries, redis).reconcile()
        key = Scheduler.scheduled_jobs_key
        redis.zadd(key, {f"{queues.ENTRY_PREFIX}poll-cpp": NOON.timestamp()})
        redis.zadd(key, {f"{queues.ENTRY_PREFIX}aggregate": slot(1).timestamp()})
        redis.zadd(key, {"somebody-elses": slot(2).timestamp()})

        assert redis_status.redis_status(redis)["next_runs"] == [
            {"name": "poll-cpp", "at": "2026-03-01T12:00:00Z"},
            {"name": "aggregate", "at": "2026-03-01T12:10:00Z"},
            {"name": "somebody-elses", "at": "2026-03-01T12:20:00Z"},
        ]

    def test_is_read_only(self, redis: Redis) -> None:
        worker = Worker(["default"], connection=redis, name="one")
        worker.register_birth()
        redis.delete(worker.key)
        queue = Queue("default", connection=redis)
        for registry in (queue.failed_job_registry, queue.started_job_registry):
            redis.zadd(registry.key, {"job-of-the-past": 1})  # RQ would clean that up
        before = {key: redis.dump(key) for key in redis.scan_iter()}

        redis_status.redis_status(redis)

        assert {key: redis.dump(key) for key in redis.scan_iter()} == before


class TestFailedJobs:
    def test_of_an_empty_redis_are_none(self, redis: Redis) -> None:
        assert redis_status.failed_jobs(redis) == []

    def test_are_told_with_the_last_line_of_their_traceback(self, redis: Redis) -> None:
        give_up(redis, "poll-stars", at=NOON + timedelta(milliseconds=250))

        assert redis_status.failed_jobs(redis) == [
            {
                "id": "poll-stars",
                "queue": "default",
                "at": "2026-03-01T12:00:00.250Z",
                "why": "github.Unreachable: 127.0.0.1 cannot be reached",
            }
        ]

    def test_come_oldest_first_from_all_queues(self, redis: Redis) -> None:
        give_up(redis, "third", at=slot(3))
        give_up(redis, "second", at=slot(2), queue="low")
        give_up(redis, "first", at=slot(1))
        give_up(redis, "nobody-knows-when", at=None)

        found = [(job["id"], job["queue"], job["at"]) for job in redis_status.failed_jobs(redis)]

        assert found == [
            ("nobody-knows-when", "default", None),
            ("first", "default", "2026-03-01T12:10:00Z"),
            ("second", "low", "2026-03-01T12:20:00Z"),
            ("third", "default", "2026-03-01T12:30:00Z"),
        ]

    def test_of_which_nothing_is_left_but_the_id_are_left_out(self, redis: Redis) -> None:
        redis.delete(give_up(redis, "gone").key)
        give_up(redis, "there")

        assert [job["id"] for job in redis_status.failed_jobs(redis)] == ["there"]

    @pytest.mark.parametrize("why", ["", " \n"])
    def test_without_a_traceback_say_so(self, redis: Redis, why: str) -> None:
        give_up(redis, "poll-stars", why=why)

        assert [job["why"] for job in redis_status.failed_jobs(redis)] == ["no reason was recorded"]

    def test_without_any_result_say_that_no_reason_was_recorded(self, redis: Redis) -> None:
        job = give_up(redis, "poll-stars")
        redis.delete(Result.get_key(job.id))

        assert [job["why"] for job in redis_status.failed_jobs(redis)] == ["no reason was recorded"]

    def test_are_read_without_a_change(self, redis: Redis) -> None:
        give_up(redis, "poll-stars")
        redis.zadd("rq:failed:default", {"of-the-past": 1})  # RQ would clean that up
        before = {key: redis.dump(key) for key in redis.scan_iter()}

        redis_status.failed_jobs(redis)

        assert {key: redis.dump(key) for key in redis.scan_iter()} == before

    def test_cannot_be_told_where_redis_is_out_of_reach(self) -> None:
        with pytest.raises(ConnectionError):
            redis_status.failed_jobs(queues.connect("redis://127.0.0.1:1/0", timeout=1, retries=0))


def test_a_status_that_could_not_be_made_is_not_kept(
    database: Database, settings: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = status.LiveStatus(database, redis, settings)
    with monkeypatch.context() as patch:
        patch.setattr(database, "read", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            kept.now()

    assert kept.now()["build"] is None
    assert kept.now() is kept.now()
