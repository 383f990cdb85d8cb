"""The repositories of imported rows, who are known by name alone: our ids of them, old or new."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from models import PROFILE, Repository, RepositoryName


def repositories(session: Session, newest: Mapping[str, dict[str, Any]]) -> dict[str, int]:
    """Return our ids by name. A repository without GitHub's id is known by its name alone, and by
    what the newest day says of it; one that was made after that day is another, which took it."""
    found = session.execute(
        select(RepositoryName.name, Repository.id, Repository.created_at).join(
            Repository, Repository.id == RepositoryName.repository_id
        )
    )
    bearers = {it.name: it for it in found if it.name in newest}
    taken = {
        name
        for name, it in bearers.items()
        if it.created_at and it.created_at > newest[name]["seen_at"]
    }
    ids = {name: it.id for name, it in bearers.items() if name not in taken}
    ids |= _former_bearers(session, taken)
    seen = [
        {f"new_{column}": value for column, value in newest[name].items()} | {"row": row}
        for name, row in ids.items()
    ]
    if seen:
        session.connection().execute(_NEWER_PROFILE, seen)
    new = {name: Repository(**newest[name]) for name in newest.keys() - ids.keys()}
    session.add_all(new.values())
    session.flush()
    session.add_all(
        RepositoryName(name=name, repository_id=row.id, seen_at=row.seen_at)
        for name, row in new.items()
        if name not in taken
    )
    session.flush()
    return ids | {name: row.id for name, row in new.items()}


def _former_bearers(session: Session, names: Collection[str]) -> dict[str, int]:
    """Return imported repositories by names that another one took, which was made later."""
    if not names:
        return {}
    name = func.lower(Repository.full_name)
    rows = session.execute(
        select(name, Repository.id)
        .where(name.in_(names), Repository.github_id.is_(None), Repository.same_as_id.is_(None))
        .order_by(Repository.id)
    )
    return {name: row for name, row in rows}


_NEWER_PROFILE = (
    update(Repository)
    .where(Repository.id == bindparam("row"), Repository.github_id.is_(None))
    .where(Repository.seen_at < bindparam("new_seen_at"))
    .values({name: bindparam(f"new_{name}") for name in (*PROFILE, "seen_at")})
)
