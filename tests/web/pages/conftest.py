"""A site with pages that have all there is to show."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from store.database import Database
from tests.support.github import StubGitHub, answer, poll, repo
from tests.support.served import BUILT, publish


@pytest.fixture
def full(app: Flask, database: Database) -> FlaskClient:
    """A client, after an hour in which a lead, a name and a member of a list changed."""
    harbor, engine = repo(1, full_name="Quiet/Harbor"), repo(2, full_name="Loud/engine")
    gone = repo(3, full_name="Brief/Fame", stars=900)
    motor = repo(2, full_name="Loud/Motor", stars=50_000, forks=3, description=None)
    new = repo(4, full_name="Fresh/Face", stars=1_000, language="Go")
    poll(database, StubGitHub(answer([harbor, engine, gone])), -6)
    poll(database, StubGitHub(answer([motor, harbor, new])), 0)
    client = app.test_client()
    publish(client, BUILT)
    return client
