"""The gate keeps a thread free for what needs no database, however long the database takes."""

import re
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from local.run import procfile
from tests.support.common import wait_until
from web import gate
from web.gate import MOST, NEEDS_NO_DATABASE, Busy, Gate


class Requests:
    """Requests that are in the gate until the test lets them go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gate = Gate(2)
        self.inside = 0
        self.answers = threading.Event()
        self.seconds = 100.0
        self.threads = ThreadPoolExecutor(8)
        monkeypatch.setattr(gate.time, "monotonic", lambda: self.seconds)

    def ask(self, *, fails: bool = False) -> "Future[None]":
        return self.threads.submit(self._ask, fails)

    def _ask(self, fails: bool) -> None:
        with self.gate.held():
            self.inside += 1
            assert self.answers.wait(20)
            if fails:
                raise OperationalError(None, None, Exception("it hangs"))

    def finish(self, *asked: "Future[None]") -> None:
        self.answers.set()
        for each in asked:
            with suppress(OperationalError):
                each.result(20)
        self.answers.clear()


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    return Requests(monkeypatch)


def test_no_more_go_in_than_there_is_room_for_and_others_wait(requests: Requests) -> None:
    asked = [requests.ask() for _ in range(2)]
    wait_until(lambda: requests.inside == 2)
    third = requests.ask()
    assert not third.done()

    requests.finish(*asked, third)

    assert requests.inside == 3


def test_nobody_waits_once_nothing_moves(requests: Requests) -> None:
    asked = [requests.ask() for _ in range(2)]
    wait_until(lambda: requests.inside == 2)
    requests.seconds += gate.PATIENCE

    with pytest.raises(Busy):
        requests.ask().result(20)
    requests.finish(*asked)
    requests.finish(requests.ask())


def test_nobody_waits_while_those_before_failed(requests: Requests) -> None:
    failed = [requests.ask(fails=True) for _ in range(2)]
    wait_until(lambda: requests.inside == 2)
    requests.finish(*failed)
    asked = [requests.ask() for _ in range(2)]
    wait_until(lambda: requests.inside == 4)

    with pytest.raises(Busy):
        requests.ask().result(20)
    requests.finish(*asked)


def test_a_process_has_a_thread_more_than_may_wait(app: Flask) -> None:
    threads = re.search(r"--blocking-threads (\d+)", procfile()["web"])

    assert threads is not None
    assert int(threads[1]) > MOST
    assert set(app.view_functions) >= NEEDS_NO_DATABASE
