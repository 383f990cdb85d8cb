"""An example of each document for the API's description. The code that makes documents makes these
too, from one made-up repository; what it does not make is written out."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_type_hints

from core import clock, leaderboards, lists
from core.changes import Changes, ListThen, Place, changes
from core.clock import DAY, MINUTE
from core.follow_schemas import FollowPage, WishedList
from core.schemas import (
    EventPage,
    FollowDocument,
    HistoryStatus,
    LanguageTotals,
    Leaderboard,
    ListIndex,
    Movers,
    OwnerTotals,
    RankSeries,
    Repositories,
    RepositoryDocument,
    RepositoryRow,
    Series,
)
from core.windows import Baselines, Counts, Profile, RankedRepository, Snapshot
from monitoring.checks import ToldStatus
from web.badges import Badge, badge_of

STARS = lists.KNOWN["stars"]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BUILD_EVERY = 15 * MINUTE
BUILT_AT = NOON + timedelta(minutes=15, seconds=30)
AS_OF, NEXT_BUILD_AT = clock.rfc3339(NOON), clock.rfc3339(BUILT_AT + BUILD_EVERY)

HELLO_WORLD = RankedRepository(
    3,
    Profile(
        id=1,
        full_name="octocat/hello-world",
        language="Python",
        description="My first repository",
        html_url="https://github.com/octocat/hello-world",
        pushed_at=NOON,
    ),
    Counts(NOON, 312_480, 41_022, 87),
)
BASELINES = Baselines(
    {("24h", 1): Counts(NOON - DAY, 312_168, 41_013, 90)},
    {("24h", 1): 4},
)
SNAPSHOT = Snapshot(STARS, NOON, NOON + timedelta(seconds=20), False, [HELLO_WORLD], BASELINES)

LIST_THEN = ListThen(
    NOON - 30 * DAY, NOON - 30 * DAY, [Place(2, "octocat/spoon-knife", 100, 30_120)]
)

BOARD = leaderboards.leaderboard(SNAPSHOT, BUILT_AT, BUILT_AT + BUILD_EVERY)
HISTORY: HistoryStatus = {
    "state": "complete",
    "from": "2017-05-07T07:00:00Z",
    "pages_read": 17,
    "pages": 17,
    "why": None,
}
RANKS = {"stars": 3, "python": 1}
REPOSITORY = leaderboards.repository(HELLO_WORLD, BASELINES, RANKS, HISTORY, followed=True)

SERIES: Series = {
    "full_name": "octocat/hello-world",
    "step": "1d",
    "from": "2026-11-23T00:00:00Z",
    "to": "2026-11-24T00:00:00Z",
    "points": [
        {
            "at": AS_OF,
            "stars": 312_480,
            "forks": 41_022,
            "open_issues": 87,
            "source": "reading",
        }
    ],
}

EVENTS: EventPage = {
    "items": [
        {
            "cursor": 41,
            "at": AS_OF,
            "list": "stars",
            "kind": "overtook",
            "full_name": "octocat/hello-world",
            "detail": {"rank": 3, "overtaken": "octocat/spoon-knife"},
        }
    ],
    "next": 41,
}

STATUS: ToldStatus = {
    "lists": [
        {
            "slug": "stars",
            "as_of": AS_OF,
            "age_seconds": 312,
            "expected": 144,
            "received": 143,
            "gaps": [{"from": "2026-11-23T03:10:00Z", "to": "2026-11-23T03:20:00Z", "slots": 1}],
            "suspects": [],
            "last_error": None,
        }
    ],
    "watched": [],
    "sampling": {"repositories": 0, "every_seconds": 600},
    "build": {"built_at": AS_OF, "age_seconds": 12, "next_build_at": NEXT_BUILD_AT},
    "queues": [{"name": "default", "queued": 0, "started": 1, "scheduled": 0, "failed": 0}],
    "workers": [
        {
            "name": "4a1cbc18",
            "hostname": "stars.example",
            "pid": 31516,
            "state": "idle",
            "queues": ["default", "low"],
            "last_heartbeat": AS_OF,
        }
    ],
    "next_runs": [{"name": "aggregate", "at": NEXT_BUILD_AT}],
    "jobs": [{"job": "poll", "outcome": "good", "count": 5_143}],
    "github": [],
    "troubles": [],
    "names": {"asked": 3_400, "of": 19_500},
    "wrong": [
        {
            "sentence": "Stars missed polls in the last 2 h.",
            "action": "Look at gaps and last_error of the list in the status.",
            "next_try_at": NEXT_BUILD_AT,
        }
    ],
}

ROW = get_type_hints(RepositoryRow)

EXAMPLES: dict[Any, Any] = {  # type of a reply → an example of it
    dict[str, str]: {"status": "ok"},
    ListIndex: leaderboards.list_index([STARS], {"stars": leaderboards.entry_of(STARS, BOARD)}),
    Leaderboard: BOARD,
    Movers: leaderboards.movers(BOARD, "24h", "stars"),
    Changes: changes(
        BOARD, [HELLO_WORLD.profile.id], "30d", LIST_THEN, {2: [{"list": "c", "rank": 70}]}
    ),
    LanguageTotals: leaderboards.languages(BOARD),
    OwnerTotals: leaderboards.owners(BOARD),
    RepositoryDocument: REPOSITORY,
    Repositories: {"items": [{name: REPOSITORY[name] for name in ROW}]},  # type: ignore[literal-required]
    FollowDocument: {
        "full_name": "octocat/hello-world",
        "followed": True,
        "history": HISTORY,
        "position": None,
    },
    WishedList: {"new": ["octocat/hello-world"], "known": ["octocat/spoon-knife"], "unknown": []},
    FollowPage: {
        "items": [
            {
                "full_name": "octocat/hello-world",
                "followed_since": AS_OF,
                "state": "sampled",
                "as_of": AS_OF,
                "stars": 312_480,
                "gains": REPOSITORY["gains"],
                "history": HISTORY,
                "trouble": None,
            }
        ],
        "owners": [
            {
                "full_name": "github/*",
                "followed_since": AS_OF,
                "forks": False,
                "archived": False,
                "repositories": 412,
                "read_at": AS_OF,
                "trouble": None,
            }
        ],
        "unknown": ["octocat/no-such-thing"],
        "next": None,
    },
    Badge: badge_of(REPOSITORY, "gain", STARS, "24h", BUILD_EVERY),
    Series: SERIES,
    RankSeries: {
        "full_name": "octocat/hello-world",
        "list": "stars",
        "step": "1d",
        "points": [{"at": AS_OF, "rank": 3}],
    },
    EventPage: EVENTS,
    ToldStatus: STATUS,
}
