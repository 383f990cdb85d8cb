"""Readings in, documents out: what a gain is told against, and what adds up to what."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core import leaderboards, lists, schemas, star_history, windows
from core.clock import DAY, HOUR
from core.schemas import Gain, Gains
from core.star_history import StarDays, ToldDays
from core.windows import WINDOWS, Baselines, Counts, Profile, RankedRepository, Snapshot, Window

AS_OF = datetime(2026, 3, 10, 12, 40, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NOTHING = Baselines({}, {})
NO_GAINS: Gains = {"1h": None, "24h": None, "7d": None, "30d": None, "365d": None}
WINDOW = {window.name: window for window in WINDOWS}


def counts(stars: int = 500, slot: datetime = AS_OF, forks: int = 40) -> Counts:
    return Counts(slot, stars, forks, open_issues=3)


def profile(id: int = 7, **changes: Any) -> Profile:
    made = Profile(
        id=id,
        full_name=f"quiet/harbor-{id}",
        language="C++",
        description="Boats, moored",
        html_url=f"https://github.com/quiet/harbor-{id}",
        pushed_at=AS_OF - HOUR,
    )
    return replace(made, **changes)


def standing(
    rank: int | None = 1, id: int = 7, stars: int = 500, **changes: Any
) -> RankedRepository:
    return RankedRepository(rank, profile(id, **changes), counts(stars))


def snapshot(
    *standings: RankedRepository, history: Baselines = NOTHING, **changes: Any
) -> Snapshot:
    made = Snapshot(
        ranked=lists.KNOWN["cpp"],
        as_of=AS_OF,
        fetched_at=AS_OF + timedelta(seconds=7.25),
        suspect=False,
        standings=standings,
        history=history,
    )
    return replace(made, **changes)


def board(*standings: RankedRepository, history: Baselines = NOTHING) -> schemas.Leaderboard:
    built_at = AS_OF + 5 * MINUTE
    return leaderboards.leaderboard(snapshot(*standings, history=history), built_at, AS_OF + HOUR)


# Windows


@pytest.mark.parametrize(
    ("window", "start"),
    [
        ("1h", "2026-03-10T11:40:00Z"),
        ("24h", "2026-03-09T12:40:00Z"),
        ("7d", "2026-03-03T12:00:00Z"),
        ("30d", "2026-02-08T12:00:00Z"),
        ("365d", "2025-03-10T00:00:00Z"),
    ],
)
def test_long_windows_start_at_the_hour_or_the_day(window: str, start: str) -> None:
    assert WINDOW[window].start(AS_OF) == datetime.fromisoformat(start)


@pytest.mark.parametrize(("window", "kept"), [("7d", HOUR), ("30d", HOUR), ("365d", DAY)])
def test_thinning_old_readings_to_the_last_in_each_span_changes_no_baseline(
    window: str, kept: timedelta
) -> None:
    starts = [WINDOW[window].start(AS_OF + n * MINUTE) for n in range(24 * 60)]

    assert {(start - datetime.min.replace(tzinfo=UTC)) % kept for start in starts} == {timedelta()}


# Gains


def test_a_gain_says_what_it_is_told_against() -> None:
    then = counts(stars=488, slot=AS_OF - DAY - 10 * MINUTE, forks=42)
    history = Baselines({("24h", 7): then, ("24h", 8): counts(1)}, {("24h", 7): 5})

    gains = windows.gains(standing(rank=3), history)

    gain: Gain = {
        "stars": 12,
        "forks": -2,
        "rank": 2,
        "since": "2026-03-09T12:30:00Z",
        "source": "reading",
    }
    assert gains == {**NO_GAINS, "24h": gain}


@pytest.mark.parametrize(
    ("window", "tolerance"),
    [*zip(WINDOWS, (HOUR / 4, 6 * HOUR, 42 * HOUR, 7 * DAY, 7 * DAY), strict=True)],
)
def test_a_baseline_lies_a_quarter_of_the_window_before_its_start_at_most_and_a_week(
    window: Window, tolerance: timedelta
) -> None:
    oldest = window.start(AS_OF) - tolerance

    def told_against(slot: datetime) -> Gain | None:
        history = Baselines({(window.name, 7): counts(slot=slot)}, {})
        return windows.gains(standing(), history)[window.name]

    assert told_against(oldest) is not None
    assert told_against(oldest - timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    ("rank", "rank_then", "climbed"),
    [(3, 7, 4), (7, 3, -4), (3, 3, 0), (3, None, None), (None, 3, None)],
)
def test_a_rank_gain_is_places_climbed_if_it_was_and_is_listed(
    rank: int | None, rank_then: int | None, climbed: int | None
) -> None:
    then = counts(slot=AS_OF - HOUR)
    ranks = {("24h", 7): 99, ("1h", 8): 98} | ({("1h", 7): rank_then} if rank_then else {})

    gain = windows.gains(standing(rank), Baselines({("1h", 7): then}, ranks))["1h"]

    assert gain == {
        "stars": 0,
        "forks": 0,
        "rank": climbed,
        "since": "2026-03-10T11:40:00Z",
        "source": "reading",
    }


# Leaderboards


def test_a_leaderboard_is_the_snapshot_with_gains() -> None:
    then = counts(stars=400, slot=AS_OF - HOUR)
    history = Baselines({("1h", 7): then}, {("1h", 7): 2})
    bare = standing(
        2, id=8, stars=300, full_name="a/b", language=None, description=None, pushed_at=None
    )

    document = leaderboards.leaderboard(
        snapshot(standing(1), bare, history=history, suspect=True),
        now=AS_OF + 5 * MINUTE,
        next_build_at=AS_OF + 20 * MINUTE,
    )

    assert document == {
        "list": "cpp",
        "title": "C++",
        "as_of": "2026-03-10T12:40:00Z",
        "fetched_at": "2026-03-10T12:40:07.250Z",
        "built_at": "2026-03-10T12:45:00Z",
        "next_build_at": "2026-03-10T13:00:00Z",
        "suspect": True,
        "count": 2,
        "items": [
            {
                "rank": 1,
                "full_name": "quiet/harbor-7",
                "owner": "quiet",
                "name": "harbor-7",
                "stars": 500,
                "forks": 40,
                "open_issues": 3,
                "language": "C++",
                "description": "Boats, moored",
                "html_url": "https://github.com/quiet/harbor-7",
                "pushed_at": "2026-03-10T11:40:00Z",
                "gains": {
                    **NO_GAINS,
                    "1h": {
                        "stars": 100,
                        "forks": 0,
                        "rank": 1,
                        "since": "2026-03-10T11:40:00Z",
                        "source": "reading",
                    },
                },
            },
            {
                "rank": 2,
                "full_name": "a/b",
                "owner": "a",
                "name": "b",
                "stars": 300,
                "forks": 40,
                "open_issues": 3,
                "language": None,
                "description": None,
                "html_url": "https://github.com/quiet/harbor-8",
                "pushed_at": None,
                "gains": NO_GAINS,
            },
        ],
    }


def test_the_index_names_every_list_with_or_without_data() -> None:
    stars, cpp, zig = lists.KNOWN["stars"], lists.KNOWN["cpp"], lists.language("Zig")
    suspect = leaderboards.leaderboard(snapshot(standing(), suspect=True), AS_OF, AS_OF)
    entries = {
        "stars": leaderboards.entry_of(stars, board()),
        "cpp": leaderboards.entry_of(cpp, suspect),
    }

    assert leaderboards.list_index([stars, cpp, zig], entries) == {
        "items": [
            {
                "slug": "stars",
                "title": "Stars",
                "as_of": "2026-03-10T12:40:00Z",
                "count": 0,
                "suspect": False,
                "url": "/api/v1/lists/stars",
            },
            {
                "slug": "cpp",
                "title": "C++",
                "as_of": "2026-03-10T12:40:00Z",
                "count": 1,
                "suspect": True,
                "url": "/api/v1/lists/cpp",
            },
            {
                "slug": "zig",
                "title": "Zig",
                "as_of": None,
                "count": 0,
                "suspect": False,
                "url": "/api/v1/lists/zig",
            },
        ]
    }


# Totals

UNKNOWN = {name: {"stars": 0, "repositories": 0, "github": 0} for name in WINDOW}


def test_languages_add_up_those_without_one_too_and_gains_those_with_a_baseline() -> None:
    history = Baselines(
        {
            ("1h", 1): counts(stars=90, slot=AS_OF - HOUR),
            ("1h", 3): counts(stars=31, slot=AS_OF - HOUR),
            ("24h", 3): counts(stars=20, slot=AS_OF - DAY),
            ("24h", 1): counts(stars=1, slot=AS_OF - 3 * DAY),  # too old
        },
        {},
    )
    listed = board(
        standing(1, id=1, stars=100, language="Zig"),
        standing(2, id=2, stars=50, language=None),
        standing(3, id=3, stars=30, language="Zig"),
        standing(4, id=4, stars=20, language="Zig"),
        history=history,
    )

    assert leaderboards.languages(listed) == {
        "list": "cpp",
        "as_of": "2026-03-10T12:40:00Z",
        "built_at": "2026-03-10T12:45:00Z",
        "items": [
            {
                "language": "Zig",
                "repositories": 3,
                "stars": 150,
                "gains": {
                    **UNKNOWN,
                    "1h": {"stars": 9, "repositories": 2, "github": 0},
                    "24h": {"stars": 10, "repositories": 1, "github": 0},
                },
            },
            {"language": None, "repositories": 1, "stars": 50, "gains": UNKNOWN},
        ],
    }


def test_owners_add_up() -> None:
    listed = board(
        standing(1, id=1, stars=60, full_name="quiet/a"),
        standing(2, id=2, stars=50, full_name="busy/b"),
        standing(3, id=3, stars=20, full_name="busy/c"),
    )

    assert leaderboards.owners(listed) == {
        "list": "cpp",
        "as_of": "2026-03-10T12:40:00Z",
        "built_at": "2026-03-10T12:45:00Z",
        "items": [
            {"owner": "busy", "repositories": 2, "stars": 70, "gains": UNKNOWN},
            {"owner": "quiet", "repositories": 1, "stars": 60, "gains": UNKNOWN},
        ],
    }


def test_totals_of_as_many_stars_come_by_name_in_any_case() -> None:
    languages = ["zig", "C", None, "Ada", "Go"]
    listed = board(
        *(standing(n, id=n, stars=10, language=name) for n, name in enumerate(languages)),
        standing(9, id=9, stars=1, language="zig"),
    )

    items = leaderboards.languages(listed)["items"]

    assert [item["language"] for item in items] == ["zig", None, "Ada", "C", "Go"]


def test_lists_without_repositories_have_empty_totals() -> None:
    empty = board()

    assert (empty["count"], empty["items"]) == (0, [])
    assert leaderboards.languages(empty)["items"] == []
    assert leaderboards.owners(empty)["items"] == []


# Repositories


@pytest.mark.parametrize(("rank", "climbed"), [(3, 2), (None, None)])
def test_a_repository_has_its_figures_and_its_places(rank: int | None, climbed: int | None) -> None:
    then = counts(stars=400, slot=AS_OF - 8 * DAY)
    history = Baselines({("7d", 7): then}, {("7d", 7): 5})

    told: schemas.HistoryStatus = {
        "state": "none",
        "from": None,
        "pages_read": 0,
        "pages": None,
        "why": None,
    }

    ranks = {"forks": 9, "cpp": 2}
    document = leaderboards.repository(standing(rank), history, ranks, told, followed=True)

    assert document == {
        "full_name": "quiet/harbor-7",
        "owner": "quiet",
        "name": "harbor-7",
        "stars": 500,
        "forks": 40,
        "open_issues": 3,
        "language": "C++",
        "description": "Boats, moored",
        "html_url": "https://github.com/quiet/harbor-7",
        "pushed_at": "2026-03-10T11:40:00Z",
        "followed": True,
        "history": told,
        "gains": {
            **NO_GAINS,
            "7d": {
                "stars": 100,
                "forks": 0,
                "rank": climbed,
                "since": "2026-03-02T12:40:00Z",
                "source": "reading",
            },
        },
        "rank": rank,
        "as_of": "2026-03-10T12:40:00Z",
        "ranks": [{"list": "forks", "rank": 9}, {"list": "cpp", "rank": 2}],
        "links": {
            "self": "/api/v1/repos/quiet/harbor-7",
            "github": "https://github.com/quiet/harbor-7",
        },
    }


# Movers


def test_movers_come_by_what_their_list_counts_largest_gain_first_then_by_rank() -> None:
    then = counts(400, AS_OF - DAY, forks=40)
    baselines = {
        ("24h", 1): replace(then, stars=500, forks=10),
        ("24h", 2): replace(then, stars=300, forks=30),
        ("24h", 4): replace(then, stars=600, forks=50),
        ("24h", 5): replace(then, stars=300, forks=30),
        ("7d", 3): replace(then, slot=AS_OF - 7 * DAY),
    }
    history = Baselines(baselines, {("24h", 2): 9})
    shown = board(*(standing(number, number) for number in range(1, 6)), history=history)

    by_stars = leaderboards.movers(shown, "24h", "stars")
    by_forks = leaderboards.movers(shown, "24h", "forks")

    head = {name: by_stars[name] for name in ("list", "window", "as_of", "built_at")}
    assert head == {
        "list": "cpp",
        "window": "24h",
        "as_of": "2026-03-10T12:40:00Z",
        "built_at": "2026-03-10T12:45:00Z",
    }
    assert [(it["rank"], it["gain"]) for it in by_stars["items"]] == [
        (2, 200),
        (5, 200),
        (1, 0),
        (4, -100),
    ]
    assert [(it["rank"], it["gain"]) for it in by_forks["items"]] == [
        (1, 30),
        (2, 10),
        (5, 10),
        (4, -10),
    ]
    assert by_stars["items"][0] == {
        "full_name": "quiet/harbor-2",
        "rank": 2,
        "stars": 500,
        "forks": 40,
        "gain": 200,
        "percent": 66.67,
        "rank_gain": 7,
        "since": "2026-03-09T12:40:00Z",
        "source": "reading",
    }


def test_movers_by_percent_are_of_those_that_had_a_hundred_and_exact_where_told_alike() -> None:
    then = counts(400, AS_OF - DAY)
    stars_then = {1: 400, 2: 100, 3: 99, 4: 0, 5: 80_000, 6: 70_000}
    baselines = {("24h", n): replace(then, stars=stars) for n, stars in stars_then.items()}
    now = {1: 500, 2: 200, 3: 900, 4: 50, 5: 80_001, 6: 70_001}
    shown = board(
        *(standing(n, n, stars) for n, stars in now.items()),
        history=Baselines(baselines, {}),
    )

    by_gain = leaderboards.movers(shown, "24h", "stars")
    by_percent = leaderboards.by_percent(by_gain, "stars")

    assert {it["rank"]: it["percent"] for it in by_gain["items"]} == {
        **{1: 25.0, 2: 100.0, 3: 809.09, 4: None, 5: 0.0, 6: 0.0}
    }
    assert [it["rank"] for it in by_percent["items"]] == [2, 1, 6, 5]
    assert {**by_percent, "items": None} == {**by_gain, "items": None}


def test_movers_of_a_list_without_baselines_are_none() -> None:
    assert leaderboards.movers(board(standing()), "1h", "stars")["items"] == []


# Gains by GitHub's days


def told(first: date, *days: int, read_at: datetime = AS_OF, whole: bool = True) -> ToldDays:
    return ToldDays(star_history.pack(StarDays(first, days)), read_at, whole)


def test_a_gain_without_a_reading_is_told_by_githubs_days() -> None:
    days = told(date(2026, 1, 4), *range(1, 67))  # up to 10 March
    reading = {("24h", 7): counts(stars=490, slot=AS_OF - DAY)}

    gains = windows.gains(standing(), Baselines(reading, {}, {7: days}))

    since_week: Gain = {
        "stars": sum(range(59, 66)),  # 3 to 9 March
        "forks": None,
        "rank": None,
        "since": "2026-03-03T08:00:00Z",
        "until": "2026-03-10T07:00:00Z",  # summer time began meanwhile
        "source": "github",
    }
    assert gains["7d"] == since_week
    assert gains["24h"] is not None and gains["24h"]["source"] == "reading"
    assert gains["1h"] is None
    assert gains["365d"] is not None and gains["365d"]["stars"] == sum(range(1, 66))


def test_days_that_are_not_all_there_are_tell_no_gain_from_before_them() -> None:
    days = told(date(2026, 1, 4), *range(1, 67), whole=False)

    gains = windows.gains(standing(), Baselines({}, {}, {7: days}))

    assert gains["365d"] is None
    assert gains["30d"] is not None


def test_days_that_had_not_ended_when_they_were_read_are_no_days() -> None:
    days = told(date(2026, 1, 4), *range(1, 67), read_at=AS_OF - 2 * DAY)

    gains = windows.gains(standing(), Baselines({}, {}, {7: days}))

    assert gains["7d"] is not None
    assert (gains["7d"]["stars"], gains["7d"]["until"]) == (
        sum(range(59, 64)),
        "2026-03-08T08:00:00Z",
    )


def test_days_that_were_read_long_ago_tell_no_gain() -> None:
    def told_by(days_ago: int) -> set[str]:
        days = told(date(2026, 1, 4), *range(1, 67), read_at=AS_OF - days_ago * DAY - HOUR)
        gains = windows.gains(standing(), Baselines({}, {}, {7: days}))
        return {window for window, gain in gains.items() if gain}

    assert told_by(2) == {"365d"}
    assert told_by(8) == set()


def test_movers_of_forks_have_no_gains_by_githubs_days() -> None:
    history = Baselines({}, {}, {7: told(date(2026, 1, 4), *range(1, 67))})
    board = leaderboards.leaderboard(snapshot(standing(1), history=history), AS_OF, AS_OF)

    by_stars = leaderboards.movers(board, "7d", "stars")["items"]

    assert [(it["gain"], it["source"]) for it in by_stars] == [(sum(range(59, 66)), "github")]
    assert leaderboards.movers(board, "7d", "forks")["items"] == []
    assert leaderboards.owners(board)["items"][0]["gains"]["7d"] == {
        "stars": sum(range(59, 66)),
        "repositories": 1,
        "github": 1,
    }
