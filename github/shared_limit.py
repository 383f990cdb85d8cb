"""…"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core import clock
from core.rate_limit import Allowance, Resource, limit_of
from github.errors import NotYet
from settings import Settings
from store import rate_limits
from store.database import Database

LONGEST_WAIT: dict[Resource, timedelta] = {
    "search": timedelta(seconds=30),  # what a worker waits for its turn before it does other work
    "core": timedelta(seconds=5),
}

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class SharedLimit:
    """The budget of all workers, kept in SQL: a github.Gate."""

    database: Database
    settings: Settings
    now: Clock = clock.now
    sleep: Callable[[float], None] = time.sleep
    patience: Mapping[Resource, timedelta] | None = None

    def pass_one(self, resource: Resource) -> None:
        limit = limit_of(resource, self.settings.github_token is not None)
        patience = (self.patience or LONGEST_WAIT)[resource]
        while True:
            with self.database.write() as session:
                known = rate_limits.allowance(session, resource)
                send_at = known.send_at(limit, self.now())
                if send_at - self.now() > patience:
                    raise NotYet(send_at)
                rate_limits.save_allowance(session, resource, known.reserved(limit, send_at))
            if send_at > self.now():
                self.sleep((send_at - self.now()).total_seconds())
            if self._known(resource).blocked_until <= self.now():
                return  # nobody was told to slow down in the meantime

    def answered(self, resource: Resource, status: int, headers: Mapping[str, str]) -> None:
        with self.database.write() as session:
            known = rate_limits.allowance(session, resource)
            after = known.answered(status, headers, self.now())
            rate_limits.save_allowance(session, resource, after)
            if after.strikes > known.strikes:  # a limit without a word may be one on everything
                for other in LONGEST_WAIT.keys() - {resource}:
                    spared = rate_limits.allowance(session, other)
                    until = max(spared.blocked_until, after.blocked_until)
                    rate_limits.save_allowance(session, other, replace(spared, blocked_until=until))

    def _known(self, resource: Resource) -> Allowance:
        with self.database.read() as session:
            return rate_limits.allowance(session, resource)
