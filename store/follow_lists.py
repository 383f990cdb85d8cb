"""Many wishes at once: noted in one transaction, and told page by page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from core.follow_schemas import FollowState
from models import Follow, Reading, RepositoryName, StarHistory, Trouble
from store import follows
from store.troubles import withheld

AT_ONCE = 500  # names in a statement


@dataclass(frozen=True, slots=True)
class AskedMany:
    """The outcome of many wishes: the names whose history is to be read, those that were known
    already, and those of which GitHub said within the hour that it has none."""

    new: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


def follow_many(
    session: Session, full_names: Sequence[str], now: datetime, *, most: int | None = None
) -> AskedMany | None:
    """Follow repositories, each given once, in any case; None, and nothing is noted, where more
    would be followed than `most`, or more histories wait than there may."""
    wanted = {name.lower(): name for name in full_names}
    rows = _rows_of(session, list(wanted))
    _make_way(session, [name for name in wanted if name not in rows], rows)
    asked = AskedMany()
    for name, full_name in wanted.items():
        row = rows.get(name)
        if row is None or (row.gone_at is not None and follows.is_worth_asking(row, now)):
            asked.new.append(full_name)
        else:
            (asked.known if row.gone_at is None else asked.gone).append(full_name)
    known = [rows[full_name.lower()] for full_name in asked.known]
    if most is not None:
        anew = {row.name for row in known if not (row.followed_since and row.named)}
        more = len(asked.new) + len(anew)
        waiting = follows.waited_for(session) + len(asked.new)
        if more and follows.room_taken(session) + more > most:
            return None
        if asked.new and waiting > max(most, follows.MOST_WAITING):
            return None
    for row in known:
        row.followed_since, row.named = row.followed_since or now, True
    for full_name in asked.new:
        if (row := rows.get(full_name.lower())) is not None:
            session.delete(row)
    session.flush()
    session.add_all(follows.wish(full_name, now, follow=True) for full_name in asked.new)
    return asked


def _rows_of(session: Session, names: Sequence[str]) -> dict[str, Follow]:
    """Return wishes by the names in lower case that their repositories have or had."""
    found: dict[str, Follow] = {}
    for some in _slices(names):
        other = (
            select(RepositoryName.name, Follow)
            .join(Follow, Follow.repository_id == RepositoryName.repository_id)
            .where(RepositoryName.name.in_(some))
        )
        found |= {name: row for name, row in session.execute(other)}
        own = (
            select(Follow)
            .outerjoin(RepositoryName, RepositoryName.name == Follow.name)
            .where(Follow.name.in_(some))
            .where(
                or_(
                    Follow.repository_id.is_(None),
                    RepositoryName.repository_id.is_(None),
                    RepositoryName.repository_id == Follow.repository_id,
                )
            )
        )
        found |= {row.name: row for row in session.scalars(own)}
    return found


def _make_way(session: Session, names: Sequence[str], rows: dict[str, Follow]) -> None:
    """Free names by which wishes go whose repository has another name now."""
    for some in _slices(names):
        for row in session.scalars(select(Follow).where(Follow.name.in_(some))).all():
            name = row.name
            if not follows.make_way(session, row):
                rows[name] = row


def _slices(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE))


def _in_trouble(now: datetime) -> ColumnElement[bool]:
    return withheld(now).where(Trouble.subject == func.lower(Follow.full_name)).exists()


_SAMPLED = select(Reading.slot).where(Reading.repository_id == Follow.repository_id).exists()


def followed_page(
    session: Session,
    now: datetime,
    limit: int,
    *,
    after: str = "",
    q: str = "",
    state: FollowState | None = None,
) -> list[tuple[Follow, StarHistory | None]]:
    """Return followed repositories in order of their names, those behind `after`, with a text in
    their names, and in a state; each with its star history, as far as that is here."""
    trouble = _in_trouble(now)
    states: dict[FollowState, ColumnElement[bool]] = {
        "trouble": trouble,
        "sampled": ~trouble & _SAMPLED,
        "waiting": ~trouble & ~_SAMPLED,
    }
    chosen = (
        select(Follow, StarHistory)
        .outerjoin(StarHistory, StarHistory.repository_id == Follow.repository_id)
        .where(Follow.followed_since.is_not(None), Follow.name > after.lower())
        .order_by(Follow.name)
        .limit(limit)
    )
    if q:
        chosen = chosen.where(func.lower(Follow.full_name).contains(q.lower(), autoescape=True))
    if state is not None:
        chosen = chosen.where(states[state])
    return [(row, history) for row, history in session.execute(chosen)]
