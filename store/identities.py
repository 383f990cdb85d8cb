"""…"""

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
from models import IMPORTED, Event, List, Placement, Poll, Reading, RepositoryName, Watched
from models import Repository as RepositoryRow
from models import Standing as StandingRow
from store.database import Database, upsert
from store.repositories import ids_by_github_id, store_repositories

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
    session: Session, repository_id: int, answer: GitHubRepository | None, asked_at: datetime
) -> None:
    """Note who GitHub says that an imported repository is; None: nobody any more."""
    row = session.get_one(RepositoryRow, repository_id)
    row.asked_at = asked_at
    if answer is None or row.github_id is not None:
        return
    known = ids_by_github_id(session, [answer.github_id])
    if answer.github_id in known:
        row.same_as_id = known[answer.github_id]
    else:
        row.github_id = answer.github_id
        session.flush()
        store_repositories(session, [Member(answer)], asked_at)


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
        _reassign(session, RepositoryName, old, new)
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
        _reassign(session, Event, old, new)
        _reassign(session, Watched, old, new)
        session.execute(delete(StandingRow).where(StandingRow.repository_id == old))
        session.execute(
            update(RepositoryRow).where(RepositoryRow.same_as_id == old).values(same_as_id=new)
        )
        session.execute(delete(RepositoryRow).where(RepositoryRow.id == old))
    return True


def _reassign(session: Session, table: Any, old: int, new: int) -> None:
    session.execute(update(table).where(table.repository_id == old).values(repository_id=new))
