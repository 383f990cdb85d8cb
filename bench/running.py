"""An installation as `make run` starts it, of all lists, before a GitHub that takes its time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from local import embedded
from local.fake_github import serving, worlds
from local.fake_github.api import create_fake_github

ROOT = Path(__file__).parents[1]
ANSWERS_WITHIN = 0.1  # seconds that GitHub takes for each answer
PATIENCE = 60  # seconds
SETTLED_AFTER, WATCHED_FOR = 75, 30  # seconds
TOKEN = "made-up-as-all-else-is"  # without one, GitHub allows a list every six seconds


@dataclass(frozen=True, slots=True)
class Installation:
    """The process that `make run` starts, and where it answers."""

    process: "subprocess.Popen[bytes]"
    url: str
    started_at: float  # by time.monotonic()

    def first_answer(self, path: str) -> float:
        """The seconds from the start of the processes until a path answers 200."""
        while time.monotonic() < self.started_at + PATIENCE:
            with suppress(URLError, OSError), urlopen(self.url + path, timeout=5):
                return time.monotonic() - self.started_at
            time.sleep(0.02)
        raise TimeoutError(f"{path} did not answer within {PATIENCE} s")

    def memory(self) -> float:
        """Megabytes of all its processes; what several share counts once."""
        return sum(proportional_size(pid) for pid in with_descendants(self.process.pid))


@dataclass(frozen=True, slots=True)
class Measured:
    """The seconds until the first data, and the megabytes of all processes: the median of a while,
    since what a job adds is there while it runs."""

    first_data: float
    memory: float


def measure(folder: Path, say: Callable[[str], object]) -> Measured:
    """Start an installation twice: the first time brings its files into the system's cache."""
    say(f"`make run` twice, the second time for {WATCHED_FOR + SETTLED_AFTER} s")
    hidden = without_what_develops(folder)
    with installed(folder / "warm", **hidden) as installation:
        installation.first_answer("/api/v1/lists/stars")
    with installed(folder / "run", **hidden) as installation:
        seconds = installation.first_answer("/api/v1/lists/stars")
        time.sleep(SETTLED_AFTER)  # all lists are polled: 30 a minute
        sizes = []
        end = time.monotonic() + WATCHED_FOR
        while time.monotonic() < end:
            sizes.append(installation.memory())
            time.sleep(0.5)
    return Measured(seconds, median(sizes))


def without_what_develops(folder: Path) -> dict[str, str]:
    """Variables that hide packages of requirements-dev.txt which libraries load where they are."""
    (folder / "hidden").mkdir(exist_ok=True)
    hidden = 'import sys\n\nsys.modules |= {"rich": None, "greenlet": None}\n'
    (folder / "hidden" / "sitecustomize.py").write_text(hidden)
    return {"PYTHONPATH": str(folder / "hidden")}


@contextmanager
def installed(var: Path, **variables: str) -> Iterator[Installation]:
    """Start an installation in a folder, and end it with the context."""
    port = embedded.free_port()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    with slow_github() as github, open(var.with_suffix(".log"), "w") as log:
        environment = {"PORT": str(port), "GITHUB_API_URL": github, "GITHUB_TOKEN": TOKEN}
        started_at = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "local.run", "--var", str(var)],
            cwd=ROOT,
            env=kept | environment | variables,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Installation(process, f"http://127.0.0.1:{port}", started_at)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


@contextmanager
def slow_github() -> Iterator[str]:
    """A fake GitHub of which each answer takes `ANSWERS_WITHIN`; gives its URL."""
    app = create_fake_github(worlds.MadeUpWorld())
    answer: Callable[..., Iterable[bytes]] = app.wsgi_app

    def slowly(environ: Any, start_response: Any) -> Iterable[bytes]:
        time.sleep(ANSWERS_WITHIN)
        return answer(environ, start_response)

    app.wsgi_app = slowly  # type: ignore[method-assign]
    with serving.serve(app) as url:
        yield url


def with_descendants(pid: int) -> list[int]:
    """A process and all that descend from it; of those that end meanwhile, what is left."""
    found = [pid]
    for each in found:
        with suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def proportional_size(pid: int) -> float:
    """Megabytes of a process, each page divided by the number of processes that share it."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1000
    return 0.0
