"""Helpers of several tests that are no fixtures."""

import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from flask import Flask

from core import clock
from settings import Settings
from store import documents
from store.database import MIGRATIONS, connect

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"  # real input, where a developer has it

UNSET = ("DATABASE_URL", "REDIS_URL", "GITHUB_TOKEN", "GITHUB_API_URL", "POLL_MINUTES", "DYNO")

NOBODY = "postgresql://starboard:pass-word@127.0.0.1:1/starboard"  # nobody listens there

NEEDED = str(ScriptDirectory(str(MIGRATIONS)).get_current_head())  # the schema of this version

MakeSettings = Callable[..., Settings]
MakeApp = Callable[..., Flask]


def wait_until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """The first result of a condition that is true."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)
    return result


def amid_a_slot(every: timedelta, least: timedelta, offset: timedelta = timedelta(0)) -> datetime:
    """The current slot, once at least so much of one is left: what follows shares it. `offset`: by
    how much a tick is later than its slot."""
    left = clock.next_tick(clock.now(), every, offset) - clock.now()
    if left < least:
        time.sleep(left.total_seconds() + 0.1)
    return clock.floor(clock.now(), every)


def with_redis(status: Any) -> Any:
    """A status; None where Redis did not answer within the second that it is given."""
    return status if status and status["queues"] is not None else None


def counts(response: Any) -> list[tuple[str, int]]:
    """The repositories of a list with their stars. Gains come as star histories are read."""
    return [(item["full_name"], item["stars"]) for item in response.json()["items"]]


def published(settings: Settings, name: str) -> bool:
    """Return whether a document is out."""
    with connect(settings) as database, database.read() as session:
        return documents.is_published(session, name)


def running() -> dict[int, int]:
    """The processes of this machine, each with its parent; without those that have ended and
    wait to be noticed."""
    table = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in table.splitlines()]
    return {int(pid): int(parent) for pid, parent, state in rows if "Z" not in state}


def descendants(pids: list[int]) -> set[int]:
    """Processes and all that descend from them."""
    found = list(pids)
    for pid in found:
        found += [child for child, parent in running().items() if parent == pid]
    return set(found)
