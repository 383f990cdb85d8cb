"""…"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from core import clock
from core.clock import DAY, HOUR, MINUTE
from monitoring.status import ListStatus, Status
from web import current
from web.page_filters import duration

LATELY = 2 * HOUR  # for which a missed poll counts as something that is wrong now


def strip(it: ListStatus, now: datetime) -> list[tuple[int, int, str]]:
    """A list's last 24 hours as spans of minutes since their start: (start, length, kind), first
    the one with polls, then those of it that were missed."""
    start = now - DAY
    every = current.settings().poll_every // MINUTE
    known = it["expected"] * every
    gaps = [
        (
            max(0, (clock.parse(gap["from"]) - start) // MINUTE),
            gap["slots"] * every,
            "missed",
        )
        for gap in it["gaps"]
    ]
    return [(max(0, 24 * 60 - known), min(known, 24 * 60), "received"), *gaps]


def troubles(live: Status, now: datetime) -> Iterable[str]:
    """What is wrong now, worst first."""
    build = live["build"]
    if build is None:
        yield "Nothing is published yet: the first poll and the first build are still to come."
    if live["workers"] is None:
        yield "Redis cannot be reached, so no job can run. What is stored is served all the same."
    elif not live["workers"]:
        yield "No worker runs, so nothing is polled and nothing is built."
    late = timedelta(seconds=build["age_seconds"]) if build else timedelta()
    settings = current.settings()
    if late > 2 * settings.aggregate_every:
        yield f"The last build is {duration(late)} old; one is due every {_every()}."
    old = [it for it in live["lists"] if _is_old(it, settings.poll_every)]
    if old:
        yield f"{names_of_lists(old)} had no good poll lately."
    missed = [it for it in live["lists"] if it not in old and _missed_lately(it, now)]
    if missed:
        yield f"{names_of_lists(missed)} missed polls in the last {duration(LATELY)}."
    for queue in live["queues"] or ():
        if queue["failed"]:
            were = "job was" if queue["failed"] == 1 else "jobs were"
            yield f"{queue['failed']} {were} given up in the queue {queue['name']}."
    for limit in live["github"]:
        if (then := clock.parse(limit["next_request_at"])) > now + settings.poll_every:
            yield f"GitHub is not asked ({limit['resource']}) before {then:%H:%M} UTC."
    for watched in live["watched"]:
        if watched["last_error"]:
            yield f"{watched['full_name']}, which is watched: {watched['last_error']}."


def _every() -> str:
    return duration(current.settings().aggregate_every)


def _missed_lately(it: ListStatus, now: datetime) -> bool:
    return any(clock.parse(gap["to"]) > now - LATELY for gap in it["gaps"])


def _is_old(it: ListStatus, every: timedelta) -> bool:
    age = it["age_seconds"]
    return it["expected"] > 1 and (age is None or timedelta(seconds=age) > 2 * every)


def names_of_lists(of: Sequence[ListStatus]) -> str:
    names = [current.settings().ranked(it["slug"]).title for it in of]
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} other lists"
    return " and ".join(", ".join(names).rsplit(", ", 1))
