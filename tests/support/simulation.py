"""A simulated installation: the jobs' own code, a fake GitHub, and a clock that tests move."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import select

from core.lists import RankedList
from core.schemas import Leaderboard
from github import polling
from github.client import GitHub
from github.errors import GitHubError, NotYet
from github.shared_limit import SharedLimit
from local.fake_github import api
from local.fake_github.faults import FaultInjector
from local.fake_github.state import Record
from local.fake_github.worlds import World
from models import Placement, Repository
from queues import RETRY
from settings import Settings
from store import builds, documents
from store.database import Database


class BreakingTransport(httpx.BaseTransport):
    """In process there is no connection to break: what would break one raises here."""

    def __init__(self, app: Any, faults: FaultInjector) -> None:
        self._inner = httpx.WSGITransport(app)
        self._faults = faults

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        before = len(self._faults.done)
        response = self._inner.handle_request(request)
        done = self._faults.done[before:]
        if "slow" in done:
            raise httpx.ReadTimeout("timed out", request=request)
        if "reset" in done:
            raise httpx.RemoteProtocolError("peer closed connection", request=request)
        return response


@dataclass
class Simulation:
    """Polls as the schedule and RQ's retries would run them, in a second instead of a day."""

    database: Database
    settings: Settings
    world: World
    now: datetime
    faults: FaultInjector = field(default_factory=FaultInjector)
    skew: timedelta = timedelta()  # of our clock against GitHub's

    def __post_init__(self) -> None:
        self.app = api.create_fake_github(self.world, clock=lambda: self.now, faults=self.faults)
        self.outcomes: dict[tuple[str, datetime], str] = {}
        self.stored: list[tuple[str, datetime]] = []  # the slots that got a good poll, each time

    @property
    def requests(self) -> list[Record]:
        log: list[Record] = self.app.extensions["fake_github"].log
        return log

    def clock(self) -> datetime:
        """The moment by our own clock."""
        return self.now + self.skew

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def github(self, **how: Any) -> GitHub:
        """A client as jobs have one, by the clock of the simulation."""
        gate = SharedLimit(self.database, self.settings, now=self.clock, sleep=self.sleep, **how)
        transport = BreakingTransport(self.app, self.faults)
        anonymous = replace(gate, anonymous=True)
        return GitHub(self.settings, gate, transport, anonymous=anonymous)

    def poll(self, ranked: RankedList, slot: datetime) -> str:
        """A job and its retries: what came of the slot in the end."""
        pauses = list(RETRY.intervals)
        while True:
            try:
                with self.github(turn=f"poll-{ranked.slug}", urgent=True, kept=0) as github:
                    result = polling.poll_list(
                        self.database,
                        github,
                        ranked,
                        slot,
                        self.settings.poll_every,
                        self.clock,
                    )
                return self._came_of(ranked, slot, result["outcome"])
            except NotYet as error:
                self.now = max(self.now, error.until - self.skew)
            except GitHubError:
                if not pauses:
                    return self._came_of(ranked, slot, "failed")
                self.sleep(pauses.pop(0))

    def _came_of(self, ranked: RankedList, slot: datetime, outcome: str) -> str:
        """Note the outcome that a slot has in the end: the best of its polls."""
        if outcome == "good":
            self.stored.append((ranked.slug, slot))
        worth = ("done before", "missed", "failed", "suspect", "good")
        before = self.outcomes.get((ranked.slug, slot), "done before")
        self.outcomes[ranked.slug, slot] = max(before, outcome, key=worth.index)
        return outcome

    def poll_all(self, slot: datetime, ranked: Iterable[RankedList] = ()) -> None:
        """All lists once, from the start of a slot on."""
        self.now = max(self.now, slot)
        for each in ranked or self.settings.lists:
            self.poll(each, slot)

    def aggregate(self, begun: datetime | None = None) -> None:
        builds.aggregate_lists(self.database, self.settings, begun or self.clock())

    def carried_over(self, slot: datetime) -> set[int]:
        """The GitHub ids of those carried over at a slot, as asking for them failed."""
        chosen = (
            select(Repository.github_id)
            .join(Placement, Placement.repository_id == Repository.id)
            .where(Placement.slot == slot, Placement.carried_over)
        )
        with self.database.read() as session:
            return {number for number in session.scalars(chosen) if number is not None}

    def board(self, slug: str) -> Leaderboard | None:
        """The published leaderboard, as a request would get it."""
        with self.database.read() as session:
            document = documents.document(session, f"lists/{slug}")
            board: Leaderboard | None = json.loads(document.body) if document else None
        return board
