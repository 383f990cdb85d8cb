"""The response cache: a view marked `@cached_until_next_build` makes its reply once a build, and a
few lines of WSGI in front of Flask send that reply again until a newer build is out."""

import math
import threading
import time
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, ParamSpec, Protocol, TypeVar

from cachetools import FIFOCache, LRUCache, cached
from flask import Response, request
from sqlalchemy.exc import DBAPIError

from core import clock
from monitoring import access_log, metrics
from web.http_headers import Environ, Headers, of_every_reply, request_id
from web.replies import Reply, accepts_gzip

P = ParamSpec("P")
RequestKey = tuple[str | None, ...]
# Status, headers and body, and what counts and logs a request.
Prepared = tuple[str, Headers, list[bytes], metrics.Observe, access_log.Log]

LOOK_EVERY = 1.0  # seconds until a process notices a new build
LOOK_PATIENCE = 0.5  # seconds that a request waits for that
MAX_BYTES = 32_000_000  # that a process caches, of memory
ENTRY_BYTES = 3_000  # of it, about, that an entry takes besides its bodies: headers, keys, objects
MAX_REQUESTS, LONGEST_REQUEST = 2_000, 1_000  # requests that are told apart, characters of one

# A reply may depend on the REQUEST, such as its host; whether it is sent whole, on the rest, too.
REQUEST = (
    *("PATH_INFO", "QUERY_STRING", "HTTP_HOST"),
    *("HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_PREFIX"),
)
CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")
WHOLE_REQUEST = (*REQUEST, "REQUEST_METHOD", "HTTP_ACCEPT_ENCODING", *CONDITIONS)

BUILD_CACHE = "starboard.build_cache"  # where the WSGI environment has the cache of the build
ASKED = "starboard.asked"  # and the request as it came in


def cached_until_next_build(
    *, unless: str = "", until: str = ""
) -> Callable[[Callable[P, Reply]], Callable[P, Response]]:
    """Have a function called once a build for each set of arguments, and its reply sent to all
    requests like the current one. Where the keyword argument that `unless` names is truthy, the
    function is called each time and its reply is not cached. Where the one that `until` names is
    falsy, the arguments may be others before the next build: each request comes to the view."""

    def decorate(make: Callable[P, Reply]) -> Callable[P, Response]:
        @wraps(make)
        def respond(*args: P.args, **kwargs: P.kwargs) -> Response:
            cache: BuildCache | None = request.environ.get(BUILD_CACHE)
            if cache is None or kwargs.get(unless):
                return make(*args, **kwargs).response()
            key = _key(make, args, kwargs)
            reply: Reply = cache.reply(key, partial(make, *args, **kwargs))
            if request.url_rule is not None and (not until or kwargs.get(until)):
                cache.remember(request.environ, key, request.url_rule.rule)
            return reply.response()

        return respond

    return decorate


class Sized(Protocol):
    """Something made once a build; the cache is bounded by its bytes."""

    @property
    def size(self) -> int: ...


K = TypeVar("K", bound=Sized)


def once_a_build(make: Callable[P, K], *args: P.args, **kwargs: P.kwargs) -> K:
    """Return what a function makes, made once a build for each set of arguments."""
    cache: BuildCache | None = request.environ.get(BUILD_CACHE)
    if cache is None:
        return make(*args, **kwargs)
    made: K = cache.reply(_key(make, args, kwargs), partial(make, *args, **kwargs))
    return made


def _key(make: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Hashable:
    name = f"{make.__module__}.{make.__qualname__}"
    return (name, request.script_root, args, frozenset(kwargs.items()))


@dataclass(frozen=True, slots=True)
class CachedReply:
    """A cached reply as one route sends it, with the headers that all its answers have."""

    reply: Reply
    route: str
    common: Headers

    def prepare(self, environ: Environ) -> Prepared | None:
        """Return what to send; None where Flask has to look at the request."""
        method = environ["REQUEST_METHOD"]
        if method not in metrics.READS or "HTTP_IF_MATCH" in environ:
            return None
        gzip = accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        known = self.reply.is_known(environ)
        status, headers, body = self.reply.answer(gzip, known, clock.now())
        observe = metrics.observe(self.route, method, int(status[:3]))
        log = _log_of(environ, int(status[:3]))
        return status, headers + self.common, [body if method == "GET" else b""], observe, log


class BuildCache:
    """The replies of one build: by the function and arguments that make them, and by the requests
    that they answer. Without a build nothing is cached."""

    def __init__(self, build: object = None) -> None:
        self.build = build
        self.prepared: dict[RequestKey, Prepared] = {}  # by the whole request, for a second
        self.prepared_at = -math.inf
        self.by_request: FIFOCache[RequestKey, CachedReply] = FIFOCache(MAX_REQUESTS)
        self._lock = threading.Condition()
        self._replies = _Replies(0 if build is None else MAX_BYTES, self._forget)
        # Whoever asks for a reply that is being made waits for it; others are made meanwhile.
        self.reply = cached(self._replies, key=lambda key, _: key, condition=self._lock)(_make)

    def remember(self, environ: Environ, key: Hashable, route: str) -> None:
        """Let requests like this one be answered by the reply of `key`, if that was cached. An
        absurdly long request is not remembered."""
        asked = environ[ASKED]
        with self._lock:
            reply = self._replies.get(key)
            if reply is not None and _is_short(asked):
                common = of_every_reply(environ["PATH_INFO"], reply.content_type)
                self.by_request[asked] = CachedReply(reply, route, common)

    def _forget(self, reply: Reply) -> None:
        """Forget the requests that an evicted reply answered. The caller holds the lock."""
        for asked in [key for key, each in self.by_request.items() if each.reply is reply]:
            del self.by_request[asked]

    def prepare(self, environ: Environ, asked: RequestKey) -> Prepared | None:
        """Return the answer to a request whose reply is cached, and leave it for others like it."""
        with self._lock:
            cached_reply = self.by_request.get(_request_key(environ))
        prepared = cached_reply.prepare(environ) if cached_reply else None
        if prepared is not None and len(self.prepared) < MAX_REQUESTS and _is_short(asked):
            self.prepared[asked] = prepared
        return prepared


class _Replies(LRUCache[Hashable, Any]):
    """Replies that together have at most so many bytes; `forget` is told of each evicted one."""

    def __init__(self, max_bytes: int, forget: Callable[[Any], None]) -> None:
        super().__init__(max_bytes, getsizeof=lambda reply: reply.size + ENTRY_BYTES)
        self._forget = forget

    def popitem(self) -> tuple[Hashable, Any]:
        key, reply = super().popitem()
        self._forget(reply)
        return key, reply


def _make(_: Hashable, make: Callable[[], Any]) -> Any:
    return make()


def _log_of(environ: Environ, status: int) -> access_log.Log:
    method, path, query = map(environ.__getitem__, ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING"))
    return access_log.log_of(method, path, query, status)


def _request_key(environ: Environ) -> RequestKey:
    return tuple(map(environ.get, REQUEST))


def _is_short(asked: RequestKey) -> bool:
    """Whether a request may be remembered: anybody may make one as long as they like."""
    return sum(len(part or "") for part in asked) <= LONGEST_REQUEST


class ResponseCache:
    """WSGI in front of Flask: it answers what is cached, and hands on all else."""

    def __init__(
        self, app: Callable[..., Iterable[bytes]], newest_build: Callable[[], object]
    ) -> None:
        self.app = app
        self.look_every = LOOK_EVERY
        self._newest_build = newest_build
        self._cache = BuildCache()
        self._looked_at = -math.inf
        self._looking = threading.Lock()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = time.perf_counter()
        asked = tuple(map(environ.get, WHOLE_REQUEST))
        cache = self._current()
        prepared = cache.prepared.get(asked) or cache.prepare(environ, asked)
        if prepared is None:
            environ[BUILD_CACHE], environ[ASKED] = cache, _request_key(environ)
            return self._by_app(environ, start_response, started)
        status, headers, body, observe, log = prepared
        known_as = request_id(environ)
        start_response(status, [*headers, ("X-Request-ID", known_as)])
        seconds = time.perf_counter() - started
        metrics.untold.add((observe, seconds))
        log(seconds, known_as)
        return body

    def _by_app(
        self, environ: Environ, start_response: Callable[..., Any], started: float
    ) -> Iterable[bytes]:
        """Hand a request on, and log it."""
        replied = ["500", ""]

        def start(status: str, headers: Headers, *rest: Any) -> Any:
            replied[:] = status, dict(headers).get("X-Request-ID", "")
            return start_response(status, headers, *rest)

        try:
            return self.app(environ, start)
        finally:
            status, known_as = replied
            seconds = time.perf_counter() - started
            _log_of(environ, int(status[:3]))(seconds, known_as or request_id(environ))

    def _current(self) -> BuildCache:
        """Return the cache of the newest build. One request a second has a thread look which that
        is, and waits for it, but not for long: a database may hang. Prepared answers tell the time
        (`max-age`), so they hold for a second, too."""
        now = time.monotonic()
        if now >= self._cache.prepared_at + self.look_every:
            self._cache.prepared_at, self._cache.prepared = now, {}
        if now >= self._looked_at + self.look_every and self._looking.acquire(blocking=False):
            self._looked_at = now
            look = threading.Thread(target=self._look, daemon=True)
            try:
                look.start()
            except RuntimeError:  # the system has no thread to spare now
                self._looking.release()
            else:
                look.join(LOOK_PATIENCE)
        return self._cache

    def _look(self) -> None:
        try:
            with suppress(DBAPIError):  # what is cached stays while the database is away
                build = self._newest_build()
                if build != self._cache.build:
                    self._cache = BuildCache(build)
        finally:
            self._looking.release()
