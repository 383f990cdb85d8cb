"""…"""

import gzip
import hashlib
import json
from collections.abc import Mapping
from typing import Any

# Documents


def encode(document: Mapping[str, Any]) -> bytes:
    """JSON as it is sent: compact UTF-8, with a line's end for those who use curl."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def gzip_compressed(body: bytes) -> bytes:
    return gzip.compress(body, 6, mtime=0)


def etag_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]
