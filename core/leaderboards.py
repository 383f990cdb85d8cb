"""From readings to documents: leaderboards with gains, and totals over them.

Pure: plain values and `now` in, typed documents out. Slots and moments are UTC; gains are counts
of stars and forks, and ranks climbed.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, TypeVar

from core import clock
from core.changes import changes
from core.lists import Count, RankedList, order_of
from core.schemas import (
    HistoryStatus,
    Item,
    LanguageTotal,
    LanguageTotals,
    Leaderboard,
    ListEntry,
    ListIndex,
    ListRank,
    Mover,
    Movers,
    OwnerTotal,
    OwnerTotals,
    RepositoryDocument,
    RepositoryFacts,
    Total,
    TotalGain,
)
from core.windows import WINDOWS, Baselines, RankedRepository, Snapshot, Window, gains

MOVERS_BY = {"gain": "", "percent": "/percent"}  # with what the names of documents end

ENOUGH = 100  # stars, or forks, of which a gain is told in percent

Key = TypeVar("Key", str, str | None)


def facts(standing: RankedRepository, history: Baselines) -> RepositoryFacts:
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


def documents_of(
    snapshots: Iterable[Snapshot],
    configured: Iterable[RankedList],
    now: datetime,
    next_build_at: datetime,
    unchanged: Mapping[str, ListEntry],
    elsewhere: Mapping[int, list[ListRank]],
) -> dict[str, tuple[Mapping[str, Any], datetime | None]]:
    """Return the new documents of a build by name, each with the newest slot in it. `unchanged`:
    the entries of the lists whose documents stay as they are, by slug; `elsewhere`: the ranks on
    those, by our id of the repository."""
    documents: dict[str, tuple[Mapping[str, Any], datetime | None]] = {}
    entries, snapshots = dict(unchanged), list(snapshots)
    ranks = _ranks(snapshots, elsewhere)
    for snapshot in snapshots:
        ranked = snapshot.ranked
        board = leaderboard(snapshot, now, next_build_at)
        entries[ranked.slug] = entry_of(ranked, board)
        made = zip(names_of(ranked.slug), _told_of(snapshot, board, ranks), strict=True)
        documents |= {name: (document, snapshot.as_of) for name, document in made}
    newest = max((entry["as_of"] or "" for entry in entries.values()), default="")
    documents["lists"] = list_index(configured, entries), clock.parse(newest) if newest else None
    return documents


def movers_name(slug: str, window: str, by: str = "gain") -> str:
    """Return the name of the document of a list's movers, in one of the orders of MOVERS_BY."""
    return f"movers/{slug}/{window}{MOVERS_BY[by]}"


def names_of(slug: str) -> list[str]:
    """Return the names of a list's documents."""
    moved = [movers_name(slug, window.name, by) for window in WINDOWS for by in MOVERS_BY]
    changed = [f"changes/{slug}/{window.name}" for window in WINDOWS]
    return [f"lists/{slug}", f"languages/{slug}", f"owners/{slug}", *moved, *changed]


def _told_of(
    snapshot: Snapshot, board: Leaderboard, ranks: Mapping[int, list[ListRank]]
) -> Iterable[Mapping[str, Any]]:
    """Give the documents of a list, in the order of their names."""
    count = snapshot.ranked.count
    ids = [standing.profile.id for standing in snapshot.standings]
    yield from (board, languages(board), owners(board))
    for window in WINDOWS:
        moved = movers(board, window.name, count)
        yield from (moved, by_percent(moved, count))
    for window in WINDOWS:
        yield changes(board, ids, window.name, snapshot.then[window.name], ranks)


def _ranks(
    snapshots: Iterable[Snapshot], elsewhere: Mapping[int, list[ListRank]]
) -> dict[int, list[ListRank]]:
    """Return each repository's ranks by our id."""
    ranks = defaultdict(list, {each: list(places) for each, places in elsewhere.items()})
    for snapshot in snapshots:
        for standing in snapshot.standings:
            if standing.rank is not None:
                ranks[standing.profile.id].append(
                    {"list": snapshot.ranked.slug, "rank": standing.rank}
                )
    for places in ranks.values():  # in one order, whichever of the lists are new
        places.sort(key=lambda place: order_of(place["list"]))
    return ranks


def list_index(configured: Iterable[RankedList], entries: Mapping[str, ListEntry]) -> ListIndex:
    """All lists that are polled, with or without data yet; `followed` once something is."""
    shown = ((ranked, entries.get(ranked.slug) or entry_of(ranked, None)) for ranked in configured)
    return {"items": [entry for ranked, entry in shown if entry["count"] or not ranked.followed]}


def entry_of(ranked: RankedList, board: Leaderboard | None) -> ListEntry:
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
            "gain": gained,
            "percent": round(100 * gained / before, 2)
            if (before := item[count] - gained)
            else None,
            "rank_gain": gain["rank"],
            "since": gain["since"],
            "source": gain["source"],
        }
        for item in board["items"]
        if (gain := item["gains"][window]) is not None and (gained := gain[count]) is not None
    ]
    return {
        "list": board["list"],
        "window": window,
        "as_of": board["as_of"],
        "built_at": board["built_at"],
        "items": sorted(items, key=lambda mover: (-mover["gain"], mover["rank"])),
    }


def by_percent(moved: Movers, count: Count) -> Movers:
    """Movers by their gain in percent, largest first: of those that had enough of what the list
    counts for a percentage to say something."""

    def growth(mover: Mover) -> Fraction:  # exact, where the percentages told may be equal
        return Fraction(mover["gain"], mover[count] - mover["gain"])

    items = [mover for mover in moved["items"] if mover[count] - mover["gain"] >= ENOUGH]
    return {**moved, "items": sorted(items, key=lambda mover: (-growth(mover), mover["rank"]))}


def languages(board: Leaderboard) -> LanguageTotals:
    """Totals by language over a list, most stars first, then by name."""
    items: list[LanguageTotal] = [
        {"language": language, **total}
        for language, total in _totals((item["language"], item) for item in board["items"])
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
        for owner, total in _totals((item["owner"], item) for item in board["items"])
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
    return sorted(totals, key=lambda total: (-total[1]["stars"], str(total[0] or "").casefold()))


def _total(members: Sequence[Item]) -> Total:
    return {
        "repositories": len(members),
        "stars": sum(member["stars"] for member in members),
        "gains": {window.name: _total_gain(members, window) for window in WINDOWS},
    }


def _total_gain(members: Sequence[Item], window: Window) -> TotalGain:
    known = [gain for item in members if (gain := item["gains"][window.name]) is not None]
    return {
        "stars": sum(gain["stars"] for gain in known),
        "repositories": len(known),
        "github": sum(gain["source"] == "github" for gain in known),
    }


def repository(
    standing: RankedRepository,
    history: Baselines,
    ranks: Mapping[str, int],
    star_history: HistoryStatus,
    *,
    followed: bool,
) -> RepositoryDocument:
    """One repository; `ranks`: its places by slug, in the order of the lists."""
    full_name = standing.profile.full_name
    return {
        "rank": standing.rank,
        **facts(standing, history),
        "as_of": clock.rfc3339(standing.counts.slot),
        "ranks": [{"list": slug, "rank": rank} for slug, rank in ranks.items()],
        "followed": followed,
        "history": star_history,
        "links": {"self": f"/api/v1/repos/{full_name}", "github": standing.profile.html_url},
    }
