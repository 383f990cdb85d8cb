"""…"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Row,
    delete,
    insert,
    select,
)
from sqlalchemy.orm import Session

from core.encoding import encode, etag_of, gzip_compressed
from core.windows import Snapshot
from models import Document, List
from models import Standing as StandingRow
from store.database import upsert


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
                "gzipped": gzip_compressed(body),
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
