"""From readings to documents: leaderboards with gains, and totals over them.

Pure: plain values and `now` in, typed documents out. Slots and moments are UTC; gains are counts
of stars and forks, and places.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypedDict, TypeVar

from msgspec import Meta

import clock
import ticks
from clock import DAY, HOUR
from lists import Count, RankedList


@dataclass(frozen=True, slots=True)
class Window:
    """A span that gains are told over. Its start is rounded down to `rounding`, so that thinning
    old readings to hours and days never changes a gain."""

    name: str
    length: timedelta
    rounding: timedelta

    def start(self, as_of: datetime) -> datetime:
        return clock.floor(as_of - self.length, self.rounding)

    def oldest_baseline(self, as_of: datetime) -> datetime:
        """A baseline from before this says too little about the window."""
        return as_of - 2 * self.length


Key = TypeVar("Key", str, str | None)

# Documents describe themselves, for /openapi.json: a `Meta` says what a type cannot.
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]

EXACT = timedelta(seconds=1)
WINDOWS = (
    Window("1h", HOUR, EXACT),
    Window("24h", DAY, EXACT),
    Window("7d", 7 * DAY, HOUR),
    Window("30d", 30 * DAY, HOUR),
    Window("365d", 365 * DAY, DAY),
)


class Gain(TypedDict):
    """What came on top since `since`, the slot of the reading it is told against."""

    stars: int
    forks: int
    rank: Annotated[int | None, Meta(description="Places climbed; null: was not listed then.")]
    since: Time


Gains = dict[str, Gain | None]  # by window; None: no reading near enough to its start


class Facts(TypedDict):
    """A repository: figures, profile and gains."""

    full_name: str
    owner: str
    name: str
    stars: int
    forks: int
    open_issues: int
    language: str | None
    description: str | None
    html_url: str
    pushed_at: Time | None
    gains: Gains


class Item(Facts):
    rank: int


class Leaderboard(TypedDict):
    list: str
    title: str
    as_of: Annotated[Time, Meta(description="The slot of the poll shown.")]
    fetched_at: Annotated[Time, Meta(description="When GitHub said it.")]
    built_at: Time
    next_build_at: Time
    suspect: Annotated[
        bool, Meta(description="GitHub's newest answers contradict this and are not believed.")
    ]
    count: int
    items: list[Item]


class ListEntry(TypedDict):
    slug: str
    title: str
    as_of: Annotated[Time | None, Meta(description="Null: not polled with success yet.")]
    count: int
    suspect: bool
    url: str


class ListIndex(TypedDict):
    items: list[ListEntry]


class Mover(TypedDict):
    """A gain of what the list counts, and of places, since the reading it is told against."""

    full_name: str
    rank: int
    stars: int
    forks: int
    gain: int
    rank_gain: int | None
    since: Time


class Movers(TypedDict):
    list: str
    window: str
    as_of: Time
    built_at: Time
    items: list[Mover]


class TotalGain(TypedDict):
    """The gain of those members that have a baseline, and how many they are."""

    stars: int
    repositories: int


class Total(TypedDict):
    repositories: int
    stars: int
    gains: dict[str, TotalGain]  # by window


class LanguageTotal(Total):
    language: Annotated[
        str | None, Meta(description="Null: repositories in which GitHub finds no language.")
    ]


class OwnerTotal(Total):
    owner: str


class LanguageTotals(TypedDict):
    list: str
    as_of: Time
    built_at: Time
    items: list[LanguageTotal]


class OwnerTotals(TypedDict):
    list: str
    as_of: Time
    built_at: Time
    items: list[OwnerTotal]


class Place(TypedDict):
    list: str
    rank: int


class RepositoryDocument(Facts):
    """A repository's `rank`, also in its gains, is the one on the list `stars`."""

    rank: int | None
    as_of: Time
    ranks: list[Place]
    links: dict[str, str]


class Point(TypedDict):
    """A reading: its slot and its counts."""

    at: Time
    stars: int
    forks: int
    open_issues: int


Series = TypedDict(
    "Series", {"full_name": str, "step": str, "from": Time, "to": Time, "points": list[Point]}
)
"""A repository's readings over [from, to), the last in each step."""


Kind = Literal["entered", "left", "overtook", "milestone"]


class EventItem(TypedDict):
    """`detail`: of `entered` and `left` {"rank"}, of `overtook` {"rank", "overtaken"}, of
    `milestone` {"stars"}."""

    cursor: int
    at: Time
    list: str
    kind: Kind
    full_name: str
    detail: dict[str, Any]


class EventPage(TypedDict):
    """Events, oldest first; `next`: the cursor to ask for what comes after them."""

    items: list[EventItem]
    next: int


class Badge(TypedDict):
    """What shields.io asks of an endpoint."""

    schemaVersion: Annotated[int, Meta(ge=1, le=1)]
    label: str
    message: str
    color: str
    cacheSeconds: int


BADGES = ("stars", "rank", "gain")  # what a badge can tell
UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Counts:
    """A repository's counts at a slot."""

    slot: datetime
    stars: int
    forks: int
    open_issues: int


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a repository besides its counts."""

    id: int
    full_name: str
    language: str | None
    description: str | None
    html_url: str
    pushed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A repository's place in a good poll: rank from 1, None on no list."""

    rank: int | None
    profile: Profile
    counts: Counts


@dataclass(frozen=True, slots=True)
class History:
    """What gains are told against.

    `baselines`: (window name, repository id) → the latest reading at or before the window's
    start. `ranks`: the same → the place on the list then, as its last good poll had it.
    """

    baselines: Mapping[tuple[str, int], Counts]
    ranks: Mapping[tuple[str, int], int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A list as its last good poll has it, with what its documents need."""

    ranked: RankedList
    as_of: datetime
    fetched_at: datetime
    suspect: bool
    standings: Sequence[Standing]
    history: History


def gains(standing: Standing, history: History) -> Gains:
    """The gains of a repository up to its counts' slot, in every window."""
    return {window.name: _gain(standing, history, window) for window in WINDOWS}


def _gain(standing: Standing, history: History, window: Window) -> Gain | None:
    now, repository = standing.counts, standing.profile.id
    then = history.baselines.get((window.name, repository))
    if then is None or then.slot < window.oldest_baseline(now.slot):
        return None
    rank, rank_then = standing.rank, history.ranks.get((window.name, repository))
    return {
        "stars": now.stars - then.stars,
        "forks": now.forks - then.forks,
        "rank": None if rank is None or rank_then is None else rank_then - rank,
        "since": clock.rfc3339(then.slot),
    }


def facts(standing: Standing, history: History) -> Facts:
    profile, counts = standing.profile, standing.counts
    owner, _, name = profile.full_name.partition("/")
    return {
        "full_name": profile.full_name,
        "owner": owner,
        "name": name,
        "stars": counts.stars,
        "forks": counts.forks,
        "open_issues": counts.open_issues,
        "language": profile.language,
        "description": profile.description,
        "html_url": profile.html_url,
        "pushed_at": clock.rfc3339(profile.pushed_at) if profile.pushed_at else None,
        "gains": gains(standing, history),
    }


def leaderboard(snapshot: Snapshot, now: datetime, next_build_at: datetime) -> Leaderboard:
    return {
        "list": snapshot.ranked.slug,
        "title": snapshot.ranked.title,
        "as_of": clock.rfc3339(snapshot.as_of),
        "fetched_at": clock.rfc3339(snapshot.fetched_at),
        "built_at": clock.rfc3339(now),
        "next_build_at": clock.rfc3339(next_build_at),
        "suspect": snapshot.suspect,
        "count": len(snapshot.standings),
        "items": [
            {"rank": rank, **facts(standing, snapshot.history)}
            for standing in snapshot.standings
            if (rank := standing.rank) is not None
        ],
    }


def list_index(configured: Iterable[RankedList], boards: Mapping[str, Leaderboard]) -> ListIndex:
    """All lists that are polled, with or without data yet."""
    return {"items": [_list_entry(ranked, boards.get(ranked.slug)) for ranked in configured]}


def _list_entry(ranked: RankedList, board: Leaderboard | None) -> ListEntry:
    return {
        "slug": ranked.slug,
        "title": ranked.title,
        "as_of": board["as_of"] if board else None,
        "count": board["count"] if board else 0,
        "suspect": board["suspect"] if board else False,
        "url": f"/api/v1/lists/{ranked.slug}",
    }


def movers(board: Leaderboard, window: str, count: Count) -> Movers:
    """The gains of a list's members over a window, largest first; those that have a baseline."""
    items: list[Mover] = [
        {
            "full_name": item["full_name"],
            "rank": item["rank"],
            "stars": item["stars"],
            "forks": item["forks"],
            "gain": gain[count],
            "rank_gain": gain["rank"],
            "since": gain["since"],
        }
        for item in board["items"]
        if (gain := item["gains"][window]) is not None
    ]
    return {
        "list": board["list"],
        "window": window,
        "as_of": board["as_of"],
        "built_at": board["built_at"],
        "items": sorted(items, key=lambda it: (-it["gain"], it["rank"])),
    }


def languages(board: Leaderboard) -> LanguageTotals:
    """Totals by language over a list, most stars first, then by name."""
    items: list[LanguageTotal] = [
        {"language": language, **total}
        for language, total in _totals((it["language"], it) for it in board["items"])
    ]
    return {
        "list": board["list"],
        "as_of": board["as_of"],
        "built_at": board["built_at"],
        "items": items,
    }


def owners(board: Leaderboard) -> OwnerTotals:
    """Totals by owner over a list, most stars first, then by name."""
    items: list[OwnerTotal] = [
        {"owner": owner, **total}
        for owner, total in _totals((it["owner"], it) for it in board["items"])
    ]
    return {
        "list": board["list"],
        "as_of": board["as_of"],
        "built_at": board["built_at"],
        "items": items,
    }


def _totals(members: Iterable[tuple[Key, Item]]) -> list[tuple[Key, Total]]:
    groups: dict[Key, list[Item]] = {}
    for key, member in members:
        groups.setdefault(key, []).append(member)
    totals = [(key, _total(group)) for key, group in groups.items()]
    return sorted(totals, key=lambda it: (-it[1]["stars"], str(it[0] or "").casefold()))


def _total(members: Sequence[Item]) -> Total:
    return {
        "repositories": len(members),
        "stars": sum(member["stars"] for member in members),
        "gains": {window.name: _total_gain(members, window) for window in WINDOWS},
    }


def _total_gain(members: Sequence[Item], window: Window) -> TotalGain:
    known = [gain["stars"] for it in members if (gain := it["gains"][window.name]) is not None]
    return {"stars": sum(known), "repositories": len(known)}


def repository(
    standing: Standing, history: History, ranks: Mapping[str, int]
) -> RepositoryDocument:
    """One repository; `ranks`: its places by slug, in the order of the lists."""
    full_name = standing.profile.full_name
    return {
        "rank": standing.rank,
        **facts(standing, history),
        "as_of": clock.rfc3339(standing.counts.slot),
        "ranks": [{"list": slug, "rank": rank} for slug, rank in ranks.items()],
        "links": {"self": f"/api/v1/repos/{full_name}", "github": standing.profile.html_url},
    }


def badge(
    document: RepositoryDocument, show: str, of: RankedList, window: str, every: timedelta
) -> Badge:
    """What a badge says of a repository: its stars, its place on `of`, or its gain of stars over a
    window; worth asking for again after `every`."""
    ranks = {place["list"]: place["rank"] for place in document["ranks"]}
    gain = document["gains"][window]
    label, message = {
        "stars": ("stars", ticks.rounded(document["stars"])),
        "rank": (f"{of.title} rank", f"#{ranks[of.slug]}" if of.slug in ranks else UNKNOWN),
        "gain": (f"stars in {window}", f"{gain['stars']:+,}" if gain else UNKNOWN),
    }[show]
    color = "lightgrey" if message == UNKNOWN else "blue"
    return {
        "schemaVersion": 1,
        "label": label,
        "message": message,
        "color": color,
        "cacheSeconds": int(every.total_seconds()),
    }
