"""A repository's trouble is its own: whatever GitHub says of some, the lists are polled as if there
were none, and the others are asked for."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from sqlalchemy import select

from core import lists
from core.rate_limit import Resource
from github import polling
from github.errors import GitHubError
from github.shared_limit import SharedLimit, connect_to_github
from local.fake_github import api, serving
from local.fake_github.faults import WITHHELD
from local.fake_github.worlds import FakeRepository, MadeUpWorld
from models import Repository
from monitoring.status import trouble_status
from settings import Settings
from store import rate_limits
from store.database import Database, connect
from store.troubles import TOKEN, current_troubles, note_trouble
from tests.support.archive import line, write_day
from tests.support.common import MakeSettings
from tests.support.imported import bring
from tests.support.simulation import Simulation

# Of the arithmetic, which is the same on Postgres; its SQL is tested there by others.
pytestmark = pytest.mark.sqlite

STARS, PYTHON = lists.KNOWN["stars"], lists.KNOWN["python"]
START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EVERY = timedelta(minutes=10)
SLOTS = 3
SECRET = "ghp_0123456789abcdef"

IMPORTED = [f"guild/tool-{number}" for number in range(5)]


class Forgetful(MadeUpWorld):
    """A made-up world whose search leaves one repository of the list out."""

    def __init__(self) -> None:
        super().__init__(languages=["Python"])
        top = super().search(STARS, 0, START)
        self.forgotten, self.watched = top[40].full_name, [it.full_name for it in top[:3]]

    def search(self, ranked: lists.RankedList, floor: int, at: datetime) -> list[FakeRepository]:
        found = super().search(ranked, floor, at)
        return found if at < START else [it for it in found if it.full_name != self.forgotten]


WORLD = Forgetful()
ASKED_FOR = [WORLD.forgotten, *WORLD.watched, *IMPORTED]


def installation(folder: Path, token: str | None, withheld: Mapping[str, str]) -> Simulation:
    """An hour of an installation with two lists, three watched and five imported repositories."""
    configured = Settings(
        database_url=f"sqlite:///{folder}/starboard.db",
        github_token=token,
        lists=(STARS, PYTHON),
        watch=tuple(WORLD.watched),
    )
    database = connect(configured)
    database.upgrade()
    bring(database, write_day(folder, *map(line, IMPORTED), day=date(2026, 11, 1)))
    here = Simulation(database, configured, WORLD, START - EVERY)
    here.poll_all(START - EVERY)
    here.faults.withheld = {name.lower(): kind for name, kind in withheld.items()}
    for number in range(SLOTS):
        slot = START + number * EVERY
        here.poll_all(slot)
        here.now = max(here.now, slot + timedelta(minutes=5))
        ask(here, slot)
        here.aggregate()
    return here


def ask(here: Simulation, slot: datetime) -> None:
    """Ask for watched and imported repositories, as the jobs do."""

    def now() -> datetime:
        return here.now

    with here.github() as github:
        for name in here.settings.watch:
            try:
                polling.watch_repository(here.database, github, name, slot, EVERY, now)
            except GitHubError:
                continue
        polling.identify_some(here.database, github, here.settings, lambda: False, now)


def asked(database: Database) -> set[str]:
    """The imported repositories of which GitHub said who they are, or that they are not."""
    with database.read() as session:
        rows = session.scalars(select(Repository.full_name).where(Repository.asked_at.is_not(None)))
        return set(rows)


def names(here: Simulation, slug: str) -> list[str]:
    """A list without the one that the search leaves out, and without who is last in its place."""
    board = here.board(slug)
    assert board is not None
    shown = [item["full_name"] for item in board["items"]]
    return [name for name in shown if name != WORLD.forgotten][: lists.SIZE - 1]


@lru_cache
def calm_hour(token: str | None) -> tuple[dict[tuple[str, datetime], str], list[list[str]]]:
    """How each slot went, and the lists in the end, where GitHub withholds nothing."""
    with TemporaryDirectory() as folder:
        calm = installation(Path(folder), token, {})
        calm.database.dispose()
        return calm.outcomes, [names(calm, ranked.slug) for ranked in calm.settings.lists]


def paused(here: Simulation, resource: Resource) -> bool:
    with here.database.read() as session:
        return rate_limits.allowance(session, resource).blocked_until > here.now


@pytest.mark.parametrize("token", [None, SECRET])
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    withheld=strategies.dictionaries(
        strategies.sampled_from(ASKED_FOR), strategies.sampled_from(sorted(WITHHELD)), min_size=1
    )
)
def test_no_mixture_of_troubles_disturbs_the_lists(
    token: str | None, withheld: dict[str, str]
) -> None:
    with TemporaryDirectory() as folder:
        here = installation(Path(folder), token, withheld)

        shown = [names(here, ranked.slug) for ranked in here.settings.lists]
        assert (here.outcomes, shown) == calm_hour(token)
        assert not paused(here, "search") and not paused(here, "core")
        if token:  # without one there are three names a run
            assert asked(here.database) >= set(IMPORTED) - withheld.keys()
        here.database.dispose()


@pytest.mark.parametrize("kind", sorted(WITHHELD))
def test_each_trouble_is_told_with_the_name_of_the_repository(tmp_path: Path, kind: str) -> None:
    here = installation(tmp_path, SECRET, {WORLD.forgotten: kind, IMPORTED[0]: kind})

    with here.database.read() as session:
        told = {trouble["subject"] for trouble in trouble_status(session, here.now)}

    expected = {WORLD.forgotten, IMPORTED[0]}
    if kind in ("blocked", "not found", "taken down"):
        expected = set()  # gone: nothing is withheld
    elif kind == "forbidden to tokens":
        expected = {IMPORTED[0]}  # the other one was asked for without the token
    assert told == expected
    assert asked(here.database) >= set(IMPORTED[1:])
    here.database.dispose()


def test_one_that_was_withheld_is_asked_for_again_a_day_later(tmp_path: Path) -> None:
    here = installation(tmp_path, SECRET, {IMPORTED[0]: "always fails"})
    here.faults.withheld.clear()

    before = asked(here.database)
    here.now += timedelta(days=1)
    with here.github() as github:
        polling.identify_some(here.database, github, here.settings, lambda: False, lambda: here.now)

    assert IMPORTED[0] not in before
    assert IMPORTED[0] in asked(here.database)
    with here.database.read() as session:
        assert current_troubles(session, here.now) == []
    here.database.dispose()


def test_a_run_ends_where_github_itself_is_in_trouble(tmp_path: Path) -> None:
    here = installation(tmp_path, SECRET, dict.fromkeys(IMPORTED, "always fails"))

    sent = [record.path for record in here.requests if "guild" in record.path]

    assert sorted(sent) == [f"/repos/{name}" for name in IMPORTED]  # three, then the other two
    here.database.dispose()


# The token


def test_lists_go_on_without_a_token_that_github_refuses(
    database: Database, make_settings: MakeSettings
) -> None:
    expired = make_settings(github_token="ghp_long_expired", lists=(STARS, PYTHON))
    here = Simulation(database, expired, MadeUpWorld(), START)
    here.app = api.create_fake_github(here.world, clock=lambda: here.now, token=SECRET)

    here.poll_all(START)

    assert set(here.outcomes.values()) == {"good"}
    # The second list had to wait for its turn, and asked with the token again.
    assert [record.status for record in here.requests] == [401, 200, 401, 401, 200]
    with database.read() as session:
        told = trouble_status(session, here.now)
        spent = rate_limits.allowance(session, "search")
        apart = rate_limits.allowance(session, "search", apart=True)
    assert [(each["subject"], each["why"]) for each in told] == [
        (TOKEN, "GitHub refuses it: Bad credentials; asking without it")
    ]
    assert spent.blocked_until <= here.now
    assert (spent.limit, apart.limit) == (None, 10)


def test_a_refused_token_is_not_sent_again_for_an_hour(
    database: Database, make_settings: MakeSettings
) -> None:
    app = api.create_fake_github(MadeUpWorld(), token=SECRET)
    with serving.serve(app) as url:
        expired = make_settings(github_token="ghp_long_expired", github_api_url=url)
        for _ in range(2):
            with connect_to_github(database, expired) as github:
                github.repository(WORLD.watched[0])
    log = app.extensions["fake_github"].log

    assert [record.status for record in log] == [401, 200, 200]


def test_requests_without_the_token_have_a_limit_of_their_own(
    database: Database, make_settings: MakeSettings
) -> None:
    slept: list[float] = []
    gate = SharedLimit(database, make_settings(github_token=SECRET), lambda: START, slept.append)

    gate.acquire("search")
    replace(gate, anonymous=True).acquire("search")

    assert slept == []


def test_a_trouble_that_goes_on_began_when_it_began(database: Database) -> None:
    with database.write() as session:
        note_trouble(session, "Acme/Rocket", "no", START, timedelta(days=1))
        note_trouble(session, "acme/rocket", "no!", START + EVERY, timedelta(days=1))

    with database.read() as session:
        (row,) = current_troubles(session, START + EVERY)
        assert (row.name, row.why, row.since) == ("acme/rocket", "no!", START)


def test_a_trouble_of_a_clock_that_ran_ahead_is_none(database: Database) -> None:
    with database.write() as session:
        note_trouble(session, "acme/rocket", "no", START + EVERY, timedelta(days=1))

    with database.read() as session:
        assert current_troubles(session, START) == []
