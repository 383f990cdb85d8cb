"""Repositories: who bears or bore a name, and what GitHub last said of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from core import clock, lists, spans
from core.plausibility import Member
from core.repository import GitHubRepository
from core.schemas import ListRank
from core.windows import Baselines, Counts, Profile, RankedRepository
from models import (
    PROFILE,
    List,
    Reading,
    RepositoryName,
)
from models import Repository as RepositoryRow
from models import Standing as StandingRow
from store.baselines import baselines_at, baselines_of
from store.list_ids import list_id_of


def ids_by_github_id(session: Session, github_ids: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(RepositoryRow.github_id, RepositoryRow.id).where(
            RepositoryRow.github_id.in_(github_ids)
        )
    )
    return {github_id: repository_id for github_id, repository_id in rows if github_id is not None}


def store_repositories(
    session: Session,
    members: Sequence[Member],
    seen_at: datetime,
    now: datetime | None = None,
) -> dict[int, int]:
    """Bring what is known of repositories up to date; gives our id by GitHub's.

    Of kept ones GitHub said nothing, and what is older than what is known changes nothing, unless
    that is from the future. `now`: the moment by our clock, where it is not the clock's own.
    """
    now = now or clock.now()
    github_ids = [member.repository.github_id for member in members]
    rows = session.scalars(select(RepositoryRow).where(RepositoryRow.github_id.in_(github_ids)))
    found = {row.github_id: row for row in rows}
    found |= _adopted(
        session,
        [member.repository for member in members if member.repository.github_id not in found],
    )
    seen = []
    for member in members:
        repository, row = member.repository, found.get(member.repository.github_id)
        if member.carried_over and row is not None:
            continue
        seen.append(repository)
        if row is None:
            row = RepositoryRow(github_id=repository.github_id)
            session.add(row)
            found[repository.github_id] = row
        elif not _may_replace(seen_at, row.seen_at, now):
            continue
        for name in PROFILE:
            setattr(row, name, getattr(repository, name))
        row.created_at = repository.created_at or row.created_at
        row.node_id = repository.node_id or row.node_id
        row.seen_at = seen_at
    session.flush()
    names = {repository.full_name.lower(): found[repository.github_id] for repository in seen}
    store_names(session, names, seen_at, now)
    return {github_id: row.id for github_id, row in found.items() if github_id is not None}


def _may_replace(seen_at: datetime, known_at: datetime, now: datetime) -> bool:
    return seen_at >= known_at or clock.is_future(known_at, now)


def _adopted(session: Session, new: Sequence[GitHubRepository]) -> dict[int | None, RepositoryRow]:
    """Imported repositories, known by name alone until now, that are these; by GitHub's id."""
    if not new:
        return {}
    bearers = {repository.full_name.lower(): repository for repository in new}
    imported = session.execute(
        select(RepositoryName.name, RepositoryRow)
        .join(RepositoryRow, RepositoryRow.id == RepositoryName.repository_id)
        .where(RepositoryName.name.in_(bearers), RepositoryRow.github_id.is_(None))
        .where(RepositoryRow.same_as_id.is_(None))
    ).all()
    others = made_since(session, {row.id: bearers[name].created_at for name, row in imported})
    adopted: dict[int | None, RepositoryRow] = {}
    for name, row in imported:
        if row.github_id is None and row.id not in others:  # it may have several of the names
            row.github_id = bearers[name].github_id
            adopted[row.github_id] = row
    return adopted


def made_since(session: Session, created_at: Mapping[int, datetime | None]) -> set[int]:
    """Return those imported repositories, by our id, whose name is borne by one that was made after
    their last reading: another one, which took the name."""
    made = {each: moment for each, moment in created_at.items() if moment is not None}
    if not made:
        return set()
    rows = session.execute(
        select(Reading.repository_id, func.max(Reading.slot))
        .where(Reading.repository_id.in_(made))
        .group_by(Reading.repository_id)
    )
    return {repository_id for repository_id, last in rows if last < made[repository_id]}


def store_names(
    session: Session, seen: Mapping[str, RepositoryRow], seen_at: datetime, now: datetime
) -> None:
    """Let names find the repositories that were seen under them, each the last to bear it."""
    rows = session.scalars(select(RepositoryName).where(RepositoryName.name.in_(seen)))
    held = {row.name: row for row in rows}
    for key, repository in seen.items():
        if key not in held:
            row = RepositoryName(name=key, repository_id=repository.id, seen_at=seen_at)
            session.add(row)
        elif _may_replace(seen_at, held[key].seen_at, now):
            if held[key].repository_id != repository.id:
                _merge_later(session, held[key].repository_id, repository)
            held[key].repository_id, held[key].seen_at = repository.id, seen_at
    session.flush()


def _merge_later(session: Session, repository_id: int, into: RepositoryRow) -> None:
    """Let what was imported under a name follow who bears it, unless that was made later."""
    if made_since(session, {repository_id: into.created_at}):
        return
    session.execute(
        update(RepositoryRow)
        .where(RepositoryRow.id == repository_id, RepositoryRow.github_id.is_(None))
        .where(RepositoryRow.same_as_id.is_(None))
        .values(same_as_id=into.id)
    )


def profile_of(row: RepositoryRow | Row[Any]) -> Profile:
    return Profile(row.id, *(getattr(row, name) for name in PROFILE))


# Repositories


@dataclass(frozen=True, slots=True)
class FoundRepository:
    """A repository, its newest counts, and its places by slug in the order of the lists."""

    standing: RankedRepository
    history: Baselines
    ranks: dict[str, int]


def profiles(session: Session, full_names: Sequence[str]) -> dict[str, Profile]:
    """Return the repositories that have or had names, in any case, by these names; without those
    of which none was ever seen."""
    rows = session.execute(_BY_NAMES, {"names": [name.lower() for name in full_names]})
    known = {name: Profile(*profile) for name, *profile in rows}
    return {name: known[name.lower()] for name in full_names if name.lower() in known}


_BY_NAMES = (
    select(RepositoryName.name, *(getattr(RepositoryRow, name) for name in ("id", *PROFILE)))
    .join(RepositoryRow, RepositoryName.repository_id == RepositoryRow.id)
    .where(RepositoryName.name.in_(bindparam("names", expanding=True)))
)


def profile(session: Session, full_name: str) -> Profile | None:
    """Return the repository that has or had a name, in any case; None where none of that name was
    ever seen."""
    return profiles(session, [full_name]).get(full_name)


def repository(
    session: Session, full_name: str, until: datetime | None = None
) -> FoundRepository | None:
    """Return a repository by a name it has or had, in any case, by its newest reading, or the
    newest up to `until`; None where it has none."""
    return found_repositories(session, [full_name], until).get(full_name)


def found_repositories(
    session: Session, full_names: Sequence[str], until: datetime | None = None
) -> dict[str, FoundRepository]:
    """Return several repositories by the names that were asked for, in a few statements."""
    known = profiles(session, full_names)
    ids = [each.id for each in known.values()]
    counts = newest_counts(session, ids, until)
    stars_list = list_id_of(session, "stars")
    moments = {repository_id: newest.slot for repository_id, newest in counts.items()}
    if len(moments) == 1:
        history = baselines_of(session, stars_list, moments, *moments.values())
    else:
        history = baselines_at(session, stars_list, moments)
    on_lists = standings(session, StandingRow.repository_id.in_(ids))
    places = sorted(on_lists, key=lambda place: lists.order_of(place[1]))
    ranks = {
        each: {slug: rank for repository_id, slug, rank in places if repository_id == each}
        for each in ids
    }
    return {
        name: FoundRepository(
            RankedRepository(ranks[each.id].get("stars"), each, counts[each.id]),
            history,
            ranks[each.id],
        )
        for name, each in known.items()
        if each.id in counts
    }


def newest_counts(
    session: Session, ids: Sequence[int], until: datetime | None
) -> dict[int, Counts]:
    """Return the newest counts of repositories up to a moment, if one is given."""
    earlier = aliased(Reading)
    newest = select(func.max(earlier.slot)).where(earlier.repository_id == RepositoryRow.id)
    if until is not None:
        newest = newest.where(earlier.slot <= until)
    slot = newest.correlate(RepositoryRow).scalar_subquery()
    columns = (Reading.slot, Reading.seen_until, Reading.stars, Reading.forks, Reading.open_issues)
    rows = session.execute(
        select(RepositoryRow.id, *columns)
        .join(Reading, (Reading.repository_id == RepositoryRow.id) & (Reading.slot == slot))
        .where(RepositoryRow.id.in_(ids))
    )
    return {
        repository_id: Counts(
            spans.last_of(slot, seen_until, until or seen_until or slot), stars, forks, open_issues
        )
        for repository_id, slot, seen_until, stars, forks, open_issues in rows
    }


def ranks_on(session: Session, slugs: Collection[str]) -> dict[int, list[ListRank]]:
    """Return the ranks on some lists as of their last builds, by our id of the repository."""
    ranks: dict[int, list[ListRank]] = {}
    for repository_id, slug, rank in standings(session, List.slug.in_(slugs)):
        ranks.setdefault(repository_id, []).append({"list": slug, "rank": rank})
    return ranks


def standings(session: Session, *where: ColumnElement[bool]) -> Iterable[tuple[int, str, int]]:
    """Return who stands where as of the last builds: our id of the repository, slug and rank."""
    rows = session.execute(
        select(StandingRow.repository_id, List.slug, StandingRow.rank)
        .join(List, List.id == StandingRow.list_id)
        .where(*where)
    )
    return ((row.repository_id, row.slug, row.rank) for row in rows)
