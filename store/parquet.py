"""Writing the tables of store.exports as Parquet, in bounded memory. It needs pyarrow, which
nothing else does, so requirements.txt is without it."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from store.database import Database
from store.exports import TABLES, Row, Table

PYARROW = "pyarrow==26.0.1"
BATCHES_A_ROW_GROUP = 10  # 122,880 rows: what DuckDB gives a thread at a time

Told = Callable[[str, int, bool], None]  # a file's name, its rows up to now, whether it is done


class ExportError(Exception):
    """Why nothing can be exported, with the way out."""


def export(database: Database, folder: Path, tell: Told) -> None:
    """Write a file a table into the folder, all of one state of the database. Files of an earlier
    export are replaced once all are whole; other files stay as they are."""
    _need_pyarrow()
    with ExitStack() as stack:
        stack.enter_context(_alone_in(folder))
        session = stack.enter_context(database.read())
        written = {}
        for name, table in TABLES.items():
            temporary, path = folder / f".{name}.parquet.part", folder / f"{name}.parquet"
            stack.callback(temporary.unlink, missing_ok=True)
            _write(session, table, temporary, partial(tell, path.name))
            written[temporary] = path
        for temporary, path in written.items():
            os.replace(temporary, path)


def _need_pyarrow() -> None:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise ExportError(f"Parquet needs pyarrow: pip install {PYARROW}") from error


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Make the folder, and keep other exports out of it meanwhile."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise ExportError(f"{folder}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ExportError(f"another export is writing to {folder}; wait until it ends") from error
    except OSError as error:
        raise ExportError(f"{error.filename or folder}: {error.strerror}") from error
    finally:
        os.close(lock)


def _write(session: Session, table: Table, path: Path, tell: Callable[[int, bool], None]) -> None:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    schema = pyarrow.schema({name: _type(kind) for name, kind in table.columns.items()})
    batches = (_record_batch(rows, schema) for rows in table.batches(session))
    written = 0
    with ParquetWriter(path, schema, compression="zstd") as file:
        while group := list(islice(batches, BATCHES_A_ROW_GROUP)):
            file.write_table(pyarrow.Table.from_batches(group))
            written += sum(map(len, group))
            tell(written, False)
    tell(written, True)


def _record_batch(rows: list[Row], schema: Any) -> Any:
    import pyarrow

    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pyarrow.array(column, of.type) for column, of in zip(columns, schema, strict=True)]
    return pyarrow.record_batch(arrays, schema=schema)


def _type(kind: str) -> Any:
    import pyarrow

    return pyarrow.timestamp("ms", "UTC") if kind == "moment" else pyarrow.type_for_alias(kind)
