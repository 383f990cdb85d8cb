"""What is polled is stored, loaded and published here: SQL behind functions of plain values.

Every function works within the caller's transaction.
"""

import gzip
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from math import ceil
from typing import Any

from sqlalchemy import (
    BigInteger,
    Row,
    bindparam,
    column,
    delete,
    func,
    insert,
    literal,
    select,
    true,
    type_coerce,
    update,
    values,
)
from sqlalchemy.orm import Session, aliased

import clock
import events
import lists
from aggregates import WINDOWS, Counts, History, Kind, Point, Profile, Snapshot, Standing
from answers import AGREEING, Known, Place
from budget import Allowance, Resource
from github import Repository
from lists import RankedList
from models import (
    Budget,
    Database,
    Document,
    Event,
    List,
    Placement,
    Poll,
    Reading,
    RepositoryName,
    Watched,
    upsert,
)
from models import Repository as RepositoryRow
from models import Standing as StandingRow

PROFILE = ("full_name", "language", "description", "html_url", "pushed_at")
GOOD, SUSPECT, FAILED, MISSED = "good", "suspect", "failed", "missed"
SECOND = timedelta(seconds=1)
IMPORTED = "imported"  # from the archive: neither expected nor received


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


_PLACES = (
    select(
        Placement.rank,
        Placement.stars,
        Placement.forks,
        Placement.open_issues,
        Placement.kept,
        *(getattr(RepositoryRow, name) for name in ("id", "github_id", *PROFILE)),
    )
    .join(RepositoryRow, RepositoryRow.id == Placement.repository_id)
    .where(Placement.list_id == bindparam("list_id"), Placement.slot == bindparam("slot"))
    .order_by(Placement.rank)
)


def _rows(session: Session, list_id: int | None, slot: datetime) -> Iterable[Row[Any]]:
    """The places of a list at a slot, in order."""
    return session.connection().execute(_PLACES, {"list_id": list_id, "slot": slot})


def _placements(session: Session, list_id: int | None, slot: datetime) -> list[Place]:
    """The places of a live poll of a list."""
    return [
        Place(
            Repository(
                github_id=row.github_id,
                full_name=row.full_name,
                stars=row.stars,
                forks=row.forks,
                open_issues=row.open_issues,
                language=row.language,
                description=row.description,
                html_url=row.html_url,
                pushed_at=row.pushed_at,
            ),
            kept=row.kept,
        )
        for row in _rows(session, list_id, slot)
    ]


def record_gap(
    session: Session, ranked: RankedList, slot: datetime, outcome: str, at: datetime, why: str
) -> None:
    """Note that a slot's poll gave nothing. What it gave before stays, and so does the reason of
    a failure once the slot is over."""
    row = {
        "list_id": list_id_or_new(session, ranked.slug),
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
    list_id = list_id_or_new(session, ranked.slug)
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
        _store_events(session, list_id, ranked, slot, places, ids)
    return True


def _store_events(
    session: Session,
    list_id: int,
    ranked: RankedList,
    slot: datetime,
    places: Sequence[Place],
    ids: Mapping[int, int],
) -> None:
    """Tell what changed since the last good poll before, unless a later one has told it."""
    good = (Poll.list_id == list_id, Poll.outcome == GOOD)
    before = session.scalar(select(func.max(Poll.slot)).where(*good, Poll.slot < slot))
    later = session.scalar(select(func.max(Poll.slot)).where(*good, Poll.slot > slot))
    if before is None or later is not None:
        return
    earlier = _placements(session, list_id, before)
    ours = {**_ids(session, [it.repository.github_id for it in earlier]), **ids}
    for change in events.changes(earlier, places, ranked):
        repository_id = ours[change.repository.github_id]
        if change.kind == "milestone" and _was_reached(
            session, repository_id, change.detail["stars"], before
        ):
            continue
        row = Event(slot=slot, list_id=list_id, repository_id=repository_id)
        row.kind, row.detail = change.kind, change.detail
        session.add(row)
        session.flush()  # one by one: ids in their order


def _was_reached(session: Session, repository_id: int, stars: int, before: datetime) -> bool:
    """Whether a repository had so many stars up to the poll before, or another list told so."""
    told = session.scalars(
        select(Event.detail).where(Event.repository_id == repository_id, Event.kind == "milestone")
    )
    most = session.scalar(
        select(func.max(Reading.stars)).where(
            Reading.repository_id == repository_id, Reading.slot <= before
        )
    )
    return (most or 0) >= stars or any(detail["stars"] == stars for detail in told)


def _ids(session: Session, github_ids: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(RepositoryRow.github_id, RepositoryRow.id).where(
            RepositoryRow.github_id.in_(github_ids)
        )
    )
    return {github_id: repository_id for github_id, repository_id in rows if github_id is not None}


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
    found |= _adopted(
        session, [it.repository for it in places if it.repository.github_id not in found]
    )
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


def _adopted(session: Session, new: Sequence[Repository]) -> dict[int | None, RepositoryRow]:
    """Imported repositories, known by name alone until now, that are these; by GitHub's id."""
    if not new:
        return {}
    github_ids = {repository.full_name.lower(): repository.github_id for repository in new}
    imported = session.execute(
        select(RepositoryName.name, RepositoryRow)
        .join(RepositoryRow, RepositoryRow.id == RepositoryName.repository_id)
        .where(RepositoryName.name.in_(github_ids), RepositoryRow.github_id.is_(None))
        .where(RepositoryRow.same_as_id.is_(None))
    )
    adopted: dict[int | None, RepositoryRow] = {}
    for name, row in imported:
        if row.github_id is None:  # it may have several of the names
            row.github_id = github_ids[name]
            adopted[row.github_id] = row
    return adopted


def _store_names(session: Session, seen: Mapping[str, RepositoryRow], seen_at: datetime) -> None:
    """Let names find the repositories that were seen under them, each the last to bear it."""
    rows = session.scalars(select(RepositoryName).where(RepositoryName.name.in_(seen)))
    held = {row.name: row for row in rows}
    for key, repository in seen.items():
        if key not in held:
            row = RepositoryName(name=key, repository_id=repository.id, seen_at=seen_at)
            session.add(row)
        elif held[key].seen_at <= seen_at:
            if held[key].repository_id != repository.id:
                _merge_later(session, held[key].repository_id, repository)
            held[key].repository_id, held[key].seen_at = repository.id, seen_at
    session.flush()


def _merge_later(session: Session, repository_id: int, into: RepositoryRow) -> None:
    """Let what was imported under a name follow who bears it."""
    session.execute(
        update(RepositoryRow)
        .where(RepositoryRow.id == repository_id, RepositoryRow.github_id.is_(None))
        .where(RepositoryRow.same_as_id.is_(None))
        .values(same_as_id=into.id)
    )


def _list_id(session: Session, slug: str) -> int | None:
    return session.scalar(select(List.id).where(List.slug == slug))


# Watched repositories


def watched(session: Session, name: str) -> Watched | None:
    return session.get(Watched, name.lower())


def store_watched(
    session: Session,
    name: str,
    slot: datetime,
    fetched_at: datetime,
    answer: Repository | None,
    etag: str | None,
) -> None:
    """Store what GitHub said of a watched repository for a slot; None: the same as before. Where a
    list's answer made a reading of the slot, that stays."""
    row = watched(session, name) or Watched(name=name.lower())
    session.add(row)
    row.fetched_at, row.error = fetched_at, None
    if answer is not None:
        ids = _store_repositories(session, [Place(answer)], fetched_at)
        row.repository_id, row.etag = ids[answer.github_id], etag
        row.stars, row.forks, row.open_issues = answer.stars, answer.forks, answer.open_issues
    columns = ("repository_id", "stars", "forks", "open_issues")
    reading = {"slot": slot, **{column: getattr(row, column) for column in columns}}
    upsert(session, Reading, [reading])


def store_unwatchable(session: Session, name: str, at: datetime, why: str) -> None:
    row = watched(session, name) or Watched(name=name.lower())
    session.add(row)
    row.fetched_at, row.error = at, why


# Imported repositories, of which only the name is known


def unidentified(session: Session, limit: int) -> list[tuple[int, str]]:
    """Repositories of the newest imported day, by our id and name, that no live poll has shown and
    that GitHub was not asked for yet."""
    newest = select(func.max(Poll.slot)).where(Poll.outcome == IMPORTED).scalar_subquery()
    rows = session.execute(
        select(RepositoryRow.id, RepositoryRow.full_name)
        .join(Placement, Placement.repository_id == RepositoryRow.id)
        .where(Placement.list_id.in_(select(List.id)), Placement.slot == newest)
        .where(RepositoryRow.github_id.is_(None), RepositoryRow.asked_at.is_(None))
        .where(RepositoryRow.same_as_id.is_(None))
        .distinct()
        .order_by(RepositoryRow.id)
        .limit(limit)
    )
    return [(repository_id, full_name) for repository_id, full_name in rows]


def identify(
    session: Session, repository_id: int, answer: Repository | None, asked_at: datetime
) -> None:
    """Note who GitHub says that an imported repository is; None: nobody any more."""
    row = session.get_one(RepositoryRow, repository_id)
    row.asked_at = asked_at
    if answer is None or row.github_id is not None:
        return
    known = _ids(session, [answer.github_id])
    if answer.github_id in known:
        row.same_as_id = known[answer.github_id]
    else:
        row.github_id = answer.github_id
        session.flush()
        _store_repositories(session, [Place(answer)], asked_at)


def merge_next(database: Database) -> bool:
    """Give one imported repository's history to the one that it turned out to be, in several short
    transactions, which may be done again; what the other has for a slot stays. False where there
    is none to merge."""
    with database.read() as session:
        row = session.execute(
            select(RepositoryRow.id, RepositoryRow.same_as_id)
            .where(RepositoryRow.same_as_id.is_not(None))
            .limit(1)
        ).first()
        list_ids = session.scalars(select(List.id)).all()
    if row is None or row.same_as_id is None:
        return False
    old, new = row.id, row.same_as_id
    with database.write() as session:
        columns = ("slot", "stars", "forks", "open_issues", "list_id")
        readings = session.execute(
            select(*(getattr(Reading, column) for column in columns)).where(
                Reading.repository_id == old
            )
        )
        moved = [{"repository_id": new, **dict(zip(columns, it, strict=True))} for it in readings]
        upsert(session, Reading, moved)
        session.execute(delete(Reading).where(Reading.repository_id == old))
        _now_of(session, RepositoryName, old, new)
    for list_id in list_ids:
        with database.write() as session:
            of_list = (Placement.list_id == list_id, Placement.repository_id == old)
            there = aliased(Placement)
            too = select(there.slot).where(
                there.list_id == list_id, there.repository_id == new, there.slot == Placement.slot
            )
            session.execute(delete(Placement).where(*of_list, too.exists()))
            session.execute(update(Placement).where(*of_list).values(repository_id=new))
    with database.write() as session:
        _now_of(session, Event, old, new)
        _now_of(session, Watched, old, new)
        session.execute(delete(StandingRow).where(StandingRow.repository_id == old))
        session.execute(
            update(RepositoryRow).where(RepositoryRow.same_as_id == old).values(same_as_id=new)
        )
        session.execute(delete(RepositoryRow).where(RepositoryRow.id == old))
    return True


def _now_of(session: Session, table: Any, old: int, new: int) -> None:
    session.execute(update(table).where(table.repository_id == old).values(repository_id=new))


def count_as_imported(session: Session) -> None:
    """Let the good polls so far be neither expected nor received ones, like those of an archive."""
    session.execute(update(Poll).where(Poll.outcome == GOOD).values(outcome=IMPORTED))


def list_id_or_new(session: Session, slug: str) -> int:
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


def snapshot(session: Session, ranked: RankedList, at: datetime | None = None) -> Snapshot | None:
    """A list as its last good poll has it, or as the last good or imported one at or before `at`
    does; None before there is one."""
    list_id = _list_id(session, ranked.slug)
    if at is None:
        good = _newest_poll(session, list_id, GOOD)
        suspect = _newest_poll(session, list_id, SUSPECT)
    else:
        good, suspect = _newest_poll(session, list_id, GOOD, IMPORTED, at=at), None
    if list_id is None or good is None:
        return None
    standings = [
        Standing(
            row.rank,
            _profile(row),
            Counts(good.slot, row.stars, row.forks, row.open_issues),
        )
        for row in _rows(session, list_id, good.slot)
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


def _newest_poll(
    session: Session, list_id: int | None, *outcomes: str, at: datetime | None = None
) -> Poll | None:
    polls = select(Poll).where(Poll.list_id == list_id, Poll.outcome.in_(outcomes))
    if at is not None:
        polls = polls.where(Poll.slot <= at)
    return session.scalar(polls.order_by(Poll.slot.desc()).limit(1))


_earlier = aliased(Reading)
_LATEST = (  # one seek a repository
    select(func.max(_earlier.slot))
    .where(_earlier.repository_id == RepositoryRow.id, _earlier.slot <= bindparam("start"))
    .correlate(RepositoryRow)
    .scalar_subquery()
)
_BASELINES = (
    select(Reading.repository_id, Reading.slot, Reading.stars, Reading.forks, Reading.open_issues)
    .join(RepositoryRow, RepositoryRow.id == Reading.repository_id)
    .where(RepositoryRow.id.in_(bindparam("ids", expanding=True)), Reading.slot == _LATEST)
)
_LAST_GOOD = (
    select(func.max(Poll.slot))
    .where(Poll.list_id == bindparam("list_id"), Poll.outcome.in_((GOOD, IMPORTED)))
    .where(Poll.slot >= bindparam("oldest"), Poll.slot <= bindparam("slot"))
    .scalar_subquery()
)
_RANKS = select(Placement.repository_id, Placement.rank).where(
    Placement.list_id == bindparam("list_id"), Placement.slot == _LAST_GOOD
)


def history(
    session: Session, list_id: int | None, ids: Collection[int], as_of: datetime
) -> History:
    """What gains up to `as_of` are told against: for each window the latest reading at or before
    its start, and the place on the list then, by its last good poll."""
    connection = session.connection()
    baselines: dict[tuple[str, int], Counts] = {}
    ranks: dict[tuple[str, int], int] = {}
    for window in WINDOWS:
        oldest = window.oldest_baseline(as_of)
        places: dict[datetime, dict[int, int]] = {}
        rows = connection.execute(_BASELINES, {"ids": list(ids), "start": window.start(as_of)})
        for repository_id, slot, stars, forks, open_issues in rows:
            if slot < oldest:
                continue
            baselines[window.name, repository_id] = Counts(slot, stars, forks, open_issues)
            then = clock.ceil(slot, window.rounding)  # what thinning leaves is the last up to then
            if then not in places:
                what = {"list_id": list_id, "oldest": oldest, "slot": then}
                found = connection.execute(_RANKS, what)
                places[then] = {repository: rank for repository, rank in found}
            if repository_id in places[then]:
                ranks[window.name, repository_id] = places[then][repository_id]
    return History(baselines, ranks)


def _profile(row: RepositoryRow | Row[Any]) -> Profile:
    return Profile(row.id, *(getattr(row, name) for name in PROFILE))


# Documents


def encode(document: Mapping[str, Any]) -> bytes:
    """JSON as it is sent: compact UTF-8, with a line's end for those who use curl."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def zipped(body: bytes) -> bytes:
    return gzip.compress(body, 6, mtime=0)


def etag_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]


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
                "gzipped": zipped(body),
                "etag": etag_of(body),
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


def newest_build(session: Session) -> Row[datetime, datetime, datetime | None] | None:
    """When the documents were built, when they will be next, and the newest slot in them; None
    before the first build."""
    moments = select(Document.built_at, Document.next_build_at, Document.as_of)
    return session.execute(moments.where(Document.name == "lists")).first()


def is_published(session: Session, name: str) -> bool:
    return session.scalar(select(Document.name).where(Document.name == name)) is not None


# Repositories


@dataclass(frozen=True, slots=True)
class Found:
    """A repository, its newest counts, and its places by slug in the order of the lists."""

    standing: Standing
    history: History
    ranks: dict[str, int]


def profile(session: Session, full_name: str) -> Profile | None:
    """Who has or had a name, in any case; None where nobody of that name was ever seen."""
    row = session.scalar(
        select(RepositoryRow)
        .join(RepositoryName, RepositoryName.repository_id == RepositoryRow.id)
        .where(RepositoryName.name == full_name.lower())
    )
    return None if row is None else _profile(row)


def repository(session: Session, full_name: str, until: datetime | None = None) -> Found | None:
    """A repository by a name it has or had, in any case, by its newest reading, or the newest up to
    `until`; None where it has none."""
    known = profile(session, full_name)
    if known is None:
        return None
    readings = select(Reading).where(Reading.repository_id == known.id)
    if until is not None:
        readings = readings.where(Reading.slot <= until)
    newest = session.scalar(readings.order_by(Reading.slot.desc()).limit(1))
    if newest is None:
        return None
    places = session.execute(
        select(List.slug, StandingRow.rank)
        .join(List, List.id == StandingRow.list_id)
        .where(StandingRow.repository_id == known.id)
    )
    ranks = {slug: rank for slug, rank in sorted(places, key=lambda it: lists.order_of(it[0]))}
    counts = Counts(newest.slot, newest.stars, newest.forks, newest.open_issues)
    stars_list = _list_id(session, "stars")
    return Found(
        Standing(ranks.get("stars"), known, counts),
        history(session, stars_list, [known.id], newest.slot),
        ranks,
    )


def series(
    session: Session, repository_id: int, start: datetime, end: datetime, step: timedelta
) -> list[Point]:
    """A repository's readings in [start, end), of each step (t − step, t] the last. The same before
    and after thinning to that step."""
    length = step // timedelta(seconds=1)
    first, until = ceil(start.timestamp()), ceil(end.timestamp())
    slot = type_coerce(Reading.slot, BigInteger)  # thousands of rows: whole seconds will do
    rows = session.connection().execute(
        select(slot, Reading.stars, Reading.forks, Reading.open_issues)
        .where(Reading.repository_id == repository_id)
        .where(slot >= first, slot <= -(-until // length) * length)
        .order_by(Reading.slot)
    )
    last = {-(-row[0] // length): row for row in map(tuple, rows)}
    return [
        {"at": clock.at(at), "stars": stars, "forks": forks, "open_issues": open_issues}
        for at, stars, forks, open_issues in last.values()
        if at < until
    ]


def daily(
    session: Session, ranked: RankedList, end: datetime, days: int
) -> dict[int, list[int | None]]:
    """What a published list counts, by rank: for each of the days up to `end`, oldest first, the
    last reading in (end − 24 h, end], None where there is none. One seek a repository and day."""
    ends = [int((end - number * clock.DAY).timestamp()) for number in reversed(range(days))]
    day = values(column("end", BigInteger), name="day").data([(it,) for it in ends]).cte()
    last = (
        select(func.max(type_coerce(_earlier.slot, BigInteger)))
        .where(_earlier.repository_id == StandingRow.repository_id)
        .where(type_coerce(_earlier.slot, BigInteger) <= day.c.end)
        .where(type_coerce(_earlier.slot, BigInteger) > day.c.end - clock.DAY // SECOND)
        .correlate(StandingRow, day)
        .scalar_subquery()
    )
    rows = session.connection().execute(
        select(StandingRow.rank, day.c.end, getattr(Reading, ranked.count))
        .select_from(StandingRow)
        .join(day, true())
        .join(
            Reading, (Reading.repository_id == StandingRow.repository_id) & (Reading.slot == last)
        )
        .where(StandingRow.list_id == _list_id(session, ranked.slug))
    )
    found: dict[int, list[int | None]] = {}
    place = {it: i for i, it in enumerate(ends)}
    for rank, at, count in rows:
        found.setdefault(rank, [None] * days)[place[at]] = count
    return found


def newest_slot(session: Session, repository_id: int) -> datetime | None:
    return session.scalar(
        select(func.max(Reading.slot)).where(Reading.repository_id == repository_id)
    )


def beginning(session: Session, repository_id: int) -> datetime | None:
    """The start of the day, in terms of thinning, that a repository's first reading lies in."""
    first = session.scalar(
        select(func.min(Reading.slot)).where(Reading.repository_id == repository_id)
    )
    return None if first is None else clock.ceil(first, clock.DAY) - clock.DAY


@dataclass(frozen=True, slots=True)
class EventRecord:
    cursor: int
    slot: datetime
    slug: str
    kind: Kind
    full_name: str
    detail: dict[str, Any]


def events_of(
    session: Session,
    limit: int,
    *,
    after: int = 0,
    ranked: RankedList | None = None,
    repository_id: int | None = None,
    newest_first: bool = False,
) -> list[EventRecord]:
    """Events after a cursor, of one list or of all, of one repository or of all, in the order they
    became known, or the other way round."""
    chosen = (
        select(Event.id, Event.slot, List.slug, Event.kind, RepositoryRow.full_name, Event.detail)
        .join(List, List.id == Event.list_id)
        .join(RepositoryRow, RepositoryRow.id == Event.repository_id)
        .where(Event.id > literal(after, BigInteger))
        .order_by(Event.id.desc() if newest_first else Event.id)
        .limit(limit)
    )
    if repository_id is not None:
        chosen = chosen.where(Event.repository_id == repository_id)
    if ranked is not None:
        chosen = chosen.where(Event.list_id == _list_id(session, ranked.slug))
    return [EventRecord(*row) for row in session.execute(chosen)]


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
        .where(List.slug == ranked.slug, Poll.outcome != IMPORTED)
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
        .where(List.slug == ranked.slug, Poll.slot >= since, Poll.outcome != IMPORTED)
        .order_by(Poll.slot)
    )
    return [PollRecord(*row) for row in rows]
