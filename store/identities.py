"""Imported repositories, known by name alone until GitHub says who they are."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    delete,
    func,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from core.plausibility import Member
from core.repository import GitHubRepository
from models import (
    COUNTS,
    Event,
    List,
    Placement,
    Reading,
    Repository,
    RepositoryName,
    Standing,
    Watched,
)
from store.database import Database, upsert
from store.imports import note_change
from store.readings import drop_covered
from store.repositories import ids_by_github_id, made_since, store_repositories
from store.troubles import withheld

_UNKNOWN = (
    Repository.github_id.is_(None),
    Repository.asked_at.is_(None),
    Repository.same_as_id.is_(None),
)

_NEWEST_STARS = (  # one seek a repository
    select(Reading.stars)
    .where(Reading.repository_id == Repository.id)
    .order_by(Reading.slot.desc())
    .limit(1)
    .scalar_subquery()
)

_NAMES_ASKED = select(
    select(func.count(RepositoryName.asked_at)).scalar_subquery(),
    select(func.count(Repository.id)).where(*_UNKNOWN).scalar_subquery(),
)


def unidentified(session: Session, limit: int, now: datetime) -> list[tuple[int, str]]:
    """Imported repositories, by our id and name, most starred first, that no live poll has shown
    and that GitHub was not asked for yet. One that GitHub withholds comes up again some day."""
    rows = session.execute(
        select(Repository.id, Repository.full_name)
        .where(*_UNKNOWN, func.lower(Repository.full_name).not_in(withheld(now)))
        .order_by(func.coalesce(_NEWEST_STARS, 0).desc(), Repository.id)
        .limit(limit)
    )
    return [(repository_id, full_name) for repository_id, full_name in rows]


def names_asked(session: Session) -> tuple[int, int]:
    """Return how many imported names GitHub was asked for, and with those it is yet to be."""
    row = session.execute(_NAMES_ASKED).one()
    return row[0], row[0] + row[1]


def identify(
    session: Session, repository_id: int, answer: GitHubRepository | None, asked_at: datetime
) -> None:
    """Note who GitHub says that an imported repository is; None: nobody any more. One that was made
    after its last archived day is another one, which took the name."""
    row = session.get_one(Repository, repository_id)
    row.asked_at = asked_at
    session.execute(
        update(RepositoryName)
        .where(RepositoryName.name == row.full_name.lower())
        .values(asked_at=asked_at)
    )
    if answer is None or row.github_id is not None:
        return
    if row.id in made_since(session, {row.id: answer.created_at}):
        return
    known = ids_by_github_id(session, [answer.github_id])
    if answer.github_id in known:
        row.same_as_id = known[answer.github_id]
    else:
        row.github_id = answer.github_id
        session.flush()
        store_repositories(session, [Member(answer)], asked_at)


def merge_next(database: Database) -> bool:
    """Give one imported repository's history to the one that it turned out to be; False where there
    is none to merge. What the other has for a slot stays.

    It takes several short transactions, each of them idempotent: killed amid them, the next call
    goes on.
    """
    with database.read() as session:
        row = session.execute(
            select(Repository.id, Repository.same_as_id)
            .where(Repository.same_as_id.is_not(None))
            .limit(1)
        ).first()
        list_ids = session.scalars(select(List.id)).all()
    if row is None or row.same_as_id is None:
        return False
    old, new = row.id, row.same_as_id
    with database.write() as session:
        _move_readings(session, old, new)
        _reassign(session, RepositoryName, old, new)
    for list_id in list_ids:
        with database.write() as session:
            _move_placements(session, list_id, old, new)
    with database.write() as session:
        _reassign(session, Event, old, new)
        _reassign(session, Watched, old, new)
        session.execute(delete(Standing).where(Standing.repository_id == old))
        session.execute(
            update(Repository).where(Repository.same_as_id == old).values(same_as_id=new)
        )
        session.execute(delete(Repository).where(Repository.id == old))
        note_change(session)
    return True


def _move_readings(session: Session, old: int, new: int) -> None:
    columns = ("slot", *COUNTS, "list_id", "seen_until")
    readings = session.execute(
        select(*(getattr(Reading, name) for name in columns)).where(Reading.repository_id == old)
    )
    moved = [
        {"repository_id": new, **dict(zip(columns, reading, strict=True))} for reading in readings
    ]
    upsert(session, Reading, moved)
    drop_covered(session, Reading.repository_id == new)
    session.execute(delete(Reading).where(Reading.repository_id == old))


def _move_placements(session: Session, list_id: int, old: int, new: int) -> None:
    """Move the placements on one list; where both are on it at a slot, the new one's stay."""
    placed = (Placement.list_id == list_id, Placement.repository_id == old)
    other = aliased(Placement)
    both = select(other.slot).where(
        other.list_id == list_id, other.repository_id == new, other.slot == Placement.slot
    )
    session.execute(delete(Placement).where(*placed, both.exists()))
    session.execute(update(Placement).where(*placed).values(repository_id=new))


def _reassign(session: Session, table: Any, old: int, new: int) -> None:
    session.execute(update(table).where(table.repository_id == old).values(repository_id=new))
