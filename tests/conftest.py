"""Fixtures that several modules' tests share: settings, a real database, a real Valkey."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support import MakeSettings

import lists
import models
import run
from models import Database
from settings import Settings


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeSettings:
    """Settings of a test's own, with SQLite in its folder and the list `stars`."""
    base = Settings(
        database_url=f"sqlite:///{tmp_path}/starboard.db",
        redis_url="redis://127.0.0.1:1/0",  # nobody listens there
        github_api_url="http://github.test",
        lists=(lists.KNOWN["stars"],),
    )

    def make(**changes: Any) -> Settings:
        return replace(base, **changes)

    return make


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings()


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """A database with its schema, empty."""
    with models.connect(settings) as database:
        database.upgrade()
        yield database


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Valkey, shared by all tests of a session."""
    with run.embedded_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
def redis(valkey_url: str) -> Iterator[Redis]:
    """A client of the real Valkey, emptied before the test."""
    with Redis.from_url(valkey_url) as client:
        client.flushall()
        yield client
