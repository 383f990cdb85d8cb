"""What is followed, as types: what /api/v1/follows takes and gives."""

from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from core.schemas import Gains, HistoryStatus, Time

FollowState = Literal["waiting", "sampled", "trouble"]


class FollowedRepository(TypedDict):
    """`state`: no reading of it yet; sampled; or what keeps it from being so is in `trouble`."""

    full_name: str
    followed_since: Time
    state: FollowState
    as_of: Annotated[Time | None, Meta(description="The slot of its newest reading.")]
    stars: int | None
    gains: Gains
    history: HistoryStatus
    trouble: str | None


class FollowedOwner(TypedDict):
    """An owner of whom all repositories are followed: `full_name` is `owner/*`, and `repositories`
    how many are followed because of it. `forks` and `archived`: such ones, too."""

    full_name: str
    followed_since: Annotated[Time | None, Meta(description="Null: by the setting WATCH.")]
    forks: bool
    archived: bool
    repositories: int
    read_at: Annotated[Time | None, Meta(description="Null: not read to the end yet.")]
    trouble: str | None


class WishedList(TypedDict):
    """The names of a list: `new` ones, those that were `known` here already, and those that are
    `unknown` to GitHub, as it said within the hour."""

    new: list[str]
    known: list[str]
    unknown: list[str]


class FollowPage(TypedDict):
    """Followed repositories in order of their names; `next`: what to ask for to get those behind
    them, null at the end. `owners` and `unknown`, the names that somebody wanted to follow and
    GitHub has not, are on the first page, all of them, whatever the filters."""

    items: list[FollowedRepository]
    owners: list[FollowedOwner]
    unknown: list[str]
    next: str | None
