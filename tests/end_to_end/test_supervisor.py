"""The supervisor with real processes: a program of a few lines that runs it, and shells in it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import supervisor
from tests.support.common import ROOT, descendants, running, wait_until

PROGRAM = """
import os, sys
from pathlib import Path
from local.supervisor import Process, Supervisor

with Supervisor(dict(os.environ), Path(sys.argv[1])) as supervisor:
    supervisor.add(Process("base", ["sh", "-c", sys.argv[2]]))
    supervisor.add(*(Process(f"upper{i}", ["sh", "-c", it]) for i, it in enumerate(sys.argv[3:])))
    supervisor.run()
"""
WRITES_ITS_END = (
    "trap 'echo {0} >> ends; exit 0' TERM; echo $$ >> {0}; while :; do sleep 0.05; done"
)

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a supervisor of shell commands in `tmp_path`; ends it after the test."""
    started: list[subprocess.Popen[str]] = []

    def run(*commands: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path), *commands],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.terminate()
        process.communicate(timeout=30)


def pids(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def test_one_that_dies_is_started_again_with_a_growing_pause_and_the_others_go_on(
    start: Start, tmp_path: Path
) -> None:
    process = start(WRITES_ITS_END.format("base"), "date +%s.%N >> dies; exit 3")

    moments = wait_until(
        lambda: (
            (tmp_path / "dies").exists()
            and len(found := (tmp_path / "dies").read_text().split()) > 2
            and found
        )
    )

    process.terminate()
    output, _ = process.communicate(timeout=30)
    first, second, third = map(float, moments[:3])
    assert second - first >= 1 and third - second >= 2  # late they may be, on a busy machine
    assert "starboard: upper0 ended with status 3; it is started again in 1 s\n" in output
    assert "starboard: upper0 ended with status 3; it is started again in 2 s\n" in output
    assert len(pids(tmp_path / "base")) == 1
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_told_to_end_it_ends_all_and_the_first_one_last(
    start: Start, tmp_path: Path, number: int
) -> None:
    process = start(WRITES_ITS_END.format("base"), *map(WRITES_ITS_END.format, ("one", "two")))
    wait_until(lambda: all(pids(tmp_path / name) for name in ("base", "one", "two")))
    before = descendants([process.pid])

    process.send_signal(number)
    process.communicate(timeout=30)

    assert process.returncode == 0
    ends = (tmp_path / "ends").read_text().split()
    assert sorted(ends) == ["base", "one", "two"]
    assert ends[-1] == "base"
    wait_until(lambda: not before & running().keys())


def test_one_that_does_not_end_is_killed_with_all_that_it_started(
    start: Start, tmp_path: Path
) -> None:
    process = start("trap '' TERM; sh -c 'echo $$ > child; sleep 600' & wait; sleep 600")
    child = wait_until(lambda: pids(tmp_path / "child"))[0]

    process.terminate()
    process.communicate(timeout=60)

    wait_until(lambda: child not in running())


def test_killed_outright_it_leaves_nothing_behind(start: Start, tmp_path: Path) -> None:
    process = start(WRITES_ITS_END.format("base"), WRITES_ITS_END.format("one"))
    wait_until(lambda: all(pids(tmp_path / name) for name in ("base", "one")))
    before = descendants([process.pid]) - {process.pid}

    process.kill()
    process.wait()

    wait_until(lambda: not before & running().keys())


def test_one_that_ran_well_for_long_is_started_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:

    process = supervisor.Process("brief", ["true"])
    moment = time.monotonic()
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: moment)
    pauses = []
    for lived in (0, 0, 0, 61, 0):
        process.start(dict(os.environ), Path("/"))
        assert process.running is not None
        process.running.wait()
        moment += lived
        process.note_end()
        pauses.append(process.start_at - moment)

    assert pauses == [1, 2, 4, 1, 2]
