"""Owners of whom all repositories are followed, and what is followed because of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from core import clock
from core.names import all_of
from core.plausibility import Member
from core.repository import GitHubRepository
from models import Follow, FollowOwner
from store import follows
from store.readings import store_unlisted
from store.repositories import store_repositories
from store.troubles import end_trouble, is_in_trouble

REFRESHED_EVERY = clock.DAY
# Pages shift where a repository goes meanwhile, and then one is on none: only what a second day's
# pages do not have either has left.
LEFT_AFTER = timedelta(hours=36)


@dataclass(frozen=True, slots=True)
class Owned:
    """A repository as a page of its owner's has it."""

    repository: GitHubRepository
    fork: bool = False
    archived: bool = False


def owner_of(session: Session, login: str) -> FollowOwner | None:
    return session.get(FollowOwner, login.lower())


def follow_owner(
    session: Session, login: str, now: datetime, *, forks: bool = False, archived: bool = False
) -> bool:
    """Follow all repositories of an owner, which are read anew; False where that was so already,
    and of the same kinds."""
    row = owner_of(session, login)
    if row is None:
        row = FollowOwner(name=login.lower(), login=login, forks=False, archived=False)
        session.add(row)
    elif row.asked_at and row.refreshed_at and (row.forks, row.archived) == (forks, archived):
        return False
    row.asked_at = row.asked_at or now
    row.forks, row.archived = forks, archived
    row.refreshed_at = row.next_page = None
    end_trouble(session, all_of(login))
    return True


def unfollow_owner(session: Session, login: str, *, watched: bool = False) -> bool:
    """End following what was followed because of an owner, unless it is `watched` by the settings;
    what was stored, and what was followed by its name, stays. False where nobody followed."""
    row = owner_of(session, login)
    if row is None or (watched and row.asked_at is None):
        return False
    if watched:
        row.asked_at = None
    else:
        _end(session, row)
    return True


def keep_watched(session: Session, logins: Collection[str]) -> None:
    """Follow the owners that the settings name, and those no more that they named before."""
    named = {login.lower(): login for login in logins}
    rows = {row.name: row for row in session.scalars(select(FollowOwner))}
    for name, row in rows.items():
        if row.asked_at is None and name not in named:
            _end(session, row)
    for name in named.keys() - rows.keys():
        session.add(FollowOwner(name=name, login=named[name], forks=False, archived=False))


def due(session: Session, now: datetime) -> list[str]:
    """The owners to be asked for, those first that were not for the longest time."""
    rows = session.scalars(
        select(FollowOwner).order_by(FollowOwner.refreshed_at.asc().nulls_first(), FollowOwner.name)
    )
    return [
        row.name
        for row in rows
        if (
            row.refreshed_at is None
            or row.refreshed_at <= now - REFRESHED_EVERY
            or clock.is_future(row.refreshed_at, now)
        )
        and not is_in_trouble(session, all_of(row.login), now)
    ]


def all_owners(session: Session) -> list[tuple[FollowOwner, int]]:
    """Owners in order of their names, each with how many repositories are followed of it."""
    held = (
        select(Follow.listed_by, func.count().label("number"))
        .where(Follow.followed_since.is_not(None), Follow.listed_by.is_not(None))
        .group_by(Follow.listed_by)
        .subquery()
    )
    rows = session.execute(
        select(FollowOwner, func.coalesce(held.c.number, 0))
        .outerjoin(held, held.c.listed_by == FollowOwner.name)
        .order_by(FollowOwner.name)
    )
    return [(row, number) for row, number in rows]


def number_asked_for(session: Session) -> int:
    """Return how many owners are followed that the settings need not name."""
    asked_for = select(func.count()).where(FollowOwner.asked_at.is_not(None))
    return session.scalar(asked_for) or 0


def store_page(
    session: Session,
    name: str,
    page: str | None,
    owned: Sequence[Owned],
    next_page: str | None,
    slot: datetime,
    now: datetime,
) -> bool:
    """Follow what a page of an owner's repositories has, and store its counts for a slot; returns
    whether there are more to read. What somebody unfollowed by its name is not followed again."""
    owner = owner_of(session, name)
    if owner is None or owner.next_page != page:  # unfollowed meanwhile, or somebody was faster
        return False
    wanted = {
        it.repository.github_id: it.repository
        for it in owned
        if (owner.forks or not it.fork) and (owner.archived or not it.archived)
    }
    _follow(session, name, list(wanted.values()), slot, now)
    owner.next_page = next_page
    if next_page is not None:
        return True
    owner.refreshed_at = now
    end_trouble(session, all_of(owner.login))
    _end_departed(session, name, now)
    return False


def _follow(
    session: Session,
    owner: str,
    repositories: Sequence[GitHubRepository],
    slot: datetime,
    now: datetime,
) -> None:
    ids = store_repositories(session, [Member(it) for it in repositories], now, now)
    names = [it.full_name.lower() for it in repositories]
    known = session.scalars(
        select(Follow).where(
            Follow.repository_id.in_(list(ids.values()))
            | (Follow.name.in_(names) & Follow.repository_id.is_(None))
        )
    ).all()
    by_id = {row.repository_id: row for row in known}
    by_name = {row.name: row for row in known}
    for it in repositories:
        repository_id = ids[it.github_id]
        store_unlisted(session, repository_id, slot, it)
        row = by_id.get(repository_id) or by_name.get(it.full_name.lower())
        if row is None:
            other = session.get(Follow, it.full_name.lower())  # of who had this name before
            if other is not None and not follows.make_way(session, other):
                continue
            row = follows.wish(it.full_name, now, follow=True)
            row.named = None
            session.add(row)
        elif row.named is not False:
            row.followed_since, row.gone_at = row.followed_since or now, None
        row.repository_id, row.full_name = repository_id, it.full_name
        row.listed_by, row.listed_at = owner, now


def _end_departed(session: Session, owner: str, now: datetime) -> None:
    """End following what has left an owner, or is of no kind that is followed any more."""
    session.execute(
        update(Follow)
        .where(Follow.listed_by == owner, follows.BY_OWNER_ALONE)
        .where(Follow.listed_at < now - LEFT_AFTER)
        .values(followed_since=None, listed_by=None)
    )


def _end(session: Session, owner: FollowOwner) -> None:
    """End following an owner, and forget what was excepted from it."""
    listed = Follow.listed_by == owner.name
    session.execute(delete(Follow).where(listed, follows.BY_OWNER_ALONE, *follows.UNREAD))
    session.execute(
        update(Follow).where(listed, follows.BY_OWNER_ALONE).values(followed_since=None)
    )
    session.execute(update(Follow).where(listed, Follow.named.is_(False)).values(named=None))
    session.execute(update(Follow).where(listed).values(listed_by=None))
    session.delete(owner)
    end_trouble(session, all_of(owner.login))
