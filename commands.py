"""The commands of `flask --app app`: what the jobs do, once, now, in this process; and imports.

Each web process loads this module, so what a command runs (GitHub's client, the jobs, the
importer) is imported by the command itself.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from os.path import abspath
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import requeue_job

import models
import queues
from core import clock
from core.clock import HOUR, MINUTE
from core.lists import RankedList
from monitoring import redis_status
from store import builds
from web import (
    alive_command,
    chart_command,
    current,
    data_commands,
    follow_commands,
    notify_commands,
)
from web.command_errors import in_one_line, require_schema

if TYPE_CHECKING:
    from history.archive import Rejection
    from history.importer import Tally

SHOWN = 10  # rejected rows


@click.command()
def upgrade() -> None:
    """Create the database's schema, or bring it up to date."""
    with in_one_line():
        current.database().upgrade()
    click.echo("The schema is up to date.")


@click.command()
@click.option("--list", "slug", help="Poll this list only, by its slug.")
def poll(slug: str | None) -> None:
    """Poll GitHub once, now, in this process."""
    require_schema()
    try:
        chosen = [current.settings().ranked(slug)] if slug else list(current.settings().lists)
    except LookupError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="--list") from error
    with (
        in_one_line(),
        click.progressbar(chosen, label="Polling", item_show_func=_slug) as bar,
    ):
        failures = _poll_each(bar)
    for failure in failures:
        click.echo(failure, err=True)
    click.echo(f"Polled {len(chosen) - len(failures)} of {len(chosen)} lists.")
    if failures:
        raise SystemExit(1)


def _poll_each(chosen: Iterable[RankedList]) -> list[str]:
    """Poll lists for the current slot, waiting as GitHub's limit wants it; return what failed."""
    from github import polling
    from github.errors import GitHubError
    from github.shared_limit import connect_to_github

    settings, database = current.settings(), current.database()
    every = settings.poll_every
    failures = []
    how = {"patience": every, "urgent": True, "kept": 0}
    with connect_to_github(database, settings, **how) as github:
        for ranked in chosen:
            slot = clock.floor(clock.now(), every)
            try:
                result = polling.poll_list(database, github, ranked, slot, every)
            except GitHubError as error:
                failures.append(f"{ranked.slug}: {error}")
                continue
            if result["outcome"] == models.SUSPECT:
                failures.append(f"{ranked.slug}: suspect, not shown: {result['why']}")
            elif result["outcome"] == models.MISSED:
                failures.append(f"{ranked.slug}: the slot ended meanwhile; poll it again")
    return failures


@click.command()
def aggregate() -> None:
    """Build all documents from what is stored, and publish them, in this process."""
    require_schema()
    with in_one_line():
        result = builds.aggregate_lists(current.database(), current.settings(), clock.now())
    if result["outcome"] == builds.NO_POLL:
        raise click.ClickException(f"{result['outcome']}: run `flask --app app poll` first")
    if "documents" not in result:
        raise click.ClickException(result["outcome"])
    click.echo(f"{result['documents']} documents of {result['lists']} lists: {result['outcome']}.")


@click.command("redis-url")
def redis_url() -> None:
    """Print the URL of Redis, for tools such as `rq info -u "$(flask --app app redis-url)"`."""
    click.echo(current.settings().redis_url)


@click.command("jobs")
@click.option("--requeue", metavar="ID", multiple=True, help="Queue this one again; repeatable.")
@click.option("--requeue-all", is_flag=True, help="Queue all of them again.")
def failed_jobs(requeue: tuple[str, ...], requeue_all: bool) -> None:
    """List the jobs that were given up after their retries, or queue some of them again."""
    with in_one_line():
        failed = redis_status.failed_jobs(current.redis())
        known = [job["id"] for job in failed]
        for job_id in requeue:
            if job_id not in known:
                raise click.BadParameter(f"no failed job {job_id!r}", param_hint="--requeue")
        chosen = known if requeue_all else dict.fromkeys(requeue)
        for job_id in chosen:
            with suppress(InvalidJobOperation, NoSuchJobError):  # somebody else was faster
                requeue_job(job_id, current.redis())
                click.echo(f"queued again: {job_id}")
    if chosen:
        return
    for job in failed:
        click.echo(f"{job['id']}  {job['queue']}  {job['at']}  {job['why']}")
    click.echo(f"{len(failed)} failed.")


class Spread(click.ParamType[timedelta]):
    """A span of time such as 90s, 30m or 2h."""

    name = "span"

    def convert(self, value: Any, *context: Any) -> timedelta:
        if isinstance(value, timedelta):
            return value
        form = re.fullmatch(r"(\d{1,6})([smh])", value, re.ASCII)
        if form is None:
            self.fail(f"{value!r} is not a span such as 90s, 30m or 2h", *context)
        return int(form[1]) * {"s": timedelta(seconds=1), "m": MINUTE, "h": HOUR}[form[2]]


@click.command("import-history")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--spread", type=Spread(), default="0s", help="Over how long, such as 30m or 2h.")
@click.option("--dry-run", is_flag=True, help="Read and check everything, store nothing.")
@click.option("--here", is_flag=True, help="Import in this process, without workers.")
@click.option(
    "--rejected",
    type=click.File("w", encoding="utf-8", lazy=False),
    metavar="FILE",
    help="Where to list every rejected row, and repeats; without it the first few are shown.",
)
def import_history(
    paths: tuple[Path, ...], spread: timedelta, dry_run: bool, here: bool, rejected: IO[str] | None
) -> None:
    """Import days of the archive EvanLi/Github-Ranking: CSV files, gzipped or not, and folders.

    Jobs of 100 files each wait on the queue `low` for the workers, which have to see the files.
    Stopped at any moment, the same command goes on; run again, it finds nothing new.
    """
    from history import archive, importer

    require_schema()
    files = {Path(abspath(path)) for path in archive.files_in(paths)}
    in_order = sorted(files, key=lambda path: (path.name, path))
    if not files:
        raise click.ClickException(f"no github-ranking-YYYY-MM-DD.csv in {paths[0]}")
    total = importer.Tally()
    started = time.monotonic()
    bar: Any = click.progressbar(
        length=len(files),
        label="Checking" if dry_run else "Importing",
        item_show_func=lambda _: _speed(total, started),
    )
    with in_one_line(), bar:
        if here or dry_run:
            tallies = _import_here(in_order, dry_run)
        else:
            tallies = _import_by_workers(in_order, spread)
        for tally in tallies:
            total += tally
            bar.update(tally.files, current_item=total)
        if not dry_run:
            _build_after_import()
    _report(total, rejected)


def _build_after_import() -> None:
    """Let pages and the API tell the whole history at once; no build tells of half an import."""
    from store.imports import end_import

    with current.database().write() as session:
        end_import(session)
    builds.aggregate_lists(current.database(), current.settings(), clock.now())


def _import_here(files: Sequence[Path], dry_run: bool) -> "Iterator[Tally]":
    from history import importer

    database, slugs = current.database(), current.settings().slugs
    for batch in _batches(files, importer.DAYS_AT_ONCE):
        yield importer.import_files(database, batch, slugs, dry_run=dry_run)


def _import_by_workers(files: Sequence[Path], spread: timedelta) -> "Iterator[Tally]":
    """Queue the files and follow their jobs. Raises redis.RedisError, at once without Redis."""
    from history import import_jobs, importer

    current.redis().ping()  # tells in a second what the patient connection would in a minute
    patient = queues.connect(current.settings().redis_url, timeout=5, retries=10)
    batches = _batches(files, importer.DAYS_A_JOB)
    return import_jobs.run_all(batches, spread, patient, warn=_warn)


def _warn(message: str) -> None:
    click.echo(f"\n{message}", err=True)  # on a line below the progress bar's


def _batches(files: Sequence[Path], size: int) -> list[Sequence[Path]]:
    return [files[start : start + size] for start in range(0, len(files), size)]


def _speed(total: "Tally", started: float) -> str:
    return f"{total.read:,} rows, {total.read / (time.monotonic() - started):,.0f} a second"


def _report(total: "Tally", file: IO[str] | None) -> None:
    click.echo(
        f"{total.read:,} rows read of {total.files - len(total.bad):,} files: "
        f"{total.stored:,} stored, {total.already:,} already there, "
        f"{len(total.repeats):,} repeats, {len(total.rejected):,} rejected."
    )
    if total.covered:
        click.echo(f"Of those already there {total.covered:,} are of days with live polls.")
    if file is not None:
        file.writelines(f"{_line(row)}\n" for row in (*total.rejected, *total.repeats))
    else:
        for row in total.rejected[:SHOWN]:
            click.echo(_line(row))
        if len(total.rejected) > SHOWN:
            click.echo(f"… and {len(total.rejected) - SHOWN:,} more; --rejected FILE lists all")
    for name, why in total.bad:
        click.echo(f"{name}: not imported: {why}", err=True)
    if total.bad:
        raise SystemExit(1)


def _line(row: "Rejection") -> str:
    return f"{row.file}:{row.line}: {row.reason}"


def _slug(ranked: RankedList | None) -> str:
    return ranked.slug if ranked else ""


ALL = (
    *(poll, aggregate, upgrade, redis_url, failed_jobs, import_history, chart_command.chart),
    alive_command.alive,
    *(*follow_commands.ALL, *data_commands.ALL, *notify_commands.ALL),
)
