"""Rankings: lists of repositories that are followed, made of the newest readings of each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, lists
from core.lists import RankedList
from core.plausibility import Member
from core.repository import GitHubRepository
from core.windows import Counts
from models import COUNTS, GOOD, PROFILE, Follow, Poll, Repository, RepositoryName, Watched
from store.database import upsert
from store.events import store_events
from store.list_ids import list_id_of, list_id_or_new
from store.polls import replace_placements
from store.repositories import newest_counts


@dataclass(frozen=True, slots=True)
class Before:
    """The state of a list before a slot is ranked.

    `done`: the slot has a good poll already. `last_good`: the slot of the newest one before it.
    `lost_before`: polls of a whole day were good since then, so a repository whose newest reading
    is older is believed gone; None where they have not been so many yet.
    """

    done: bool
    last_good: datetime | None
    lost_before: datetime | None


def before(session: Session, ranked: RankedList, slot: datetime, every: timedelta) -> Before:
    good = (
        select(Poll.slot)
        .where(Poll.list_id == list_id_of(session, ranked.slug), Poll.outcome == GOOD)
        .where(Poll.slot <= slot)
        .order_by(Poll.slot.desc())
    )
    newest = session.scalars(good.limit(2)).all()
    done = slot in newest
    earlier = newest[1:] if done else newest
    a_day_of_them = session.scalar(good.offset(clock.DAY // every - 1).limit(1))
    return Before(done, next(iter(earlier), None), a_day_of_them)


@dataclass(frozen=True, slots=True)
class Field:
    """The repositories that a list is made of: how many are `named`, GitHub's ids of those that are
    known, by ours, and of these the newest counts, as far as there is a reading of them."""

    named: int
    github_ids: Mapping[int, int]
    counts: Mapping[int, Counts]

    @property
    def newest(self) -> datetime | None:
        return max((counts.slot for counts in self.counts.values()), default=None)

    def is_complete(self, slot: datetime) -> bool:
        """Whether each of them has been read in a slot."""
        read = sum(counts.slot >= slot for counts in self.counts.values())
        return read == self.named

    def top(self, before: Before) -> list[int]:
        """Our ids of those on the list, in order of stars, and of GitHub's ids where those are
        equal; without those that are gone."""
        lost_before = before.lost_before or clock.EPOCH
        there = [each for each, counts in self.counts.items() if counts.slot >= lost_before]
        there.sort(key=lambda each: (-self.counts[each].stars, self.github_ids[each]))
        return there[: lists.SIZE]


def field(session: Session, ranked: RankedList, slot: datetime) -> Field:
    """Return the repositories of a list with their newest counts up to a slot."""
    wanted: dict[str, int | None] = {name.lower(): None for name in ranked.names or ()}
    if ranked.followed:
        rows = select(Follow.name, Follow.repository_id).where(Follow.followed_since.is_not(None))
        wanted |= {name: repository_id for name, repository_id in session.execute(rows)}
    ids = _ids(session, wanted)
    known = session.execute(
        select(Repository.id, Repository.github_id)
        .where(Repository.id.in_(set(ids.values())), Repository.github_id.is_not(None))
        .order_by(Repository.id)
    )
    github_ids = {each: github_id for each, github_id in known if github_id is not None}
    same = len(ids) - len(set(ids.values()))  # names of one repository, which was renamed
    return Field(len(wanted) - same, github_ids, newest_counts(session, list(github_ids), slot))


def _ids(session: Session, wanted: Mapping[str, int | None]) -> dict[str, int]:
    """Our ids by the names that repositories are followed under, as far as they are known."""
    seen = select(RepositoryName.name, RepositoryName.repository_id)
    asked = select(Watched.name, Watched.repository_id)  # GitHub leads from a name to its new one
    found: dict[str, int | None] = dict(wanted)
    for name, repository_id in (
        *session.execute(seen.where(RepositoryName.name.in_(wanted))),
        *session.execute(asked.where(Watched.name.in_(wanted))),
    ):
        if wanted[name] is None and repository_id is not None:
            found[name] = repository_id
    return {name: each for name, each in found.items() if each is not None}


def store_ranking(
    session: Session,
    ranked: RankedList,
    slot: datetime,
    at: datetime,
    field: Field,
    before: Before,
) -> bool:
    """Store the list of a slot, ranked at a moment, and what changed on it; False where the slot
    has a good one already. Readings and repositories stay as they are: GitHub said nothing new."""
    list_id = list_id_or_new(session, ranked.slug)
    this = session.get(Poll, (list_id, slot))
    if this is not None and this.outcome == GOOD:
        return False
    top = field.top(before)
    poll = {"list_id": list_id, "slot": slot, "outcome": GOOD, "fetched_at": at}
    upsert(
        session,
        Poll,
        [poll | {"rows": len(top), "error": None}],
        update=("outcome", "fetched_at", "rows", "error"),
    )
    members = _members(session, top, field.counts)
    ids = {field.github_ids[each]: each for each in top}
    replace_placements(session, list_id, slot, members, ids)
    belonging = set(field.github_ids.values())
    store_events(session, list_id, ranked, slot, members, ids, at, belonging)
    return True


def _members(session: Session, ids: Iterable[int], counts: Mapping[int, Counts]) -> list[Member]:
    rows = session.scalars(select(Repository).where(Repository.id.in_(ids)))
    found = {row.id: row for row in rows}
    return [
        Member(
            GitHubRepository(
                github_id=found[each].github_id or 0,
                created_at=found[each].created_at,
                **{name: getattr(counts[each], name) for name in COUNTS},
                **{name: getattr(found[each], name) for name in PROFILE},
            )
        )
        for each in ids
    ]
