"""One-off jobs for many files: queued at once or spread over time, and followed to their end."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import msgspec
from redis import Redis
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job, JobStatus

import queues
from core import clock
from history.importer import Tally

TIMEOUT = 600  # seconds for a job

PAUSE = 0.5  # seconds between looks, each of which takes a millisecond a job from the workers

PATIENCE = 10  # looks without a worker until that is told: one that starts may need seconds

NOBODY = f"no worker listens on queue {queues.LOW}: start one, or use --here"

UNREADABLE = "what its job told cannot be read: are all workers of this version?"

PENDING = (JobStatus.QUEUED, JobStatus.STARTED, JobStatus.SCHEDULED)


def run_all(
    batches: Sequence[Sequence[Path]],
    spread: timedelta,
    redis: "Redis",
    warn: Callable[[str], object] = print,
) -> Iterator[Tally]:
    """Import files with the workers, and give what came of each batch as it is done.

    A batch that is under way already, for another command or one that was stopped, is waited for;
    one that Redis lost is queued again. `warn` is told when no worker has been there for a moment;
    the batches go on waiting for one. Raises redis.RedisError.
    """
    queue = Queue(queues.LOW, connection=redis)
    waiting = {}
    unread: set[str] = set()  # jobs whose result could not be read once
    alone = 0  # looks in a row without a worker
    for number, batch in enumerate(batches):
        job = _job(batch, redis)
        waiting[job.id] = batch
        _enqueue(queue, job, spread * number / len(batches))
    while waiting:
        for job_id, batch in list(waiting.items()):
            there = _fetch(job_id, redis)
            if there is None:
                _enqueue(queue, _job(batch, redis), timedelta(0))
                continue
            if there.get_status(refresh=False) in PENDING:
                continue
            tally = _outcome(there, batch)
            if tally is None and job_id not in unread:
                unread.add(job_id)
                _enqueue(queue, _job(batch, redis), timedelta(0))
                continue
            yield tally or _not_imported(batch, UNREADABLE)
            del waiting[job_id]
        alone = 0 if queues.has_worker(queue) else alone + 1
        if alone == PATIENCE:
            warn(NOBODY)
        time.sleep(PAUSE)


def _outcome(job: Job, batch: Sequence[Path]) -> Tally | None:
    """Return what a job that ended has told; None where that cannot be read: an older version left
    a pickle of a class that is gone. To import the files again is idempotent."""
    if job.get_status(refresh=False) != JobStatus.FINISHED:
        return _not_imported(batch, f"its job was given up: {queues.error_of(job)}")
    try:
        result = job.latest_result()
        return msgspec.convert(result and result.return_value, Tally)
    except Exception:  # whatever a pickle raises
        return None


def _not_imported(batch: Sequence[Path], why: str) -> Tally:
    return Tally(files=len(batch), bad=[(str(path), why) for path in batch])


def _job(batch: Sequence[Path], redis: "Redis") -> Job:
    names = [str(path) for path in batch]
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]
    return queues.make_job(
        "jobs.import_files",
        (names,),
        job_id=f"import-{digest}",
        description=f"import of {names[0]} and {len(names) - 1} more",
        queue=queues.LOW,
        timeout=TIMEOUT,
        connection=redis,
    )


def _enqueue(queue: Queue, job: Job, after: timedelta) -> None:
    there = _fetch(job.id, queue.connection)
    if there is not None and there.get_status(refresh=False) in PENDING:
        return
    if there is not None:
        there.delete()
    if after:
        queue.schedule_job(job, clock.now() + after)
    else:
        queue.enqueue_job(job)


def _fetch(job_id: str, redis: "Redis") -> Job | None:
    with suppress(NoSuchJobError):
        return Job.fetch(job_id, connection=redis)
    return None
