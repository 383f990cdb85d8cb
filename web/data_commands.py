"""`flask --app app export`: the data, for other programs."""

import sys
from pathlib import Path

import click

from store import parquet
from web import current
from web.command_errors import in_one_line, require_schema


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def export(folder: Path) -> None:
    """Write all that is stored into DIR, as Parquet files for DuckDB, pandas and others.

    They show one moment, while Starboard runs on. Files of an earlier export are replaced.
    """
    require_schema()
    with in_one_line():
        try:
            parquet.export(current.database(), folder, _tell)
        except parquet.ExportError as error:
            raise click.ClickException(str(error)) from error


def _tell(file: str, rows: int, done: bool) -> None:
    if done or sys.stderr.isatty():
        click.echo(f"\r{file}: {rows:,} rows", err=True, nl=done)


ALL = (export,)
