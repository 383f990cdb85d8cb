"""Checks of the live status: what is wrong now, each with a name that stays while it lasts, and a
sentence. The status page shows them, and notifications tell when one begins and ends."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from core import clock
from core.clock import HOUR
from core.words import duration
from monitoring.status import ListStatus, Status
from settings import Settings

MOST_TOLD = 5  # repositories that GitHub withholds
LATELY = 2 * HOUR  # for which a missed poll counts as something that is wrong now

Finding = tuple[str, str]  # what the trouble is of, "" where it can be of one thing only; sentence
Check = Callable[[Status, Settings, datetime], Iterator[Finding]]


def findings(live: Status, settings: Settings, now: datetime) -> dict[str, str]:
    """Return the troubles of now, worst first: a sentence by a name that is the same tomorrow."""
    return {
        f"{check.__name__.strip('_').replace('_', '-')} {subject}".strip(): sentence
        for check in CHECKS
        for subject, sentence in check(live, settings, now)
    }


def troubles(live: Status, settings: Settings, now: datetime) -> list[str]:
    """Return the troubles of now, a sentence each, worst first."""
    return list(findings(live, settings, now).values())


def names_of_lists(polled: Sequence[ListStatus], settings: Settings) -> str:
    """The titles of lists in a sentence; of more than four, the first three and a number."""
    names = [settings.ranked(status["slug"]).title for status in polled]
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} other lists"
    return " and ".join(", ".join(names).rsplit(", ", 1))


def _nothing_built(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    if live["build"] is None:
        yield "", "Nothing is published yet: the first poll and the first build are still to come."


def _no_worker(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    if live["workers"] is None:
        yield (
            "",
            "Redis cannot be reached, so no job can run. What is stored is served all the same.",
        )
    elif not live["workers"]:
        yield "", "No worker runs, so nothing is polled and nothing is built."


def _build_late(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    build, every = live["build"], settings.aggregate_every
    if build and timedelta(seconds=build["age_seconds"]) > 2 * every:
        age = duration(build["age_seconds"])
        yield "", f"The last build is {age} old; one is due every {duration(every)}."


def _lists_old(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    if old := [polled for polled in live["lists"] if _is_old(polled, settings)]:
        yield "", f"{names_of_lists(old, settings)} had no good poll lately."


def _polls_missed(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    missed = [
        polled
        for polled in live["lists"]
        if not _is_old(polled, settings)
        and any(clock.parse(gap["to"]) > now - LATELY for gap in polled["gaps"])
    ]
    if missed:
        yield "", f"{names_of_lists(missed, settings)} missed polls in the last {duration(LATELY)}."


def _jobs_given_up(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    for queue in live["queues"] or ():
        if failed := queue["failed"]:
            jobs_were = "job was" if failed == 1 else "jobs were"
            yield queue["name"], f"{failed} {jobs_were} given up in the queue {queue['name']}."


def _github_not_asked(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    for limit in live["github"]:
        next_request = clock.parse(limit["next_request_at"])
        if next_request > now + settings.poll_every:
            resource = limit["resource"]
            yield resource, f"GitHub is not asked ({resource}) before {next_request:%H:%M} UTC."


def _watch_fails(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    for watched in live["watched"]:
        if watched["last_error"]:
            name = watched["full_name"]
            yield name, f"{name}, which is watched: {watched['last_error']}."


def _withheld(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    told = live["troubles"][:MOST_TOLD]
    for trouble in told:
        yield trouble["subject"], f"{trouble['subject']}: {trouble['why']}."
    if others := len(live["troubles"]) - len(told):
        yield "", f"GitHub withholds {others} more; /api/v1/status names them all."


def _is_old(polled: ListStatus, settings: Settings) -> bool:
    """Return whether a list had no good poll for two intervals; a list just begun is not old."""
    age = polled["age_seconds"]
    late = age is None or timedelta(seconds=age) > 2 * settings.poll_every
    return polled["expected"] > 1 and late


CHECKS: tuple[Check, ...] = (  # worst first
    _nothing_built,
    _no_worker,
    _build_late,
    _lists_old,
    _polls_missed,
    _jobs_given_up,
    _github_not_asked,
    _watch_fails,
    _withheld,
)
