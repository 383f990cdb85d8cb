"""The star histories of listed repositories, in the order in which they are read though nobody
asks, and who reads them now."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, exists, func, not_, null, or_, select
from sqlalchemy.orm import Session

from core import clock
from core.star_history import fresh_for
from core.windows import WINDOWS, Window
from models import List, Progress, Reading, Repository, Standing, StarHistory
from store.database import upsert
from store.star_histories import UNAVAILABLE_FOR
from store.troubles import is_withheld

LEASE = timedelta(seconds=60)  # for which nobody else reads on, if who reads is killed
NAME = "star-histories"  # of the row in `progress`

FIRST_PAGE, SECOND_PAGE, AGAIN, REST = range(4)  # in order

SHORT = [window for window in WINDOWS if clock.DAY < window.length <= 30 * clock.DAY]
YEAR = WINDOWS[-1]

GROUP = case((List.slug == "stars", 0), (List.slug == "forks", 1), else_=2)
PAGES_READ = func.coalesce(StarHistory.pages_read, 0)


@dataclass(frozen=True, slots=True)
class Unread:
    """A page to be read: the next one, or page 1 again, with its ETag."""

    repository_id: int
    github_id: int
    full_name: str
    page: int
    again: bool
    etag: str | None


def next_unread(session: Session, now: datetime) -> Unread | None:
    """The page that is to be read next, of what the newest build lists: page 1 of each, of the list
    `stars`, then `forks`, then the others, by rank; then page 2, which tells the gains of a year;
    then the rest. Page 1 is read again where a gain needs it: on the first two lists before all
    else, on the others after page 2. What GitHub did not tell is asked for again after a week.
    """
    turn = _turn(now)
    row = session.execute(
        select(
            Repository.id,
            Repository.github_id,
            Repository.full_name,
            PAGES_READ.label("pages_read"),
            StarHistory.etag,
            turn.label("turn"),
        )
        .select_from(Standing)
        .join(List, List.id == Standing.list_id)
        .join(Repository, Repository.id == Standing.repository_id)
        .outerjoin(StarHistory, StarHistory.repository_id == Standing.repository_id)
        .where(Repository.github_id.is_not(None), or_(_IS_TOLD, _is_old(now)))
        .where(turn.is_not(None), ~is_withheld(Repository.full_name, now))
        .order_by("turn", GROUP, Standing.rank, List.slug)
        .limit(1)
    ).first()
    if row is None or row.github_id is None:
        return None
    again = row.pages_read > 0 and row.turn in (FIRST_PAGE, AGAIN)
    page = 1 if again else row.pages_read + 1
    etag = row.etag if again else None
    return Unread(row.id, row.github_id, row.full_name, page, again, etag)


def _turn(now: datetime) -> ColumnElement[int | None]:
    """Which of the four kinds of pages is the next of a repository; null: there is none."""
    unread = or_(StarHistory.pages.is_(None), StarHistory.pages > PAGES_READ)
    stale = and_(PAGES_READ > 0, or_(not_(_IS_TOLD), _is_stale(now)))
    return case(
        (or_(PAGES_READ == 0, and_(stale, GROUP < 2)), FIRST_PAGE),
        (and_(PAGES_READ == 1, unread), SECOND_PAGE),
        (stale, AGAIN),
        (unread, REST),
        else_=null(),
    )


_IS_TOLD = StarHistory.unavailable.is_(None)


def _is_old(now: datetime) -> ColumnElement[bool]:
    return StarHistory.read_at < now - UNAVAILABLE_FOR


def _is_stale(now: datetime) -> ColumnElement[bool]:
    """Whether a gain that no reading of ours tells will soon be told no more, as its days were read
    too long ago. It is read again before: at three quarters of that time."""
    covers_a_year = or_(StarHistory.pages_read > 1, StarHistory.pages_read >= StarHistory.pages)
    return or_(
        and_(
            StarHistory.read_at < now - fresh_for(SHORT[-1].length) * 3 / 4,
            not_(and_(*(_has_baseline(window, now) for window in SHORT))),
        ),
        and_(
            StarHistory.read_at < now - fresh_for(YEAR.length) * 3 / 4,
            covers_a_year,
            not_(_has_baseline(YEAR, now)),
        ),
    )


def _has_baseline(window: Window, now: datetime) -> ColumnElement[bool]:
    return exists().where(
        Reading.repository_id == Standing.repository_id,
        Reading.slot.between(window.oldest_baseline(now), window.start(now)),
    )


def lease(session: Session, now: datetime) -> bool:
    """Keep others from reading for a while; False where another reads."""
    row = session.get(Progress, NAME)
    # One by a clock that ran ahead would last too long.
    if row is not None and now < row.until <= now + LEASE + clock.TOLERANCE:
        return False
    keep(session, now)
    return True


def keep(session: Session, now: datetime, lasting: timedelta = LEASE) -> None:
    """Let a lease last from now on; for no time, end it."""
    upsert(session, Progress, [{"name": NAME, "until": now + lasting}], update=("until",))


def are_told(session: Session) -> bool:
    """Whether this GitHub has told any star history."""
    return bool(session.scalar(select(exists().where(StarHistory.pages_read > 0))))
