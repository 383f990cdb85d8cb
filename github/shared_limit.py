"""The limits of GitHub as all workers share them: a gate whose state is kept in SQL."""

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

# A worker waits this long for its turn; a job whose turn is later makes room for others.
LONGEST_WAIT: dict[Resource, timedelta] = {
    "search": timedelta(seconds=30),
    "core": timedelta(seconds=5),
}

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class SharedLimit:
    """A `github.client.Gate`. `patience`, LONGEST_WAIT by default, is how long it waits at most."""

    database: Database
    settings: Settings
    now: Clock = clock.now
    sleep: Callable[[float], None] = time.sleep
    patience: Mapping[Resource, timedelta] | None = None

    def acquire(self, resource: Resource) -> None:
        """Sleep until a request may be sent. Raises NotYet where that takes too long."""
        while True:
            send_at = self._reserve(resource)
            if send_at > self.now():
                self.sleep((send_at - self.now()).total_seconds())
            # Another worker may have been told to slow down while this one slept.
            if self._known(resource).blocked_until <= self.now():
                return

    def _reserve(self, resource: Resource) -> datetime:
        """Promise the next moment to this worker, so that no other takes it. Raises NotYet, and
        takes none, where it is too far off."""
        limit = limit_of(resource, self.settings.github_token is not None)
        with self.database.write() as session:
            known = rate_limits.allowance(session, resource)
            send_at = known.send_at(limit, self.now())
            if send_at - self.now() > (self.patience or LONGEST_WAIT)[resource]:
                raise NotYet(send_at)
            rate_limits.save_allowance(session, resource, known.reserve(limit, send_at))
        return send_at

    def record(self, resource: Resource, status: int, headers: Mapping[str, str]) -> None:
        """Note what an answer says about the limit."""
        with self.database.write() as session:
            known = rate_limits.allowance(session, resource)
            after = known.record(status, headers, self.now())
            rate_limits.save_allowance(session, resource, after)
            if after.undated_refusals > known.undated_refusals:
                # A refusal without a header may be of a secondary limit, which is one on all that
                # a client sends: the other resources rest as long.
                for other in LONGEST_WAIT.keys() - {resource}:
                    spared = rate_limits.allowance(session, other)
                    until = max(spared.blocked_until, after.blocked_until)
                    rate_limits.save_allowance(session, other, replace(spared, blocked_until=until))

    def _known(self, resource: Resource) -> Allowance:
        with self.database.read() as session:
            return rate_limits.allowance(session, resource)
