"""…"""

import math
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from flask import Response, request
from sqlalchemy.exc import DBAPIError

from core import clock
from monitoring import metrics
from web.http_headers import KEEP, SHELF, Environ, Headers, of_every_reply, request_id
from web.replies import Reply, _accepts_gzip

Prepared = tuple[str, Headers, list[bytes], metrics.Observe]

LOOK_EVERY = 1.0  # seconds until a process notices a new build

LOOK_PATIENCE = 0.5  # seconds that a request waits for that

ROOM = 32_000_000  # bytes of bodies that a process keeps

MOST, LONGEST = 2_000, 500  # requests whose reply is kept, and characters of such a one

REQUEST = ("PATH_INFO", "QUERY_STRING", "HTTP_HOST", "HTTP_X_FORWARDED_PROTO")

CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")

ASKED = (*REQUEST, "REQUEST_METHOD", "HTTP_ACCEPT_ENCODING", *CONDITIONS)  # all that matters


def kept(key: tuple[object, ...], make: Callable[[], Reply]) -> Response:
    """The reply that a key stands for, however it is asked for: made once a build, while others who
    ask for it wait."""
    shelf: Shelf | None = request.environ.get(SHELF)
    reply, keep = shelf.reply(key, make) if shelf else (make(), False)
    return reply.response(keep=keep)


def _request(environ: Environ) -> tuple[str | None, ...]:
    """What a reply may depend on besides what it was made from."""
    return tuple(map(environ.get, REQUEST))


@dataclass(frozen=True, slots=True)
class Kept:
    """A reply on the shelf, with what all of its answers have."""

    reply: Reply
    route: str
    common: Headers

    def prepare(self, environ: Environ) -> Prepared | None:
        """What to send, and what to tell of the time it took; None where Flask has to look."""
        method = environ["REQUEST_METHOD"]
        if method not in metrics.READS or "HTTP_IF_MATCH" in environ:
            return None
        accepts_gzip = _accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        known = self.reply.is_known(environ)
        status, headers, body = self.reply.answer(accepts_gzip, known, clock.now())
        observe = metrics.observe(self.route, method, int(status[:3]))
        return status, headers + self.common, [body if method == "GET" else b""], observe


class Shelf:
    """The replies of one build: by what they are, and by the requests that they answer."""

    def __init__(self, build: object = None) -> None:
        self.build = build  # None: there is none, and nothing is kept
        self.by_request: dict[tuple[str | None, ...], Kept] = {}
        self.prepared: dict[tuple[str | None, ...], Prepared] = {}  # for a second
        self.prepared_at = -math.inf
        self._replies: dict[tuple[object, ...], Reply] = {}
        self._room = ROOM
        self._writing = threading.Lock()
        self._making = [threading.Lock() for _ in range(16)]

    def reply(self, key: tuple[object, ...], make: Callable[[], Reply]) -> tuple[Reply, bool]:
        """The reply of a key, made by the first who asks, and whether it is kept."""
        with self._making[hash(key) % len(self._making)]:
            if key in self._replies:
                return self._replies[key], True
            reply = make()
            if self.build is None or reply.size > ROOM:
                return reply, False
            with self._writing:
                self._make_room(reply.size)
                self._replies[key] = reply
            return reply, True

    def _make_room(self, size: int) -> None:
        """Let the oldest replies go."""
        while self._room < size:
            oldest = self._replies.pop(next(iter(self._replies)))
            self._room += oldest.size
            kept = self.by_request.items()
            self.by_request = {key: it for key, it in kept if it.reply is not oldest}
        self._room -= size

    def prepare(self, environ: Environ, asked: tuple[str | None, ...]) -> Prepared | None:
        """The answer to a request, if its reply is kept; others like it find it prepared."""
        kept = self.by_request.get(_request(environ))
        prepared = kept.prepare(environ) if kept else None
        if prepared is not None and len(self.prepared) < MOST:
            self.prepared[asked] = prepared
        return prepared

    def put(self, environ: Environ) -> None:
        """Keep what a view has left for requests like this one, unless it is absurdly long. Of many
        the oldest goes."""
        request = _request(environ)
        if sum(len(it or "") for it in request) > LONGEST:
            return
        with self._writing:
            if request not in self.by_request and len(self.by_request) >= MOST:
                del self.by_request[next(iter(self.by_request))]
            reply: Reply = environ[KEEP]
            common = of_every_reply(environ["PATH_INFO"], reply.content_type)
            self.by_request[request] = Kept(reply, environ[metrics.ROUTE], common)


class Front:
    """WSGI in front of Flask: it sends again what a view said holds until the next build."""

    def __init__(
        self, app: Callable[..., Iterable[bytes]], newest_build: Callable[[], object]
    ) -> None:
        self.app = app
        self.look_every = LOOK_EVERY
        self._newest_build = newest_build
        self._shelf = Shelf()
        self._looked_at = -math.inf
        self._looking = threading.Lock()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = time.perf_counter()
        asked = tuple(map(environ.get, ASKED))
        shelf = self._current()
        prepared = shelf.prepared.get(asked) or shelf.prepare(environ, asked)
        if prepared is None:
            environ[SHELF] = shelf
            response = self.app(environ, start_response)
            if KEEP in environ:
                shelf.put(environ)
            return response
        status, headers, body, observe = prepared
        start_response(status, [*headers, ("X-Request-ID", request_id(environ))])
        metrics.tell_soon(observe, time.perf_counter() - started)
        return body

    def _current(self) -> Shelf:
        """The shelf of the newest build. One request a second has a thread look which that is, and
        waits for it, but not for long: a database may hang. What was prepared tells the time, so
        that it holds for a second, too."""
        now = time.monotonic()
        if now >= self._shelf.prepared_at + self.look_every:
            self._shelf.prepared_at, self._shelf.prepared = now, {}
        if now >= self._looked_at + self.look_every and self._looking.acquire(blocking=False):
            self._looked_at = now
            look = threading.Thread(target=self._look, daemon=True)
            look.start()
            look.join(LOOK_PATIENCE)
        return self._shelf

    def _look(self) -> None:
        try:
            with suppress(DBAPIError):  # what is kept stays
                build = self._newest_build()
                if build != self._shelf.build:
                    self._shelf = Shelf(build)
        finally:
            self._looking.release()
