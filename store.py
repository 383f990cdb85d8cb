"""What is polled is stored, loaded and published here: SQL behind functions of plain values.

Every function works within the caller's transaction.
"""

import gzip
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session, aliased

import clock
import lists
from aggregates import WINDOWS, Counts, History, Profile, Snapshot, Standing
from answers import AGREEING, Known, Place
from budget import Allowance, Resource
from github import Repository
from lists import RankedList
from models import Budget, Document, List, Placement, Poll, Reading, RepositoryName, upsert
from models import Repository as RepositoryRow
from models import Standing as StandingRow

GOOD, SUSPECT, FAILED, MISSED = "good", "suspect", "failed", "missed"


# Polls


@dataclass(frozen=True, slots=True)
class Before:
    """What was known of a list before a slot's poll.

    `done`: the slot has a good poll already. `suspects`: the GitHub ids of the suspect answers
    right before this one, newest first, as far as they matter.
    """

    done: bool
    last_good: list[Known]
    suspects: list[frozenset[int]]


def before_poll(session: Session, ranked: RankedList, slot: datetime) -> Before:
    list_id = _list_id(session, ranked.slug)
    this = session.get(Poll, (list_id, slot)) if list_id else None
    received = list(
        session.execute(
            select(Poll.slot, Poll.outcome)
            .where(Poll.list_id == list_id, Poll.slot < slot)
            .where(Poll.outcome.in_((GOOD, SUSPECT)))
            .order_by(Poll.slot.desc())
            .limit(AGREEING)
        )
    )
    suspects = []
    for at, outcome in received[: AGREEING - 1]:
        if outcome != SUSPECT:
            break
        places = _placements(session, list_id, at)
        suspects.append(frozenset(it.repository.github_id for it in places))
    return Before(
        done=this is not None and this.outcome == GOOD,
        last_good=_last_good(session, list_id, slot),
        suspects=suspects,
    )


def _last_good(session: Session, list_id: int | None, before: datetime) -> list[Known]:
    slots = session.scalars(
        select(Poll.slot)
        .where(Poll.list_id == list_id, Poll.slot < before, Poll.outcome == GOOD)
        .order_by(Poll.slot.desc())
        .limit(AGREEING - 1)
    )
    polls = [_placements(session, list_id, slot) for slot in slots]
    kept = [{it.repository.github_id for it in places if it.kept} for places in polls]

    def kept_for(repository: Repository) -> int:
        return len([*takewhile(lambda ids: repository.github_id in ids, kept)])

    newest = polls[0] if polls else []
    return [Known(it.repository, kept_for(it.repository)) for it in newest]


def _rows(
    session: Session, list_id: int | None, slot: datetime
) -> Iterable[tuple[Placement, RepositoryRow]]:
    """The places of a list at a slot, in order."""
    rows = session.execute(
        select(Placement, RepositoryRow)
        .join(RepositoryRow, RepositoryRow.id == Placement.repository_id)
        .where(Placement.list_id == list_id, Placement.slot == slot)
        .order_by(Placement.rank)
    )
    return ((placement, repository) for placement, repository in rows)


def _placements(session: Session, list_id: int | None, slot: datetime) -> list[Place]:
    return [
        Place(
            Repository(
                github_id=repository.github_id or -repository.id,
                full_name=repository.full_name,
                stars=placement.stars,
                forks=placement.forks,
                open_issues=placement.open_issues,
                language=repository.language,
                description=repository.description,
                html_url=repository.html_url,
                pushed_at=repository.pushed_at,
            ),
            kept=placement.kept,
        )
        for placement, repository in _rows(session, list_id, slot)
    ]


def record_gap(
    session: Session, ranked: RankedList, slot: datetime, outcome: str, at: datetime, why: str
) -> None:
    """Note that a slot's poll gave nothing. What it gave before stays, and so does the reason of
    a failure once the slot is over."""
    row = {
        "list_id": _list_id_or_new(session, ranked.slug),
        "slot": slot,
        "outcome": outcome,
        "fetched_at": at,
        "rows": 0,
        "error": why,
    }
    this = session.get(Poll, (row["list_id"], slot))
    if this is None or (this.outcome == FAILED and outcome == FAILED):
        upsert(session, Poll, [row], update=("outcome", "fetched_at", "error"))


def store_poll(
    session: Session,
    ranked: RankedList,
    slot: datetime,
    fetched_at: datetime,
    places: Sequence[Place],
    doubt: str | None,
) -> bool:
    """Store a slot's answer; False where the slot has a good one already.

    A suspect answer's rows are kept for comparison, but make no readings.
    """
    list_id = _list_id_or_new(session, ranked.slug)
    this = session.get(Poll, (list_id, slot))
    if this is not None and this.outcome == GOOD:
        return False
    ids = _store_repositories(session, places, fetched_at)
    session.execute(delete(Placement).where(Placement.list_id == list_id, Placement.slot == slot))
    rows = [
        {
            "list_id": list_id,
            "slot": slot,
            "rank": rank,
            "repository_id": ids[place.repository.github_id],
            "stars": place.repository.stars,
            "forks": place.repository.forks,
            "open_issues": place.repository.open_issues,
            "kept": place.kept,
        }
        for rank, place in enumerate(places, 1)
    ]
    poll = {
        "list_id": list_id,
        "slot": slot,
        "outcome": SUSPECT if doubt else GOOD,
        "fetched_at": fetched_at,
        "rows": len(rows),
        "error": doubt,
    }
    upsert(session, Poll, [poll], update=("outcome", "fetched_at", "rows", "error"))
    if rows:
        session.execute(insert(Placement), rows)
    if not doubt:
        _store_readings(session, ranked, fetched_at, [row for row in rows if not row["kept"]])
    return True


def _store_readings(
    session: Session, ranked: RankedList, fetched_at: datetime, rows: list[dict[str, Any]]
) -> None:
    """Make placements readings, unless another list's of the same slot were fetched later."""
    if not rows:
        return
    existing = session.execute(
        select(Reading.repository_id, Poll.fetched_at, List.slug)
        .join(Poll, (Poll.list_id == Reading.list_id) & (Poll.slot == Reading.slot))
        .join(List, List.id == Reading.list_id)
        .where(Reading.slot == rows[0]["slot"])
        .where(Reading.repository_id.in_([row["repository_id"] for row in rows]))
    )
    outdone = {
        repository_id
        for repository_id, at, slug in existing
        if at > fetched_at or (at == fetched_at and lists.order_of(slug) < ranked.order)
    }
    columns = ("repository_id", "slot", "stars", "forks", "open_issues", "list_id")
    upsert(
        session,
        Reading,
        [{c: row[c] for c in columns} for row in rows if row["repository_id"] not in outdone],
        update=("stars", "forks", "open_issues", "list_id"),
    )


def _store_repositories(
    session: Session, places: Sequence[Place], seen_at: datetime
) -> dict[int, int]:
    """Bring what is known of repositories up to date; gives our id by GitHub's.

    Of kept ones GitHub said nothing, and what is older than what is known changes nothing.
    """
    github_ids = [place.repository.github_id for place in places]
    rows = session.scalars(select(RepositoryRow).where(RepositoryRow.github_id.in_(github_ids)))
    found = {row.github_id: row for row in rows}
    seen = []
    for place in places:
        repository, row = place.repository, found.get(place.repository.github_id)
        if place.kept and row is not None:
            continue
        seen.append(repository)
        profile = {
            "full_name": repository.full_name,
            "language": repository.language,
            "description": repository.description,
            "html_url": repository.html_url,
            "pushed_at": repository.pushed_at,
            "seen_at": seen_at,
        }
        if row is None:
            row = RepositoryRow(github_id=repository.github_id, **profile)
            session.add(row)
            found[repository.github_id] = row
        elif row.seen_at <= seen_at:
            for name, value in profile.items():
                setattr(row, name, value)
    session.flush()
    names = {it.full_name.lower(): found[it.github_id] for it in seen}
    _store_names(session, names, seen_at)
    return {github_id: row.id for github_id, row in found.items() if github_id is not None}


def _store_names(session: Session, seen: Mapping[str, RepositoryRow], seen_at: datetime) -> None:
    """Let names find the repositories that were seen under them, each the last to bear it."""
    rows = session.scalars(select(RepositoryName).where(RepositoryName.name.in_(seen)))
    held = {row.name: row for row in rows}
    for key, repository in seen.items():
        if key not in held:
            row = RepositoryName(name=key, repository_id=repository.id, seen_at=seen_at)
            session.add(row)
        elif held[key].seen_at <= seen_at:
            held[key].repository_id, held[key].seen_at = repository.id, seen_at
    session.flush()


def _list_id(session: Session, slug: str) -> int | None:
    return session.scalar(select(List.id).where(List.slug == slug))


def _list_id_or_new(session: Session, slug: str) -> int:
    list_id = _list_id(session, slug)
    if list_id is None:
        row = List(slug=slug)
        session.add(row)
        session.flush()
        list_id = row.id
    return list_id


# GitHub's limits


def allowance(session: Session, resource: Resource) -> Allowance:
    row = session.get(Budget, resource)
    if row is None:
        return Allowance(next_at=clock.EPOCH, blocked_until=clock.EPOCH)
    return Allowance(
        row.next_at, row.blocked_until, row.strikes, row.limit, row.remaining, row.reset_at
    )


def save_allowance(session: Session, resource: Resource, value: Allowance) -> None:
    row = {"resource": resource, **asdict(value)}
    upsert(session, Budget, [row], update=tuple(asdict(value)))


# Snapshots: what documents are made from


def snapshot(session: Session, ranked: RankedList) -> Snapshot | None:
    """A list as its last good poll has it; None before there is one."""
    list_id = _list_id(session, ranked.slug)
    newest = {
        outcome: session.scalar(
            select(Poll)
            .where(Poll.list_id == list_id, Poll.outcome == outcome)
            .order_by(Poll.slot.desc())
            .limit(1)
        )
        for outcome in (GOOD, SUSPECT)
    }
    good, suspect = newest[GOOD], newest[SUSPECT]
    if list_id is None or good is None:
        return None
    standings = [
        Standing(
            placement.rank,
            _profile(repository),
            Counts(good.slot, placement.stars, placement.forks, placement.open_issues),
        )
        for placement, repository in _rows(session, list_id, good.slot)
    ]
    ids = [standing.profile.id for standing in standings]
    return Snapshot(
        ranked=ranked,
        as_of=good.slot,
        fetched_at=good.fetched_at,
        suspect=suspect is not None and suspect.slot > good.slot,
        standings=standings,
        history=history(session, list_id, ids, good.slot),
    )


def history(
    session: Session, list_id: int | None, ids: Collection[int], as_of: datetime
) -> History:
    """What gains up to `as_of` are told against: for each window the latest reading at or before
    its start, one seek a repository, and the places on the list then."""
    baselines: dict[tuple[str, int], Counts] = {}
    ranks: dict[tuple[str, int], int] = {}
    for window in WINDOWS:
        earlier = aliased(Reading)
        latest = (
            select(func.max(earlier.slot))
            .where(earlier.repository_id == RepositoryRow.id)
            .where(earlier.slot <= window.start(as_of))
            .correlate(RepositoryRow)
            .scalar_subquery()
        )
        rows = session.execute(
            select(
                Reading.repository_id,
                Reading.slot,
                Reading.stars,
                Reading.forks,
                Reading.open_issues,
            )
            .join(RepositoryRow, RepositoryRow.id == Reading.repository_id)
            .where(RepositoryRow.id.in_(ids), Reading.slot == latest)
        )
        oldest = window.oldest_baseline(as_of)
        places: dict[datetime, dict[int, int]] = {}
        for repository_id, slot, stars, forks, open_issues in rows:
            baselines[window.name, repository_id] = Counts(slot, stars, forks, open_issues)
            if slot not in places:
                places[slot] = _places(session, list_id, oldest, slot)
            if repository_id in places[slot]:
                ranks[window.name, repository_id] = places[slot][repository_id]
    return History(baselines, ranks)


def _places(
    session: Session, list_id: int | None, oldest: datetime, slot: datetime
) -> dict[int, int]:
    """The places, by repository, of a list's last good poll from `oldest` up to a slot."""
    poll = session.scalar(
        select(Poll.slot)
        .where(Poll.list_id == list_id, Poll.outcome == GOOD)
        .where(Poll.slot >= oldest, Poll.slot <= slot)
        .order_by(Poll.slot.desc())
        .limit(1)
    )
    places = session.execute(
        select(Placement.repository_id, Placement.rank).where(
            Placement.list_id == list_id, Placement.slot == poll
        )
    )
    return {repository_id: rank for repository_id, rank in places}


def _profile(row: RepositoryRow) -> Profile:
    return Profile(
        row.id, row.full_name, row.language, row.description, row.html_url, row.pushed_at
    )


# Documents


def encode(document: Mapping[str, Any]) -> bytes:
    """JSON as it is sent: compact UTF-8, with a line's end for those who use curl."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def publish(
    session: Session,
    documents: Mapping[str, tuple[Mapping[str, Any], datetime | None]],
    snapshots: Iterable[Snapshot],
    built_at: datetime,
    next_build_at: datetime,
) -> bool:
    """Replace all documents (name → body, as of) at once; False where a newer build is out."""
    for name, as_of, newest in session.execute(
        select(Document.name, Document.as_of, Document.built_at)
    ):
        ours = documents[name][1] if name in documents else None
        if newest > built_at or (ours and as_of and as_of > ours):
            return False
    rows = []
    for name, (document, as_of) in documents.items():
        body = encode(document)
        rows.append(
            {
                "name": name,
                "body": body,
                "gzipped": gzip.compress(body, mtime=0),
                "etag": hashlib.sha256(body).hexdigest()[:32],
                "as_of": as_of,
                "built_at": built_at,
                "next_build_at": next_build_at,
            }
        )
    columns = ("body", "gzipped", "etag", "as_of", "built_at", "next_build_at")
    upsert(session, Document, rows, update=columns)
    session.execute(delete(Document).where(Document.name.not_in(list(documents))))
    session.execute(delete(StandingRow))
    list_ids = {slug: list_id for slug, list_id in session.execute(select(List.slug, List.id))}
    standings = [
        {"repository_id": it.profile.id, "list_id": list_ids[each.ranked.slug], "rank": it.rank}
        for each in snapshots
        for it in each.standings
    ]
    if standings:
        session.execute(insert(StandingRow), standings)
    return True


def document(session: Session, name: str) -> Document | None:
    return session.get(Document, name)


def is_published(session: Session, name: str) -> bool:
    return session.scalar(select(Document.name).where(Document.name == name)) is not None


# Repositories


@dataclass(frozen=True, slots=True)
class Found:
    """A repository, its newest counts, and its places by slug in the order of the lists."""

    standing: Standing
    history: History
    ranks: dict[str, int]


def repository(session: Session, full_name: str) -> Found | None:
    """A repository by a name it has or had, in any case; None where it was never on a list."""
    row = session.scalar(
        select(RepositoryRow)
        .join(RepositoryName, RepositoryName.repository_id == RepositoryRow.id)
        .where(RepositoryName.name == full_name.lower())
    )
    if row is None:
        return None
    newest = session.scalar(
        select(Reading)
        .where(Reading.repository_id == row.id)
        .order_by(Reading.slot.desc())
        .limit(1)
    )
    if newest is None:
        return None
    places = session.execute(
        select(List.slug, StandingRow.rank)
        .join(List, List.id == StandingRow.list_id)
        .where(StandingRow.repository_id == row.id)
    )
    ranks = {slug: rank for slug, rank in sorted(places, key=lambda it: lists.order_of(it[0]))}
    counts = Counts(newest.slot, newest.stars, newest.forks, newest.open_issues)
    stars_list = _list_id(session, "stars")
    return Found(
        Standing(ranks.get("stars"), _profile(row), counts),
        history(session, stars_list, [row.id], newest.slot),
        ranks,
    )


# Status


@dataclass(frozen=True, slots=True)
class PollRecord:
    slot: datetime
    outcome: str
    fetched_at: datetime
    error: str | None


def first_and_last_good(
    session: Session, ranked: RankedList
) -> tuple[datetime | None, PollRecord | None]:
    """The slot of a list's first poll of any kind, and its newest good poll."""
    polls = (
        select(Poll.slot, Poll.outcome, Poll.fetched_at, Poll.error)
        .join(List, List.id == Poll.list_id)
        .where(List.slug == ranked.slug)
    )
    first = session.execute(polls.order_by(Poll.slot).limit(1)).first()
    good = session.execute(
        polls.where(Poll.outcome == GOOD).order_by(Poll.slot.desc()).limit(1)
    ).first()
    return first.slot if first else None, PollRecord(*good) if good else None


def polls_since(session: Session, ranked: RankedList, since: datetime) -> list[PollRecord]:
    """A list's polls from the slot `since` on, oldest first."""
    rows = session.execute(
        select(Poll.slot, Poll.outcome, Poll.fetched_at, Poll.error)
        .join(List, List.id == Poll.list_id)
        .where(List.slug == ranked.slug, Poll.slot >= since)
        .order_by(Poll.slot)
    )
    return [PollRecord(*row) for row in rows]
