"""Series as they were sent last: for as long as they would be made from the same again, they are
neither made nor zipped anew."""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, NamedTuple

from cachetools import LRUCache
from flask import Response, current_app

from core.encoding import gzip_compressed
from web.cache import ENTRY_BYTES
from web.replies import QUICKLY, ZippedResponse

MOST_BYTES = 8_000_000  # of memory: forty series of seven years


class Kept(NamedTuple):
    """A series as it is sent, plain and zipped. `lasts`: it is the same a minute later.
    `following`: the query of its next page."""

    body: bytes
    gzipped: bytes
    headers: list[tuple[str, str]]
    lasts: bool
    following: dict[str, Any] | None

    @classmethod
    def of(cls, response: Response, lasts: bool, following: dict[str, Any] | None) -> "Kept":
        response.add_etag()
        body = response.get_data()
        return cls(body, gzip_compressed(body, QUICKLY), list(response.headers), lasts, following)

    @property
    def size(self) -> int:
        return len(self.body) + len(self.gzipped) + ENTRY_BYTES

    def response(self) -> Response:
        response = ZippedResponse(self.body, headers=self.headers)
        response.gzipped = self.gzipped
        return response


class KeptSeries:
    """The series that were sent last, by what was asked for and what they were made from."""

    def __init__(self) -> None:
        self._kept: LRUCache[Hashable, Kept] = LRUCache(MOST_BYTES, getsizeof=lambda it: it.size)
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """Return what is kept, or what is made now."""
        with self._lock:
            found = self._kept.get(key)
        if found is None:
            found = make()
            if found.lasts and found.size <= MOST_BYTES:
                with self._lock:
                    self._kept[key] = found
        return found


def kept_series() -> KeptSeries:
    """Return those of this process."""
    kept: KeptSeries = current_app.extensions.setdefault("series", KeptSeries())
    return kept
