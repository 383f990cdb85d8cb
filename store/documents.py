"""Documents: published all at once, and looked up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

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
from models import Document, Exact, List, Moment, Slot, Standing
from store.database import insert_rows


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


@dataclass(frozen=True, slots=True)
class Changes:
    """What a build changes in what is out, which was built at `before`: rows of documents and
    standings that come, as the driver takes them, and what goes."""

    before: datetime | None
    documents: Sequence[tuple[Any, ...]]
    gone: Sequence[str]
    begins: Sequence[tuple[Any, ...]]
    ends: Sequence[Mapping[str, int]]


def publish(session: Session, build: Build, now: datetime, prepared: Changes | None = None) -> bool:
    """Replace what a build has anew, all at once, and drop what it has not; False where a newer
    build is out, or this one is from the future: the clock was put back while it was made.

    This transaction is the only one that writes, and keeps all polls waiting: documents come
    encoded, and what changes `prepared`, which holds unless another build came between.
    """
    if clock.is_future(build.built_at, now):
        return False
    if prepared is None or prepared.before != _built_at(session):
        prepared = changes(session, build, now)
    if prepared is None:
        return False
    insert_rows(session, Document, _COLUMNS, prepared.documents, update=_COLUMNS[1:])
    if prepared.gone:
        session.execute(delete(Document).where(Document.name.in_(prepared.gone)))
    if prepared.ends:
        session.connection().execute(_STANDING_ENDS, prepared.ends)
    insert_rows(session, Standing, _STANDING, prepared.begins)
    return True


_MOMENTS = ("as_of", "built_at", "next_build_at")
_COLUMNS = ("name", "body", "gzipped", "etag", *_MOMENTS, "made_from")
_STANDING = ("repository_id", "list_id", "rank")


def changes(session: Session, build: Build, now: datetime) -> Changes | None:
    """Return what publishing a build changes; None where a newer one is out."""
    if _is_outdone(session, build, now):
        return None
    out = set(session.connection().execute(select(Document.name)).scalars())
    begins, ends = _standings(session, build)
    gone = sorted(out - build.names)
    return Changes(_built_at(session), _rows(build), gone, begins, ends)


def _built_at(session: Session) -> datetime | None:
    """Return when what is out was built: the index of the lists is of each build."""
    newest = newest_build(session)
    return newest and newest[0]


def _rows(build: Build) -> list[tuple[Any, ...]]:
    built_at, next_build_at = (_whole(Exact, it) for it in (build.built_at, build.next_build_at))
    made_from = {f"lists/{slug}": sources for slug, sources in build.made_from.items()}
    return [
        (name, b"", it.gzipped, it.etag, _whole(Slot, it.as_of), built_at, next_build_at)
        + (made_from.get(name),)
        for name, it in build.documents.items()
    ]


def _whole(kind: Moment, moment: datetime | None) -> int | None:
    return None if moment is None else (moment - clock.EPOCH) // kind.unit


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


def _standings(
    session: Session, build: Build
) -> tuple[list[tuple[Any, ...]], list[dict[str, int]]]:
    """Return the ranks that come and those that go. From one build to the next most stay."""
    ids = {slug: list_id for slug, list_id in session.execute(select(List.slug, List.id))}
    stay = {ids[slug] for slug in build.unchanged if slug in ids}
    known = select(*(getattr(Standing, name) for name in _STANDING))
    others = session.connection().execute(known.where(Standing.list_id.not_in(stay)))
    before = set(map(tuple, others.all()))
    after: set[tuple[Any, ...]] = {
        (member.profile.id, ids[snapshot.ranked.slug], member.rank)
        for snapshot in build.snapshots
        for member in snapshot.standings
    }
    gone = [{"repository": repository, "list": its} for repository, its, _ in before - after]
    return sorted(after - before), gone


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
