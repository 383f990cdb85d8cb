"""Watched repositories: what GitHub last said of each, or what kept it from saying it."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from core.plausibility import Member
from core.repository import GitHubRepository
from models import Watched
from store.readings import store_unlisted
from store.repositories import store_repositories


def watched(session: Session, name: str) -> Watched | None:
    return session.get(Watched, name.lower())


def watched_rows(session: Session, names: Collection[str]) -> dict[str, Watched]:
    """Return the rows of watched repositories by name, in lower case."""
    lower = [name.lower() for name in names]
    rows = session.scalars(_BY_NAME, {"names": lower}) if lower else ()
    return {row.name: row for row in rows}


_BY_NAME = select(Watched).where(Watched.name.in_(bindparam("names", expanding=True)))


def store_watched(
    session: Session,
    name: str,
    slot: datetime,
    fetched_at: datetime,
    answer: GitHubRepository | None,
    etag: str | None,
) -> None:
    """Store what GitHub said of a watched repository for a slot; None: the same as before. Where a
    list's answer made a reading of the slot, that stays."""
    row = watched(session, name) or Watched(name=name.lower())
    session.add(row)
    row.fetched_at, row.error = fetched_at, None
    if answer is not None:
        ids = store_repositories(session, [Member(answer)], fetched_at)
        row.repository_id, row.etag = ids[answer.github_id], etag
        row.stars, row.forks, row.open_issues = answer.stars, answer.forks, answer.open_issues
    assert row.repository_id is not None  # "the same as before" follows a first answer
    store_unlisted(session, row.repository_id, slot, row)


def store_unwatchable(session: Session, name: str, at: datetime, why: str) -> None:
    row = watched(session, name) or Watched(name=name.lower())
    session.add(row)
    row.fetched_at, row.error = at, why
