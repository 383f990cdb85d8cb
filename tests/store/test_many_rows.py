"""Rows inserted by the driver's own means, or in place of others."""

from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

import models
from models import List, Placement, Poll, RateLimitState
from store.database import Database, insert_rows, upsert
from tests.support.stored import MINUTE, NOON, budget, poll, rows, slugs


@pytest.mark.parametrize(
    ("update", "strikes", "remaining"),
    [((), 1, 10), (("undated_refusals",), 2, 10), (("undated_refusals", "remaining"), 2, 20)],
)
def test_upsert_sets_the_named_columns_of_a_row_that_is_there_and_no_others(
    database: Database, update: tuple[str, ...], strikes: int, remaining: int
) -> None:
    with database.write() as session:
        upsert(session, RateLimitState, [budget(undated_refusals=1, remaining=10)])

    with database.write() as session:
        changed = [
            budget(undated_refusals=2, remaining=20),
            budget("core", undated_refusals=3, remaining=30),
        ]
        upsert(session, RateLimitState, changed, update=update)

    assert rows(database, "SELECT resource, strikes, remaining FROM budget ORDER BY 1") == [
        ("core", 3, 30),
        ("search", strikes, remaining),
    ]


def test_upsert_of_nothing_does_nothing(database: Database) -> None:
    with database.write() as session:
        upsert(session, RateLimitState, [])

    assert rows(database, "SELECT * FROM budget") == []


POLL_COLUMNS = ("list_id", "slot", "outcome", "fetched_at", "rows")


def test_many_rows_are_inserted_and_those_whose_key_is_taken_are_left_out(
    database: Database,
) -> None:
    with database.write() as session:
        session.add(List(slug="stars"))
        session.flush()
        session.add(poll(rows=7))
        session.flush()
        noon = int(NOON.timestamp())
        new = [(1, noon + 600 * number, "imported", 1000 * noon + 5, number) for number in range(3)]
        insert_rows(session, Poll, POLL_COLUMNS, [*new, new[2]])

    with database.read() as session:
        found = session.scalars(select(Poll).order_by(Poll.slot)).all()
    assert [(it.slot - NOON, it.outcome, it.rows, it.error) for it in found] == [
        (0 * MINUTE, "good", 7, None),
        (10 * MINUTE, "imported", 1, None),
        (20 * MINUTE, "imported", 2, None),
    ]
    assert found[1].fetched_at == NOON + timedelta(milliseconds=5)


def test_rows_may_have_truth_values_missing_ones_and_any_text(database: Database) -> None:
    with database.write() as session:
        columns = ("id", "full_name", "description", "html_url", "seen_at")
        described = [(1, "o/a", "50 % of 'a' ? :b ½", "", 0), (2, "o/b", None, "", 0)]
        insert_rows(session, models.Repository, columns, described)
        session.add(List(slug="stars"))
        session.flush()
        counts = ("stars", "forks", "open_issues")
        columns = ("list_id", "slot", "rank", "repository_id", *counts, "carried_over")
        places = [(1, 600, 1, 1, 9, 9, 9, False), (1, 600, 2, 2, 9, 9, 9, True)]
        insert_rows(session, Placement, columns, places)

    with database.read() as session:
        kept = session.scalars(select(Placement.carried_over).order_by(Placement.rank)).all()
    told = rows(database, "SELECT description FROM repository ORDER BY id")
    assert (told, kept) == ([("50 % of 'a' ? :b ½",), (None,)], [False, True])


def test_rows_go_with_the_transaction_that_fails(database: Database) -> None:
    with suppress(ZeroDivisionError), database.write() as session:
        insert_rows(session, List, ("slug",), [("stars",), ("forks",)])
        raise ZeroDivisionError

    assert slugs(database) == []


def test_no_rows_are_no_trouble(database: Database) -> None:
    with database.write() as session:
        insert_rows(session, List, ("slug",), [])

    assert slugs(database) == []


def test_a_row_of_a_list_that_is_not_there_is_refused(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        insert_rows(session, Poll, POLL_COLUMNS, [(5, 0, "imported", 0, 0)])
