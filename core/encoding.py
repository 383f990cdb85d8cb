"""Documents as bytes that are ready to send: gzip-compressed JSON, and an ETag."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Encoded:
    """A document ready to send. `as_of`: the newest slot in it, None where it has no data."""

    gzipped: bytes
    etag: str  # of the plain body, without quotes
    as_of: datetime | None


def encoded(document: Mapping[str, Any], as_of: datetime | None) -> Encoded:
    """Return a document as it is stored and sent."""
    body = encode(document)
    return Encoded(gzip_compressed(body), etag_of(body), as_of)


def encode(document: Mapping[str, Any]) -> bytes:
    """Return compact JSON in UTF-8, with a line's end for those who use curl."""
    return msgspec.json.encode(document) + b"\n"


def gzip_compressed(body: bytes, level: int = 6) -> bytes:
    """Return the gzip-compressed body, the same for the same input: no time is written into it."""
    return gzip.compress(body, level, mtime=0)


def etag_of(body: bytes) -> str:
    """Return a strong ETag, without quotes."""
    return hashlib.sha256(body).hexdigest()[:32]
