"""What is wrong with the database or Redis, as a line that ends a command."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from redis import RedisError
from sqlalchemy.exc import DBAPIError

from core.socket_paths import socket_path, socket_url
from settings import HERE
from store.database import SchemaError, error_line
from web import current


def require_schema() -> None:
    """End the command with a line unless the database has the schema of this version."""
    with in_one_line():
        current.database().check_schema()


@contextmanager
def in_one_line() -> Iterator[None]:
    """Let what is wrong with the database or Redis end a command with a line, not a traceback."""
    try:
        yield
    except (SchemaError, DBAPIError) as error:
        raise click.ClickException(error_line(error)) from error
    except RedisError as error:
        raise click.ClickException(_redis_trouble(error)) from error


def _redis_trouble(error: RedisError) -> str:
    settings = current.settings()
    default = socket_url(var := HERE / "var", settings.valkey_password)
    if settings.redis_url == default and not socket_path(var).exists():
        return "Starboard does not run in this checkout: start it with `make run`, or set REDIS_URL"
    return f"Redis cannot be reached: {error}"
