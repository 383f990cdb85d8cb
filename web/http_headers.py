"""HTTP headers that replies share whoever sends them, and what is read from those of a request."""

from typing import Any, TypedDict

from werkzeug.wsgi import get_host

from monitoring import request_ids

Environ = dict[str, Any]
Headers = list[tuple[str, str]]

LONGEST_HOST = 255  # characters; DNS has no longer names
OPEN = ("/api/", "/charts", "/badges/", "/feeds/", "/openapi.json")  # to pages of other sites

# What a reply depends on that has links to this server: as paths, or in full.
LINKS = ("X-Forwarded-Prefix",)
FULL_LINKS = ("Host", "X-Forwarded-Proto", *LINKS)

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
    ("Access-Control-Expose-Headers", "ETag, Link, Retry-After, Starboard-As-Of, Starboard-Notice"),
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


def request_id(environ: Environ) -> str:
    """Return the id that a request brought, or a new one where it brought none."""
    given = environ.get("HTTP_X_REQUEST_ID")
    return request_ids.accepted(given) if given else request_ids.new()


def site(environ: Environ) -> str:
    """Return the URL by which the reader reaches this server, such as https://stars.example; the
    proxy in front tells of TLS, and of a path. Without the host where the request names no good
    one: links are relative."""
    secure = "https" in (environ["wsgi.url_scheme"], environ.get("HTTP_X_FORWARDED_PROTO"))
    host = get_host(environ)
    host = host if len(host) <= LONGEST_HOST else ""
    origin = f"{'https' if secure else 'http'}://{host}" if host else ""
    return origin + str(environ.get("SCRIPT_NAME", ""))


def of_every_reply(path: str, content_type: str) -> Headers:
    """Return the headers that a reply has whoever sends it, besides its request's id."""
    of_kind = OF_PAGES if content_type.startswith("text/html") else OF_DATA
    return COMMON + of_kind + (OF_OPEN if path.startswith(OPEN) else [])
