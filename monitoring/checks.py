"""Checks of the live status: what is wrong now, each with a name that stays while it lasts, and a
sentence. The status page shows them, and notifications tell when one begins and ends."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from core import clock
from core.clock import HOUR
from core.words import duration
from monitoring.status import ListStatus, Status
from settings import Settings

MOST_TOLD = 5  # repositories that GitHub withholds
LATELY = 2 * HOUR  # for which a missed poll counts as something that is wrong now

Finding = tuple[str, str]  # what the trouble is of, "" where it can be of one thing only; sentence
Check = Callable[[Status, Settings, datetime], Iterator[Finding]]


class Trouble(NamedTuple):
    """What is wrong, and what to do about it; the alerts of docs/alerts.yml say the same."""

    sentence: str
    action: str


def findings(live: Status, settings: Settings, now: datetime) -> dict[str, str]:
    """Return the troubles of now, worst first: a sentence by a name that is the same tomorrow."""
    return {
        f"{check.__name__.strip('_').replace('_', '-')} {subject}".strip(): sentence
        for check in CHECKS
        for subject, sentence in check(live, settings, now)
    }


def troubles(live: Status, settings: Settings, now: datetime) -> list[Trouble]:
    """Return the troubles of now, worst first; those of watched repositories are one."""
    found = []
    for check, action in CHECKS.items():
        sentences = [sentence for _, sentence in check(live, settings, now)]
        if check is _watch_fails and len(sentences) > 1:
            sentences = [_together(live)]
        found += [Trouble(sentence, action) for sentence in sentences]
    return found


def _together(live: Status) -> str:
    failing = [watched for watched in live["watched"] if watched["last_error"]]
    told = [f"{each['full_name']}: {each['last_error']}" for each in failing[:MOST_TOLD]]
    more = f"; and {len(failing) - len(told)} more" if len(failing) > len(told) else ""
    return f"{len(failing)} watched repositories fail: {'; '.join(told)}{more}."


def names_of_lists(polled: Sequence[ListStatus], settings: Settings) -> str:
    """The titles of lists in a sentence; of more than four, the first three and a number."""
    names = [settings.ranked(status["slug"]).title for status in polled]
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} other lists"
    return " and ".join(", ".join(names).rsplit(", ", 1))


def _nothing_built(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    if live["build"] is None:
        yield "", "Nothing is published yet: the first poll and the first build are still to come."


def _redis_away(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    if live["workers"] is None:
        away = "Redis cannot be reached, so no job can run."
        yield "", f"{away} What is stored is served all the same."


def _no_worker(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    if live["workers"] is not None and not live["workers"]:
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


CHECKS: Mapping[Check, str] = {  # worst first, each with what to do
    _nothing_built: "That takes a minute or two after a start; else see the worker's log.",
    _redis_away: "Start Redis; the schedule puts itself back.",
    _no_worker: "Start `python worker.py`, and look in its log at why it ended.",
    _build_late: "Does the scheduler run? `flask --app app jobs` lists what failed.",
    _lists_old: "The list's last error below says why; the next slot is tried by itself.",
    _polls_missed: "Look at the last errors below, GitHub's limit and the workers.",
    _jobs_given_up: "`flask --app app jobs` says why, and with `--requeue` tries again.",
    _github_not_asked: "It is asked again then. A GITHUB_TOKEN, or another, has its own limit.",
    _watch_fails: "Was it deleted, or renamed? WATCH names it; the next slot tries again.",
    _withheld: "It may be blocked, private or deleted; it is tried again, and stops nothing else.",
}
