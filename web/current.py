"""The belongings of the current Flask app: its settings, its database and its client of Redis."""

from flask import current_app
from redis import Redis

from settings import Settings
from store.database import Database


def settings() -> Settings:
    held: Settings = current_app.extensions["settings"]
    return held


def database() -> Database:
    held: Database = current_app.extensions["database"]
    return held


def redis() -> "Redis":
    """Return a client that waits a second at most: for the status, and for commands."""
    held: Redis = current_app.extensions["redis"]
    return held
