"""Connections to Redis, each as patient as its process can afford."""

import ssl
from typing import Any

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError, TimeoutError
from redis.retry import Retry


def connect(url: str, *, timeout: float, retries: int) -> Redis:
    """A client that waits `timeout` seconds for an answer and tries `retries` times more.

    Heroku's `rediss://` has a self-signed certificate, so TLS encrypts but does not verify.
    """
    unverified: dict[str, Any] = {"ssl_cert_reqs": ssl.CERT_NONE}
    return Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=min(timeout, 5),
        retry=Retry(ExponentialWithJitterBackoff(base=0.1, cap=5), retries),
        retry_on_error=[ConnectionError, TimeoutError] if retries else [],
        **(unverified if url.startswith("rediss://") else {}),
    )
