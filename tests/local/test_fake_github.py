"""The fake GitHub answers as GitHub does, so that what passes against it passes against GitHub."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import jsonschema
import pytest
from flask.testing import FlaskClient

from core import lists
from local.fake_github.__main__ import main
from local.fake_github.api import create_fake_github
from local.fake_github.archive_world import ArchiveWorld
from local.fake_github.limits import Quota
from local.fake_github.qualifiers import parse_query
from local.fake_github.serving import serve
from local.fake_github.state import Record
from local.fake_github.worlds import BORN, FakeRepository, MadeUpWorld, World
from tests.support.common import SHARED

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
STARS, FORKS, PYTHON = (lists.KNOWN[slug] for slug in ("stars", "forks", "python"))
TOKEN = {"Authorization": "Bearer right"}


def repo(github_id: int = 1, **changes: Any) -> FakeRepository:
    defaults = FakeRepository(
        github_id=github_id,
        full_name=f"Quiet/harbor-{github_id}",
        stars=1_000 - github_id,
        forks=github_id,
        open_issues=3,
        language="Python",
        description="Boats, moored",
        pushed_at=NOON,
    )
    return replace(defaults, **changes)


class StillWorld:
    """Repositories that never change."""

    def __init__(self, *repos: FakeRepository, former: dict[str, int] | None = None) -> None:
        self.repos = repos
        self.former = former or {}

    def search(self, ranked: lists.RankedList, floor: int, at: datetime) -> list[FakeRepository]:
        return [
            each
            for each in self.repos
            if ranked.language in (None, each.language) and getattr(each, ranked.count) > floor
        ]

    def by_name(self, full_name: str, at: datetime) -> FakeRepository | None:
        return next((it for it in self.repos if it.full_name.lower() == full_name.lower()), None)

    def by_id(self, github_id: int, at: datetime) -> FakeRepository | None:
        return next((it for it in self.repos if it.github_id == github_id), None)

    def renamed(self, full_name: str, at: datetime) -> int | None:
        return self.former.get(full_name.lower())


@dataclass
class HandClock:
    """Time passes when the test says so."""

    moment: datetime = NOON

    def __call__(self) -> datetime:
        return self.moment

    def pass_by(self, time: timedelta) -> None:
        self.moment += time


def client_of(*repos: FakeRepository, world: World | None = None, **options: Any) -> FlaskClient:
    options = {"clock": HandClock(), **options}
    return create_fake_github(world or StillWorld(*repos), **options).test_client()


def names(answer: Any) -> list[str]:
    return [item["full_name"] for item in answer.json["items"]]


def rate(answer: Any) -> tuple[int, ...]:
    """Limit, remaining and used, as the headers say."""
    return tuple(int(answer.headers[f"X-RateLimit-{it}"]) for it in ("Limit", "Remaining", "Used"))


# The shape of answers


def schema(name: str) -> Any:
    file = SHARED / "github-api" / f"{name}.schema.json"
    if not file.exists():
        pytest.skip(f"GitHub's own schema is not here: {file}")
    return with_null(json.loads(file.read_text(encoding="utf-8")))


def with_null(part: Any) -> Any:
    """OpenAPI 3.0's `nullable` as the union of types that JSON Schema knows."""
    if isinstance(part, list):
        return [with_null(each) for each in part]
    if not isinstance(part, dict):
        return part
    plain = {name: with_null(value) for name, value in part.items()}
    if part.get("nullable") is True:
        plain["type"] = [part["type"], "null"]
    return plain


SPARSE = repo(language=None, description=None)
WORLDS = [StillWorld(SPARSE), MadeUpWorld(size_per_language=5, languages=["C++"])]


@pytest.mark.parametrize("world", WORLDS, ids=["still", "made up"])
def test_a_search_answer_is_as_github_describes_it(world: World) -> None:
    answer = client_of(world=world).get("/search/repositories?q=stars:>1&per_page=100")

    jsonschema.validate(answer.json, schema("search-repositories"))
    assert answer.json["items"]


@pytest.mark.parametrize("world", WORLDS, ids=["still", "made up"])
def test_a_repository_is_as_github_describes_it(world: World) -> None:
    github_id = world.search(STARS, 0, NOON)[0].github_id

    answer = client_of(world=world).get(f"/repositories/{github_id}")

    jsonschema.validate(answer.json, schema("repository"))


def test_a_document_states_the_figures_of_its_repository() -> None:
    answer = client_of(repo(7)).get("/repos/quiet/HARBOR-7")

    stated = {
        name: answer.json[name]
        for name in ("id", "name", "stargazers_count", "forks_count", "open_issues_count")
        + ("language", "description", "pushed_at", "url", "html_url")
    }
    assert stated == {
        "id": 7,
        "name": "harbor-7",
        "stargazers_count": 993,
        "forks_count": 7,
        "open_issues_count": 3,
        "language": "Python",
        "description": "Boats, moored",
        "pushed_at": "2026-03-01T12:00:00Z",
        "url": "http://localhost/repos/Quiet/harbor-7",
        "html_url": "https://github.com/Quiet/harbor-7",
    }


@pytest.mark.parametrize("path", ["/repositories/1", "/repositories/2", "/nothing", "/rate_limit"])
def test_every_answer_has_githubs_headers(path: str) -> None:
    answer = client_of(repo()).get(path, headers={"X-GitHub-Api-Version": "2026-03-10"})

    assert answer.content_type == "application/json; charset=utf-8"
    assert answer.headers["X-GitHub-Media-Type"] == "github.v3; format=json"
    assert answer.headers["X-GitHub-Api-Version-Selected"] == "2026-03-10"
    assert answer.headers["X-GitHub-Request-Id"]
    assert answer.headers["X-RateLimit-Resource"] == "core"


def test_an_enterprise_server_keeps_its_prefix_in_its_urls() -> None:
    client = client_of(repo(), world=StillWorld(repo(), former={"quiet/old": 1}))

    found = client.get("/api/v3/search/repositories?q=stars:>1")
    moved = client.get("/api/v3/repos/Quiet/old")

    assert found.json["items"][0]["url"] == "http://localhost/api/v3/repos/Quiet/harbor-1"
    assert moved.location == "http://localhost/api/v3/repositories/1"


# Search


@pytest.mark.parametrize(
    ("q", "sort", "expected"),
    [
        ("stars:>40000", "stars", (STARS, {"stars": 40_000})),
        ("forks:>9 stars:>5", "forks", (FORKS, {"forks": 9, "stars": 5})),
        ('language:"Vim Script" stars:>1', "stars", (lists.KNOWN["vim-script"], {"stars": 1})),
        ("LANGUAGE:c++", "stars", (lists.KNOWN["cpp"], {})),
        ("language:Zig", "stars", (lists.language("Zig"), {})),
        ("language:python", "forks", (replace(PYTHON, count="forks"), {})),
    ],
)
def test_a_query_names_a_list_and_floors(q: str, sort: Any, expected: object) -> None:
    query = parse_query(q, sort)

    floors = {name: int(given.lstrip(">")) for name, (given,) in query.conditions.items()}
    assert (query.ranked, floors) == expected


@pytest.mark.parametrize("ranked", lists.KNOWN.values(), ids=lambda ranked: ranked.slug)
def test_the_query_of_every_list_is_understood(ranked: lists.RankedList) -> None:
    query = parse_query(ranked.query(5), ranked.count)

    assert (query.ranked, query.floor) == (ranked, 5)


@pytest.mark.parametrize(
    "q",
    ["license:mit", "harbor", "stars:", "stars:>x", "stars:=>9", "stars:2026-01-01"]
    + ["created:5", "created:>yesterday", "topic:", "user:a/b", "fork:no", "stars:>1 stars:>2"]
    + ["language:", 'language:"C', "language:C language:Go"],
)
def test_a_query_for_anything_else_is_refused(q: str) -> None:
    answer = client_of(repo()).get("/search/repositories", query_string={"q": q})

    error = answer.json["errors"][0]
    assert (answer.status_code, answer.json["message"]) == (422, "Validation Failed")
    assert (error["resource"], error["field"], error["code"]) == ("Search", "q", "invalid")


def test_a_search_without_a_query_is_refused() -> None:
    answer = client_of().get("/search/repositories?sort=stars")

    assert answer.status_code == 422
    assert answer.json == {
        "message": "Validation Failed",
        "errors": [{"resource": "Search", "field": "q", "code": "missing"}],
        "documentation_url": "https://docs.github.com/v3/search/",
        "status": "422",
    }


@pytest.mark.parametrize("parameter", ["sort=updated", "order=asc"])
def test_an_order_that_the_worlds_do_not_have_is_refused(parameter: str) -> None:
    answer = client_of(repo()).get(f"/search/repositories?q=stars:>1&{parameter}")

    assert answer.status_code == 422


def test_a_search_keeps_the_order_and_the_doubles_of_its_world() -> None:
    client = client_of(repo(3), repo(1), repo(3), repo(900), repo(2, language="Go"))

    answer = client.get("/search/repositories?q=language:Python stars:>500")

    assert names(answer) == ["Quiet/harbor-3", "Quiet/harbor-1", "Quiet/harbor-3"]
    assert (answer.json["total_count"], answer.json["incomplete_results"]) == (3, False)


def test_a_search_obeys_a_floor_of_the_other_count_too() -> None:
    client = client_of(repo(1, forks=9), repo(2, forks=50))

    answer = client.get("/search/repositories?q=stars:>1 forks:>10&sort=stars")

    assert names(answer) == ["Quiet/harbor-2"]


def test_an_unescaped_plus_leaves_the_query_as_it_does_at_github() -> None:
    client = client_of(repo(1, language="C"), repo(2, language="C++"))

    unescaped = client.get("/search/repositories?q=language:c++")
    escaped = client.get("/search/repositories?q=language:c%2B%2B")

    assert (names(unescaped), names(escaped)) == (["Quiet/harbor-1"], ["Quiet/harbor-2"])


@pytest.mark.parametrize(
    ("parameters", "shown"),
    [
        ("", 30),
        ("&per_page=100", 100),
        ("&per_page=101", 100),
        ("&per_page=0", 30),
        ("&per_page=x&page=-1", 30),
        ("&per_page=100&page=2", 30),
        ("&per_page=100&page=3", 0),
    ],
)
def test_a_page_has_30_results_or_up_to_100(parameters: str, shown: int) -> None:
    client = client_of(*(repo(number) for number in range(1, 131)))

    answer = client.get(f"/search/repositories?q=stars:>1{parameters}")

    assert (len(answer.json["items"]), answer.json["total_count"]) == (shown, 130)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (1, {"next": 2, "last": 3}),
        (2, {"prev": 1, "first": 1, "next": 3, "last": 3}),
        (3, {"prev": 2, "first": 1}),
        (9, {"prev": 3, "first": 1}),
    ],
)
def test_links_lead_to_the_other_pages(page: int, expected: dict[str, int]) -> None:
    client = client_of(*(repo(number) for number in range(1, 131)))
    url = "/search/repositories?q=language%3APython&per_page=50"

    answer = client.get(f"{url}&page={page}")

    links = httpx.Response(200, headers=dict(answer.headers)).links
    assert {relation: link["url"] for relation, link in links.items()} == {
        relation: f"http://localhost{url}&page={number}" for relation, number in expected.items()
    }


def test_the_pages_together_are_the_whole_answer() -> None:
    client = client_of(*(repo(number) for number in range(1, 131)))
    url = "/search/repositories?q=stars:>1&per_page=50"

    pages = [names(client.get(f"{url}&page={page}")) for page in (1, 2, 3)]

    assert sum(pages, []) == [f"Quiet/harbor-{number}" for number in range(1, 131)]


def test_a_single_page_has_no_links() -> None:
    answer = client_of(repo()).get("/search/repositories?q=stars:>1")

    assert "Link" not in answer.headers


def test_only_the_first_1000_results_can_be_reached() -> None:
    client = client_of(*(repo(number, stars=5) for number in range(1, 1_201)))
    url = "/search/repositories?q=stars:>1&per_page=100"

    tenth, eleventh = client.get(f"{url}&page=10"), client.get(f"{url}&page=11")

    assert (len(tenth.json["items"]), tenth.json["total_count"]) == (100, 1_200)
    assert 'rel="next"' not in tenth.headers["Link"]
    assert eleventh.status_code == 422
    assert eleventh.json["message"] == "Only the first 1000 search results are available"


# Repositories


def test_an_old_name_redirects_to_the_id() -> None:
    client = client_of(world=StillWorld(repo(7), former={"quiet/pier": 7}))

    moved = client.get("/repos/Quiet/Pier")
    followed = client.get("/repos/Quiet/Pier", follow_redirects=True)

    assert (moved.status_code, moved.json["message"]) == (301, "Moved Permanently")
    assert moved.location == moved.json["url"] == "http://localhost/repositories/7"
    assert followed.json["full_name"] == "Quiet/harbor-7"


@pytest.mark.parametrize("path", ["/repos/no/body", "/repositories/9", "/users/nobody"])
def test_what_is_not_there_is_not_found(path: str) -> None:
    answer = client_of(repo()).get(path)

    assert answer.status_code == 404
    assert answer.json == {
        "message": "Not Found",
        "documentation_url": "https://docs.github.com/rest",
        "status": "404",
    }


@pytest.mark.parametrize("path", ["/repos/Quiet/harbor-1", "/repositories/1"])
def test_a_repository_that_is_unchanged_is_not_sent_again(path: str) -> None:
    client = client_of(repo())
    etag = client.get(path).headers["ETag"]

    again = client.get(path, headers={"If-None-Match": etag})

    assert etag.startswith('W/"')
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)


def test_a_repository_that_has_changed_is_sent_again() -> None:
    world = StillWorld(repo(stars=1))
    client = client_of(world=world)
    etag = client.get("/repositories/1").headers["ETag"]

    world.repos = (repo(stars=2),)
    again = client.get("/repositories/1", headers={"If-None-Match": etag})

    assert (again.status_code, again.json["stargazers_count"]) == (200, 2)


@pytest.mark.parametrize(("authorization", "used"), [(TOKEN, 1), ({}, 2)])
def test_a_304_is_free_for_the_authorized(authorization: dict[str, str], used: int) -> None:
    client = client_of(repo())
    etag = client.get("/repositories/1", headers=authorization).headers["ETag"]

    again = client.get("/repositories/1", headers={"If-None-Match": etag, **authorization})

    assert again.headers["X-RateLimit-Used"] == str(used)


# Who may ask, and how often


def test_a_request_without_a_user_agent_is_forbidden() -> None:
    answer = client_of(repo()).get("/repositories/1", headers={"User-Agent": ""})

    assert (answer.status_code, answer.mimetype) == (403, "text/html")
    assert "Please make sure your request has a User-Agent header" in answer.text


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("Bearer right", 200), ("token right", 200), ("Bearer wrong", 401), (None, 200)],
)
def test_only_the_token_given_is_good(authorization: str | None, status: int) -> None:
    headers = {"Authorization": authorization} if authorization else {}

    answer = client_of(repo(), token="right").get("/repositories/1", headers=headers)

    assert answer.status_code == status
    assert status == 200 or answer.json["message"] == "Bad credentials"


@pytest.mark.parametrize(
    ("path", "headers", "limit"),
    [
        ("/search/repositories?q=stars:>1", {}, 10),
        ("/search/repositories?q=stars:>1", TOKEN, 30),
        ("/repositories/1", {}, 60),
        ("/repositories/1", TOKEN, 5_000),
    ],
)
def test_limits_are_githubs(path: str, headers: dict[str, str], limit: int) -> None:
    answer = client_of(repo()).get(path, headers=headers)

    assert rate(answer) == (limit, limit - 1, 1)


def test_a_window_starts_at_the_first_request_and_ends_on_time() -> None:
    clock = HandClock(NOON + timedelta(seconds=7))
    client = client_of(repo(), clock=clock, limits={"core": Quota(2, 5, MINUTE)})
    reset = str(int(clock.moment.timestamp()) + 60)
    seen = []

    for wait in (0, 30, 29, 1):
        clock.pass_by(timedelta(seconds=wait))
        answer = client.get("/repositories/1")
        seen.append((answer.status_code, rate(answer), answer.headers["X-RateLimit-Reset"]))

    assert seen == [
        (200, (2, 1, 1), reset),
        (200, (2, 0, 2), reset),
        (403, (2, 0, 2), reset),
        (200, (2, 1, 1), str(int(reset) + 60)),
    ]


@pytest.mark.parametrize(
    ("headers", "whose"), [({}, "127.0.0.1. (But here's the good news: "), (TOKEN, "user ID 1.")]
)
def test_a_refusal_says_whose_limit_is_exceeded(headers: dict[str, str], whose: str) -> None:
    client = client_of(limits={"search": Quota(0, 0, MINUTE)})

    answer = client.get("/search/repositories?q=stars:>1", headers=headers)

    assert answer.status_code == 403
    assert answer.json["message"].startswith(f"API rate limit exceeded for {whose}")
    assert answer.headers["X-RateLimit-Resource"] == "search"


def test_resources_and_callers_have_windows_of_their_own() -> None:
    client = client_of(repo(), limits={"core": Quota(1, 1, MINUTE)})

    answers = [
        client.get("/repositories/1"),
        client.get("/repositories/1", headers=TOKEN),
        client.get("/search/repositories?q=stars:>1"),
        client.get("/repositories/1"),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 403]


def test_asking_for_the_limits_costs_nothing() -> None:
    client = client_of(repo())
    client.get("/repositories/1")

    answer = [client.get("/rate_limit") for _ in range(2)][-1]

    noon = int(NOON.timestamp())
    core = {"limit": 60, "used": 1, "remaining": 59, "reset": noon + 3600}
    search = {"limit": 10, "used": 0, "remaining": 10, "reset": noon + 60}
    graphql = {"limit": 0, "used": 0, "remaining": 0, "reset": noon + 3600}
    resources = {"core": core, "search": search, "graphql": graphql}
    assert answer.json == {"resources": resources, "rate": core}


def test_every_request_is_on_record() -> None:
    clock = HandClock()
    client = client_of(repo(), clock=clock, limits={"core": Quota(0, 0, MINUTE)})
    client.get("/api/v3/search/repositories?q=stars%3A%3E1")
    clock.pass_by(timedelta(milliseconds=1_500))
    client.get("/repositories/1")

    over_http = client.get("/_log").json

    assert client.application.extensions["fake_github"].log == [
        Record(
            NOON,
            "GET",
            "/api/v3/search/repositories",
            "q=stars%3A%3E1",
            resource="search",
            status=200,
        ),
        Record(clock.moment, "GET", "/repositories/1", "", resource="core", status=403),
    ]
    assert over_http[1] == {
        "at": "2026-03-01T12:00:01.500Z",
        "method": "GET",
        "path": "/repositories/1",
        "query": "",
        "resource": "core",
        "status": 403,
    }


# The made-up world

FULL = MadeUpWorld()


def counts(world: World, ranked: lists.RankedList, at: datetime) -> dict[int, int]:
    """The list's count of each repository, in the order of the list."""
    found = world.search(ranked, ranked.floor, at)
    return {each.github_id: getattr(each, ranked.count) for each in found}


def test_the_same_seed_and_moment_make_the_same_world() -> None:
    worlds = [MadeUpWorld(seed, 20, ["Go"]) for seed in (1, 1, 2)]

    first, same, other = (world.search(STARS, 0, NOON) for world in worlds)

    assert first == same != other


@pytest.mark.parametrize("ranked", lists.KNOWN.values(), ids=lambda ranked: ranked.slug)
@pytest.mark.parametrize("years", [0, 2])
def test_every_list_is_full_above_its_floor(ranked: lists.RankedList, years: int) -> None:
    ordered = list(counts(FULL, ranked, NOON + timedelta(days=365 * years)).values())

    assert len(ordered) >= lists.SIZE
    assert ordered == sorted(ordered, reverse=True)


def test_sizes_are_those_of_github() -> None:
    stars = list(counts(FULL, STARS, BORN).values())

    assert 300_000 < stars[0] < 500_000
    assert 60_000 < stars[99] < 100_000
    assert len(FULL.search(STARS, -1, BORN)) == 35 * 130


def test_repositories_grow_each_at_its_pace() -> None:
    before, after = (counts(FULL, PYTHON, NOON + timedelta(days=day)) for day in (0, 30))

    growth = {each: round(after[each] / stars, 3) for each, stars in before.items()}

    assert min(growth.values()) >= 1
    assert max(growth.values()) > 1.05
    assert len(set(growth.values())) > 20


@pytest.mark.parametrize("time", [timedelta(minutes=10), timedelta(days=7)])
def test_ranks_change_now_and_then(time: timedelta) -> None:
    before, after = (list(counts(FULL, STARS, at))[:100] for at in (NOON, NOON + time))

    moved = sum(one != other for one, other in zip(before, after, strict=True))

    assert 0 < moved < 50


def gains(github_id: int, step: timedelta, steps: int) -> list[int]:
    """The stars that a repository gains in each step from noon."""
    seen = [FULL.by_id(github_id, NOON + step * number) for number in range(steps + 1)]
    return [after.stars - before.stars for before, after in pairwise(filter(None, seen))]


def test_a_repository_gains_more_by_day_than_by_night() -> None:
    leader = next(iter(counts(FULL, PYTHON, NOON)))

    quarters = gains(leader, timedelta(hours=6), steps=4)

    assert max(quarters) > 2 * min(quarters) > 0


def test_a_repository_has_its_burst_now_and_then() -> None:
    leaders = list(counts(FULL, PYTHON, NOON))[:20]

    leaps = [max(daily) / median(daily) for it in leaders if (daily := gains(it, DAY, steps=200))]

    assert max(leaps) > 5


def test_a_count_may_dip() -> None:
    leaders = list(counts(FULL, PYTHON, NOON))[:20]

    dips = [min(gains(leader, MINUTE, steps=60)) for leader in leaders]

    assert -5 < min(dips) < 0


def test_names_are_unique_and_descriptions_of_every_kind() -> None:
    everything = FULL.search(STARS, -1, NOON)

    descriptions = {each.description for each in everything}
    text = "".join(filter(None, descriptions))
    assert len({each.full_name.lower() for each in everything}) == len(everything)
    assert None in descriptions
    assert set('",🚀') < set(text)
    assert None in {each.language for each in everything}


def test_a_made_up_repository_is_found_by_name_and_id_and_by_its_old_name() -> None:
    any_repo = FULL.search(STARS, 0, NOON)[42]
    name, github_id = any_repo.full_name, any_repo.github_id

    assert FULL.by_name(name.upper(), NOON) == any_repo == FULL.by_id(github_id, NOON)
    assert FULL.by_name(f"{name}-next", NOON) is None
    assert FULL.renamed(f"{name}-next".upper(), NOON) == github_id
    assert FULL.renamed(name, NOON) is None


# The archive

HEADER = "rank,item,repo_name,stars,forks,language,repo_url,username,issues,last_commit,description"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    rows = {
        "2025-01-01": """
1,top-100-stars,list,90,5,,https://github.com/Ann/list,Ann,1,2024-12-31T01:02:03Z,"A, ""b"" 😎\r\nc"
2,top-100-stars,boat,80,9,C++,https://github.com/bob/boat,bob,0,2024-12-30T00:00:00Z,
1,top-100-forks,boat,80,10,C++,https://github.com/bob/boat,bob,0,2024-12-30T00:00:00Z,
1,CPP,boat,81,9,C++,https://github.com/bob/boat,bob,0,2024-12-30T00:00:00Z,
2,CPP,cup,7,1,C++,https://github.com/cy/cup,cy,0,2024-12-30T00:00:00Z,
3,CPP,boat,81,9,C++,https://github.com/bob/boat,bob,0,2024-12-30T00:00:00Z,
1,Vim-script,vi,5,1,Vim Script,https://github.com/dee/vi,dee,0,2024-12-30T00:00:00Z,
""",
        "2025-01-03": """
1,top-100-stars,Boat,99,9,C++,https://github.com/bob/Boat,bob,0,2025-01-02T00:00:00Z,Floats
""",
    }
    for day, text in rows.items():
        file = tmp_path / f"github-ranking-{day}.csv"
        file.write_text(f"{HEADER}{text}", encoding="utf-8", newline="")
    return tmp_path


def on(day: int) -> datetime:
    return datetime(2025, 1, day, 12, tzinfo=UTC)


def test_an_archive_shows_the_rows_of_its_day_as_they_are(archive: Path) -> None:
    world = ArchiveWorld(archive, datetime.date)

    stars, cpp, vim = (
        world.search(lists.KNOWN[slug], 6 if slug == "cpp" else 0, on(1))
        for slug in ("stars", "cpp", "vim-script")
    )

    assert [each.full_name for each in stars] == ["Ann/list", "bob/boat"]
    assert [each.full_name for each in cpp] == ["bob/boat", "cy/cup", "bob/boat"]
    assert [each.full_name for each in vim] == ["dee/vi"]
    assert stars[0] == FakeRepository(
        github_id=stars[0].github_id,
        full_name="Ann/list",
        stars=90,
        forks=5,
        open_issues=1,
        language=None,
        description='A, "b" 😎\r\nc',
        pushed_at=datetime(2024, 12, 31, 1, 2, 3, tzinfo=UTC),
    )
    assert stars[1].description is None


def test_an_archive_list_leaves_out_what_is_not_above_the_floor(archive: Path) -> None:
    world = ArchiveWorld(archive, datetime.date)

    assert [each.stars for each in world.search(lists.KNOWN["cpp"], 7, on(1))] == [81, 81]
    assert world.search(FORKS, 10, on(1)) == []


@pytest.mark.parametrize(("day", "stars"), [(1, 80), (2, 80), (3, 99), (31, 99)])
def test_a_day_without_a_file_shows_the_latest_before(archive: Path, day: int, stars: int) -> None:
    world = ArchiveWorld(archive, datetime.date)

    boat = world.by_name("BOB/boat", on(day))

    assert boat and boat.stars == stars


def test_before_its_first_day_an_archive_is_empty(archive: Path) -> None:
    world = ArchiveWorld(archive, lambda at: date(2024, 12, 31))

    assert world.search(STARS, 0, NOON) == []
    assert world.by_name("bob/boat", NOON) is None


def test_an_archived_name_has_one_id_on_every_day_and_in_any_case(archive: Path) -> None:
    first, second = ArchiveWorld(archive, datetime.date), ArchiveWorld([archive], datetime.date)

    ids = {
        world.by_name("bob/boat", on(day)).github_id for world in (first, second) for day in (3, 1)
    }

    (github_id,) = ids
    assert 0 <= github_id < 2**31
    assert first.by_id(github_id, on(3)) == first.by_name("bob/Boat", on(3))
    assert first.by_id(github_id, on(1)).stars == 80
    assert first.renamed("bob/boat", on(3)) is None


def test_a_folder_without_an_archive_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no github-ranking-YYYY-MM-DD.csv in"):
        ArchiveWorld(tmp_path, datetime.date)


def test_the_public_archive_fills_every_list() -> None:
    folder = SHARED / "data" / "github-ranking"
    if not folder.is_dir():
        pytest.skip(f"the slice of the public archive is not here: {folder}")
    client = client_of(world=ArchiveWorld(folder, lambda at: date(2025, 2, 28)))
    headers = {"Authorization": "Bearer any"}
    sizes = {}

    for ranked in list(lists.KNOWN.values())[:30]:
        parameters = {"q": ranked.query(ranked.floor), "sort": ranked.count, "per_page": 100}
        answer = client.get("/search/repositories", query_string=parameters, headers=headers)
        sizes[ranked.slug] = len(answer.json["items"])

    assert set(sizes.values()) == {100}


# The server


def test_it_serves_a_client_over_http() -> None:
    app = create_fake_github(StillWorld(repo(1), former={"quiet/pier": 1}))

    with serve(app) as url, httpx.Client(base_url=f"{url}/api/v3", follow_redirects=True) as http:
        found = http.get("/search/repositories", params={"q": 'language:"Python" stars:>1'})
        moved = http.get("/repos/quiet/pier")

    assert found.json()["items"][0]["full_name"] == "Quiet/harbor-1"
    assert moved.url == f"{url}/api/v3/repositories/1"
    assert [record.status for record in app.extensions["fake_github"].log] == [200, 301, 200]


def test_requests_at_once_never_overdraw_a_limit() -> None:
    app = create_fake_github(
        StillWorld(repo(1)), limits={"core": Quota(25, 25, timedelta(hours=1))}
    )

    with serve(app) as url, ThreadPoolExecutor(8) as pool:
        statuses = list(
            pool.map(lambda _: httpx.get(f"{url}/repositories/1").status_code, range(40))
        )

    assert Counter(statuses) == {200: 25, 403: 15}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--day", "2025-02-28"], "--day needs --archive"),
        (["--archive", "nowhere"], "no github-ranking-YYYY-MM-DD.csv in nowhere"),
        (["--archive", "x", "--day", "monday"], "argument --day: "),
    ],
)
def test_arguments_that_make_no_sense_stop_it(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)

    assert complaint in capsys.readouterr().err
