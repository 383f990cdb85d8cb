"""What the current Flask app holds: its settings, and its ways to the database and to Redis."""

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
    """A client that waits a second at most: for the status, and for commands."""
    held: Redis = current_app.extensions["redis"]
    return held
