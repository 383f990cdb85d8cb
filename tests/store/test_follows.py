"""Wishes go by names, which repositories change and others take."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models import Follow, Repository, StarHistory
from store import follows, repositories, sampling
from store.database import Database
from store.follow_lists import follow_many
from store.refreshes import ask_again
from tests.support.stored import NOON, STEP, put, repo

OLD, NEW = "Acme/Tool", "Acme/Tool-Classic"


@pytest.fixture
def taken(database: Database) -> Database:
    """Repository 1 was followed as Acme/Tool, and is Acme/Tool-Classic since repository 2 took the
    name."""
    put(database, repo(1, full_name=OLD))
    with database.write() as session:
        row = follows.ask(session, OLD, NOON, follow=True).row
        assert row is not None
        follows.note_repository(session, OLD.lower(), session.get_one(Repository, 1))
    put(database, repo(1, full_name=NEW), repo(2, full_name=OLD), at=NOON + STEP)
    return database


def test_a_name_that_another_took_is_the_others(taken: Database) -> None:
    with taken.read() as session:
        of_new = follows.follow_of(session, NEW)

        assert of_new is not None and of_new.repository_id == 1
        assert follows.follow_of(session, OLD) is None
        assert set(follows.wishes_for(session, {1: NEW, 2: OLD})) == {1}


@pytest.mark.parametrize("many", [False, True])
def test_who_took_a_name_can_be_followed_beside_who_had_it(taken: Database, many: bool) -> None:
    with taken.write() as session:
        if many:
            asked = follow_many(session, [OLD, NEW], NOON + STEP)
            assert asked is not None and (asked.new, asked.known) == ([OLD], [NEW])
        else:
            assert follows.ask(session, OLD, NOON + STEP, follow=True).new
        follows.note_repository(session, OLD.lower(), session.get_one(Repository, 2))

    with taken.read() as session:
        rows = {row.full_name: row.repository_id for row in follows.all_followed(session)}
        assert rows == {NEW: 1, OLD: 2}
        assert follows.followed_ids(session, ()) == {1, 2}
        assert {it.full_name for it in sampling.sampled(session, ())} == {NEW, OLD}


def test_who_looks_at_one_that_took_a_name_does_not_take_the_follow_of_the_other(
    taken: Database,
) -> None:
    with taken.write() as session:
        read_at = NOON - timedelta(days=9)
        session.add(StarHistory(repository_id=2, pages_read=1, pages=1, read_at=read_at))
        session.flush()
        ask_again(session, 2, NOON + STEP)

    with taken.read() as session:
        assert follows.followed_ids(session, ()) == {1}


def test_one_that_was_asked_for_by_two_names_is_followed_once(database: Database) -> None:
    put(database, repo(1, full_name=NEW))
    with database.write() as session:
        follow_many(session, [OLD, NEW], NOON)
        for name in (NEW, OLD):
            repositories.store_names(
                session, {name.lower(): session.get_one(Repository, 1)}, NOON, NOON
            )
            follows.note_repository(session, name.lower(), session.get_one(Repository, 1))

    with database.write() as session:
        assert [row.full_name for row in follows.all_followed(session)] == [NEW]
        assert follows.room_taken(session) == 1
        assert follows.follow_of(session, OLD) is follows.follow_of(session, NEW)
        assert follows.unfollow(session, OLD)
        assert follows.followed_ids(session, ()) == set()


def test_to_unfollow_one_that_github_was_not_asked_for_yet_ends_no_other(
    database: Database,
) -> None:
    with database.write() as session:
        follow_many(session, ["a/a", "b/b"], NOON)
        assert follows.unfollow(session, "a/a")
        assert [row.full_name for row in follows.all_followed(session)] == ["b/b"]


def test_to_unfollow_ends_two_wishes_for_one_that_are_there_already(database: Database) -> None:
    put(database, repo(1, full_name=NEW))
    with database.write() as session:
        for name in (OLD, NEW):
            session.add(follows.wish(name, NOON, follow=True))
        session.flush()
        for row in session.scalars(select(Follow)):
            row.repository_id = 1

    with database.write() as session:
        assert follows.unfollow(session, NEW)
        assert follows.followed_ids(session, ()) == set()
