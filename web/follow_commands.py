"""`flask --app app follow`, `unfollow` and `follows`: what the API does, with nobody's leave and
without its bound."""

from typing import IO, Any

import click

from core import clock
from core.names import pasted_name, read_names
from models import Follow
from store import follows as wishes
from store.follow_lists import follow_many
from store.history_status import history_status
from web import current
from web.command_errors import in_one_line, require_schema
from web.follow_lists import queue_some

SHOWN = 20  # repositories that are told one by one
EXPECTED = "expected owner/name, or its address on GitHub"
LATER = "noted; Redis cannot be reached, so it is read later"

NAMES = click.argument("names", nargs=-1, required=True, metavar="OWNER/NAME…")


@click.command()
@click.argument("names", nargs=-1, metavar="[OWNER/NAME…]")
@click.option(
    "-f",
    "--file",
    type=click.File(encoding="utf-8", errors="replace"),
    help="Names, one a line, with # before a comment; - is what comes in.",
)
def follow(names: tuple[str, ...], file: IO[str] | None) -> None:
    """Follow repositories, and have their star histories read by a worker.

    Each is given as owner/name or by its address on GitHub.
    """
    if not names and file is None:
        raise click.UsageError("name a repository, such as octocat/hello-world, or a file: -f FILE")
    meant = {full_name.lower(): full_name for full_name in map(_meant, names)}
    listed, wrong = read_names(file) if file is not None else ({}, [])
    require_schema()
    with in_one_line():
        gone = _follow(list((meant | listed).values()))
    click.echo("`flask --app app follows` tells how far they are.")
    for number, text in wrong:
        click.echo(f"{file and file.name}:{number}: {text!r:.120}: {EXPECTED}", err=True)
    for full_name in gone:
        click.echo(f"GitHub has no repository named {full_name}", err=True)
    if wrong or gone:
        raise SystemExit(1)


@click.command()
@NAMES
def unfollow(names: tuple[str, ...]) -> None:
    """End following repositories; what was stored stays."""
    require_schema()
    with in_one_line():
        for full_name in map(_meant, names):
            with current.database().write() as session:
                ended = wishes.unfollow(session, full_name)
            click.echo(f"{full_name}: {'not followed any more' if ended else 'was not followed'}")


@click.command()
def follows() -> None:
    """List what is followed: since when, and how much of its star history is here."""
    require_schema()
    with in_one_line(), current.database().read() as session:
        rows = wishes.all_followed(session)
        for row in rows:
            click.echo(f"{row.full_name}  {_since(row)}  {_history(session, row)}")
        click.echo(f"{len(rows)} followed.")


def _follow(full_names: list[str]) -> list[str]:
    """Follow repositories, say what came of it, and return those that GitHub has not."""
    with current.database().write() as session:
        asked = follow_many(session, full_names, clock.now())
    assert asked is not None  # nothing bounds it
    queued = queue_some(asked.new)
    if len(full_names) > SHOWN:
        click.echo(f"{len(asked.new) + len(asked.known)} followed, {len(asked.new)} of them anew.")
    else:
        with current.database().read() as session:
            for full_name in asked.new + asked.known:
                row = wishes.follow_of(session, full_name)
                later = full_name in asked.new and not queued
                click.echo(f"{full_name}: {LATER if later else row and _history(session, row)}")
    if len(full_names) > SHOWN and not queued:
        click.echo(LATER)
    return asked.gone


def _since(row: Follow) -> str:
    return clock.rfc3339(row.followed_since) if row.followed_since else "-"


def _history(session: Any, row: Follow) -> str:
    status = history_status(session, row.repository_id, row)
    pages = f" (page {status['pages_read']} of {status['pages']})" if status["pages"] else ""
    return f"history {status['state']}{pages if status['state'] == 'partial' else ''}"


def _meant(text: str) -> str:
    full_name = pasted_name(text)
    if full_name is None:
        raise click.BadParameter(f"{text!r:.120}: {EXPECTED}")
    return full_name


ALL = (follow, unfollow, follows)
