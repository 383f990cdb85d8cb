"""Following many at once, and what is followed as a table: over HTTP, and by the command."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis
from rq import Queue

from core import clock
from store import follow_owners, follows, troubles
from store.database import Database
from store.follow_owners import Owned
from tests.support.common import MakeApp
from tests.support.served import NOON, database_of, problem, run
from tests.support.stored import put, repo, statements

pytestmark = [
    pytest.mark.usefixtures("now"),
    pytest.mark.parametrize("make_app", ["by Flask"], indirect=True),
]
FOLLOWS = "/api/v1/follows"


@pytest.fixture
def site(make_app: MakeApp, database: Database) -> FlaskClient:
    return make_app(follow="anyone", follow_most=4).test_client()


def sent(site: FlaskClient, names: Any) -> Any:
    return site.put(FOLLOWS, data=json.dumps(names))


def names(site: FlaskClient, query: str = "") -> list[str]:
    page = site.get(f"{FOLLOWS}?{query}").json
    assert page is not None
    return [it["full_name"] for it in page["items"]]


def end(site: FlaskClient, name: str, *, gone_at: datetime | None = None) -> None:
    with database_of(site).write() as session:
        row = follows.follow_of(session, name)
        assert row is not None
        row.followed_since, row.gone_at = None, gone_at


def test_a_list_is_followed_beside_what_is_followed_already(site: FlaskClient) -> None:
    site.put("/api/v1/repos/a/a")
    site.put("/api/v1/repos/b/gone")
    end(site, "b/gone", gone_at=clock.now())

    response = sent(site, ["A/A", "b/gone", "https://github.com/c/c/issues", "c/C", "d/d"])

    assert (response.status_code, response.headers["Location"]) == (202, FOLLOWS)
    assert response.json == {"new": ["c/C", "d/d"], "known": ["A/A"], "unknown": ["b/gone"]}
    assert names(site) == ["a/a", "c/C", "d/d"]
    assert sent(site, ["a/a"]).status_code == 200


def test_one_that_is_no_name_is_told_with_its_index_and_nothing_is_followed(
    site: FlaskClient,
) -> None:
    status, detail = problem(sent(site, ["a/a", "apache/*", "apache/**", 7, "b"]))

    assert status == 400
    assert detail == (
        "[2]='apache/**', [3]=7, [4]='b': expected owner/name or its address on GitHub, or "
        "owner/*; nothing was followed"
    )
    assert names(site) == []
    assert site.get(FOLLOWS).json["owners"] == []  # type: ignore[index]


def test_owners_are_followed_told_and_let_go_over_http_as_by_the_command(
    make_app: MakeApp, database: Database, redis: Redis, valkey_url: str
) -> None:
    settings: dict[str, Any] = {"follow": "anyone", "follow_most": 2, "watch_owners": ("Loud",)}
    site = make_app(redis_url=valkey_url, **settings).test_client()
    with database.write() as session:
        follow_owners.keep_watched(session, ["Loud"])

    first = site.put(f"{FOLLOWS}?forks=true", data='["Quiet/*", "https://github.com/Calm/*"]')
    full = problem(sent(site, ["a/a", "Third/*"]))
    with database.write() as session:
        owned = [Owned(repo(1)), Owned(repo(2), fork=True), Owned(repo(3), archived=True)]
        follow_owners.store_page(session, "quiet", None, owned, None, NOON, clock.now())
        troubles.note_trouble(session, "Calm/*", "nobody is", clock.now(), clock.HOUR)
        row = follows.wish("gone/gone", clock.now(), follow=False)
        row.named, row.gone_at = True, clock.now()
        session.add(row)
    again = site.put(f"{FOLLOWS}?forks=true", data='["QUIET/*"]')
    page = site.get(f"{FOLLOWS}?limit=1").json
    following = site.get(f"{FOLLOWS}?limit=1&after=quiet/harbor-1").json

    assert (first.status_code, first.json) == (
        202,
        {"new": ["Quiet/*", "Calm/*"], "known": [], "unknown": []},
    )
    assert Queue("default", connection=redis).jobs[0].func_name == "jobs.follow_owners"
    assert (full[0], "FOLLOW_MOST=2" in full[1]) == (429, True)  # it bounds owners, too
    assert (again.status_code, again.json["known"]) == (200, ["QUIET/*"])  # type: ignore[index]
    assert page is not None and following is not None
    since = clock.rfc3339(clock.now())
    told = [list(owner.values()) for owner in page["owners"]]
    assert told == [
        ["Calm/*", since, True, False, 0, None, "nobody is"],
        ["Loud/*", None, False, False, 0, None, None],
        ["Quiet/*", since, True, False, 2, since, None],
    ]
    assert page["unknown"] == ["gone/gone"]
    assert [it["full_name"] for it in page["items"]] == ["Quiet/Harbor-1"]
    assert (following["owners"], following["unknown"]) == ([], [])

    for owner in ("quiet", "loud"):
        assert site.delete(f"/api/v1/repos/{owner}/*").status_code == 204
    left = site.get(FOLLOWS).json
    assert left is not None
    assert [owner["full_name"] for owner in left["owners"]] == ["Calm/*", "Loud/*"]
    assert left["items"] == []


@pytest.mark.parametrize("body", [b"", b"{}", b'"a/a"', b"[" * 100_000, b"\xff"])
def test_what_is_no_list_is_refused(site: FlaskClient, body: bytes) -> None:
    assert problem(site.put(FOLLOWS, data=body))[0] == 400


def test_too_many_are_refused_as_a_whole_and_too_long_a_body(site: FlaskClient) -> None:
    assert sent(site, ["a/a", "b/b"]).status_code == 202

    status, detail = problem(sent(site, ["a/a", "c/c", "d/d", "e/e"]))
    assert (status, "FOLLOW_MOST=4" in detail) == (429, True)
    assert names(site) == ["a/a", "b/b"]
    assert sent(site, ["a/a", "c/c", "d/d"]).status_code == 202
    assert problem(site.put(FOLLOWS, data=b" " * 2_000_001))[0] == 413


def test_who_may_not_follow_one_may_not_follow_a_list(make_app: MakeApp, site: FlaskClient) -> None:
    assert problem(sent(make_app(follow="nobody").test_client(), ["a/a"]))[0] == 403


def test_the_table_tells_readings_gains_and_troubles_and_has_filters(site: FlaskClient) -> None:
    sent(site, ["Quiet/Harbor-1", "Quiet/Boat", "Loud/Ship"])
    put(database_of(site), repo(1, stars=100), at=NOON - clock.HOUR)
    put(database_of(site), repo(1, stars=107))
    with database_of(site).write() as session:
        row = follows.follow_of(session, "Quiet/Harbor-1")
        assert row is not None
        row.repository_id = 1
        troubles.note_trouble(session, "Loud/Ship", "451", clock.now(), clock.HOUR)
        of_past = troubles.of_history("Quiet/Harbor-1")
        troubles.note_trouble(session, of_past, "502", clock.now(), clock.HOUR)

    page = site.get(f"{FOLLOWS}?state=sampled").json

    assert page is not None
    [item] = page["items"]
    assert (item["full_name"], item["as_of"], item["stars"]) == (
        "Quiet/Harbor-1",
        "2026-03-01T12:00:00Z",
        107,
    )
    assert item["gains"]["1h"]["stars"] == 7
    assert item["trouble"] == "502"  # of its history alone: it is sampled
    assert names(site, "q=QUIET") == ["Quiet/Boat", "Quiet/Harbor-1"]
    assert names(site, "q=%25") == []
    assert names(site, "state=waiting") == ["Quiet/Boat"]
    assert names(site, "state=trouble") == ["Loud/Ship"]
    assert site.get(f"{FOLLOWS}?limit=1&q=quiet").headers["Link"] == (
        f'<{FOLLOWS}?limit=1&q=quiet&after=quiet%2Fboat>; rel="next"'
    )


def test_a_page_takes_a_handful_of_statements_however_long_it_is(site: FlaskClient) -> None:
    put(database_of(site), *map(repo, range(1, 5)))
    sent(site, [f"Quiet/Harbor-{number}" for number in range(1, 5)])
    with database_of(site).write() as session:
        for number, row in enumerate(follows.all_followed(session), 1):
            row.repository_id = number
    with statements(database_of(site)) as told:
        assert len(names(site, "limit=4")) == 4
    assert len(told) <= 10, "\n".join(told)


def test_a_file_is_followed_and_its_bad_lines_are_named(site: FlaskClient, tmp_path: Path) -> None:
    file = tmp_path / "names.txt"
    lines = ["\ufeff# ours", "", "a/a  # the first", "nonsense", "https://github.com/b/b#readme"]
    many = [f"c/c{number}" for number in range(30)]
    file.write_text("\n".join([*lines, "A/a", "c/../d", *many]))

    status, said, errors = run(site.application, "follow", "-f", str(file))

    expected = "expected owner/name, or its address on GitHub"
    assert status == 1
    assert errors == f"{file}:4: 'nonsense': {expected}\n{file}:7: 'c/../d': {expected}\n"
    assert said.splitlines()[0] == "32 followed, 32 of them anew."
    assert names(site, "limit=3") == ["a/a", "b/b", "c/c0"]  # FOLLOW_MOST bounds no command
    file.write_text("a/a\n")
    assert run(site.application, "follow", "-f", str(file))[0] == 0


def test_a_command_without_a_name_says_what_to_give(site: FlaskClient) -> None:
    status, _, errors = run(site.application, "follow")

    assert (status, "-f FILE" in errors) == (2, True)


def test_owners_are_followed_from_the_command_and_told_with_what_they_hold(
    make_app: MakeApp, site: FlaskClient, redis: Redis, valkey_url: str, tmp_path: Path
) -> None:
    app = make_app(redis_url=valkey_url, watch_owners=("Loud",))
    (tmp_path / "names").write_text("https://github.com/Calm/*  # all of it\n")

    followed = run(app, "follow", "Quiet/*", "-f", str(tmp_path / "names"), "--forks")
    again = run(app, "follow", "quiet/*", "--forks")
    with database_of(site).write() as session:
        follow_owners.keep_watched(session, ["Loud"])
        owned = [Owned(repo(1)), Owned(repo(2), fork=True), Owned(repo(3), archived=True)]
        follow_owners.store_page(session, "quiet", None, owned, None, NOON, clock.now())
        troubles.note_trouble(session, "Calm/*", "nobody is", clock.now(), clock.HOUR)
        troubles.note_trouble(session, "Quiet/Harbor-1", "451", clock.now(), clock.HOUR)
        wishes = {"gone/gone": True, "looked/at": None}  # of one somebody wanted the history alone
        for name, named in wishes.items():
            row = follows.wish(name, clock.now(), follow=False)
            row.named, row.gone_at = named, clock.now()
            session.add(row)
    told = run(app, "follows")[1]
    ended = [run(app, "unfollow", name)[1] for name in ("quiet/*", "LOUD/*", "gone/gone")]

    assert followed[1].splitlines()[:2] == [
        "Quiet/*: its repositories are read now",
        "Calm/*: its repositories are read now",
    ]
    assert again[1].splitlines()[0] == "quiet/*: its repositories are read now"
    job = Queue("default", connection=redis).jobs[0]
    assert (job.func_name, job.args) == ("jobs.follow_owners", (True,))
    since = clock.rfc3339(clock.now())
    assert told.splitlines() == [
        f"Calm/*  {since}  0 repositories (with forks)  not read to the end yet  nobody is",
        "Loud/*  by WATCH  0 repositories  not read to the end yet",
        f"Quiet/*  {since}  2 repositories (with forks)  read {since}",
        f"Quiet/Harbor-1  {since}  history queued  451",
        f"Quiet/Harbor-2  {since}  history queued",
        "gone/gone  GitHub has no repository of that name",
        "2 followed, each sampled every 10 min.",
    ]
    assert ended == [
        "quiet/*: not followed any more\n",
        "LOUD/*: followed since WATCH names it; take it out there\n",
        "gone/gone: not followed any more\n",
    ]
    assert run(app, "follows")[1].splitlines()[2:] == ["0 followed, each sampled every 10 min."]


def test_the_command_tells_how_often_a_minute_is(database: Database, make_app: MakeApp) -> None:
    told = run(make_app(poll_every=clock.MINUTE), "follows")[1]

    assert told == "0 followed, each sampled every minute.\n"


def test_kinds_without_an_owner_make_no_sense(site: FlaskClient) -> None:
    status, _, errors = run(site.application, "follow", "a/a", "--archived")

    assert (status, "OWNER/*" in errors) == (2, True)
    assert names(site) == []
    later = run(site.application, "follow", "a/*")[1]  # Redis is away
    assert later.splitlines()[0] == "a/*: noted; read within ten minutes"
