"""`flask --app app follow`, `unfollow` and `follows`: what the API does, with nobody's leave and
without its bound."""

from typing import Any

import click

from core import clock
from core.names import pasted_name
from core.sampling import interval
from models import Follow
from store import follows as wishes
from store.history_status import history_status
from store.sampling import number_sampled
from web import current, following
from web.command_errors import in_one_line, require_schema

NAMES = click.argument("names", nargs=-1, required=True, metavar="OWNER/NAME…")


@click.command()
@NAMES
def follow(names: tuple[str, ...]) -> None:
    """Follow repositories, and have their star histories read by a worker.

    Each is given as owner/name or by its address on GitHub.
    """
    require_schema()
    with in_one_line():
        for full_name in map(_meant, names):
            _follow(full_name)
    click.echo("`flask --app app follows` tells how far they are.")


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
    """List what is followed: since when, how much of its star history is here, and how often it is
    sampled."""
    require_schema()
    with in_one_line(), current.database().read() as session:
        rows = wishes.all_followed(session)
        for row in rows:
            click.echo(f"{row.full_name}  {_since(row)}  {_history(session, row)}")
        settings = current.settings()
        number = number_sampled(session, settings.watch)
    every = interval(number, settings.poll_every, settings.github_token is not None)
    click.echo(f"{len(rows)} followed, each sampled every {every // clock.MINUTE} minutes.")


def _follow(full_name: str) -> None:
    with current.database().write() as session:
        asked = wishes.ask(session, full_name, clock.now(), follow=True)
        assert asked.row is not None  # nothing bounds it
        if asked.row.gone_at is not None:
            raise click.ClickException(f"GitHub has no repository named {full_name}")
        name, state = asked.row.name, _history(session, asked.row)
    if asked.new and not following.queue(name):
        state = "noted; Redis cannot be reached, so it is read later"
    click.echo(f"{full_name}: {state}")


def _since(row: Follow) -> str:
    return clock.rfc3339(row.followed_since) if row.followed_since else "-"


def _history(session: Any, row: Follow) -> str:
    status = history_status(session, row.repository_id, row)
    pages = f" (page {status['pages_read']} of {status['pages']})" if status["pages"] else ""
    return f"history {status['state']}{pages if status['state'] == 'partial' else ''}"


def _meant(text: str) -> str:
    full_name = pasted_name(text)
    if full_name is None:
        raise click.BadParameter(f"{text!r:.120}: expected owner/name, or its address on GitHub")
    return full_name


ALL = (follow, unfollow, follows)
