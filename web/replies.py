"""Replies that hold until the next build: made once, and sent again by a few lines of WSGI in front
of Flask for as long as no newer build is out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache

from flask import Response, request
from werkzeug.datastructures import Accept
from werkzeug.exceptions import PreconditionFailed
from werkzeug.http import http_date, is_resource_modified, parse_accept_header, parse_etags

from core import clock
from core.encoding import etag_of, gzip_compressed
from web.http_headers import KEEP, Environ, Headers

Answer = tuple[str, Headers, bytes]  # status, headers and body

STALE_IF_ERROR = clock.DAY


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
        return cls(body, gzip_compressed(body), etag_of(body), content_type, build)

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
