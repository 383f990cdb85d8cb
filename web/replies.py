"""Replies that hold until the next build: their bodies, headers and conditional answers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import NamedTuple

from flask import Response, request
from werkzeug.datastructures import Accept
from werkzeug.exceptions import PreconditionFailed
from werkzeug.http import http_date, is_resource_modified, parse_accept_header, parse_etags
from werkzeug.wrappers import Response as AnyResponse

from core import clock
from core.encoding import etag_of, gzip_compressed
from web.http_headers import Environ, Headers

Answer = tuple[str, Headers, bytes]  # status, headers and body

STALE_IF_ERROR = clock.DAY
ZIPPED = "-gzip"  # what the ETag of a gzip-compressed body ends with
WORTH_ZIPPING = 1_000  # bytes
QUICKLY = 5  # of gzip's levels: as small as by 6, in two thirds of the time
LONGEST_HEADER = 500  # characters; those of browsers have fifty


@dataclass(frozen=True, slots=True)
class Build:
    """A build that replies are made from. `as_of` is the newest slot in it, None where nothing was
    polled yet. Once that is older than `stale_after`, which leaves a poll and a build the time to
    replace it, the build is stale."""

    built_at: datetime
    next_build_at: datetime
    as_of: datetime | None
    every: timedelta
    stale_after: timedelta


class _Variant(NamedTuple):
    """A body, plain or gzip-compressed, with the headers that hold as long as it."""

    body: bytes
    headers: Headers
    headers_of_304: Headers


@dataclass(frozen=True)
class Reply:
    """A body that holds until the next build, plain and gzip-compressed; `etag` has no quotes."""

    body: bytes
    gzipped: bytes
    etag: str
    content_type: str
    build: Build
    vary: tuple[str, ...] = ()  # headers of the request that it depends on
    disposition: str | None = None  # of a file to be saved

    @classmethod
    def of(
        cls,
        body: bytes,
        content_type: str,
        build: Build,
        vary: tuple[str, ...] = (),
        disposition: str | None = None,
    ) -> "Reply":
        etag = etag_of(body)
        return cls(body, gzip_compressed(body), etag, content_type, build, vary, disposition)

    @cached_property
    def tags(self) -> tuple[str, str]:
        """The ETags of the plain and of the gzip-compressed body."""
        return f'"{self.etag}"', f'"{self.etag}{ZIPPED}"'

    @cached_property
    def _plain(self) -> "_Variant":
        return self._variant(self.tags[0], self.body)

    @cached_property
    def _gzipped(self) -> "_Variant":
        return self._variant(self.tags[1], self.gzipped, ("Content-Encoding", "gzip"))

    def _variant(self, tag: str, body: bytes, *encoding: tuple[str, str]) -> "_Variant":
        both = [("ETag", tag), ("Vary", ", ".join(("Accept-Encoding", *self.vary)))]
        if self.build.as_of is not None:
            both.append(("Starboard-As-Of", clock.rfc3339(self.build.as_of)))
        entity = [
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(body))),
            ("Last-Modified", http_date(self.build.built_at)),
            *encoding,
        ]
        if self.disposition is not None:
            entity.append(("Content-Disposition", self.disposition))
        return _Variant(body, both + entity, both)

    def answer(self, gzip: bool, known: bool, now: datetime) -> Answer:
        """Return the answer to a reader who takes gzip or not, and has the reply already or not."""
        variant = self._gzipped if gzip else self._plain
        if known:
            return "304 Not Modified", variant.headers_of_304 + self._of_the_moment(now), b""
        return "200 OK", variant.headers + self._of_the_moment(now), variant.body

    def _of_the_moment(self, now: datetime) -> Headers:
        """Return the headers that change though nothing was rebuilt.

        `max-age` is never 0, which a 304 does not make nginx take in place of what it had, and
        never more than an interval, whatever the clock said when a build was made."""
        every = int(self.build.every.total_seconds())
        left = int((self.build.next_build_at - now).total_seconds())
        max_age = min(max(1, left), every)
        return [("Cache-Control", f"public, max-age={max_age}{_when_late(self.build.every)}")]

    def is_known(self, environ: Environ) -> bool:
        """Return whether the reader has the reply, by the conditions of RFC 9110, 13.2.2."""
        tags, since = environ.get("HTTP_IF_NONE_MATCH"), environ.get("HTTP_IF_MODIFIED_SINCE")
        if tags is not None:
            return tags in self.tags or any(
                parse_etags(tags).contains_weak(tag.strip('"')) for tag in self.tags
            )
        built_at = self.build.built_at
        return since is not None and not is_resource_modified(environ, last_modified=built_at)

    @property
    def size(self) -> int:
        """Bytes of both bodies."""
        return len(self.body) + len(self.gzipped)

    def response(self) -> Response:
        """Return the answer to the current request, under all of its conditions."""
        gzip = accepts_gzip(request.headers.get("Accept-Encoding", ""))
        known = not _must_match() and self.is_known(request.environ)
        status, headers, body = self.answer(gzip, known, clock.now())
        return conditional(Response(body, status, headers, content_type=self.content_type))


def conditional(response: Response) -> Response:
    """Return the response, or 304 to a reader who has it already; raises PreconditionFailed."""
    if response.status_code == 200:
        environ = dict(request.environ)
        if not _must_match():
            environ.pop("HTTP_IF_MATCH", None)
        if "Content-Encoding" not in response.headers:
            for name in ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"):
                if name in environ:
                    environ[name] = environ[name].replace(f'{ZIPPED}"', '"')
        response.make_conditional(environ)
    if response.status_code == 412:
        raise PreconditionFailed(f"{request.path} is not (any more) what was asked for")
    return response


class ZippedResponse(Response):
    """A reply that was zipped before, should it be sent so."""

    gzipped: bytes | None = None


def zip_where_taken(response: AnyResponse) -> AnyResponse:
    """Zip a reply that was made for this request alone, where that is worth it and the reader takes
    it so. The zipped one has an ETag of its own, which `conditional` knows, too."""
    if "Content-Encoding" in response.headers or len(response.get_data()) < WORTH_ZIPPING:
        return response
    response.vary.add("Accept-Encoding")
    if accepts_gzip(request.headers.get("Accept-Encoding", "")):
        etag, _ = response.get_etag()
        if etag is not None:
            response.set_etag(etag + ZIPPED)
        if response.status_code != 304:
            zipped = response.gzipped if isinstance(response, ZippedResponse) else None
            response.set_data(zipped or gzip_compressed(response.get_data(), QUICKLY))
            response.content_encoding = "gzip"
    return response


def _must_match() -> bool:
    """Whether the reader wants a version that they name, or none: `*` is any."""
    return bool(request.if_match) and not request.if_match.star_tag


def accepts_gzip(header: str) -> bool:
    """Return whether a reader with this `Accept-Encoding` takes gzip; an absurdly long one is not
    read."""
    return len(header) <= LONGEST_HEADER and parse_accept_header(header, Accept)["gzip"] > 0


@lru_cache
def _when_late(every: timedelta) -> str:
    revalidate, error = int(every.total_seconds()), int(STALE_IF_ERROR.total_seconds())
    return f", stale-while-revalidate={revalidate}, stale-if-error={error}"
