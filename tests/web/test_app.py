"""A web process answers from what is stored: it loads nothing that polls, and runs no job."""

import subprocess
import sys

from tests.support.common import ROOT

LOAD_ALL = """
import importlib, pkgutil, sys, web
for module in pkgutil.iter_modules(web.__path__, "web."):
    importlib.import_module(module.name)
print(*sys.modules, sep="\\n")
"""


def test_the_web_room_loads_no_jobs_and_no_client_of_github() -> None:
    said = subprocess.run(
        [sys.executable, "-c", LOAD_ALL], cwd=ROOT, capture_output=True, text=True, check=True
    )

    loaded = {name.partition(".")[0] for name in said.stdout.split()}
    assert "web" in loaded
    assert loaded.isdisjoint({"jobs", "github", "history", "scheduler", "worker", "httpx"})
