"""Placements: the members of a list at a slot, with their counts."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Row,
    Select,
    bindparam,
    select,
)
from sqlalchemy.orm import Session

from core.plausibility import Member
from core.repository import GitHubRepository
from models import PROFILE, Placement
from models import Repository as RepositoryRow


def places(*columns: Any) -> Select[Any]:
    """Select the places of a list at a slot, in order: it binds `list_id` and `slot`."""
    return (
        select(*columns)
        .join(RepositoryRow, RepositoryRow.id == Placement.repository_id)
        .where(Placement.list_id == bindparam("list_id"), Placement.slot == bindparam("slot"))
        .order_by(Placement.rank)
    )


_PLACES = places(
    Placement.rank,
    Placement.stars,
    Placement.forks,
    Placement.open_issues,
    Placement.carried_over,
    *(getattr(RepositoryRow, name) for name in ("id", "github_id", "created_at", *PROFILE)),
)


def placement_rows(session: Session, list_id: int | None, slot: datetime) -> Iterable[Row[Any]]:
    """The places of a list at a slot, in order."""
    return session.connection().execute(_PLACES, {"list_id": list_id, "slot": slot})


def members_at(session: Session, list_id: int | None, slot: datetime) -> list[Member]:
    """The places of a live poll of a list."""
    return [
        Member(
            GitHubRepository(
                github_id=row.github_id,
                full_name=row.full_name,
                stars=row.stars,
                forks=row.forks,
                open_issues=row.open_issues,
                language=row.language,
                description=row.description,
                html_url=row.html_url,
                pushed_at=row.pushed_at,
                created_at=row.created_at,
            ),
            carried_over=row.carried_over,
        )
        for row in placement_rows(session, list_id, slot)
    ]
