"""Made-up days on which stars were given."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from itertools import accumulate, pairwise
from math import exp
from random import Random

from core.clock import DAY
from core.star_history import StarDays

STILL = 1 / 50  # of its days a repository waits for its first star


@lru_cache(maxsize=64)
def ramp(seed: int, first: date, days: int, stars: int, power: float) -> tuple[int, ...]:
    """Return the stars at the end of each of `days` days: about a curve of that power that reaches
    `stars`, with slow weekends, and some days that bring many."""
    random = Random(seed)
    quiet = int(days * STILL)
    sums = list(
        accumulate(
            ((day - quiet + 0.5) ** (power - 1) if day >= quiet else 0.0)
            * (0.6 if (first + day * DAY).weekday() >= 5 else 1.0)
            * exp(random.gauss(0, 0.4))
            * (8.0 if random.random() < 0.004 else 1.0)
            for day in range(days)
        )
    )
    return tuple(int(stars * total / sums[-1]) for total in sums)


def standing(first: date, gross: Sequence[int], stars: int) -> StarDays:
    """Return the days of the `stars` that stand of all that were given: `gross` until the end of
    each day, today's last. What was lost is missing on past days; what is more came today."""
    kept = min(stars, gross[-1])
    sums = [total * kept // max(1, gross[-1]) for total in gross[:-1]]
    return StarDays(first, tuple(after - before for before, after in pairwise([0, *sums, stars])))
