"""The local runner: everything that the Procfile names, and a Redis, on this machine.

`make run` and `make demo` start it. It ends when one of its processes ends, or on Ctrl-C.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import urlopen

import honcho.manager
from honcho.environ import parse_procfile
from honcho.printer import Printer

import settings as configuration
from local.embedded import READY_WITHIN, embedded_valkey, free_port, is_free
from settings import exit_with

HERE = Path(__file__).parents[1]

ENDS_WITHIN = 8  # seconds that processes have to end by themselves

DEMO = {
    "LISTS": "stars,forks,python,rust,go",
    "POLL_MINUTES": "1",
    "AGGREGATE_MINUTES": "1",
    "GITHUB_TOKEN": "",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--demo", action="store_true", help="offline, against a fake GitHub")
    parser.add_argument("--var", type=Path, default=HERE / "var", help="where data is kept")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(0))
    signal.signal(signal.SIGHUP, lambda signum, frame: os.kill(os.getpid(), signal.SIGTERM))
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
        sys.exit(_run(stack, arguments.var.absolute(), demo=arguments.demo))


def _run(stack: contextlib.ExitStack, var: Path, *, demo: bool) -> int:
    procfile = parse_procfile((HERE / "Procfile").read_text()).processes
    environment = dict(os.environ)
    environment["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    environment.setdefault("BIND", "127.0.0.1")
    if not environment.get("DATABASE_URL"):
        environment["DATABASE_URL"] = f"sqlite:///{var / 'starboard.db'}"
    environment.setdefault("LOG_FORMAT", "console" if sys.stdout.isatty() else "json")
    if demo:
        var = var / "demo"
        port = free_port(9000)
        procfile["github"] = f"python -m local.fake_github --port {port}"
        environment |= DEMO | {
            "DATABASE_URL": f"sqlite:///{var / 'starboard.db'}",
            "GITHUB_API_URL": f"http://127.0.0.1:{port}",
        }
    try:
        settings = configuration.from_environment(environment)
    except configuration.SettingsError as error:
        exit_with(str(error))
    if not is_free(settings.port):
        exit_with(f"port {settings.port} is in use; choose another with PORT=…")
    if not environment.get("PROMETHEUS_MULTIPROC_DIR"):
        environment["PROMETHEUS_MULTIPROC_DIR"] = stack.enter_context(TemporaryDirectory())
    if demo or not environment.get("REDIS_URL"):
        environment["REDIS_URL"] = stack.enter_context(embedded_valkey(var, fresh=demo))
    release = subprocess.run(procfile.pop("release"), shell=True, env=environment, cwd=HERE)
    if release.returncode:
        return release.returncode
    if demo:
        command = [sys.executable, "-m", "local.demo"]
        subprocess.run(command, env=environment, cwd=HERE, check=True)
    return _supervise(procfile, environment, settings.port)


def _supervise(procfile: Mapping[str, str], environment: Mapping[str, str], port: int) -> int:
    honcho.manager.KILL_WAIT = ENDS_WITHIN
    on_terminal = sys.stdout.isatty()
    printer = Printer(Output(), time_format="", prefix=on_terminal)  # lines bring their time
    manager = honcho.manager.Manager(printer)
    for name, command in procfile.items():
        manager.add_process(name, command, env=dict(environment), cwd=str(HERE))
    redis_url = environment["REDIS_URL"]
    threading.Thread(target=_announce, args=(port, redis_url), daemon=True).start()
    manager.loop()
    told_to_end = manager.returncode in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    return 0 if told_to_end else int(manager.returncode or 1)


class Output:
    """Standard output, or nowhere once that is gone: a closed terminal must not keep the
    processes from being ended in good order."""

    def isatty(self) -> bool:
        return sys.stdout.isatty()

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            sys.stdout.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stdout.flush()


def _announce(port: int, redis_url: str) -> None:
    """Say where to point curl, once there is something to point it at."""
    site = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        with contextlib.suppress(URLError, OSError), urlopen(f"{site}/healthz", timeout=1):
            break
        time.sleep(0.2)
    else:
        return
    lines = (
        "",
        f"  Starboard listens:  {site}/",
        f"  Its API:            curl {site}/api/v1/lists/stars",
        f"  How it is doing:    curl {site}/api/v1/status",
        f"  Its queues:         rq info -u {_without_password(redis_url)}",
        "  Ctrl-C ends it.",
        "",
    )
    print("\n".join(lines), file=Output(), flush=True)


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


if __name__ == "__main__":
    main()
