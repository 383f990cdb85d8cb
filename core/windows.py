"""Gains over windows, each told against the baseline at the window's start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core import clock
from core.changes import ListThen
from core.clock import DAY, HOUR
from core.lists import RankedList
from core.retention import retained_step
from core.schemas import Gain, Gains
from core.star_history import ToldDays


@dataclass(frozen=True, slots=True)
class Window:
    """A span that gains are told over."""

    name: str
    length: timedelta

    @property
    def rounding(self) -> timedelta:
        """The step that the start is rounded down to: that in which readings as old as the start
        are retained, so that thinning them out never changes a gain."""
        return retained_step(self.length, EXACT)

    def start(self, as_of: datetime) -> datetime:
        return clock.floor(as_of - self.length, self.rounding)

    def oldest_baseline(self, as_of: datetime) -> datetime:
        """Return the moment before which a reading tells of another window than this."""
        return self.start(as_of) - self.tolerance

    @property
    def tolerance(self) -> timedelta:
        return min(self.length / 4, 7 * DAY)


EXACT = timedelta(seconds=1)
WINDOWS = (
    Window("1h", HOUR),
    Window("24h", DAY),
    Window("7d", 7 * DAY),
    Window("30d", 30 * DAY),
    Window("365d", 365 * DAY),
)


@dataclass(frozen=True, slots=True)
class Counts:
    """A repository's counts at a slot."""

    slot: datetime
    stars: int
    forks: int
    open_issues: int | None


@dataclass(frozen=True, slots=True)
class Profile:
    """A repository without its counts."""

    id: int
    full_name: str
    language: str | None
    description: str | None
    html_url: str
    pushed_at: datetime | None


@dataclass(frozen=True, slots=True)
class RankedRepository:
    """A repository's rank in a good poll, from 1; None on no list."""

    rank: int | None
    profile: Profile
    counts: Counts


@dataclass(frozen=True, slots=True)
class Baselines:
    """The readings and ranks that gains are told against.

    `baselines`: (window name, repository id) → the latest reading at or before the window's
    start. `ranks`: the same → the rank on the list then, as its last good poll had it. `told`:
    repository id → GitHub's days of stars, for gains without a baseline of ours.
    """

    baselines: Mapping[tuple[str, int], Counts]
    ranks: Mapping[tuple[str, int], int]
    told: Mapping[int, ToldDays] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A list as its last good poll has it, with what its documents need."""

    ranked: RankedList
    as_of: datetime
    fetched_at: datetime
    suspect: bool
    standings: Sequence[RankedRepository]
    history: Baselines
    then: Mapping[str, ListThen] = field(default_factory=dict)  # by window


def gains(standing: RankedRepository, history: Baselines) -> Gains:
    """The gains of a repository up to its counts' slot, in every window."""
    return {window.name: _gain(standing, history, window) for window in WINDOWS}


def _gain(standing: RankedRepository, history: Baselines, window: Window) -> Gain | None:
    now, repository = standing.counts, standing.profile.id
    then = history.baselines.get((window.name, repository))
    if then is None or then.slot < window.oldest_baseline(now.slot):
        return _told(standing, history, window)
    rank, rank_then = standing.rank, history.ranks.get((window.name, repository))
    return {
        "stars": now.stars - then.stars,
        "forks": now.forks - then.forks,
        "rank": None if rank is None or rank_then is None else rank_then - rank,
        "since": clock.rfc3339(then.slot),
        "source": "reading",
    }


def _told(standing: RankedRepository, history: Baselines, window: Window) -> Gain | None:
    """A gain by GitHub's days of the stars that stand today, which tell of nothing else."""
    told, as_of = history.told.get(standing.profile.id), standing.counts.slot
    gain = told and told.gain(window.start(as_of), window.tolerance, as_of)
    if not gain:
        return None
    stars, since, until = gain
    return {
        "stars": stars,
        "forks": None,
        "rank": None,
        "since": clock.rfc3339(since),
        "until": clock.rfc3339(until),
        "source": "github",
    }
