"""A connection to Postgres that gives up on a server which does not answer."""

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg.errors import OperationalError

T = TypeVar("T")


class ImpatientConnection(psycopg.Connection[Any]):
    """Waits `patience` seconds at most for an answer; then it is closed, and the pool makes one.

    Postgres' own `statement_timeout` ends what waits for a lock. It ends nothing where the server
    itself hangs, nor do timeouts of TCP, as long as that machine's kernel answers.
    """

    patience: float

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **options: Any) -> T:
        return super().wait(self._until(time.monotonic() + self.patience, gen), *args, **options)

    def _until(self, deadline: float, steps: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """Go on with psycopg's waiting, which is told ten times a second that nothing came."""
        try:
            state = next(steps)
            while True:
                ready = yield state
                if time.monotonic() > deadline:
                    self.pgconn.finish()
                    raise OperationalError(f"no answer within {self.patience:g} s")
                state = steps.send(ready)
        except StopIteration as end:
            result: T = end.value
            return result


def connect(patience: float, *args: Any, **options: Any) -> ImpatientConnection:
    """Connect as psycopg does."""
    connection = ImpatientConnection.connect(*args, **options)
    connection.patience = patience
    return connection
