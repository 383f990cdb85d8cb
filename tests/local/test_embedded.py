"""The embedded Valkey and who can reach it; the folder of a run's metrics."""

import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import AuthenticationError, Redis
from redis import ConnectionError as NobodyListens

from core.socket_paths import short_name, socket_url
from local import embedded
from local.supervisor import end

PASSWORD = "correct-horse-battery"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The port of a Valkey that has one; no other user sees its password."""
    port = embedded.free_port()
    with embedded.locked(tmp_path / "var", port, PASSWORD) as server:
        server.start(os.environ, tmp_path)
        assert PASSWORD not in " ".join(map(str, server.command))
        assert embedded.listens(socket_url(tmp_path / "var", PASSWORD), server)
        yield port
        end([server])


@pytest.mark.parametrize("password", [None, "wrong"])
def test_without_the_password_nobody_is_let_in_by_the_port(port: int, password: str | None) -> None:
    with Redis(port=port, password=password) as client, pytest.raises(AuthenticationError):
        client.ping()


def test_with_the_password_the_port_and_the_socket_lead_to_the_same(
    port: int, tmp_path: Path
) -> None:
    with (
        Redis.from_url(f"redis://:{PASSWORD}@127.0.0.1:{port}") as by_port,
        Redis.from_url(socket_url(tmp_path / "var", PASSWORD)) as by_socket,
    ):
        by_port.set("here", "we are")

        assert by_socket.get("here") == b"we are"


def test_the_password_is_in_a_file_of_its_owners_alone(port: int, tmp_path: Path) -> None:
    file = tmp_path / "var" / "valkey" / "valkey.conf"

    assert PASSWORD in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_without_a_port_it_listens_on_a_socket_of_its_owners_alone(tmp_path: Path) -> None:
    with embedded.embedded_valkey(tmp_path) as url, Redis.from_url(url) as client:
        assert client.config_get("port") == {"port": "0"}
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
        with Redis(port=embedded.free_port()) as nobody, pytest.raises(NobodyListens):
            nobody.ping()


def test_metrics_of_runs_that_were_killed_go_and_those_of_others_stay(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    base = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())
    others = base / f"{short_name(tmp_path)}-metrics-{os.getppid()}"
    left = base / f"{short_name(tmp_path)}-metrics-{ended.pid}"
    for folder in (others, left):
        folder.mkdir(mode=0o700)
        (folder / "counter.db").touch()

    mine = embedded.memory_folder(tmp_path)

    try:
        assert mine.parent == base
        assert list(mine.iterdir()) == []
        assert (others / "counter.db").exists()
        assert not left.exists()
    finally:
        (others / "counter.db").unlink()
        others.rmdir()
        mine.rmdir()
