"""The recipe that samples what is followed or watched: with a token in batches, else one by one."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from core import clock
from core.clock import Clock
from core.sampling import AT_ONCE, Sampled, batches, due, interval
from github.batches import Batch
from github.client import GitHub
from github.errors import Final, GitHubError, NotYet, RateLimited, TokenRefused, Unavailable
from github.polling import watch_repository
from github.ranking import is_amid
from settings import Settings
from store import sampling
from store.database import Database

# Halving a batch of a hundred ends with one alone at the eighth: so many in a row are GitHub's
# trouble, and no repository's.
MOST_FAILING = 10

log = structlog.get_logger("starboard")


@dataclass
class Run:
    """One job's sampling of a slot, which ends when `is_over` says so, and may go on in a next."""

    database: Database
    github: GitHub
    slot: datetime
    every: timedelta
    is_over: Callable[[], bool]
    now: Clock
    sampled: int = 0
    failing: int = 0  # in a row
    by_name: list[Sampled] = field(default_factory=list)
    doubtful: list[Sampled] = field(default_factory=list)  # said to be gone, for the first time
    why: str | None = None

    @property
    def goes_on(self) -> bool:
        return not self.is_over() and is_amid(self.slot, self.every, self.now())

    def in_batches(self, known: Sequence[Sampled]) -> bool:
        """Fetch those whose node id is known; False where some are left."""
        waiting = deque(batches(known))
        while waiting or self.doubtful:
            if not self.goes_on or self.failing == MOST_FAILING:
                return False
            asked, sure = (waiting.popleft(), False) if waiting else (self.doubtful[:AT_ONCE], True)
            if sure:
                self.doubtful = self.doubtful[AT_ONCE:]
            try:
                batch = self.github.batch(asked)
            except RateLimited:  # the gate knows until when
                waiting.appendleft(asked)
                continue
            except (NotYet, TokenRefused):
                raise
            except Final as error:  # this GitHub has no GraphQL, or not for this token
                self.why = str(error)
                self.by_name += [*asked, *(each for group in waiting for each in group)]
                return True
            except GitHubError as error:
                batch = Batch(left=list(asked), why=str(error))
            waiting.extendleft(self._store(asked, batch, sure=sure))
        return True

    def _store(self, asked: Sequence[Sampled], batch: Batch, *, sure: bool) -> list[list[Sampled]]:
        """Store what came of a batch, in one transaction; gives what to ask for again, and smaller.

        Whom GitHub does not know it is asked for once more: it leaves out what is there. Then by
        name, which another one may bear that was made since.
        """
        self.failing = 0 if batch.found or batch.gone or batch.withheld else self.failing + 1
        self.sampled += len(batch.found)
        self.by_name += [each for each in asked if each.full_name in batch.withheld]
        unknown = self.by_name if sure else self.doubtful
        unknown += [each for each in asked if each.full_name in batch.gone]
        smaller, alone = max(1, len(asked) // 2), len(asked) == 1
        failing = {each.full_name: batch.why for each in batch.left} if alone else {}
        if not is_amid(self.slot, self.every, self.now()):
            return []
        with self.database.write() as session:
            at = self.now()
            if batch.found:
                larger = min(AT_ONCE, 2 * max(each.at_once for each in asked))
                sampling.store_found(session, self.slot, at, batch.found, larger)
            sampling.store_failing(session, at, failing)
            if batch.left and not alone:
                sampling.store_at_once(session, [it.full_name for it in batch.left], smaller)
        for name, why in failing.items():
            log.warning("not sampled", repository=name, why=why)
        return [] if alone else [*batches(replace(it, at_once=smaller) for it in batch.left)]

    def one_by_one(self) -> bool:
        """Fetch those that are asked for by name; False where some are left."""
        while self.by_name:
            if not self.goes_on:
                return False
            each = self.by_name.pop(0)
            name = each.full_name
            try:
                watch_repository(self.database, self.github, name, self.slot, self.every, self.now)
            except NotYet:
                raise
            except Unavailable as error:
                self.why, self.by_name = str(error), []
                return True
            except GitHubError as error:  # its own trouble, which is noted
                log.warning("not sampled", repository=name, why=str(error))
                with self.database.write() as session:
                    sampling.store_refused(session, self.now(), {name: str(error)})
                continue
            if each.repository_id and self.github.authorized:  # its node id led nowhere
                with self.database.write() as session:
                    sampling.follow_the_bearer(session, name)
            self.sampled += 1
        return True


def sample(
    database: Database,
    github: GitHub,
    settings: Settings,
    slot: datetime,
    is_over: Callable[[], bool],
    now: Clock = clock.now,
) -> dict[str, Any]:
    """Fetch what is due in a slot of all that is followed, and, with a token, watched. `more`:
    whether some are left that may be fetched. Raises NotYet where GitHub's limit has no turn."""
    every = settings.poll_every
    with database.read() as session:
        known = sampling.sampled(session, settings.watch if settings.github_token else ())
    turn = due(known, slot, every, interval(len(known), every, github.authorized))
    run = Run(database, github, slot, every, is_over, now)
    nodes = [it for it in turn if it.node_id and it.github_id] if github.authorized else []
    run.by_name = [it for it in turn if it not in nodes] if nodes else turn
    # Those that failed in every company come last, another one of them first in each slot: they may
    # fail all, which ends the run.
    alone = [it for it in nodes if it.at_once == 1]
    first = (slot - clock.EPOCH) // every % max(1, len(alone))
    others = [it for it in nodes if it.at_once > 1]
    try:
        done = run.in_batches(others) and run.one_by_one()
        done = done and run.in_batches([*alone[first:], *alone[:first]]) and run.one_by_one()
    except TokenRefused as error:  # a next job goes on without it
        run.why, done = str(error), False
    more = not done and is_amid(slot, every, now()) and (run.failing == 0 or run.sampled > 0)
    why = {"why": run.why} if run.why else {}
    return {"sampled": run.sampled, **why, "more": more and run.failing < MOST_FAILING}
