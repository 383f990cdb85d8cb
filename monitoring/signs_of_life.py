"""Signs of life in Redis: of which processes a host has a worker or a scheduler."""

import socket
from typing import Any
from uuid import uuid4

from rq import worker_registration
from rq_scheduler import Scheduler

KINDS = ("worker", "scheduler")


def scheduler_name() -> str:
    """Return a name for a scheduler of this host, which no other one has."""
    return f"{socket.gethostname()}-{uuid4().hex}"


def is_seen(redis: Any, kind: str) -> bool:
    """Whether a worker or a scheduler of this host gave a sign of life within the time that it has
    for the next one, after which Redis forgets it, and did not end. Raises redis.RedisError."""
    host = socket.gethostname().encode()
    if kind == "scheduler":
        keys = redis.scan_iter(f"{Scheduler.redis_scheduler_namespace_prefix}*", count=1000)
        mine = [key for key in keys if _host_of(key) == host]
        return any(not redis.hexists(key, "death") for key in mine)
    keys = worker_registration.get_keys(connection=redis)
    told = (redis.hmget(key, "hostname", "death") for key in keys)
    return any(hostname == host and death is None for hostname, death in told)


def _host_of(key: bytes) -> bytes:
    name = key.removeprefix(Scheduler.redis_scheduler_namespace_prefix.encode())
    return name.rpartition(b"-")[0]
