"""A build: all documents, computed from what is stored and published at once."""

from datetime import datetime
from typing import Any

from core import clock, leaderboards
from core.encoding import encoded
from settings import Settings
from store.database import Database
from store.documents import Build, changes, is_published, publish
from store.imports import is_import_under_way, last_change
from store.repositories import ranks_on
from store.snapshots import snapshot as snapshot_of
from store.sources import sources_of, unchanged

NO_POLL = "no good poll yet"  # the outcome of a build


def aggregate_lists(database: Database, settings: Settings, now: datetime) -> dict[str, Any]:
    """Build the documents of all lists as of `now` and publish them, unless newer ones are out.

    Gives what came of it, for the log.
    """
    next_build_at = settings.next_build_at(now)
    with database.read() as session:
        if is_import_under_way(session, clock.now()):
            return {"outcome": "put off until the import ends"}
        same = unchanged(session, settings.lists, now, next_build_at)
        changed = [ranked for ranked in settings.lists if ranked.slug not in same]
        found = [snapshot_of(session, ranked, now=now) for ranked in changed]
        snapshots = [snapshot for snapshot in found if snapshot is not None]
        elsewhere = ranks_on(session, same) if snapshots else {}
        first, change = not is_published(session, "lists"), last_change(session)
    if first and not snapshots:
        return {"outcome": NO_POLL}
    documents = leaderboards.documents_of(
        snapshots, settings.lists, now, next_build_at, same, elsewhere
    )
    # JSON and gzip take longer than all of the writing, for which every poll has to wait.
    ready = {name: encoded(*document) for name, document in documents.items()}
    made_from = {it.ranked.slug: sources_of(it, next_build_at, change) for it in snapshots}
    build = Build(now, next_build_at, ready, snapshots, made_from, tuple(same))
    outcome = "published" if _publish(database, build) else "a newer build is out"
    result = {"outcome": outcome, "lists": len(snapshots) + len(same), "unchanged": len(same)}
    return result | {"documents": len(build.names)}


def _publish(database: Database, build: Build) -> bool:
    """Publish a build; what can be told before nobody else may write is told before."""
    with database.read() as session:
        prepared = changes(session, build, clock.now())
    if prepared is None:
        return False
    with database.write() as session:
        return publish(session, build, clock.now(), prepared)
