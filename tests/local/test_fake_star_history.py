"""The fake GitHub tells a star history as GitHub does: weeks of Los Angeles' days, in pages."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient

from core.clock import DAY, HOUR
from core.lists import KNOWN, RankedList
from core.star_history import StarDays, day_of
from local.fake_github.api import create_fake_github
from local.fake_github.archive_world import ArchiveWorld
from local.fake_github.faults import FaultInjector
from local.fake_github.worlds import BORN, FakeRepository, MadeUpWorld, World

NOON = datetime(2026, 10, 2, 12, tzinfo=UTC)  # a Friday, at 5 in the morning in Los Angeles
TODAY = date(2026, 10, 2)
TOKEN = {"Authorization": "Bearer right"}
PATH = "/repos/quiet/harbor/stargazers/history"

Told = list[dict[str, Any]]


class OneRepository:
    """A repository whose days are those that the test says, the last of them today."""

    def __init__(self, *days: int, old_name: str = "quiet/pier") -> None:
        self.days = days
        self.old_name = old_name

    def repo(self, at: datetime) -> FakeRepository:
        return FakeRepository(7, "quiet/harbor", sum(self.days), 3, 2, "Python", None, NOON)

    def star_days(self, repo: FakeRepository, at: datetime) -> StarDays:
        return StarDays(day_of(at) - (len(self.days) - 1) * DAY, self.days)

    def search(self, ranked: RankedList, floor: int, at: datetime) -> list[FakeRepository]:
        return [self.repo(at)]

    def by_name(self, full_name: str, at: datetime) -> FakeRepository | None:
        return self.repo(at) if full_name.lower() == "quiet/harbor" else None

    def by_id(self, github_id: int, at: datetime) -> FakeRepository | None:
        return self.repo(at) if github_id == 7 else None

    def renamed(self, full_name: str, at: datetime) -> int | None:
        return 7 if full_name.lower() == self.old_name else None


def client_of(
    world: World, at: datetime | Callable[[], datetime] = NOON, **options: Any
) -> FlaskClient:
    clock = (lambda: at) if isinstance(at, datetime) else at
    return create_fake_github(world, clock=clock, **options).test_client()


def links(answer: Any) -> dict[str, str]:
    found = httpx.Response(200, headers=dict(answer.headers)).links
    return {relation: link["url"] for relation, link in found.items()}


def whole(client: FlaskClient, path: str) -> Told:
    """All weeks, newest first."""
    weeks: Told = []
    page = 1
    while True:
        answer = client.get(f"{path}?page={page}", headers=TOKEN)
        assert answer.status_code == 200
        if not answer.json:
            return weeks
        weeks += answer.json
        page += 1


def by_day(weeks: Told) -> dict[date, int]:
    return {
        datetime.fromtimestamp(week["week"], UTC).date() + number * DAY: count
        for week in reversed(weeks)
        for number, count in enumerate(week["days"])
    }


def total(weeks: Told) -> int:
    return sum(week["total"] for week in weeks)


def seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def test_weeks_begin_on_sundays_and_come_newest_first() -> None:
    answer = client_of(OneRepository(1, 2, 3, 4, 5, 6, 7, 8, 9)).get(PATH)

    assert answer.json == [
        {"week": seconds(date(2026, 9, 27)), "total": 39, "days": [4, 5, 6, 7, 8, 9, 0]},
        {"week": seconds(date(2026, 9, 20)), "total": 6, "days": [0, 0, 0, 0, 1, 2, 3]},
    ]
    assert answer.headers["Cache-Control"] == "max-age=60"
    assert answer.headers["X-RateLimit-Resource"] == "core"


@pytest.mark.parametrize(
    ("at", "sunday"),
    [
        (datetime(2026, 10, 4, 6, 59, tzinfo=UTC), date(2026, 9, 27)),
        (datetime(2026, 10, 4, 7, tzinfo=UTC), date(2026, 10, 4)),
        (datetime(2026, 12, 6, 7, 59, tzinfo=UTC), date(2026, 11, 29)),
        (datetime(2026, 12, 6, 8, tzinfo=UTC), date(2026, 12, 6)),
    ],
)
def test_a_week_begins_at_midnight_in_los_angeles(at: datetime, sunday: date) -> None:
    answer = client_of(OneRepository(1), at).get(PATH)

    assert answer.json[0]["week"] == seconds(sunday)


def test_weeks_are_of_604800_seconds_over_changes_of_daylight_saving() -> None:
    weeks = whole(client_of(OneRepository(*[1] * 800)), PATH)

    assert {one["week"] - other["week"] for one, other in pairwise(weeks)} == {604_800}


# Pages


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", 30),
        ("?per_page=100", 30),
        ("?per_page=5", 5),
        ("?page=3", 6),
        ("?page=4", 0),
        ("?page=101", 0),
        ("?per_page=x&page=0", 30),
    ],
)
def test_a_page_has_30_weeks_at_most(query: str, shown: int) -> None:
    world = OneRepository(*[1] * (65 * 7 + 6))

    assert len(client_of(world).get(PATH + query).json) == shown


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (1, {"next": 2, "last": 3}),
        (2, {"prev": 1, "next": 3, "last": 3, "first": 1}),
        (3, {"prev": 2, "first": 1}),
        (9, {"prev": 3, "first": 1}),
    ],
)
def test_links_name_the_repository_by_its_id(page: int, expected: dict[str, int]) -> None:
    world = OneRepository(*[1] * (65 * 7))

    answer = client_of(world).get(f"{PATH}?per_page=30&page={page}")

    assert links(answer) == {
        relation: f"http://localhost/repositories/7/stargazers/history?per_page=30&page={number}"
        for relation, number in expected.items()
    }


def test_a_single_page_has_no_links() -> None:
    assert "Link" not in client_of(OneRepository(1)).get(PATH).headers


def test_no_page_after_the_hundredth_is_given() -> None:
    client = client_of(OneRepository(*[1] * (120 * 7)))

    answer = client.get(f"{PATH}?per_page=1&page=100")

    assert (len(answer.json), set(links(answer))) == (1, {"prev", "first"})
    assert client.get(f"{PATH}?per_page=1&page=101").json == []


def test_an_unchanged_page_is_304_without_links_and_free_with_a_token() -> None:
    client = client_of(OneRepository(*[1] * 300))
    first = client.get(PATH, headers=TOKEN)

    again = client.get(PATH, headers={**TOKEN, "If-None-Match": first.headers["ETag"]})

    assert first.headers["ETag"].startswith('W/"')
    assert "Link" in first.headers
    assert (again.status_code, again.data, again.headers.get("Link")) == (304, b"", None)
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["X-RateLimit-Used"] == first.headers["X-RateLimit-Used"] == "1"


def test_an_etag_is_of_the_page_as_it_was() -> None:
    world = OneRepository(*[1] * 300)
    client = client_of(world)
    etag = client.get(PATH).headers["ETag"]
    world.days = (*[1] * 299, 2)

    assert client.get(PATH, headers={"If-None-Match": etag}).status_code == 200


# Whose history it is


def test_a_history_is_found_by_id() -> None:
    client = client_of(OneRepository(1, 2))

    assert client.get("/repositories/7/stargazers/history").json == client.get(PATH).json
    assert client.get("/repositories/8/stargazers/history").status_code == 404


@pytest.mark.parametrize("prefix", ["", "/api/v3"])
def test_an_old_name_leads_to_the_same_page_by_id(prefix: str) -> None:
    client = client_of(OneRepository(*[1] * 300))

    answer = client.get(f"{prefix}/repos/Quiet/pier/stargazers/history?per_page=30&page=2")

    moved = f"{prefix}/repositories/7/stargazers/history?per_page=30&page=2"
    assert (answer.status_code, answer.location) == (301, f"http://localhost{moved}")
    assert client.get(moved).json == client.get(f"{PATH}?page=2").json


def test_an_unknown_name_is_404_and_counted() -> None:
    answer = client_of(OneRepository(1)).get("/repos/quiet/nothing/stargazers/history")

    assert (answer.status_code, answer.json["message"]) == (404, "Not Found")
    assert answer.headers["X-RateLimit-Used"] == "1"


def test_a_count_is_given_alone() -> None:
    client = client_of(OneRepository(1, 2))

    assert client.get("/repos/Quiet/Harbor/stargazers/count").json == {"count": 3}
    assert client.get("/repositories/7/stargazers/count").json == {"count": 3}
    assert client.get("/repos/quiet/pier/stargazers/count").status_code == 301


def test_an_enterprise_server_has_no_star_history() -> None:
    client = client_of(OneRepository(1), star_history=False)

    answer = client.get(f"/api/v3{PATH}")

    assert (answer.status_code, answer.json["message"]) == (404, "Not Found")
    assert answer.headers["X-RateLimit-Used"] == "1"
    assert client.get("/repos/quiet/harbor").status_code == 200


def test_what_is_withheld_of_a_repository_is_withheld_of_its_history() -> None:
    faults = FaultInjector()
    faults.withheld["quiet/harbor"] = "blocked"

    assert client_of(OneRepository(1), faults=faults).get(PATH).status_code == 403


# Made-up pasts

MADE_UP = MadeUpWorld(size_per_language=3, languages=["C++", "Zig"])
COURSES = [repo.full_name for repo in MADE_UP.search(KNOWN["stars"], 0, BORN)]


@pytest.mark.parametrize("full_name", COURSES)
@pytest.mark.parametrize("at", [BORN, NOON, NOON + 400 * DAY, BORN - 35 * DAY], ids=str)
def test_a_made_up_past_adds_up_to_the_stars(full_name: str, at: datetime) -> None:
    client = client_of(MADE_UP, at)
    weeks = whole(client, f"/repos/{full_name}/stargazers/history")

    repo = client.get(f"/repos/{full_name}").json
    created = day_of(datetime.fromisoformat(repo["created_at"]))
    days = by_day(weeks)
    assert total(weeks) == repo["stargazers_count"]
    assert all(count >= 0 for count in days.values())
    assert next(iter(days)) == created - created.isoweekday() % 7 * DAY
    assert not any(count for day, count in days.items() if day > day_of(at))


def test_a_past_begins_with_weeks_without_stars_and_has_no_leap_where_the_world_began() -> None:
    client = client_of(MADE_UP)

    for full_name in COURSES:
        days = by_day(whole(client, f"/repos/{full_name}/stargazers/history"))
        around = [days[day_of(BORN) + number * DAY] for number in range(-30, 30)]
        assert list(days.values())[0] == 0
        assert max(around) < 0.03 * sum(days.values())


def test_past_days_stay_but_for_stars_that_are_taken_back() -> None:
    path = f"/repos/{COURSES[0]}/stargazers/history"
    moments = [NOON + number * HOUR for number in range(0, 48, 4)]
    told = [by_day(whole(client_of(MADE_UP, at), path)) for at in moments]

    lowered = 0
    for before, after in pairwise(told):
        past = list(before)[: list(before).index(TODAY)]
        changes = [after[day] - before[day] for day in past]
        lowered += sum(change < 0 for change in changes)
        assert sum(map(abs, changes)) <= 16
    assert lowered
    fills_up = [days[TODAY] for days in told[:5]]
    assert fills_up[0] < fills_up[-1]


def test_a_past_follows_from_the_seed() -> None:
    path = f"/repos/{COURSES[0]}/stargazers/history"
    other = MadeUpWorld(size_per_language=3, languages=["C++", "Zig"])

    assert whole(client_of(other), path) == whole(client_of(MADE_UP), path)


def test_an_archive_has_a_plausible_past(tmp_path: Path) -> None:
    header = "rank,item,repo_name,stars,forks,language,repo_url,username,issues,last_commit"
    for day, stars in (("2025-12-31", 5_000), ("2026-10-01", 5_400)):
        row = f"1,top-100-stars,harbor,{stars},3,Python,https://h,quiet,2,2026-01-01T00:00:00Z"
        file = tmp_path / f"github-ranking-{day}.csv"
        file.write_text(f"{header},description\n{row},Boats\n")
    world = ArchiveWorld(tmp_path, lambda at: at.date())

    weeks = whole(client_of(world), PATH)

    days = by_day(weeks)
    assert total(weeks) == 5_400
    assert len(weeks) == len(range(seconds(date(2008, 12, 28)), seconds(TODAY), 604_800))
    assert sum(count for day, count in days.items() if day >= date(2025, 12, 31)) == 400
    assert max(days.values()) < 100


@pytest.mark.parametrize("age", [timedelta(0), timedelta(days=-3), timedelta(days=30), 999 * DAY])
def test_a_young_repository_has_a_past_too(age: timedelta) -> None:
    class Young(MadeUpWorld):
        star_days = None  # type: ignore[assignment]

        def by_id(self, github_id: int, at: datetime) -> FakeRepository | None:
            return FakeRepository(7, "a/b", 90, 3, 2, None, None, NOON, created_at=NOON - age)

    weeks = whole(client_of(Young()), "/repositories/7/stargazers/history")

    assert total(weeks) == 90
    assert all(count >= 0 for count in by_day(weeks).values())
