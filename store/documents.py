"""Documents: published all at once, and looked up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import (
    Row,
    bindparam,
    delete,
    select,
)
from sqlalchemy.orm import Session

from core import clock
from core.encoding import Encoded
from core.leaderboards import names_of
from core.windows import Snapshot
from models import Document, List, Standing
from store.database import insert_rows, upsert


@dataclass(frozen=True, slots=True)
class Build:
    """New documents by name, and the snapshots that they are made from. `made_from`: by slug what
    store.sources says of these; `unchanged`: the slugs of lists whose documents stay."""

    built_at: datetime
    next_build_at: datetime
    documents: Mapping[str, Encoded]
    snapshots: Sequence[Snapshot] = ()
    made_from: Mapping[str, str] = field(default_factory=dict)
    unchanged: Sequence[str] = ()

    @property
    def names(self) -> set[str]:
        """The names of all documents, new ones and those that stay."""
        return {*self.documents, *(name for slug in self.unchanged for name in names_of(slug))}


def publish(session: Session, build: Build, now: datetime) -> bool:
    """Replace what a build has anew, all at once, and drop what it has not; False where a newer
    build is out, or this one is from the future: the clock was put back while it was made.

    They come encoded: this transaction is the only one that writes, and keeps all polls waiting.
    """
    if clock.is_future(build.built_at, now) or _is_outdone(session, build, now):
        return False
    made_from = {f"lists/{slug}": sources for slug, sources in build.made_from.items()}
    rows = [
        {
            "name": name,
            "body": b"",
            "gzipped": each.gzipped,
            "etag": each.etag,
            "as_of": each.as_of,
            "built_at": build.built_at,
            "next_build_at": build.next_build_at,
            "made_from": made_from.get(name),
        }
        for name, each in build.documents.items()
    ]
    upsert(session, Document, rows, update=[name for name in rows[0] if name != "name"])
    gone = set(session.scalars(select(Document.name))) - build.names
    session.execute(delete(Document).where(Document.name.in_(gone)))
    _replace_standings(session, build)
    return True


def _is_outdone(session: Session, build: Build, now: datetime) -> bool:
    """Whether what is out is newer than a build, or has newer data: an aggregation that began
    earlier may end later, and a job whose worker died may run a second time. What is out from the
    future outdoes nothing: it would stay until its time has come."""
    documents, latest = build.documents, now + clock.TOLERANCE
    oldest = min((it.as_of for it in documents.values() if it.as_of), default=latest)
    suspects = select(Document.name, Document.as_of, Document.built_at).where(
        (Document.built_at > build.built_at) | (Document.as_of > oldest)
    )
    for name, as_of, newest in session.execute(suspects):
        if clock.is_future(newest, now) or (as_of and clock.is_future(as_of, now)):
            continue
        ours = documents[name].as_of if name in documents else None
        if newest > build.built_at or (ours and as_of and as_of > ours):
            return True
    return False


def _replace_standings(session: Session, build: Build) -> None:
    """Bring the ranks up to date. From one build to the next most of them stay."""
    ids = {slug: list_id for slug, list_id in session.execute(select(List.slug, List.id))}
    stay = {ids[slug] for slug in build.unchanged if slug in ids}
    columns = ("repository_id", "list_id", "rank")
    known = select(*(getattr(Standing, name) for name in columns))
    others = session.connection().execute(known.where(Standing.list_id.not_in(stay)))
    before = set(map(tuple, others.all()))
    after = {
        (member.profile.id, ids[snapshot.ranked.slug], member.rank)
        for snapshot in build.snapshots
        for member in snapshot.standings
    }
    gone = [{"repository": repository, "list": its} for repository, its, _ in before - after]
    if gone:
        session.connection().execute(_STANDING_ENDS, gone)
    insert_rows(session, Standing, columns, sorted(after - before))


_STANDING_ENDS = delete(Standing).where(
    Standing.repository_id == bindparam("repository"), Standing.list_id == bindparam("list")
)


def document(session: Session, name: str) -> Document | None:
    return session.get(Document, name)


def newest_build(session: Session) -> Row[datetime, datetime, datetime | None] | None:
    """Return when the documents were built, when they will be next, and the newest slot in them;
    None before the first build."""
    moments = select(Document.built_at, Document.next_build_at, Document.as_of)
    return session.execute(moments.where(Document.name == "lists")).first()


def is_published(session: Session, name: str) -> bool:
    return session.scalar(select(Document.name).where(Document.name == name)) is not None
