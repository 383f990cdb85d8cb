"""`flask --app app follow`, `unfollow` and `follows`: what the API does, with nobody's leave and
without its bound."""

from typing import IO, Any

import click

from core import clock, words
from core.names import parted, pasted_owner, read_names
from core.sampling import interval
from models import Follow
from store import follows as wishes
from store.follow_lists import follow_many
from store.history_status import history_status
from store.sampling import number_sampled
from store.troubles import current_troubles, told_of
from web import current, owner_commands
from web.command_errors import in_one_line, require_schema
from web.follow_lists import queue_some

NONE_SO_NAMED = "GitHub has no repository of that name"
SHOWN = 20  # repositories that are told one by one
EXPECTED = "expected owner/name, or its address on GitHub"
LATER = "noted; Redis cannot be reached, so it is read later"

NAMES = click.argument("names", nargs=-1, required=True, metavar="OWNER/NAME…|OWNER/*…")


@click.command()
@click.argument("names", nargs=-1, metavar="[OWNER/NAME…|OWNER/*…]")
@click.option(
    "-f",
    "--file",
    type=click.File(encoding="utf-8", errors="replace"),
    help="Names, one a line, with # before a comment; - is what comes in.",
)
@click.option("--forks", is_flag=True, help="Of OWNER/*: forks, too.")
@click.option("--archived", is_flag=True, help="Of OWNER/*: what is archived, too.")
def follow(names: tuple[str, ...], file: IO[str] | None, forks: bool, archived: bool) -> None:
    """Follow repositories, and have their star histories read by a worker.

    Each is given as owner/name or by its address on GitHub; 'owner/*' is all of an owner's.
    """
    if not names and file is None:
        raise click.UsageError("name a repository, such as octocat/hello-world, or a file: -f FILE")
    host = current.github_host()
    listed, other = read_names(file, host) if file is not None else ({}, [])
    owners, full_names = parted(names, host)
    more, _ = parted((text for _, text in other), host)
    if (forks or archived) and not owners + more:
        raise click.UsageError("--forks and --archived are of OWNER/*, such as 'apache/*'")
    wrong = [(number, text) for number, text in other if pasted_owner(text, host) is None]
    meant = {full_name.lower(): full_name for full_name in map(_meant, full_names)}
    require_schema()
    with in_one_line():
        gone = _follow(list((meant | listed).values()))
        owner_commands.follow(owners + more, forks=forks, archived=archived)
    click.echo("`flask --app app follows` tells how far they are.")
    for number, text in wrong:
        click.echo(f"{file and file.name}:{number}: {text!r:.120}: {EXPECTED}", err=True)
    for full_name in gone:
        click.echo(f"{full_name}: {NONE_SO_NAMED}", err=True)
    if wrong or gone:
        raise SystemExit(1)


@click.command()
@NAMES
def unfollow(names: tuple[str, ...]) -> None:
    """End following repositories; what was stored stays."""
    require_schema()
    with in_one_line():
        owners, full_names = parted(names, current.github_host())
        for owner in owners:
            click.echo(owner_commands.unfollow(owner))
        for full_name in map(_meant, full_names):
            with current.database().write() as session:
                ended = wishes.unfollow(session, full_name)
            click.echo(f"{full_name}: {'not followed any more' if ended else 'was not followed'}")


@click.command()
def follows() -> None:
    """List what is followed: since when, how much of its star history is here, what keeps it from
    being told, and how often it is sampled; owners with how many repositories are followed because
    of them; and names that GitHub does not know."""
    require_schema()
    with in_one_line(), current.database().read() as session:
        troubles = {row.subject: row.why for row in current_troubles(session, clock.now())}
        for line in owner_commands.lines(session, troubles):
            click.echo(line)
        rows = wishes.all_followed(session)
        for row in rows:
            why = told_of(troubles, row.full_name)
            told = f"{row.full_name}  {_since(row)}  {_history(session, row)}"
            click.echo(f"{told}  {why}" if why else told)
        for row in wishes.unknown_to_github(session):
            click.echo(f"{row.full_name}  {NONE_SO_NAMED}")
        settings = current.settings()
        number = number_sampled(session, settings.watch)
    every = interval(number, settings.poll_every, settings.github_token is not None)
    click.echo(f"{len(rows)} followed, each sampled every {words.interval(every)}.")


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
    full_name = current.meant(text)
    if full_name is None:
        raise click.BadParameter(f"{text!r:.120}: {EXPECTED}")
    return full_name


ALL = (follow, unfollow, follows)
