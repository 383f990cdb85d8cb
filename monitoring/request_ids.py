"""Ids of requests, the same in a reply and in the web server's log of it."""

import hashlib
import itertools
import os
import re
import uuid

_GOOD = re.compile(r"[\w.:-]{1,100}", re.ASCII)
_RUN, _NUMBERS = uuid.uuid4().hex[:16], itertools.count(1)


def new() -> str:
    """Return an id for a request that brought none."""
    return f"{_RUN}-{os.getpid():x}-{next(_NUMBERS):x}"


def accepted(given: str) -> str:
    """Return the id that a request brought; where it is of no good form, one made from it, since
    the log of the web server knows nothing else of the request."""
    if _GOOD.fullmatch(given):
        return given
    digest = hashlib.sha256(given.encode("utf-8", "surrogateescape")).hexdigest()
    return f"refused-{digest[:16]}"
