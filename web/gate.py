"""The gate to the database: few enough requests wait for it that others find a free thread."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from sqlalchemy.exc import DBAPIError, OperationalError

# One fewer than a process has threads (--blocking-threads in the Procfile): what is cached, and
# what needs no database, is answered whatever the database does.
MOST = 3
PATIENCE = 1.0  # seconds without anybody coming in or going out after which nobody waits

NEEDS_NO_DATABASE = frozenset(
    {"site.healthz", "site.prometheus", "api.api_index", "assets.static"}
    | {"assets.favicon", "assets.robots"}
)

View = Callable[..., Any]


class Busy(OperationalError):
    """Too many wait for the database already."""

    def __init__(self) -> None:
        super().__init__(None, None, TimeoutError("it keeps other requests waiting"))


class Gate:
    """Lets so many requests at a time wait for the database. Others wait until there is room; they
    are turned away once nothing moves, and at once as long as the last one failed."""

    def __init__(self, most: int = MOST) -> None:
        self._room = threading.Semaphore(most)
        self._moved_at = time.monotonic()
        self._failing = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be one of those that wait; raises Busy where there is no room."""
        self._enter()
        failed = False
        try:
            yield
        except DBAPIError:
            failed = True
            raise
        finally:
            self._failing, self._moved_at = failed, time.monotonic()
            self._room.release()

    def _enter(self) -> None:
        if not self._room.acquire(blocking=False):
            left = 0 if self._failing else self._moved_at + PATIENCE - time.monotonic()
            if left <= 0 or not self._room.acquire(timeout=left):
                raise Busy
        self._moved_at = time.monotonic()

    def guarded(self, view: View) -> View:
        """Have a view go through the gate."""

        @wraps(view)
        def respond(**path: Any) -> Any:
            with self.held():
                return view(**path)

        return respond
