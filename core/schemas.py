"""The documents as types: what the API gives and /openapi.json describes."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

# Documents describe themselves, for /openapi.json: a `Meta` says what a type cannot.
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]

OpenIssues = Annotated[
    int | None,
    Meta(
        description="Open pull requests among them; null: not known, as of imported days since "
        "2021-08-20."
    ),
]


Source = Literal["reading", "github"]


class Gain(TypedDict):
    """The gain since `since`: the slot of the reading it is told against, or, where there is none,
    the midnight in Los Angeles from which on GitHub's days are summed, up to `until`. Those count
    the stars that stand today, and nothing else."""

    stars: int
    forks: Annotated[int | None, Meta(description="Null: GitHub does not tell.")]
    rank: Annotated[int | None, Meta(description="Places climbed; null: was not listed then.")]
    since: Time
    until: NotRequired[Time]
    source: Source


Gains = dict[str, Gain | None]  # by window; None: no reading near enough to its start


class RepositoryFacts(TypedDict):
    """A repository: figures, profile and gains."""

    full_name: str
    owner: str
    name: str
    stars: int
    forks: int
    open_issues: OpenIssues
    language: str | None
    description: str | None
    html_url: str
    pushed_at: Time | None
    gains: Gains


class Item(RepositoryFacts):
    rank: int


class ListRank(TypedDict):
    list: str
    rank: int


class Leaderboard(TypedDict):
    list: str
    title: str
    as_of: Annotated[Time, Meta(description="The slot of the poll shown.")]
    fetched_at: Annotated[Time, Meta(description="When GitHub said it.")]
    built_at: Time
    next_build_at: Time
    suspect: Annotated[
        bool, Meta(description="GitHub's newest answers contradict this and are not believed.")
    ]
    count: int
    items: list[Item]


class ListEntry(TypedDict):
    slug: str
    title: str
    as_of: Annotated[Time | None, Meta(description="Null: not polled with success yet.")]
    count: int
    suspect: bool
    url: str


class ListIndex(TypedDict):
    items: list[ListEntry]


class Mover(TypedDict):
    """A gain of what the list counts, and of ranks, since the reading it is told against, or by
    GitHub's days."""

    full_name: str
    rank: int
    stars: int
    forks: int
    gain: int
    percent: Annotated[
        float | None, Meta(description="The gain of what there was; null: there was nothing.")
    ]
    rank_gain: int | None
    since: Time
    source: Source


class Movers(TypedDict):
    list: str
    window: str
    as_of: Time
    built_at: Time
    items: list[Mover]


class TotalGain(TypedDict):
    """The gain of those members that have one, how many they are, and for how many of them it is
    told by GitHub's days."""

    stars: int
    repositories: int
    github: int


class Total(TypedDict):
    repositories: int
    stars: int
    gains: dict[str, TotalGain]  # by window


class LanguageTotal(Total):
    language: Annotated[
        str | None, Meta(description="Null: repositories in which GitHub finds no language.")
    ]


class OwnerTotal(Total):
    owner: str


class LanguageTotals(TypedDict):
    list: str
    as_of: Time
    built_at: Time
    items: list[LanguageTotal]


class OwnerTotals(TypedDict):
    list: str
    as_of: Time
    built_at: Time
    items: list[OwnerTotal]


HistoryState = Literal["none", "queued", "partial", "complete", "unavailable"]

HistoryStatus = TypedDict(
    "HistoryStatus",
    {
        "state": HistoryState,
        "from": Annotated[Time | None, Meta(description="The start of the first day known.")],
        "pages_read": int,
        "pages": Annotated[int | None, Meta(description="Null: GitHub has not said yet.")],
        "why": Annotated[
            str | None, Meta(description="Why it is unavailable, or was not told when asked.")
        ],
    },
)

"""How much of GitHub's own star history of a repository is here."""


class FollowDocument(TypedDict):
    """A repository that somebody asked for. `position`: how many histories are read before its
    own; null once that is read."""

    full_name: str
    followed: bool
    history: HistoryStatus
    position: int | None


class RepositoryRow(RepositoryFacts):
    """A repository's `rank`, also in its gains, is the one on the list `stars`."""

    rank: int | None
    as_of: Time
    ranks: list[ListRank]


class Repositories(TypedDict):
    items: list[RepositoryRow]


class RepositoryDocument(RepositoryRow):
    followed: bool
    history: HistoryStatus
    links: dict[str, str]


class Point(TypedDict):
    """A reading, its slot and its counts; or the end of a day in Los Angeles and, of the stars that
    stand today, those given until then, as GitHub tells them."""

    at: Time
    stars: int
    forks: Annotated[int | None, Meta(description="Null: GitHub's days do not tell.")]
    open_issues: OpenIssues
    source: Source


Series = TypedDict(
    "Series", {"full_name": str, "step": str, "from": Time, "to": Time, "points": list[Point]}
)

"""A repository's readings over [from, to), the last in each step, and GitHub's days, each."""


class RankPoint(TypedDict):
    """The slot of a poll of the list, and the rank that it gave."""

    at: Time
    rank: Annotated[int | None, Meta(description="Null: it was not on the list.")]


class RankSeries(TypedDict):
    """A repository's ranks on a list, by the last good poll in each step; a step without one has no
    point."""

    full_name: str
    list: str
    step: str
    points: list[RankPoint]


EventKind = Literal["entered", "left", "overtook", "milestone", "spike"]


class EventItem(TypedDict):
    """`detail`: of `entered` and `left` {"rank"}, of `overtook` {"rank", "overtaken"}, of
    `milestone` {"stars"}, of `spike` {"day", "gain", "usual"}: the stars that a repository gained
    on a day (UTC), and what it gained on the median of the 30 days before."""

    cursor: int
    at: Time
    list: str
    kind: EventKind
    full_name: str
    detail: dict[str, Any]


class EventPage(TypedDict):
    """Events, oldest first; `next`: the cursor to ask for what comes after them."""

    items: list[EventItem]
    next: int


class Notice(TypedDict):
    """What a target of NOTIFY is told: an EventItem, or the same of what is no event of a list:
    `trouble` with {"name", "state", "why"}, `digest` with core.digest.Digest, `test` with {}."""

    cursor: int | str  # the same only for the same news
    at: Time
    list: str | None
    kind: str
    full_name: str | None
    detail: dict[str, Any]
