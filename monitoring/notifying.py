"""Telling people what happened: news is put into the outbox in SQL, and sent from there. Each step
is a transaction, so one that is killed loses nothing; what is sent twice has the same cursor."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from redis import Redis
from sqlalchemy.orm import Session

from core import clock, digest, notices
from core.clock import Clock
from core.leaderboards import movers_name
from core.schemas import Notice
from monitoring import checks, status, targets
from monitoring.targets import SEND_WITHIN, Target
from settings import Settings
from store import alarms, documents, outbox, troubles
from store.database import Database
from store.events import EventRecord, events_of
from store.follows import followed_ids
from store.outbox import Delivery
from store.spikes import lists_of

AT_ONCE = 200  # events that are put into the outbox in a transaction
DIGEST_AT = timedelta(hours=6)  # on Mondays, UTC
FAILS_FOR = clock.DAY  # until a target that takes nothing is a trouble

Send = Callable[[Target, Notice, str, float], str | None]

log = structlog.get_logger("starboard")


def fill(database: Database, settings: Settings, chosen: Sequence[Target], now: datetime) -> None:
    """Put what is new into the outbox, for each of the targets that want it."""
    keys = [target.key for target in chosen]
    with database.write() as session:
        outbox.forget(session, keys, now)
        for target in chosen:  # a new one begins here
            outbox.cursor_of(session, target.key, now)
    for target in chosen:
        more = True
        while more:
            with database.write() as session:
                more = _put_events(session, settings, target, now)
    with database.write() as session:
        _put_digest(session, settings, chosen, now)


def watch_troubles(
    database: Database, redis: Redis, settings: Settings, chosen: Sequence[Target], now: datetime
) -> None:
    """Put the troubles that began or ended into the outbox. They are those of the status page."""
    findings = checks.findings(status.live(database, redis, settings, now), settings, now)
    with database.write() as session:
        changed = list(alarms.changes(session, findings, now))
        for target in chosen:
            if notices.wants(target.tags, {"trouble"}, False):
                outbox.put(session, target.key, changed, now)


def drain(
    database: Database,
    settings: Settings,
    chosen: Sequence[Target],
    seconds_left: Callable[[], float],
    now: Clock = clock.now,
    send: Send = targets.send,
) -> dict[str, Any]:
    """Send what is due, as long as there is time. A target that does not take one is let be until
    the next run. `more`: whether some was left."""
    able = {target.key: target for target in chosen}
    titles = {ranked.slug: ranked.title for ranked in settings.lists}
    told = {"sent": 0, "failed": 0}
    while able:
        if seconds_left() < 1:
            return told | {"more": True}
        with database.write() as session:
            delivery = outbox.take(session, list(able), now())
        if delivery is None:
            break
        target = able[delivery.target]
        text = notices.text(delivery.message, titles, settings.public_url)
        why = send(target, delivery.message, text, min(SEND_WITHIN, seconds_left()))
        _note(database, target, delivery, why, now())
        if why is not None:
            del able[target.key]
        told["failed" if why else "sent"] += 1
    return told | {"more": False}


def test(settings: Settings, target: Target, now: datetime) -> str | None:
    """Send a test to a target now. Returns why it was not taken; None where it was."""
    notice = notices.notice("test", f"test {clock.rfc3339(now)}", now)
    return targets.send(target, notice, notices.text(notice, {}, settings.public_url))


def _put_events(session: Session, settings: Settings, target: Target, now: datetime) -> bool:
    """Put the next events that a target wants into its outbox; say whether there may be more."""
    cursor = outbox.cursor_of(session, target.key, now)
    events = events_of(session, AT_ONCE, after=cursor)
    if not events:
        return False
    followed = followed_ids(session, settings.watch)
    wanted: list[Notice] = [
        event.item  # type: ignore[misc]  # has all that a Notice has
        for event in events
        if notices.wants(target.tags, _labels(session, event), _is_followed(event, followed))
    ]
    outbox.put(session, target.key, wanted, now)
    outbox.advance(session, target.key, events[-1].cursor)
    return len(events) == AT_ONCE


def _labels(session: Session, event: EventRecord) -> frozenset[str]:
    everywhere = event.kind == "spike"  # it is told once, on whatever lists a repository is
    return notices.labels(event.item, lists_of(session, event.repository_id) if everywhere else ())


def _is_followed(event: EventRecord, followed: set[int]) -> bool:
    return event.slug == notices.FOLLOWED or event.repository_id in followed


def _put_digest(
    session: Session, settings: Settings, chosen: Sequence[Target], now: datetime
) -> None:
    """On Mondays, put the week before into the outbox of those that want it."""
    monday = clock.floor(now, clock.DAY)
    if now.weekday() != 0 or now < monday + DIGEST_AT:
        return
    week = digest.week_of(monday - clock.DAY)
    for target in chosen:
        if notices.wants(target.tags, {"digest"}, False):
            lists = [_list_digest(session, settings, slug) for slug in _lists(settings, target)]
            notice = notices.notice(
                "digest", f"digest {week}", monday + DIGEST_AT, week=week, lists=lists
            )
            outbox.put(session, target.key, [notice], now)


def _lists(settings: Settings, target: Target) -> list[str]:
    """The lists that a digest tells of: those among a target's tags, or all repositories' and what
    is followed."""
    slugs = [ranked.slug for ranked in settings.lists]
    tagged = [slug for slug in slugs if slug in {tag.lower() for tag in target.tags}]
    return tagged or [slug for slug in slugs if slug in (slugs[0], notices.FOLLOWED)]


def _list_digest(session: Session, settings: Settings, slug: str) -> digest.ListDigest:
    """What the page tells of a week, by the same documents."""
    names = (f"changes/{slug}/7d", movers_name(slug, "7d"))
    found = (documents.document(session, name) for name in names)
    changes, movers = (json.loads(each.body) if each else None for each in found)
    return digest.list_digest(
        slug, settings.ranked(slug).title, changes, movers["items"] if movers else []
    )


def _note(
    database: Database, target: Target, delivery: Delivery, why: str | None, now: datetime
) -> None:
    """Note what came of a delivery. A target that has taken nothing for a day is a trouble."""
    subject = f"NOTIFY {target.name}"
    with database.write() as session:
        if why is None:
            outbox.note_sent(session, delivery)
            troubles.end_trouble(session, subject)
            return
        since = outbox.note_failed(session, delivery, why, now)
        if since is not None and now >= since + FAILS_FOR:
            told = f"takes no notification since {clock.rfc3339(since)}: {why}"
            troubles.note_trouble(session, subject, told, now, FAILS_FOR)
    log.warning("not notified", target=target.name, message=delivery.id, why=why)
