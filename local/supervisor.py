"""Processes kept running: one that ends is started again, until this program is told to end."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import FrameType
from typing import Self

ENDS_WITHIN = 8  # seconds that processes have to end by themselves
SHORTEST_PAUSE, LONGEST_PAUSE = 1, 60  # seconds before a process is started again; it doubles
LASTED = 60  # seconds after which a process counts as having run well
# A shell that outlives the supervisor, even a killed one: the end of its input says that it is
# gone. The last line it read names the process groups that then have to end, or are killed.
GUARD = f"""while read -r line; do groups=$line; done; [ -z "$groups" ] && exit
kill -s TERM -- $groups; sleep {ENDS_WITHIN}; kill -s KILL -- $groups 2> /dev/null"""


@dataclass(slots=True)
class Process:
    """A command that is to be running. `pass_fds`: open files that it inherits."""

    name: str
    command: Sequence[str]
    pass_fds: Sequence[int] = ()
    running: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    start_at: float = field(default=0, init=False)  # both by time.monotonic()
    started_at: float = field(default=0, init=False)
    pause: float = field(default=SHORTEST_PAUSE, init=False)

    def start(self, environment: Mapping[str, str], folder: Path) -> None:
        """Start it in a session of its own: Ctrl-C reaches the supervisor alone, which ends all in
        good order. Its output is ours, so nobody has to read and write it again."""
        self.started_at = time.monotonic()
        self.running = subprocess.Popen(
            self.command,
            env=environment,
            cwd=folder,
            pass_fds=self.pass_fds,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def lives(self) -> bool:
        return self.running is not None and self.running.poll() is None

    def note_end(self) -> None:
        """Plan the next start of a process that has ended: later each time it does so soon."""
        assert self.running is not None
        status, lived = self.running.returncode, time.monotonic() - self.started_at
        pause = SHORTEST_PAUSE if lived > LASTED else self.pause
        how = f"signal {-status}" if status < 0 else f"status {status}"
        say(f"{self.name} ended with {how}; it is started again in {pause:.0f} s")
        self.running, self.start_at = None, time.monotonic() + pause
        self.pause = min(2 * pause, LONGEST_PAUSE)

    def signal(self, number: int) -> None:
        """Send a signal to it and to all that it started."""
        if self.running is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.running.pid, number)


class Supervisor:
    """Keeps processes running until SIGTERM, SIGINT or SIGHUP; a context manager.

    At its end, all are ended in reverse order of `add`, those added at once together. Whoever
    kills it outright ends them, too: see GUARD.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.environment = environment
        self.told_to_end = False
        self._folder = folder
        self._stages: list[list[Process]] = []
        # Any signal writes into it. An Event would be set by handlers that interrupt whoever holds
        # its lock, which is this same thread: it would wait for itself.
        self._woken, self._waker = os.pipe()

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._end)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)  # it wakes all the same
        for end_of_pipe in (self._woken, self._waker):
            os.set_blocking(end_of_pipe, False)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD], stdin=subprocess.PIPE, start_new_session=True
        )
        return self

    def __exit__(self, *exc_info: object) -> None:
        for stage in reversed(self._stages):
            end(stage)
        self._tell_guard()
        assert self._guard.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._guard.stdin.close()
        self._guard.wait()
        signal.set_wakeup_fd(-1)
        os.close(self._woken)
        os.close(self._waker)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.told_to_end = True

    def add(self, *processes: Process) -> None:
        """Start processes, and keep them running from the next `run` on."""
        self._stages.append(list(processes))
        self._tend()

    def run(self) -> None:
        """Keep all processes running until told to end."""
        while not self.told_to_end:
            self._tend()
            waiting = [process.start_at for process in self._processes() if not process.running]
            until = min(waiting, default=None)
            patience = None if until is None else max(0, until - time.monotonic())
            if select.select([self._woken], [], [], patience)[0]:
                os.read(self._woken, 1_000)

    def _processes(self) -> Iterator[Process]:
        return chain.from_iterable(self._stages)

    def _tend(self) -> None:
        """Notice which processes have ended, and start those that are due."""
        for process in self._processes():
            if process.running is not None and process.running.poll() is not None:
                process.note_end()
            if process.running is None and time.monotonic() >= process.start_at:
                process.start(self.environment, self._folder)
                self._tell_guard()

    def _tell_guard(self) -> None:
        groups = [
            f"-{process.running.pid}"
            for process in self._processes()
            if process.running is not None
        ]
        assert self._guard.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._guard.stdin.write(f"{' '.join(groups)}\n".encode())
            self._guard.stdin.flush()


def end(processes: Collection[Process]) -> None:
    """End processes: asked first, killed when they take too long."""
    for process in processes:
        process.signal(signal.SIGTERM)
    deadline = time.monotonic() + ENDS_WITHIN
    for process in processes:
        if process.running is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.running.wait(max(0, deadline - time.monotonic()))
            process.signal(signal.SIGKILL)  # what it started and left behind, too
            process.running.wait()
            process.running = None


def say(line: str) -> None:
    """Write a line to the standard output, or nowhere once that is gone: a closed terminal must
    not keep the processes from being ended in good order."""
    with contextlib.suppress(OSError):
        sys.stdout.write(f"starboard: {line}\n")
        sys.stdout.flush()
