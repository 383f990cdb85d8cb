"""A Valkey that tests stop, kill and start again on the same port."""

import os
import shutil
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis, RedisError

from local import embedded
from tests.support.common import wait_until


class Valkey:
    """A real server with an append-only file; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = embedded.free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        server = embedded.valkey(self.folder, ["--bind", "127.0.0.1", "--port", str(self.port)])
        server.start(os.environ, self.folder)
        assert server.running is not None
        self.process = server.running
        wait_until(self._answers)

    def _answers(self) -> bool:
        with Redis.from_url(self.url, socket_timeout=1) as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def forget(self) -> None:
        """Lose what was kept on disk."""
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
