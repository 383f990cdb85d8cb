"""The limits of GitHub as all workers share them: a gate whose state is kept in SQL."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, get_args

from sqlalchemy.orm import Session

from core import clock
from core.clock import Clock
from core.rate_limit import KEPT_FOR_POLLS, LONGEST_WAIT, Allowance, Resource, limit_of
from github.answers import Answer, one_line
from github.client import GitHub
from github.errors import NotYet
from settings import Settings
from store import rate_limits
from store.database import LIMITS, Database
from store.troubles import CLOCK, TOKEN, end_trouble, is_in_trouble, note_trouble

TOKEN_PAUSE = timedelta(hours=1)  # until a refused token is tried again


@dataclass(frozen=True, slots=True)
class SharedLimit:
    """A `github.client.Gate`, of all requests of a job.

    `turn`: the name under which it reserves its next turn where that is later than it waits for;
    without one it reserves none. A name is for work, not for a slot: the next slot's job takes the
    turn over that the last one could not use. `before`: the end of the slot, from when on nothing
    is sent. `urgent`: somebody waits, so `core` may be asked as fast as GitHub allows. `kept`: the
    share of GitHub's window of `core` that is left for others. `patience`: how long it waits.
    `anonymous`: it is of requests without the token, even if there is one.
    """

    database: Database
    settings: Settings
    now: Clock = clock.now
    sleep: Callable[[float], None] = time.sleep
    turn: str | None = None
    before: datetime | None = None
    urgent: bool = False
    kept: float = KEPT_FOR_POLLS
    patience: timedelta = LONGEST_WAIT
    anonymous: bool = False

    def acquire(self, resource: Resource, *, going_on: bool = False) -> None:
        """Wait until a request may be sent. Raises NotYet where that takes too long, or the slot is
        over then."""
        turn = None
        while True:
            turn, now = self._next_turn(resource, turn, going_on)
            if self._is_too_late(turn, now):
                raise NotYet(turn)
            if turn <= now:
                return
            # Then all is looked at anew: meanwhile GitHub may tell another worker to slow down.
            self.sleep((turn - now).total_seconds())

    def _next_turn(
        self, resource: Resource, held: datetime | None, going_on: bool
    ) -> tuple[datetime, datetime]:
        """The moment for the next request, and that of now. If they are the same, it is noted as
        sent. `held`: what an earlier call promised."""
        limit = limit_of(resource, self._authorized)
        with self.database.write(LIMITS) as session:
            known, now = self._known(session, resource), self.now()
            paced = resource == "search" or not self.urgent
            urgent = None if paced else known.at_once(now, self.kept, held)
            if urgent is None:
                held = held or self._take_reserved(session, resource)
            turn, after = urgent or known.turn(
                limit, now, held, kept=self.kept if resource == "core" else 0, going_on=going_on
            )
            if not self._is_too_late(turn, now):
                sent_now = turn <= now and urgent is None
                self._save(session, resource, after.sent(limit, now) if sent_now else after)
            elif self.turn is not None and urgent is None:
                rate_limits.reserve_turn(session, resource, self.turn, turn, apart=self._apart)
                self._save(session, resource, after)
        return turn, now

    def _is_too_late(self, turn: datetime, now: datetime) -> bool:
        return turn > now + self.patience or (self.before is not None and turn >= self.before)

    def _take_reserved(self, session: Session, resource: Resource) -> datetime | None:
        """The turn that was reserved for this work, which is taken with it."""
        if self.turn is None:
            return None
        return rate_limits.take_turn(session, resource, self.turn, apart=self._apart)

    def record(self, resource: Resource, answer: Answer) -> None:
        """Note what an answer says about the limit, the token and the clock."""
        with self.database.write(LIMITS) as session:
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
                for other in set(get_args(Resource)) - {resource}:
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


def connect_to_github(database: Database, settings: Settings, **how: Any) -> GitHub:
    """A client under the limit that all share, without the token while GitHub refuses that. `how`:
    fields of SharedLimit."""
    gate = SharedLimit(database, settings, **how)
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
