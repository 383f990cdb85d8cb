"""Which of GitHub's requests are to spare for what nobody waits for."""

from dataclasses import replace
from datetime import datetime

from core.rate_limit import KEPT_FOR_POLLS, Allowance, RateLimit

KEPT_TURNS = 5  # that may be taken at once by others: a poll asks for so many that vanished


def is_one_to_spare(known: Allowance, limit: RateLimit, now: datetime) -> bool:
    """Whether a request may be sent now, at an even pace, that leaves others some turns at once and
    a tenth of GitHub's window."""
    calmer = replace(limit, burst=limit.burst - KEPT_TURNS)
    if known.by_clock(now).send_at(calmer, now) > now:
        return False
    if known.limit is None or known.remaining is None or known.reset_at is None:
        return True  # GitHub has not said yet
    return known.reset_at <= now or known.remaining > known.limit * KEPT_FOR_POLLS
