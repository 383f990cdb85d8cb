"""The tables: what is stored, on SQLite and Postgres alike.

Times are UTC. A slot is a moment rounded down to the poll interval.
"""

import gzip
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, SmallInteger, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core import clock

PROFILE = ("full_name", "language", "description", "html_url", "pushed_at")
COUNTS = ("stars", "forks", "open_issues")
GOOD, SUSPECT, FAILED, MISSED = "good", "suspect", "failed", "missed"
IMPORTED = "imported"  # from the archive: neither expected nor received


class Moment(sa.TypeDecorator[datetime]):
    """A UTC moment as a whole number of `unit` since 1970: exact, ordered, the same everywhere."""

    impl = BigInteger
    cache_ok = True

    def __init__(self, unit: timedelta = timedelta(seconds=1)) -> None:
        super().__init__()
        self.unit = unit

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else (value - clock.EPOCH) // self.unit

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else clock.EPOCH + value * self.unit


Slot, Exact = Moment(timedelta(seconds=1)), Moment(timedelta(milliseconds=1))


class Base(DeclarativeBase):
    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Exact}


# In SQLite rows of these live in the primary key's tree: a history is one scan, not a seek a row.
CLUSTERED = {"sqlite_with_rowid": False}


class List(Base):
    """A ranked list that was polled at least once; lists.RankedList says what it is."""

    __tablename__ = "list"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(100), unique=True)


class Repository(Base):
    __tablename__ = "repository"
    id: Mapped[int] = mapped_column(primary_key=True)
    github_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)  # null until seen live
    node_id: Mapped[str | None] = mapped_column(Text)  # GitHub's for GraphQL; null until told
    full_name: Mapped[str] = mapped_column(String(200))
    language: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    html_url: Mapped[str] = mapped_column(Text)
    pushed_at: Mapped[datetime | None]
    created_at: Mapped[datetime | None]  # null until GitHub said it
    seen_at: Mapped[datetime]  # when GitHub said the above
    asked_at: Mapped[datetime | None]  # when GitHub was asked who an imported name is; once
    same_as_id: Mapped[int | None]  # of the repository that this one turned out to be


class RepositoryName(Base):
    """Every name that a repository was seen under, in lower case; the last to bear it has it."""

    __tablename__ = "repository_name"
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repository.id"))
    seen_at: Mapped[datetime]  # when it was last seen so
    asked_at: Mapped[datetime | None]  # when GitHub was asked who bears it; null: needed not be yet


class Poll(Base):
    """One row a (list, slot): what came of it. A slot without a good one is a gap."""

    __tablename__ = "poll"
    __table_args__ = CLUSTERED
    list_id: Mapped[int] = mapped_column(ForeignKey("list.id"), primary_key=True)
    slot: Mapped[datetime] = mapped_column(Slot, primary_key=True)
    outcome: Mapped[str] = mapped_column(String(10))  # good, suspect, failed, missed, imported
    fetched_at: Mapped[datetime]
    rows: Mapped[int] = mapped_column(SmallInteger)
    error: Mapped[str | None] = mapped_column(Text)  # what was wrong; null when good


class Placement(Base):
    """A rank on a list at a slot, with the counts that this list's answer gave."""

    __tablename__ = "placement"
    __table_args__ = CLUSTERED
    list_id: Mapped[int] = mapped_column(ForeignKey("list.id"), primary_key=True)
    slot: Mapped[datetime] = mapped_column(Slot, primary_key=True)
    rank: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repository.id"))
    stars: Mapped[int]
    forks: Mapped[int]
    open_issues: Mapped[int | None]  # null: its source does not tell, as the archive since 2021
    # GitHub left it out and could not be asked: these are its last counts
    carried_over: Mapped[bool] = mapped_column("kept", key="carried_over")


class Reading(Base):
    """A repository's counts at a slot: of several good placements in it, the one fetched last. With
    `seen_until` it stands for the same counts at one hour after the slot, at two, … until then."""

    __tablename__ = "reading"
    __table_args__ = CLUSTERED
    repository_id: Mapped[int] = mapped_column(ForeignKey("repository.id"), primary_key=True)
    slot: Mapped[datetime] = mapped_column(Slot, primary_key=True)
    stars: Mapped[int]
    forks: Mapped[int]
    open_issues: Mapped[int | None]  # null as in Placement
    list_id: Mapped[int | None] = mapped_column(ForeignKey("list.id"))  # null: of no list's poll
    seen_until: Mapped[datetime | None] = mapped_column(Slot)  # null: the slot alone

    @property
    def last_slot(self) -> datetime:
        """The last slot that it stands for."""
        return self.seen_until or self.slot


class Event(Base):
    """A change between two good polls of a list, or a spike. Ids grow in order of commit."""

    __tablename__ = "event"
    __table_args__ = (sa.Index("ix_event_list", "list_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    slot: Mapped[datetime] = mapped_column(Slot)
    list_id: Mapped[int] = mapped_column(ForeignKey("list.id"))
    repository_id: Mapped[int] = mapped_column(ForeignKey("repository.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))  # one of schemas.EventKind
    detail: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


class Watched(Base):
    """The last answer of GitHub about a repository in WATCH."""

    __tablename__ = "watched"
    name: Mapped[str] = mapped_column(String(200), primary_key=True)  # in lower case
    repository_id: Mapped[int | None] = mapped_column(ForeignKey("repository.id"))
    etag: Mapped[str | None] = mapped_column(Text)  # of the answer with these counts
    stars: Mapped[int | None]
    forks: Mapped[int | None]
    open_issues: Mapped[int | None]
    fetched_at: Mapped[datetime]
    error: Mapped[str | None] = mapped_column(Text)  # null when it was received
    at_once: Mapped[int | None] = mapped_column(SmallInteger)  # with others in a batch; null: 100


class Follow(Base):
    """A wish to follow a repository or to have its history; served in order of `turn_at`."""

    __tablename__ = "follow"
    name: Mapped[str] = mapped_column(String(200), primary_key=True)  # `full_name` in lower case
    full_name: Mapped[str] = mapped_column(String(200))
    repository_id: Mapped[int | None] = mapped_column(ForeignKey("repository.id"), index=True)
    followed_since: Mapped[datetime | None]  # null: only its history is wanted
    asked_at: Mapped[datetime]
    turn_at: Mapped[datetime]  # a walk that has had its turn stands behind the others
    leased_until: Mapped[datetime | None]  # while a worker reads its history
    done_at: Mapped[datetime | None]  # when its history was complete, or known to be unavailable
    gone_at: Mapped[datetime | None]  # when GitHub said that there is none of that name
    named: Mapped[bool | None]  # by its name followed, or unfollowed (false); null: neither
    listed_by: Mapped[str | None] = mapped_column(String(100), index=True)  # a FollowOwner
    listed_at: Mapped[datetime | None]  # when that owner last had it

    @property
    def waits(self) -> bool:
        """Whether its history is still to be read."""
        return self.done_at is None and self.gone_at is None


class FollowOwner(Base):
    """An owner of whom all repositories are followed, and how far they are read."""

    __tablename__ = "follow_owner"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)  # `login` in lower case
    login: Mapped[str] = mapped_column(String(100))
    forks: Mapped[bool]  # these, too
    archived: Mapped[bool]  # these, too
    asked_at: Mapped[datetime | None]  # null: by WATCH alone
    next_page: Mapped[str | None] = mapped_column(Text)  # its address; null: the first one
    refreshed_at: Mapped[datetime | None]  # when all were read last


class StarHistory(Base):
    """The days of stars of a repository, as GitHub told them: see core.star_history."""

    __tablename__ = "star_history"
    repository_id: Mapped[int] = mapped_column(ForeignKey("repository.id"), primary_key=True)
    days: Mapped[bytes | None] = mapped_column(LargeBinary)  # packed
    pages_read: Mapped[int] = mapped_column(SmallInteger)  # newest first
    pages: Mapped[int | None] = mapped_column(SmallInteger)  # null before GitHub said
    etag: Mapped[str | None] = mapped_column(Text)  # of page 1
    read_at: Mapped[datetime]  # when GitHub told its newest day
    unavailable: Mapped[str | None] = mapped_column(Text)  # why GitHub tells none


class Trouble(Base):
    """A trouble of one repository's with GitHub, or of the token's; it concerns no other."""

    __tablename__ = "trouble"
    subject: Mapped[str] = mapped_column(String(200), primary_key=True)  # `name` in lower case
    name: Mapped[str] = mapped_column(String(200))  # owner/name, GITHUB_TOKEN or clock
    why: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime]
    until: Mapped[datetime]  # if it is not noted again


class Progress(Base):
    """How far a batch has come that works through time, or since when an interval holds."""

    __tablename__ = "progress"
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    until: Mapped[datetime] = mapped_column(Slot)


class Outbox(Base):
    """What a target of NOTIFY is to be told: a row a subject and target, so none is told twice."""

    __tablename__ = "outbox"
    __table_args__ = (sa.Index("ix_outbox_subject", "subject", "target", unique=True),)
    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(300))  # the message's cursor
    target: Mapped[str] = mapped_column(String(32))  # a hash: its URL has secrets
    message: Mapped[dict[str, Any]] = mapped_column(sa.JSON)  # a schemas.Notice
    created_at: Mapped[datetime]
    due_at: Mapped[datetime | None] = mapped_column(index=True)  # null: sent or given up
    tries: Mapped[int] = mapped_column(SmallInteger)
    why: Mapped[str | None] = mapped_column(Text)  # why the last try failed; null: it did not


class Notified(Base):
    """What is known of a target of NOTIFY, or of a trouble that is told to those who want that."""

    __tablename__ = "notified"
    name: Mapped[str] = mapped_column(String(300), primary_key=True)  # what kind it is, and which
    cursor: Mapped[int | None] = mapped_column(BigInteger)  # the last event put into the outbox
    why: Mapped[str | None] = mapped_column(Text)
    since: Mapped[datetime | None]  # since when a target takes nothing, or a trouble lasts
    seen_at: Mapped[datetime]
    told_at: Mapped[datetime | None]


class Standing(Base):
    """A repository's rank on a list now, by the last published build."""

    __tablename__ = "standing"
    __table_args__ = CLUSTERED
    repository_id: Mapped[int] = mapped_column(ForeignKey("repository.id"), primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("list.id"), primary_key=True)
    rank: Mapped[int] = mapped_column(SmallInteger)


class Document(Base):
    """A reply, ready to send."""

    __tablename__ = "document"
    name: Mapped[str] = mapped_column(String(150), primary_key=True)
    unzipped: Mapped[bytes] = mapped_column("body", LargeBinary)  # empty but in older builds
    gzipped: Mapped[bytes] = mapped_column(LargeBinary)
    etag: Mapped[str] = mapped_column(String(64))  # without quotes
    as_of: Mapped[datetime | None] = mapped_column(Slot)
    built_at: Mapped[datetime]
    next_build_at: Mapped[datetime]
    made_from: Mapped[str | None] = mapped_column(Text)  # of a list: see store.sources

    @property
    def body(self) -> bytes:
        return self.unzipped or gzip.decompress(self.gzipped)


class RateLimitState(Base):
    """The state of one of GitHub's limits: core.rate_limit.Allowance, shared by all workers."""

    __tablename__ = "budget"
    resource: Mapped[str] = mapped_column(String(10), primary_key=True)  # search, core, search-ip…
    next_at: Mapped[datetime]
    blocked_until: Mapped[datetime]
    undated_refusals: Mapped[int] = mapped_column("strikes", key="undated_refusals")
    limit: Mapped[int | None]
    remaining: Mapped[int | None]
    reset_at: Mapped[datetime | None]
    saved_at: Mapped[datetime | None]  # null: by a version that did not note it
    urgent_at: Mapped[datetime | None]  # of the newest request that somebody waits for
    spent_until: Mapped[datetime | None]  # null: by a version that did not note it


class Turn(Base):
    """A moment of one of GitHub's limits that is reserved for work that was put back until then."""

    __tablename__ = "turn"
    resource: Mapped[str] = mapped_column(String(10), primary_key=True)  # as of RateLimitState
    work: Mapped[str] = mapped_column(String(220), primary_key=True)  # poll-python, history, …
    at: Mapped[datetime]
