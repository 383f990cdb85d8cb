"""Backups of Postgres, in the custom format of its own pg_dump."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import URL

from store.database import BackupError, Database

NAME = "Postgres"
MAGIC = b"PGDMP"
WHAT = ("--no-owner", "--no-privileges")


def dump(database: Database, file: Path) -> None:
    """Write all tables as they are at one moment."""
    options = ("--format=custom", *WHAT, "--table=public.*")
    tool = _tool("pg_dump", f"{' '.join(options)} --file={file} DATABASE")
    server, own = _server_version(database), _version_of(tool)
    if own < server:
        raise BackupError(
            f"pg_dump on the PATH is of PostgreSQL {own}, older than the server's {server}: "
            f"install the client of {server} (Debian: postgresql-client-{server})"
        )
    _run(tool, *options, f"--file={file}", database=database)


def revision_of(file: Path) -> str | None:
    """Return the revision of a file's schema, once all of it could be read."""
    tool = _tool("pg_restore", f"{_load_options()} --dbname=DATABASE {file}")
    _run(tool, f"--file={os.devnull}", str(file))
    told = _run(tool, "--data-only", "--table=alembic_version", "--file=-", str(file))
    found = re.search(r"^COPY .*alembic_version .*;\n(\w+)$", told, re.MULTILINE)
    return found[1] if found else None


def load(database: Database, file: Path) -> None:
    """Put the tables of a file in the place of those there, in one transaction."""
    tool = _tool("pg_restore", f"{_load_options()} --dbname=DATABASE {file}")
    _run(tool, *_load_options().split(), str(file), database=database)


def _load_options() -> str:
    return " ".join(("--single-transaction --exit-on-error --clean --if-exists", *WHAT))


def _tool(name: str, rest: str) -> str:
    if found := shutil.which(name):
        return found
    raise BackupError(
        f"{name} is not on the PATH: install PostgreSQL's client (Debian: postgresql-client), "
        f"or run where it is: {name} {rest}"
    )


def _server_version(database: Database) -> int:
    with database.engine.connect() as connection:
        number = connection.exec_driver_sql("SHOW server_version_num").scalar_one()
    return int(number) // 10_000


def _version_of(tool: str) -> int:
    found = re.search(r"\) (\d+)", _run(tool, "--version"))
    return int(found[1]) if found else 0


def _run(tool: str, *arguments: str, database: Database | None = None) -> str:
    """Run a program of Postgres and return what it prints. The password is not among the
    arguments, which anybody on the machine can read."""
    environment = dict(os.environ)
    if database is not None:
        url = database.engine.url
        password = url.password or url.query.get("password")
        if password:
            environment["PGPASSWORD"] = str(password)
        public = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
        public = public.set(query=url.difference_update_query(["password"]).query)
        arguments = (*arguments, f"--dbname={public.render_as_string()}")
    done = subprocess.run([tool, *arguments], env=environment, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error:" in line]
        raise BackupError(lines[0] if lines else f"{tool} ended with status {done.returncode}")
    return done.stdout
