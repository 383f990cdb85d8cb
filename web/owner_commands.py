"""The part of `follow`, `unfollow` and `follows` that is about `owner/*`: all of an owner's."""

from collections.abc import Iterator, Mapping, Sequence

import click
from sqlalchemy.orm import Session

import queues
from core import clock
from core.names import all_of
from models import FollowOwner
from store import follow_owners
from web import current
from web.following import queued


def follow(owners: Sequence[str], *, forks: bool, archived: bool) -> None:
    """Follow owners, say what came of it, and have a worker read their repositories at once."""
    if not owners:
        return
    with current.database().write() as session:
        now = clock.now()
        new = {
            owner: follow_owners.follow_owner(session, owner, now, forks=forks, archived=archived)
            for owner in owners
        }
    is_queued = queued("owners", queues.ask_for_owners) if any(new.values()) else True
    for owner, is_new in new.items():
        soon = "its repositories are read now" if is_queued else "noted; read within ten minutes"
        click.echo(f"{all_of(owner)}: {soon if is_new else 'followed already'}")


def unfollow(owner: str) -> str:
    """End following an owner's repositories, and return what came of it."""
    watched = owner.lower() in map(str.lower, current.settings().watch_owners)
    with current.database().write() as session:
        ended = follow_owners.unfollow_owner(session, owner, watched=watched)
    if watched:
        return f"{all_of(owner)}: followed since WATCH names it; take it out there"
    return f"{all_of(owner)}: {'not followed any more' if ended else 'was not followed'}"


def lines(session: Session, troubles: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each owner: since when, how many of its repositories are followed, when they
    were read, and its trouble."""
    for row, number in follow_owners.all_owners(session):
        since = clock.rfc3339(row.asked_at) if row.asked_at else "by WATCH"
        kinds = "".join(f", {kind}" for kind in ("forks", "archived") if getattr(row, kind))
        what = f"{number} repositories{kinds and f' (with{kinds[1:]})'}"
        why = troubles.get(all_of(row.name))
        yield f"{all_of(row.login)}  {since}  {what}  {_read(row)}{f'  {why}' if why else ''}"


def _read(row: FollowOwner) -> str:
    if row.refreshed_at is None:
        return "not read to the end yet"
    return f"read {clock.rfc3339(row.refreshed_at)}"
