"""GitHub's rate limits, as the fake GitHub keeps them."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from core import clock


@dataclass(frozen=True, slots=True)
class Quota:
    """The requests that GitHub allows in a window, without and with a token."""

    anonymous: int
    authorized: int
    window: timedelta


class Meter:
    """The requests used of GitHub's windows: one a resource and caller, opened by a first request.

    A caller is an Authorization header; all without one count as one address.
    """

    def __init__(self, limits: Mapping[str, Quota]) -> None:
        self.limits = limits
        self._windows: dict[tuple[str, str | None], tuple[int, int]] = {}  # used, reset
        self._lock = threading.Lock()

    def report(self, resource: str, caller: str | None, at: datetime) -> dict[str, int]:
        """The window that is open, or else the one that a request now would open.

        As at GitHub a window begins and ends with a whole second.
        """
        limit = self.limits[resource]
        allowed = limit.authorized if caller else limit.anonymous
        used, reset = self._windows.get((resource, caller), (0, 0))
        if at.timestamp() >= reset:
            used, reset = 0, int((at + limit.window).timestamp())
        return {"limit": allowed, "used": used, "remaining": allowed - used, "reset": reset}

    def count(self, resource: str, caller: str | None, at: datetime, requests: int = 1) -> bool:
        """Count requests (-1 takes one back); false, uncounted, where the limit forbids it."""
        with self._lock:
            window = self.report(resource, caller, at)
            used = window["used"] + requests
            allowed = 0 <= used <= window["limit"]
            if allowed:
                self._windows[resource, caller] = used, window["reset"]
            return allowed


LIMITS = {
    "core": Quota(60, 5_000, clock.HOUR),
    "search": Quota(10, 30, timedelta(minutes=1)),
    "graphql": Quota(0, 5_000, clock.HOUR),  # in points
}
