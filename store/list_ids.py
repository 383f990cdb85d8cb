"""Our ids of lists."""

from sqlalchemy import (
    select,
)
from sqlalchemy.orm import Session

from models import List


def list_id_of(session: Session, slug: str) -> int | None:
    return session.scalar(select(List.id).where(List.slug == slug))


def list_id_or_new(session: Session, slug: str) -> int:
    list_id = list_id_of(session, slug)
    if list_id is None:
        row = List(slug=slug)
        session.add(row)
        session.flush()
        list_id = row.id
    return list_id
