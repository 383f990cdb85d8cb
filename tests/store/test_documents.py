"""Documents: published all at once, never torn, never by an older build."""

import gzip
import json
from typing import Any

from sqlalchemy import select

from core.encoding import encoded
from models import Document
from store.database import Database
from store.documents import Build, changes, document, is_published
from store.documents import publish as publish_documents
from tests.support.stored import (
    MINUTE,
    NOON,
    PYTHON,
    STEP,
    publish,
    put,
    repo,
    rows,
    snapshot_of,
    statements,
)


def published(database: Database) -> dict[str, Any]:
    with database.read() as session:
        return {it.name: json.loads(it.body) for it in session.scalars(select(Document))}


class TestPublish:
    def test_a_document_is_ready_to_send(self, database: Database) -> None:
        publish(database, {"lists/stars": {"title": "Stérne ⭐", "items": [1, None]}})

        with database.read() as session:
            found = document(session, "lists/stars")
        assert found is not None
        assert found.body == '{"title":"Stérne ⭐","items":[1,null]}\n'.encode()
        assert gzip.decompress(found.gzipped) == found.body
        assert found.gzipped[4:8] == bytes(4)  # no time of day: one ETag, the same bytes
        assert len(found.etag) == 32
        assert (found.as_of, found.built_at, found.next_build_at) == (NOON, NOON, NOON + STEP)

    def test_the_etag_follows_the_body(self, database: Database) -> None:
        publish(database, {"a": {"stars": 1}, "b": {"stars": 1}, "c": {"stars": 2}})

        tags = dict(rows(database, "SELECT name, etag FROM document"))
        assert tags["a"] == tags["b"] != tags["c"]

    def test_replaces_all_documents_at_once(self, database: Database) -> None:
        publish(database, {"a": {"build": 1}, "b": {"build": 1}})

        with database.read() as session:
            first = document(session, "a")
            replaced = publish(
                database, {"a": {"build": 2}, "b": {"build": 2}}, built_at=NOON + MINUTE
            )
            second = document(session, "b")
            assert first is not None and second is not None
            seen = [json.loads(first.body), json.loads(second.body)]

        assert replaced
        assert seen == [{"build": 1}, {"build": 1}]
        assert published(database) == {"a": {"build": 2}, "b": {"build": 2}}

    def test_refuses_a_build_that_is_older_than_what_is_out(self, database: Database) -> None:
        put(database, repo(1))
        stars = snapshot_of(database)
        publish(database, {"a": {"build": 2}}, stars)
        before = rows(database, "SELECT * FROM document, standing")

        replaced = publish(database, {"a": {"build": 1}, "b": {}}, built_at=NOON - MINUTE)

        assert not replaced
        assert rows(database, "SELECT * FROM document, standing") == before

    def test_the_same_build_twice_is_the_same(self, database: Database) -> None:
        put(database, repo(1))
        stars = snapshot_of(database)
        publish(database, {"a": {"build": 1}}, stars)
        before = rows(database, "SELECT * FROM document, standing")

        replaced = publish(database, {"a": {"build": 1}}, stars)

        assert replaced
        assert rows(database, "SELECT * FROM document, standing") == before

    def test_what_was_prepared_holds_unless_another_build_came_between(
        self, database: Database
    ) -> None:
        put(database, repo(1))
        stars, ready = snapshot_of(database), encoded({"build": 2}, NOON)
        build = Build(NOON + MINUTE, NOON + STEP, {"lists": ready, "a": ready}, [stars])
        with database.read() as session:
            prepared = changes(session, build, NOON + MINUTE)
        publish(database, {"lists": {}, "a": {}, "b": {}}, stars)

        with statements(database) as told, database.write() as session:
            assert publish_documents(session, build, NOON + MINUTE, prepared)
        anew = len(told)
        with database.read() as session:
            prepared = changes(session, build, NOON + MINUTE)
        with statements(database) as told, database.write() as session:
            assert publish_documents(session, build, NOON + MINUTE, prepared)

        assert published(database) == {"lists": {"build": 2}, "a": {"build": 2}}
        assert rows(database, "SELECT * FROM standing") == [(1, 1, 1)]
        others = [sql for sql in told if not sql.startswith("SELECT pg_advisory")]
        assert len(others) == 2 < anew, others  # which build is out, and the documents

    def test_the_documents_of_a_removed_list_go_and_so_do_its_standings(
        self, database: Database
    ) -> None:
        put(database, repo(1), repo(2))
        put(database, repo(2), ranked=PYTHON)
        stars, python = snapshot_of(database), snapshot_of(database, PYTHON)
        publish(database, {"lists/stars": {}, "lists/python": {}}, stars, python)
        before = rows(database, "SELECT repository_id, list_id, rank FROM standing ORDER BY 2, 3")

        publish(database, {"lists/stars": {}}, stars, built_at=NOON + MINUTE)

        standings = rows(database, "SELECT repository_id, list_id, rank FROM standing")
        assert before == [(1, 1, 1), (2, 1, 2), (2, 2, 1)]
        assert standings == [(1, 1, 1), (2, 1, 2)]
        assert published(database) == {"lists/stars": {}}

    def test_what_is_not_published_is_not_there(self, database: Database) -> None:
        publish(database, {"lists/stars": {}})

        with database.read() as session:
            assert is_published(session, "lists/stars")
            assert not is_published(session, "lists/forks")
            assert document(session, "lists/forks") is None
