"""Searches of the fake GitHub by topic, owner, age and kind, and the repositories of an owner."""

from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient

from core import lists
from core.clock import DAY
from local.fake_github.api import create_fake_github
from local.fake_github.faults import FaultInjector
from local.fake_github.qualifiers import parse_query
from local.fake_github.worlds import BORN, FakeRepository, MadeUpWorld

NOW = BORN + 90 * DAY
WORLD = MadeUpWorld(size_per_language=100, languages=["C++", "Go"])
OWNER = WORLD.search(lists.KNOWN["stars"], -1, NOW)[0].owner
TOKEN = {"Authorization": "Bearer any"}


def repo(**changes: Any) -> FakeRepository:
    defaults = {"github_id": 1, "full_name": "Apache/Kafka", "stars": 50, "forks": 5}
    rest = {"open_issues": 0, "language": None, "description": None, "pushed_at": NOW}
    about = {"created_at": BORN, "topics": ("ai", "llm")}
    return FakeRepository(**{**defaults, **rest, **about, **changes})


def client_of(**options: Any) -> FlaskClient:
    return create_fake_github(WORLD, clock=lambda: NOW, **options).test_client()


@pytest.mark.parametrize(
    ("q", "matches"),
    [
        ("stars:50", True),
        ("stars:>=50 stars:", None),
        ("stars:>50", False),
        ("stars:>=50", True),
        ("stars:<50", False),
        ("stars:<=50", True),
        ("stars:40..50", True),
        ("stars:*..49", False),
        ("forks:5..*", True),
        ("topic:LLM", True),
        ("topic:llm topic:ai", True),
        ("topic:llm topic:web", False),
        ("user:apache", True),
        ("org:APACHE", True),
        ("user:apach", False),
        ("user:google user:apache", True),
        ("created:2026-01-01", True),
        ("created:>=2026-01-01", True),
        ("created:>2026-01-01", False),
        ("created:<2026-01-01", False),
        ("created:<=2026-01-01", True),
        ("created:2025-12-01..2025-12-31", False),
        ("created:>=2026-01-01T00:00:01Z", False),
        ("pushed:>2026-03-01", True),
        ("archived:true", False),
        ("archived:false", True),
        ("fork:true", True),
        ("fork:only", False),
        ("topic:llm user:apache created:>=2025-12-27 stars:>10", True),
    ],
)
def test_qualifiers_mean_what_github_documents(q: str, matches: bool | None) -> None:
    if matches is None:
        with pytest.raises(ValueError, match="'stars:' is not one of"):
            parse_query(q, "stars")
    else:
        assert parse_query(q, "stars").matches(repo()) is matches


@pytest.mark.parametrize(("q", "found"), [("", False), ("fork:true", True), ("fork:only", True)])
def test_a_fork_is_found_only_where_asked_for(q: str, found: bool) -> None:
    assert parse_query(f"{q} stars:>1", "stars").matches(repo(fork=True)) is found


@pytest.mark.parametrize(
    ("q", "belongs"),
    [
        ("topic:llm", lambda item: "llm" in item["topics"]),
        (f"user:{OWNER.upper()}", lambda item: item["owner"]["login"] == OWNER),
        ("archived:true", lambda item: item["archived"]),
    ],
)
def test_a_search_gives_what_was_asked_for_in_order_unless_it_ignores_that(
    q: str, belongs: Any
) -> None:
    faults = FaultInjector()
    faults.planned = [None, "qualifiers ignored"]
    client = client_of(faults=faults)

    told, ignored = (
        client.get("/search/repositories", query_string={"q": q, "per_page": 100}).json
        for _ in range(2)
    )

    stars = [item["stargazers_count"] for item in told["items"]]
    everything = WORLD.search(lists.KNOWN["stars"], -1, NOW)
    assert stars == sorted(stars, reverse=True) != []
    assert all(map(belongs, told["items"]))
    assert 0 < told["total_count"] < len(everything)
    assert len(ignored["items"]) == 100
    assert not all(map(belongs, ignored["items"]))


def test_a_search_of_an_owner_that_is_not_there_is_refused_as_github_does() -> None:
    answer = client_of().get("/search/repositories?q=user:nobody stars:>1")

    assert answer.status_code == 422
    assert "cannot be searched" in answer.json["errors"][0]["message"]
    assert client_of().get(f"/search/repositories?q=user:{OWNER} stars:>999999").json["items"] == []


def test_the_pages_of_an_owner_link_to_each_other_and_are_all_it_has() -> None:
    client, url, seen = client_of(), f"/users/{OWNER}/repos?per_page=1", list[str]()

    while url:
        answer = client.get(url, headers=TOKEN)
        seen += [item["full_name"] for item in answer.json]
        links = httpx.Response(200, headers=dict(answer.headers)).links
        url = links.get("next", {}).get("url", "")

    everything = WORLD.search(lists.KNOWN["stars"], -1, NOW)
    names = [each.full_name for each in everything if each.owner == OWNER]
    assert seen == sorted(names, key=str.casefold)
    assert client.get("/users/nobody/repos").status_code == 404
    kind = client.get(f"/users/{OWNER}/repos").json[0]["owner"]["type"]
    status = client.get(f"/orgs/{OWNER}/repos").status_code
    assert (kind, status) in [("Organization", 200), ("User", 404)]
