"""What is followed or watched, and what sampling it gives: the readings of a slot, and troubles."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, case, delete, func, select, update
from sqlalchemy.orm import Session

from core import clock
from core.plausibility import Member
from core.repository import GitHubRepository
from core.sampling import AT_ONCE, Sampled
from models import COUNTS, Follow, Reading, Repository, Trouble, Watched
from store.database import upsert
from store.repositories import store_repositories
from store.troubles import OWN, note_trouble


def sampled(session: Session, watch: Sequence[str]) -> list[Sampled]:
    """All that is followed, and what is watched besides."""
    followed = session.execute(
        select(Follow.full_name, Follow.repository_id).where(
            Follow.followed_since.is_not(None), Follow.gone_at.is_(None)
        )
    )
    names: dict[str, tuple[str, int | None]] = {name.lower(): (name, None) for name in watch}
    names |= {full_name.lower(): (full_name, known) for full_name, known in followed}
    columns = (Watched.name, Watched.repository_id, Watched.fetched_at, Watched.at_once)
    asked = {row.name: row for row in session.execute(select(*columns))}
    nodes = {
        row.id: row
        for row in session.execute(
            select(Repository.id, Repository.github_id, Repository.node_id).where(
                Repository.node_id.is_not(None)
            )
        )
    }
    found = []
    for key, (full_name, known) in names.items():
        row = asked.get(key)
        repository_id = known or (row.repository_id if row else None)
        node = nodes.get(repository_id or 0)
        each = Sampled(full_name, repository_id)
        if node is not None:
            each = replace(each, github_id=node.github_id, node_id=node.node_id)
        if row is not None:
            each = replace(each, fetched_at=row.fetched_at, at_once=row.at_once or AT_ONCE)
        found.append(each)
    return found


def number_sampled(session: Session, watch: Sequence[str]) -> int:
    """How many repositories are followed or watched."""
    lower = [name.lower() for name in watch]
    followed, both = session.execute(_NUMBERS, {"watched": lower}).one()
    return int(followed) + len(lower) - int(both)


_WATCHED = func.lower(Follow.full_name).in_(bindparam("watched", expanding=True))
_NUMBERS = select(func.count(Follow.name), func.count(case((_WATCHED, Follow.name)))).where(
    Follow.followed_since.is_not(None), Follow.gone_at.is_(None)
)


def store_found(
    session: Session,
    slot: datetime,
    at: datetime,
    found: Mapping[str, GitHubRepository],
    at_once: int,
) -> None:
    """Store the counts of repositories, by the names they were asked for, as readings of a slot.
    Where a list's answer made one of it, that stays."""
    ids = store_repositories(session, [Member(each) for each in found.values()], at, at)
    readings, asked = [], []
    for name, each in found.items():
        counts = {count: getattr(each, count) for count in COUNTS}
        row = {"repository_id": ids[each.github_id], **counts}
        readings.append(row | {"slot": slot})
        # What a conditional request would be told is unchanged are older counts than these.
        told = {"name": name.lower(), "etag": None, "fetched_at": at, "error": None}
        asked.append(row | told | {"at_once": at_once if at_once < AT_ONCE else None})
    upsert(session, Reading, readings)
    columns = ("repository_id", *COUNTS, "etag", "fetched_at", "error", "at_once")
    upsert(session, Watched, asked, update=columns)
    subjects = [name.lower() for name in found]
    session.execute(delete(Trouble).where(Trouble.subject.in_(subjects)))


def store_refused(session: Session, at: datetime, refused: Mapping[str, str]) -> None:
    """Note why repositories cannot be had, each a trouble of its own."""
    rows = [{"name": name.lower(), "fetched_at": at, "error": why} for name, why in refused.items()]
    upsert(session, Watched, rows, update=("fetched_at", "error"))
    for name, why in refused.items():
        note_trouble(session, name, why, at, OWN)


def store_failing(session: Session, at: datetime, failing: Mapping[str, str]) -> None:
    """Note why repositories could not be had this time; they are asked for in the next slot."""
    never = {"fetched_at": clock.EPOCH, "at_once": 1}
    rows = [{"name": name.lower(), "error": why, **never} for name, why in failing.items()]
    upsert(session, Watched, rows, update=("error", "at_once"))
    for name, why in failing.items():
        note_trouble(session, name, why, at, OWN)


def follow_the_bearer(session: Session, name: str) -> None:
    """Let whoever follows a name follow the repository that GitHub last gave under it: the one
    before is gone, and its history is not this one's."""
    key = name.lower()
    found = select(Watched.repository_id).where(Watched.name == key).scalar_subquery()
    another = (Follow.name == key) & (Follow.repository_id != found)
    session.execute(update(Follow).where(another).values(repository_id=found, done_at=None))


def store_at_once(session: Session, names: Sequence[str], at_once: int) -> None:
    """Note with how many others repositories are asked for next."""
    lower = [name.lower() for name in names]
    session.execute(update(Watched).where(Watched.name.in_(lower)).values(at_once=at_once))
