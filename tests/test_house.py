"""The house: what stands where, which way its arrows point, and how long its parts may be."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.support.common import ROOT

FLOORS = (  # a module may import what stands below it; packages are held by import-linter, too
    {"run"},
    {"app", "worker", "scheduler"},
    {"commands"},
    {"local"},
    {"web", "jobs"},
    {"monitoring", "history", "github"},
    {"store", "queues"},
    {"models"},
    {"settings"},
    {"core"},
)
HEIGHT = {name: -number for number, floor in enumerate(FLOORS) for name in floor}
MOST_AT_ROOT = 36
LONGEST_MODULE, LONGEST_MEDIAN, LONGEST_FUNCTION = 300, 120, 40  # lines
AS_LONG_AS_IT_TAKES = {Path("models.py")}  # data: the tables, with a line for each column


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [Path(line) for line in listed.splitlines() if (ROOT / line).exists()]


SOURCE = [it for it in tracked("*.py") if it.parts[0] not in ("tests", "bench", "migrations")]
ROOT_MODULES = [it for it in SOURCE if len(it.parts) == 1]


def imports(path: Path) -> Iterator[str]:
    """The top-level packages that a module imports, wherever in it."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_a_listing_of_the_root_is_a_table_of_contents() -> None:
    entries = {path.parts[0] for path in tracked()}

    assert len(entries) <= MOST_AT_ROOT, sorted(entries)
    assert {path.stem for path in ROOT_MODULES} == {
        *("app", "jobs", "models", "scheduler", "worker"),  # the owner's
        *("queues", "settings", "commands"),
        "run",  # in people's systemd units
    }


@pytest.mark.parametrize("path", SOURCE, ids=str)
def test_arrows_point_down(path: Path) -> None:
    name = path.parts[0].removesuffix(".py")

    up = [
        other
        for other in imports(path)
        if other in HEIGHT and other != name and HEIGHT[other] >= HEIGHT[name]
    ]

    assert not up, f"{path} imports {', '.join(up)}"


def test_modules_and_functions_are_short() -> None:
    lines = {path: len((ROOT / path).read_text().splitlines()) for path in SOURCE}
    functions = {
        f"{path}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in SOURCE
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.FunctionDef)
    }

    long = {path: n for path, n in lines.items() if n > LONGEST_MODULE}
    assert not long.keys() - AS_LONG_AS_IT_TAKES
    assert median(filter(None, lines.values())) <= LONGEST_MEDIAN
    assert not {name: n for name, n in functions.items() if n > LONGEST_FUNCTION}


def test_each_module_says_what_it_is() -> None:
    sources = {path: (ROOT / path).read_text() for path in tracked("*.py")}

    silent = [it for it, text in sources.items() if text and not ast.get_docstring(ast.parse(text))]

    assert not silent


def test_no_test_imports_a_test() -> None:
    for path in tracked("tests/*.py"):
        tree = ast.parse((ROOT / path).read_text())
        modules = [it.module or "" for it in ast.walk(tree) if isinstance(it, ast.ImportFrom)]
        assert not [it for it in modules if it.rpartition(".")[2].startswith("test_")], path


def test_a_web_process_loads_neither_jobs_nor_githubs_client() -> None:
    program = "import app, sys; app.create_app(); print(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()

    assert {"flask", "web.api", "store.documents"} <= set(loaded)
    assert not {"jobs", "github", "scheduler", "history", "local", "httpx"} & set(loaded)
    assert not {"apprise", "requests", "yaml"} & set(loaded)


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("local.run", {"redis", "valkey", "structlog", "sqlalchemy", "urllib.request", "apprise"}),
        ("scheduler", {"sqlalchemy", "httpx", "msgspec", "flask"}),
        ("jobs", {"alembic", "flask", "sqlalchemy.dialects.postgresql"}),
        ("app", {"alembic", "sqlalchemy.dialects.postgresql"}),
        ("store.upgrade", {"flask", "rq", "redis", "httpx"}),
    ],
)
def test_a_process_loads_only_what_it_runs(module: str, unwanted: set[str]) -> None:
    program = f"import {module}, sys; print(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()

    assert not unwanted & set(loaded)


@pytest.mark.parametrize(
    ("room", "unwanted"),
    [
        ("core", {"sqlalchemy", "httpx", "flask", "redis", "rq", "rq_scheduler", "psycopg"}),
        ("store", {"httpx", "flask", "redis", "rq", "rq_scheduler"}),
    ],
)
def test_rooms_load_no_library_that_is_not_theirs(room: str, unwanted: set[str]) -> None:
    modules = [".".join(it.with_suffix("").parts) for it in SOURCE if it.parts[0] == room]
    names = [it.removesuffix(".__init__") for it in modules]
    program = f"import sys, importlib; [importlib.import_module(it) for it in {names!r}]"

    loaded = subprocess.run(
        [sys.executable, "-c", f"{program}; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert not unwanted & set(loaded)
