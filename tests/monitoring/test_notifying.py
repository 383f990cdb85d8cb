"""Telling people: who gets what, by which id, whatever the services answer; and never a secret."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from core import clock, digest, list_names, notices, notify_setting
from core.clock import DAY, HOUR, MINUTE
from models import Outbox, Repository, Trouble
from monitoring import logs, notifying, targets
from monitoring.targets import targets_of
from settings import Settings
from store import alarms, builds, follows
from store.database import Database
from store.outbox import states
from tests.support.common import MakeSettings
from tests.support.notified import Webhooks, mail_server, webhooks
from tests.support.stored import NOON, PYTHON, STARS, put, repo

SECRET = "T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
FOLLOWED = replace(list_names.FOLLOWED, names=())
LATER = NOON + HOUR


@pytest.fixture
def hooks() -> Iterator[Webhooks]:
    with webhooks() as taken:
        yield taken


@pytest.fixture
def told(database: Database, make_settings: MakeSettings) -> Callable[..., Settings]:
    """Settings with NOTIFY, whose targets have begun, with nothing yet to be told."""

    def make(notify: str, **changes: Any) -> Settings:
        setting = notify_setting.parse(notify, lambda path: Path(path).read_text())
        settings = make_settings(lists=(STARS, PYTHON, FOLLOWED), notify=setting, **changes)
        notifying.fill(database, settings, targets_of(setting), NOON)
        return settings

    return make


def config(tmp_path: Path, **tags_by_url: str) -> str:
    path = tmp_path / "notify.yaml"
    entries = [f"  - {url}:\n      tag: {tags}" for url, tags in tags_by_url.items()]
    path.write_text("urls:\n" + "\n".join(entries))
    return str(path)


def happen(database: Database) -> None:
    """Let one enter the list of all, leave it, and reach 50,000 stars on that of Python."""
    put(database, repo(1, stars=49_000), repo(2), repo(3), at=NOON)
    put(database, repo(1, stars=49_500), repo(2), repo(4), at=NOON + 10 * MINUTE)
    put(database, repo(1, stars=49_500), ranked=PYTHON, at=NOON)
    put(database, repo(1, stars=50_001), ranked=PYTHON, at=NOON + 20 * MINUTE)


def run(
    database: Database, settings: Settings, now: Any = LATER, send: Any = targets.send
) -> dict[str, Any]:
    chosen = targets_of(settings.notify)
    notifying.fill(database, settings, chosen, now)
    return notifying.drain(database, settings, chosen, lambda: 9.0, lambda: now, send)


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    return [f"{it['kind']} {it['full_name']} {it['list']}" for it in messages]


ENTERED, LEFT, MILESTONE = (
    "entered Quiet/Harbor-4 stars",
    "left Quiet/Harbor-3 stars",
    "milestone Quiet/Harbor-1 python",
)


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ("always", [ENTERED, LEFT, MILESTONE]),
        ("stars", [ENTERED, LEFT]),
        ("left, milestone", [LEFT, MILESTONE]),
        ("quiet/harbor-3", [LEFT]),
        ("Quiet", [ENTERED, LEFT, MILESTONE]),
        ("trouble, quiet/harbor", []),
    ],
)
def test_a_targets_tags_choose_what_it_gets(
    tags: str, wanted: list[str], database: Database, told: Any, hooks: Webhooks, tmp_path: Path
) -> None:
    settings = told(config(tmp_path, **{f"json://{hooks.host}/hook": tags}))
    happen(database)

    run(database, settings)

    assert kinds(hooks.messages()) == wanted


def test_without_tags_it_is_what_concerns_followed_repositories_and_trouble(
    database: Database, told: Any, hooks: Webhooks
) -> None:
    settings = told(f"json://{hooks.host}/hook", watch=("quiet/harbor-1",))
    happen(database)
    with database.write() as session:
        follows.ask(session, "Quiet/Harbor-3", NOON, follow=True)
        follow = follows.follow_of(session, "Quiet/Harbor-3")
        assert follow is not None
        named = select(Repository.id).where(Repository.full_name == "Quiet/Harbor-3")
        follow.repository_id = session.scalar(named)
        for now in (NOON, LATER):
            chosen = targets_of(settings.notify)
            for change in alarms.changes(session, {"no-worker": "None runs."}, now):
                notifying.outbox.put(session, chosen[0].key, [change], now)

    run(database, settings)

    assert kinds(hooks.messages()) == ["trouble None None", LEFT, MILESTONE]


def test_a_webhook_gets_the_event_as_the_api_tells_it_and_people_a_sentence(
    database: Database, told: Any, hooks: Webhooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("apprise")
    from apprise.plugins.slack import NotifySlack

    monkeypatch.setattr(NotifySlack, "webhook_url", f"{hooks.url}/services")
    with mail_server() as (port, mails):
        mail = f"mailto://127.0.0.1:{port}/?mode=insecure&from=stars@h.test&to=me@h.test"
        urls = {f"json://{hooks.host}/hook": "entered", f"slack://{SECRET}/#stars": "entered"}
        settings = told(config(tmp_path, **urls, **{mail: "entered"}), public_url="https://s.test")
        happen(database)

        assert run(database, settings) == {"sent": 3, "failed": 0, "more": False}

    with database.read() as session:
        [event] = [it for it in notifying.events_of(session, 9) if it.kind == "entered"]
    assert hooks.messages() == [event.item]
    [slack] = [posted for path, posted in hooks.got if path == f"/services/{SECRET}"]
    sentence = "Quiet/Harbor-4 entered at rank 3 (Stars)"
    assert sentence in str(slack)
    assert "https://s.test/repos/Quiet/Harbor-4" in str(slack)
    [letter] = mails.got
    assert letter["To"] and letter["Subject"] == "Quiet/Harbor-4 entered at rank 3"
    assert sentence in str(letter)


def test_a_new_target_begins_with_what_is_new(
    database: Database, told: Any, hooks: Webhooks, tmp_path: Path
) -> None:
    happen(database)
    settings = told(config(tmp_path, **{f"json://{hooks.host}/hook": "always"}))

    assert run(database, settings)["sent"] == 0

    put(database, repo(1), repo(4), at=NOON + 30 * MINUTE)
    run(database, settings)
    assert kinds(hooks.messages()) == ["left Quiet/Harbor-2 stars"]


def test_an_hour_of_refusals_loses_nothing_and_repeats_nothing(
    database: Database, told: Any, hooks: Webhooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("apprise")
    from apprise.plugins.email import NotifyEmail
    from apprise.plugins.slack import NotifySlack

    monkeypatch.setattr(NotifySlack, "webhook_url", f"{hooks.url}/services")
    for kind in (NotifySlack, NotifyEmail):
        monkeypatch.setattr(kind, "request_rate_per_sec", 0)  # or it pauses after each
    urls = {f"json://{hooks.host}/hook": "always", f"json://{hooks.host}/other": "milestone"}
    with mail_server() as (port, mails):
        mail = f"mailto://127.0.0.1:{port}/?mode=insecure&from=stars@h.test&to=me@h.test"
        people = {f"slack://{SECRET}/#stars": "always", mail: "always"}
        settings = told(config(tmp_path, **urls, **people))
        happen(database)
        hooks.status, mails.refuses = 503, True

        for minute in range(60):
            run(database, settings, LATER + minute * MINUTE)

        with database.read() as session:
            waiting = states(session).values()
        assert sorted(it.waiting for it in waiting) == [1, 3, 3, 3]
        assert "it answered 503 (Service Unavailable)" in {it.why for it in waiting}
        assert 12 < hooks.refused < 75  # pauses grow

        hooks.status, mails.refuses = 200, False
        for minute in range(60, 130, 5):
            run(database, settings, LATER + minute * MINUTE)

    assert sorted(kinds(hooks.messages())) == [ENTERED, LEFT, MILESTONE]
    assert kinds(hooks.messages("/other")) == [MILESTONE]
    assert len({it["cursor"] for it in hooks.messages()}) == 3
    subjects = [
        "Quiet/Harbor-1 reached 50,000 stars",
        "Quiet/Harbor-3 left from rank 3",
        "Quiet/Harbor-4 entered at rank 3",
    ]
    assert sorted(it["Subject"] for it in mails.got) == subjects
    slacks = [str(posted) for path, posted in hooks.got if path == f"/services/{SECRET}"]
    assert sorted(subject for it in slacks for subject in subjects if subject in it) == subjects


def test_a_target_that_fails_for_a_day_is_a_trouble_until_it_takes_something(
    database: Database, told: Any, tmp_path: Path
) -> None:
    settings = told(config(tmp_path, **{"json://127.0.0.1:1/hook": "always"}))
    happen(database)

    def refuse(*what: Any) -> str:
        return "no answer"

    def take(*what: Any) -> None: ...

    def troubled() -> list[tuple[str, str]]:
        with database.read() as session:
            return [(row.name, row.why) for row in session.scalars(select(Trouble))]

    for hour in range(25):
        assert troubled() == []
        run(database, settings, LATER + hour * HOUR, refuse)

    since = clock.rfc3339(LATER)
    assert troubled() == [("NOTIFY 1 (json)", f"takes no notification since {since}: no answer")]
    with database.read() as session:
        given_up = session.scalars(select(Outbox).where(Outbox.due_at.is_(None))).all()
        assert len(given_up) <= 1  # each is tried for a day of its own

    run(database, settings, LATER + 27 * HOUR, take)
    assert troubled() == []


def test_one_that_hangs_is_left_after_its_time_and_the_others_are_told(
    database: Database, told: Any, hooks: Webhooks, tmp_path: Path
) -> None:
    urls = {"json://127.0.0.1:1/dead": "always", f"json://{hooks.host}/hook": "always"}
    settings = told(config(tmp_path, **urls))
    happen(database)

    assert run(database, settings) == {"sent": 3, "failed": 1, "more": False}


def test_troubles_are_told_once_when_they_begin_and_once_when_they_end(database: Database) -> None:
    told = []
    for minute in range(60):
        findings = (
            {"build-late": f"{minute} min old."} if minute not in (20, *range(40, 60)) else {}
        )
        with database.write() as session:
            for it in alarms.changes(session, findings, NOON + minute * MINUTE):
                told.append((minute, it["detail"]["state"], it["detail"]["why"]))

    assert told == [(5, "began", "5 min old."), (44, "ended", "39 min old.")]


def test_a_digest_is_one_message_a_week_that_says_what_the_page_does_over_gaps(
    database: Database, told: Any, hooks: Webhooks, tmp_path: Path
) -> None:
    settings = told(config(tmp_path, **{f"json://{hooks.host}/hook": "digest, stars, python"}))
    put(database, repo(1, stars=700), repo(2), repo(3), at=NOON - 8 * DAY)  # then nobody looked
    put(database, repo(1, stars=900), repo(2), repo(4), at=NOON)
    put(database, repo(9), ranked=PYTHON, at=NOON)
    builds.aggregate_lists(database, settings, LATER)
    monday = NOON.replace(hour=6) + timedelta(days=1)
    assert monday.weekday() == 0

    for at in (monday - HOUR, monday, monday + HOUR, monday + DAY):
        run(database, settings, at)

    [message] = [it for it in hooks.messages() if it["kind"] == "digest"]
    assert message["cursor"] == "digest 2026-W09"
    stars, python = message["detail"]["lists"]
    then = clock.rfc3339(NOON - 8 * DAY)
    rose = [{"full_name": "Quiet/Harbor-1", "gain": 200, "rank_gain": 0}]
    assert stars == {
        "list": "stars",
        "title": "Stars",
        "since": then,
        "known_since": then,
        "entered": ["Quiet/Harbor-4"],
        "left": ["Quiet/Harbor-3"],
        "rose": rose,
    }
    assert [python[it] for it in ("since", "known_since", "entered", "left")] == [
        *(None, clock.rfc3339(NOON)),
        *(None, None),
    ]
    assert notices.text(message, {}, None).splitlines() == [
        "Stars:",
        "  rose fastest: Quiet/Harbor-1 +200",
        "  entered: Quiet/Harbor-4",
        "  left: Quiet/Harbor-3",
        "Python:",
        "  who entered and left is not known: watched from 2026-03-01T12:00:00Z on",
    ]


def test_a_digest_of_lists_that_are_not_built_claims_no_quiet_week() -> None:
    unknown = digest.list_digest("stars", "Stars", None, [])

    assert digest.lines({"lists": [unknown]}) == ["Nothing is known yet of these lists."]
    known = unknown | {"entered": [], "left": [], "known_since": "2026-01-01T00:00:00Z"}
    assert digest.lines({"lists": [known]}) == ["Nothing changed on these lists."]


def test_a_target_that_is_gone_is_forgotten(
    database: Database, told: Any, make_settings: MakeSettings, tmp_path: Path
) -> None:
    told(config(tmp_path, **{"json://127.0.0.1:1/hook": "always"}))

    with database.write() as session:
        notifying.outbox.forget(session, (), LATER)

    with database.read() as session:
        assert states(session) == {}


def test_no_secret_is_in_sql_in_a_log_or_in_what_is_said(
    database: Database,
    told: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    urls = {
        "json://me:hunter2hunter2@127.0.0.1:1/Xk29secret": "always",
        "tgram://123456789:AAHsecretsecretsecretsecretsecretse/12345/": "always",
    }
    settings = told(config(tmp_path, **urls))
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.DEBUG)
    logs.configure(replace(settings, log_level="debug", notify=None))  # which redacts nothing
    happen(database)

    run(database, settings, send=lambda target, *rest: targets.send(target, *rest[:-1], 0.5))

    with database.read() as session:
        stored = [
            str(row)
            for table in ("outbox", "notified")
            for row in session.execute(text(f"SELECT * FROM {table}"))
        ]
    written = " ".join(
        (
            *stored,
            capsys.readouterr().out,
            repr(settings),
            repr(targets_of(settings.notify)[0].name),
        )
    )
    assert not [it for it in ("hunter2", "Xk29", "AAHsecret", "123456789") if it in written]
    assert {"hunter2hunter2", "Xk29secret", "AAHsecretsecretsecretsecretsecretse"} <= set(
        settings.secrets
    )
    assert not {"127.0.0.1", "127.0.0.1:1", "localhost"} & set(settings.secrets)
