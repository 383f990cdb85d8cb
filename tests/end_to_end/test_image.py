"""The Dockerfile's own lines, run in a Debian, and the services of compose.yaml in what they made:
no Docker is needed."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine

from local.embedded import free_port
from local.fake_github import api, serving, worlds
from tests.support.common import wait_until
from tests.support.image import SERVICES, Image, built
from tests.support.proxy import proxy
from tests.support.valkey_server import Valkey


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    with built(tmp_path_factory.mktemp("image") / "memory") as image:
        # Compiled once for all processes, what they load alone.
        image.environment["PYTHONPYCACHEPREFIX"] = "/data/compiled"
        yield image


@pytest.fixture
def services(postgres_url: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What compose.yaml's variables name: Postgres and Valkey, by TCP; and a fake GitHub."""
    engine = create_engine(postgres_url)
    with engine.begin() as connection:  # other tests of this process left theirs
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    path = next(Path(postgres_url.partition("host=")[2]).glob(".s.PGSQL.*[0-9]"))

    def connect() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(path))
        return connection

    with (
        proxy(connect) as port,
        Valkey(tmp_path / "valkey") as valkey,
        serving.serve(api.create_fake_github(worlds.MadeUpWorld())) as github,
    ):
        yield {
            "DATABASE_URL": f"postgresql://postgres:word@127.0.0.1:{port}/postgres",
            "REDIS_URL": valkey.url,
            "GITHUB_API_URL": github,
            "LISTS": "stars",
            "WEB_CONCURRENCY": "1",
            "BIND": "127.0.0.1",
            "PORT": str(free_port()),
        }


def test_a_container_alone_keeps_its_data_in_its_volume(image: Image) -> None:
    status, output = image.run(SERVICES["migrate"]["command"])

    assert (status, output.splitlines()[-1:]) == (0, ["The schema is up to date."])
    assert (image.root / "data/starboard.db").stat().st_uid == 10_001


def test_all_services_run_and_their_healthchecks_tell_a_dead_one(
    image: Image, services: dict[str, str]
) -> None:
    url = f"http://127.0.0.1:{services['PORT']}"
    status, output = image.run(SERVICES["migrate"]["command"], **services)
    assert status == 0, output

    with ExitStack() as stack:
        started = {
            name: image.start(SERVICES[name].get("command", image.command), **services)
            for name in ("web", "worker", "scheduler")
        }
        for process in started.values():
            stack.callback(_end, process)
        wait_until(lambda: _get(f"{url}/healthz"), seconds=180)
        board = wait_until(lambda: _get(f"{url}/api/v1/lists/stars"), seconds=180)
        assert board["count"] == 100
        assert {Path(f"/proc/{it.pid}").stat().st_uid for it in started.values()} == {10_001}
        wait_until(lambda: not any(_health(image, name, services) for name in started))

        _end(started["worker"])
        assert _health(image, "worker", services) == 1


def _health(image: Image, name: str, services: dict[str, str]) -> int:
    """The exit status of a service's healthcheck in compose.yaml, which knows the port 8000."""
    how, *command = SERVICES[name]["healthcheck"]["test"]
    assert how == "CMD"
    here = [it.replace(":8000/", f":{services['PORT']}/") for it in command]
    return image.run(here, **services)[0]


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output[-4000:]


def _get(url: str) -> Any:
    try:
        response = httpx.get(url)
    except httpx.TransportError:
        return None
    return response.json() if response.status_code == 200 else None
