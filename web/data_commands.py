"""`flask --app app export`, `backup` and `restore`: the data, taken out and put back."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from store.database import BackupError
from web import current
from web.command_errors import in_one_line, require_schema

FILE = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def export(folder: Path) -> None:
    """Write all that is stored into DIR, as Parquet files for DuckDB, pandas and others.

    They show one moment, while Starboard runs on. Files of an earlier export are replaced.
    """
    from store import parquet

    require_schema()
    with in_one_line():
        try:
            parquet.export(current.database(), folder, _tell)
        except parquet.ExportError as error:
            raise click.ClickException(str(error)) from error


@click.command()
@FILE
@click.option("--force", is_flag=True, help="Replace FILE where there is one.")
def backup(file: Path, force: bool) -> None:
    """Write the whole database into FILE, as it is at one moment, while Starboard runs on."""
    from store import backups

    with _told():
        backups.backup(current.database(), file, force=force)
    click.echo(f"Backed up: {file}, {file.stat().st_size:,} bytes.")


@click.command()
@FILE
@click.option("--force", is_flag=True, help="Replace what the database holds; it is lost.")
def restore(file: Path, force: bool) -> None:
    """Put what `backup` wrote into FILE in the place of what the database holds.

    All of it or, where it fails or is ended, nothing.
    """
    from store import backups

    with _told():
        backups.restore(current.database(), file, force=force)
        click.echo(f"Restored from {file}.")
        current.database().check_schema()


@contextmanager
def _told() -> Iterator[None]:
    try:
        with in_one_line():
            yield
    except BackupError as error:
        raise click.ClickException(str(error)) from error


def _tell(file: str, rows: int, done: bool) -> None:
    if done or sys.stderr.isatty():
        click.echo(f"\r{file}: {rows:,} rows", err=True, nl=done)


ALL = (export, backup, restore)
