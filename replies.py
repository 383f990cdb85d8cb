"""Replies that hold until the next build: made once, and sent again by a few lines of WSGI in front
of Flask for as long as no newer build is out."""

import gzip
import hashlib
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
from werkzeug.datastructures import Accept, ETags
from werkzeug.exceptions import PreconditionFailed
from werkzeug.http import http_date, parse_accept_header
from werkzeug.wsgi import get_host

import clock
import metrics

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Answer = tuple[str, Headers, bytes]  # status, headers and body

LOOK_EVERY = 1.0  # seconds until a process notices a new build
ROOM = 32_000_000  # bytes of bodies that a process keeps
KEEP = "starboard.keep"  # where a view leaves a reply for the front
PLACE = ("PATH_INFO", "QUERY_STRING", "HTTP_HOST", "HTTP_X_FORWARDED_PROTO")
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
        return cls(body, zipped(body), etag_of(body), content_type, build)

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

    def response(self, *, keep: bool = True) -> Response:
        """The same through Flask, for the current request and all of its conditions; the front
        sends it by itself from now on, unless it is not worth keeping."""
        if keep:
            request.environ[KEEP] = self
        tags = request.if_none_match if not request.if_match else ETags()
        has_it = any(tags.contains_weak(tag.strip('"')) for tag in self.tags)
        accepts_gzip = _accepts_gzip(request.headers.get("Accept-Encoding", ""))
        status, headers, body = self.answer(accepts_gzip, has_it, clock.now())
        return conditional(Response(body, status, headers, content_type=self.content_type))


def conditional(response: Response) -> Response:
    """The response, or 304 for one who has it."""
    if response.status_code == 200:
        response.make_conditional(request)
    if response.status_code == 412:
        raise PreconditionFailed(f"{request.path} is not (any more) what was asked for")
    return response


def zipped(body: bytes) -> bytes:
    return gzip.compress(body, 6, mtime=0)


def etag_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]


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
    tells of TLS."""
    secure = "https" in (environ["wsgi.url_scheme"], environ.get("HTTP_X_FORWARDED_PROTO"))
    return f"{'https' if secure else 'http'}://{get_host(environ)}"


def _place(environ: Environ) -> tuple[str | None, ...]:
    """What a reply may depend on besides what it was made from."""
    return tuple(map(environ.get, PLACE))


def of_every_reply(path: str, content_type: str) -> Headers:
    """The headers that a reply has wherever it comes from, besides its request's id."""
    of_kind = OF_PAGES if content_type.startswith("text/html") else OF_DATA
    return COMMON + of_kind + (OF_OPEN if path.startswith(OPEN) else [])


class Kept:
    """A reply on the shelf, with all of its answers that can be prepared: by method, whether the
    reader takes gzip, and whether the reader has it."""

    def __init__(self, reply: Reply, environ: Environ) -> None:
        self.reply = reply
        self.route: str = environ[metrics.ROUTE]
        self.common = of_every_reply(environ["PATH_INFO"], reply.content_type)
        self._prepared: dict[tuple[str, bool, bool], tuple[int, Answer, metrics.Observe]] = {}

    def answer(self, environ: Environ, look: int) -> tuple[Answer, metrics.Observe] | None:
        """What to send, and what to tell of the time it took; None where the request has conditions
        that Flask looks at. What tells the time in it is as of the last `look`."""
        tag, method = environ.get("HTTP_IF_NONE_MATCH"), environ["REQUEST_METHOD"]
        has_it = tag in self.reply.tags
        if method not in metrics.READS or "HTTP_IF_MATCH" in environ:
            return None
        if not has_it and (tag is not None or "HTTP_IF_MODIFIED_SINCE" in environ):
            return None
        key = method, _accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")), has_it
        prepared = self._prepared.get(key)
        if prepared is None or prepared[0] != look:
            status, headers, body = self.reply.answer(*key[1:], clock.now())
            answer = status, headers + self.common, body if method == "GET" else b""
            prepared = look, answer, metrics.observe(self.route, method, int(status[:3]))
            self._prepared[key] = prepared
        return prepared[1:]


class Shelf(dict[tuple[str | None, ...], Kept]):
    """The replies of one build, by what they depend on; without a build, none."""

    def __init__(self, build: object = None) -> None:
        self.build = build
        self.room = 0 if build is None else ROOM

    def put(self, environ: Environ) -> None:
        """Keep what a view has left, while there is room."""
        reply: Reply = environ[KEEP]
        size, place = len(reply.body) + len(reply.gzipped), _place(environ)
        if size <= self.room and place not in self:
            self.room -= size
            self[place] = Kept(reply, environ)


class Front:
    """WSGI in front of Flask: it sends again what a view said holds until the next build."""

    def __init__(
        self, app: Callable[..., Iterable[bytes]], newest_build: Callable[[], object]
    ) -> None:
        self.app = app
        self.look_every = LOOK_EVERY
        self._newest_build = newest_build
        self._shelf = Shelf()
        self._look = 0  # how often it looked for a new build
        self._looked_at = -math.inf
        self._looking = threading.Lock()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = time.perf_counter()
        shelf = self._current()
        kept = shelf.get(_place(environ))
        prepared = kept.answer(environ, self._look) if kept else None
        if prepared is None:
            response = self.app(environ, start_response)
            if KEEP in environ:
                shelf.put(environ)
            return response
        (status, headers, body), observe = prepared
        start_response(status, [*headers, ("X-Request-ID", request_id(environ))])
        observe(time.perf_counter() - started)
        return [body]

    def _current(self) -> Shelf:
        """The shelf of the newest build. One request a second looks which that is; the others do
        not wait for it, and nobody does for a database that cannot be reached."""
        now = time.monotonic()
        if now >= self._looked_at + self.look_every and self._looking.acquire(blocking=False):
            try:
                self._looked_at, self._look = now, self._look + 1
                with suppress(DBAPIError):
                    build = self._newest_build()
                    if build != self._shelf.build:
                        self._shelf = Shelf(build)
            finally:
                self._looking.release()
        return self._shelf
