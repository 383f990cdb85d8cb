"""Each process's connection to Redis is as patient as it asked to be, over TLS too."""

import socket
import ssl
from collections.abc import Iterator

import pytest
from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.connection import SSLConnection
from redis.exceptions import ConnectionError, TimeoutError
from redis.retry import Retry

import queues


@pytest.fixture
def silent_url() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def test_tls_encrypts_without_verifying_since_herokus_certificate_is_its_own() -> None:
    pool = queues.connect("rediss://:word@redis.test:6380", timeout=1, retries=0).connection_pool

    connection = pool.make_connection()

    assert isinstance(connection, SSLConnection)
    assert (connection.cert_reqs, connection.check_hostname) == (ssl.CERT_NONE, False)
    assert (connection.host, connection.port, connection.password) == ("redis.test", 6380, "word")


def test_a_plain_connection_is_not_given_the_settings_of_tls(valkey_url: str) -> None:
    with queues.connect(valkey_url, timeout=1, retries=0) as client:
        assert client.ping() is True


@pytest.mark.parametrize(
    ("timeout", "connect_timeout", "retries", "retried"),
    [
        (1, 1, 0, []),
        (30, 5, 30, [ConnectionError, TimeoutError]),
    ],
)
def test_a_process_says_how_long_it_waits_and_how_often_it_tries_again(
    timeout: float, connect_timeout: float, retries: int, retried: list[type[Exception]]
) -> None:
    client = queues.connect("redis://redis.test", timeout=timeout, retries=retries)

    asked = client.connection_pool.connection_kwargs
    backoff = ExponentialWithJitterBackoff(base=0.1, cap=5)
    assert (asked["socket_timeout"], asked["socket_connect_timeout"]) == (timeout, connect_timeout)
    assert (asked["retry"], asked["retry_on_error"]) == (Retry(backoff, retries), retried)


def test_who_does_not_retry_hears_at_once_of_a_server_that_hangs(silent_url: str) -> None:
    client: Redis = queues.connect(silent_url, timeout=0.05, retries=0)

    with pytest.raises(TimeoutError):
        client.ping()
