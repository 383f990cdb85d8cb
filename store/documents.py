"""Documents: published all at once, and looked up."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import (
    Row,
    delete,
    insert,
    select,
)
from sqlalchemy.orm import Session

from core import clock
from core.encoding import Encoded
from core.windows import Snapshot
from models import Document, List, Standing
from store.database import upsert


def publish(
    session: Session,
    documents: Mapping[str, Encoded],
    snapshots: Iterable[Snapshot],
    built_at: datetime,
    next_build_at: datetime,
    now: datetime,
) -> bool:
    """Replace all documents, by name, at once; False where a newer build is out, or this one is
    from the future: the clock was put back while it was made.

    They come encoded: this transaction is the only one that writes, and keeps all polls waiting.
    """
    if clock.is_future(built_at, now) or _is_outdone(session, documents, built_at, now):
        return False
    build = {"built_at": built_at, "next_build_at": next_build_at}
    rows = [{"name": name, **asdict(each), **build} for name, each in documents.items()]
    columns = ("body", "gzipped", "etag", "as_of", "built_at", "next_build_at")
    upsert(session, Document, rows, update=columns)
    session.execute(delete(Document).where(Document.name.not_in(list(documents))))
    _replace_standings(session, snapshots)
    return True


def _is_outdone(
    session: Session, documents: Mapping[str, Encoded], built_at: datetime, now: datetime
) -> bool:
    """Whether what is out is newer than a build, or has newer data: an aggregation that began
    earlier may end later, and a job whose worker died may run a second time. What is out from the
    future outdoes nothing: it would stay until its time has come."""
    for name, as_of, newest in session.execute(
        select(Document.name, Document.as_of, Document.built_at)
    ):
        if clock.is_future(newest, now) or (as_of and clock.is_future(as_of, now)):
            continue
        ours = documents[name].as_of if name in documents else None
        if newest > built_at or (ours and as_of and as_of > ours):
            return True
    return False


def _replace_standings(session: Session, snapshots: Iterable[Snapshot]) -> None:
    session.execute(delete(Standing))
    list_ids = {slug: list_id for slug, list_id in session.execute(select(List.slug, List.id))}
    standings = [
        {
            "repository_id": member.profile.id,
            "list_id": list_ids[snapshot.ranked.slug],
            "rank": member.rank,
        }
        for snapshot in snapshots
        for member in snapshot.standings
    ]
    if standings:
        session.execute(insert(Standing), standings)


def document(session: Session, name: str) -> Document | None:
    return session.get(Document, name)


def newest_build(session: Session) -> Row[datetime, datetime, datetime | None] | None:
    """Return when the documents were built, when they will be next, and the newest slot in them;
    None before the first build."""
    moments = select(Document.built_at, Document.next_build_at, Document.as_of)
    return session.execute(moments.where(Document.name == "lists")).first()


def is_published(session: Session, name: str) -> bool:
    return session.scalar(select(Document.name).where(Document.name == name)) is not None
