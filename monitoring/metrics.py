"""Metrics for Prometheus: requests are counted by the web processes as they answer, all else is
read from the live status when it is asked for."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitoring.batches import Batch
from monitoring.status import Status
from queues import JOB_NAMES as JOBS

READS = ("GET", "HEAD")

OTHER = "other"

SOON = 0.5  # seconds

CONTENT_TYPE = CONTENT_TYPE_LATEST

SHARED = (
    "PROMETHEUS_MULTIPROC_DIR"  # the folder in which web processes add up; the Procfile sets it
)

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds

Observe = Callable[[float], None]

REQUESTS = Histogram(
    "starboard_http_request_duration_seconds",
    "Time from a request to its answer; its count is that of the requests.",
    ("route", "method", "status"),
    registry=None,
    buckets=BUCKETS,
)


def observe(route: str | None, method: str, status: int) -> Observe:
    """Return the function that takes the seconds of a request. `route` is a pattern, or None where
    none fits; of methods there may be any number, so those that are not served are one."""
    known = method if method in READS else OTHER
    return REQUESTS.labels(route or OTHER, known, str(status)).observe


def _tell(requests: list[tuple[Observe, float]]) -> None:
    for observe, seconds in requests:
        observe(seconds)


# To add to files that processes share takes longer than to send what is cached.
untold = Batch(_tell, SOON)


def exposition(status: Status | None) -> bytes:
    """All metrics in Prometheus' text format: the requests of all web processes, and `status`; None
    where the database cannot be asked."""
    untold.handle_now()
    registry = CollectorRegistry()
    if os.environ.get(SHARED):
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REQUESTS)
    registry.register(_StatusCollector(status))
    return generate_latest(registry)


class _StatusCollector(Collector):
    def __init__(self, status: Status | None) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "starboard_database_up",
            "Whether the web process can ask the database.",
            int(self._status is not None),
        )
        if self._status is None:
            return
        for gauge in GAUGES:
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            for *of, value in gauge.values(self._status):
                if value is not None:  # what nobody knows is left out
                    family.add_metric(of, value)
            yield family
        ended = CounterMetricFamily(
            "starboard_jobs", "Runs of jobs by what came of them.", labels=("job", "outcome")
        )
        counted = {(run["job"], run["outcome"]): run["count"] for run in self._status["jobs"] or []}
        if self._status["jobs"] is not None:  # so that the first failure is seen to be one more
            counted = dict.fromkeys(((job, "failed") for job in JOBS), 0) | counted
        for labels, count in counted.items():
            ended.add_metric(labels, count)
        yield ended


@dataclass(frozen=True, slots=True)
class Gauge:
    """A metric of the status: the values of its labels, then its own; None where it is unknown."""

    name: str
    help: str
    labels: tuple[str, ...]
    values: Callable[[Status], Iterable[tuple[Any, ...]]]


GAUGES = (
    Gauge(
        "starboard_poll_age_seconds",
        "Time since GitHub gave the newest good answer for a list.",
        ("list",),
        lambda status: [(polled["slug"], polled["age_seconds"]) for polled in status["lists"]],
    ),
    Gauge(
        "starboard_polls_expected",
        "Polls of a list that were due in the last 24 hours.",
        ("list",),
        lambda status: [(polled["slug"], polled["expected"]) for polled in status["lists"]],
    ),
    Gauge(
        "starboard_polls_received",
        "Of the expected polls of a list, those with a good answer.",
        ("list",),
        lambda status: [(polled["slug"], polled["received"]) for polled in status["lists"]],
    ),
    Gauge(
        "starboard_polls_suspect",
        "Of the expected polls of a list, those with an answer that is not believed.",
        ("list",),
        lambda status: [
            (polled["slug"], sum(span["slots"] for span in polled["suspects"]))
            for polled in status["lists"]
        ],
    ),
    Gauge(
        "starboard_watch_age_seconds",
        "Time since GitHub was last asked for a watched repository.",
        ("repository",),
        lambda status: [
            (watched["full_name"], watched["age_seconds"]) for watched in status["watched"]
        ],
    ),
    Gauge(
        "starboard_watch_failing",
        "Whether GitHub's last answer about a watched repository was an error.",
        ("repository",),
        lambda status: [
            (watched["full_name"], watched["last_error"] is not None)
            for watched in status["watched"]
        ],
    ),
    Gauge(
        "starboard_document_age_seconds",
        "Time since the documents were built.",
        (),
        lambda status: [(build["age_seconds"],) for build in [status["build"]] if build],
    ),
    Gauge(
        "starboard_github_requests_limit",
        "Requests that GitHub allows from one reset to the next, as it last said.",
        ("resource",),
        lambda status: [(budget["resource"], budget["limit"]) for budget in status["github"]],
    ),
    Gauge(
        "starboard_github_requests_remaining",
        "Requests that GitHub allows until the next reset, as it last said.",
        ("resource",),
        lambda status: [(budget["resource"], budget["remaining"]) for budget in status["github"]],
    ),
    Gauge(
        "starboard_redis_up",
        "Whether the web process reaches Redis.",
        (),
        lambda status: [(status["queues"] is not None,)],
    ),
    Gauge(
        "starboard_queue_jobs",
        "Jobs of a queue by what they wait for.",
        ("queue", "state"),
        lambda status: [
            (queue["name"], state, count)
            for queue in status["queues"] or []
            for state, count in queue.items()
            if state != "name"
        ],
    ),
    Gauge(
        "starboard_workers",
        "Workers that Redis knows.",
        (),
        lambda status: [(len(workers),) for workers in [status["workers"]] if workers is not None],
    ),
)
