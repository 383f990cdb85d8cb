"""The belongings of the current Flask app: its settings, its database and its client of Redis."""

from flask import current_app, has_app_context, has_request_context, request
from redis import Redis

from core.names import host_of, pasted_name
from monitoring.status import LiveStatus
from settings import Settings
from store.database import Database
from web import http_headers
from web.gate import Gate


def settings() -> Settings:
    held: Settings = current_app.extensions["settings"]
    return held


def database() -> Database:
    """Return the database: one that answers soon or fails for a request, a patient one for the
    commands."""
    name = "database" if has_request_context() else "patient_database"
    held: Database = current_app.extensions[name]
    return held


def live_status() -> LiveStatus:
    """Return the status, which is kept for a second."""
    held: LiveStatus = current_app.extensions["status"]
    return held


def gate() -> Gate:
    """Return the gate that requests go through to the database."""
    held: Gate = current_app.extensions["gate"]
    return held


def redis() -> "Redis":
    """Return a client that waits a second at most: for the status, and for commands."""
    held: Redis = current_app.extensions["redis"]
    return held


def github_host() -> str | None:
    """Return the host of GitHub's pages; None, for any, outside of an app."""
    return host_of(settings().github_api_url) if has_app_context() else None


def meant(text: str) -> str | None:
    """Return the owner/name that a text or an address of this GitHub means; None: it means none."""
    return pasted_name(text, github_host())


def site() -> str:
    """Return the URL by which readers reach this server."""
    return settings().public_url or http_headers.site(request.environ)


def vary(headers: tuple[str, ...]) -> tuple[str, ...]:
    """Return those headers of a request that make a difference: none where PUBLIC_URL decides."""
    return () if settings().public_url else headers


def is_watched(full_name: str) -> bool:
    """Whether the settings have a repository followed, by WATCH or a collection."""
    return full_name.lower() in map(str.lower, settings().watch)
