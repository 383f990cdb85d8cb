"""What is handled later, together: soon, all of it, in order, and by one thread at a time."""

import threading

import pytest

from monitoring import batches
from monitoring.batches import Batch
from tests.support.common import wait_until


def test_what_is_added_is_handled_soon_though_nothing_follows() -> None:
    told: list[int] = []
    batch = Batch(told.extend, 0.01)

    batch.add(1)
    batch.add(2)

    wait_until(lambda: told == [1, 2])
    batch.add(3)
    wait_until(lambda: told == [1, 2, 3])


def test_one_that_never_returns_costs_one_thread_and_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "MOST", 10)
    stuck, told, threads = threading.Event(), [], threading.active_count()

    def handle(items: list[int]) -> None:
        stuck.wait()
        told.append(items)

    batch = Batch(handle, 0)
    batch.add(0)
    wait_until(lambda: not batch._items)
    for number in range(100):
        batch.add(number)

    assert threading.active_count() <= threads + 1
    stuck.set()
    wait_until(lambda: len(told) == 2)
    assert told == [[0], list(range(90, 100))]


def test_where_no_thread_can_be_started_the_next_item_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[int] = []
    batch = Batch(told.extend, 0)

    def refuse(timer: threading.Timer) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as short:
        short.setattr(threading.Timer, "start", refuse)
        batch.add(1)
    batch.add(2)

    wait_until(lambda: told == [1, 2])


def test_one_that_fails_does_not_keep_the_next_from_being_handled() -> None:
    told: list[int] = []

    def handle(items: list[int]) -> None:
        if items == [1]:
            raise ValueError
        told.extend(items)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "excepthook", lambda _: None)
        batch = Batch(handle, 0)
        batch.add(1)
        wait_until(lambda: not batch._items and not batch._is_due.locked())
        batch.add(2)
        wait_until(lambda: told == [2])
