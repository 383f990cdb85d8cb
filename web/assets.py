"""The static files of the pages: each is read once, and served under a name that has its digest, so
that a browser which has the file never asks again."""

import hashlib
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from core import encoding
from web import current
from web.http_headers import LINKS
from web.replies import accepts_gzip

FOLDER = Path(__file__).with_name("static")
SUFFIXES = (".css", ".js", ".svg")
A_DAY = 24 * 60 * 60  # seconds
A_YEAR = 365 * 24 * 60 * 60  # seconds; caches keep nothing for longer


@dataclass(frozen=True, slots=True)
class Asset:
    """A file `name`, served as `/static/{hashed}`, plain or gzip-compressed."""

    name: str
    hashed: str
    body: bytes
    gzipped: bytes
    content_type: str


def load(folder: Path) -> Iterator[Asset]:
    """Yield the files in and below a folder, by path."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES):
        name, body = path.relative_to(folder), path.read_bytes()
        digest = hashlib.sha256(body).hexdigest()[:10]
        content_type, _ = mimetypes.guess_type(path.name)
        yield Asset(
            name.as_posix(),
            name.with_name(f"{path.stem}.{digest}{path.suffix}").as_posix(),
            body,
            encoding.gzip_compressed(body),
            f"{content_type}; charset=utf-8",
        )


assets = Blueprint("assets", __name__)

ALL = list(load(FOLDER))
BY_NAME = {each.name: each for each in ALL}
BY_HASHED = {each.hashed: each for each in ALL}


@assets.app_template_global()
def asset(name: str) -> str:
    """Return the URL of a file."""
    return f"{request.script_root}/static/{BY_NAME[name].hashed}"


@assets.get("/static/<path:hashed>")
def static(hashed: str) -> Response:
    """A file, to be kept for a year; 404 for a name that no file has now."""
    found = BY_HASHED.get(hashed)
    if found is None:
        raise NotFound
    gzip = accepts_gzip(request.headers.get("Accept-Encoding", ""))
    response = Response(found.gzipped if gzip else found.body, content_type=found.content_type)
    if gzip:
        response.content_encoding = "gzip"
    response.vary.add("Accept-Encoding")
    response.cache_control.public = True
    response.cache_control.max_age = A_YEAR
    response.cache_control.immutable = True
    return response


@assets.get("/favicon.ico")
def favicon() -> Response:
    """The icon, for those who ask for it where none of our pages says that it is."""
    icon = BY_NAME["icon.svg"]
    return _kept(Response(icon.body, content_type=icon.content_type))


@assets.get("/robots.txt")
def robots() -> Response:
    """What search engines are to leave alone: data, and pages of what anybody types."""
    unwanted = ("/api/", "/search", "/*?*q=", "/*?*at=", "/status")
    lines = ["User-agent: *", *(f"Disallow: {request.script_root}{path}" for path in unwanted)]
    return _kept(Response("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8"))


def _kept(response: Response) -> Response:
    response.cache_control.public = True
    response.cache_control.max_age = A_DAY
    response.vary.update(current.vary(LINKS))
    return response
