"""The Dockerfile and compose.yaml: by linters, and against what the Procfile starts."""

import json
import subprocess
import sys
from pathlib import Path

from local.run import procfile
from tests.support.common import ROOT
from tests.support.image import SERVICES

BIN = Path(sys.executable).parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_linters_find_nothing() -> None:
    for command in (
        ["hadolint", "Dockerfile"],
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"],
    ):
        done = subprocess.run(
            [BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_starts_what_the_procfile_does_as_nobody_special() -> None:
    command = json.loads(DOCKERFILE.rpartition("CMD ")[2])
    started = {name: " ".join(it.get("command", ())) for name, it in SERVICES.items()}

    assert command == ["sh", "-c", f"exec {procfile()['web']}"]
    assert started["worker"] == procfile()["worker"]
    assert started["scheduler"] == procfile()["scheduler"]
    assert started["migrate"] == procfile()["release"]
    assert "\nUSER 10001\n" in DOCKERFILE


def test_the_image_holds_every_module_and_room_that_runs() -> None:
    let_in = (ROOT / ".dockerignore").read_text().splitlines()
    source = {"core", "github", "history", "local", "migrations", "monitoring", "store", "web"}

    assert {f"!{it}" for it in (*source, "*.py", "Procfile", "requirements.txt")} <= {*let_in}
    assert let_in[0] == "*"  # var/, .env and .git stay out


def test_services_wait_for_the_schema_and_are_looked_after() -> None:
    for name in ("web", "worker", "scheduler"):
        awaited = SERVICES[name]["depends_on"]
        assert awaited["migrate"] == {"condition": "service_completed_successfully"}
        assert {awaited[it]["condition"] for it in ("postgres", "valkey")} == {"service_healthy"}
    assert [name for name, it in SERVICES.items() if "healthcheck" not in it] == ["migrate"]
    for name in ("worker", "scheduler"):
        assert SERVICES[name]["healthcheck"]["test"][-2:] == ["alive", name]
    assert all(SERVICES[name]["volumes"] for name in ("postgres", "valkey"))
