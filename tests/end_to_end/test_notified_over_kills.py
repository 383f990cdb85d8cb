"""Notifications over kills: whatever moment a process dies at that sends them, no news is lost,
and none comes under two ids."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from functools import partial
from random import Random
from typing import Any

import pytest

from core.clock import HOUR
from core.notify_setting import Notify
from models import Event
from monitoring import notifying, targets
from monitoring.targets import targets_of
from settings import Settings
from store.database import Database, connect
from tests.support.notified import webhooks
from tests.support.stored import NOON, STARS, put, repo

KILLS = 200
NEW = 1  # events that come up before each kill

EVERY = 2 * HOUR  # so that what was being sent is due again, however often that happened


def events_come_up(database: Database, number: int) -> None:
    with database.write() as session:
        for each in range(NEW * number, NEW * (number + 1)):
            detail = {"stars": each}
            row = Event(slot=NOON, list_id=1, repository_id=1, kind="milestone", detail=detail)
            session.add(row)
            session.flush()


def tell(
    database: Database, settings: Settings, now: datetime, begun: Callable[[], object] = int
) -> dict[str, int]:
    def send(*what: Any) -> str | None:
        begun()
        why = targets.send(*what)
        begun()  # sent, and not noted yet
        return why

    chosen = targets_of(settings.notify)
    notifying.fill(database, settings, chosen, now)
    return notifying.drain(database, settings, chosen, lambda: 9.0, lambda: now, send)


def kill_telling(settings: Settings, times: int) -> list[int]:
    """Kill a forked child amid filling the outbox, amid sending or right after, again and again;
    gives how each ended."""
    random, statuses = Random(1), []
    with connect(settings) as database:
        # Loads Apprise, as a worker does, and prepares the statements.
        notifying.fill(database, settings, targets_of(settings.notify), NOON)
        for number in range(times):
            events_come_up(database, number)
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    begun = partial(os.write, writing, b".")
                    begun()
                    tell(database, settings, NOON + number * EVERY, begun)
                    signal.pause()
                finally:
                    os._exit(1)
            os.close(writing)
            for _ in range(random.choice((1, 2, 3))):  # it began, began to send, or has sent
                os.read(reading, 1)
            time.sleep(random.uniform(0, 0.02))
            os.kill(child, signal.SIGKILL)
            statuses.append(os.waitpid(child, 0)[1])
            os.close(reading)
    return statuses


@pytest.mark.sqlite  # on Postgres it takes a minute, most of it to connect
def test_killed_200_times_amid_telling_nothing_is_lost_and_nothing_has_two_ids(
    database: Database, settings: Settings
) -> None:
    put(database, repo())
    with webhooks() as hooks:
        told = Settings(
            database_url=settings.database_url,
            lists=(STARS,),
            notify=Notify(urls=f"json://{hooks.host}/hook"),
            watch=("quiet/harbor-1",),
        )
        tell(database, told, NOON)  # from here on there is news
        spawn = multiprocessing.get_context("spawn")  # a process without threads, which may fork
        with ProcessPoolExecutor(1, spawn) as driver:
            statuses = driver.submit(kill_telling, told, KILLS).result(timeout=300)
        amid = len(hooks.got)
        last = tell(database, told, NOON + (KILLS + 12) * EVERY)

    assert statuses == [signal.SIGKILL] * KILLS
    assert amid > KILLS / 4 and last["failed"] == 0
    messages = hooks.messages()
    ids = {it["detail"]["stars"]: it["cursor"] for it in messages}
    assert set(ids) == set(range(NEW * KILLS))
    assert len(set(ids.values())) == len({str(it) for it in messages}) == NEW * KILLS
    assert len(messages) <= NEW * KILLS + KILLS  # each that came again, after a kill
