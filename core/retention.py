"""The retention rule as data: how old readings and polls become before they are thinned out."""

from dataclasses import dataclass
from datetime import timedelta

from core.clock import DAY, HOUR


@dataclass(frozen=True, slots=True)
class Stage:
    """From `age` on, only the last reading of each (t − step, t] is retained.

    A step is open at its start, so that the last reading at or before a full hour or a midnight,
    which gains and charts ask for, is never one that is thinned out.
    """

    name: str
    age: timedelta
    step: timedelta


HOURLY = Stage("hourly", 2 * DAY, HOUR)
DAILY = Stage("daily", 90 * DAY, DAY)  # and so for ever
STAGES = (HOURLY, DAILY)


def retained_step(age: timedelta, finest: timedelta) -> timedelta:
    """Return the finest step of which readings up to that age all have their last one, where
    there is a reading every `finest` to begin with."""
    return max([finest, *(stage.step for stage in STAGES if stage.age < age)])
