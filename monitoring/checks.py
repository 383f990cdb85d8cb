"""Checks of the live status: what is wrong now, each with a name that stays while it lasts, and a
sentence. The status page shows them, and notifications tell when one begins and ends."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypedDict

from core import clock, gaps
from core.clock import HOUR, MINUTE
from core.schemas import Time
from core.words import duration, interval
from monitoring.status import Gap, ListStatus, Status
from settings import Settings

MOST_TOLD = 5  # repositories that GitHub withholds
LATELY = 2 * HOUR  # for which a missed poll counts as something that is wrong now
LATE = MINUTE  # after which the scheduler should have queued what was due

Finding = tuple[str, str]  # what the trouble is of, "" where it can be of one thing only; sentence
Check = Callable[[Status, Settings, datetime], Iterator[Finding]]


class Trouble(NamedTuple):
    """What is wrong, and what to do about it; the alerts of docs/alerts.yml say the same. `again`:
    when it is tried anew by itself; None where nobody knows, or somebody has to act."""

    sentence: str
    action: str
    again: datetime | None = None


class WrongStatus(TypedDict):
    """What is wrong now, and what to do about it. `next_try_at`: when it is tried anew by itself;
    null where nobody knows, or somebody has to act."""

    sentence: str
    action: str
    next_try_at: Time | None


class ToldStatus(Status):
    """The status with what its page says, worst first."""

    wrong: list[WrongStatus]


Again = Callable[[Status, Settings, datetime], datetime | None]


class Remedy(NamedTuple):
    """`needs_jobs`: while no job can run, that is the cause, and the action is to end it."""

    action: str | Callable[[Status, Settings], str]
    again: Again | None = None
    needs_jobs: bool = False


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
    without = [name for check, name in NEEDED.items() if any(check(live, settings, now))]
    for check, remedy in CHECKS.items():
        sentences = [sentence for _, sentence in check(live, settings, now)]
        if check is _watch_fails and len(sentences) > 1:
            sentences = [_together(live)]
        again = remedy.again if sentences and not without else None
        action = remedy.action if isinstance(remedy.action, str) else remedy.action(live, settings)
        if without and remedy.needs_jobs:
            action = f"No job runs without {' and '.join(without)}: see to that first."
        next_try = again(live, settings, now) if again else None
        found += [Trouble(sentence, action, next_try) for sentence in sentences]
    return found


def told_status(live: Status, settings: Settings, now: datetime) -> ToldStatus:
    """Return the status with the troubles of now."""
    wrong: list[WrongStatus] = [
        {
            "sentence": it.sentence,
            "action": it.action,
            "next_try_at": clock.rfc3339(it.again) if it.again else None,
        }
        for it in troubles(live, settings, now)
    ]
    return {**live, "wrong": wrong}


def _next_slot(live: Status, settings: Settings, now: datetime) -> datetime:
    return clock.floor(now, settings.poll_every) + settings.poll_every


def _next_build(live: Status, settings: Settings, now: datetime) -> datetime | None:
    return settings.next_build_at(now)


def _next_request(live: Status, settings: Settings, now: datetime) -> datetime | None:
    allowed = [clock.parse(limit["next_request_at"]) for limit in live["github"]]
    return min((at for at in allowed if at > now + settings.poll_every), default=None)


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
        silent = "No worker has given a sign of life for more than a minute"
        yield "", f"{silent}, so nothing is polled and nothing is built."


def _scheduler_late(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    due = [(clock.parse(run["at"]), run["name"]) for run in live["next_runs"] or ()]
    if due and min(due)[0] < now - LATE:
        at, name = min(due)
        yield "", f"The scheduler queues nothing: {name} was due at {at:%H:%M} UTC."


def _build_late(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    build, every = live["build"], settings.aggregate_every
    if build and timedelta(seconds=build["age_seconds"]) > 2 * every:
        age = duration(build["age_seconds"])
        yield "", f"The last build is {age} old; one is due every {interval(every)}."


def _lists_old(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    if old := [polled for polled in live["lists"] if _is_old(polled, settings)]:
        yield "", f"{names_of_lists(old, settings)} had no good poll lately."


def _polls_missed(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    missed = [
        polled
        for polled in live["lists"]
        if not _is_old(polled, settings)
        and _lately(polled["gaps"], now) - _lately(polled["suspects"], now)
    ]
    if missed:
        yield "", f"{names_of_lists(missed, settings)} missed polls in the last {duration(LATELY)}."


def _polls_suspect(live: Status, settings: Settings, now: datetime) -> Iterator[Finding]:
    suspect = [polled for polled in live["lists"] if _lately(polled["suspects"], now)]
    if suspect:
        yield (
            "",
            f"GitHub's answers about {names_of_lists(suspect, settings)} in the last "
            f"{duration(LATELY)} were suspect, and are not shown.",
        )


def _lately(spans: Sequence[Gap], now: datetime) -> set[datetime]:
    """Return the slots of spans that ended lately."""
    bounds = [(clock.parse(span["from"]), clock.parse(span["to"]), span["slots"]) for span in spans]
    late = [bound for bound in bounds if bound[1] > now - LATELY]
    return {
        slot
        for start, end, number in late
        for slot in gaps.slots_of(start, end, number)
        if slot + (end - start) / number > now - LATELY
    }


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


def _why_old(live: Status, settings: Settings) -> str:
    old = [polled for polled in live["lists"] if _is_old(polled, settings)]
    return LAST_ERROR if any(polled["last_error"] for polled in old) else NO_ERROR


LAST_ERROR = "last_error of the list in the status says why."
NO_ERROR = "Its polls do not end: look at the workers, their log, and GitHub's rate limit."
_HANGS = "It may hang, or have ended: look with `ps`, and in its log. End one that hangs, and start"
_SCHEDULER = "Is a scheduler running, and a worker? `flask --app app jobs` lists what failed."
CHECKS: Mapping[Check, Remedy] = {  # worst first, each with what to do
    _nothing_built: Remedy(_SCHEDULER, _next_build, needs_jobs=True),
    _redis_away: Remedy(
        "Start Redis where REDIS_URL says, such as by `valkey-server`; `make run` starts its own "
        "again. The schedule puts itself back."
    ),
    _no_worker: Remedy(f"{_HANGS} `python worker.py`."),
    _scheduler_late: Remedy(f"{_HANGS} `python scheduler.py`."),
    _build_late: Remedy(_SCHEDULER, _next_build, needs_jobs=True),
    _lists_old: Remedy(_why_old, _next_slot, needs_jobs=True),
    _polls_missed: Remedy(
        "Look at gaps and last_error of the list in the status, GitHub's rate limit, and the "
        "workers.",
        _next_slot,
        needs_jobs=True,
    ),
    _polls_suspect: Remedy(
        "GitHub's search was partial or contradicts the list, which stays as it was; what three "
        "polls in a row agree on is believed.",
        _next_slot,
    ),
    _jobs_given_up: Remedy("`flask --app app jobs` says why, and with `--requeue` tries again."),
    _github_not_asked: Remedy(
        "Somebody else uses the address or the token. Set GITHUB_TOKEN, or another one.",
        _next_request,
    ),
    _watch_fails: Remedy(
        "Was it deleted, or renamed? last_error under watched in the status says why.", _next_slot
    ),
    _withheld: Remedy(
        "It may be blocked, private or deleted; it is tried again, and stops nothing else."
    ),
}
NEEDED: Mapping[Check, str] = {  # by all jobs
    _redis_away: "Redis",
    _no_worker: "a worker",
    _scheduler_late: "the scheduler",
}
