"""The files that pages are made with, read once: each under a name that changes with what is in it,
so that whoever has it need not ask again."""

import hashlib
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from core import encoding

FOLDER = Path(__file__).with_name("static")

SUFFIXES = (".css", ".js", ".svg")

FOR_EVER = 365 * 24 * 60 * 60  # seconds; nobody keeps anything for longer


@dataclass(frozen=True, slots=True)
class Asset:
    """A file `name`, served as `/static/{hashed}`."""

    name: str
    hashed: str
    body: bytes
    gzipped: bytes
    content_type: str


def load(folder: Path) -> Iterator[Asset]:
    for path in sorted(it for it in folder.rglob("*") if it.suffix in SUFFIXES):
        name, body = path.relative_to(folder), path.read_bytes()
        digest = hashlib.sha256(body).hexdigest()[:10]
        kind, _ = mimetypes.guess_type(path.name)
        yield Asset(
            name.as_posix(),
            name.with_name(f"{path.stem}.{digest}{path.suffix}").as_posix(),
            body,
            encoding.gzip_compressed(body),
            f"{kind}; charset=utf-8",
        )


assets = Blueprint("assets", __name__)

ALL = list(load(FOLDER))

BY_NAME = {it.name: it for it in ALL}

BY_HASHED = {it.hashed: it for it in ALL}


@assets.app_template_global()
def asset(name: str) -> str:
    """The URL of a file."""
    return f"/static/{BY_NAME[name].hashed}"


@assets.get("/static/<path:hashed>")
def static(hashed: str) -> Response:
    """A file, to be kept for ever."""
    found = BY_HASHED.get(hashed)
    if found is None:
        raise NotFound
    zipped = request.accept_encodings["gzip"] > 0
    response = Response(found.gzipped if zipped else found.body, content_type=found.content_type)
    if zipped:
        response.content_encoding = "gzip"
    response.vary.add("Accept-Encoding")
    response.cache_control.public = True
    response.cache_control.max_age = FOR_EVER
    response.cache_control.immutable = True
    return response
