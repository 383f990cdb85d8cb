"""`flask --app app alive`: the healthcheck of a worker or a scheduler in a container of its own."""

import socket

import click

from monitoring import signs_of_life
from web import current
from web.command_errors import in_one_line


@click.command()
@click.argument("kind", type=click.Choice(signs_of_life.KINDS))
def alive(kind: str) -> None:
    """Say whether Redis heard lately of a worker or a scheduler of this host.

    The exit status is 1 where it did not: none runs, or it hangs.
    """
    with in_one_line():
        seen = signs_of_life.is_seen(current.redis(), kind)
    host = socket.gethostname()
    if not seen:
        raise click.ClickException(f"Redis heard nothing lately of a {kind} on {host}")
    click.echo(f"A {kind} runs on {host}.")
