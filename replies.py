"""Replies that hold until the next build: made once, and sent again by a few lines of WSGI in front
of Flask for as long as no newer build is out."""

import itertools
import math
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, TypedDict

from flask import Response, request
from sqlalchemy.exc import DBAPIError
from werkzeug.datastructures import Accept
from werkzeug.exceptions import PreconditionFailed
from werkzeug.http import http_date, is_resource_modified, parse_accept_header, parse_etags
from werkzeug.wsgi import get_host

import clock
import metrics
import store

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Answer = tuple[str, Headers, bytes]  # status, headers and body
Prepared = tuple[str, Headers, list[bytes], metrics.Observe]

LOOK_EVERY = 1.0  # seconds until a process notices a new build
LOOK_PATIENCE = 0.5  # seconds that a request waits for that
ROOM = 32_000_000  # bytes of bodies that a process keeps
MOST, LONGEST = 2_000, 500  # requests whose reply is kept, and characters of such a one
SHELF, KEEP = "starboard.shelf", "starboard.keep"  # what front and views leave for one another
REQUEST = ("PATH_INFO", "QUERY_STRING", "HTTP_HOST", "HTTP_X_FORWARDED_PROTO")
CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")
ASKED = (*REQUEST, "REQUEST_METHOD", "HTTP_ACCEPT_ENCODING", *CONDITIONS)  # all that matters
STALE_IF_ERROR = clock.DAY
REQUEST_ID = re.compile(r"[\w.:-]{1,100}", re.ASCII)
OPEN = ("/api/", "/charts", "/badges/", "/feeds/", "/openapi.json")  # to pages of other sites
COMMON: Headers = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
]
OF_PAGES: Headers = [
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
OF_DATA: Headers = [  # a picture brings its style with it
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
]
OF_OPEN: Headers = [
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "ETag, Link, Retry-After, Starboard-Age, Starboard-Stale"),
]

OF_PREFLIGHTS: Headers = [  # what a page of another site may send
    ("Access-Control-Allow-Methods", "GET, HEAD"),
    ("Access-Control-Allow-Headers", "If-None-Match, If-Modified-Since, X-Request-ID"),
    ("Access-Control-Max-Age", "86400"),
]


class Problem(TypedDict):
    """An error (RFC 9457); `detail` says what would be right."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


@dataclass(frozen=True, slots=True)
class Build:
    """What a reply was made from. `as_of`: the newest slot in it. It is stale once it is older than
    `stale_after`, which leaves a poll and a build the time to replace it."""

    built_at: datetime
    next_build_at: datetime
    as_of: datetime | None
    every: timedelta
    stale_after: timedelta


@dataclass(frozen=True)
class Reply:
    """A body that holds until the next build, with its gzipped twin; `etag` is without quotes."""

    body: bytes
    gzipped: bytes
    etag: str
    content_type: str
    build: Build

    @classmethod
    def of(cls, body: bytes, content_type: str, build: Build) -> "Reply":
        return cls(body, store.zipped(body), store.etag_of(body), content_type, build)

    @cached_property
    def tags(self) -> tuple[str, str]:
        """The ETags of the body and of its twin."""
        return f'"{self.etag}"', f'"{self.etag}-gzip"'

    @cached_property
    def _fixed(self) -> list[tuple[bytes, Headers, Headers]]:
        """Of the body and of its twin: what is sent, and the headers of 200 and of 304."""
        variants = []
        for tag, body, encoding in zip(
            self.tags, (self.body, self.gzipped), ([], [("Content-Encoding", "gzip")]), strict=True
        ):
            both = [("ETag", tag), ("Vary", "Accept-Encoding")]
            entity = [
                ("Content-Type", self.content_type),
                ("Content-Length", str(len(body))),
                ("Last-Modified", http_date(self.build.built_at)),
                *encoding,
            ]
            variants.append((body, both + entity, both))
        return variants

    def answer(self, accepts_gzip: bool, has_it: bool, now: datetime) -> Answer:
        """What to send to a reader who takes gzip or not, and has it already or not."""
        body, headers, headers_of_304 = self._fixed[accepts_gzip]
        if has_it:
            return "304 Not Modified", headers_of_304 + self._of_the_moment(now), b""
        return "200 OK", headers + self._of_the_moment(now), body

    def _of_the_moment(self, now: datetime) -> Headers:
        """The headers that change though nothing was rebuilt."""
        build = self.build
        left = max(0, int((build.next_build_at - now).total_seconds()))
        headers = [("Cache-Control", f"public, max-age={left}{_when_late(build.every)}")]
        if build.as_of is not None:
            age = now - build.as_of
            headers.append(("Starboard-Age", str(int(age.total_seconds()))))
            headers.append(("Starboard-Stale", "?1" if age > build.stale_after else "?0"))
        return headers

    def is_known(self, environ: Environ) -> bool:
        """Whether the reader has it already, by the request's conditions (RFC 9110, 13.2.2)."""
        tags, since = environ.get("HTTP_IF_NONE_MATCH"), environ.get("HTTP_IF_MODIFIED_SINCE")
        if tags is not None:
            return tags in self.tags or any(
                parse_etags(tags).contains_weak(it.strip('"')) for it in self.tags
            )
        built_at = self.build.built_at
        return since is not None and not is_resource_modified(environ, last_modified=built_at)

    @property
    def size(self) -> int:
        return len(self.body) + len(self.gzipped)

    def response(self, *, keep: bool = False) -> Response:
        """The same through Flask, for the current request and all of its conditions. To `keep` it
        is to let the front send it by itself from now on."""
        if keep:
            request.environ[KEEP] = self
        accepts_gzip = _accepts_gzip(request.headers.get("Accept-Encoding", ""))
        known = not request.if_match and self.is_known(request.environ)
        status, headers, body = self.answer(accepts_gzip, known, clock.now())
        return conditional(Response(body, status, headers, content_type=self.content_type))


def kept(key: tuple[object, ...], make: Callable[[], Reply]) -> Response:
    """The reply that a key stands for, however it is asked for: made once a build, while others who
    ask for it wait."""
    shelf: Shelf | None = request.environ.get(SHELF)
    reply, keep = shelf.reply(key, make) if shelf else (make(), False)
    return reply.response(keep=keep)


def conditional(response: Response) -> Response:
    """The response, or 304 for one who has it."""
    if response.status_code == 200:
        response.make_conditional(request)
    if response.status_code == 412:
        raise PreconditionFailed(f"{request.path} is not (any more) what was asked for")
    return response


@lru_cache(maxsize=256)
def _accepts_gzip(header: str) -> bool:
    return parse_accept_header(header, Accept)["gzip"] > 0


@lru_cache
def _when_late(every: timedelta) -> str:
    revalidate, error = int(every.total_seconds()), int(STALE_IF_ERROR.total_seconds())
    return f", stale-while-revalidate={revalidate}, stale-if-error={error}"


_RUN, _NUMBERS = uuid.uuid4().hex[:16], itertools.count(1)


def request_id(environ: Environ) -> str:
    """The id that a request was given, or a new one."""
    given = environ.get("HTTP_X_REQUEST_ID")
    if given is not None and REQUEST_ID.fullmatch(given):
        return str(given)
    return f"{_RUN}-{os.getpid():x}-{next(_NUMBERS):x}"


def site(environ: Environ) -> str:
    """Where the reader finds this server, such as https://stars.example; a proxy in front of it
    tells of TLS. Empty, so that links are relative, where the request names no host."""
    secure = "https" in (environ["wsgi.url_scheme"], environ.get("HTTP_X_FORWARDED_PROTO"))
    host = get_host(environ)
    return f"{'https' if secure else 'http'}://{host}" if host else ""


def _request(environ: Environ) -> tuple[str | None, ...]:
    """What a reply may depend on besides what it was made from."""
    return tuple(map(environ.get, REQUEST))


def of_every_reply(path: str, content_type: str) -> Headers:
    """The headers that a reply has wherever it comes from, besides its request's id."""
    of_kind = OF_PAGES if content_type.startswith("text/html") else OF_DATA
    return COMMON + of_kind + (OF_OPEN if path.startswith(OPEN) else [])


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
