"""The RQ worker process: takes jobs off the queues, each in a forked child.

`rq worker -u $REDIS_URL --with-scheduler default low` does the same with RQ's own patience. This
one goes without RQ's scheduler of retries, for which it would fork a process: that outlives a
killed worker with a copy of its connection, to which Redis then hands the next job. scheduler.py
serves the retries.
"""

import ctypes
import gc
import logging
import os
import signal
import time
from contextlib import suppress
from types import FrameType

import structlog
from redis import Redis, RedisError
from rq import Queue, Worker
from rq.exceptions import AbandonedJobError
from rq.job import Job
from rq.worker import WorkerStatus

import queues
import settings as configuration
from monitoring import logs, targets
from settings import Settings
from store.database import check_schema_or_exit

PR_SET_PDEATHSIG = 1  # of Linux: the signal that a process gets when its parent ends
PAUSE = 5  # seconds before a worker that Redis failed starts again

CLEANING = 5  # seconds that cleaning after others may take; it takes milliseconds

log = structlog.get_logger("starboard")


class PromptWorker(Worker):
    """A worker whose death is noticed soon, and which ends soon when it is told to."""

    told_to_stop = False

    def __init__(self, connection: Redis) -> None:
        # A worker was killed, its job with it: by RQ's defaults another takes the job up after 13
        # minutes, by these and the heartbeat below in less than one.
        super().__init__(
            list(queues.QUEUES),
            connection=connection,
            queue_class=queues.NotedQueue,
            worker_ttl=30,
            maintenance_interval=5,
            job_monitoring_interval=5,
            exception_handlers=log_if_abandoned,
        )

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        # Seconds of silence after which a job is taken for abandoned; RQ's own rule gives 65.
        return 20

    def run_maintenance_tasks(self) -> None:
        """Clean up after others, as RQ does, and keep what they or a wiped Redis left behind from
        standing in the way."""
        # RQ registers a worker when it starts and never again: after Redis was wiped it would work
        # unseen. What its heartbeat wrote since has to go, or it counts as another of the name.
        if not self.connection.hexists(self.key, "birth"):
            self.connection.delete(self.key)
            self.register_birth()  # type: ignore[no-untyped-call]
            self.set_state(WorkerStatus.IDLE)
        # A worker killed in the midst of cleaning holds this lock for up to 15 minutes, in which
        # nobody finds abandoned jobs.
        for queue in self.queues:
            self.connection.expire(queue.registry_cleaning_key, CLEANING, lt=True)
        super().run_maintenance_tasks()  # type: ignore[no-untyped-call]

    def prepare_job_execution(self, job: Job, remove_from_intermediate_queue: bool = False) -> None:
        super().prepare_job_execution(job, remove_from_intermediate_queue=True)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """In the child: die with the worker, where the kernel can see to that, and not go on as a
        job that another worker soon takes up."""
        with suppress(AttributeError):  # no Linux
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self.pid:  # it died before that
            os._exit(1)
        super().main_work_horse(job, queue)

    def handle_warm_shutdown_request(self) -> None:
        """End the job at hand: it runs again from its start, which jobs are made for. Waiting
        for it could take longer than the platform waits for us."""
        self.told_to_stop = True
        queues.leave_in_time(self._leave)
        if self.horse_pid:
            self.log.setLevel(logging.ERROR)  # or RQ warns of what is meant to be
            for execution in self.executions.values():
                log.info("worker", job=execution.job_id, outcome="broken off; it will run again")
            self.kill_horse(signal.SIGTERM)

    def _leave(self) -> None:
        if self.horse_pid:
            self.kill_horse()
        log.info("worker", outcome="stopped", why="Redis does not answer")


def log_if_abandoned(job: Job, kind: type[BaseException], *rest: object) -> None:
    """Log that a job is taken over, which RQ does without a word. It calls this for any failure."""
    if issubclass(kind, AbandonedJobError):
        again = "it is run again" if job.should_retry else "it was its last try"
        log.warning("worker", job=job.id, outcome="taken over", why=f"its worker died; {again}")


def preload(settings: Settings) -> None:
    """Load what jobs run and prepare the statements of a poll, for all forked children: to do so
    anew took each of them five times as long as a poll that finds nothing to do."""
    import jobs

    if released := os.environ.get("RELEASED_FD"):
        os.read(int(released), 1)  # `make run` makes the schema meanwhile
    check_schema_or_exit(settings)
    jobs.prepare(settings)
    gc.collect()
    gc.freeze()  # or the children's garbage collection would copy all of it


def main() -> None:
    settings = configuration.or_exit()
    logs.configure(settings)
    targets.check_or_exit(settings)  # it loads Apprise if there are any, so that no job has to
    preload(settings)
    stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        raise SystemExit

    def heed_signals() -> None:
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)

    while not stopping:
        heed_signals()
        connection = queues.connect(settings.redis_url, timeout=30, retries=30)
        try:
            worker = PromptWorker(connection)
            log.info("worker", outcome="started", queues=queues.QUEUES)
            worker.work(logging_level=None)
            stopping = worker.told_to_stop  # work() ends without an exception when Redis times out
        except RedisError as error:
            log.error("worker", outcome="Redis cannot be reached", why=str(error))
        if not stopping:
            heed_signals()  # no more those of the worker that has ended
            time.sleep(PAUSE)
    log.info("worker", outcome="stopped")


if __name__ == "__main__":
    main()
