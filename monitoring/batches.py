"""What a request leaves for a moment later, when it is done for many at once."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

MOST = 100_000  # that wait; where nobody takes them, the oldest are dropped


class Batch(Generic[T]):
    """Items that a thread hands to `handle` together, within `seconds` of the first.

    The thread is no daemon, so that a process that ends in good order leaves nothing behind.
    """

    def __init__(self, handle: Callable[[list[T]], None], seconds: float) -> None:
        self._handle = handle
        self._seconds = seconds
        self._items: deque[T] = deque(maxlen=MOST)
        self._is_due = threading.Lock()  # held while a thread is about to handle them

    def add(self, item: T) -> None:
        self._items.append(item)
        self._run_soon()

    def _run_soon(self) -> None:
        if self._is_due.acquire(blocking=False):
            try:
                threading.Timer(self._seconds, self._run).start()
            except RuntimeError:  # the system has no thread to spare: the next item tries again
                self._is_due.release()

    def handle_now(self) -> None:
        """Handle those that wait."""
        if items := [self._items.popleft() for _ in range(len(self._items))]:
            self._handle(items)

    def _run(self) -> None:
        try:
            self.handle_now()
        finally:
            self._is_due.release()
        if self._items:  # added amid that
            self._run_soon()
