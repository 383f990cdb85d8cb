"""The limits of GitHub as all workers share them: a gate whose state is kept in SQL."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core import clock
from core.rate_limit import Allowance, Resource, limit_of
from github.answers import Answer, one_line
from github.client import GitHub
from github.errors import NotYet
from settings import Settings
from store import rate_limits
from store.database import Database
from store.troubles import CLOCK, TOKEN, end_trouble, is_in_trouble, note_trouble

# A worker waits this long for its turn; a job whose turn is later makes room for others.
LONGEST_WAIT: dict[Resource, timedelta] = {
    "search": timedelta(seconds=30),
    "core": timedelta(seconds=5),
    "graphql": timedelta(seconds=5),
}

Clock = Callable[[], datetime]


TOKEN_PAUSE = timedelta(hours=1)  # until a refused token is tried again


@dataclass(frozen=True, slots=True)
class SharedLimit:
    """A `github.client.Gate`. `patience`, LONGEST_WAIT by default, is how long it waits at most.

    `anonymous`: the gate of requests without the token, even if there is one. `urgent`: that of
    requests that somebody waits for, which may be sent as fast as GitHub allows.
    """

    database: Database
    settings: Settings
    now: Clock = clock.now
    sleep: Callable[[float], None] = time.sleep
    patience: Mapping[Resource, timedelta] | None = None
    anonymous: bool = False
    urgent: bool = False

    def acquire(self, resource: Resource) -> None:
        """Sleep until a request may be sent. Raises NotYet where that takes too long."""
        while True:
            send_at = self._reserve(resource)
            if send_at > self.now():
                self.sleep((send_at - self.now()).total_seconds())
            # Another worker may have been told to slow down while this one slept.
            with self.database.read() as session:
                known = self._known(session, resource).by_clock(self.now())
            if known.blocked_until <= self.now():
                return

    def _reserve(self, resource: Resource) -> datetime:
        """Promise the next moment to this worker, so that no other takes it. Raises NotYet, and
        takes none, where it is too far off."""
        limit = limit_of(resource, self._authorized)
        with self.database.write() as session:
            known, now = self._known(session, resource), self.now()
            at_once = known.at_once(now) if self.urgent else None
            send_at, after = at_once or known.promise(limit, now)
            if send_at - now > (self.patience or LONGEST_WAIT)[resource]:
                raise NotYet(send_at)
            self._save(session, resource, after)
        return send_at

    def record(self, resource: Resource, answer: Answer) -> None:
        """Note what an answer says about the limit, the token and the clock."""
        with self.database.write() as session:
            now = self.now()
            _note_clock(session, answer.answered_at, now)
            if answer.status == 401:
                # Its headers tell of no limit: it says that 0 of 0 remain.
                if self._authorized:
                    why = f"GitHub refuses it: {one_line(answer.message)}; asking without it"
                    note_trouble(session, TOKEN, why, now, TOKEN_PAUSE)
                return
            known = self._known(session, resource)
            after = known.record(answer.status, answer.headers, now, limited=answer.limited)
            self._save(session, resource, after)
            if after.undated_refusals > known.undated_refusals:
                # A refusal without a header may be of a secondary limit, which is one on all that
                # a client sends: the other resources rest as long.
                for other in LONGEST_WAIT.keys() - {resource}:
                    spared = self._known(session, other).by_clock(now)
                    until = max(spared.blocked_until, after.blocked_until)
                    self._save(session, other, replace(spared, blocked_until=until, saved_at=now))

    @property
    def _authorized(self) -> bool:
        return self.settings.github_token is not None and not self.anonymous

    @property
    def _apart(self) -> bool:
        return self.settings.github_token is not None and self.anonymous

    def _known(self, session: Session, resource: Resource) -> Allowance:
        return rate_limits.allowance(session, resource, apart=self._apart)

    def _save(self, session: Session, resource: Resource, value: Allowance) -> None:
        rate_limits.save_allowance(session, resource, value, apart=self._apart)


def connect_to_github(
    database: Database,
    settings: Settings,
    patience: Mapping[Resource, timedelta] | None = None,
    *,
    urgent: bool = False,
) -> GitHub:
    """A client under the limit that all share, without the token while GitHub refuses that.
    `urgent`: for what somebody waits for."""
    gate = SharedLimit(database, settings, patience=patience, urgent=urgent)
    anonymous = replace(gate, anonymous=True)
    with database.read() as session:
        refused = is_in_trouble(session, TOKEN, clock.now())
    if refused:
        return GitHub(replace(settings, github_token=None), anonymous)
    return GitHub(settings, gate, anonymous=anonymous)


def _note_clock(session: Session, theirs: datetime | None, ours: datetime) -> None:
    """Compare our clock with GitHub's, which is right."""
    if theirs is None:
        return
    behind = theirs - ours
    if abs(behind) > clock.TOLERANCE:
        minutes = round(abs(behind) / clock.MINUTE)
        direction = "behind" if behind > timedelta() else "ahead of"
        why = f"this machine's clock is {minutes} minutes {direction} GitHub's; set it right"
        note_trouble(session, CLOCK, why, ours, clock.HOUR)
    elif is_in_trouble(session, CLOCK, ours):
        end_trouble(session, CLOCK)
