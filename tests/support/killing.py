"""A forked child killed in the midst of what it does, again and again."""

import os
import signal
import time
from collections.abc import Callable
from random import Random


def kill_often(
    work: Callable[[Callable[[], object]], object], times: int, longest: float
) -> list[int]:
    """Kill children that work without an end, each up to `longest` seconds after it called what it
    is given; gives how each ended. The process may have no threads, so that it may fork."""
    random = Random(1)
    statuses = []
    for _ in range(times):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                work(lambda: os.write(writing, b"."))  # noqa: B023  # used at once
            finally:
                os._exit(1)
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        time.sleep(random.uniform(0, longest))
        os.kill(child, signal.SIGKILL)
        statuses.append(os.waitpid(child, 0)[1])
    return statuses
