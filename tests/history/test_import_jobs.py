"""Imports by workers: batches queued, followed, taken up again and told."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from redis import Redis
from rq import Queue, SimpleWorker
from rq.job import Job, JobStatus
from rq.results import Result
from structlog.testing import CapturingLogger

from core import clock
from core.clock import EPOCH
from history import import_jobs, importer
from history.importer import Tally
from monitoring import job_runs
from queues import has_worker
from settings import Settings
from store.database import Database
from tests.support.archive import line, write_day
from tests.support.imported import bring, contents, sums
from tests.support.jobs import end_as_an_older_version

NOW = EPOCH + timedelta(days=20_000)
AT_ONCE = timedelta(0)

Step = Callable[[], object]
RunAll = Callable[..., list[Tally]]


class Killed(BaseException):
    """Ends a command at any place."""


def kill() -> None:
    raise Killed


@pytest.fixture
def queue(redis: Redis) -> Queue:
    return Queue("low", connection=redis)


@pytest.fixture
def work(
    redis: Redis, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Step:
    """Does all that is queued, in this process."""
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("LISTS", "stars")

    def work() -> None:
        worker = SimpleWorker(["low"], connection=redis)
        worker.work(burst=True, logging_level=None)  # type: ignore[arg-type]

    return work


@pytest.fixture
def run_all(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> RunAll:
    """Follows batches to their end; between looks one thing after the other happens."""

    def run_all(
        batches: list[list[Path]], *meanwhile: Step, spread: timedelta = AT_ONCE, **options: Any
    ) -> list[Tally]:
        steps = chain(meanwhile, [nothing] * 9)
        sleep = SimpleNamespace(sleep=lambda _: next(steps, wait_for_ever)())
        monkeypatch.setattr(import_jobs, "time", sleep)
        return list(import_jobs.run_all(batches, spread, redis, **options))

    return run_all


@pytest.fixture
def batches(tmp_path: Path) -> list[list[Path]]:
    """Three batches of two days."""
    first = date(2025, 1, 1)
    files = [
        write_day(tmp_path, line(), line("o/r", number), day=first + timedelta(days=number))
        for number in range(6)
    ]
    return [files[0:2], files[2:4], files[4:6]]


def nothing() -> None:
    """Time passes."""


def wait_for_ever() -> None:
    pytest.fail("it waits for ever")


def total(tallies: list[Tally]) -> Tally:
    result = Tally()
    for tally in tallies:
        result += tally
    return result


def job_of(queue: Queue, number: int = 0) -> Job:
    return Job.fetch(queue.job_ids[number], connection=queue.connection)


def give_up(queue: Queue, why: str) -> None:
    """End the first job as a worker does whose last try of it failed."""
    job = job_of(queue)
    queue.remove(job)
    job.set_status(JobStatus.FAILED)
    Result.create_failure(job, 1000, why)


def end_first_as_an_older_version(queue: Queue) -> None:
    job = job_of(queue)
    queue.remove(job)
    end_as_an_older_version(job)


class TestResults:
    def test_are_plain_data_that_every_version_reads(
        self, batches: list[list[Path]], work: Step, redis: Redis, database: Database
    ) -> None:
        Queue("low", connection=redis).enqueue("jobs.import_files", [*map(str, batches[0])])

        job = job_of(Queue("low", connection=redis))
        work()

        found = job.latest_result()
        assert found is not None
        assert json.loads(json.dumps(found.return_value)) == found.return_value
        assert found.return_value["stored"] == 4

    def test_of_an_older_version_are_not_read_and_its_files_are_imported_again(
        self, batches: list[list[Path]], run_all: RunAll, work: Step, redis: Redis, queue: Queue
    ) -> None:
        tallies = run_all(batches[:1], lambda: end_first_as_an_older_version(queue), nothing, work)

        assert sums(total(tallies)) == (4, 4, 0, 0)

    def test_that_are_never_readable_are_told(
        self, batches: list[list[Path]], run_all: RunAll, queue: Queue
    ) -> None:
        def end() -> None:
            end_first_as_an_older_version(queue)

        found = total(run_all(batches[:1], end, nothing, end))

        assert [why for _, why in found.bad] == 2 * [
            "what its job told cannot be read: are all workers of this version?"
        ]

    def test_are_logged_with_repeats_apart_from_bad_rows(
        self, tmp_path: Path, work: Step, queue: Queue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write_day(tmp_path, line(), line(), line("o/r", "many"), line("o/r", 9))
        queue.enqueue("jobs.import_files", [str(path)])
        monkeypatch.setattr(job_runs, "log", logged := CapturingLogger())

        work()

        (event,) = [call.kwargs for call in logged.calls if call.args == ("import",)]
        told = {name: event[name] for name in ("rows", "stored", "repeats", "rejected")}
        assert told == {"rows": 4, "stored": 2, "repeats": 1, "rejected": 1}


class TestBatches:
    def test_are_imported_by_workers_and_told_of_each(
        self,
        batches: list[list[Path]],
        run_all: RunAll,
        work: Step,
        database: Database,
    ) -> None:
        tallies = run_all(batches, work)

        assert [sums(tally) for tally in tallies] == [(4, 4, 0, 0)] * 3
        assert [tally.files for tally in tallies] == [2, 2, 2]
        assert len(contents(database)["polls"]) == 6

    def test_come_to_the_same_as_in_one_process(
        self,
        batches: list[list[Path]],
        run_all: RunAll,
        work: Step,
        database: Database,
    ) -> None:
        run_all(batches, work)
        by_workers = contents(database)

        tally = bring(database, *(path for batch in batches for path in batch))

        assert sums(tally) == (12, 0, 12, 0)
        assert contents(database) == by_workers

    def test_wait_on_the_queue_for_what_is_not_urgent(
        self, batches: list[list[Path]], run_all: RunAll, queue: Queue
    ) -> None:
        with pytest.raises(Killed):
            run_all(batches, kill)

        job = job_of(queue)
        assert len(queue.job_ids) == 3
        assert job.args == ([str(path) for path in batches[0]],)
        assert (job.timeout, job.origin, job.retries_left) == (600, "low", 3)
        assert not Queue("default", connection=queue.connection).job_ids

    def test_may_be_none(self, run_all: RunAll) -> None:
        assert run_all([]) == []


class TestWithoutAWorker:
    def test_that_is_told_once_after_a_moment_and_goes_on_when_one_appears(
        self, batches: list[list[Path]], run_all: RunAll, work: Step
    ) -> None:
        warnings: list[str] = []
        told: list[int] = []

        def look() -> None:
            told.append(len(warnings))

        steps = [look] * (2 * import_jobs.PATIENCE)
        tallies = run_all(batches, *steps, work, warn=warnings.append)

        assert warnings == ["no worker listens on queue low: start one, or use --here"]
        assert told.index(1) == import_jobs.PATIENCE - 1
        assert sums(total(tallies)) == (12, 12, 0, 0)

    def test_but_with_a_busy_one_nothing_is_told(
        self, batches: list[list[Path]], run_all: RunAll, work: Step, redis: Redis
    ) -> None:
        busy = SimpleWorker(["default", "low"], connection=redis)
        busy.register_birth()  # type: ignore[no-untyped-call]
        warnings: list[str] = []

        steps = [nothing] * (2 * import_jobs.PATIENCE)
        run_all(batches, *steps, work, warn=warnings.append)

        assert warnings == []

    @pytest.mark.parametrize("queues", [["default"], ["low"]], ids=["of another queue", "killed"])
    def test_one_that_does_not_serve_the_queue_is_none(
        self, redis: Redis, queue: Queue, queues: list[str]
    ) -> None:
        worker = SimpleWorker(queues, connection=redis)
        worker.register_birth()  # type: ignore[no-untyped-call]
        if queues == ["low"]:
            redis.delete(worker.key)  # what was told of it has expired

        assert not has_worker(queue)


class TestTheSameCommandAgain:
    def test_waits_for_what_a_stopped_one_has_queued(
        self, batches: list[list[Path]], run_all: RunAll, queue: Queue, work: Step
    ) -> None:
        with pytest.raises(Killed):
            run_all(batches, kill)
        before = queue.job_ids
        at_start: list[str] = []

        tallies = run_all(batches, lambda: at_start.extend(queue.job_ids), work)

        assert at_start == before
        assert sums(total(tallies)) == (12, 12, 0, 0)

    def test_does_what_is_done_once_more_and_finds_nothing_new(
        self, batches: list[list[Path]], run_all: RunAll, work: Step
    ) -> None:
        run_all(batches, work)

        again = run_all(batches, work)

        assert sums(total(again)) == (12, 0, 12, 0)

    def test_tries_again_what_was_given_up(
        self, batches: list[list[Path]], run_all: RunAll, queue: Queue, work: Step
    ) -> None:
        run_all(batches[:1], lambda: give_up(queue, "boom"))

        assert sums(total(run_all(batches[:1], work))) == (4, 4, 0, 0)


class TestABatch:
    def test_that_redis_lost_is_queued_again(
        self, batches: list[list[Path]], run_all: RunAll, redis: Redis, work: Step
    ) -> None:
        tallies = run_all(batches, redis.flushall, nothing, work)

        assert sums(total(tallies)) == (12, 12, 0, 0)

    def test_that_was_given_up_is_told_with_the_reason(
        self, batches: list[list[Path]], run_all: RunAll, queue: Queue, work: Step
    ) -> None:
        why = 'Traceback (most recent call last):\n  File "x"\nOSError: the disk is full\n'

        tallies = run_all(batches, lambda: give_up(queue, why), work)

        told = "its job was given up: OSError: the disk is full"
        assert total(tallies).bad == [(str(path), told) for path in batches[0]]
        assert total(tallies).files == 6
        assert sums(total(tallies)) == (8, 8, 0, 0)

    def test_that_waits_for_its_next_try_is_waited_for(
        self,
        batches: list[list[Path]],
        run_all: RunAll,
        queue: Queue,
        work: Step,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def try_again() -> None:
            for job_id in queue.scheduled_job_registry.get_job_ids():
                queue.scheduled_job_registry.remove(job_id)
                queue.enqueue_job(Job.fetch(job_id, connection=queue.connection))
            work()

        failing = iter([True])
        real = importer.import_files

        def import_files(*args: Any, **options: Any) -> Tally:
            if next(failing, False):
                raise OSError("boom")
            return real(*args, **options)

        monkeypatch.setattr(importer, "import_files", import_files)

        tallies = run_all(batches[:1], work, nothing, try_again)

        assert sums(total(tallies)) == (4, 4, 0, 0)
        assert total(tallies).bad == []

    def test_that_was_cancelled_does_not_make_the_command_wait_for_ever(
        self, batches: list[list[Path]], run_all: RunAll, queue: Queue, work: Step
    ) -> None:
        tallies = run_all(batches, lambda: job_of(queue).cancel(), work, *[work] * 9)

        assert total(tallies).files == 6


class TestASpreadImport:
    def test_starts_its_batches_evenly_over_the_time(
        self,
        batches: list[list[Path]],
        run_all: RunAll,
        queue: Queue,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(clock, "now", lambda: NOW)

        with pytest.raises(Killed):
            run_all(batches, kill, spread=timedelta(minutes=30))

        waiting = queue.scheduled_job_registry
        later = sorted(waiting.get_scheduled_time(it) - NOW for it in waiting.get_job_ids())
        assert later == [timedelta(minutes=10), timedelta(minutes=20)]
        assert len(queue.job_ids) == 1

    def test_that_was_stopped_keeps_its_times(
        self,
        batches: list[list[Path]],
        run_all: RunAll,
        queue: Queue,
    ) -> None:
        waiting = queue.scheduled_job_registry

        def times() -> list[object]:
            return [waiting.get_scheduled_time(it) for it in waiting.get_job_ids()]

        with pytest.raises(Killed):
            run_all(batches, kill, spread=timedelta(minutes=30))
        before = times()

        with pytest.raises(Killed):
            run_all(batches, kill, spread=timedelta(minutes=30))

        assert times() == before
        assert len(before) == 2
