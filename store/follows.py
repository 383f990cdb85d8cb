"""Wishes: repositories that somebody follows, or of which somebody wants the history."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from core import clock
from models import Follow, Repository, RepositoryName, StarHistory
from store.troubles import is_withheld

LEASE = timedelta(seconds=60)  # for which nobody else reads what a worker reads
GONE_FOR = clock.HOUR  # until GitHub is asked once more for a name that it did not know

MOST_WAITING = 1000  # histories that somebody asked for by name, and not read yet


@dataclass(frozen=True, slots=True)
class Asked:
    """The outcome of a wish: `row`, None where there is no room; `new`: a job has to be queued."""

    row: Follow | None
    new: bool = False


def follow_of(session: Session, full_name: str) -> Follow | None:
    """The wish for a repository by a name that it has, or had and no other has now; in any case."""
    row, bearer = session.get(Follow, full_name.lower()), _bearer(session, full_name)
    if row is not None and (bearer is None or row.repository_id in (None, bearer)):
        return row
    if bearer is None:
        return None
    return session.scalar(select(Follow).where(Follow.repository_id == bearer).limit(1))


def _bearer(session: Session, full_name: str) -> int | None:
    """Our id of the repository that was last seen under a name."""
    of_name = RepositoryName.name == full_name.lower()
    return session.scalar(select(RepositoryName.repository_id).where(of_name))


def make_way(session: Session, row: Follow) -> bool:
    """Let a wish go by its repository's name of now, as another bears the one that it went by;
    False where no other name of it is known."""
    assert row.repository_id is not None  # or it is for whoever bears the name
    own = session.get_one(Repository, row.repository_id).full_name
    if own.lower() == row.name:
        return False
    other = session.get(Follow, own.lower())
    if other is not None and other.repository_id not in (None, row.repository_id):
        return False
    if other is not None:
        join(session, other, row)
    row.name, row.full_name = own.lower(), own
    session.flush()
    return True


def join(session: Session, row: Follow, into: Follow) -> None:
    """Make two wishes for a repository one."""
    since = [each for each in (row.followed_since, into.followed_since) if each is not None]
    into.followed_since = min(since, default=None)
    into.named = row.named if into.named is None else into.named or row.named
    into.listed_by, into.listed_at = (
        (into.listed_by, into.listed_at) if into.listed_by else (row.listed_by, row.listed_at)
    )
    session.delete(row)
    session.flush()


def wishes_for(session: Session, names: Mapping[int, str]) -> dict[int, Follow]:
    """The wishes for repositories, given and returned by our ids; `names`: as GitHub has them."""
    lower = {name.lower(): each for each, name in names.items()}
    rows = session.scalars(
        select(Follow).where(Follow.name.in_(lower) | Follow.repository_id.in_(names))
    ).all()
    by_id = {row.repository_id: row for row in rows if row.repository_id is not None}
    unknown = {lower[row.name]: row for row in rows if row.repository_id is None}
    return unknown | by_id


def ask(
    session: Session, full_name: str, now: datetime, *, follow: bool, most: int | None = None
) -> Asked:
    """Note that somebody wants a repository's history, and follows it or not.

    `most` bounds how many may be followed; None: nothing does.
    """
    row = follow_of(session, full_name)
    if row is not None and row.gone_at is not None:
        if not is_worth_asking(row, now):
            return Asked(row)
        session.delete(row)
        session.flush()
        row = None
    followed_before = row is not None and row.followed_since is not None and row.named
    if follow and most is not None and not followed_before and room_taken(session) >= most:
        return Asked(None)
    if row is None:
        if most is not None and waited_for(session) >= MOST_WAITING:
            return Asked(None)
        other = session.get(Follow, full_name.lower())  # of who had the name before
        row = None if other is None or make_way(session, other) else other
    new = row is None
    if row is None:
        row = wish(full_name, now, follow=follow)
        session.add(row)
    if follow:
        row.followed_since, row.named = row.followed_since or now, True
    session.flush()
    return Asked(row, new)


def wish(full_name: str, now: datetime, *, follow: bool) -> Follow:
    """Return a new wish, by name."""
    return Follow(
        name=full_name.lower(),
        full_name=full_name,
        asked_at=now,
        turn_at=now,
        followed_since=now if follow else None,
        named=True if follow else None,
    )


def is_worth_asking(row: Follow, now: datetime) -> bool:
    """Whether GitHub is asked once more for a name that it did not know."""
    assert row.gone_at is not None
    return clock.is_future(row.gone_at, now) or now >= row.gone_at + GONE_FOR


def unfollow(session: Session, full_name: str) -> bool:
    """End following; what was stored stays. False where nobody followed."""
    row = follow_of(session, full_name)
    if row is None or (row.followed_since is None and not row.named):
        return False
    rows = {row}
    if row.repository_id is not None:  # it may have been asked for by two of its names at once
        same = Follow.repository_id == row.repository_id
        rows |= set(session.scalars(select(Follow).where(same)))
    for each in rows:
        each.followed_since, each.named = None, False
    return True


# Followed since all of its owner's are, and for no other reason.
BY_OWNER_ALONE = Follow.listed_by.is_not(None) & Follow.named.is_(None)


def room_taken(session: Session) -> int:
    """Return how many are followed by name, which is what may be bounded."""
    return _number(session, Follow.followed_since.is_not(None), ~BY_OWNER_ALONE)


def unknown_to_github(session: Session) -> list[Follow]:
    """What somebody wanted to follow, and GitHub said that it has none of the name."""
    rows = (
        select(Follow)
        .where(Follow.named.is_(True), Follow.gone_at.is_not(None))
        .order_by(Follow.name)
    )
    return list(session.scalars(rows))


def followed_ids(session: Session, names: Iterable[str]) -> set[int]:
    """Our ids of the repositories that are followed, by a wish or by the settings' `names`."""
    lower = [name.lower() for name in names]
    known = select(RepositoryName.repository_id).where(RepositoryName.name.in_(lower))
    wished = (  # by its name until GitHub was asked for it
        select(func.coalesce(Follow.repository_id, RepositoryName.repository_id))
        .outerjoin(RepositoryName, RepositoryName.name == Follow.name)
        .where(Follow.followed_since.is_not(None))
    )
    return {each for each in (*session.scalars(known), *session.scalars(wished)) if each}


def all_followed(session: Session) -> list[Follow]:
    """Followed repositories in order of their names."""
    rows = select(Follow).where(Follow.followed_since.is_not(None)).order_by(Follow.name)
    return list(session.scalars(rows))


UNREAD = (Follow.done_at.is_(None), Follow.gone_at.is_(None))


def waiting(session: Session, *, without_trouble_at: datetime | None = None) -> int:
    """Return how many histories are wanted and not read yet; without those that are in trouble at
    a moment: others need not wait for them."""
    if without_trouble_at is None:
        return _number(session, *UNREAD)
    return _number(session, *UNREAD, ~is_withheld(Follow.full_name, without_trouble_at))


def waited_for(session: Session) -> int:
    """Return how many of them were asked for by name, which is what is bounded."""
    return _number(session, *UNREAD, ~BY_OWNER_ALONE)


def _number(session: Session, *where: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(Follow).where(*where)) or 0


def is_unread(session: Session, name: str) -> bool:
    row = session.get(Follow, name.lower())
    return row is not None and row.waits


def position(session: Session, row: Follow) -> int:
    """Return how many histories are read before that of a wish."""
    earlier = or_(
        Follow.turn_at < row.turn_at, (Follow.turn_at == row.turn_at) & (Follow.name < row.name)
    )
    if row.listed_by is not None and row.named is None:
        earlier = ~BY_OWNER_ALONE | earlier
    else:
        earlier = ~BY_OWNER_ALONE & earlier
    return _number(session, *UNREAD, earlier)


def lease_next(session: Session, now: datetime) -> Follow | None:
    """The wish whose turn it is, kept from others for a while; None where nobody waits, or only
    for what GitHub failed to tell a moment ago."""
    free = or_(
        Follow.leased_until.is_(None),
        Follow.leased_until <= now,
        Follow.leased_until > now + LEASE + clock.TOLERANCE,  # by a clock that ran ahead
    )
    # Of an owner there may be thousands, for none of which somebody waits.
    order = (BY_OWNER_ALONE, Follow.turn_at, Follow.name)
    wished = (*UNREAD, free, ~is_withheld(Follow.full_name, now))
    row = session.scalar(select(Follow).where(*wished).order_by(*order).limit(1))
    if row is not None:
        row.leased_until = now + LEASE
        session.flush()
    return row


def end(session: Session, name: str, now: datetime) -> None:
    """Note that a history is read, unless nobody wants it any more."""
    row = session.get(Follow, name)
    if row is not None:
        row.done_at = now


def reopen(session: Session, since: datetime) -> int:
    """Let the histories of followed repositories be read on that were read before `since`, when a
    day ended. Returns how many they are."""
    stale = select(StarHistory.repository_id).where(StarHistory.read_at < since)
    rows = session.scalars(
        select(Follow)
        .where(Follow.followed_since.is_not(None), Follow.done_at.is_not(None))
        .where(Follow.repository_id.in_(stale))
    ).all()
    for row in rows:
        row.done_at = None
    return len(rows)


def identity(session: Session, name: str) -> tuple[int, int] | None:
    """Our id and GitHub's of the repository of a wish; None where GitHub was not asked yet."""
    found = session.execute(
        select(Repository.id, Repository.github_id)
        .join(Follow, Follow.repository_id == Repository.id)
        .where(Follow.name == name, Repository.github_id.is_not(None))
    ).first()
    return None if found is None else (found.id, found.github_id)


def note_repository(session: Session, name: str, repository: Repository) -> None:
    """Note whose wish it is that goes by a name, unless nobody wants it any more. One that was made
    under another name of it stays in its place."""
    row = session.get(Follow, name)
    other = session.scalar(
        select(Follow).where(Follow.repository_id == repository.id, Follow.name != name).limit(1)
    )
    if row is not None and other is not None:
        join(session, row, other)
    elif row is not None:
        row.repository_id, row.full_name = repository.id, repository.full_name


def end_turn(session: Session, name: str, now: datetime) -> None:
    """Let the others go first, and anybody go on with this one."""
    row = session.get(Follow, name)
    if row is not None:
        last = session.scalar(select(func.max(Follow.turn_at)).where(*UNREAD)) or now
        row.leased_until, row.turn_at = None, max(now, last + timedelta(milliseconds=1))
