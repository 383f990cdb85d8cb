"""`flask --app app alive`, which healthchecks ask: whether this host has a living worker."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from redis import Redis

import queues
from scheduler import SafeScheduler
from tests.support.common import MakeApp
from tests.support.served import run
from worker import PromptWorker

HERE = socket.gethostname()


@pytest.fixture
def app(make_app: MakeApp, redis: Redis, valkey_url: str) -> Flask:
    """An app with an empty Redis; of the database it needs nothing."""
    return make_app(redis_url=valkey_url)


def worker(url: str) -> Any:
    return PromptWorker(queues.connect(url, timeout=5, retries=0))


def scheduler(url: str) -> Any:
    return SafeScheduler([], queues.connect(url, timeout=5, retries=0))


@pytest.mark.parametrize("make_app", ["by Flask"], indirect=True)
@pytest.mark.parametrize(("make", "within"), [(worker, 90), (scheduler, 12)])
def test_one_is_seen_while_it_lives_on_this_host(
    make: Callable[[str], Any],
    within: int,
    app: Flask,
    redis: Redis,
    valkey_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind = make.__name__
    seen = (0, f"A {kind} runs on {HERE}.\n", "")
    unseen = (1, "", f"Error: Redis heard nothing lately of a {kind} on {HERE}\n")
    assert run(app, "alive", kind) == unseen

    with monkeypatch.context() as patch:
        patch.setattr(socket, "gethostname", lambda: "elsewhere")
        make(valkey_url).register_birth()
    assert run(app, "alive", kind) == unseen

    one = make(valkey_url)
    one.register_birth()
    assert run(app, "alive", kind) == seen
    assert 0 < redis.ttl(one.key) <= within  # so one that hangs is forgotten soon
    one.heartbeat()
    assert 0 < redis.ttl(one.key) <= within

    one.register_death()
    assert run(app, "alive", kind) == unseen


@pytest.mark.parametrize("make_app", ["by Flask"], indirect=True)
def test_a_scheduler_is_seen_again_after_redis_was_wiped(
    app: Flask, redis: Redis, valkey_url: str
) -> None:
    one = scheduler(valkey_url)
    one.register_birth()
    redis.flushall()

    one.heartbeat()

    assert run(app, "alive", "scheduler")[0] == 0


def test_without_redis_it_is_one_line(make_app: MakeApp) -> None:
    code, out, err = run(make_app(), "alive", "worker")

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("Error: Redis cannot be reached")
